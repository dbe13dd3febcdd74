package webhook

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
)

// Handler receives one provider's callbacks. Mount it under any router: of the
// path it reads the last segment at most. Nothing has to be started or closed: all
// work is done before the response, so http.Server.Shutdown waits for it. Only a COMMIT
// that outlasts Config.Timeout goes on by itself. Safe for concurrent use.
type Handler[E any] struct {
	source    Source[E]
	cfg       Config[E]
	key       string // of the source and the account, in the inbox
	asks      asks[E]
	challenge bool // a refused sender is told of basic authentication
}

// New builds a handler for a Source of your own. It names all faults of the
// configuration at once, as ErrConfiguration.
func New[E any](source Source[E], cfg Config[E]) (*Handler[E], error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(source); err != nil {
		return nil, err
	}
	if source.Acknowledge == nil {
		source.Acknowledge = func(E) Response { return Response{Status: http.StatusOK} }
	}
	return &Handler[E]{source: source, cfg: cfg, key: cfg.key(source), asks: newAsks[E](cfg.AskRate), challenge: whatProves(cfg.Auth).basic}, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler[E]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	h.observe(r.Context(), Observation{Step: StepReceived})
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(r.Context(), w, h.fail(errMethod))
		return
	}
	response, err := h.receive(w, r, arrived)
	if err != nil {
		h.refuse(r.Context(), w, err)
		return
	}
	response.write(w)
}

// Feed applies an event that your own code fetched from the API. It passes the
// same inbox as the callbacks, so it takes effect once, whichever comes first. It
// is not confirmed again: if it takes back what a newer callback has brought, it is
// handed on. A Reconciler asks again in that case. Feed returns how the event compared;
// Duplicate also if it was applied before.
func (h *Handler[E]) Feed(ctx context.Context, data E) (transition Transition, err error) {
	trust := Confirmed
	defer h.recovered(ctx, &trust, &err)
	ev, err := h.identify(data, trust)
	if err != nil {
		return "", err
	}
	return h.apply(ctx, ev, time.Now(), nil)
}

// DefaultMaxBody is the largest body accepted unless Config.MaxBody says otherwise.
// Callbacks have a few kilobytes; a stranger's body is hashed before it is refused.
const DefaultMaxBody = 256 << 10

// ReadBody reads a callback's body of at most limit bytes; a limit of 0 is
// DefaultMaxBody. It refuses compressed bodies, because a small one can unpack to
// a huge one. Errors: ErrBodyTooLarge, ErrEncoding, and ErrMalformed for a body
// that is empty or cut short.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	for coding := range strings.SplitSeq(strings.Join(r.Header["Content-Encoding"], ","), ",") {
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "", "identity", "none", "utf-8", "utf8": // seen in the wild, and all mean: as it is
		default:
			return nil, ErrEncoding
		}
	}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return nil, ErrBodyTooLarge
	}
	var buf bytes.Buffer
	if r.Body != nil {
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
			return nil, fmt.Errorf("%w: body cut short, or read before by a middleware", ErrMalformed)
		}
	}
	if buf.Len() == 0 {
		return nil, fmt.Errorf("%w: empty body; a middleware may have read it", ErrMalformed)
	}
	return buf.Bytes(), nil
}

// readTimeout bounds how slowly a sender may send its body.
const readTimeout = 10 * time.Second

// receive authenticates and decodes, and then takes the delivery as a fact or as a
// knock. A knock at a capability URL needs no body in a known form.
func (h *Handler[E]) receive(w http.ResponseWriter, r *http.Request, arrived time.Time) (response Response, err error) {
	// net/http lifts the deadline once the body is read; it stays while net/http
	// reads the rest of a refused body. Not every ResponseWriter has deadlines.
	_ = http.NewResponseController(w).SetReadDeadline(arrived.Add(readTimeout))
	d := &Delivery{Request: r, read: func() ([]byte, error) { return ReadBody(w, r, h.cfg.MaxBody) }}
	var trust Trust
	defer h.recovered(r.Context(), &trust, &err)
	proof, err := h.cfg.Auth.Authenticate(d)
	trust = proof.trust()
	if err != nil {
		return Response{}, h.fail(d.halfRead(err))
	}
	fail := func(err error) error { return &Error{Provider: h.source.Provider, Trust: trust, Err: err} }
	if h.source.Ask == nil && !proof.Signed && !h.cfg.InsecureBelievePosted {
		return Response{}, fail(fmt.Errorf("%w: no signature", ErrUnauthenticated))
	}
	body, err := d.Body()
	if err != nil {
		return Response{}, fail(err)
	}
	ctx := context.WithoutCancel(r.Context())
	posted, err := h.source.Decode(body)
	knocks, named := h.source.Ask != nil, proof.Bound != nil
	if err != nil && !(knocks && named) {
		return Response{}, fail(d.halfRead(fmt.Errorf("%w: %w", ErrMalformed, err)))
	}
	if knocks {
		var about Identity // a body that cannot be read says nothing, and its URL names the reference
		response = Response{Status: http.StatusOK}
		if err == nil {
			about, response = h.source.Identify(posted), h.source.Acknowledge(posted)
		}
		ctx, cancel := context.WithTimeout(ctx, h.cfg.Timeout)
		defer cancel()
		return response, h.knock(ctx, about, proof.Bound, arrived)
	}
	ev, err := h.identify(posted, trust)
	if err != nil {
		return Response{}, err
	}
	if proof.Bound.contradicts(ev.Identity) {
		return Response{}, ev.fail(ErrMismatch)
	}
	_, err = h.apply(ctx, ev, arrived, nil)
	return h.source.Acknowledge(posted), err
}

func (h *Handler[E]) identify(data E, trust Trust) (Event[E], error) {
	ev := Event[E]{Identity: h.source.Identify(data), Data: data, Provider: h.source.Provider, Trust: trust}
	if trust == Confirmed {
		ev.ID = "" // the API names no delivery
	}
	if err := ev.check(); err != nil {
		return ev, &Error{Provider: h.source.Provider, Trust: trust, Err: err}
	}
	return ev, nil
}

// apply hands the event on if it is news, and marks it in the inbox. If since is set,
// the event is what the API says, and since is the state that the inbox held before the
// API was asked; empty if nobody looked. An event that undoes another state returns
// errOvertaken, and since is then that state.
func (h *Handler[E]) apply(ctx context.Context, ev Event[E], arrived time.Time, since *string) (Transition, error) {
	mark := ev.mark()
	_, first := ev.after(Record{}, mark)
	claim := Claim{Provider: h.key, Reference: ev.Reference, First: first, From: ev.from(mark), Wait: h.cfg.Wait, Timeout: h.cfg.Timeout}
	var failed error // of the merchant's function, or errOvertaken
	err := h.cfg.Inbox.Do(ctx, claim, func(ctx context.Context, tx *sql.Tx, known Record) (next Record, err error) {
		failed = nil
		ev.Previous = lastStatus(known.State)
		ev.Transition, next = ev.after(known, mark)
		if since != nil && ev.Transition == Stale && ev.States.restores(known.State, ev.Status) {
			// A posted status may come late. What the API was asked for afterwards is so now.
			ev.Transition, next.State = Corrected, ev.Status
		}
		if since != nil && ev.undoes(known.State) && known.State != *since {
			*since, failed = known.State, errOvertaken
			return known, failed
		}
		if ev.Transition.moves() {
			failed = h.handOn(ctx, tx, ev)
		}
		return next, failed
	})
	switch {
	case failed != nil:
		return "", ev.fail(failed)
	case errors.Is(err, ErrBusy), errors.Is(err, sqldb.ErrEnded):
		return "", ev.fail(err)
	case err != nil:
		return "", ev.fail(fmt.Errorf("%w: %w", ErrUnavailable, err))
	}
	step := StepNotNew
	if ev.Transition.moves() {
		step = StepHandedOn
	}
	h.observe(ctx, Observation{Step: step, Transition: ev.Transition, Took: time.Since(arrived)})
	if h.cfg.Logger.Enabled(ctx, slog.LevelInfo) {
		h.cfg.Logger.InfoContext(ctx, "webhook event", "provider", ev.Provider, "reference", ev.Reference,
			"status", ev.Status, "transition", string(ev.Transition), "trust", ev.Trust.String())
	}
	return ev.Transition, nil
}

// after compares the event with what is known of its reference, and returns what is
// known afterwards.
func (e *Event[E]) after(known Record, mark string) (t Transition, next Record) {
	if known.has(mark) {
		return Duplicate, known
	}
	next = known.with(mark)
	if e.Status == "" || e.States == nil && mark != "" {
		return Advanced, next // nothing but its name tells it from others
	}
	if t = e.States.compare(known.State, e.Status); t.moves() {
		next.State = e.States.stateAfter(known.State, e.Status)
	}
	return t, next
}

// undoes reports whether the event contradicts what was applied before.
func (e *Event[E]) undoes(state string) bool {
	switch e.Transition {
	case Reversed, Corrected, Unexpected:
		return state != ""
	default:
		return false
	}
}

// from returns the states from which after leads to the event's own.
func (e *Event[E]) from(mark string) []string {
	switch {
	case e.Status == "" || e.States == nil && mark != "":
		return []string{""}
	case e.States == nil:
		return nil
	}
	return e.States.before[e.Status]
}

func (h *Handler[E]) handOn(ctx context.Context, tx *sql.Tx, ev Event[E]) (err error) {
	defer func() {
		if recover() != nil {
			h.logPanic(ctx, "Handle")
			err = ErrPanic
		}
	}()
	if _, bounded := ctx.Deadline(); !bounded { // a SQLInbox bounds its whole transaction
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.cfg.Timeout)
		defer cancel()
	}
	if h.cfg.HandleTx != nil {
		return h.cfg.HandleTx(ctx, tx, ev)
	}
	return h.cfg.Handle(ctx, ev)
}

// recovered, deferred, turns a panic into an error with the trust that the delivery has
// by then.
func (h *Handler[E]) recovered(ctx context.Context, trust *Trust, err *error) {
	if recover() != nil {
		h.logPanic(ctx, "delivery")
		*err = &Error{Provider: h.source.Provider, Trust: *trust, Err: ErrPanic}
	}
}

// logPanic leaves out the value of the panic, which may quote a secret or a body.
func (h *Handler[E]) logPanic(ctx context.Context, where string) {
	h.cfg.Logger.ErrorContext(ctx, "webhook panic", "provider", h.source.Provider, "in", where, "stack", string(debug.Stack()))
}

// fail is an Error about a delivery whose event is not known yet.
func (h *Handler[E]) fail(err error) *Error {
	return &Error{Provider: h.source.Provider, Err: err}
}
