package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

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
	errNoFinding       = problem("the lookup says neither what it found nor that it found nothing")
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
