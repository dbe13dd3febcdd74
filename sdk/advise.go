package sdk

import (
	"errors"
	"time"
)

// Advice is what to do after a call. Advice about a lookup speaks of the lookup, not of the
// payment that it looks for: a payment that was not found may still arrive.
type Advice uint8

const (
	// Look: the provider may have acted. Keep the payment pending, look for its
	// reference, and never pay with a new one. It is the zero value.
	Look Advice = iota
	// Done: the call succeeded.
	Done
	// Again: nothing happened. Wait for RetryAfter, then make the same call
	// again, a bounded number of times.
	Again
	// Mend: nothing happened, and the same call would fail again. Change the
	// parameters or what they depend on, the funds of an account say.
	Mend
	// Credentials: the credentials or the set-up are refused. Do not loop.
	Credentials
	// Taken: the reference belongs to another payment. Investigate. A searched write is Look
	// then, and its error matches ErrReferenceTaken.
	Taken
)

// String returns the name of the constant in lower case.
func (a Advice) String() string {
	switch a {
	case Done:
		return "done"
	case Again:
		return "again"
	case Mend:
		return "mend"
	case Credentials:
		return "credentials"
	case Taken:
		return "taken"
	}
	return "look"
}

// Advise says what to do after a call that returned err. A nil error is Done. An
// error that no client of this module made is Look.
func Advise(err error) Advice {
	if err == nil {
		return Done
	}
	var e *Error
	if !errors.As(err, &e) || e == nil || e.Outcome == Unknown {
		return Look
	}
	switch {
	case errors.Is(e, ErrReferenceTaken), errors.Is(e, ErrDuplicate):
		return Taken
	case errors.Is(e, ErrUnauthorized), errors.Is(e, ErrForbidden), errors.Is(e, ErrConfiguration), errors.Is(e, ErrRedirected):
		return Credentials
	case errors.Is(e, ErrRateLimited), e.Outcome == Rejected && e.Code == "" && len(e.Reasons) == 0 && e.Cause != nil:
		return Again // the second: an earlier attempt was refused, the last was not sent
	case errors.Is(e, ErrValidation), errors.Is(e, ErrNotFound), e.Outcome == Rejected:
		return Mend
	}
	return Again // NotSent, or a read without a clear response
}

// minRetryAfter keeps a loop that follows RetryAfter from spinning.
const minRetryAfter = time.Second

// RetryAfter is how long to wait before a call that Advise calls Again: as long as
// the provider asked, and one second at least. It is zero for a nil error.
func RetryAfter(err error) time.Duration {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) && e != nil {
		return max(e.RetryAfter, minRetryAfter)
	}
	return minRetryAfter
}
