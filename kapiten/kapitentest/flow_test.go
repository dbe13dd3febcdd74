package kapitentest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestWholeFlowInsideSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hook{}
		srv := kapitentest.NewServer(t, kapitentest.Config{Autopilot: true, Options: fake.Options{RealTime: true, Callbacks: h}})
		co := srv.AddCompany(kapitentest.Company{Balance: francs(1200), WebhookURL: "https://merchant.example/kapiten"})
		client, err := kapiten.New(srv.ClientConfig(co))
		require.NoError(t, err)
		require.NoError(t, srv.AddFault(fake.Fault{Kind: fake.FaultRateLimit, Seconds: 7, Path: "/api/rides/", Times: 1}))

		start := time.Now()
		_, err = client.Rides.Create(t.Context(), delivery(co.ID))
		require.ErrorIs(t, err, sdk.ErrRateLimited)
		require.Equal(t, sdk.Again, sdk.Advise(err))
		time.Sleep(sdk.RetryAfter(err))
		ride, err := client.Rides.Create(t.Context(), delivery(co.ID))
		require.NoError(t, err)
		assert.Equal(t, 7*time.Second, time.Since(start))
		done, err := client.Rides.Wait(t.Context(), co.ID, ride.ID)
		require.NoError(t, err)
		assert.Equal(t, kapiten.RideCompleted, done.Status)
		srv.Flush()
		assert.Len(t, h.bodies, 6)
		wantMoney(t, 0, srv.Balance(co.ID))
	})
}

// TestPageCostsTheSameHoweverLongTheList counts allocations, which grow with
// every row that is looked at needlessly.
func TestPageCostsTheSameHoweverLongTheList(t *testing.T) {
	cost := map[int]float64{}
	for _, rides := range []int{100, 2000} {
		srv := kapitentest.NewServer(t)
		co := srv.AddCompany(kapitentest.Company{Balance: francs(10_000_000)})
		body := order(t, co)
		for range rides {
			as(t, srv, co, "POST", "/api/rides/", body)
		}
		cost[rides] = testing.AllocsPerRun(20, func() {
			as(t, srv, co, "GET", "/api/companies/"+co.ID+"/rides/?page=2", "")
			as(t, srv, co, "GET", "/api/companies/"+co.ID+"/transactions/?page=2", "")
		})
	}
	assert.InEpsilon(t, cost[100], cost[2000], 0.02)
}
