package bitpesatest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// name is the provider's name in admin calls and in the socketless URL.
const name = "bitpesa"

// basePath is that of the base URL.
const basePath = "/v1"

// Fake is a fake BitPesa: an http.Handler that serves the API under /v1, and
// methods by which a test drives it. A Fake is safe for concurrent use.
type Fake struct {
	// Control has what every fake has; go doc sdk/fake.Control says more:
	//
	//	Advance(d time.Duration)
	//	Now() time.Time
	//	Waiting() int
	//	AddFault(f fake.Fault) error
	//	AddCallbackFault(r fake.CallbackFault) error
	//	Faults() []fake.Fault
	//	ClearFaults()
	//	Requests() []fake.Request
	//	Deliveries() []fake.Delivery
	//	Redeliver(id string) error
	//	Flush()
	//	Snapshot() ([]byte, error)
	//	Restore(snapshot []byte) error
	//	Reset()
	//	Admin() http.Handler
	//	ServeHTTP(rw http.ResponseWriter, r *http.Request)
	//	HTTPClient() *http.Client
	//	URL() string
	//	World() *fake.World
	//	Close()
	*fake.Control
	world     *fake.World
	config    Config
	keys      map[string]Key
	exchange  exchange
	corridors map[string]corridor
	mux       *http.ServeMux
	state     *state
	moved     []string // recipients that the request in work has moved; the lock guards it
}

// NewServer makes a fake that closes when the test ends. It takes at most one
// Config.
func NewServer(t fake.TB, config ...Config) *Fake { return fake.NewServer(t, New, config) }

// New makes a fake in a world of its own. Close the fake if its clock follows
// real time or its HTTPClient was used.
func New(c Config) *Fake { return NewIn(fake.NewWorld(c.Options), c) }

// NewIn makes a fake in a world that other fakes share, so that one clock moves
// them all. Another fake's World method gives the world; Config.Options is
// ignored. NewIn panics on a key without its secret, on an empty key, on a key
// given twice, on an unknown API version, on a rate that is not above zero and on a
// balance below zero: those are mistakes of the program.
func NewIn(w *fake.World, c Config) *Fake {
	c = c.withDefaults()
	if c.APIVersion != VersionToday && c.APIVersion != VersionBitPesa {
		panic(fmt.Sprintf("bitpesatest: no API version %q", c.APIVersion))
	}
	for code, rate := range c.Rates {
		if !rate.IsPositive() {
			panic(fmt.Sprintf("bitpesatest: the rate of %q is not above zero", code))
		}
	}
	f := &Fake{world: w, config: c, keys: map[string]Key{}, exchange: newExchange(c), corridors: newCorridors(c.APIVersion)}
	for _, k := range c.Keys {
		if k.Key == "" || k.Secret == "" || f.keys[k.Key].Key != "" {
			panic(fmt.Sprintf("bitpesatest: key %q is empty, given twice or without a secret", k.Key))
		}
		for code, amount := range k.Balances {
			if amount.IsNegative() {
				panic(fmt.Sprintf("bitpesatest: key %q has a balance in %q below zero", k.Key, code))
			}
		}
		f.keys[k.Key] = k
	}
	f.mux = f.newMux()
	f.Control = w.Join(fake.Provider{
		Name:    name,
		Base:    basePath,
		Handler: http.HandlerFunc(f.route),
		Reset:   func() { f.state = f.newState() },
		State:   func() any { return f.state },
		Load:    f.load,
		Refuse:  refuse,
		Fire:    f.fire,
		Secrets: []string{"upload"}, // identity documents
		Kinds:   f.kinds(),
		Ledger:  func() *fake.Ledger { return f.state.Ledger },
		Routes:  servedRoutes(),
		Callbacks: fake.Policy{
			Retries:   c.CallbackRetries,
			Sign:      f.signDelivery,
			Attempted: f.attempted,
		},
		Admin: f.adminCalls(),
	})
	return f
}

// ClientConfig is a client configuration for the first account of this fake,
// without a socket.
func (f *Fake) ClientConfig() bitpesa.Config {
	k := f.config.Keys[0]
	return bitpesa.Config{BaseURL: f.URL(), Key: k.Key, Secret: k.Secret, Options: sdk.Options{HTTPClient: f.HTTPClient()}}
}

// Events of the clock.
const (
	eventExpire     = "expire"
	eventPayout     = "payout"
	eventRetry      = "retry"
	eventAutoRefund = "auto_refund"
	eventPayin      = "payin"
)

// fire carries out an event of the clock. The lock is held.
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

// derivedID is an id that does not depend on earlier ids, for things that happen
// side by side.
func (f *Fake) derivedID(parts ...string) string {
	h := f.world.IDs(name).Derived(32, parts...)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// errUnknownState is an illegal move to a state that no move leads to. The admin
// API tells it apart: it is the request's mistake, not the object's state.
var errUnknownState = errors.New("no such state")

var errAmount = errors.New("bitpesatest: the amount must be above zero")

func notKnown(kind, id string) error {
	return fmt.Errorf("bitpesatest: %w: %s %q", fake.ErrNotFound, kind, id)
}

func illegal[S ~string](kind string, from, to S) error {
	return fmt.Errorf("bitpesatest: %w: %s that is %s cannot become %s", fake.ErrIllegalMove, kind, from, to)
}

// transitions are the states that each state may become.
type transitions[S ~string] map[S][]S

func (all transitions[S]) check(kind string, from, to S) error {
	if slices.Contains(all[from], to) {
		return nil
	}
	for _, states := range all {
		if slices.Contains(states, to) {
			return illegal(kind, from, to)
		}
	}
	return fmt.Errorf("bitpesatest: %w: %s cannot be moved to %q: %w", fake.ErrIllegalMove, kind, to, errUnknownState)
}

// kinds are the objects that the admin API shows.
func (f *Fake) kinds() []fake.Kind {
	return []fake.Kind{
		kindOf(f, "transactions", transactions, func(t *transaction) fake.Object {
			return fake.Object{
				ID: t.ID, Reference: t.ExternalID, Title: "transaction", State: string(t.State),
				Result: fake.ResultOf(t.State == bitpesa.TransactionPaid, len(transactionTransitions()[t.State]) == 0),
				Amount: t.Input, Currency: t.Currency, Created: t.Created, Value: t,
				Acts: fake.Acts(fake.AdminPath(name, "transactions", t.ID, "state"), "state", transactionTransitions()[t.State]),
			}
		}),
		kindOf(f, "recipients", recipients, func(r *recipient) fake.Object {
			return fake.Object{
				ID: r.ID, Title: r.Type, State: string(r.State),
				Result: fake.ResultOf(r.State == bitpesa.RecipientSuccess, r.State != bitpesa.RecipientInitial && len(recipientTransitions()[r.State]) == 0),
				Amount: r.Output, Currency: r.OutputCurrency, Created: r.Created, Value: r,
				Acts: fake.Acts(fake.AdminPath(name, "recipients", r.ID, "state"), "state", recipientTransitions()[r.State]),
			}
		}),
		kindOf(f, "senders", senders, func(x *Sender) fake.Object {
			return fake.Object{
				ID: x.ID, Reference: fake.Text(x.Fields["external_id"]), Title: fake.Text(x.Fields["first_name"]) + " " + fake.Text(x.Fields["last_name"]),
				State: string(x.State), Result: fake.ResultOf(x.State == bitpesa.SenderApproved, x.State != bitpesa.SenderInitial && x.State != bitpesa.SenderVerified),
				Created: x.Created, Value: x,
				Acts: fake.Acts(fake.AdminPath(name, "senders", x.ID, "state"), "state", senderTransitions()[x.State]),
			}
		}),
	}
}

// kindOf shows the objects of all accounts.
func kindOf[T any](f *Fake, kind string, in func(*account) *fake.Store[T], show func(*T) fake.Object) fake.Kind {
	all := func() []*T {
		if len(f.state.Accounts) == 1 {
			for _, a := range f.state.Accounts {
				return in(a).All()
			}
		}
		var objects []*T
		for _, key := range slices.Sorted(maps.Keys(f.state.Accounts)) {
			objects = append(objects, in(f.state.Accounts[key]).All()...)
		}
		return objects
	}
	one := func(id string) *T {
		_, x := find(f.state, in, id)
		return x
	}
	return fake.KindOf(kind, all, one, show)
}

func servedRoutes() []fake.Route {
	var all []fake.Route
	for _, op := range bitpesa.Operations() {
		all = append(all, fake.Route{Name: op.Name, Method: op.Method, Path: strings.TrimPrefix(op.Path, basePath), MovesMoney: op.MovesMoney})
	}
	return all
}

// adminCalls are the moves over HTTP.
func (f *Fake) adminCalls() map[string]fake.AdminCall {
	move := func(what string, move func(id string, in stateBody) error) fake.AdminCall {
		return fake.AdminCall{Does: "moves a " + what + " to a state that its state allows", Body: stateBody{}, Response: stateView{}, Handle: f.adminMove(move)}
	}
	return map[string]fake.AdminCall{
		"POST /_fake/bitpesa/senders/{id}/state": move("sender", func(id string, in stateBody) error {
			return f.MoveSender(id, bitpesa.SenderState(in.State))
		}),
		"POST /_fake/bitpesa/transactions/{id}/state": move("transaction", func(id string, in stateBody) error {
			return f.MoveTransaction(id, bitpesa.TransactionState(in.State))
		}),
		"POST /_fake/bitpesa/recipients/{id}/state": move("recipient", func(id string, in stateBody) error {
			return f.MoveRecipient(id, bitpesa.RecipientState(in.State), in.Code)
		}),
		"POST /_fake/bitpesa/account_validations/outage": {
			Does: "turns an outage of account validations on or off", Body: outageBody{}, Response: outageBody{}, Handle: f.adminOutage,
		},
	}
}

// stateView is what became of a sender, transaction or recipient.
type stateView struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

type outageBody struct {
	On *bool `json:"on"`
}

type stateBody struct {
	State string `json:"state"`
	Code  string `json:"code"` // of a recipient's error
}

func (f *Fake) adminMove(move func(id string, in stateBody) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in stateBody
		if !fake.AdminBody(w, r, &in) {
			return
		}
		id := r.PathValue("id")
		err := move(id, in)
		if errors.Is(err, errUnknownState) {
			fake.AdminError(w, http.StatusBadRequest, "state", err.Error())
			return
		}
		fake.AdminMoved(w, stateView{id, f.stateOf(id)}, err, "id", "state")
	}
}

// stateOf is the state of the sender, transaction or recipient with this id.
func (f *Fake) stateOf(id string) string {
	if x, ok := f.Sender(id); ok {
		return string(x.State)
	}
	if t, ok := f.Transaction(id); ok {
		return string(t.State)
	}
	r, _ := f.Recipient(id)
	return string(r.State)
}

func (f *Fake) adminOutage(w http.ResponseWriter, r *http.Request) {
	var in outageBody
	if !fake.AdminBody(w, r, &in) {
		return
	}
	if in.On == nil {
		fake.AdminError(w, http.StatusBadRequest, "on", "on must be true or false")
		return
	}
	f.SetValidationOutage(*in.On)
	fake.AdminRespond(w, http.StatusOK, in)
}
