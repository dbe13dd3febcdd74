package webhook

import (
	"context"
	"errors"
	"net/http"
)

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
		"event", e.EventID, "trust", e.Trust.String(), "answer", status, "error", e.Err)
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
