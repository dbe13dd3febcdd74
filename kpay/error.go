package kpay

import (
	"errors"
	"log/slog"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Sentinels for errors.Is. The same values serve all provider packages of this
// module. Which code means which is documented at Code.
const (
	ErrOutcomeUnknown     = transport.ErrOutcomeUnknown     // KPay may have done it: ask Status before anything else
	ErrNotSent            = transport.ErrNotSent            // nothing left this process
	ErrRejected           = transport.ErrRejected           // KPay said it did not do it
	ErrValidation         = transport.ErrValidation         // field errors of ours (nothing sent), or KPay's 603, 609, 610
	ErrUnauthorized       = transport.ErrUnauthorized       // 401, 600, 601: no credentials, or bad ones
	ErrForbidden          = transport.ErrForbidden          // 602: this address is not on KPay's allow-list
	ErrConfiguration      = transport.ErrConfiguration      // 500, 602, 604, 605: the account's or the caller's set-up
	ErrNotFound           = transport.ErrNotFound           // 611: KPay knows no such payment
	ErrDuplicate          = transport.ErrDuplicate          // 608: the RefID was used before; ask Status for it
	ErrDeclined           = transport.ErrDeclined           // 02, 606, 607 and refusals of the processor
	ErrInsufficientFunds  = transport.ErrInsufficientFunds  // a refusal which says so (observed)
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
	Operation  string              // name in the operation table: OpPay, OpStatus
	Outcome    Outcome             // did it happen?
	StatusCode int                 // HTTP status of the last answer; 0 without one
	Code       Code                // KPay's own code; empty without one
	Message    string              // KPay's reply or description
	Fields     map[string][]string // field errors by KPay's own names ("msisdn"), always ours
	RequestID  string              // X-Request-Id of the last answer, if any
	Reference  string              // the RefID: what to ask about
	Attempts   int                 // how often the request was sent or tried
	RetryAfter time.Duration       // how long the server asked to wait; 0 when it did not
	Body       []byte              // the last answer, at most 16 KiB; never in Error() or a log

	failure *transport.Failure
}

// Error returns a stable line such as
// "kpay: pay: duplicate: HTTP 200, code 608 (outcome: rejected)".
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
		Operation: f.Operation, Outcome: f.Outcome, StatusCode: f.Status, Code: Code(f.Code), Message: f.Message,
		Fields: f.Fields, RequestID: f.RequestID, Reference: f.Reference, Attempts: f.Attempts,
		RetryAfter: f.RetryAfter, Body: f.Body, failure: f,
	}
}
