package transport

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// failure is the error of an exchange, or none, and what to do about it.
type failure struct {
	err   *sdk.Error
	kind  Kind
	wait  time.Duration // which a throttle asked for
	token string        // which was refused
}

func (x *exchange) failure(err error) failure {
	a := &x.last
	f := failure{kind: a.verdict.Kind, wait: a.wait, token: a.token}
	shown := a
	if !x.open && !a.recognised() && x.refusal != nil && x.refusal.verdict.Kind != Expired {
		shown = x.refusal // the last attempt was never sent
	}
	e := &sdk.Error{
		Provider: x.core.cfg.Provider, Operation: x.op.Name, Class: x.class, Outcome: x.outcome(),
		StatusCode: shown.response.Status, Code: shown.verdict.Code, Message: shown.verdict.Message, Fields: shown.verdict.Fields,
		RequestID: shown.response.Header.Get("X-Request-Id"), Reference: x.reference, IdempotencyKey: x.key,
		Attempts: x.attempts, RetryAfter: shown.wait, Detail: shown.verdict.Detail,
		Reasons: shown.verdict.Reasons, Cause: withoutOutcome(a.err),
	}
	if body := shown.response.Body; len(body) > 0 {
		e.Body = bytes.Clone(body[:min(len(body), maxFailureBody)])
	}
	if x.number == 0 { // net/http refused the request before any attempt
		e.Cause = err
		if !x.open && x.refusal == nil {
			e.Outcome = sdk.NotSent
		}
		var shown *url.Error
		if errors.As(err, &shown) {
			e.Cause = shown.Err // without the URL
		}
	}
	if ended := x.ended(); ended != nil && a.verdict.Kind != Refused && a.verdict.Kind != Duplicate && !errors.Is(e.Cause, ended) {
		// The caller's own deadline or cancellation is the reason he looks for.
		e.Cause = errors.Join(ended, e.Cause)
	}
	f.err = e
	return f
}

// outcome says what the attempts of the whole call mean together.
func (x *exchange) outcome() sdk.Outcome {
	switch a := &x.last; {
	case x.class == sdk.Safe && !a.recognised() && (a.outcome != sdk.NotSent || x.open || x.refusal != nil):
		return sdk.NoEffect
	case x.class != sdk.Safe && x.open:
		return sdk.Unknown
	case x.refusal != nil:
		return sdk.Rejected
	default:
		return a.outcome
	}
}

// ended says how the caller's context ended. A dialler's own timer can go off
// just before the context's.
func (x *exchange) ended() error {
	if err := x.caller.Err(); err != nil {
		return err
	}
	if deadline, ok := x.caller.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// again decides whether to try once more, and how long to wait before. Repeats
// that need a lookup first are not decided here: they end the exchange.
func (x *exchange) again() bool {
	a := &x.last
	if a.final || x.caller.Err() != nil {
		return false
	}
	if a.verdict.Kind == Expired {
		if x.single && x.core.cfg.Tokens != nil && a.token != "" {
			x.core.cfg.Tokens.Drop(a.token) // the next attempt logs in again
		}
		if x.single || x.renewed || x.looksFirst() || x.core.cfg.Tokens == nil || a.token == "" {
			return false
		}
		x.core.cfg.Tokens.Drop(a.token)
		x.renewed, x.wait = true, 0
		return true
	}
	if x.single || !x.repeatable(a) || x.number >= x.core.cfg.MaxAttempts {
		return false
	}
	wait, ok := x.core.waitBefore(x.caller, x.number, a.wait)
	if errors.Is(a.err, errConnectionStale) && x.number == 1 {
		wait = 0 // the connection was old, not the peer in trouble
	}
	x.wait = wait
	return ok
}

// waitBefore is how long to wait before attempt n+1: as long as the provider asked
// for, or else a random time. It reports whether that wait is to be made at all.
func (c *Core) waitBefore(ctx context.Context, n int, asked time.Duration) (wait time.Duration, ok bool) {
	if asked > c.cfg.MaxRetryAfter {
		return 0, false
	}
	if wait = asked; wait == 0 {
		wait = backoff(n, c.cfg.MinBackoff, c.cfg.MaxBackoff, c.cfg.Jitter)
	}
	deadline, limited := ctx.Deadline()
	return wait, !limited || time.Until(deadline) > wait
}

// looksFirst reports a write that must be looked up before any repeat.
func (x *exchange) looksFirst() bool {
	return x.looks && (x.class == sdk.Referenced || x.class == sdk.Searched)
}

func (x *exchange) repeatable(a *record) bool {
	safe, keyed := x.class == sdk.Safe, x.class == sdk.Keyed
	switch a.verdict.Kind {
	case Throttled:
		return safe || keyed
	case InProgress:
		return keyed
	case Refused, Duplicate:
		return false
	}
	if a.outcome == sdk.NotSent {
		return true
	}
	return (safe || keyed) && !settledStatus(a.response.Status)
}

// settledStatus tells responses which another attempt would only repeat: a page
// that is not there, a redirect that is not followed.
func settledStatus(status int) bool {
	return status >= 300 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

// backoff is the wait before attempt n+1: full jitter under a growing bound.
func backoff(n int, lo, hi time.Duration, jitter func(time.Duration) time.Duration) time.Duration {
	bound := min(lo, hi)
	for i := 1; i < n && bound < hi; i++ {
		bound += min(bound, hi-bound) // twice as long, never beyond hi
	}
	if jitter != nil {
		return min(max(jitter(bound), 1), bound)
	}
	return rand.N(bound) + 1
}

// retryAfter reads the Retry-After header: seconds, with or without decimals, or an
// HTTP date. A date is measured against the response's own Date, because the two
// clocks may differ. It never overflows and never returns less than zero, which
// stands for no wait.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	whole, decimals, _ := strings.Cut(text, ".")
	switch {
	case text == "":
		return 0
	case whole != "" && strings.Trim(whole+decimals, "0123456789") == "":
		seconds, err := strconv.ParseUint(whole, 10, 64)
		if err != nil || seconds > maxRetryAfterSeconds { // beyond uint64, too
			seconds = maxRetryAfterSeconds
		}
		wait := time.Duration(seconds) * time.Second
		if fraction, err := time.ParseDuration("0." + decimals + "s"); err == nil && decimals != "" {
			wait += fraction
		}
		return min(wait, maxRetryAfterSeconds*time.Second)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	return min(max(at.Sub(now), 0), maxRetryAfterSeconds*time.Second)
}

// Long enough to stop any retry, far from overflow.
const maxRetryAfterSeconds = 10 * 365 * 24 * 3600

// mayHaveLeft reports whether the peer may have got enough of an attempt to act on
// it. Without proof of the contrary it may.
func (x *exchange) mayHaveLeft(a *attempt, err error) bool {
	e, unread := &a.seen, len(x.body) == 0
	if !x.core.plain && !unread {
		unread = a.body.seal()
	}
	if x.core.plain {
		unread = true // the hooks tell
	}
	switch {
	case !unread:
		return true
	case !x.core.plain && errors.Is(err, sdk.ErrNotSent):
		return false // the caller's own RoundTripper says so
	case !x.core.plain && len(x.body) == 0 && x.class != sdk.Safe:
		return true // nobody can see whether such a request was sent
	case !e.asked.Load():
		return true // a RoundTripper of which nothing is known
	case !e.got.Load() && !e.wrote.Load():
		return false // no connection was ever had
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, errAttemptTimedOut) || errors.Is(err, errSentAgain) || x.caller.Err() != nil {
		return true // the request may still be written on another goroutine
	}
	// Otherwise net/http has waited for that goroutine.
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.untouched()
}

// problem is a cause with a fixed text of our own.
type problem string

func (p problem) Error() string    { return string(p) }
func (p problem) SafeText() string { return string(p) }

const (
	errAttemptTimedOut = problem("attempt timed out")
	errConnectionStale = problem("connection closed before anything was sent")
	errSentAgain       = problem("net/http was about to send the request again")
	errBodySealed      = problem("body read after the attempt")
	errNoResponse      = problem("the transport returned no response")
	errBodyTooLarge    = problem("response too large")
	errBodyTooLong     = problem("response longer than it says")
	errHeader          = problem("header cannot be sent")
	errLoginEmpty      = problem("login response without a token")
	errLoginPanicked   = problem("login panicked")
	errNothingFound    = problem("nothing found")
	errNoTimeToLook    = problem("no time left to look again before the deadline")
	errStillAbsent     = problem("lookup by reference found nothing")
	errUnnamed         = problem("accepted under another reference, and the lookup found nothing")
	errDuplicateAbsent = problem("reported as a duplicate, but the lookup found nothing")
	errOther           = problem("it is about another payment")
	errUnreadable      = problem("it cannot be compared")
	errTaken           = problem("the reference belongs to another payment")
	errShared          = problem("another call with this reference is still under way")
)

// wrapped is a cause with a fixed text of our own and an error behind it.
type wrapped struct {
	text string
	err  error
}

func (w *wrapped) Error() string    { return w.text + ": " + w.err.Error() }
func (w *wrapped) SafeText() string { return w.text }
func (w *wrapped) Unwrap() error    { return w.err }

// otherCall is the failure of another call, a login or a lookup, as the cause of
// this call's. The other call's outcome must never be taken for this call's: a
// lookup that was not sent leaves a payment unknown, and a caller who asks for
// sdk.ErrNotSent first would pay again.
type otherCall struct {
	text    string
	err     error
	reasons bool // the other call's reasons hold for this call too
}

func (o *otherCall) Error() string { return o.text + ": " + o.err.Error() }

func (o *otherCall) SafeText() string {
	var inner *sdk.Error
	var own interface{ SafeText() string }
	if errors.As(o.err, &inner) || errors.As(o.err, &own) {
		return o.text + ": " + sdk.SafeText(o.err)
	}
	return o.text
}

// withoutOutcome returns a cause that matches no outcome and holds no other call's
// *sdk.Error. A caller's RoundTripper may say "not sent" of a request that was sent,
// and only the outcome of this call may match.
func withoutOutcome(err error) error {
	var e *sdk.Error
	if errors.Is(err, sdk.ErrNotSent) || errors.Is(err, sdk.ErrRejected) || errors.Is(err, sdk.ErrOutcomeUnknown) || errors.As(err, &e) {
		return &otherCall{text: "connection failed", err: err}
	}
	return err
}

// Is hides the other call's outcome, and the end of its context, which may have
// been its own.
func (o *otherCall) Is(target error) bool {
	switch target {
	case sdk.ErrOutcomeUnknown, sdk.ErrNotSent, sdk.ErrRejected, context.Canceled, context.DeadlineExceeded:
		return false
	}
	if sdk.IsReason(target) && !o.reasons {
		return false
	}
	return errors.Is(o.err, target)
}

// As finds errors of other types, a network error say, but not the other call's
// *sdk.Error: errors.As must find this call's only.
func (o *otherCall) As(target any) bool {
	if _, ok := target.(**sdk.Error); ok {
		return false
	}
	return errors.As(o.err, target)
}
