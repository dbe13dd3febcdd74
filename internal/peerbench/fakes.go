package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
)

// fakeCells start a fake, and make one object on it. There is no baseline by hand: the
// fake of this SDK stands in its place, and again as the control.
func fakeCells() (cells []*cell, done func(), err error) {
	mock := versioned("stripe-mock", "github.com/stripe/stripe-mock")
	started := func(name string) *side {
		return &side{name: name, do: func(context.Context) error {
			kapitentest.New(kapitentest.Config{}).Close()
			return nil
		}}
	}
	start := &cell{name: "start", where: noSocket, sides: []*side{
		started("kapitentest"),
		{name: mock, heavy: true, do: func(context.Context) error {
			_, err := startMock()
			return err
		}},
		started("kapitentest, again"),
	}}

	var charges http.Handler
	create := &cell{name: "POST create", where: noSocket, sides: []*side{
		rideOnFake("kapitentest, a ride"),
		{name: mock + ", a charge", prepare: func() (err error) {
			if charges == nil {
				charges, err = startMock()
			}
			return err
		}, do: func(ctx context.Context) error {
			return served(charges, ctx, "/v1/charges", "amount=1200&currency=rwf&source=tok_visa", "application/x-www-form-urlencoded", "Bearer sk_test_123", http.StatusOK)
		}},
		rideOnFake("kapitentest, a ride, again"),
	}}
	silent, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, nil, err
	}
	// stripe-mock prints each request.
	stdout := os.Stdout
	os.Stdout = silent
	return []*cell{start, create}, func() { os.Stdout = stdout; _ = silent.Close() }, nil
}

// startMock does what stripe-mock's main does, but for the socket.
func startMock() (http.Handler, error) {
	spec, err1 := server.LoadSpec(embedded.OpenAPISpec, "")
	fixtures, err2 := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	stub, err := server.NewStubServer(fixtures, spec, false, false)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", stub.HandleRequest)
	return &server.DoubleSlashFixHandler{Mux: mux}, nil
}

// rideOnFake makes rides on a fake that is new in each round.
func rideOnFake(name string) *side {
	var (
		fake             *kapitentest.Fake
		body, authorized string
	)
	return &side{
		name: name,
		prepare: func() error {
			fake = kapitentest.New(kapitentest.Config{})
			co := fake.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(1_000_000_000_000)})
			text, err := json.Marshal(rideRequest{
				co.ID, "KK 12 Ave", -1.9441, 30.0619, "KG 7 Ave", -1.9706, 30.1044,
				contactByHand{"Best Pilau", "0788123456"}, contactByHand{"Customer", "0789000111"}, "ORDER-99123",
			})
			body, authorized = string(text), "Token "+co.Token
			return err
		},
		release: func() {
			fake.Close()
			fake = nil
		},
		do: func(ctx context.Context) error {
			return served(fake, ctx, "/api/rides/", body, "application/json", authorized, http.StatusCreated)
		},
	}
}

// served posts to a handler, and looks at the status of the response.
func served(h http.Handler, ctx context.Context, path, body, kind, authorization string, want int) error {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", authorization)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if rec.Code != want {
		return fmt.Errorf("%d %s", rec.Code, rec.Body)
	}
	return nil
}
