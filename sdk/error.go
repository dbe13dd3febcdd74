package sdk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Outcome says whether the provider may have acted on a call that failed.
type Outcome uint8

const (
	// Unknown: the request left, or may have left, and neither a response nor a lookup
	// settles what came of it. It is the zero value, so that a forgotten Outcome never
	// says "repeat".
	Unknown Outcome = iota
	// NotSent: not one byte of the request left this process.
	NotSent
	// Rejected: the provider said, in its own words, that it did not do it.
	Rejected
	// NoEffect: an operation of class Safe got no clear response. Nothing moved.
	NoEffect
)

// String returns "unknown", "not sent", "rejected" or "no effect".
func (o Outcome) String() string {
	switch o {
	case NotSent:
		return "not sent"
	case Rejected:
		return "rejected"
	case NoEffect:
		return "no effect"
	}
	return "unknown"
}

// MarshalText writes what String returns.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Sentinels for errors.Is, the same for all packages. The first three are the
// Outcome of the whole call. The others give reasons, of the last response only:
// ask for ErrOutcomeUnknown first. They are constants, so that nobody can
// reassign them.
const (
	ErrOutcomeUnknown = sentinel("outcome unknown") // the provider may have done it
	ErrNotSent        = sentinel("not sent")        // nothing left this process
	ErrRejected       = sentinel("rejected")        // the provider said that it did not do it

	ErrValidation         = sentinel("validation failed")     // bad parameters; see Error.Fields
	ErrUnauthorized       = sentinel("unauthorized")          // bad or missing credentials
	ErrForbidden          = sentinel("forbidden")             // these credentials are not allowed to do this
	ErrConfiguration      = sentinel("configuration refused") // the set-up of the account or of the client
	ErrNotFound           = sentinel("not found")             // the provider says that there is no such object, or a search ended without a result
	ErrDuplicate          = sentinel("duplicate")             // a reference or a unique field is taken
	ErrReferenceTaken     = sentinel("reference taken")       // the reference belongs to another payment
	ErrInProgress         = sentinel("still in progress")     // a request with the same key is being worked on
	ErrRateLimited        = sentinel("rate limited")          // too many requests; see RetryAfter
	ErrInsufficientFunds  = sentinel("insufficient funds")    // the account that pays does not cover it
	ErrDeclined           = sentinel("declined")              // the payer's or the recipient's side refused
	ErrServer             = sentinel("server error")          // HTTP 5xx
	ErrRedirected         = sentinel("redirect refused")      // a redirect that is not followed: usually a wrong path
	ErrUnexpectedResponse = sentinel("unexpected response")   // a response that cannot be understood
)

type sentinel string

func (s sentinel) Error() string { return string(s) }

// Error is the error of every call of every client. Its text is one line without
// ids, bodies or queries, so that alerts can be grouped by it. The details, which
// differ from call to call, are in the fields.
type Error struct {
	Provider  string  // "kpay"
	Operation string  // name of the row in the operation table: "pay"
	Class     Class   // how the operation may be repeated
	Outcome   Outcome // may the provider have acted?

	StatusCode     int                 // HTTP status of the last response; 0 without one
	Code           string              // the provider's own code; empty without one
	Message        string              // the provider's own words; may hold personal data
	Fields         map[string][]string // faults by dotted field name, ours or the provider's; may hold sent values
	RequestID      string              // X-Request-Id of the last response
	Reference      string              // the caller's own reference: what to look for
	IdempotencyKey string              // of a Keyed operation: the same key again never acts twice
	Attempts       int                 // requests begun, those that could not be sent among them
	RetryAfter     time.Duration       // how long the provider asked to wait; 0 when it did not
	Body           []byte              // the last response, at most 16 KiB
	Detail         any                 // the provider's own terms; its package names the type
	Reasons        []error             // the sentinels that match, besides the Outcome's
	Cause          error               // a network error, a context error, a decode error
}

// Error returns a line such as
// "kpay: pay: duplicate: HTTP 200, code 608 (outcome: rejected)".
func (e *Error) Error() string {
	if e == nil {
		return "no error"
	}
	if e.refusedHere() {
		return e.summary() + " (nothing was sent)"
	}
	return e.summary() + " (outcome: " + e.Outcome.String() + ")"
}

// summary is the line without the outcome, for another error that has this one as
// its cause: a line names one outcome only.
func (e *Error) summary() string {
	var parts []string
	for _, part := range []string{e.Provider, e.Operation} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if e.refusedHere() {
		var faults []string
		for _, name := range e.fieldNames() {
			faults = append(faults, plain(name)+": "+strings.Join(e.Fields[name], ", "))
		}
		return strings.Join(append(parts, "invalid parameters", strings.Join(faults, "; ")), ": ")
	}
	for _, reason := range e.Reasons {
		if reason != nil {
			parts = append(parts, reason.Error())
		}
	}
	last := ""
	switch {
	case e.StatusCode != 0:
		last = "HTTP " + strconv.Itoa(e.StatusCode)
	case e.Cause != nil:
		last = SafeText(e.Cause)
	case e.Outcome == Unknown || e.Outcome == NoEffect:
		last = "no response"
	}
	if e.Code != "" {
		last = joined(last, "code "+plain(e.Code))
	}
	if len(e.Fields) > 0 {
		var fields strings.Builder
		fields.WriteString("fields")
		for _, name := range e.fieldNames() {
			fields.WriteString(" " + plain(name))
		}
		last = joined(last, fields.String())
	}
	if e.StatusCode != 0 && e.Cause != nil {
		last = joined(last, SafeText(e.Cause))
	}
	if last != "" {
		parts = append(parts, last)
	}
	return strings.Join(parts, ": ")
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

// refusedHere reports parameters which the client refused before any network.
func (e *Error) refusedHere() bool {
	return e.Outcome == NotSent && e.StatusCode == 0 && len(e.Fields) > 0
}

func (e *Error) fieldNames() []string { return slices.Sorted(maps.Keys(e.Fields)) }

// plain keeps a provider's code or field name on the line, unless it is none.
func plain(name string) string {
	odd := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("_-.[]", r)
	}
	if name == "" || len(name) > 64 || strings.IndexFunc(name, odd) >= 0 {
		return "?"
	}
	return name
}

// Unwrap returns the Cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Cause
}

// Is matches the sentinel of the Outcome, and the Reasons.
func (e *Error) Is(target error) bool {
	if e == nil {
		return false
	}
	switch target {
	case ErrOutcomeUnknown:
		return e.Outcome == Unknown
	case ErrNotSent:
		return e.Outcome == NotSent
	case ErrRejected:
		return e.Outcome == Rejected
	}
	return slices.Contains(e.Reasons, target)
}

// Format writes the text of Error for every verb, so that nothing prints a body.
func (e Error) Format(s fmt.State, verb rune) {
	text := e.Error()
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(s, text)
}

// MarshalText keeps bodies and messages out of encoders, JSON among them.
func (e Error) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// LogValue keeps bodies and messages out of logs.
func (e Error) LogValue() slog.Value {
	code := e.Code
	if code != "" {
		code = plain(code)
	}
	return slog.GroupValue(
		slog.String("error", e.Error()),
		slog.String("operation", e.Operation),
		slog.String("outcome", e.Outcome.String()),
		slog.Int("status", e.StatusCode),
		slog.String("code", code),
		slog.String("reference", e.Reference),
		slog.String("request_id", e.RequestID),
		slog.Int("attempts", e.Attempts),
	)
}

// IsReason reports whether err is one of the sentinels of this package.
func IsReason(err error) bool {
	_, ok := err.(sentinel) //nolint:errorlint // an error that wraps a sentinel is not one
	return ok
}

// SafeText names an error in a few fixed words, without the addresses, ports and
// values which the error's own text may hold. An error that has a method
// SafeText() string chooses its words itself.
func SafeText(err error) string {
	var (
		inner       *Error
		own         interface{ SafeText() string }
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		timeout     net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "context canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline exceeded"
	case errors.As(err, &own):
		return own.SafeText()
	case errors.As(err, &inner):
		return inner.summary()
	case errors.As(err, &dns):
		return "host name not resolved"
	case errors.As(err, &certificate):
		return "certificate refused"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "response cut short"
	case errors.Is(err, io.EOF):
		return "connection closed without a response"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	}
	return "connection failed"
}
