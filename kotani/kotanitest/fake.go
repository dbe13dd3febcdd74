package kotanitest

import (
	"net/http"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// providerName is the name in admin calls and in the socketless URL.
const providerName = "kotani"

// Fake is a fake Kotani Pay: an http.Handler that serves the API with its
// FiatConnect section, and the methods a test drives it with. Those of Control
// are the same for every fake: Advance, Now, AddFault, ClearFaults, AddCallbackFault,
// Requests, Deliveries, Redeliver, Flush, Snapshot, Restore, Reset, Admin,
// HTTPClient, URL, World, Close. FiatConnect has its own Control, for its own
// requests, deliveries and rules. It is safe for concurrent use.
type Fake struct {
	*fake.Control

	// FiatConnect is the FiatConnect section, mounted below this fake and also
	// to be served on its own.
	FiatConnect *FiatConnect

	world  *fake.World
	config Config
	routes *http.ServeMux
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
	f.routes = f.newRoutes()
	f.FiatConnect = newFiatConnect(w, f.config.FiatConnect)
	f.Control = w.Join(fake.Provider{
		Name:         providerName,
		Handler:      f.routes,
		Below:        f.FiatConnect.below,
		Reset:        func() { f.state = newState(f.config, w.Now()) },
		State:        func() any { return f.state },
		Load:         f.load,
		Refuse:       refuse,
		Fire:         f.fire,
		ExpireTokens: func() { clear(f.state.Tokens) },
		Callbacks:    fake.Policy{Retries: f.config.CallbackRetries},
		Admin: map[string]http.HandlerFunc{
			"POST /_fake/kotani/transactions/{id}/settle": f.adminSettle,
			"POST /_fake/kotani/orders/{id}/pay":          f.adminPayOrder,
		},
	})
	return f
}

// Config is the client's configuration for this fake, without a socket. What is
// missing for FiatConnect is a Signer.
func (f *Fake) Config() kotani.Config {
	return kotani.Config{
		BaseURL: f.URL(),
		Options: sdk.Options{HTTPClient: f.HTTPClient()}, Routes: f.config.Routes,
		PhoneNumber: f.config.PhoneNumber, CountryCode: "KEN", Password: f.config.Password,
		TokenLifetime: f.config.TokenLifetime,
		FiatConnect:   kotani.FiatConnectConfig{BaseURL: f.FiatConnect.URL(), ChainID: f.config.FiatConnect.ChainID},
	}
}

// Kinds of scheduled events; the key is a request id or a prepay id.
const (
	eventSettle      = "settle"
	eventReverse     = "reverse"
	eventOrderExpiry = "order_expiry"
)

// fire carries out a scheduled event. One that the state has outrun does
// nothing.
func (f *Fake) fire(e fake.Event) {
	t := f.state.byID[e.Key]
	switch {
	case e.Kind == eventOrderExpiry:
		f.expireOrder(e.Key)
	case t == nil:
	case e.Kind == eventSettle && t.Status == kotani.StatusPending:
		f.settlePlanned(t)
	case e.Kind == eventReverse && t.Status == kotani.StatusSuccessful:
		if f.move(t, kotani.StatusReversed, "") != nil { // the money is spent: try again later
			f.after(f.config.ReverseAfter, eventReverse, t.RequestID)
		}
	}
}

func (f *Fake) after(d time.Duration, kind, key string) { f.world.After(d, providerName, kind, key) }

func (f *Fake) ids() *fake.IDs { return f.world.IDs(providerName) }
