package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// What can be wrong with a delivery, and the HTTP status the sender gets. Every
// *Error wraps one of these, or the error of your own function.
var (
	ErrUnauthenticated = errors.New("not authenticated")                        // 401: no proof, a wrong proof, or a proof used before
	ErrBodyTooLarge    = errors.New("body too large")                           // 413
	ErrEncoding        = errors.New("content encoding not accepted")            // 415: compressed bodies are refused
	ErrMalformed       = errors.New("malformed delivery")                       // 400: cut short, not decodable, or without a reference
	ErrNotConfirmed    = errors.New("not confirmed by the provider")            // 503: the API failed, or does not say so (yet)
	ErrMismatch        = errors.New("delivery contradicts the provider")        // 422: reference, amount, currency or status differ
	ErrImpossible      = errors.New("status cannot follow")                     // acknowledged, kept as a dead letter
	ErrBusy            = errors.New("another worker has it")                    // 503
	ErrLeaseLost       = errors.New("lease lost to another worker")             // 503: nothing was committed
	ErrInboxFull       = errors.New("inbox full")                               // 503: memory inbox only
	ErrClosed          = errors.New("handler is shut down")                     // 503
	ErrPanic           = errors.New("handler function panicked")                // 500
	ErrNoSuchLetter    = errors.New("no dead letter with this key")             // Replay and Discard
	ErrConfiguration   = errors.New("webhook: configuration")                   // from New and other constructors
	errReplayed        = errors.New("signed delivery was used before")          // always beside ErrUnauthenticated
	errMethod          = errors.New("method not allowed")                       // 405
	errGaveUp          = errors.New("worker died on it too often to try again") // reason of a dead letter
)

// Error says what went wrong with one delivery. Its text is one line without the
// reference, so that alerts can be grouped. It never holds a body, a path, a
// secret or an expected signature.
type Error struct {
	Provider  string
	Reference string // empty before the body was decoded
	EventID   string
	Status    string // as posted
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
	status := statusFor(err)
	h.report(ctx, err, status)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	http.Error(w, http.StatusText(status), status)
}

func (h *Handler[E]) report(ctx context.Context, err error, status int) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Provider: h.cfg.Source.Provider, Err: err}
	}
	h.cfg.Logger.WarnContext(ctx, "webhook refused", "provider", e.Provider, "reference", e.Reference,
		"event", e.EventID, "trust", e.Trust.String(), "response", status, "error", e.Err)
	h.cfg.Report(ctx, e)
}

func statusFor(err error) int {
	for _, known := range []struct {
		err    error
		status int
	}{
		{errMethod, http.StatusMethodNotAllowed},
		{ErrUnauthenticated, http.StatusUnauthorized},
		{ErrBodyTooLarge, http.StatusRequestEntityTooLarge},
		{ErrEncoding, http.StatusUnsupportedMediaType},
		{ErrMalformed, http.StatusBadRequest},
		{ErrMismatch, http.StatusUnprocessableEntity},
		{ErrNotConfirmed, http.StatusServiceUnavailable},
		{ErrBusy, http.StatusServiceUnavailable},
		{ErrLeaseLost, http.StatusServiceUnavailable},
		{ErrInboxFull, http.StatusServiceUnavailable},
		{ErrClosed, http.StatusServiceUnavailable},
	} {
		if errors.Is(err, known.err) {
			return known.status
		}
	}
	return http.StatusInternalServerError
}
