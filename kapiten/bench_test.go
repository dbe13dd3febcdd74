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

// The floor: what a careful engineer writes by hand with net/http and
// encoding/json for the same request, money as decimal included.

type floorCall struct {
	client    *http.Client
	url       string
	body      any
	newAnswer func() any
}

func (f floorCall) do(ctx context.Context) error {
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
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return errors.New(resp.Status)
	}
	return json.Unmarshal(answer, f.newAnswer())
}

type floorEstimateRequest struct {
	PickupLatitude   float64 `json:"pickup_latitude"`
	PickupLongitude  float64 `json:"pickup_longitude"`
	DropoffLatitude  float64 `json:"dropoff_latitude"`
	DropoffLongitude float64 `json:"dropoff_longitude"`
	CompanyID        string  `json:"company_id"`
}

type floorEstimate struct {
	Amount  decimal.Decimal `json:"amount"`
	Details struct {
		BaseFare     decimal.Decimal `json:"base_fare"`
		DistanceFare decimal.Decimal `json:"distance_fare"`
	} `json:"details"`
}

type floorContact struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

type floorRideRequest struct {
	PickupAddress    string       `json:"pickup_address"`
	PickupLatitude   float64      `json:"pickup_latitude"`
	PickupLongitude  float64      `json:"pickup_longitude"`
	DropoffAddress   string       `json:"dropoff_address"`
	DropoffLatitude  float64      `json:"dropoff_latitude"`
	DropoffLongitude float64      `json:"dropoff_longitude"`
	Sender           floorContact `json:"sender"`
	Receiver         floorContact `json:"receiver"`
	CompanyID        string       `json:"company_id"`
	ExternalID       string       `json:"external_id"`
}

type floorRide struct {
	ID              string          `json:"id"`
	ReferenceNumber string          `json:"reference_number"`
	Status          string          `json:"status"`
	EstimatedPrice  decimal.Decimal `json:"estimated_price"`
	DistanceKM      decimal.Decimal `json:"distance_km"`
}

// answers serves the document's sample answers from memory, so that the client
// is what is measured.
var answers = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/api/rides/estimate/" {
		_, _ = io.WriteString(w, `{"amount":1200.0,"details":{"base_fare":500,"distance_fare":700}}`)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"id":"9f0d3f5e-8a52-4c0e-9f5a-0d6f8f5e2b11","reference_number":"KPT-123456","status":"PENDING","estimated_price":1200.0,"distance_km":4.5}`)
})

func memoryClient(tb testing.TB) (*http.Client, string) {
	return clienttest.Serve(tb, answers), "http://kapiten.localhost"
}

func loopbackClient(tb testing.TB) (*http.Client, string) {
	server := httptest.NewServer(answers)
	tb.Cleanup(server.Close)
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	tb.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}, server.URL
}

type pair struct {
	name       string
	sdk, floor func(context.Context) error
}

func pairs(tb testing.TB, hc *http.Client, url string) []pair {
	client, err := kapiten.New(kapiten.Config{BaseURL: url, Token: "planted-token", Options: sdk.Options{HTTPClient: hc, AttemptTimeout: -1}})
	require.NoError(tb, err)
	ride := validRide()
	estimate := kapiten.EstimateParams{CompanyID: ride.CompanyID, Pickup: ride.Pickup, Dropoff: ride.Dropoff}
	return []pair{
		{"Estimate",
			func(ctx context.Context) error { _, err := client.Rides.Estimate(ctx, estimate); return err },
			floorCall{hc, url + "/api/rides/estimate/", floorEstimateRequest{
				ride.Pickup.Latitude, ride.Pickup.Longitude, ride.Dropoff.Latitude, ride.Dropoff.Longitude, ride.CompanyID,
			}, func() any { return new(floorEstimate) }}.do},
		{"Create",
			func(ctx context.Context) error { _, err := client.Rides.Create(ctx, ride); return err },
			floorCall{hc, url + "/api/rides/", floorRideRequest{
				ride.PickupAddress, ride.Pickup.Latitude, ride.Pickup.Longitude,
				ride.DropoffAddress, ride.Dropoff.Latitude, ride.Dropoff.Longitude,
				floorContact(ride.Sender), floorContact(ride.Receiver), ride.CompanyID, ride.ExternalID,
			}, func() any { return new(floorRide) }}.do},
	}
}

// BenchmarkCall compares one call with the floor for the same request over the
// same connection. Floor and control are the same code: their difference is
// what the machine's noise is worth.
func BenchmarkCall(b *testing.B) {
	for _, where := range []struct {
		name   string
		client func(testing.TB) (*http.Client, string)
	}{{"memory", memoryClient}, {"loopback", loopbackClient}} {
		hc, url := where.client(b)
		for _, p := range pairs(b, hc, url) {
			for _, deadline := range []bool{false, true} {
				limit := "open"
				if deadline {
					limit = "deadline"
				}
				for _, side := range []struct {
					name string
					call func(context.Context) error
				}{{"floor", p.floor}, {"sdk", p.sdk}, {"control", p.floor}} {
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

// Allocation counts include the server's, which are the same on both sides.
func TestACallAllocatesHardlyMoreThanNetHTTPByHand(t *testing.T) {
	hc, url := memoryClient(t)
	for _, p := range pairs(t, hc, url) {
		for _, deadline := range []bool{false, true} {
			measure := func(call func(context.Context) error) float64 {
				return testing.AllocsPerRun(200, func() {
					if err := once(t.Context(), deadline, call); err != nil {
						t.Error(err)
					}
				})
			}
			floor, sdk := measure(p.floor), measure(p.sdk)
			t.Logf("%s, deadline %v: by hand %v, SDK %v", p.name, deadline, floor, sdk)
			assert.LessOrEqual(t, sdk, floor+5, "%s, deadline %v", p.name, deadline)
		}
	}
}
