package sdk

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
)

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
