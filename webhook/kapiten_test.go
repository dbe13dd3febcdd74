package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/webhook"
)

// delivery is a merchant with one ride at the fake Kapiten, and all it was told.
type deliveries struct {
	fake    *kapitentest.Fake
	company kapitentest.Company
	client  *kapiten.Client
	handler *webhook.Handler[kapiten.Ride]
	ride    *kapiten.Ride
	reports reports

	mu   sync.Mutex
	told []webhook.Event[kapiten.Ride]
}

func newDeliveries(t *testing.T) *deliveries {
	t.Helper()
	d := &deliveries{}
	d.fake = kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{
		Callbacks: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }),
	}})
	d.company = d.fake.AddCompany(kapitentest.Company{
		WebhookURL: "https://shop.example/hooks/kapiten/" + pathSecret, Balance: decimal.NewFromInt(100_000),
	})
	var err error
	d.client, err = kapiten.New(d.fake.ClientConfig(d.company))
	require.NoError(t, err)
	d.handler, err = webhook.NewKapiten(d.client.Rides, d.company.ID, webhook.Config[kapiten.Ride]{
		Auth:   webhook.PathSecret(pathSecret),
		Known:  func(_ context.Context, id string) (bool, error) { return id == d.ride.ID, nil },
		Report: d.reports.add,
		Handle: func(_ context.Context, ev webhook.Event[kapiten.Ride]) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.told = append(d.told, ev)
			return nil
		},
	})
	require.NoError(t, err)
	d.ride, err = d.client.Rides.Create(t.Context(), kapiten.CreateRideParams{
		CompanyID: d.company.ID, ExternalID: "order-1",
		PickupAddress: "KK 12 Ave, Kigali", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
		DropoffAddress: "KG 7 Ave, Kigali", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
		Sender:   kapiten.Contact{Name: "Shop", Phone: "0788000001"},
		Receiver: kapiten.Contact{Name: "Ama", Phone: "0788000222"},
	})
	require.NoError(t, err)
	return d
}

func (d *deliveries) drive(t *testing.T, states ...kapiten.RideStatus) {
	t.Helper()
	for _, s := range states {
		require.NoError(t, d.fake.MoveRide(d.ride.ID, s))
	}
	d.fake.Flush()
}

func (d *deliveries) statuses() []kapiten.RideStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []kapiten.RideStatus
	for _, ev := range d.told {
		out = append(out, ev.Data.Status)
	}
	return out
}

func (d *deliveries) forge(status kapiten.RideStatus, reference string) int {
	return postTo(d.handler, "/hooks/kapiten/"+pathSecret, fmt.Sprintf(
		`{"event":"status_update","ride_id":%q,"reference_number":%q,"external_id":"order-1","status":%q,"metadata":{}}`, d.ride.ID, reference, status)).Code
}

func TestKapitenRideIsFollowedToTheDoor(t *testing.T) {
	d := newDeliveries(t)
	way := []kapiten.RideStatus{kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp,
		kapiten.RideInTransit, kapiten.RideWaitingDelivery, kapiten.RideCompleted}
	for _, s := range way {
		d.drive(t, s)
	}
	require.Equal(t, way, d.statuses())
	for _, ev := range d.told {
		assert.Equal(t, webhook.Confirmed, ev.Trust)
		assert.Equal(t, d.ride.ID, ev.Reference)
		assert.Equal(t, d.ride.ReferenceNumber, ev.Data.ReferenceNumber)
		assert.Equal(t, "order-1", ev.Data.ExternalID)
		assert.True(t, d.ride.EstimatedPrice.Decimal.Equal(ev.Amount.Decimal), "the API's price")
		assert.NotEmpty(t, ev.Data.Raw)
	}
	for _, sent := range d.fake.Deliveries() {
		assert.Equal(t, fake.DeliveryDelivered, sent.State)
	}
	require.NoError(t, d.reports.last())
}

// crowd answers for a list of rides, 20 a page. The oldest ride is the one that was
// called back about.
type crowd struct {
	ride  string
	newer int
	asked int
	cut   bool // the list ends before the oldest ride, and counts it
}

func (c *crowd) RoundTrip(req *http.Request) (*http.Response, error) {
	c.asked++
	page, _ := strconv.Atoi(req.URL.Query().Get("page"))
	page = max(page, 1)
	var rows []string
	for n := (page - 1) * 20; n < min(page*20, c.newer+1); n++ {
		id := "newer-" + strconv.Itoa(n)
		if n == c.newer {
			id = c.ride
		}
		rows = append(rows, fmt.Sprintf(`{"id":%q,"status":"ACCEPTED"}`, id))
	}
	next := "null"
	switch {
	case c.cut && page == 3:
	case page*20 < c.newer+1:
		next = fmt.Sprintf(`"https://api.kapiten.com/x/?page=%d"`, page+1)
	}
	return clienttest.Respond(200, fmt.Sprintf(`{"count":%d,"next":%s,"results":[%s]}`, c.newer+1, next, strings.Join(rows, ",")))(req), nil
}

// A callback about a ride behind 5,000 newer ones is confirmed. If the list does not tell,
// the event is not acknowledged, so that it comes again.
func TestKapitenConfirmsARideBehindFiveThousand(t *testing.T) {
	for name, cut := range map[string]bool{"found": false, "a list that ends too early": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDeliveries(t)
				list := &crowd{ride: d.ride.ID, newer: 5000, cut: cut}
				client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: list}}})
				require.NoError(t, err)
				var told []webhook.Event[kapiten.Ride]
				d.handler, err = webhook.NewKapiten(client.Rides, d.company.ID, webhook.Config[kapiten.Ride]{
					Auth: webhook.PathSecret(pathSecret), Known: func(context.Context, string) (bool, error) { return true, nil },
					Report: d.reports.add,
					Handle: func(_ context.Context, ev webhook.Event[kapiten.Ride]) error {
						told = append(told, ev)
						return nil
					},
				})
				require.NoError(t, err)
				code := d.forge(kapiten.RideAccepted, "KPT-1")
				if cut {
					assert.Equal(t, http.StatusServiceUnavailable, code)
					assert.Empty(t, told)
					assert.NotErrorIs(t, d.reports.last(), sdk.ErrNotFound)
					return
				}
				assert.Equal(t, http.StatusOK, code)
				assert.Equal(t, 251, list.asked)
				require.Len(t, told, 1)
				assert.Equal(t, d.ride.ID, told[0].Reference)
			})
		})
	}
}

func TestKapitenCallbacksDuplicatedAndOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeliveries(t)
		require.NoError(t, d.fake.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackHold, Times: 1}))
		require.NoError(t, d.fake.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackDuplicate}))
		d.drive(t, kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp)
		told := d.statuses()
		require.NotEmpty(t, told)
		assert.Equal(t, kapiten.RidePickedUp, told[len(told)-1])
		states := webhook.KapitenStates()
		for i := range told[1:] {
			assert.Equal(t, webhook.Advanced, states.Transition(string(told[i]), string(told[i+1])))
		}
		// Everything once more, long after.
		for _, sent := range d.fake.Deliveries() {
			require.NoError(t, d.fake.Redeliver(sent.ID))
		}
		d.fake.Flush()
		assert.Equal(t, told, d.statuses())
	})
}

func TestKapitenForgeryWithTheRightSecretChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeliveries(t)
		assert.Equal(t, 503, d.forge(kapiten.RideCompleted, d.ride.ReferenceNumber))
		require.ErrorIs(t, d.reports.last(), webhook.ErrNotConfirmed)
		assert.Equal(t, []kapiten.RideStatus{kapiten.RidePending}, d.statuses(), "which is true")
		d.drive(t, kapiten.RideAccepted)
		assert.Equal(t, []kapiten.RideStatus{kapiten.RidePending, kapiten.RideAccepted}, d.statuses())
	})
}

func TestKapitenIsNotAskedAboutARideThatIsNotOurs(t *testing.T) {
	d := newDeliveries(t)
	before := len(d.fake.Requests())
	w := postTo(d.handler, "/"+pathSecret, `{"event":"status_update","ride_id":"nobody","status":"COMPLETED"}`)
	assert.Equal(t, 404, w.Code)
	require.ErrorIs(t, d.reports.last(), webhook.ErrNotOurs)
	assert.Len(t, d.fake.Requests(), before)
	assert.Empty(t, d.statuses())
}

// What the documents of NewKapiten and AskRate say that a question costs.
func TestAQuestionAboutARideCostsARequestForEachPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := kapitentest.NewServer(t, kapitentest.Config{Quirks: kapitentest.Quirks{PageSize: 2}})
		co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(100_000)})
		client, err := kapiten.New(srv.ClientConfig(co))
		require.NoError(t, err)
		var ids []string
		for range 5 {
			ride, err := client.Rides.Create(t.Context(), kapiten.CreateRideParams{
				CompanyID: co.ID, PickupAddress: "KK 12 Ave, Kigali", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
				DropoffAddress: "KG 7 Ave, Kigali", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
				Sender: kapiten.Contact{Name: "Shop", Phone: "0788000001"}, Receiver: kapiten.Contact{Name: "Ama", Phone: "0788000222"},
			})
			require.NoError(t, err)
			ids = append(ids, ride.ID)
		}
		var reported reports
		cfg := goodConfig[kapiten.Ride]()
		cfg.Report = reported.add
		h, err := webhook.NewKapiten(client.Rides, co.ID, cfg)
		require.NoError(t, err)
		for _, knock := range []struct {
			about, id string
			status    kapiten.RideStatus
			code      int
			requests  int
		}{
			{"the newest", ids[4], kapiten.RidePending, 200, 1},
			{"the oldest", ids[0], kapiten.RidePending, 200, 3},
			{"a forgery about the oldest", ids[0], kapiten.RideCompleted, 503, 9},
			{"a ride that Kapiten does not know", "nobody", kapiten.RidePending, 503, 3},
		} {
			before := len(srv.Requests())
			w := postTo(h, "/"+pathSecret, fmt.Sprintf(`{"event":"status_update","ride_id":%q,"status":%q}`, knock.id, knock.status))
			assert.Equal(t, knock.code, w.Code, knock.about)
			assert.Equal(t, knock.requests, len(srv.Requests())-before, knock.about)
		}
		require.ErrorIs(t, reported.last(), webhook.ErrNotConfirmed)
	})
}

func TestKapitenAPIThatIsDownLosesNothing(t *testing.T) {
	d := newDeliveries(t)
	require.NoError(t, d.fake.AddFault(fake.Fault{Method: http.MethodGet, Kind: fake.FaultStatus, Status: 401}))
	d.drive(t, kapiten.RideAccepted)
	assert.Empty(t, d.statuses())
	d.fake.ClearFaults()
	d.fake.Advance(10 * time.Second) // the first retry
	d.fake.Flush()
	assert.Equal(t, []kapiten.RideStatus{kapiten.RideAccepted}, d.statuses())
}

func TestKapitenLostCallbackIsFoundByTheReconciler(t *testing.T) {
	d := newDeliveries(t)
	r, err := webhook.NewReconciler(webhook.ReconcilerConfig[kapiten.Ride]{
		Handler: d.handler, Open: open(d.ride.ID),
	})
	require.NoError(t, err)
	require.NoError(t, d.fake.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackDrop}))
	d.drive(t, kapiten.RideAccepted, kapiten.RideCancelled)
	assert.Empty(t, d.statuses())
	s, err := r.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 1, Asked: 1, Applied: 1}, s)
	assert.Equal(t, []kapiten.RideStatus{kapiten.RideCancelled}, d.statuses())
	assert.Equal(t, 200, d.forge(kapiten.RideCancelled, d.ride.ReferenceNumber), "the callback after all")
	assert.Len(t, d.statuses(), 1)
}

func TestKapitenSourceRefuses(t *testing.T) {
	decode := webhook.Kapiten().Decode
	for name, body := range map[string]string{
		"two statuses":                `{"ride_id":"r1","status":"PENDING","status":"COMPLETED"}`,
		"two statuses, other case":    `{"ride_id":"r1","status":"PENDING","Status":"COMPLETED"}`,
		"two statuses, escaped":       `{"ride_id":"r1","status":"PENDING","\u0073tatus":"COMPLETED"}`,
		"two rides":                   `{"ride_id":"r1","ride_id":"r2","status":"PENDING"}`,
		"no ride":                     `{"status":"PENDING"}`,
		"no status":                   `{"ride_id":"r1"}`,
		"an array":                    `[]`,
		"trailing text":               `{"ride_id":"r1","status":"PENDING"}{}`,
		"cut short":                   `{"ride_id":"r1","status":"PEND`,
		"a key twice in the metadata": `{"ride_id":"r1","status":"PENDING","metadata":{"a":1,"a":2}}`,
	} {
		_, err := decode([]byte(body))
		assert.Error(t, err, name)
	}
	e, err := decode([]byte(`{"ride_id":"r1","status":"ON_THE_MOON","metadata":{"a":1,"A":2},"later":[]}`))
	require.NoError(t, err)
	assert.EqualValues(t, "ON_THE_MOON", e.Status)
}

func TestRideStatesAllowWhatTheFakeDoes(t *testing.T) {
	states := webhook.KapitenStates()
	all := []kapiten.RideStatus{kapiten.RideWaitingPayment, kapiten.RidePending, kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp,
		kapiten.RideInTransit, kapiten.RideWaitingDelivery, kapiten.RideCompleted, kapiten.RideCancelled, kapiten.RideRejected}
	for _, from := range all {
		for _, to := range kapitentest.Transitions(from) {
			assert.Equal(t, webhook.Advanced, states.Transition(string(from), string(to)), "%s to %s", from, to)
			assert.Equal(t, webhook.Stale, states.Transition(string(to), string(from)), "%s to %s", to, from)
		}
		assert.Equal(t, from.Final(), states.Final(string(from)), from)
	}
	assert.Equal(t, webhook.Stale, states.Transition("COMPLETED", "PICKED_UP"))
	assert.Equal(t, webhook.Reversed, states.Transition("COMPLETED", "CANCELLED"))
}
