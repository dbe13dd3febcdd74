package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// Provider describes what a flow asks of a provider. P are the parameters of a
// request, and T is what the provider shows of it. Both are stored as JSON. The
// constructors of this package, such as KPay, fill one in. Use New for a write that
// they do not know.
type Provider[P, T any] struct {
	// Identify names a request. It refuses parameters that cannot be sent, or that
	// must not be stored.
	Identify func(P) (Identity, error)
	// Deciding lists, per version, the values that make two requests the same. Plan
	// uses the last version. Never change a version that was released: append one.
	Deciding []func(P) []string
	// Restore reads stored parameters which encoding/json does not read back whole. nil:
	// encoding/json reads them. Plan refuses what is not read back as it was.
	Restore func(stored []byte) (P, error)
	// Steps are the writes, in their order.
	Steps []Step[P, T]
	// Poll asks for the present state. Its error means "cannot tell".
	Poll func(context.Context, Request[P, T]) (T, error)
	// Sweep, if set, asks for many requests at once, in their order. It takes the place
	// of Poll, and of Look of the last step.
	Sweep func(context.Context, []Request[P, T]) ([]Swept[T], error)
	// Judge returns Pending, Succeeded, Failed or Reversed, or Stuck for what waits at
	// the provider until a person acts there. Any other value counts as Pending.
	Judge func(T) Kind
	// Existing reports that the provider already had the request when it was sent.
	// nil: the provider refuses such a request as a duplicate.
	Existing func(T) bool
	// Watch is how long an entry is asked for again after its end, because the
	// provider may still change it. A callback wakes it in any case, if the last step has
	// a Look.
	Watch time.Duration
	// Knocked finds the reference in the body of a callback, and the response that
	// the provider expects.
	Knocked func(body []byte) (reference string, response webhook.Response, err error)
	// Fact reads the state of a request from a callback that the provider has signed, so
	// that nobody need ask. It reports whether the callback is about this very request.
	// nil: a signed callback is a knock like any other.
	Fact func(r Request[P, T], body []byte) (value T, ok bool)
	// Ledger goes through the provider's own list, for Compare. It may yield rows outside
	// of the window, and rows twice. nil: there is no such list.
	Ledger func(context.Context, Window) iter.Seq2[Row, error]

	account account
	// spelt returns p as stored spells what the client fills in, where the client makes the
	// same request of both; otherwise p. nil: the client fills in nothing that decides.
	spelt func(p, stored P) P
}

// account names a list that several flows share. Zero: none does.
type account struct{ owner, list any }

// Identity names a request, and says what it costs.
type Identity struct {
	Reference string
	Amount    decimal.Decimal // zero: the spend limit does not count it
	Currency  string
}

// Step is one write.
type Step[P, T any] struct {
	Name string
	// Class decides what follows when no clear response comes: Referenced, Keyed,
	// Searched or Once.
	Class sdk.Class
	// Prepare encodes the request. It may ask for a quote, because it runs again as
	// long as nothing can have left. It puts no secret and no capability URL in.
	Prepare func(context.Context, Request[P, T]) ([]byte, error)
	// Send makes one attempt with the prepared bytes.
	Send func(context.Context, Request[P, T]) (T, error)
	// Look looks for the result of the attempts. A step without Look is never
	// looked up. An error means CannotTell.
	Look func(context.Context, Request[P, T]) (T, Finding, error)
	// Looks are times since the last attempt. A write counts as absent when a lookup at
	// each of them has not shown it. The last should exceed the time that a request can be
	// held back on its way.
	Looks []time.Duration
	// KeyLife is how long the provider remembers the key of a Keyed step.
	KeyLife time.Duration
	// UnclearRefusals says that the provider's refusals cannot be told apart, so that a
	// refusal may mean that the write is done already. Each refusal is looked up; with
	// UnclearRefusals it is believed only once a lookup says absent.
	UnclearRefusals bool
	// Done reports that what the provider shows has this step done already, so that it
	// is left out. nil: never.
	Done func(T) bool
}

// Swept is what Provider.Sweep has found about one request.
type Swept[T any] struct {
	Value   T
	Finding Finding
	Err     error
}

// Request is what a step works with.
type Request[P, T any] struct {
	Reference string
	Params    P
	Prepared  []byte // what Prepare made; empty in Prepare
	Before    *T     // what the provider showed last; nil before the first response
	// Planned and Sent are when it was planned, and when the step was first sent, by the
	// database's clock. Sent is zero before that.
	Planned, Sent time.Time
}

// Finding is the result of a lookup.
type Finding uint8

const (
	// CannotTell: the lookup says neither yes nor no. It is the zero value.
	CannotTell Finding = iota
	// Found: the provider shows this request.
	Found
	// Absent: the provider itself says that it knows no such request.
	Absent
	// Different: the reference belongs to another request.
	Different
	// Several: more than one request matches.
	Several
)

// Kind says what became of a request.
type Kind string

const (
	Pending   Kind = "pending"   // the provider has accepted it
	Succeeded Kind = "succeeded" // it happened
	Failed    Kind = "failed"    // it did not happen, as far as the provider shows: failed, refused or cancelled
	Reversed  Kind = "reversed"  // it happened, and was taken back
	Corrected Kind = "corrected" // it was reported as failed or reversed, and happened after all
	Stuck     Kind = "stuck"     // nobody knows: a person must look
)

// Change is what your func is told.
type Change[T any] struct {
	Flow, Reference string
	Kind            Kind
	Value           *T     // what the provider showed last; nil when it showed nothing
	Reason          Reason // why it is stuck; empty otherwise
	// Note says in words why it is stuck or failed. It holds no personal data.
	Note string
}

// Func is your func. It runs in the transaction that records a change. Its writes take
// effect once per change, in order per reference. It may run more often: when it
// returns an error, or the transaction fails, nothing of the transaction stays, and the
// same change is tried again. So do nothing in it that a rollback does not undo. Return
// every error of tx: some end the transaction, as a deadlock does on MySQL and each error on
// PostgreSQL. A func that ignores such an error has failed, whatever it returns; on SQLite
// what it writes after that error stays. Its ctx ends after ten minutes, and sooner where
// other entries share the transaction: the change is then told again, alone.
type Func[T any] func(ctx context.Context, tx Tx, c Change[T]) error

// machine is a Provider without its types.
type machine struct {
	name     string
	settings FlowConfig
	steps    []step
	fault    error
	watch    time.Duration
	account  account
	wake     [2]chan struct{} // of this process's loops, by lane
	adopting struct {
		mu    sync.Mutex
		asked time.Time
		on    bool
	}
	// Requests that leave do not wait for your func.
	marks, records committer

	encode  func(params any) ([]byte, error)
	decode  func(stored []byte) (params any, err error)
	digests []func(params any) [sha256.Size]byte
	poll    func(context.Context, *entry) (result, error)
	sweep   func(context.Context, []*entry) error                                    // puts what it finds into each entry
	tell    func(ctx context.Context, tx Tx, e *entry, kind Kind, note string) error // nil: nobody
	knocked func([]byte) (string, webhook.Response, error)
	fact    func(e *entry, body []byte) (a result, ok bool) // nil: none
}

type step struct {
	name    string
	class   sdk.Class
	prepare func(context.Context, *entry) ([]byte, error)
	send    func(context.Context, *entry) (result, error)
	look    func(context.Context, *entry) (result, Finding, error)
	looks   []time.Duration
	keyLife time.Duration
	done    func(a result) bool
	unsure  bool // Step.UnclearRefusals
}

// result is what the provider showed.
type result struct {
	value    []byte
	standing Kind
	existing bool
	shown    any // value before it was encoded
}

// swept is what a sweep has found about an entry.
type swept struct {
	result  result
	finding Finding
	err     error
}

var (
	defaultLooks  = []time.Duration{0, time.Second, 4 * time.Second, 15 * time.Second}
	searchedLooks = []time.Duration{2 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute}
)

func newMachine[P, T any](name string, p Provider[P, T], fn Func[T]) *machine {
	m := &machine{name: name, watch: p.Watch, account: p.account, knocked: p.Knocked}
	for lane := range m.wake {
		m.wake[lane] = make(chan struct{}, 1)
	}
	switch {
	case name == "" || strings.TrimSpace(name) != name || len(name) > 64:
		m.fault = errors.New("its name is empty, too long or has white space at an end")
	case p.Identify == nil || len(p.Deciding) == 0 || len(p.Steps) == 0 || p.Poll == nil && p.Sweep == nil || p.Judge == nil:
		m.fault = errors.New("it has no client, or lacks Identify, Deciding, Steps, Poll or Judge")
	}
	if m.fault != nil {
		return m
	}
	if p.Sweep != nil {
		p = oneByOne(p)
	}
	for _, deciding := range p.Deciding {
		m.digests = append(m.digests, func(params any) [sha256.Size]byte { return digest(deciding(params.(P))) })
	}
	m.encode = func(params any) ([]byte, error) { return json.Marshal(params) }
	if p.Restore == nil {
		p.Restore = func(stored []byte) (params P, err error) {
			err = json.Unmarshal(stored, &params)
			return params, err
		}
	}
	m.decode = func(stored []byte) (any, error) { return p.Restore(stored) }
	seen := func(value T) (result, error) {
		data, err := json.Marshal(value)
		if err != nil {
			return result{}, fmt.Errorf("journal: what the provider showed cannot be stored: %w", err)
		}
		return result{value: data, standing: plain(p.Judge(value)), existing: p.Existing != nil && p.Existing(value), shown: value}, nil
	}
	m.poll = func(ctx context.Context, e *entry) (result, error) {
		request, err := requestOf(p, e)
		if err != nil {
			return result{}, err
		}
		value, err := p.Poll(ctx, request)
		if err != nil {
			return result{}, err
		}
		return seen(value)
	}
	if p.Sweep != nil {
		m.sweep = func(ctx context.Context, entries []*entry) error { return sweepAll(ctx, p, entries, seen) }
	}
	for i, s := range p.Steps {
		m.steps = append(m.steps, newStep(p, s, seen))
		if s.Prepare == nil || s.Send == nil || s.Class == sdk.Safe || s.Class == sdk.Keyed && s.KeyLife <= 0 ||
			(s.Class == sdk.Referenced || s.Class == sdk.Searched) && s.Look == nil {
			m.fault = fmt.Errorf("step %d lacks what its class needs", i+1)
		}
	}
	if p.Fact != nil {
		m.fact = func(e *entry, body []byte) (result, bool) {
			r, err := requestOf(p, e)
			if err != nil {
				return result{}, false
			}
			value, ok := p.Fact(r, body)
			if !ok {
				return result{}, false
			}
			a, err := seen(value)
			return a, err == nil
		}
	}
	if fn == nil {
		return m
	}
	m.tell = func(ctx context.Context, tx Tx, e *entry, kind Kind, note string) (err error) {
		change := Change[T]{Flow: e.flow, Reference: e.reference, Kind: kind, Note: note}
		if kind == Stuck {
			change.Reason = e.reason
		}
		if change.Value, err = shown[T](e); err != nil {
			return err
		}
		// A func that panics must not end the process again at each start.
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("journal: func panicked: %v\n%s", r, debug.Stack())
			}
		}()
		return fn(ctx, tx, change)
	}
	return m
}

func newStep[P, T any](p Provider[P, T], s Step[P, T], seen func(T) (result, error)) step {
	out := step{name: s.Name, class: s.Class, looks: s.Looks, keyLife: s.KeyLife, unsure: s.UnclearRefusals && s.Look != nil}
	if out.looks == nil {
		out.looks = defaultLooks
		if s.Class == sdk.Searched {
			out.looks = searchedLooks
		}
	}
	out.prepare = func(ctx context.Context, e *entry) ([]byte, error) {
		request, err := requestOf(p, e)
		if err != nil {
			return nil, err
		}
		request.Prepared = nil
		return s.Prepare(ctx, request)
	}
	out.send = func(ctx context.Context, e *entry) (result, error) {
		request, err := requestOf(p, e)
		if err != nil {
			return result{}, &sdk.Error{Outcome: sdk.NotSent, Reference: e.reference, Cause: err}
		}
		value, err := s.Send(ctx, request)
		if err != nil {
			return result{}, err
		}
		return seen(value)
	}
	if s.Done != nil {
		out.done = func(a result) bool { return s.Done(a.shown.(T)) }
	}
	if s.Look != nil {
		out.look = func(ctx context.Context, e *entry) (result, Finding, error) {
			request, err := requestOf(p, e)
			if err != nil {
				return result{}, CannotTell, err
			}
			value, finding, err := s.Look(ctx, request)
			if err != nil || finding != Found {
				return result{}, finding, err
			}
			a, err := seen(value)
			return a, finding, err
		}
	}
	return out
}

// oneByOne asks for a single request by a sweep.
func oneByOne[P, T any](p Provider[P, T]) Provider[P, T] {
	look := func(ctx context.Context, r Request[P, T]) (none T, found Finding, err error) {
		all, err := p.Sweep(ctx, []Request[P, T]{r})
		if err == nil && len(all) != 1 {
			err = errNeither
		}
		if err != nil {
			return none, CannotTell, err
		}
		return all[0].Value, all[0].Finding, all[0].Err
	}
	p.Poll = func(ctx context.Context, r Request[P, T]) (T, error) {
		value, found, err := look(ctx, r)
		if err == nil && found != Found {
			err = errNotShown
		}
		return value, err
	}
	p.Steps = slices.Clone(p.Steps)
	if len(p.Steps) > 0 {
		p.Steps[len(p.Steps)-1].Look = look
	}
	return p
}

// errNotShown: a provider which had the request does not show it now.
var errNotShown = errors.New("journal: the provider does not show the request")

// sweepAll puts into each entry what one sweep has found about it.
func sweepAll[P, T any](ctx context.Context, p Provider[P, T], entries []*entry, seen func(T) (result, error)) error {
	var requests []Request[P, T]
	var asked []*entry
	for _, e := range entries {
		r, err := requestOf(p, e)
		if err != nil {
			e.swept = &swept{err: err}
			continue
		}
		requests, asked = append(requests, r), append(asked, e)
	}
	if len(requests) == 0 {
		return nil
	}
	found, err := p.Sweep(ctx, requests)
	if err == nil && len(found) != len(requests) {
		err = errNeither
	}
	for i, e := range asked {
		e.swept = &swept{err: err}
		if err != nil {
			continue
		}
		e.swept.finding, e.swept.err = found[i].Finding, found[i].Err
		if e.swept.err == nil && e.swept.finding == Found {
			e.swept.result, e.swept.err = seen(found[i].Value)
		}
	}
	return err
}

func (m *machine) reads() bool { return m.steps[len(m.steps)-1].look != nil }

func requestOf[P, T any](p Provider[P, T], e *entry) (r Request[P, T], err error) {
	r = Request[P, T]{Reference: e.reference, Prepared: bytes.Clone(e.prepared), Planned: time.UnixMicro(e.createdAt)}
	if e.opened > 0 {
		r.Sent = time.UnixMicro(e.firstSentAt)
	}
	if r.Params, err = p.Restore(e.params); err != nil {
		return r, errStored
	}
	r.Before, err = shown[T](e)
	return r, err
}

func shown[T any](e *entry) (*T, error) {
	if len(e.value) == 0 {
		return nil, nil
	}
	value := new(T)
	if err := json.Unmarshal(e.value, value); err != nil {
		return nil, errStored
	}
	return value, nil
}

// errStored names no value, because it may become a note in the history.
var errStored = errors.New("journal: stored parameters or responses cannot be read by this release")

// unreadable tells a caller that no other try cures it.
func unreadable(what string) error {
	return fmt.Errorf("%w: %s: %w", ErrConfiguration, what, errStored)
}

func plain(k Kind) Kind {
	switch k {
	case Succeeded, Failed, Reversed, Stuck:
		return k
	}
	return Pending
}

// digest is a hash of a list of texts. Lengths stand between them, so that no two
// lists have the same bytes.
func digest(values []string) [sha256.Size]byte {
	h := sha256.New()
	for _, v := range values {
		_ = binary.Write(h, binary.BigEndian, uint64(len(v)))
		_, _ = h.Write([]byte(v))
	}
	return [sha256.Size]byte(h.Sum(nil))
}
