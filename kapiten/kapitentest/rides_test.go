package kapitentest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

var allStates = []kapiten.RideStatus{
	kapiten.RideWaitingPayment, kapiten.RidePending, kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp,
	kapiten.RideInTransit, kapiten.RideWaitingDelivery, kapiten.RideCompleted, kapiten.RideCancelled, kapiten.RideRejected,
}

// wayTo is how a fresh ride gets to a state.
var wayTo = map[kapiten.RideStatus][]kapiten.RideStatus{
	kapiten.RidePending:         {},
	kapiten.RideAccepted:        {kapiten.RideAccepted},
	kapiten.RideWaitingPickup:   {kapiten.RideAccepted, kapiten.RideWaitingPickup},
	kapiten.RidePickedUp:        {kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp},
	kapiten.RideInTransit:       {kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp, kapiten.RideInTransit},
	kapiten.RideWaitingDelivery: {kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp, kapiten.RideInTransit, kapiten.RideWaitingDelivery},
	kapiten.RideCompleted:       {kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp, kapiten.RideInTransit, kapiten.RideWaitingDelivery, kapiten.RideCompleted},
	kapiten.RideCancelled:       {kapiten.RideCancelled},
	kapiten.RideRejected:        {kapiten.RideRejected},
}

func TestOnlyTheseTransitionsAreLegal(t *testing.T) {
	t.Parallel()
	legal := map[kapiten.RideStatus]string{
		kapiten.RideWaitingPayment:  "CANCELLED", // PENDING by a payment only
		kapiten.RidePending:         "ACCEPTED CANCELLED REJECTED",
		kapiten.RideAccepted:        "WAITING_PICKUP CANCELLED",
		kapiten.RideWaitingPickup:   "PICKED_UP CANCELLED",
		kapiten.RidePickedUp:        "IN_TRANSIT CANCELLED",
		kapiten.RideInTransit:       "WAITING_DELIVERY CANCELLED",
		kapiten.RideWaitingDelivery: "COMPLETED CANCELLED",
	}
	for _, from := range allStates {
		for _, to := range append(allStates, "LOST") {
			srv := kapitentest.NewServer(t)
			co := srv.AddCompany(kapitentest.Company{})
			if from != kapiten.RideWaitingPayment {
				require.NoError(t, srv.Adjust(co.ID, francs(1200), "start"))
			}
			id := ride(t, srv, co)
			for _, step := range wayTo[from] {
				require.NoError(t, srv.MoveRide(id, step))
			}
			before, _ := srv.Ride(id)
			require.Equal(t, from, before.Status)
			balance, entries := srv.Balance(co.ID), len(srv.Transactions(co.ID))

			err := srv.MoveRide(id, to)
			after, _ := srv.Ride(id)
			if slices.Contains(strings.Fields(legal[from]), string(to)) {
				assert.NoError(t, err, "%s to %s", from, to)
				assert.Equal(t, to, after.Status)
				continue
			}
			assert.ErrorIs(t, err, fake.ErrIllegalMove, "%s to %s", from, to)
			assert.Equal(t, before, after)
			assert.True(t, balance.Equal(srv.Balance(co.ID)))
			assert.Len(t, srv.Transactions(co.ID), entries)
			assert.Equal(t, from.Final(), len(kapitentest.Transitions(from)) == 0)
		}
	}
}

func TestUnknownRidesAndCompanies(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	assert.ErrorIs(t, srv.MoveRide("x", kapiten.RideAccepted), fake.ErrNotFound)
	assert.ErrorIs(t, srv.PayRide("x"), fake.ErrNotFound)
	_, ok := srv.Ride("x")
	assert.False(t, ok)
	assert.Nil(t, srv.Rides("x"))
	wantMoney(t, 0, srv.Balance("x"))
	assert.Empty(t, srv.Entries("x"))
	assert.Empty(t, srv.Transactions("x"))
	assert.ErrorIs(t, srv.Adjust("x", francs(1), ""), fake.ErrNotFound)
	assert.ErrorIs(t, srv.Deposit("x", francs(1)), fake.ErrNotFound)
	assert.ErrorIs(t, srv.Withdraw("x", francs(1)), fake.ErrNotFound)
	assert.ErrorIs(t, srv.Configure("x", func(*kapitentest.Settings) {}), fake.ErrNotFound)
}

func TestPrepaidRideIsChargedAtOnce(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
	r, _ := srv.Ride(ride(t, srv, co))
	assert.Equal(t, kapiten.RidePending, r.Status)
	assert.True(t, r.Paid)
	wantMoney(t, 0, srv.Balance(co.ID))
	ledger := srv.Transactions(co.ID)
	require.Len(t, ledger, 2)
	assert.Equal(t, kapiten.TransactionAdjustment, ledger[0].Type)
	assert.Equal(t, kapiten.TransactionRidePayment, ledger[1].Type)
	assert.Equal(t, "Ride deduction", ledger[1].Description)
	assert.Equal(t, r.ID, ledger[1].RideID)
	wantMoney(t, -1200, ledger[1].Amount)
	assert.Equal(t, "ORDER-99123", r.ExternalID)
	assert.Equal(t, "Best Pilau", r.Sender.Name)
}

func TestUnpaidRideWaitsAndTakesNothing(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1199)})
	id := ride(t, srv, co)
	r, _ := srv.Ride(id)
	assert.Equal(t, kapiten.RideWaitingPayment, r.Status)
	wantMoney(t, 1199, srv.Balance(co.ID))

	require.NoError(t, srv.PayRide(id))
	r, _ = srv.Ride(id)
	assert.Equal(t, kapiten.RidePending, r.Status)
	assert.ErrorIs(t, srv.PayRide(id), fake.ErrIllegalMove)
	require.NoError(t, srv.MoveRide(id, kapiten.RideCancelled))
	wantMoney(t, 1199, srv.Balance(co.ID))
	assert.Len(t, srv.Transactions(co.ID), 1, "the customer paid Kapiten, not the wallet")
}

func TestOverdraftLimit(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	pricing := kapitentest.DefaultPricing()
	pricing.OverdraftLimit = francs(2400)
	co := srv.AddCompany(kapitentest.Company{Pricing: &pricing})
	for _, want := range []kapiten.RideStatus{kapiten.RidePending, kapiten.RidePending, kapiten.RideWaitingPayment} {
		r, _ := srv.Ride(ride(t, srv, co))
		assert.Equal(t, want, r.Status)
	}
	wantMoney(t, -2400, srv.Balance(co.ID))
}

func TestRejectInsufficientFunds(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t, kapitentest.Config{OnInsufficientFunds: kapitentest.Reject})
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
	ride(t, srv, co)
	r := as(t, srv, co, "POST", "/api/rides/", order(t, co))
	assert.Equal(t, 400, r.status)
	assert.Equal(t, `{"detail":"Insufficient wallet balance."}`, r.body)
	assert.Len(t, srv.Rides(co.ID), 1)
}

func TestUniqueExternalID(t *testing.T) {
	t.Parallel()
	for unique, want := range map[bool]int{false: 201, true: 400} {
		srv := kapitentest.NewServer(t, kapitentest.Config{UniqueExternalID: unique})
		co, other := srv.AddCompany(kapitentest.Company{}), srv.AddCompany(kapitentest.Company{})
		ride(t, srv, co)
		r := as(t, srv, co, "POST", "/api/rides/", order(t, co))
		assert.Equal(t, want, r.status)
		if unique {
			assert.Equal(t, `{"external_id":["ride with this external id already exists."]}`, r.body)
		}
		ride(t, srv, other)
		ride(t, srv, co, without("external_id"))
		ride(t, srv, co, with("external_id", ""))
	}
}

func TestRefundExactlyOnce(t *testing.T) {
	t.Parallel()
	for _, way := range [][]kapiten.RideStatus{
		{kapiten.RideCancelled},
		{kapiten.RideRejected},
		{kapiten.RideAccepted, kapiten.RideCancelled},
		{kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RideCancelled},
	} {
		srv := kapitentest.NewServer(t)
		co := srv.AddCompany(kapitentest.Company{Balance: francs(2000)})
		id := ride(t, srv, co)
		for _, step := range way {
			require.NoError(t, srv.MoveRide(id, step))
		}
		require.ErrorIs(t, srv.MoveRide(id, way[len(way)-1]), fake.ErrIllegalMove)
		srv.Advance(48 * time.Hour)
		wantMoney(t, 2000, srv.Balance(co.ID))
		ledger := srv.Transactions(co.ID)
		require.Len(t, ledger, 3)
		assert.Equal(t, kapiten.TransactionRefund, ledger[2].Type)
		assert.Equal(t, "Ride refund", ledger[2].Description)
		assert.Equal(t, id, ledger[2].RideID)
		r, _ := srv.Ride(id)
		assert.True(t, r.Refunded)
		require.NoError(t, srv.CheckLedger())
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	paid := srv.AddCompany(kapitentest.Company{Balance: francs(2400)})
	poor := srv.AddCompany(kapitentest.Company{})
	start := srv.Now()
	pending, accepted, unpaid := ride(t, srv, paid), ride(t, srv, paid), ride(t, srv, poor)
	require.NoError(t, srv.MoveRide(accepted, kapiten.RideAccepted))
	status := func(id string) kapiten.RideStatus { return status(srv, id) }
	srv.Advance(10*time.Minute - time.Nanosecond)
	assert.Equal(t, kapiten.RidePending, status(pending))
	srv.Advance(time.Nanosecond)
	assert.Equal(t, kapiten.RideRejected, status(pending))
	wantMoney(t, 1200, srv.Balance(paid.ID))
	srv.Advance(20*time.Minute - time.Nanosecond)
	assert.Equal(t, kapiten.RideWaitingPayment, status(unpaid))
	srv.Advance(time.Hour)
	assert.Equal(t, kapiten.RideCancelled, status(unpaid))
	r, _ := srv.Ride(unpaid)
	assert.Equal(t, start.Add(30*time.Minute), r.Updated)
	assert.Equal(t, kapiten.RideAccepted, status(accepted), "a ride with a rider has no timeout")
	assert.Empty(t, srv.Transactions(poor.ID))
}

func TestPaidRideHasItsOwnTenMinutesForARider(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	id := ride(t, srv, co)
	srv.Advance(25 * time.Minute)
	require.NoError(t, srv.PayRide(id))
	srv.Advance(9 * time.Minute)
	r, _ := srv.Ride(id)
	assert.Equal(t, kapiten.RidePending, r.Status, "the payment's timeout is past")
	srv.Advance(time.Minute)
	r, _ = srv.Ride(id)
	assert.Equal(t, kapiten.RideRejected, r.Status)
	assert.Empty(t, srv.Transactions(co.ID), "nothing was taken, nothing comes back")
}

func TestAutopilotTakesOneStepAMinute(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t, kapitentest.Config{Autopilot: true})
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
	id := ride(t, srv, co)
	start := srv.Now()
	at := map[kapiten.RideStatus]time.Duration{}
	for range 400 {
		r, _ := srv.Ride(id)
		at[r.Status] = r.Updated.Sub(start)
		srv.Advance(time.Second)
	}
	assert.Equal(t, map[kapiten.RideStatus]time.Duration{
		kapiten.RidePending: 0, kapiten.RideAccepted: 30 * time.Second, kapiten.RideWaitingPickup: 90 * time.Second,
		kapiten.RidePickedUp: 150 * time.Second, kapiten.RideInTransit: 210 * time.Second,
		kapiten.RideWaitingDelivery: 270 * time.Second, kapiten.RideCompleted: 330 * time.Second,
	}, at)
	wantMoney(t, 0, srv.Balance(co.ID))
}

func TestAutopilotOnRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := kapitentest.NewServer(t, kapitentest.Config{Autopilot: true, Options: fake.Options{RealTime: true, Speed: 60}})
		co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
		id := ride(t, srv, co)
		<-time.After(2 * time.Second)
		r, _ := srv.Ride(id)
		assert.Equal(t, kapiten.RideWaitingPickup, r.Status)
	})
}

// hook notes callbacks.
type hook struct {
	mu     sync.Mutex
	bodies []string
	header http.Header
	status int
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bodies = append(h.bodies, string(body))
	h.header = r.Header.Clone()
	if h.status != 0 {
		w.WriteHeader(h.status)
	}
}

func TestCallbackPerTransition(t *testing.T) {
	t.Parallel()
	h := &hook{}
	srv := kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{Callbacks: h, Start: time.Date(2026, 4, 3, 9, 15, 2, 123456789, time.UTC)}})
	co := srv.AddCompany(kapitentest.Company{Balance: francs(5000), WebhookURL: "http://merchant.localhost/kapiten"})
	id := ride(t, srv, co)
	srv.Flush()
	assert.Empty(t, h.bodies, "creation is no transition")
	for _, step := range wayTo[kapiten.RideCompleted] {
		require.NoError(t, srv.MoveRide(id, step))
	}
	srv.Flush()
	require.Len(t, h.bodies, 6)
	r, _ := srv.Ride(id)
	assert.Equal(t, `{"event":"status_update","ride_id":"`+id+`","reference_number":"`+r.ReferenceNumber+`","external_id":"ORDER-99123",`+
		`"status":"ACCEPTED","metadata":{"previous_status":"PENDING","occurred_at":"2026-04-03T09:15:02.123456Z"}}`, h.bodies[0])
	assert.Equal(t, "application/json", h.header.Get("Content-Type"))
	assert.Equal(t, "Kapiten-Webhook/1.0", h.header.Get("User-Agent"))
	for i, step := range wayTo[kapiten.RideCompleted] {
		var got struct{ Status kapiten.RideStatus }
		require.NoError(t, json.Unmarshal([]byte(h.bodies[i]), &got))
		assert.Equal(t, step, got.Status, "in order")
	}
	assert.Equal(t, id, srv.Deliveries()[0].Identity)
	assert.Equal(t, "status_update", srv.Deliveries()[0].Event)

	plain := srv.AddCompany(kapitentest.Company{Balance: francs(5000)})
	require.NoError(t, srv.MoveRide(ride(t, srv, plain), kapiten.RideAccepted))
	assert.Len(t, srv.Deliveries(), 6, "no URL, no callback")
}

func TestCallbackWithoutExternalIDSaysNull(t *testing.T) {
	t.Parallel()
	h := &hook{}
	srv := kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{Callbacks: h}})
	co := srv.AddCompany(kapitentest.Company{WebhookURL: "http://merchant.localhost/"})
	require.NoError(t, srv.PayRide(ride(t, srv, co, without("external_id"))))
	srv.Flush()
	require.Len(t, h.bodies, 1)
	assert.Contains(t, h.bodies[0], `"external_id":null,"status":"PENDING"`)
}

func TestCallbackRetrySchedule(t *testing.T) {
	t.Parallel()
	h := &hook{status: 500}
	srv := kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{Callbacks: h}})
	co := srv.AddCompany(kapitentest.Company{WebhookURL: "http://merchant.localhost/"})
	require.NoError(t, srv.PayRide(ride(t, srv, co)))
	start := srv.Now()
	require.NoError(t, srv.MoveRide(srv.Rides(co.ID)[0].ID, kapiten.RideCancelled))
	srv.Advance(24 * time.Hour)
	d := srv.Deliveries()[0]
	assert.Equal(t, fake.DeliveryDead, d.State)
	var at []time.Duration
	for _, a := range d.Attempts {
		at = append(at, a.Time.Sub(start))
	}
	assert.Equal(t, []time.Duration{0, 10 * time.Second, 70 * time.Second, 370 * time.Second, 2170 * time.Second, 9370 * time.Second}, at)

	h.mu.Lock()
	h.status = 204
	h.mu.Unlock()
	require.NoError(t, srv.Redeliver(d.ID))
	srv.Flush()
	assert.Equal(t, fake.DeliveryDelivered, srv.Deliveries()[0].State)
}

func TestNoCallbackRetriesWhenNoneAreWanted(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t, kapitentest.Config{
		CallbackRetries: []time.Duration{}, Options: fake.Options{Callbacks: &hook{status: 500}},
	})
	co := srv.AddCompany(kapitentest.Company{WebhookURL: "http://merchant.localhost/"})
	require.NoError(t, srv.PayRide(ride(t, srv, co)))
	srv.Flush()
	assert.Equal(t, fake.DeliveryDead, srv.Deliveries()[0].State)
}

// status is the state of a ride.
func status(srv *kapitentest.Fake, id string) kapiten.RideStatus {
	r, _ := srv.Ride(id)
	return r.Status
}

func TestTheSenderCancelsUntilThePickupAndAnAdministratorUntilTheEnd(t *testing.T) {
	t.Parallel()
	for state, way := range wayTo {
		for _, by := range []kapitentest.Actor{kapitentest.Sender, kapitentest.Administrator} {
			h := &hook{}
			srv := kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{Callbacks: h}})
			co := srv.AddCompany(kapitentest.Company{Balance: francs(1200), WebhookURL: "http://merchant.localhost/"})
			id := ride(t, srv, co)
			for _, step := range way {
				require.NoError(t, srv.MoveRide(id, step))
			}
			before, _ := srv.Ride(id)
			err := srv.CancelRide(id, by, "Wrong address")
			after, _ := srv.Ride(id)
			pickedUp := state == kapiten.RidePickedUp || state == kapiten.RideInTransit || state == kapiten.RideWaitingDelivery
			if state.Final() || pickedUp && by == kapitentest.Sender {
				assert.ErrorIs(t, err, fake.ErrIllegalMove, "%s by %s", state, by)
				assert.Equal(t, before, after)
				continue
			}
			require.NoError(t, err, "%s by %s", state, by)
			assert.Equal(t, kapiten.RideCancelled, after.Status)
			assert.Equal(t, by, after.CancelledBy)
			wantMoney(t, 1200, srv.Balance(co.ID))
			srv.Flush()
			assert.Contains(t, h.bodies[len(h.bodies)-1], `"cancelled_by":"`+string(by)+`","reason":"Wrong address"}}`)
		}
	}
	srv := kapitentest.NewServer(t)
	id := ride(t, srv, srv.AddCompany(kapitentest.Company{}))
	assert.Error(t, srv.CancelRide(id, kapitentest.System, ""), "only the clock cancels for the system")
	assert.Error(t, srv.CancelRide(id, "neighbour", ""))
	assert.ErrorIs(t, srv.CancelRide("x", kapitentest.Sender, ""), fake.ErrNotFound)
	srv.Advance(time.Hour)
	r, _ := srv.Ride(id)
	assert.Equal(t, kapitentest.System, r.CancelledBy)
}

func TestACustomersPaymentIsARecordOfTheRide(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(100)})
	payment := func(id string) kapitentest.CustomerPayment {
		r, _ := srv.Ride(id)
		return r.Payment
	}
	id := ride(t, srv, co)
	p := payment(id)
	assert.Equal(t, kapitentest.MoMo, p.Method)
	assert.Equal(t, "0789000111", p.Phone)
	assert.Equal(t, kapitentest.PaymentPending, p.Status)
	wantMoney(t, 1200, p.Amount)

	assert.ErrorIs(t, srv.MoveRide(id, kapiten.RidePending), fake.ErrIllegalMove, "nobody has paid")
	require.NoError(t, srv.FailPayment(id, "+250728123456"))
	assert.Equal(t, kapitentest.PaymentFailed, payment(id).Status)
	assert.Equal(t, kapitentest.Airtel, payment(id).Method)
	assert.Equal(t, kapiten.RideWaitingPayment, status(srv, id), "he may try again")
	require.NoError(t, srv.PayRide(id, "0788123456"))
	assert.Equal(t, kapitentest.CustomerPayment{Method: kapitentest.MoMo, Phone: "0788123456", Amount: p.Amount, Status: kapitentest.PaymentPaid}, payment(id))
	assert.ErrorIs(t, srv.FailPayment(id), fake.ErrIllegalMove)
	require.NoError(t, srv.CancelRide(id, kapitentest.Sender, ""))
	assert.Equal(t, kapitentest.PaymentRefunded, payment(id).Status)

	rejected := ride(t, srv, co)
	require.NoError(t, srv.PayRide(rejected))
	srv.Advance(10 * time.Minute)
	assert.Equal(t, kapiten.RideRejected, status(srv, rejected))
	assert.Equal(t, kapitentest.PaymentRefunded, payment(rejected).Status)

	unpaid := ride(t, srv, co)
	srv.Advance(30 * time.Minute)
	assert.Equal(t, kapitentest.PaymentFailed, payment(unpaid).Status, "he has paid nothing that could go back")

	waiting := ride(t, srv, co)
	require.NoError(t, srv.Deposit(co.ID, francs(1100)))
	assert.Zero(t, payment(waiting), "the wallet paid")
	wantMoney(t, 0, srv.Balance(co.ID))
}

func TestReceiversPhonesChooseTheCourseOfARide(t *testing.T) {
	t.Parallel()
	for digits, want := range map[string]struct {
		path string // states and seconds
		by   kapitentest.Actor
	}{
		"0001": {"PENDING 0 REJECTED 600", ""},
		"0002": {"PENDING 0 ACCEPTED 30 CANCELLED 90", kapitentest.Sender},
		"0003": {"PENDING 0", ""},
		"0004": {"PENDING 0 ACCEPTED 30 WAITING_PICKUP 90 PICKED_UP 150 CANCELLED 210", kapitentest.Administrator},
		"0005": {"PENDING 0 ACCEPTED 30 WAITING_PICKUP 90 PICKED_UP 150 IN_TRANSIT 210 WAITING_DELIVERY 270 COMPLETED 330", ""},
	} {
		srv := kapitentest.NewServer(t, kapitentest.Config{Autopilot: true})
		co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
		start := srv.Now()
		id := ride(t, srv, co, with("receiver", map[string]string{"name": "Customer", "phone": "078900" + digits}))
		var path []string
		for range 2000 {
			r, _ := srv.Ride(id)
			if len(path) == 0 || path[len(path)-2] != string(r.Status) {
				path = append(path, string(r.Status), strconv.Itoa(int(r.Updated.Sub(start)/time.Second)))
			}
			srv.Advance(time.Second)
		}
		assert.Equal(t, want.path, strings.Join(path, " "), digits)
		r, _ := srv.Ride(id)
		assert.Equal(t, want.by, r.CancelledBy)
	}
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
	stuck := ride(t, srv, co, with("receiver", map[string]string{"name": "Customer", "phone": "0789000003"}))
	srv.Advance(100 * time.Hour)
	require.NoError(t, srv.MoveRide(stuck, kapiten.RideAccepted), "it waits until it is told otherwise")
}

func TestARideShowsItsRiderFromAcceptedOn(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(5000)})
	id := ride(t, srv, co, with("package_type", "Food"), with("weight_range", "5-10"), with("is_priority", true))
	row := func() map[string]any {
		return as(t, srv, co, "GET", "/api/companies/"+co.ID+"/rides/", "").results(t)[0]
	}
	assert.NotContains(t, row(), "rider")
	assert.Equal(t, co.UserID, row()["created_by"])
	assert.Equal(t, []any{"Food", "5-10", true, false}, []any{row()["package_type"], row()["weight_range"], row()["is_priority"], row()["includes_fragile_items"]})
	require.NoError(t, srv.MoveRide(id, kapiten.RideAccepted))
	r, _ := srv.Ride(id)
	assert.Equal(t, map[string]any{"name": r.Rider.Name, "phone": r.Rider.Phone}, row()["rider"])
	require.NoError(t, srv.MoveRide(id, kapiten.RideWaitingPickup))
	again, _ := srv.Ride(id)
	assert.Equal(t, r.Rider, again.Rider)
}
