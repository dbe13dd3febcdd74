package sqltest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/webhook"
)

// The same from the provider's side: the fake Kapiten posts 2,000 status
// callbacks, some twice and some after their successors, to two processes one of
// which is killed again and again, and retries on its clock.
func TestEveryCallbackOfTheFakeTakesEffectOnceThoughAProcessIsKilled(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	db, dsn := openPostgres(t)
	overSQL(t, db, webhook.Postgres)
	_, err := db.ExecContext(t.Context(), merchantTables)
	require.NoError(t, err)
	workers := &workers{mode: "kapiten", dsn: dsn}
	t.Cleanup(workers.stop)
	require.NoError(t, workers.start(0))
	require.NoError(t, workers.start(1))

	srv := kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{
		CallbackClient: &http.Client{Transport: &balancer{workers: workers, transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}}},
	}})
	// Rides of a company with money start as PENDING and post six callbacks,
	// those of one without start as WAITING_PAYMENT and post seven.
	rides := append(createRides(t, srv, 100, decimal.NewFromInt(1_000_000)), createRides(t, srv, 200, decimal.Zero)...)
	require.NoError(t, srv.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackHold, Times: 300}))
	require.NoError(t, srv.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackDuplicate, Times: 500}))

	stopKilling := workers.keepKilling(t, chance)
	for _, id := range rides[100:] {
		require.NoError(t, srv.PayRide(id))
	}
	for _, status := range way[2:] {
		for _, id := range rides {
			require.NoError(t, srv.MoveRide(id, status))
		}
		srv.Flush()
	}
	// What was not acknowledged comes again, as long as it takes.
	for end := time.Now().Add(90 * time.Second); !settled(t, srv); {
		require.True(t, time.Now().Before(end), "not delivered in time")
		srv.Advance(time.Hour)
	}
	kills := stopKilling()
	t.Logf("%d kills, %d deliveries", kills, len(srv.Deliveries()))
	assert.GreaterOrEqual(t, kills, 3, "or this test shows nothing")

	assert.Zero(t, count(t, db, `SELECT count(*) FROM (SELECT 1 FROM applied GROUP BY reference, status HAVING count(*) > 1) twice`), "exactly once")
	assert.Equal(t, 2000, count(t, db, `SELECT count(*) FROM webhook_events WHERE status = 'done'`), "none is lost")
	assert.Zero(t, count(t, db, `SELECT count(*) FROM webhook_events WHERE status <> 'done'`))
	assert.Zero(t, count(t, db, `SELECT count(*) FROM webhook_events e
		WHERE (e.outcome = 'advanced') <> EXISTS (SELECT 1 FROM applied a WHERE a.reference = e.reference AND a.status = e.event)`))
	assert.Positive(t, count(t, db, `SELECT count(*) FROM webhook_events WHERE outcome = 'stale'`), "there was disorder")
	assert.Equal(t, 300, count(t, db, `SELECT count(*) FROM parcels WHERE status = 'COMPLETED'`), "all arrived at the end")
	assert.Zero(t, count(t, db, `SELECT count(*) FROM parcels WHERE backwards > 0`), "statuses never go backwards")
}

// balancer sends each callback to one of the two processes.
type balancer struct {
	workers   *workers
	transport *http.Transport
}

func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = b.workers.address(rand.IntN(2))
	return b.transport.RoundTrip(r)
}

func createRides(t *testing.T, srv *kapitentest.Fake, n int, balance decimal.Decimal) (ids []string) {
	t.Helper()
	co := srv.AddCompany(kapitentest.Company{Balance: balance, WebhookURL: "http://shop.localhost/" + parcelSecret})
	client, err := kapiten.New(srv.ClientConfig(co))
	require.NoError(t, err)
	for i := range n {
		ride, err := client.Rides.Create(t.Context(), kapiten.CreateRideParams{
			CompanyID: co.ID, ExternalID: fmt.Sprint("ORDER-", i),
			PickupAddress: "Kicukiro, KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
			DropoffAddress: "M. Peace Plaza, Nyarugenge", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
			Sender: kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Customer", Phone: "0789000111"},
		})
		require.NoError(t, err)
		ids = append(ids, ride.ID)
	}
	return ids
}

// settled lets go what is held or dead, and reports whether all was delivered.
func settled(t *testing.T, srv *kapitentest.Fake) bool {
	t.Helper()
	srv.Flush()
	all := true
	for _, d := range srv.Deliveries() {
		if d.State == fake.DeliveryDelivered {
			continue
		}
		all = false
		if d.Held || d.State == fake.DeliveryDead {
			require.NoError(t, srv.Redeliver(d.ID))
		}
	}
	return all
}
