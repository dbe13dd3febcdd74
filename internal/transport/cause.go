package transport

import (
	"context"
	"errors"

	"github.com/kapiteni/kapiten-go/sdk"
)

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
