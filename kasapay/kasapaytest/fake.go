package kasapaytest

import (
	"net/http"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// providerName is the name in admin calls and in the socketless URL.
const providerName = "kasapay"

// Fake is a fake Kasapay: an http.Handler that serves the API, and the methods
// a test drives it with. Those of Control are the same for every fake: Advance,
// Now, AddFault, ClearFaults, AddCallbackFault, Requests, Deliveries, Redeliver, Flush,
// Snapshot, Restore, Reset, Admin, HTTPClient, URL, World, Close. It is safe
// for concurrent use.
type Fake struct {
	*fake.Control
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
	f := &Fake{world: w, config: c.withDefaults(), routes: http.NewServeMux()}
	f.routes.HandleFunc("POST /v1/auth", f.login)
	f.routes.HandleFunc("POST /v1/payouts/b2b/initiate", f.authorised(f.initiate))
	f.routes.HandleFunc("GET /v1/payouts/b2b/{reference}/status", f.authorised(f.status))
	f.routes.HandleFunc("/", f.noRoute)
	f.Control = w.Join(fake.Provider{
		Name:         providerName,
		Handler:      f.routes,
		Reset:        func() { f.state = newState(f.config, w.Now()) },
		State:        f.save,
		Load:         f.load,
		Refuse:       f.refuse,
		Fire:         f.fire,
		ExpireTokens: func() { f.state.TokenEpoch++ },
		Callbacks:    fake.Policy{Retries: f.config.CallbackRetries, Acknowledged: f.acknowledged},
		Admin: map[string]http.HandlerFunc{
			"POST /_fake/kasapay/payouts/{reference}/settle": f.adminSettle,
		},
	})
	return f
}

// Config is the client's configuration for this fake, without a socket.
func (f *Fake) Config() kasapay.Config {
	c := kasapay.Config{
		BaseURL:     f.URL(),
		Options:     sdk.Options{HTTPClient: f.HTTPClient()},
		ConsumerKey: f.config.ConsumerKey, ConsumerSecret: f.config.ConsumerSecret,
	}
	if len(f.config.ServiceCodes) > 0 {
		c.ServiceCode = f.config.ServiceCodes[0]
	}
	return c
}
