package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Handler receives one provider's callbacks. Mount it under any router: of the
// path it reads the last segment at most. Safe for concurrent use.
type Handler[E any] struct {
	cfg     Config[E]
	confirm *limiter
	drain   *drain
	wake    chan struct{} // an event was stored
}

// New builds a handler. It names all faults of the configuration at once, as
// ErrConfiguration.
func New[E any](cfg Config[E]) (*Handler[E], error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Handler[E]{
		cfg:     cfg,
		confirm: newLimiter(cfg.ConfirmRate),
		drain:   &drain{stop: make(chan struct{})},
		wake:    make(chan struct{}, 1),
	}, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler[E]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(r.Context(), w, h.fail(errMethod))
		return
	}
	if !h.drain.begin() {
		h.refuse(r.Context(), w, h.fail(ErrClosed))
		return
	}
	defer h.drain.end()
	response, err := h.receive(w, r)
	if err != nil {
		h.refuse(r.Context(), w, err)
		return
	}
	response.write(w)
}

// Feed applies an event that your own code fetched from the API. It passes the
// same inbox as the callbacks, so it takes effect once, whichever comes first. It
// is not confirmed again. Feed returns how the event compared; Duplicate also if
// it was done before.
func (h *Handler[E]) Feed(ctx context.Context, data E) (Transition, error) {
	return h.feed(ctx, data, nil)
}

// DefaultMaxBody is the largest body accepted unless Config.MaxBody says otherwise.
const DefaultMaxBody = 1 << 20

// ReadBody reads a callback's body of at most limit bytes; a limit of 0 is
// DefaultMaxBody. It refuses compressed bodies, because a small one can unpack to
// a huge one. Errors: ErrBodyTooLarge, ErrEncoding, and ErrMalformed for a body
// cut short.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	for _, coding := range r.Header.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return nil, ErrEncoding
		}
	}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return nil, ErrBodyTooLarge
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		// Anyone can announce a large body, so little is reserved for it.
		buf.Grow(int(min(r.ContentLength, 64<<10)) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, ErrBodyTooLarge
		}
		// The cause is the sender's or the network's, and may quote either.
		return nil, fmt.Errorf("%w: body cut short", ErrMalformed)
	}
	return buf.Bytes(), nil
}

// readTimeout bounds how slowly a sender may send its body.
const readTimeout = 10 * time.Second

// limitReadTime sets the deadline for reading the body. net/http lifts it once the
// body is read; it stays while net/http reads the rest of a refused body. The
// error is ignored: not every ResponseWriter has deadlines.
func limitReadTime(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTimeout))
}

// received is an event between Decode and the acknowledgement.
type received[E any] struct {
	event    Event[E]
	bound    *Bound
	response Response
	body     []byte
}

// receive authenticates and decodes, and then works on the event or stores it.
func (h *Handler[E]) receive(w http.ResponseWriter, r *http.Request) (response Response, err error) {
	limitReadTime(w)
	d := &Delivery{Request: r, read: func() ([]byte, error) { return ReadBody(w, r, h.cfg.MaxBody) }}
	proof, err := authenticate(d, h.cfg.Auth)
	if err != nil {
		return Response{}, h.fail(err)
	}
	defer func() {
		if err != nil {
			proof.Forget()
		}
	}()
	fail := func(err error) *Error {
		return &Error{Provider: h.cfg.Source.Provider, Trust: proof.trust(), Err: err}
	}
	defer h.recovered(r.Context(), fail, &err)
	body, err := d.Body()
	if err != nil {
		return Response{}, fail(err)
	}
	in, err := h.decode(body, proof.trust(), proof.Bound)
	if err != nil {
		return Response{}, err
	}
	if h.cfg.Background != nil {
		return in.response, h.store(r.Context(), in)
	}
	response, _, err = h.leaseAndApply(r.Context(), in)
	return response, err
}

// feed is Feed. If bound is set, data is what a lookup by bound.Reference found.
func (h *Handler[E]) feed(ctx context.Context, data E, bound *Bound) (Transition, error) {
	if !h.drain.begin() {
		return "", h.fail(ErrClosed)
	}
	defer h.drain.end()
	ev, err := h.identify(data, bound)
	if err != nil {
		return "", err
	}
	ev.Trust = Confirmed
	if bound != nil && ev.Reference != bound.Reference {
		return "", ev.fail(ErrMismatch)
	}
	_, transition, err := h.leaseAndApply(ctx, received[E]{event: ev, bound: bound, response: h.cfg.Source.Acknowledge(data)})
	return transition, err
}

func (h *Handler[E]) decode(body []byte, trust Trust, bound *Bound) (received[E], error) {
	data, err := h.cfg.Source.Decode(body)
	if err != nil {
		return received[E]{}, &Error{Provider: h.cfg.Source.Provider, Trust: trust, Err: fmt.Errorf("%w: %w", ErrMalformed, err)}
	}
	ev, err := h.identify(data, bound)
	if err != nil {
		return received[E]{}, err
	}
	ev.Trust = trust
	in := received[E]{event: ev, bound: bound, response: h.cfg.Source.Acknowledge(data), body: body}
	if bound != nil && ev.contradicts(bound.identity()) {
		return in, ev.fail(ErrMismatch)
	}
	return in, nil
}

// identify makes the Event. If its capability URL says what the event is about,
// and Match agrees, that reference replaces the posted one.
func (h *Handler[E]) identify(data E, bound *Bound) (Event[E], error) {
	ev := Event[E]{Identity: h.cfg.Source.Identify(data), Data: data, Provider: h.cfg.Source.Provider, Attempt: 1}
	if ev.ID == "" {
		ev.ID = ev.Status
	}
	if bound != nil && (ev.Reference == "" || h.cfg.Source.Match != nil && h.cfg.Source.Match(data, bound.Reference)) {
		ev.Reference = bound.Reference
	}
	if err := ev.check(); err != nil {
		return ev, h.fail(err)
	}
	return ev, nil
}

// fail is an Error about a delivery whose event is not known yet.
func (h *Handler[E]) fail(err error) *Error {
	return &Error{Provider: h.cfg.Source.Provider, Err: err}
}
