package kapitentest

import (
	"net/http"
	"time"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// name is the provider's name in admin calls and in the socketless URL.
const name = "kapiten"

// Fake is a fake Kapiten: an http.Handler that serves the API, and the methods
// a test drives it with. Those of Control are the same for every fake: Advance,
// Now, AddFault, ClearFaults, AddCallbackFault, Requests, Deliveries, Redeliver, Flush,
// Snapshot, Restore, Reset, Admin, HTTPClient, URL, World, Close. It is safe
// for concurrent use.
type Fake struct {
	*fake.Control
	world  *fake.World
	config Config
	routes []view
	ids    *fake.IDs
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
	c = c.withDefaults()
	f := &Fake{world: w, config: c, routes: newViews(c.Routes)}
	f.Control = w.Join(fake.Provider{
		Name:         name,
		Handler:      http.HandlerFunc(f.serve),
		Reset:        f.reset,
		State:        func() any { return f.state.save() },
		Load:         f.load,
		Refuse:       f.refuse,
		Fire:         f.fire,
		ExpireTokens: f.expireTokens,
		Callbacks:    fake.Policy{Retries: c.CallbackRetries},
		Admin:        f.adminRoutes(),
	})
	return f
}

// Config is the client's configuration for a company of this fake, without a
// socket.
func (f *Fake) ClientConfig(co Company) kapiten.Config {
	return kapiten.Config{BaseURL: f.URL(), Token: co.Token, HTTPClient: f.HTTPClient()}
}

func (f *Fake) reset() {
	f.ids = f.world.IDs(name)
	f.state = newState()
}

// Kinds of scheduled events; the key is the ride's or the transaction's id.
const (
	eventUnpaid       = "unpaid"        // nobody paid the ride in time
	eventUnmatched    = "unmatched"     // no rider took it in time
	eventAutopilot    = "autopilot"     // the rider takes one step
	eventTopUpPaid    = "topup_paid"    // the payer agreed
	eventTopUpRefused = "topup_refused" // the payer did not
)

// fire carries out a scheduled event. One that the ride's state has outrun does
// nothing.
func (f *Fake) fire(e fake.Event) {
	r := f.state.rides[e.Key]
	switch {
	case e.Kind == eventTopUpPaid:
		_ = f.settle(e.Key, kapiten.TransactionSuccess) // refused when a test settled it already
	case e.Kind == eventTopUpRefused:
		_ = f.settle(e.Key, kapiten.TransactionFailed)
	case r == nil:
	case e.Kind == eventUnpaid && r.Status == kapiten.RideWaitingPayment:
		f.enter(r, kapiten.RideCancelled)
	case e.Kind == eventUnmatched && r.Status == kapiten.RidePending:
		f.enter(r, kapiten.RideRejected)
	case e.Kind == eventAutopilot:
		f.drive(r)
	}
}

func (f *Fake) after(d time.Duration, kind, key string) { f.world.After(d, name, kind, key) }

// expireTokens gives every user a new token, as if the old one was revoked.
func (f *Fake) expireTokens() {
	clear(f.state.byToken)
	for _, co := range f.state.companies {
		for _, u := range co.users {
			u.Token = f.ids.Hex(tokenLength)
			f.state.byToken[u.Token] = u
		}
	}
}
