package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
)

// phrase names a cause without the addresses and ports which net puts in it.
func phrase(err error) string {
	var (
		inner       interface{ SafePhrase() string }
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		timeout     net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "context canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline exceeded"
	case errors.As(err, &inner):
		return inner.SafePhrase()
	case errors.As(err, &dns):
		return "host name not resolved"
	case errors.As(err, &certificate):
		return "certificate refused"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "answer cut short"
	case errors.Is(err, io.EOF):
		return "connection closed without an answer"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	}
	return "connection failed"
}

// problem is a cause with a fixed text of our own.
type problem string

func (p problem) Error() string      { return string(p) }
func (p problem) SafePhrase() string { return string(p) }

const (
	errAttemptTimedOut = problem("attempt timed out")
	errBodyTooLarge    = problem("answer too large")
	errBodyTooLong     = problem("answer longer than it says")
	errHeader          = problem("header cannot be sent")
	errLoginEmpty      = problem("login answered without a token")
	errLoginPanicked   = problem("login panicked")
	errNothingFound    = problem("nothing found")
	errStillAbsent     = problem("lookup by reference found nothing after a second attempt")
)

// wrapped is a cause with a fixed text of our own and an error behind it.
type wrapped struct {
	text string
	err  error
}

func (w *wrapped) Error() string      { return w.text + ": " + w.err.Error() }
func (w *wrapped) SafePhrase() string { return w.text }
func (w *wrapped) Unwrap() error      { return w.err }

// foreign is the failure of another call, a login or a lookup, as the cause of
// this one. What it says about its own request must not be taken for this one's:
// a lookup that was not sent leaves a payment unknown, and a caller who asks for
// ErrNotSent first would pay again.
type foreign struct {
	text  string
	err   error
	kinds bool // the reasons hold for this call too; the outcome never does
}

func (e *foreign) Error() string { return e.text + ": " + e.err.Error() }

func (e *foreign) SafePhrase() string {
	var inner interface{ SafePhrase() string }
	if errors.As(e.err, &inner) {
		return e.text + ": " + inner.SafePhrase()
	}
	return e.text
}

// Is shows no outcome, and no end of a context, which may have been the other
// call's own.
func (e *foreign) Is(target error) bool {
	switch target {
	case ErrOutcomeUnknown, ErrNotSent, ErrRejected, context.Canceled, context.DeadlineExceeded:
		return false
	}
	if _, ok := target.(sentinel); ok && !e.kinds {
		return false
	}
	return errors.Is(e.err, target)
}

// As finds errors of other types: a network error, say.
func (e *foreign) As(target any) bool { return errors.As(e.err, target) }
