package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Handler receives one provider's callbacks. Mount it under any router; it looks
// at the last path segment at most. Safe for concurrent use.
type Handler[E any] struct {
	cfg     Config[E]
	confirm *limiter
	work    *worklist
	wake    chan struct{} // an event was stored
}

// New checks the whole configuration and names all faults at once, as
// ErrConfiguration.
func New[E any](cfg Config[E]) (*Handler[E], error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Handler[E]{
		cfg:     cfg,
		confirm: newLimiter(cfg.ConfirmRate),
		work:    newWorklist(),
		wake:    make(chan struct{}, 1),
	}, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler[E]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(r.Context(), w, &Error{Provider: h.cfg.Source.Provider, Err: errMethod})
		return
	}
	if !h.work.begin() {
		h.refuse(r.Context(), w, &Error{Provider: h.cfg.Source.Provider, Err: ErrClosed})
		return
	}
	defer h.work.end()
	answer, err := h.receive(w, r)
	if err != nil {
		h.refuse(r.Context(), w, err)
		return
	}
	answer.write(w)
}

// Feed puts an event that your own code fetched from the API through the same
// inbox, so that it takes effect once whether it or the callback comes first.
// Nothing is confirmed again. It tells what the event meant; Duplicate also when
// it was done before.
func (h *Handler[E]) Feed(ctx context.Context, data E) (Transition, error) {
	return h.feed(ctx, data, nil)
}

// Shutdown lets nothing new in, which senders are told to bring again, and waits
// until what has begun is finished: deliveries, Feed and Run. If ctx ends first
// its error is returned and the rest goes on; end the context of Run to stop that
// as well. What Run has not begun stays in the inbox.
func (h *Handler[E]) Shutdown(ctx context.Context) error { return h.work.close(ctx) }

// DefaultMaxBody is the largest body accepted unless Config.MaxBody says otherwise.
const DefaultMaxBody = 1 << 20

// ReadBody reads a callback's body, of at most limit bytes (DefaultMaxBody when
// limit is 0). Compressed bodies are refused, so a small one cannot become a big
// one. Errors: ErrBodyTooLarge, ErrEncoding, ErrMalformed for a body cut short.
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
		// The header is only a promise: a stranger's is not taken for much.
		buf.Grow(int(min(r.ContentLength, 64<<10)) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, ErrBodyTooLarge
		}
		// The cause is the peer's or the network's; its text adds nothing safe.
		return nil, fmt.Errorf("%w: body cut short", ErrMalformed)
	}
	return buf.Bytes(), nil
}

// delivery is an event on its way through.
type delivery[E any] struct {
	event  Event[E]
	bound  *Bound
	answer Answer
	body   []byte
}

// receive lets in, decodes, and then works on the event or stores it.
func (h *Handler[E]) receive(w http.ResponseWriter, r *http.Request) (answer Answer, err error) {
	hurry(w)
	d := &Delivery{Request: r, read: func() ([]byte, error) { return ReadBody(w, r, h.cfg.MaxBody) }}
	proof, err := authenticate(d, h.cfg.Auth)
	if err != nil {
		return Answer{}, &Error{Provider: h.cfg.Source.Provider, Err: err}
	}
	defer func() {
		if err != nil {
			proof.Forget()
		}
	}()
	defer h.recovered(r.Context(), func(err error) *Error {
		return &Error{Provider: h.cfg.Source.Provider, Trust: proof.trust(), Err: err}
	}, &err)
	body, err := d.Body()
	if err != nil {
		return Answer{}, &Error{Provider: h.cfg.Source.Provider, Trust: proof.trust(), Err: err}
	}
	in, err := h.decode(body, proof.trust(), proof.Bound)
	if err != nil {
		return Answer{}, err
	}
	if h.cfg.Background != nil {
		return in.answer, h.store(r.Context(), in)
	}
	// The sender may hang up; what has begun is finished all the same.
	answer, _, err = h.claimAndApply(r.Context(), in)
	return answer, err
}

// feed is Feed of what was asked for by a reference of one's own, if bound is set.
func (h *Handler[E]) feed(ctx context.Context, data E, bound *Bound) (Transition, error) {
	if !h.work.begin() {
		return "", &Error{Provider: h.cfg.Source.Provider, Err: ErrClosed}
	}
	defer h.work.end()
	ev, err := h.identify(data, bound)
	if err != nil {
		return "", err
	}
	ev.Trust = Confirmed
	if bound != nil && ev.Reference != bound.Reference {
		return "", ev.fail(ErrMismatch)
	}
	_, transition, err := h.claimAndApply(ctx, delivery[E]{event: ev, bound: bound, answer: h.cfg.Source.acknowledge(data)})
	return transition, err
}

func (h *Handler[E]) decode(body []byte, trust Trust, bound *Bound) (delivery[E], error) {
	data, err := h.cfg.Source.Decode(body)
	if err != nil {
		return delivery[E]{}, &Error{Provider: h.cfg.Source.Provider, Trust: trust, Err: fmt.Errorf("%w: %w", ErrMalformed, err)}
	}
	ev, err := h.identify(data, bound)
	if err != nil {
		return delivery[E]{}, err
	}
	ev.Trust = trust
	in := delivery[E]{event: ev, bound: bound, answer: h.cfg.Source.acknowledge(data), body: body}
	if bound != nil && ev.contradicts(bound.subject()) {
		return in, ev.fail(ErrMismatch)
	}
	return in, nil
}

// identify names the event; one that came by a capability URL is about what the
// URL was minted for, or it is refused.
func (h *Handler[E]) identify(data E, bound *Bound) (Event[E], error) {
	ev := Event[E]{Subject: h.cfg.Source.Identify(data), Data: data, Provider: h.cfg.Source.Provider, Attempt: 1}
	if ev.ID == "" {
		ev.ID = ev.Status
	}
	if bound != nil && (ev.Reference == "" || h.cfg.Source.Match != nil && h.cfg.Source.Match(data, bound.Reference)) {
		ev.Reference = bound.Reference
	}
	if err := ev.check(); err != nil {
		return ev, &Error{Provider: ev.Provider, Err: err}
	}
	return ev, nil
}

// releaseTimeout bounds giving a claim back when the caller has gone already.
const releaseTimeout = 5 * time.Second

// worklist counts what a handler has begun, and closes.
type worklist struct {
	mu     sync.Mutex
	closed bool
	active int
	idle   chan struct{} // closed when nothing is active after closing
	stop   chan struct{} // closed when closing begins
}

func newWorklist() *worklist {
	return &worklist{idle: make(chan struct{}), stop: make(chan struct{})}
}

func (l *worklist) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.active++
	return true
}

func (l *worklist) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	if l.closed && l.active == 0 {
		close(l.idle)
	}
}

// close lets nothing new begin and waits for what has begun.
func (l *worklist) close(ctx context.Context) error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.stop)
		if l.active == 0 {
			close(l.idle)
		}
	}
	l.mu.Unlock()
	select {
	case <-l.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readTimeout bounds how slowly a sender may feed its body.
const readTimeout = 10 * time.Second

// hurry bounds the time for the body. net/http lifts the deadline itself once the
// body is in; while it still reads the rest of a refused one, it stays. Not every
// ResponseWriter has deadlines; the merchant's server may have its own.
func hurry(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTimeout))
}
