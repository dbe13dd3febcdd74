package kasapay

import (
	"errors"
	"log/slog"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Sentinels for errors.Is. The same values serve all provider packages of this
// module.
const (
	ErrOutcomeUnknown     = transport.ErrOutcomeUnknown     // Kasapay may have done it: ask Status before anything else
	ErrNotSent            = transport.ErrNotSent            // nothing left this process
	ErrRejected           = transport.ErrRejected           // Kasapay said it did not do it
	ErrValidation         = transport.ErrValidation         // field errors, ours (nothing sent) or Kasapay's (assumed form)
	ErrUnauthorized       = transport.ErrUnauthorized       // bad key or secret (documented), or a token refused twice (assumed form)
	ErrForbidden          = transport.ErrForbidden          // HTTP 403 (assumed)
	ErrConfiguration      = transport.ErrConfiguration      // SERVICE_NOT_ALLOWED: the service code is not yours
	ErrNotFound           = transport.ErrNotFound           // Kasapay knows no such payout (assumed form)
	ErrDuplicate          = transport.ErrDuplicate          // the reference was used before (assumed form); ask Status for it
	ErrInsufficientFunds  = transport.ErrInsufficientFunds  // a refusal which says so (assumed; documented is a failure later on)
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
	OutcomeNoEffect = transport.NoEffect // a status question got no clear answer
)

// Error is the error of every call. Its text is one line without ids, bodies or
// queries, so that alerts can be grouped by it; what varies is in the fields.
type Error struct {
	Operation  string  // name in the operation table: OpInitiate, OpStatus
	Outcome    Outcome // did it happen?
	StatusCode int     // HTTP status of the last answer; 0 without one
	// Code is the error_code ("SERVICE_NOT_ALLOWED"), or else the response_code.
	Code         string
	ResponseCode string              // "721" is the documented refusal; empty without one
	Message      string              // the gateway's description; may hold what was sent
	Fields       map[string][]string // field errors by Kasapay's own names ("recipient_type"), ours or Kasapay's
	RequestID    string              // X-Request-Id of the last answer, if any
	Reference    string              // the payout_reference: what to ask about
	Attempts     int                 // how often the request was sent or tried
	RetryAfter   time.Duration       // how long the server asked to wait; 0 when it did not
	Body         []byte              // the last answer, at most 16 KiB; never in Error() or a log

	failure *transport.Failure
}

// Error returns a stable line such as
// "kasapay: payouts.initiate: configuration refused: HTTP 200, code SERVICE_NOT_ALLOWED (outcome: rejected)".
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
	responseCode, _ := f.Detail.(string)
	return &Error{
		Operation: f.Operation, Outcome: f.Outcome, StatusCode: f.Status,
		Code: f.Code, ResponseCode: responseCode, Message: f.Message,
		Fields: f.Fields, RequestID: f.RequestID, Reference: f.Reference, Attempts: f.Attempts,
		RetryAfter: f.RetryAfter, Body: f.Body, failure: f,
	}
}
