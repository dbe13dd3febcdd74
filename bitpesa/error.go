package bitpesa

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
	ErrRejected           = transport.ErrRejected           // BitPesa said it did not do it
	ErrValidation         = transport.ErrValidation         // field errors, ours (nothing sent) or BitPesa's (HTTP 422 or 400)
	ErrUnauthorized       = transport.ErrUnauthorized       // HTTP 401: key, secret or signature
	ErrForbidden          = transport.ErrForbidden          // HTTP 403 (assumed: not documented)
	ErrNotFound           = transport.ErrNotFound           // HTTP 404, or a search without a result
	ErrDuplicate          = transport.ErrDuplicate          // the external id is taken; see Error.Existing
	ErrInsufficientFunds  = transport.ErrInsufficientFunds  // an error that speaks of insufficient balance (assumed wording)
	ErrRateLimited        = transport.ErrRateLimited        // HTTP 429 (assumed: not documented); see Error.RetryAfter
	ErrServer             = transport.ErrServer             // HTTP 5xx
	ErrRedirected         = transport.ErrRedirected         // redirects are never followed: usually a wrong base URL
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
	Operation  string // name in the operation table: OpCreateTransaction, ...
	Outcome    Outcome
	StatusCode int    // HTTP status of the last answer; 0 without one
	Message    string // BitPesa's object-level sentences or meta.error; may hold what was sent
	// Fields are field errors by dotted path, ours or BitPesa's, list elements
	// by their number from 0: "recipients.0.payout_method.details.bank_account".
	Fields     map[string][]string
	RequestID  string        // X-Request-Id of the last answer, if any
	Reference  string        // what to ask about: the external id, of a debit the transaction's id
	Attempts   int           // how often the request was sent or tried
	RetryAfter time.Duration // how long the server asked to wait; 0 when it did not
	Body       []byte        // the last answer, at most 16 KiB; never in Error() or a log
	// Existing is what the external id of a refused request names already.
	Existing Existing

	failure *transport.Failure
}

// Existing holds the objects of meta.existing; both are nil without any.
type Existing struct {
	Sender      *Sender
	Transaction *Transaction
}

// Error returns a stable line such as
// "bitpesa: transactions.create: validation failed: HTTP 422, fields sender (outcome: rejected)".
func (e *Error) Error() string { return e.failure.Error() }

// Unwrap gives the cause, among them context.Canceled and
// context.DeadlineExceeded, and makes the sentinels match.
func (e *Error) Unwrap() error { return e.failure }

// LogValue keeps bodies and messages out of logs.
func (e *Error) LogValue() slog.Value { return e.failure.LogValue() }

// GoString keeps the body out of %#v.
func (e *Error) GoString() string { return e.failure.Error() }

// unclear is a refusal that does not settle the matter: the same error with an
// unknown outcome.
func unclear(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	f := *e.failure
	f.Outcome = transport.Unknown
	return publicError(&f)
}

// publicError shows a failure of the core as *Error.
func publicError(err error) error {
	if err == nil {
		return nil
	}
	var f *transport.Failure
	if !errors.As(err, &f) {
		return err
	}
	existing, _ := f.Detail.(Existing)
	return &Error{
		Operation: f.Operation, Outcome: f.Outcome, StatusCode: f.Status, Message: f.Message,
		Fields: f.Fields, RequestID: f.RequestID, Reference: f.Reference, Attempts: f.Attempts,
		RetryAfter: f.RetryAfter, Body: f.Body, Existing: existing, failure: f,
	}
}
