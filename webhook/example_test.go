package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// rides stands for client.Rides of package kapiten.
type rides map[string]kapiten.RideStatus

func (r rides) Get(_ context.Context, _, id string) (*kapiten.Ride, error) {
	status, ok := r[id]
	if !ok {
		return nil, sdk.ErrNotFound
	}
	return &kapiten.Ride{ID: id, Status: status}, nil
}

// One handler, mounted under its secret. What it hands on is what the API says.
func ExampleNewKapiten() {
	found := rides{"ride-1": kapiten.RideCompleted}
	h, err := webhook.NewKapiten(found, "company-1", webhook.Config[kapiten.Ride]{
		Auth: webhook.PathSecret("K7QF2MZD4XW5T6PB3RSHNVYLCA"),
		// SELECT EXISTS (SELECT 1 FROM orders WHERE ride_id = $1)
		Known: func(_ context.Context, rideID string) (bool, error) { return rideID == "ride-1", nil },
		Handle: func(_ context.Context, ev webhook.Event[kapiten.Ride]) error {
			fmt.Println(ev.Reference, ev.Status, ev.Trust)
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/hooks/kapiten/", h)

	for _, callback := range []struct{ path, status string }{
		{"/hooks/kapiten/K7QF2MZD4XW5T6PB3RSHNVYLCA", "COMPLETED"},
		{"/hooks/kapiten/K7QF2MZD4XW5T6PB3RSHNVYLCA", "COMPLETED"}, // again
		{"/hooks/kapiten/K7QF2MZD4XW5T6PB3RSHNVYLCA", "PICKED_UP"}, // late
		{"/hooks/kapiten/guessed", "COMPLETED"},
	} {
		body := `{"event":"status_update","ride_id":"ride-1","status":"` + callback.status + `"}`
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, callback.path, strings.NewReader(body)))
		fmt.Println(w.Code)
	}
	// Output:
	// ride-1 COMPLETED confirmed
	// 200
	// 200
	// 200
	// 401
}

func ExamplePathSecret() {
	auth := webhook.PathSecret("new-K7QF2MZD4XW5T6PB3RSH", "old-NVYLCA8J9E2G4U6W1QZX")
	for _, path := range []string{"/hooks/new-K7QF2MZD4XW5T6PB3RSH", "/hooks/old-NVYLCA8J9E2G4U6W1QZX", "/hooks/"} {
		proof, err := webhook.Verify(httptest.NewRequest(http.MethodPost, path, nil), nil, auth)
		fmt.Println(proof.Secret, err)
	}
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 0 not authenticated: the path ends with a slash
}

func ExampleQuerySecret() {
	auth := webhook.QuerySecret("key", "K7QF2MZD4XW5T6PB3RSHNVYLCA")
	for _, target := range []string{"/hooks?key=K7QF2MZD4XW5T6PB3RSHNVYLCA", "/hooks?key=", "/hooks"} {
		_, err := webhook.Verify(httptest.NewRequest(http.MethodPost, target, nil), nil, auth)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// not authenticated
	// not authenticated
}

func ExampleBasicAuth() {
	auth := webhook.BasicAuth("kasapay", "a new and long password", "an old and long password")
	for _, password := range []string{"an old and long password", "guess"} {
		r := httptest.NewRequest(http.MethodPost, "/hooks", nil)
		r.SetBasicAuth("kasapay", password)
		_, err := webhook.Verify(r, nil, auth)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// not authenticated
}

// The load balancer at 10.0.0.1 is trusted to say who called it. What the caller
// wrote into the header stands further left and is ignored.
func ExampleAllowList() {
	auth := webhook.AllowList([]string{"52.50.88.9", "2001:db8::/32"}, "10.0.0.0/8")
	for _, call := range []struct{ peer, forwarded string }{
		{"52.50.88.9:4711", ""},
		{"10.0.0.1:4711", "52.50.88.9"},
		{"10.0.0.1:4711", "52.50.88.9, 203.0.113.7"},
		{"203.0.113.7:4711", "52.50.88.9"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/hooks", nil)
		r.RemoteAddr = call.peer
		if call.forwarded != "" {
			r.Header.Set("X-Forwarded-For", call.forwarded)
		}
		_, err := webhook.Verify(r, nil, auth)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
	// not authenticated
	// not authenticated
}

func ExampleSignature() {
	now := time.Unix(1763742000, 0)
	auth := webhook.Signature(webhook.SignatureConfig{
		Scheme: webhook.Timestamped("Example-Signature"),
		Now:    func() time.Time { return now },
	}, "whsec_new", "whsec_old")

	body := []byte(`{"status":"PAID"}`)
	mac := hmac.New(sha256.New, []byte("whsec_old"))
	fmt.Fprintf(mac, "%d.%s", now.Unix(), body)
	r := httptest.NewRequest(http.MethodPost, "/hooks", nil)
	r.Header.Set("Example-Signature", fmt.Sprintf("t=%d,v1=%s", now.Unix(), hex.EncodeToString(mac.Sum(nil))))

	proof, err := webhook.Verify(r, body, auth)
	fmt.Println(proof.Signed, proof.Secret, err)
	_, err = webhook.Verify(r, []byte(`{"status":"FAILED"}`), auth)
	fmt.Println("changed:", err != nil)
	// Output:
	// true 1 <nil>
	// changed: true
}

func ExampleHexHeader() {
	auth := webhook.Signature(webhook.SignatureConfig{Scheme: webhook.HexHeader("X-Example-Signature", "sha256=")}, "whsec")
	body := []byte(`{"status":"PAID"}`)
	mac := hmac.New(sha256.New, []byte("whsec"))
	mac.Write(body)
	r := httptest.NewRequest(http.MethodPost, "/hooks", nil)
	r.Header.Set("X-Example-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	proof, err := webhook.Verify(r, body, auth)
	fmt.Println(proof.Signed, err)
	// Output: true <nil>
}

// A URL for one payment, given to the provider with the request for it.
func ExampleCapabilities() {
	capabilities, err := webhook.NewCapabilities(webhook.CapabilityConfig{
		Provider: "kpay", BaseURL: "https://shop.example/hooks/kpay",
	}, "a key of at least 16 bytes")
	if err != nil {
		fmt.Println(err)
		return
	}
	callbackURL, err := capabilities.URL(webhook.Bound{
		Reference: "15947234071471114", Amount: decimal.NewNullDecimal(decimal.NewFromInt(4200)), Currency: "RWF",
	})
	fmt.Println(strings.HasPrefix(callbackURL, "https://shop.example/hooks/kpay/"), err)

	proof, err := webhook.Verify(httptest.NewRequest(http.MethodPost, callbackURL, nil), nil, capabilities)
	fmt.Println(proof.Bound.Reference, proof.Bound.Amount.Decimal, proof.Bound.Currency, err)
	_, err = webhook.Verify(httptest.NewRequest(http.MethodPost, callbackURL[:len(callbackURL)-1], nil), nil, capabilities)
	fmt.Println(err)
	// Output:
	// true <nil>
	// 15947234071471114 4200 RWF <nil>
	// not authenticated
}

// While senders move from a password to a secret path, either will do.
func ExampleAnyOf() {
	auth := webhook.AnyOf(webhook.PathSecret("K7QF2MZD4XW5T6PB3RSHNVYLCA"), webhook.BasicAuth("kasapay", "a long enough password"))
	moved := httptest.NewRequest(http.MethodPost, "/hooks/K7QF2MZD4XW5T6PB3RSHNVYLCA", nil)
	notYet := httptest.NewRequest(http.MethodPost, "/hooks", nil)
	notYet.SetBasicAuth("kasapay", "a long enough password")
	for _, r := range []*http.Request{moved, notYet} {
		_, err := webhook.Verify(r, nil, auth)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
}

// The pieces, for code that does not use Handler.
func ExampleVerify() {
	r := httptest.NewRequest(http.MethodPost, "/hooks/K7QF2MZD4XW5T6PB3RSHNVYLCA",
		strings.NewReader(`{"event":"status_update","ride_id":"ride-1","status":"PICKED_UP"}`))
	w := httptest.NewRecorder()

	body, err := webhook.ReadBody(w, r, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := webhook.Verify(r, body, webhook.PathSecret("K7QF2MZD4XW5T6PB3RSHNVYLCA")); err != nil {
		fmt.Println(err)
		return
	}
	source := webhook.Kapiten()
	event, err := source.Decode(body)
	if err != nil {
		fmt.Println(err)
		return
	}
	identity := source.Identify(event)
	fmt.Println(identity.Reference, identity.Status, identity.States.Transition("COMPLETED", identity.Status))
	// Output: ride-1 PICKED_UP stale
}

// Changes whose callback never came are found by asking.
func ExampleReconciler() {
	found := rides{"ride-1": kapiten.RideCompleted}
	h, err := webhook.NewKapiten(found, "company-1", webhook.Config[kapiten.Ride]{
		Auth:  webhook.PathSecret("K7QF2MZD4XW5T6PB3RSHNVYLCA"),
		Known: func(context.Context, string) (bool, error) { return true, nil },
		Handle: func(_ context.Context, ev webhook.Event[kapiten.Ride]) error {
			fmt.Println(ev.Reference, ev.Status, ev.Trust)
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := webhook.NewReconciler(webhook.ReconcilerConfig[kapiten.Ride]{
		Handler: h,
		Open:    open("ride-1"), // SELECT ride_id FROM orders WHERE NOT final
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	sweep, err := r.Sweep(context.Background())
	fmt.Println(sweep.Applied, err)
	// Output:
	// ride-1 COMPLETED confirmed
	// 1 <nil>
}
