package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Run works on stored events until Shutdown is called or ctx ends, and returns
// when its workers have. When ctx ends, the functions under way see their context
// end; use Shutdown to let them finish. Background mode only.
func (h *Handler[E]) Run(ctx context.Context) error {
	if h.cfg.Background == nil {
		return fmt.Errorf("%w: Run without Background", ErrConfiguration)
	}
	if !h.work.begin() {
		return &Error{Provider: h.cfg.Source.Provider, Err: ErrClosed}
	}
	defer h.work.end()
	// A worker that waits wakes for either; one that works ends only with ctx.
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	var workers sync.WaitGroup
	for range h.cfg.Background.Workers {
		workers.Go(func() {
			for waiting.Err() == nil {
				h.workOnce(ctx, waiting)
			}
		})
	}
	select {
	case <-h.work.stop:
	case <-ctx.Done():
	}
	stop()
	workers.Wait()
	return nil
}

func (h *Handler[E]) store(ctx context.Context, in delivery[E]) error {
	stored, err := encodePayload(in.body, in.event.Trust, in.bound)
	if err != nil {
		return in.event.fail(err)
	}
	if _, err := h.cfg.Inbox.(Queue).Put(ctx, in.event.key(), stored); err != nil { // a Queue, as New checked
		return in.event.fail(err)
	}
	h.nudge()
	return nil
}

// workOnce works on one event, or waits for a chance to.
func (h *Handler[E]) workOnce(ctx, waiting context.Context) {
	ends := time.Now().Add(h.cfg.Lease)
	claim, found, err := h.take(ctx, ends)
	if err != nil && waiting.Err() == nil {
		h.cfg.Logger.WarnContext(ctx, "webhook take", "provider", h.cfg.Source.Provider, "error", err)
	}
	if !found {
		h.idle(waiting)
		return
	}
	h.nudge() // there may be more, for another worker
	h.workOn(ctx, claim, ends)
}

// take is not broken off by a shutdown, as half a claim would be locked until its
// lease ends. What an inbox that hangs gave after that would be of no use.
func (h *Handler[E]) take(ctx context.Context, ends time.Time) (Claim, bool, error) {
	ctx, cancel := context.WithDeadline(ctx, ends)
	defer cancel()
	return h.cfg.Inbox.(Queue).Take(ctx, h.cfg.Source.Provider, h.cfg.Lease)
}

func (h *Handler[E]) idle(ctx context.Context) {
	timer := time.NewTimer(h.cfg.Background.Poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-h.wake:
	}
}

func (h *Handler[E]) nudge() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// workOn applies a stored event and, if that fails, decides when it comes again.
func (h *Handler[E]) workOn(ctx context.Context, claim Claim, ends time.Time) {
	err := h.attempt(ctx, claim, ends)
	if err == nil {
		return
	}
	h.report(ctx, err, 0)
	if errors.Is(err, ErrLeaseLost) {
		return // the taker's now
	}
	if err := h.putBack(ctx, claim, err); err != nil {
		// The lease ends by itself, and the event is still stored.
		h.cfg.Logger.WarnContext(ctx, "webhook put back", "provider", claim.Provider, "reference", claim.Reference, "error", err)
	}
}

func (h *Handler[E]) attempt(ctx context.Context, claim Claim, ends time.Time) error {
	if claim.Attempts > h.cfg.Background.MaxAttempts {
		return failedClaim(claim, errGaveUp)
	}
	in, err := h.restore(ctx, claim)
	if err != nil {
		return err
	}
	work, cancel := context.WithDeadline(ctx, ends)
	defer cancel()
	_, err = h.guarded(work, in, claim)
	return err
}

func (h *Handler[E]) putBack(ctx context.Context, claim Claim, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	queue := h.cfg.Inbox.(Queue)
	hopeless := errors.Is(cause, ErrImpossible) || errors.Is(cause, ErrMismatch) || errors.Is(cause, ErrMalformed)
	if hopeless || claim.Attempts >= h.cfg.Background.MaxAttempts {
		return queue.Bury(ctx, claim, reasonOf(cause), claim.Payload)
	}
	return queue.Retry(ctx, claim, h.delay(claim.Attempts), reasonOf(cause))
}

// delay after so many attempts: doubled each time, jittered down by up to half.
func (h *Handler[E]) delay(attempts int) time.Duration {
	d := h.cfg.Background.FirstDelay
	for range attempts - 1 {
		d = min(2*d, h.cfg.Background.MaxDelay)
	}
	return d/2 + rand.N(d/2+1)
}

// restore decodes a stored delivery, as it was decoded when it came in.
func (h *Handler[E]) restore(ctx context.Context, claim Claim) (in delivery[E], err error) {
	fail := func(err error) *Error { return failedClaim(claim, err) }
	defer h.recovered(ctx, fail, &err)
	p, err := decodePayload(claim.Payload)
	if err != nil {
		return delivery[E]{}, fail(fmt.Errorf("%w: stored: %w", ErrMalformed, err))
	}
	bound, err := p.bound()
	if err != nil {
		return delivery[E]{}, fail(fmt.Errorf("%w: stored: %w", ErrMalformed, err))
	}
	in, err = h.decode(p.Body, p.Trust, bound)
	in.event.Attempt = claim.Attempts
	return in, err
}

func failedClaim(c Claim, err error) *Error {
	return &Error{Provider: c.Provider, Reference: c.Reference, EventID: c.ID, Err: err}
}

// reasonOf is the cause without the provider's name, which the letter has.
func reasonOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

// payload is a delivery that was let in, as stored for later: the body and what
// authentication had proved.
type payload struct {
	Body  []byte `json:"body"`
	Trust Trust  `json:"trust"`
	Bound []byte `json:"bound,omitempty"` // as in a capability
}

func encodePayload(body []byte, trust Trust, bound *Bound) ([]byte, error) {
	p := payload{Body: body, Trust: trust}
	if bound != nil {
		text, err := bound.encode()
		if err != nil {
			return nil, err
		}
		p.Bound = text
	}
	return json.Marshal(p)
}

func decodePayload(stored []byte) (p payload, err error) {
	err = json.Unmarshal(stored, &p)
	return p, err
}

func (p payload) bound() (*Bound, error) {
	if len(p.Bound) == 0 {
		return nil, nil
	}
	b, err := decodeBound(p.Bound)
	return &b, err
}
