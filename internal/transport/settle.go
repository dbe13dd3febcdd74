package transport

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Finding is what a lookup by reference has found.
type Finding uint8

const (
	// Absent: the provider was asked properly and does not show it. It is not the zero
	// value, so that a forgotten Finding never says "send again".
	Absent Finding = iota + 1
	// Same: the payment that the call asks for.
	Same
	// Failed: the same, and the provider shows that no money moved. It settles no refusal,
	// because the refused request may have made it.
	Failed
	// Different: another payment under the same reference.
	Different
	// Doubtful: the reference is there, and nobody can tell for which payment. The error
	// beside it says why.
	Doubtful
)

// settle decides what follows the failure of a call that can be looked up:
//
//   - A Referenced write whose outcome is open is looked up, and sent once more
//     when it is absent. After a throttle, or a refused token, it is looked up
//     before it is sent again: a request which somebody on the way repeats may
//     have met the throttle, while the first one was carried out.
//   - A Searched write is looked up, but never sent again once it may have left.
//   - A duplicate is looked up, whoever made it.
//   - Any other refusal is looked up once before it is believed: see believe.
//
// While an attempt is open, only finding the payment settles the call. A later
// refusal does not: the first request may still be on its way.
func (c *Core) settle(ctx context.Context, op *sdk.Operation, u *url.URL, body []byte, call *Call, h history, f failure) (failed *sdk.Error, open bool) {
	class := call.class(op.Class)
	for resent, throttles := false, 1; ; throttles++ {
		duplicate := f.kind == Duplicate
		refusedAgain := f.kind == Expired && h.renewed && f.token != ""
		switch {
		case h.open, duplicate, refusedAgain:
		case f.kind == Throttled && class == sdk.Referenced:
			wait, ok := c.waitBefore(ctx, throttles, f.wait)
			if throttles >= c.cfg.MaxAttempts || !ok {
				return believe(ctx, class, call, f)
			}
			if err := Pause(ctx, wait-lookSpan); err != nil {
				f.err.Cause = errors.Join(err, f.err.Cause)
				return f.err, false
			}
		case f.kind == Expired && !h.renewed && c.cfg.Tokens != nil && f.token != "":
			c.cfg.Tokens.Drop(f.token)
			h.renewed = true
		default:
			return believe(ctx, class, call, f)
		}
		if h.open && ctx.Err() != nil {
			return stayUnknown(ctx, f.err, nil), true
		}
		switch found, err := lookRepeatedly(ctx, call.Lookup, !h.open); {
		case err != nil && (h.open || duplicate || found == Doubtful):
			return stayUnknown(ctx, f.err, &otherCall{text: "lookup by reference failed", err: err}), true
		case err != nil: // nothing is open, and the provider has refused
			f.err.Cause = &otherCall{text: "lookup by reference failed", err: err}
			return f.err, false
		case found == Same:
			return nil, false
		case found == Different:
			return taken(f.err, class == sdk.Referenced && !h.open), h.open
		case duplicate && !h.open:
			return stayUnknown(ctx, f.err, errDuplicateAbsent), true
		case refusedAgain && !h.open:
			return f.err, false
		case h.open && (resent || class != sdk.Referenced):
			return stayUnknown(ctx, f.err, errStillAbsent), true
		case h.open && ctx.Err() != nil: // then the lookup's response is not to be trusted
			return stayUnknown(ctx, f.err, nil), true
		}
		resent = resent || h.open
		var next failure
		if h, next = c.send(ctx, op, u, body, call, h); next.err == nil {
			return nil, false
		}
		f = next
	}
}

// lookBefore looks for a write before it is sent for the first time.
func (c *Core) lookBefore(ctx context.Context, op *sdk.Operation, class sdk.Class, call *Call) (found bool, failed *sdk.Error) {
	finding, err := lookOnce(ctx, call.Lookup, true)
	switch {
	case err != nil:
		e := c.unknown(op, class, call)
		e.Cause = &otherCall{text: "lookup by reference failed", err: err, reasons: true}
		if finding != Doubtful { // else there may be the payment, and "not sent" would say "again"
			e.Outcome = sdk.NotSent
		}
		return false, e
	case finding == Different:
		return false, taken(c.unknown(op, class, call), false)
	}
	return finding == Same, nil
}

// lookBehind looks for a write behind another call of this client: one with the same
// reference and other parameters, which may have made a payment. A reference is never
// sent for both, unless the provider keeps references unique and does not show this one.
func (c *Core) lookBehind(ctx context.Context, op *sdk.Operation, class sdk.Class, call *Call) (settled bool, failed *sdk.Error) {
	e := c.unknown(op, class, call)
	switch found, err := lookRepeatedly(ctx, call.Lookup, true); {
	case err != nil:
		return true, stayUnknown(ctx, e, &otherCall{text: "lookup by reference failed", err: err})
	case found == Same:
		return true, nil
	case found == Different:
		return true, taken(e, class == sdk.Referenced)
	case class != sdk.Referenced:
		return true, stayUnknown(ctx, e, errStillAbsent)
	}
	return false, nil
}

func (c *Core) unknown(op *sdk.Operation, class sdk.Class, call *Call) *sdk.Error {
	return &sdk.Error{Provider: c.cfg.Provider, Operation: op.Name, Class: class, Outcome: sdk.Unknown, Reference: call.Reference, IdempotencyKey: call.Key}
}

// taken is the error of a write whose reference belongs to another payment.
func taken(e *sdk.Error, rejected bool) *sdk.Error {
	e.Outcome = sdk.Unknown
	if rejected {
		e.Outcome = sdk.Rejected
	}
	e.Reasons = append([]error{sdk.ErrReferenceTaken}, e.Reasons...)
	e.Cause = errTaken
	return e
}

// Duplicated reports the refusal of a duplicate.
func Duplicated(e *sdk.Error) bool { return errors.Is(e, sdk.ErrDuplicate) }

// believe looks for a write that was refused, and that is not sent again. The payment asked
// for may be the reason: an earlier call has made it and emptied the float, say, and the
// provider looks at the float before the reference. Or somebody on the way has repeated the
// request, and the refusal met the repeat. A look that finds the reference, and cannot tell
// for which payment, makes the outcome unknown. So does a look that fails after a want of
// money, unless the call has looked before it was sent. Whatever else the look says, the
// refusal stands.
func believe(ctx context.Context, class sdk.Class, call *Call, f failure) (failed *sdk.Error, open bool) {
	e := f.err
	switch {
	case e.Outcome != sdk.Rejected:
		return e, false
	case errors.Is(e, sdk.ErrUnauthorized): // so would be the look
		return e, false
	case call.Doubts != nil && call.Doubts(e): // Do looks for it repeatedly
		return e, false
	}
	look := call.Lookup
	if f.kind != Throttled { // a throttle makes no payment, so that a failed one is older
		look = afterRefusal(look)
	}
	// After LookFirst, what is found is new: it did not exist before.
	found, err := lookOnce(ctx, look, !call.LookFirst)
	switch {
	case found == Same && err == nil:
		return nil, false
	case err != nil:
		e.Cause = errors.Join(e.Cause, &otherCall{text: "lookup by reference failed", err: err})
		if found == Doubtful {
			return stayUnknown(ctx, e, nil), true
		}
		if errors.Is(e, sdk.ErrInsufficientFunds) && !call.LookFirst {
			// Nothing is open. But a repeat on the way may have met the refusal: whoever waits
			// sends only what is unique.
			return stayUnknown(ctx, e, nil), class != sdk.Referenced
		}
	case found == Different && f.kind == Throttled && class == sdk.Referenced:
		return taken(e, true), false // waiting would not help. Other refusals say what to mend first
	}
	return e, false
}

// afterRefusal is a look for which a payment that failed is absent.
func afterRefusal(look func(ctx context.Context, existing bool) (Finding, error)) func(ctx context.Context, existing bool) (Finding, error) {
	return func(ctx context.Context, existing bool) (Finding, error) {
		found, err := look(ctx, existing)
		if found == Failed {
			found = Absent
		}
		return found, err
	}
}

// settleRefusal settles a refusal that proves nothing. It returns nil when the payment is
// there. The refusal stands when the payment is absent for three seconds, unless the
// provider calls the request a duplicate.
func settleRefusal(ctx context.Context, e *sdk.Error, call *Call) *sdk.Error {
	if e.Outcome != sdk.Rejected || errors.Is(e, sdk.ErrReferenceTaken) || !call.Doubts(e) {
		return e
	}
	told := *e // calls that share a flight share its error
	look := call.LookRefused
	if look == nil {
		look = call.Lookup
	}
	if look == nil {
		told.Outcome = sdk.Unknown
		return &told
	}
	switch found, err := lookRepeatedly(ctx, afterRefusal(look), true); {
	case err != nil:
		return stayUnknown(ctx, &told, &otherCall{text: "lookup by reference failed", err: err})
	case found == Same:
		return nil
	case found == Different:
		return taken(&told, told.Class == sdk.Referenced)
	case Duplicated(e):
		return stayUnknown(ctx, &told, errDuplicateAbsent)
	}
	return &told
}

const lookSpan = 3 * time.Second // between the first and the last of three looks

// lookRepeatedly looks at once, and again after one and after two more seconds,
// because a provider may show late what it has taken. Only a write that is absent
// each time counts as absent. A wait that does not fit before the deadline is not
// begun. existing says that no attempt of this call can have made what is found.
func lookRepeatedly(ctx context.Context, look func(ctx context.Context, existing bool) (Finding, error), existing bool) (Finding, error) {
	for wait := time.Second; ; wait *= 2 {
		found, err := lookOnce(ctx, look, existing)
		if found != Absent || err != nil || wait > 2*time.Second {
			return found, err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return 0, errNoTimeToLook
		}
		if err := Pause(ctx, wait); err != nil {
			return 0, err
		}
	}
}

// lookOnce looks once. A lookup that gives neither a Finding nor an error tells nothing.
func lookOnce(ctx context.Context, look func(ctx context.Context, existing bool) (Finding, error), existing bool) (Finding, error) {
	found, err := look(ctx, existing)
	switch {
	case found == 0 && err == nil:
		err = errNoFinding
	case found == Failed:
		found = Same
	}
	return found, err
}

// Pause waits, or returns the context's error if that ends first.
func Pause(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stayUnknown gives up on settling a write, for a reason or because the context
// has ended.
func stayUnknown(ctx context.Context, e *sdk.Error, reason error) *sdk.Error {
	e.Outcome = sdk.Unknown
	if reason != nil {
		e.Cause = reason
	}
	if err := ctx.Err(); err != nil && !errors.Is(e.Cause, err) {
		e.Cause = errors.Join(err, e.Cause)
	}
	return e
}

// SaysAbsent reports that a lookup got the provider's own word that no such object exists. Any other failure leaves that open.
func SaysAbsent(err error) bool {
	var e *sdk.Error
	return errors.As(err, &e) && e.Outcome == sdk.Rejected && errors.Is(err, sdk.ErrNotFound)
}

// Absent is the failure of a search that got proper responses and found nothing.
func (c *Core) Absent(op, reference string) *sdk.Error {
	return c.noEffect(op, reference, sdk.ErrNotFound, errNothingFound)
}

// Inconclusive is the failure of a search whose responses do not tell whether the
// object exists.
func (c *Core) Inconclusive(op, reference string, cause error) *sdk.Error {
	return c.noEffect(op, reference, sdk.ErrUnexpectedResponse, &wrapped{text: "search inconclusive", err: cause})
}

func (c *Core) noEffect(op, reference string, reason, cause error) *sdk.Error {
	row := c.Operation(op)
	return &sdk.Error{
		Provider: c.cfg.Provider, Operation: row.Name, Class: row.Class, Outcome: sdk.NoEffect,
		Reference: reference, Reasons: []error{reason}, Cause: cause,
	}
}

const (
	// Waits between two looks of Wait, growing from the first to the second.
	waitMin = 2 * time.Second
	waitMax = 30 * time.Second
	// waitGrace is how long Wait takes "not found" for "not found yet".
	waitGrace = 10 * time.Second
)

// Wait finds an object again and again until the object is final. It outlasts
// outages, and a provider that does not know the object yet. It returns the object
// as last seen, also with an error.
func Wait[T any](ctx context.Context, c *Core, op, reference string, find func(ctx context.Context, reference string) (*T, error), final func(*T) bool) (*T, error) {
	var last *T
	graceEnds := time.Now().Add(waitGrace)
	err := c.Poll(ctx, op, reference, waitMin, waitMax, func(ctx context.Context) (bool, error) {
		found, err := find(ctx, reference)
		switch {
		case SaysAbsent(err) && time.Now().Before(graceEnds):
			return false, nil
		case err != nil:
			return false, err
		}
		last = found
		return final(found), nil
	})
	return last, err
}

// Poll calls check again and again, with growing waits between lo and hi, until
// check says done or fails for good. It outlasts an outage, which says nothing
// about the object. When the context ends first, the error carries its reason.
func (c *Core) Poll(ctx context.Context, op, reference string, lo, hi time.Duration, check func(context.Context) (done bool, err error)) error {
	if ctx == nil {
		return c.Invalid(op, reference, Fields{"context": {"is required"}})
	}
	wait := lo
	for {
		done, err := check(ctx)
		switch {
		case err == nil && done:
			return nil
		case err != nil && (ctx.Err() != nil || !outage(err)):
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			e := c.noEffect(op, reference, nil, &wrapped{text: "stopped waiting", err: ctx.Err()})
			e.Reasons = nil
			return e
		}
		wait = min(wait+wait/2, hi)
	}
}

// outage reports that err leaves the question open, so that asking again later
// makes sense.
func outage(err error) bool {
	var e *sdk.Error
	if !errors.As(err, &e) || errors.Is(err, sdk.ErrValidation) && e.Outcome == sdk.NotSent {
		return false
	}
	for _, settled := range []error{sdk.ErrNotFound, sdk.ErrUnauthorized, sdk.ErrForbidden, sdk.ErrRedirected} {
		if errors.Is(err, settled) {
			return false
		}
	}
	return e.Outcome == sdk.NoEffect || e.Outcome == sdk.NotSent || errors.Is(err, sdk.ErrRateLimited)
}

// sharedKey names the writes of a client that must not be under way at once.
type sharedKey struct{ scope, reference string }

// sharedCall is a write under way. Calls with the same identity wait for it and
// take its result. Calls with another one wait for their turn, and then look for what
// this one has made.
type sharedCall struct {
	identity string
	waiting  int           // calls that take its result
	done     chan struct{} // closed when the fields below are set

	response  *Response  // of a success without a lookup
	existing  bool       // of a success by lookup
	responses *responses // which that lookup got
	err       *sdk.Error
	open      bool // an attempt may have been carried out
	abandoned bool // its caller has gone, or has no time left: the next one goes on
}

// share carries out a write with a reference, unless the same write is under way
// in this client already.
func (c *Core) share(ctx context.Context, op *sdk.Operation, u *url.URL, body []byte, call *Call) *sdk.Error {
	scope, references := call.Scope, call.References
	if scope == "" {
		scope = op.Name
	}
	if references == nil {
		references = []string{call.Reference}
	}
	identity := call.Identity
	if identity == "" {
		identity = string(body)
	}
	identity = op.Name + "\n" + identity // operations of one scope have equal bodies
	var h history
	for {
		c.mu.Lock()
		var s *sharedCall
		for _, reference := range references {
			if s = c.shared[sharedKey{scope, reference}]; s != nil {
				break
			}
		}
		if s == nil {
			s = &sharedCall{identity: identity, done: make(chan struct{})}
			for _, reference := range references {
				c.shared[sharedKey{scope, reference}] = s
			}
			c.mu.Unlock()
			return c.lead(ctx, scope, references, s, op, u, body, call, h)
		}
		s.waiting++
		c.mu.Unlock()
		select {
		case <-s.done:
		case <-ctx.Done():
			class := call.class(op.Class)
			e := c.unknown(op, class, call)
			// It was not yet this call's turn. But a searched write that is "not sent" is
			// called again without a look, and pays beside the one it waited for.
			if s.identity != identity && !h.open && !h.behind && (call.LookFirst || class == sdk.Referenced) {
				e.Outcome = sdk.NotSent
			}
			return withCause(ctx, e)
		}
		switch {
		case s.identity != identity:
			h.behind = h.behind || s.mayHavePaid()
		case s.abandoned:
			h.open = h.open || s.open
		case s.err != nil:
			e := *s.err
			return &e
		default:
			return c.take(ctx, op, call, s)
		}
	}
}

// mayHavePaid reports whether there may be a payment with the reference of a call that
// has ended.
func (s *sharedCall) mayHavePaid() bool {
	return s.err == nil || s.open || s.err.Outcome != sdk.NotSent && s.err.Outcome != sdk.Rejected
}

func withCause(ctx context.Context, e *sdk.Error) *sdk.Error {
	e.Cause = &wrapped{text: errShared.Error(), err: ctx.Err()}
	return e
}

// lead carries the write out for all who wait for it.
func (c *Core) lead(ctx context.Context, scope string, references []string, s *sharedCall, op *sdk.Operation, u *url.URL, body []byte, call *Call, h history) *sdk.Error {
	led := *call
	decode, lookup := call.Decode, call.Lookup
	led.Decode = func(r *Response) error {
		if decode != nil {
			if err := decode(r); err != nil {
				return err
			}
		}
		kept := *r
		s.response = &kept
		return nil
	}
	led.Lookup = func(ctx context.Context, existing bool) (Finding, error) {
		s.existing, s.responses = existing, &responses{of: map[string]Response{}}
		return lookup(context.WithValue(ctx, responsesKey{}, s.responses), existing)
	}
	s.open = true // should the call panic
	defer func() {
		c.mu.Lock()
		for _, reference := range references {
			delete(c.shared, sharedKey{scope, reference})
		}
		c.mu.Unlock()
		if s.waiting > 0 {
			s.keep() // this call's result may have the same bytes
		}
		close(s.done)
	}()
	s.abandoned = true
	s.err, s.open = c.run(ctx, op, u, body, &led, h)
	s.abandoned = s.err != nil && s.err.Outcome != sdk.Rejected && (ctx.Err() != nil || errors.Is(s.err, errNoTimeToLook))
	return s.err
}

// responses are the responses to the reads of a lookup, by request. Calls that have waited
// read them again, instead of each going through the same list.
type responses struct {
	of       map[string]Response
	complete bool
}

type responsesKey struct{}

// keep makes what others will read independent of what this call returns.
func (s *sharedCall) keep() {
	if s.response != nil {
		s.response.Body = bytes.Clone(s.response.Body)
	}
	if s.responses != nil {
		for request, r := range s.responses.of {
			r.Body = bytes.Clone(r.Body)
			s.responses.of[request] = r
		}
		s.responses.complete = true
	}
}

// read carries out a read. As part of a lookup it keeps the response for others, or
// takes what another call has kept.
func (c *Core) read(ctx context.Context, op *sdk.Operation, u *url.URL, body []byte, call *Call) *sdk.Error {
	if known, _ := ctx.Value(responsesKey{}).(*responses); known != nil {
		request := op.Method + " " + u.String() + "\n" + string(body)
		if kept, ok := known.of[request]; ok && known.complete && c.again(op, call, kept) == nil {
			return nil
		}
		if decode := call.Decode; decode != nil && !known.complete {
			noting := *call
			noting.Decode = func(r *Response) error {
				kept := *r
				err := decode(r)
				if err == nil {
					known.of[request] = kept
				}
				return err
			}
			call = &noting
		}
	}
	e, _ := c.run(ctx, op, u, body, call, history{})
	return e
}

// again decodes a response to another call with the same request. Each call gets a
// response of its own, because Decode may keep it.
func (c *Core) again(op *sdk.Operation, call *Call, kept Response) error {
	if call.Decode == nil {
		return nil
	}
	r := Response{Status: kept.Status, Header: kept.Header.Clone(), Body: bytes.Clone(kept.Body), Reference: call.Reference}
	_ = c.cfg.Interpret(*op, &r) // for Parsed
	return call.Decode(&r)
}

// take makes the result of another call this call's.
func (c *Core) take(ctx context.Context, op *sdk.Operation, call *Call, s *sharedCall) *sdk.Error {
	unclear := func(err error) *sdk.Error {
		e := c.unknown(op, call.class(op.Class), call)
		e.Reasons, e.Cause = []error{sdk.ErrUnexpectedResponse}, err
		return e
	}
	if s.response != nil {
		if err := c.again(op, call, *s.response); err != nil {
			return unclear(&wrapped{text: "response not understood", err: err})
		}
		return nil
	}
	switch found, err := lookOnce(context.WithValue(ctx, responsesKey{}, s.responses), call.Lookup, s.existing); {
	case err != nil:
		return unclear(&otherCall{text: "lookup by reference failed", err: err})
	case found != Same:
		return unclear(errStillAbsent)
	}
	return nil
}
