package bitpesatest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// name is the provider's name in admin calls and in the socketless URL.
const name = "bitpesa"

// Fake is a fake BitPesa: an http.Handler that serves the API under /v1, and the
// methods a test drives it with. Those of Control are the same for every fake:
// Advance, Now, AddFault, ClearFaults, AddCallbackFault, Requests, Deliveries, Redeliver,
// Flush, Snapshot, Restore, Reset, Admin, HTTPClient, URL, World, Close. It is
// safe for concurrent use.
type Fake struct {
	*fake.Control
	world     *fake.World
	config    Config
	keys      map[string]Key
	exchange  exchange
	corridors map[string]corridor
	routes    []route
	state     *state
}

// Control is what every fake has in common.

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
// all; another fake's World method gives it. Config.Options is not looked at. It
// panics on accounts without key or secret and on a key given twice: those are
// mistakes of the program.
func NewIn(w *fake.World, c Config) *Fake {
	c = c.withDefaults()
	f := &Fake{world: w, config: c, keys: map[string]Key{}, exchange: newExchange(c), corridors: newCorridors(c.Era), routes: newRoutes()}
	for _, k := range c.Keys {
		if k.Key == "" || k.Secret == "" || f.keys[k.Key].Key != "" {
			panic(fmt.Sprintf("bitpesatest: key %q is empty, given twice or without a secret", k.Key))
		}
		f.keys[k.Key] = k
	}
	f.Control = w.Join(fake.Provider{
		Name:    name,
		Base:    base,
		Handler: http.HandlerFunc(f.serve),
		Reset:   func() { f.state = f.newState() },
		State:   func() any { return f.state },
		Load:    f.load,
		Refuse:  refuse,
		Fire:    f.fire,
		Secrets: []string{"upload"}, // identity documents
		Callbacks: fake.Policy{
			Retries:   c.CallbackRetries,
			Sign:      f.signDelivery,
			Attempted: f.attempted,
		},
		Admin: f.adminCalls(),
	})
	return f
}

// base is the path in front of every operation.
const base = "/v1"

// Config is the client's configuration for the first account of this fake,
// without a socket.
func (f *Fake) Config() bitpesa.Config {
	k := f.config.Keys[0]
	return bitpesa.Config{BaseURL: f.URL(), Key: k.Key, Secret: k.Secret, HTTPClient: f.HTTPClient()}
}

func refuse(w http.ResponseWriter, _ *http.Request, status int, _ time.Duration) {
	body, _ := json.Marshal(refused(status).body) // an int and a text
	write(w, status, body)
}

// fire carries out what falls due on the clock. The lock is held.
func (f *Fake) fire(e fake.Event) {
	switch e.Kind {
	case eventExpire:
		f.expire(e.Key)
	case eventPayout:
		f.payoutDue(e.Key)
	case eventRetry:
		f.retryDue(e.Key)
	case eventAutoRefund:
		f.autoRefund(e.Key)
	case eventPayin:
		f.payinDue(e.Key)
	}
}

func (f *Fake) now() time.Time { return f.world.Now() }
func (f *Fake) newID() string  { return f.world.IDs(name).UUID() }

// derivedID is an id that does not depend on what was drawn before, for things
// that happen side by side.
func (f *Fake) derivedID(parts ...string) string {
	h := f.world.IDs(name).Derived(32, parts...)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// Errors of the control calls, for errors.Is.
var (
	ErrNotFound   = errors.New("bitpesatest: not found")
	ErrTransition = errors.New("bitpesatest: transition not allowed")
	ErrState      = errors.New("bitpesatest: unknown state")

	errNoAmount = errors.New("bitpesatest: the amount must be above zero")
)

func notKnown(kind, id string) error { return fmt.Errorf("%w: %s %q", ErrNotFound, kind, id) }

func illegal(kind, from, to string) error {
	return fmt.Errorf("%w: %s that is %s cannot become %s", ErrTransition, kind, from, to)
}

// checkArrow refuses an unknown state and an arrow the table does not have.
func checkArrow(kind string, from map[string][]string, now, state string) error {
	sources, known := from[state]
	switch {
	case !known:
		return fmt.Errorf("%w %q of %s", ErrState, state, kind)
	case !slices.Contains(sources, now):
		return illegal(kind, now, state)
	}
	return nil
}

// adminCalls are the control calls over HTTP.
func (f *Fake) adminCalls() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"POST /_fake/bitpesa/senders/{id}/state": func(w http.ResponseWriter, r *http.Request) {
			f.adminState(w, r, func(id string, in stateBody) error { return f.SetSenderState(id, bitpesa.SenderState(in.State)) })
		},
		"POST /_fake/bitpesa/transactions/{id}/state": func(w http.ResponseWriter, r *http.Request) {
			f.adminState(w, r, func(id string, in stateBody) error {
				return f.SetTransactionState(id, bitpesa.TransactionState(in.State))
			})
		},
		"POST /_fake/bitpesa/recipients/{id}/state": func(w http.ResponseWriter, r *http.Request) {
			f.adminState(w, r, func(id string, in stateBody) error {
				return f.SetRecipientState(id, bitpesa.RecipientState(in.State), in.Code)
			})
		},
		"POST /_fake/bitpesa/account_validations/outage": f.adminOutage,
	}
}

type stateBody struct {
	State string `json:"state"`
	Code  string `json:"code"` // of a recipient's error
}

func (f *Fake) adminState(w http.ResponseWriter, r *http.Request, set func(id string, in stateBody) error) {
	var in stateBody
	if !fake.AdminBody(w, r, &in) {
		return
	}
	id := r.PathValue("id")
	err := set(id, in)
	switch {
	case err == nil:
		fake.AdminAnswer(w, http.StatusOK, map[string]string{"id": id, "state": f.stateOf(id)})
	case errors.Is(err, ErrNotFound):
		fake.AdminError(w, http.StatusNotFound, "id", err.Error())
	case errors.Is(err, ErrState):
		fake.AdminError(w, http.StatusBadRequest, "state", err.Error())
	default:
		fake.AdminError(w, http.StatusConflict, "state", err.Error())
	}
}

// stateOf is the state of whatever has that id.
func (f *Fake) stateOf(id string) string {
	f.world.Lock()
	defer f.world.Unlock()
	if _, x := f.state.sender(id); x != nil {
		return x.State
	}
	if _, t := f.state.transaction(id); t != nil {
		return t.State
	}
	if _, r := f.state.recipient(id); r != nil {
		return r.State
	}
	return ""
}

func (f *Fake) adminOutage(w http.ResponseWriter, r *http.Request) {
	var in struct {
		On *bool `json:"on"`
	}
	if !fake.AdminBody(w, r, &in) {
		return
	}
	if in.On == nil {
		fake.AdminError(w, http.StatusBadRequest, "on", "on must be true or false")
		return
	}
	f.SetValidationOutage(*in.On)
	fake.AdminAnswer(w, http.StatusOK, map[string]bool{"on": *in.On})
}
