package webhook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// leaseAndApply waits, at most Config.Wait, for the reference to be free, and then
// works on the event.
func (h *Handler[E]) leaseAndApply(ctx context.Context, in received[E]) (Response, Transition, error) {
	until := time.Now().Add(h.cfg.Wait)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		ends := time.Now().Add(h.cfg.Lease)
		lease, err := h.cfg.Inbox.Acquire(ctx, in.event.key(), h.cfg.Lease)
		switch {
		case err != nil:
			return Response{}, "", in.event.fail(err)
		case lease.Status == LeaseDone && lease.Response.Status == 0:
			return in.response, Duplicate, nil // discarded by a person, so no response was stored
		case lease.Status == LeaseDone:
			return lease.Response, Duplicate, nil
		case lease.Status == LeaseGranted:
			return h.applyLeased(ctx, in, lease, ends)
		}
		// A second copy of an event in flight does not wait: if the first copy
		// fails, its own sender retries it.
		if lease.Same || !time.Now().Before(until) {
			return Response{}, "", in.event.fail(ErrBusy)
		}
		if err := sleep(ctx, pause/2+rand.N(pause)); err != nil {
			return Response{}, "", in.event.fail(fmt.Errorf("%w: %w", ErrBusy, err))
		}
	}
}

// applyLeased works on the event and releases the lease if that fails. The work
// goes on when the sender hangs up, but not beyond the lease.
func (h *Handler[E]) applyLeased(ctx context.Context, in received[E], lease Lease, ends time.Time) (Response, Transition, error) {
	work, cancel := context.WithDeadline(context.WithoutCancel(ctx), ends)
	defer cancel()
	transition, err := h.apply(work, in, lease)
	if errors.Is(err, ErrImpossible) {
		// A retry cannot help, so the sender gets its acknowledgement. People get
		// a report and a dead letter.
		h.report(ctx, err, in.response.Status)
		err = h.bury(work, in, lease)
	}
	if err != nil {
		h.release(ctx, lease)
		return Response{}, transition, err
	}
	return in.response, transition, nil
}

// recovered, deferred, turns a panic of the merchant's code into an error. The
// worker lives on and the lease is released.
func (h *Handler[E]) recovered(ctx context.Context, fail func(error) *Error, err *error) {
	if p := recover(); p != nil {
		h.cfg.Logger.ErrorContext(ctx, "webhook panic", "provider", h.cfg.Source.Provider, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*err = fail(ErrPanic)
	}
}

// apply compares the event with the reference's state, confirms it if it changes
// that state, calls the merchant's function and completes the lease. After
// ErrImpossible the caller still holds the lease.
func (h *Handler[E]) apply(ctx context.Context, in received[E], lease Lease) (_ Transition, err error) {
	defer h.recovered(ctx, in.event.fail, &err)
	ev := in.event
	ev.Previous = lastStatus(lease.State)
	ev.Transition = ev.States.compare(lease.State, ev.Status)
	if ev.Transition.moves() && ev.Trust != Confirmed && h.cfg.Confirm != nil {
		confirmed, err := h.confirmed(ctx, ev, in.bound)
		if err != nil {
			return "", ev.fail(err)
		}
		confirmed.Transition = confirmed.States.compare(lease.State, confirmed.Status)
		ev = confirmed
	}
	if ev.Transition == Impossible {
		return Impossible, ev.fail(ErrImpossible)
	}
	if err := h.complete(ctx, ev, lease, in.response); err != nil {
		return "", ev.fail(err)
	}
	h.cfg.Logger.InfoContext(ctx, "webhook event", "provider", ev.Provider, "reference", ev.Reference, "event", ev.ID,
		"status", ev.Status, "transition", string(ev.Transition), "trust", ev.Trust.String())
	return ev.Transition, nil
}

// confirmed asks the API and compares the posted event with what the API says.
func (h *Handler[E]) confirmed(ctx context.Context, posted Event[E], bound *Bound) (Event[E], error) {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.ConfirmTimeout)
	defer cancel()
	if err := h.confirm.wait(ctx); err != nil {
		return posted, fmt.Errorf("%w: rate limit: %w", ErrNotConfirmed, err)
	}
	data, err := h.cfg.Confirm(ctx, posted)
	if errors.Is(err, ErrMismatch) {
		return posted, err
	}
	if err != nil {
		return posted, fmt.Errorf("%w: %w", ErrNotConfirmed, err)
	}
	ev, err := h.identify(data, bound)
	if err != nil {
		return posted, fmt.Errorf("%w: %w", ErrNotConfirmed, err)
	}
	if ev.contradicts(posted.Identity) || bound != nil && ev.contradicts(bound.identity()) {
		return posted, ErrMismatch
	}
	ev.Trust, ev.Previous, ev.Attempt = Confirmed, posted.Previous, posted.Attempt
	if ev.Status == posted.Status {
		return ev, nil
	}
	switch ev.States.Transition(ev.Status, posted.Status) {
	case Stale:
		return ev, nil // the API is further on, and its word counts
	case Impossible:
		return posted, fmt.Errorf("%w: status", ErrMismatch)
	default:
		return posted, fmt.Errorf("%w: status is not reached yet", ErrNotConfirmed)
	}
}

// complete calls the merchant's function if the event changes the state, and marks
// the event done.
func (h *Handler[E]) complete(ctx context.Context, ev Event[E], lease Lease, response Response) error {
	result := Result{Transition: ev.Transition, Response: response}
	if !ev.Transition.moves() {
		return h.cfg.Inbox.Complete(ctx, lease, result)
	}
	result.State = ev.States.stateAfter(lease.State, ev.Status)
	if h.cfg.HandleTx != nil {
		inbox := h.cfg.Inbox.(*SQLInbox) // as New checked
		return inbox.CompleteTx(ctx, lease, result, func(tx *sql.Tx) error {
			return h.cfg.HandleTx(ctx, tx, ev)
		})
	}
	if err := h.cfg.Handle(ctx, ev); err != nil {
		return err
	}
	// The function has returned, so the event must be marked done even if its time
	// is over: without the mark it would be handed on again. If another worker has
	// taken over meanwhile, the fence tells the inbox.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	return h.cfg.Inbox.Complete(ctx, lease, result)
}

// bury keeps an impossible event as a dead letter. An Inbox that is no Queue has
// no dead letters and only marks it done.
func (h *Handler[E]) bury(ctx context.Context, in received[E], lease Lease) error {
	queue, ok := h.cfg.Inbox.(Queue)
	if !ok {
		return h.cfg.Inbox.Complete(ctx, lease, Result{Transition: Impossible, Response: in.response})
	}
	stored, err := encodePayload(in.body, in.event.Trust, in.bound)
	if err != nil {
		return in.event.fail(err)
	}
	if err := queue.Bury(ctx, lease, ErrImpossible.Error(), stored); err != nil {
		return in.event.fail(err)
	}
	return nil
}

// releaseTimeout bounds the release of a lease after its caller has gone.
const releaseTimeout = 5 * time.Second

func (h *Handler[E]) release(ctx context.Context, lease Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := h.cfg.Inbox.Release(ctx, lease); err != nil {
		// The lease ends by itself.
		h.cfg.Logger.WarnContext(ctx, "webhook release", "provider", lease.Provider, "reference", lease.Reference, "error", err)
	}
}

// limiter grants a number of turns a second. Turns not taken are kept for up to a
// second; a caller who comes early waits if its context allows it.
type limiter struct {
	mu    sync.Mutex
	every time.Duration
	burst time.Duration
	next  time.Time // when all turns given so far are used up
}

func newLimiter(perSecond int) *limiter {
	return &limiter{every: time.Second / time.Duration(perSecond), burst: time.Second}
}

// wait fails at once if the turn would come after the deadline of ctx, and then
// takes no turn from others.
func (l *limiter) wait(ctx context.Context) error {
	delay, ok := l.reserve(ctx, time.Now())
	if !ok {
		return context.DeadlineExceeded
	}
	return sleep(ctx, delay)
}

func (l *limiter) reserve(ctx context.Context, now time.Time) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.next
	if earliest := now.Add(-l.burst); next.Before(earliest) {
		next = earliest
	}
	next = next.Add(l.every)
	if deadline, ok := ctx.Deadline(); ok && !next.Before(deadline) {
		return 0, false
	}
	l.next = next
	return max(0, next.Sub(now)), true
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
