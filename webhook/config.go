package webhook

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"time"
)

// Config sets up a Handler. Set Auth, one of Handle and HandleTx, and for unsigned
// providers Known, unless each delivery comes to a capability URL. The zero value of
// everything else is useful.
type Config[E any] struct {
	// Auth decides who may deliver. AnyOf and AllOf join several authenticators.
	Auth Authenticator
	// Known reports whether a reference is yours. A delivery about another one gets
	// 404, and nobody is asked. If Known fails, the sender gets 503. It is not called
	// for a capability URL, which only you can have minted, nor for signed deliveries.
	Known func(ctx context.Context, reference string) (bool, error)

	// Inbox; nil is a MemoryInbox of its own.
	Inbox Inbox
	// Account names your account at the provider. Set it if handlers of two accounts
	// share an inbox. Otherwise an "order-1" of the second is taken for a duplicate of
	// the first's, and never handed on. The inbox then keeps references under the
	// provider's name, a slash and Account. Do not change it later: the references get
	// new rows, and an event that comes again is handed on again. One of the accounts
	// can do without, such as the account whose rows are there already.
	Account string
	// HandleTx is your function with the transaction that also marks the event, so
	// that its writes take effect exactly once. Inbox must be a *SQLInbox on the
	// database you write to. Write only through tx; do not commit or roll back. If it
	// returns an error, the sender gets 500 and retries. Return every error of tx: some end
	// the transaction, as a deadlock does on MySQL and each error on PostgreSQL. A function
	// that ignores such an error has failed, whatever it returns; on SQLite what it writes
	// after that error stays.
	HandleTx func(ctx context.Context, tx *sql.Tx, ev Event[E]) error
	// Handle is your function without a transaction, for a MemoryInbox. It may run
	// twice for one event.
	Handle func(ctx context.Context, ev Event[E]) error

	// Timeout bounds the work on one delivery, your function included; 0 is 30 s. It must
	// hold two questions to the provider's API, and a second between them. The work goes on
	// when the sender hangs up.
	Timeout time.Duration
	// Wait is how long a delivery waits for another of its reference; 0 is 5 s. Then
	// the sender gets 503.
	Wait time.Duration
	// AskTimeout bounds one question to the provider's API; 0 is a third of Timeout, at
	// most 10 s.
	AskTimeout time.Duration
	// AskRate is the most questions a second of this process; 0 is 20. About one
	// reference, eight may come at once, and then one a second. A question may be several
	// requests, all within AskTimeout: the client repeats a request that fails, and looks
	// for a ride page after page. If the posted status is ahead of the API's, up to three
	// questions are asked. If the API takes back what was applied, it is asked again a
	// second later: once, or up to three times if the state changes meanwhile.
	//
	// If more would come, references about which no question was in vain in the last
	// two minutes go first. So a forger who knows references of yours delays no event
	// about another. Two things remain to a forger. A reference that is flooded itself
	// waits for its turn among all that are: 300 of them take 15 s at 20 a second. And
	// new references at more than AskRate a second, which at 20 are 2,400 in two minutes,
	// hold up all others. Then change the URL's secret; a Reconciler finds what was held up.
	AskRate int
	// MaxBody is the largest body in bytes; 0 is DefaultMaxBody.
	MaxBody int64

	// Logger; nil is silent. It never gets paths, bodies or secrets.
	Logger *slog.Logger
	// Report is called with an *Error for every delivery that was refused or
	// failed. It must return soon and be safe for concurrent use. Wake somebody for
	// ErrMismatch.
	Report func(ctx context.Context, err error)
	// Observe is called with each step of a delivery, for metrics. It must return
	// soon and be safe for concurrent use.
	Observe func(ctx context.Context, o Observation)

	// InsecureBelievePosted hands on what was posted, unsigned and unconfirmed, as
	// Posted. Anybody who finds the URL can then say that an order was paid. It is refused
	// where an API can be asked.
	InsecureBelievePosted bool
}

const shownConfig = "webhook.Config{...}"

// Format keeps secrets out of anything printed.
func (Config[E]) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps them out of encoders, JSON among them.
func (Config[E]) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps them out of logs.
func (Config[E]) LogValue() slog.Value { return slog.StringValue(shownConfig) }

// Step is a step of a delivery.
type Step string

const (
	StepReceived  Step = "received"  // a request came in
	StepRefused   Step = "refused"   // it got an error status; Reason says why
	StepConfirmed Step = "confirmed" // the API responded; Took is its time
	StepHandedOn  Step = "handed on" // your function has taken it, and it is marked; Took is the lag since the request came
	StepNotNew    Step = "not new"   // a duplicate or stale, and acknowledged
)

// Observation is what Config.Observe gets. Provider, Step, Reason and Transition
// have few values and fit as labels.
type Observation struct {
	Provider   string
	Step       Step
	Reason     string // of StepRefused: the text of a sentinel, or "handler"
	Transition Transition
	Took       time.Duration
}

func (c Config[E]) withDefaults() Config[E] {
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.Wait = cmp.Or(c.Wait, 5*time.Second)
	c.AskTimeout = cmp.Or(c.AskTimeout, min(10*time.Second, c.Timeout/3))
	c.AskRate = cmp.Or(c.AskRate, 20)
	c.MaxBody = cmp.Or(c.MaxBody, DefaultMaxBody)
	if isNil(c.Inbox) {
		c.Inbox = NewMemoryInbox(MemoryInboxConfig{})
	}
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	return c
}

// repeatAfter is how long a response that undoes a state waits for the question that
// must repeat it: a copy of the provider's database may lag behind.
func (c Config[E]) repeatAfter() time.Duration { return min(time.Second, c.Timeout/8) }

// key is under which name the inbox keeps the references of a source.
func (c Config[E]) key(s Source[E]) string {
	key := s.Provider + s.scope
	if c.Account != "" {
		key += "/" + c.Account
	}
	return key
}

// check names all faults at once; c has its defaults.
func (c Config[E]) check(s Source[E]) error {
	var f faults
	f.must(s.Provider != "" && s.Decode != nil && s.Identify != nil, "Source without Provider, Decode or Identify")
	f.all = append(f.all, faultOf(c.Auth))
	proves := whatProves(c.Auth)
	for _, p := range proves.providers {
		f.must(p == s.Provider, "Auth has Capabilities of %q, and this handler is for %q", p, s.Provider)
	}
	switch {
	case s.Ask != nil:
		f.must(!c.InsecureBelievePosted, "InsecureBelievePosted, but the API can be asked")
		f.must(c.Known != nil || proves.bound, "set Known, or accept only Capabilities: nothing tells your references from invented ones")
	case !c.InsecureBelievePosted:
		f.must(proves.signed, "nothing tells the provider from a stranger: Auth must check a signature, or Source needs Ask")
	}
	f.must(c.Account == "" || plain(c.key(s)) && strings.TrimSpace(c.Account) == c.Account,
		"Account must be plain text without white space at its ends, of at most %d bytes with the provider's name", maxNameBytes)
	f.must((c.Handle == nil) != (c.HandleTx == nil), "need exactly one of Handle and HandleTx")
	_, overSQL := c.Inbox.(*SQLInbox)
	f.must(c.HandleTx == nil || overSQL, "HandleTx needs a *SQLInbox")
	f.must(c.Handle == nil || !overSQL, "a *SQLInbox needs HandleTx")
	f.must(c.Timeout > 0 && c.Wait > 0 && c.AskTimeout > 0 && c.AskRate > 0 && c.MaxBody > 0, "negative limit")
	f.must(s.Ask == nil || c.Timeout < 0 || c.Timeout >= 2*c.AskTimeout+c.repeatAfter(), "Timeout must hold two questions of AskTimeout, and a second between them")
	return f.err()
}

// faults collects all that is wrong with a configuration.
type faults struct {
	of  string // names the constructor
	all []error
}

func (f *faults) must(ok bool, text string, args ...any) {
	if !ok {
		f.all = append(f.all, fmt.Errorf("%w: %s%s", ErrConfiguration, f.of, fmt.Sprintf(text, args...)))
	}
}

func (f *faults) err() error { return errors.Join(f.all...) }

// isNil finds typed nils, too.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Interface, reflect.Slice, reflect.Chan:
		return r.IsNil()
	default:
		return false
	}
}

// needClient refuses a constructor without a client to ask, along with all that
// New refuses.
func needClient[E any](client any, source Source[E], cfg Config[E]) (*Handler[E], error) {
	h, err := New(source, cfg)
	if isNil(client) {
		return nil, errors.Join(fmt.Errorf("%w: no client to ask %s", ErrConfiguration, source.Provider), err)
	}
	return h, err
}

// orNow is the clock of a configuration; nil is time.Now.
func orNow(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}
