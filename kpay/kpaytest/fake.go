package kpaytest

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// providerName is the name in admin calls and in the socketless URL.
const providerName = "kpay"

// Fake is a fake KPay: an http.Handler that serves the API and the checkout
// page, and the methods a test drives it with. Those of Control are the same
// for every fake: Advance, Now, AddFault, ClearFaults, AddCallbackFault, Requests,
// Deliveries, Redeliver, Flush, Snapshot, Restore, Reset, Admin, HTTPClient,
// URL, World, Close. It is safe for concurrent use.
type Fake struct {
	*fake.Control
	world  *fake.World
	config Config
	state  *state
}

// NewServer makes a fake that is closed when the test ends. At most one Config
// is taken.
func NewServer(t fake.TB, config ...Config) *Fake {
	t.Helper()
	var c Config
	if len(config) > 0 {
		c = config[0]
	}
	f := New(c)
	f.world.Attach(t)
	return f
}

// New makes a fake in a world of its own. Close it when its clock follows real
// time or its HTTPClient was used.
func New(c Config) *Fake { return NewIn(fake.NewWorld(c.Options), c) }

// NewIn makes a fake in a world that others share, so that one clock moves them
// all; another fake's World method gives it. Config.Options is not looked at.
func NewIn(w *fake.World, c Config) *Fake {
	f := &Fake{world: w, config: c.withDefaults()}
	f.Control = w.Join(fake.Provider{
		Name:      providerName,
		Handler:   http.HandlerFunc(f.serve),
		Reset:     func() { f.state = newState() },
		State:     f.save,
		Load:      f.load,
		Refuse:    f.refuse,
		Fire:      f.fire,
		Callbacks: fake.Policy{Retries: f.config.PostbackRetries, Acknowledged: acknowledged},
		Secrets:   []string{"authkey", fieldExpiry},
		Admin: map[string]http.HandlerFunc{
			"POST /_fake/kpay/payments/{refid}/settle": f.adminSettle,
		},
	})
	return f
}

// Config is the client's configuration for this fake, without a socket.
func (f *Fake) Config() kpay.Config {
	return kpay.Config{
		BaseURL:  f.URL(),
		Options:  sdk.Options{HTTPClient: f.HTTPClient()},
		Username: f.config.Username, Password: f.config.Password, APIKey: f.config.APIKey,
		RetailerID: f.enabledRetailer(),
	}
}

// refuse answers a status that a fault rule asked for. A gateway that fails and
// one that throttles say nothing about the payment, so they carry no retcode.
func (f *Fake) refuse(rw http.ResponseWriter, _ *http.Request, status int, _ time.Duration) {
	body := answer{"reply": http.StatusText(status)}
	switch {
	case status == http.StatusUnauthorized:
		body = missingAuth.body()
	case status == http.StatusForbidden:
		body = foreignAddress.body()
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		body = missingParameters.body()
	}
	f.write(rw, status, body)
}

// write sends an answer.
func (f *Fake) write(rw http.ResponseWriter, status int, a answer) {
	body, err := json.Marshal(f.noisy(a))
	if err != nil {
		panic(err) // strings and integers can always be written
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = rw.Write(body) // into memory
}
