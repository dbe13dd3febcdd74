package kapiten

import (
	"errors"
	"log/slog"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Sentinels for errors.Is. The same values serve all provider packages of this
// module.
const (
	ErrOutcomeUnknown     = transport.ErrOutcomeUnknown     // the provider may have done it: look before sending again
	ErrNotSent            = transport.ErrNotSent            // nothing left this process
	ErrRejected           = transport.ErrRejected           // Kapiten said it did not do it
	ErrValidation         = transport.ErrValidation         // field errors, ours (nothing sent) or Kapiten's (HTTP 400)
	ErrUnauthorized       = transport.ErrUnauthorized       // HTTP 401: no token, or a bad one
	ErrForbidden          = transport.ErrForbidden          // HTTP 403
	ErrNotFound           = transport.ErrNotFound           // HTTP 404, or a search without a result
	ErrDuplicate          = transport.ErrDuplicate          // a unique field is taken (assumed wording of the framework)
	ErrRateLimited        = transport.ErrRateLimited        // HTTP 429; see Error.RetryAfter
	ErrServer             = transport.ErrServer             // HTTP 5xx
	ErrRedirected         = transport.ErrRedirected         // a redirect that is not followed: usually a wrong path
	ErrUnexpectedResponse = transport.ErrUnexpectedResponse // an answer that cannot be understood
)

// Outcome says whether the provider may have acted on a failed call.
type Outcome = transport.Outcome

const (
	OutcomeNotSent  = transport.NotSent  // nothing left this process
	OutcomeRejected = transport.Rejected // the provider said it did not do it
	OutcomeUnknown  = transport.Unknown  // a request left and no clear answer came
	OutcomeNoEffect = transport.NoEffect // a read got no clear answer
)

// Error is the error of every call. Its text is one line without ids, bodies or
// queries, so that alerts can be grouped by it; what varies is in the fields.
type Error struct {
	Operation  string              // name in the operation table: OpCreateRide, ...
	Outcome    Outcome             // did it happen?
	StatusCode int                 // HTTP status of the last answer; 0 without one
	Message    string              // Kapiten's "detail" or non-field error; may hold what was sent
	Fields     map[string][]string // field errors by dotted path ("sender.phone"), ours or Kapiten's
	RequestID  string              // X-Request-Id of the last answer, if any
	Reference  string              // the caller's external id: what to ask about
	Attempts   int                 // how often the request was sent or tried
	RetryAfter time.Duration       // how long the server asked to wait; 0 when it did not
	Body       []byte              // the last answer, at most 16 KiB; never in Error() or a log

	failure *transport.Failure
}

// Error returns a stable line such as
// "kapiten: rides.create: rate limited: HTTP 429 (outcome: rejected)".
func (e *Error) Error() string { return e.failure.Error() }

// Unwrap gives the cause, among them context.Canceled and
// context.DeadlineExceeded, and makes the sentinels match.
func (e *Error) Unwrap() error { return e.failure }

// LogValue keeps bodies and messages out of logs.
func (e *Error) LogValue() slog.Value { return e.failure.LogValue() }

// GoString keeps the body out of %#v.
func (e *Error) GoString() string { return e.failure.Error() }

// MarshalText keeps them out of encoders.
func (e *Error) MarshalText() ([]byte, error) { return e.failure.MarshalText() }

// publicError shows a failure of the core as *Error.
func publicError(err error) error {
	if err == nil {
		return nil
	}
	var f *transport.Failure
	if !errors.As(err, &f) {
		return err
	}
	return &Error{
		Operation: f.Operation, Outcome: f.Outcome, StatusCode: f.Status, Message: f.Message,
		Fields: f.Fields, RequestID: f.RequestID, Reference: f.Reference, Attempts: f.Attempts,
		RetryAfter: f.RetryAfter, Body: f.Body, failure: f,
	}
}
