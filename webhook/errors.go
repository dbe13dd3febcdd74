package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/kapiteni/kapiten-go/sdk"
)

// What can be wrong with a delivery, and the HTTP status the sender gets. Every
// *Error wraps one of these, or the error of your own function.
var (
	ErrUnauthenticated = errors.New("not authenticated")               // 401: no proof, or a wrong proof
	ErrBodyTooLarge    = errors.New("body too large")                  // 413
	ErrEncoding        = errors.New("content encoding not accepted")   // 415: compressed bodies are refused
	ErrMalformed       = errors.New("malformed delivery")              // 400: cut short, not decodable, or without a reference
	ErrNotOurs         = errors.New("reference is not ours")           // 404: Config.Known does not know it
	ErrNotConfirmed    = errors.New("not confirmed by the provider")   // 503: the API failed, or does not say so (yet)
	ErrMismatch        = errors.New("delivery contradicts the record") // 422: the API or the delivery differs from what the URL was minted for
	ErrBusy            = errors.New("another delivery has it")         // 503: the same reference is being worked on
	ErrUnavailable     = errors.New("inbox or Known not available")    // 503
	ErrPanic           = errors.New("function panicked")               // 500
	errMethod          = errors.New("method not allowed")              // 405
)

// ErrConfiguration comes from New and other constructors, and from SQLInbox.Check. It
// matches sdk.ErrConfiguration too.
var ErrConfiguration = fmt.Errorf("webhook: %w", sdk.ErrConfiguration)

// Error says what went wrong with one delivery. Its text is one line without the
// reference, so that alerts can be grouped. It never holds a body, a path, a
// secret or an expected signature.
type Error struct {
	Provider  string
	Reference string // empty before the body was decoded
	Status    string // as posted, or as the API says if Trust is Confirmed
	Trust     Trust  // how far Status can be believed
	Err       error
}

func (e *Error) Error() string { return fmt.Sprintf("webhook: %s: %v", e.Provider, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Format writes the text for every verb, so that nothing prints what Err holds.
func (e *Error) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, e.Error()) }

// MarshalText writes the text, so that encoders do not look into Err either.
func (e *Error) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

func (h *Handler[E]) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	status, reason := statusFor(err)
	h.report(ctx, err, status)
	h.observe(ctx, Observation{Step: StepRefused, Reason: reason})
	switch status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	case http.StatusUnauthorized:
		if h.challenge {
			w.Header().Set("WWW-Authenticate", `Basic realm="webhook"`)
		}
	}
	http.Error(w, http.StatusText(status), status)
}

func (h *Handler[E]) report(ctx context.Context, err error, status int) {
	var e *Error
	if !errors.As(err, &e) {
		e = h.fail(err)
	}
	h.cfg.Logger.WarnContext(ctx, "webhook refused", "provider", e.Provider, "reference", e.Reference,
		"trust", e.Trust.String(), "response", status, "error", e.Err)
	if h.cfg.Report != nil {
		defer h.survive(ctx, "Report")
		h.cfg.Report(ctx, e)
	}
}

func (h *Handler[E]) observe(ctx context.Context, o Observation) {
	if h.cfg.Observe != nil {
		defer h.survive(ctx, "Observe")
		o.Provider = h.source.Provider
		h.cfg.Observe(ctx, o)
	}
}

// survive, deferred, keeps a panic of a hook from ending the process.
func (h *Handler[E]) survive(ctx context.Context, hook string) {
	if recover() != nil {
		h.logPanic(ctx, hook)
	}
}

func statusFor(err error) (status int, reason string) {
	for _, known := range []struct {
		err    error
		status int
	}{
		{errMethod, http.StatusMethodNotAllowed},
		{ErrUnauthenticated, http.StatusUnauthorized},
		{ErrBodyTooLarge, http.StatusRequestEntityTooLarge},
		{ErrEncoding, http.StatusUnsupportedMediaType},
		{ErrMalformed, http.StatusBadRequest},
		{ErrNotOurs, http.StatusNotFound},
		{ErrMismatch, http.StatusUnprocessableEntity},
		{ErrNotConfirmed, http.StatusServiceUnavailable},
		{ErrBusy, http.StatusServiceUnavailable},
		{ErrUnavailable, http.StatusServiceUnavailable},
		{ErrPanic, http.StatusInternalServerError},
	} {
		if errors.Is(err, known.err) {
			return known.status, known.err.Error()
		}
	}
	return http.StatusInternalServerError, "handler"
}
