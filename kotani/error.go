package kotani

import (
	"errors"
	"log/slog"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Sentinels for errors.Is. The same values serve all provider packages of this
// module. Kotani has no error codes: which of its texts mean what is taken from
// the operator's 2022 source. FiatConnect's codes are FiatConnectCode.
const (
	ErrOutcomeUnknown     = transport.ErrOutcomeUnknown     // the provider may have done it: look before sending again
	ErrNotSent            = transport.ErrNotSent            // nothing left this process
	ErrRejected           = transport.ErrRejected           // Kotani said it did not do it
	ErrValidation         = transport.ErrValidation         // bad parameters: ours (nothing sent) or "... is required", "invalid ..."
	ErrUnauthorized       = transport.ErrUnauthorized       // a bad login, a refused token or session
	ErrForbidden          = transport.ErrForbidden          // not allowed to this user
	ErrNotFound           = transport.ErrNotFound           // HTTP 404, "... not found", "... does not exist"
	ErrDuplicate          = transport.ErrDuplicate          // the reference, hash, user or account exists already
	ErrInProgress         = transport.ErrInProgress         // a transfer with the same idempotency key is still being made
	ErrRateLimited        = transport.ErrRateLimited        // HTTP 429; see Error.RetryAfter
	ErrInsufficientFunds  = transport.ErrInsufficientFunds  // "insufficient balance", "Not enough ..."
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
	Operation  string              // name in the operation table: OpDeposit, ...
	Outcome    Outcome             // did it happen?
	StatusCode int                 // HTTP status of the last answer; 0 without one
	Code       string              // "status" of a Kotani body ("400", also inside an HTTP 200), or a FiatConnectCode
	Message    string              // Kotani's text; may hold what was sent
	Fields     map[string][]string // field errors by dotted path ("phoneNumber"), ours
	RequestID  string              // X-Request-Id of the last answer, if any
	Reference  string              // external id, transaction hash, quote id or idempotency key: what to ask about
	// IdempotencyKey is that of a FiatConnect transfer. Repeating the call with
	// the same parameters and this key is always safe.
	IdempotencyKey string
	Attempts       int           // how often the request was sent or tried
	RetryAfter     time.Duration // how long the server asked to wait; 0 when it did not
	Body           []byte        // the last answer, at most 16 KiB; never in Error() or a log

	failure *transport.Failure
}

// Error returns a stable line such as
// "kotani: fiat.withdraw: insufficient funds: HTTP 200, code 400 (outcome: rejected)".
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
		Operation: f.Operation, Outcome: f.Outcome, StatusCode: f.Status, Code: f.Code, Message: f.Message,
		Fields: f.Fields, RequestID: f.RequestID, Reference: f.Reference, Attempts: f.Attempts,
		RetryAfter: f.RetryAfter, Body: f.Body, failure: f,
	}
}
