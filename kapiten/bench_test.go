package kapiten_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// The baseline: what a careful engineer writes by hand with net/http and
// encoding/json for the same request, money as decimal included.

type baselineCall struct {
	client      *http.Client
	url         string
	body        any
	newResponse func() any
}

func (f baselineCall) do(ctx context.Context) error {
	body, err := json.Marshal(f.body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Token planted-token")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "by-hand/1")
	resp, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return errors.New(resp.Status)
	}
	return json.Unmarshal(read, f.newResponse())
}

// encoding is the part of do that encodes and decodes.
func (f baselineCall) encoding(response string) error {
	if _, err := json.Marshal(f.body); err != nil {
		return err
	}
	return json.Unmarshal([]byte(response), f.newResponse())
}

type baselineEstimateRequest struct {
	PickupLatitude   float64 `json:"pickup_latitude"`
	PickupLongitude  float64 `json:"pickup_longitude"`
	DropoffLatitude  float64 `json:"dropoff_latitude"`
	DropoffLongitude float64 `json:"dropoff_longitude"`
	CompanyID        string  `json:"company_id"`
}

type baselineEstimate struct {
	Amount  decimal.Decimal `json:"amount"`
	Details struct {
		BaseFare     decimal.Decimal `json:"base_fare"`
		DistanceFare decimal.Decimal `json:"distance_fare"`
	} `json:"details"`
}

type baselineContact struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

type baselineRideRequest struct {
	PickupAddress    string          `json:"pickup_address"`
	PickupLatitude   float64         `json:"pickup_latitude"`
	PickupLongitude  float64         `json:"pickup_longitude"`
	DropoffAddress   string          `json:"dropoff_address"`
	DropoffLatitude  float64         `json:"dropoff_latitude"`
	DropoffLongitude float64         `json:"dropoff_longitude"`
	Sender           baselineContact `json:"sender"`
	Receiver         baselineContact `json:"receiver"`
	CompanyID        string          `json:"company_id"`
	ExternalID       string          `json:"external_id"`
}

type baselineRide struct {
	ID              string          `json:"id"`
	ReferenceNumber string          `json:"reference_number"`
	Status          string          `json:"status"`
	EstimatedPrice  decimal.Decimal `json:"estimated_price"`
	DistanceKM      decimal.Decimal `json:"distance_km"`
}

// samples serves the document's sample responses from memory, so that the
// benchmark measures the client.
var samples = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/api/rides/estimate/" {
		_, _ = io.WriteString(w, sampleEstimate)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, sampleRide)
})

const (
	sampleEstimate = `{"amount":1200.0,"details":{"base_fare":500,"distance_fare":700}}`
	sampleRide     = `{"id":"9f0d3f5e-8a52-4c0e-9f5a-0d6f8f5e2b11","reference_number":"KPT-123456","status":"PENDING","estimated_price":1200.0,"distance_km":4.5}`
)

func memoryClient(tb testing.TB) (*http.Client, string) {
	return clienttest.Serve(tb, samples), "http://kapiten.localhost"
}

func loopbackClient(tb testing.TB) (*http.Client, string) {
	server := httptest.NewServer(samples)
	tb.Cleanup(server.Close)
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	tb.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}, server.URL
}

type comparison struct {
	name          string
	sdk, baseline func(context.Context) error
	encoding      func() error // of the baseline
}

func comparisons(tb testing.TB, hc *http.Client, url string) []comparison {
	client, err := kapiten.New(kapiten.Config{BaseURL: url, Token: "planted-token", Options: sdk.Options{HTTPClient: hc, AttemptTimeout: -1}})
	require.NoError(tb, err)
	ride := validRide()
	estimate := kapiten.EstimateParams{CompanyID: ride.CompanyID, Pickup: ride.Pickup, Dropoff: ride.Dropoff}
	estimateByHand, rideByHand := baselineCall{hc, url + "/api/rides/estimate/", baselineEstimateRequest{
		ride.Pickup.Latitude, ride.Pickup.Longitude, ride.Dropoff.Latitude, ride.Dropoff.Longitude, ride.CompanyID,
	}, func() any { return new(baselineEstimate) }},
		baselineCall{hc, url + "/api/rides/", baselineRideRequest{
			ride.PickupAddress, ride.Pickup.Latitude, ride.Pickup.Longitude,
			ride.DropoffAddress, ride.Dropoff.Latitude, ride.Dropoff.Longitude,
			baselineContact(ride.Sender), baselineContact(ride.Receiver), ride.CompanyID, ride.ExternalID,
		}, func() any { return new(baselineRide) }}
	return []comparison{
		{
			"Estimate", func(ctx context.Context) error { _, err := client.Rides.Estimate(ctx, estimate); return err },
			estimateByHand.do, func() error { return estimateByHand.encoding(sampleEstimate) },
		},
		{
			"Create", func(ctx context.Context) error { _, err := client.Rides.Create(ctx, ride); return err },
			rideByHand.do, func() error { return rideByHand.encoding(sampleRide) },
		},
	}
}

// BenchmarkCall compares one call with the baseline for the same request over the
// same connection. Baseline and control are the same code: their difference is
// chance.
func BenchmarkCall(b *testing.B) {
	for _, where := range []struct {
		name   string
		client func(testing.TB) (*http.Client, string)
	}{{"memory", memoryClient}, {"loopback", loopbackClient}} {
		hc, url := where.client(b)
		for _, p := range comparisons(b, hc, url) {
			for _, deadline := range []bool{false, true} {
				limit := "open"
				if deadline {
					limit = "deadline"
				}
				for _, side := range []struct {
					name string
					call func(context.Context) error
				}{{"baseline", p.baseline}, {"sdk", p.sdk}, {"control", p.baseline}} {
					b.Run(p.name+"/"+where.name+"/"+limit+"/"+side.name, func(b *testing.B) {
						b.ReportAllocs()
						for b.Loop() {
							if err := once(b.Context(), deadline, side.call); err != nil {
								b.Fatal(err)
							}
						}
					})
				}
			}
		}
	}
}

func once(ctx context.Context, deadline bool, call func(context.Context) error) error {
	if !deadline {
		return call(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return call(ctx)
}

// Allocation counts include the server's, which are the same on both sides. The
// versions of encoding/json allocate differently for the types by hand, while the SDK
// decodes by itself. So each run measures that part and takes it off.
func TestACallAllocatesHardlyMoreThanNetHTTPByHand(t *testing.T) {
	hc, url := memoryClient(t)
	for _, p := range comparisons(t, hc, url) {
		encoding := testing.AllocsPerRun(200, func() {
			if err := p.encoding(); err != nil {
				t.Error(err)
			}
		})
		for _, deadline := range []bool{false, true} {
			measure := func(call func(context.Context) error) float64 {
				return testing.AllocsPerRun(200, func() {
					if err := once(t.Context(), deadline, call); err != nil {
						t.Error(err)
					}
				})
			}
			baseline, sdk := measure(p.baseline), measure(p.sdk)
			t.Logf("%s, deadline %v: by hand %v, %v of them JSON, SDK %v", p.name, deadline, baseline, encoding, sdk)
			assert.LessOrEqual(t, sdk, baseline-encoding+21+clienttest.RaceSlack(), "%s, deadline %v", p.name, deadline)
		}
	}
}
