package kapitentest_test

import (
	"fmt"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
)

func TestPrices(t *testing.T) {
	t.Parallel()
	odd := kapitentest.Pricing{
		BaseFare: decimal.RequireFromString("100.5"), PerKM: decimal.RequireFromString("10.1"), MinimumFare: decimal.RequireFromString("150.4"),
		PriorityPercent: decimal.RequireFromString("12.5"),
		WeightFees:      map[kapiten.WeightRange]decimal.Decimal{kapiten.Weight0To5: decimal.RequireFromString("0.4")},
	}
	base := kapitentest.DefaultPricing()
	tests := map[string]struct {
		pricing kapitentest.Pricing
		changes []func(map[string]any)
		want    string // of amount
		parts   string // of details
	}{
		"sample":           {base, nil, "1200.0", `{"base_fare":500,"distance_fare":700}`},
		"first range":      {base, []func(map[string]any){with("weight_range", "0-5")}, "1200.0", `{"base_fare":500,"distance_fare":700}`},
		"second range":     {base, []func(map[string]any){with("weight_range", "5-10")}, "1400.0", `{"base_fare":500,"distance_fare":700,"weight_fee":200}`},
		"last range":       {base, []func(map[string]any){with("weight_range", "20+")}, "2200.0", `{"base_fare":500,"distance_fare":700,"weight_fee":1000}`},
		"fragile":          {base, []func(map[string]any){with("includes_fragile_items", true)}, "1400.0", `{"base_fare":500,"distance_fare":700,"fragile_fee":200}`},
		"priority":         {base, []func(map[string]any){with("is_priority", true)}, "1500.0", `{"base_fare":500,"distance_fare":700,"priority_fee":300}`},
		"no way to go":     {base, []func(map[string]any){with("dropoff_latitude", -1.9441), with("dropoff_longitude", 30.0619)}, "500.0", `{"base_fare":500,"distance_fare":0}`},
		"half up":          {odd, []func(map[string]any){with("is_priority", true)}, "178.0", `{"base_fare":101,"distance_fare":57,"priority_fee":20}`},
		"minimum":          {odd, []func(map[string]any){with("dropoff_latitude", -1.9441), with("dropoff_longitude", 30.0619)}, "150.0", `{"base_fare":101,"distance_fare":0,"minimum_fare_adjustment":49}`},
		"around the world": {base, []func(map[string]any){with("pickup_latitude", 0), with("pickup_longitude", 0), with("dropoff_latitude", 0), with("dropoff_longitude", 180)}, "2502388.0", `{"base_fare":500,"distance_fare":2501888}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := kapitentest.NewServer(t, kapitentest.Config{Pricing: &tt.pricing})
			co := srv.AddCompany(kapitentest.Company{})
			r := as(t, srv, co, "POST", "/api/rides/estimate/", order(t, co, tt.changes...))
			assert.Equal(t, `{"amount":`+tt.want+`,"details":`+tt.parts+`}`, r.body)
			r = as(t, srv, co, "POST", "/api/rides/", order(t, co, tt.changes...))
			assert.Contains(t, r.body, `"estimated_price":`+tt.want, "Create prices as Estimate does")
		})
	}
}

func TestChangedPricingCountsFromThenOn(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	first := ride(t, srv, co)
	require.NoError(t, srv.Configure(co.ID, func(s *kapitentest.Settings) { s.Pricing.BaseFare = francs(600) }))
	second := ride(t, srv, co)
	for id, want := range map[string]int64{first: 1200, second: 1300} {
		r, _ := srv.Ride(id)
		wantMoney(t, want, r.Price)
	}
	other := srv.AddCompany(kapitentest.Company{})
	r, _ := srv.Ride(ride(t, srv, other))
	wantMoney(t, 1200, r.Price)
}

func TestDistanceIsRoundedToHundredMetres(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	// One degree of longitude on the equator is 111.195 km.
	for degrees, want := range map[float64]string{0.00044: "0.0", 0.00046: "0.1", 1: "111.2", 0.5: "55.6"} {
		r := as(t, srv, co, "POST", "/api/rides/", order(t, co,
			with("pickup_latitude", 0), with("pickup_longitude", 0), with("dropoff_latitude", 0), with("dropoff_longitude", degrees)))
		assert.Contains(t, r.body, fmt.Sprintf(`"distance_km":%s}`, want))
	}
}
