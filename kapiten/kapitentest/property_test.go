package kapitentest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// chaos does one random thing to one of the companies. It asserts nothing but
// that the fake never breaks: refusals are part of the game.
func chaos(t *testing.T, srv *kapitentest.Fake, companies []kapitentest.Company, overdraft int64, r *rand.Rand) {
	co := companies[r.IntN(len(companies))]
	anyRide := func() string {
		if rides := srv.Rides(co.ID); len(rides) > 0 {
			return rides[r.IntN(len(rides))].ID
		}
		return "none"
	}
	switch r.IntN(18) {
	case 0, 1, 2:
		a := as(t, srv, co, "POST", "/api/rides/", order(t, co, with("is_priority", r.IntN(2) == 0), with("external_id", fmt.Sprint(r.IntN(50))),
			with("receiver", map[string]string{"name": "Customer", "phone": fmt.Sprintf("07890000%02d", r.IntN(8))})))
		assert.Equal(t, 201, a.status)
	case 3:
		topUp(t, srv, co, fmt.Sprint(1+r.IntN(4000)), fmt.Sprintf("07881200%02d", r.IntN(8)))
	case 4, 5, 6:
		_ = srv.MoveRide(anyRide(), allStates[r.IntN(len(allStates))])
	case 7:
		if ledger := srv.Transactions(co.ID); len(ledger) > 0 {
			status := []kapiten.TransactionStatus{kapiten.TransactionSuccess, kapiten.TransactionFailed}[r.IntN(2)]
			_ = srv.MoveTopUp(ledger[r.IntN(len(ledger))].ID, status)
		}
	case 8, 9:
		_ = srv.PayRide(anyRide())
	case 10:
		_ = srv.FailPayment(anyRide(), "0728123456")
	case 11:
		_ = srv.CancelRide(anyRide(), []kapitentest.Actor{kapitentest.Sender, kapitentest.Administrator}[r.IntN(2)], "chaos")
	case 12:
		id := anyRide()
		_ = srv.Adjust(co.ID, francs(int64(r.IntN(3000)-1500)), "chaos", id)
		if r.IntN(3) == 0 {
			_ = srv.CancelRide(id, kapitentest.Administrator, "chaos")
		}
	case 13:
		_ = srv.Adjust(co.ID, francs(int64(r.IntN(1500)-500)), "chaos")
	case 14:
		_ = srv.Configure(co.ID, func(s *kapitentest.Settings) { s.Pricing.OverdraftLimit = francs(r.Int64N(overdraft + 1)) })
	case 15:
		_ = srv.Deposit(co.ID, francs(1+r.Int64N(1500)))
	case 16:
		_ = srv.Withdraw(co.ID, francs(1+r.Int64N(1500)))
	case 17:
		srv.Advance(time.Duration(r.IntN(300)) * time.Second)
	}
}

// wantSound checks what must hold whatever happened. The overdraft is the highest
// that a company ever had.
func wantSound(t *testing.T, srv *kapitentest.Fake, companies []kapitentest.Company, overdraft int64) {
	t.Helper()
	require.NoError(t, srv.CheckLedger())
	wantNobodyWaits(t, srv, companies)
	for _, co := range companies {
		rides := srv.Rides(co.ID)
		paid, owed, back := map[string]decimal.Decimal{}, map[string]decimal.Decimal{}, map[string]decimal.Decimal{}
		sum := decimal.Zero
		for _, e := range srv.Transactions(co.ID) {
			if e.Status != kapiten.TransactionSuccess {
				assert.Equal(t, kapiten.TransactionDeposit, e.Type)
				continue
			}
			sum = sum.Add(e.Amount)
			switch e.Type {
			case kapiten.TransactionRidePayment:
				assert.NotContains(t, paid, e.RideID, "charged twice")
				paid[e.RideID] = e.Amount.Neg()
				owed[e.RideID] = owed[e.RideID].Sub(e.Amount)
				assert.True(t, sum.GreaterThanOrEqual(francs(-overdraft)), "overdrawn by a ride: %s", sum)
			case kapiten.TransactionAdjustment:
				assert.NotContains(t, back, e.RideID, "adjusted after the refund")
				owed[e.RideID] = owed[e.RideID].Sub(e.Amount)
			case kapiten.TransactionRefund:
				assert.NotContains(t, back, e.RideID, "refunded twice")
				back[e.RideID] = e.Amount
				assert.True(t, e.Amount.Equal(owed[e.RideID]), "%s back for %s", e.Amount, owed[e.RideID])
				owed[e.RideID] = decimal.Zero
			}
		}
		assert.True(t, sum.Equal(srv.Balance(co.ID)), "%s is not %s", srv.Balance(co.ID), sum)
		assert.True(t, sum.Equal(statement(t, srv, co)), "the statement over the API is not %s", sum)
		for _, r := range rides {
			charge, charged := paid[r.ID]
			assert.Equal(t, r.Paid, charged)
			assert.True(t, r.Charged.Equal(owed[r.ID]), "%s is not %s", r.Charged, owed[r.ID])
			if charged {
				assert.True(t, charge.Equal(r.Price))
				assert.Zero(t, r.Payment, "paid by two")
			}
			over := r.Status == kapiten.RideCancelled || r.Status == kapiten.RideRejected
			if over {
				assert.True(t, owed[r.ID].IsZero(), "%s are kept, or given, for a ride that came to nothing", owed[r.ID])
			} else {
				assert.NotContains(t, back, r.ID)
			}
			if r.Status == kapiten.RideWaitingPayment {
				assert.False(t, charged)
			}
			if !charged {
				wantPayment(t, r, over)
			}
		}
		count := as(t, srv, co, "GET", "/api/companies/"+co.ID+"/rides/", "").object(t)["count"]
		assert.Equal(t, fmt.Sprint(len(rides)), fmt.Sprint(count))
	}
}

// wantNobodyWaits checks that each ride that waits for payment costs more than its
// company has and may overdraw.
func wantNobodyWaits(t *testing.T, srv *kapitentest.Fake, companies []kapitentest.Company) {
	t.Helper()
	for _, co := range companies {
		var limit decimal.Decimal
		err := srv.Configure(co.ID, func(s *kapitentest.Settings) {
			limit = s.Pricing.OverdraftLimit
			s.Pricing.BaseFare = francs(-1)
		})
		require.Error(t, err, "refused, since a change of settings pays rides: the test only looks")
		there := srv.Balance(co.ID).Add(limit)
		for _, r := range srv.Rides(co.ID) {
			if r.Status == kapiten.RideWaitingPayment {
				require.True(t, r.Price.GreaterThan(there), "a ride of %s waits, and %s are there", r.Price, there)
			}
		}
	}
}

// wantPayment checks the customer's payment of a ride that no wallet paid.
func wantPayment(t *testing.T, r kapitentest.Ride, over bool) {
	t.Helper()
	assert.True(t, r.Price.Equal(r.Payment.Amount))
	switch {
	case over:
		assert.Contains(t, []kapitentest.PaymentStatus{kapitentest.PaymentFailed, kapitentest.PaymentRefunded}, r.Payment.Status)
	case r.Status == kapiten.RideWaitingPayment:
		assert.Contains(t, []kapitentest.PaymentStatus{kapitentest.PaymentFailed, kapitentest.PaymentPending}, r.Payment.Status)
	default:
		assert.Equal(t, kapitentest.PaymentPaid, r.Payment.Status)
	}
}

// statement adds up what the API lists.
func statement(t *testing.T, srv *kapitentest.Fake, co kapitentest.Company) decimal.Decimal {
	t.Helper()
	sum, path := decimal.Zero, "/api/companies/"+co.ID+"/transactions/"
	for page := 1; ; page++ {
		a := as(t, srv, co, "GET", path+"?page="+fmt.Sprint(page), "")
		for _, row := range a.results(t) {
			if row["status"] == "SUCCESS" {
				sum = sum.Add(decimal.RequireFromString(fmt.Sprint(row["amount"])))
			}
		}
		if a.object(t)["next"] == nil {
			return sum
		}
	}
}

func chaosWorld(t *testing.T, overdraft int64) (*kapitentest.Fake, []kapitentest.Company) {
	t.Helper()
	srv := kapitentest.NewServer(t, kapitentest.Config{Autopilot: true, Options: fake.Options{
		Callbacks: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
	}})
	pricing := kapitentest.DefaultPricing()
	pricing.OverdraftLimit = francs(overdraft)
	var companies []kapitentest.Company
	for range 3 {
		companies = append(companies, srv.AddCompany(kapitentest.Company{
			Balance: francs(5000), Pricing: &pricing, WebhookURL: "http://merchant.localhost/",
		}))
	}
	return srv, companies
}

func TestMoneyIsSoundAfterRandomOperations(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	srv, companies := chaosWorld(t, 3000)
	for range 12 {
		for range 40 {
			chaos(t, srv, companies, 3000, r)
			wantNobodyWaits(t, srv, companies) // after each act: the next may pay what waits
		}
		wantSound(t, srv, companies, 3000)
	}
}

func TestMoneyIsSoundUnderConcurrency(t *testing.T) {
	t.Parallel()
	srv, companies := chaosWorld(t, 3000)
	faketest.Concurrently(t, 8, 60, func(r *rand.Rand) {
		chaos(t, srv, companies, 3000, r)
		if r.IntN(40) == 0 { // a look at the midst of it all
			moment, err := srv.Snapshot()
			require.NoError(t, err)
			witness, _ := chaosWorld(t, 3000)
			require.NoError(t, witness.Restore(moment))
			wantSound(t, witness, companies, 3000)
		}
	})
	wantSound(t, srv, companies, 3000)
	srv.Advance(24 * time.Hour)
	wantSound(t, srv, companies, 3000)
}

func TestConcurrentRidesNeverOverdraw(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(12_000)})
	body := order(t, co)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { assert.Equal(t, 201, as(t, srv, co, "POST", "/api/rides/", body).status) })
	}
	wg.Wait()
	wantMoney(t, 0, srv.Balance(co.ID))
	states := map[kapiten.RideStatus]int{}
	for _, r := range srv.Rides(co.ID) {
		states[r.Status]++
	}
	assert.Equal(t, map[kapiten.RideStatus]int{kapiten.RidePending: 10, kapiten.RideWaitingPayment: 40}, states)
}

// tale goes on with fixed random steps and tells all that can be seen.
func tale(t *testing.T, srv *kapitentest.Fake, companies []kapitentest.Company) string {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 5))
	for range 60 {
		chaos(t, srv, companies, 3000, r)
	}
	srv.Advance(time.Hour)
	var told strings.Builder
	for _, co := range companies {
		fmt.Fprintln(&told, srv.Rides(co.ID), srv.Transactions(co.ID), srv.Balance(co.ID))
	}
	fmt.Fprintln(&told, srv.Deliveries(), srv.Now())
	return told.String()
}

func TestRestoredFakeGoesOnAsTheFirstWouldHave(t *testing.T) {
	t.Parallel()
	srv, companies := chaosWorld(t, 3000)
	r := rand.New(rand.NewPCG(4, 4))
	for range 120 {
		chaos(t, srv, companies, 3000, r)
	}
	saved, err := srv.Snapshot()
	require.NoError(t, err)
	want := tale(t, srv, companies)

	other, _ := chaosWorld(t, 0)
	require.NoError(t, other.Restore(saved))
	again, err := other.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, string(saved), string(again))
	assert.Equal(t, want, tale(t, other, companies))
	require.NoError(t, other.CheckLedger())

	other.Reset()
	assert.Nil(t, other.Rides(companies[0].ID))
	assert.Equal(t, 401, as(t, other, companies[0], "GET", "/api/companies/"+companies[0].ID+"/rides/", "").status)
}

func TestBrokenStatesAreRefused(t *testing.T) {
	t.Parallel()
	srv, companies := chaosWorld(t, 0)
	ride(t, srv, companies[0])
	faketest.CheckRestore(t, srv.Control, map[string][2]string{
		"company twice":        {`"companies":[`, `"companies":[{"id":"` + companies[0].ID + `"},`},
		"no company":           {`"companies":[`, `"companies":[null,`},
		"no user":              {`"users":[`, `"users":[null,`},
		"user without company": {`"users":[`, `"users":[{"id":"x","token":"y"},`},
		"no ride":              {`"rides":[`, `"rides":[null,`},
		"ride without company": {`"rides":[`, `"rides":[{"id":"x"},`},
		"broken ledger":        {`"ledger":[`, `"ledger":[7,`},
	})
}
