package webhook

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Run works on stored events, in background mode only. It returns when Shutdown
// is called or ctx ends, and its workers have stopped. Call Shutdown to let the
// functions under way finish; when ctx ends, theirs ends too.
func (h *Handler[E]) Run(ctx context.Context) error {
	if h.cfg.Background == nil {
		return fmt.Errorf("%w: Run without Background", ErrConfiguration)
	}
	if !h.drain.begin() {
		return h.fail(ErrClosed)
	}
	defer h.drain.end()
	// Shutdown ends the waiting of idle workers. Only ctx ends work under way.
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
	case <-h.drain.stop:
	case <-ctx.Done():
	}
	stop()
	workers.Wait()
	return nil
}

// Shutdown refuses new deliveries, with 503, and waits until all that has begun
// is finished: deliveries, Feed and Run. If ctx ends first, Shutdown returns its
// error and the work goes on; end the context of Run to stop that as well. Stored
// events that Run has not begun stay in the inbox.
func (h *Handler[E]) Shutdown(ctx context.Context) error { return h.drain.close(ctx) }

func (h *Handler[E]) store(ctx context.Context, in received[E]) error {
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

// workOnce takes an event and works on it, or waits if there is none.
func (h *Handler[E]) workOnce(ctx, waiting context.Context) {
	ends := time.Now().Add(h.cfg.Lease)
	// Shutdown does not cut Take short, which could leave a lease that nobody knows
	// of. An inbox that hangs is given up when the lease would end.
	taking, cancel := context.WithDeadline(ctx, ends)
	defer cancel()
	lease, found, err := h.cfg.Inbox.(Queue).Take(taking, h.cfg.Source.Provider, h.cfg.Lease)
	if err != nil && waiting.Err() == nil {
		h.cfg.Logger.WarnContext(ctx, "webhook take", "provider", h.cfg.Source.Provider, "error", err)
	}
	if !found {
		h.idle(waiting)
		return
	}
	h.nudge() // there may be more, for another worker
	h.workOn(ctx, lease, ends)
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

// workOn applies a stored event. If that fails, the event is retried later or
// becomes a dead letter.
func (h *Handler[E]) workOn(ctx context.Context, lease Lease, ends time.Time) {
	err := h.attempt(ctx, lease, ends)
	if err == nil {
		return
	}
	h.report(ctx, err, 0)
	if errors.Is(err, ErrLeaseLost) {
		return // another worker has the event
	}
	if err := h.putBack(ctx, lease, err); err != nil {
		// The lease ends by itself, and the event is still stored.
		h.cfg.Logger.WarnContext(ctx, "webhook put back", "provider", lease.Provider, "reference", lease.Reference, "error", err)
	}
}

func (h *Handler[E]) attempt(ctx context.Context, lease Lease, ends time.Time) error {
	if lease.Attempts > h.cfg.Background.MaxAttempts {
		return lease.fail(errGaveUp)
	}
	in, err := h.restore(ctx, lease)
	if err != nil {
		return err
	}
	work, cancel := context.WithDeadline(ctx, ends)
	defer cancel()
	_, err = h.apply(work, in, lease)
	return err
}

func (h *Handler[E]) putBack(ctx context.Context, lease Lease, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	queue := h.cfg.Inbox.(Queue)
	reason := cause.Error()
	if e := (*Error)(nil); errors.As(cause, &e) {
		reason = e.Err.Error() // without the provider, which the letter names
	}
	hopeless := errors.Is(cause, ErrImpossible) || errors.Is(cause, ErrMismatch) || errors.Is(cause, ErrMalformed)
	if hopeless || lease.Attempts >= h.cfg.Background.MaxAttempts {
		return queue.Bury(ctx, lease, reason, lease.Payload)
	}
	return queue.Retry(ctx, lease, h.delay(lease.Attempts), reason)
}

// delay is the wait after so many attempts: doubled each time, and shortened at
// random by up to half.
func (h *Handler[E]) delay(attempts int) time.Duration {
	d := h.cfg.Background.FirstDelay
	for range attempts - 1 {
		d = min(2*d, h.cfg.Background.MaxDelay)
	}
	return d/2 + rand.N(d/2+1)
}

// restore decodes a stored delivery with the trust and bounds it came in with.
func (h *Handler[E]) restore(ctx context.Context, lease Lease) (in received[E], err error) {
	defer h.recovered(ctx, lease.fail, &err)
	p, err := decodePayload(lease.Payload)
	if err != nil {
		return received[E]{}, lease.fail(fmt.Errorf("%w: stored: %w", ErrMalformed, err))
	}
	bound, err := p.bound()
	if err != nil {
		return received[E]{}, lease.fail(fmt.Errorf("%w: stored: %w", ErrMalformed, err))
	}
	in, err = h.decode(p.Body, p.Trust, bound)
	in.event.Attempt = lease.Attempts
	return in, err
}

func (l Lease) fail(err error) *Error {
	return &Error{Provider: l.Provider, Reference: l.Reference, EventID: l.ID, Err: err}
}

// drain counts what a handler has begun, so that Shutdown can wait for it.
type drain struct {
	mu     sync.Mutex
	closed bool
	active sync.WaitGroup
	stop   chan struct{} // closed when closing begins
}

func (d *drain) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.active.Add(1)
	}
	return !d.closed
}

func (d *drain) end() { d.active.Done() }

// close lets nothing new begin, and waits until all that has begun is finished.
func (d *drain) close(ctx context.Context) error {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.stop)
	}
	d.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		d.active.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
