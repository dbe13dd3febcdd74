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

// claimAndApply waits for the reference to be free, within bounds, and works on
// the event.
func (h *Handler[E]) claimAndApply(ctx context.Context, in delivery[E]) (Answer, Transition, error) {
	until := time.Now().Add(h.cfg.Wait)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		ends := time.Now().Add(h.cfg.Lease)
		claim, err := h.cfg.Inbox.Claim(ctx, in.event.key(), h.cfg.Lease)
		switch {
		case err != nil:
			return Answer{}, "", in.event.fail(err)
		case claim.Status == ClaimDone && claim.Answer.Status == 0:
			return in.answer, Duplicate, nil // discarded by people: none was given
		case claim.Status == ClaimDone:
			return claim.Answer, Duplicate, nil
		case claim.Status == ClaimNew:
			return h.applyClaimed(ctx, in, claim, ends)
		}
		// A second copy of what is being worked on has nothing to wait for: if the
		// first fails, its sender comes again.
		if claim.Same || !time.Now().Before(until) {
			return Answer{}, "", in.event.fail(ErrBusy)
		}
		if err := sleep(ctx, pause/2+rand.N(pause)); err != nil {
			return Answer{}, "", in.event.fail(fmt.Errorf("%w: %w", ErrBusy, err))
		}
	}
}

// applyClaimed works on the event and gives the claim back if that fails. The
// sender may hang up meanwhile: what has begun is finished all the same, before
// the lease ends.
func (h *Handler[E]) applyClaimed(ctx context.Context, in delivery[E], claim Claim, ends time.Time) (Answer, Transition, error) {
	work, cancel := context.WithDeadline(context.WithoutCancel(ctx), ends)
	defer cancel()
	transition, err := h.guarded(work, in, claim)
	if errors.Is(err, ErrImpossible) {
		// No retry makes it possible: the sender may forget it, people may not.
		h.report(ctx, err, in.answer.Status)
		err = h.bury(work, in, claim, ErrImpossible)
	}
	if err != nil {
		h.release(ctx, claim)
		return Answer{}, transition, err
	}
	return in.answer, transition, nil
}

func (h *Handler[E]) guarded(ctx context.Context, in delivery[E], claim Claim) (t Transition, err error) {
	defer h.recovered(ctx, in.event.fail, &err)
	return h.apply(ctx, in, claim)
}

// recovered, deferred, turns a panic of the merchant's code into an error: one
// bad event must not take down a worker, and its claim has to be given back.
func (h *Handler[E]) recovered(ctx context.Context, fail func(error) *Error, err *error) {
	if p := recover(); p != nil {
		h.cfg.Logger.ErrorContext(ctx, "webhook panic", "provider", h.cfg.Source.Provider, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*err = fail(ErrPanic)
	}
}

// apply decides what the event means, confirms it if that matters, calls the
// merchant's function and completes the claim. ErrImpossible leaves the claim open.
func (h *Handler[E]) apply(ctx context.Context, in delivery[E], claim Claim) (Transition, error) {
	ev := in.event
	ev.Previous = lastStatus(claim.State)
	ev.Transition = ev.States.transition(claim.State, ev.Status)
	if ev.Transition.moves() && ev.Trust != Confirmed && h.cfg.Confirm != nil {
		confirmed, err := h.confirmed(ctx, ev, in.bound)
		if err != nil {
			return "", ev.fail(err)
		}
		confirmed.Transition = confirmed.States.transition(claim.State, confirmed.Status)
		ev = confirmed
	}
	if ev.Transition == Impossible {
		return Impossible, ev.fail(ErrImpossible)
	}
	if err := h.complete(ctx, ev, claim, in.answer); err != nil {
		return "", ev.fail(err)
	}
	h.cfg.Logger.InfoContext(ctx, "webhook event", "provider", ev.Provider, "reference", ev.Reference, "event", ev.ID,
		"status", ev.Status, "transition", string(ev.Transition), "trust", ev.Trust.String())
	return ev.Transition, nil
}

// confirmed asks the API and holds the claim against what it says.
func (h *Handler[E]) confirmed(ctx context.Context, claimed Event[E], bound *Bound) (Event[E], error) {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.ConfirmTimeout)
	defer cancel()
	if err := h.confirm.wait(ctx); err != nil {
		return claimed, fmt.Errorf("%w: rate limit: %w", ErrNotConfirmed, err)
	}
	data, err := h.cfg.Confirm(ctx, claimed)
	if errors.Is(err, ErrMismatch) {
		return claimed, err
	}
	if err != nil {
		return claimed, fmt.Errorf("%w: %w", ErrNotConfirmed, err)
	}
	ev, err := h.identify(data, bound)
	if err != nil {
		return claimed, fmt.Errorf("%w: %w", ErrNotConfirmed, err)
	}
	if ev.contradicts(claimed.Subject) || bound != nil && ev.contradicts(bound.subject()) {
		return claimed, ErrMismatch
	}
	ev.Trust, ev.Previous, ev.Attempt = Confirmed, claimed.Previous, claimed.Attempt
	if ev.Status == claimed.Status {
		return ev, nil
	}
	switch ev.States.Transition(ev.Status, claimed.Status) {
	case Stale:
		return ev, nil // the API is further on already: its word counts
	case Impossible:
		return claimed, fmt.Errorf("%w: status", ErrMismatch)
	default:
		return claimed, fmt.Errorf("%w: status is not reached yet", ErrNotConfirmed)
	}
}

// complete calls the merchant's function if the event moves the state, and marks
// the event done.
func (h *Handler[E]) complete(ctx context.Context, ev Event[E], claim Claim, answer Answer) error {
	result := Result{Outcome: ev.Transition, Answer: answer}
	if !ev.Transition.moves() {
		return h.cfg.Inbox.Complete(ctx, claim, result)
	}
	result.State = ev.States.position(claim.State, ev.Status)
	if h.cfg.HandleTx != nil {
		inbox := h.cfg.Inbox.(*SQLInbox) // as New checked
		return inbox.CompleteTx(ctx, claim, result, func(tx *sql.Tx) error {
			return h.cfg.HandleTx(ctx, tx, ev)
		})
	}
	if err := h.cfg.Handle(ctx, ev); err != nil {
		return err
	}
	// It took effect. Had its context ended meanwhile, it must not for lack of a
	// mark do so again; who took over in that time is told apart by the fence.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	return h.cfg.Inbox.Complete(ctx, claim, result)
}

// bury keeps an impossible event where people find it. An Inbox that is no Queue
// just remembers it as done.
func (h *Handler[E]) bury(ctx context.Context, in delivery[E], claim Claim, reason error) error {
	queue, ok := h.cfg.Inbox.(Queue)
	if !ok {
		return h.cfg.Inbox.Complete(ctx, claim, Result{Outcome: Impossible, Answer: in.answer})
	}
	stored, err := encodePayload(in.body, in.event.Trust, in.bound)
	if err != nil {
		return in.event.fail(err)
	}
	if err := queue.Bury(ctx, claim, reason.Error(), stored); err != nil {
		return in.event.fail(err)
	}
	return nil
}

func (h *Handler[E]) release(ctx context.Context, claim Claim) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := h.cfg.Inbox.Release(ctx, claim); err != nil {
		// The lease ends by itself.
		h.cfg.Logger.WarnContext(ctx, "webhook release", "provider", claim.Provider, "reference", claim.Reference, "error", err)
	}
}

// limiter lets through so many a second, a second's worth at once, and makes the
// rest wait if they can.
type limiter struct {
	mu    sync.Mutex
	every time.Duration
	burst time.Duration
	next  time.Time // when the bucket would be full again
}

func newLimiter(perSecond int) *limiter {
	return &limiter{every: time.Second / time.Duration(perSecond), burst: time.Second}
}

// wait fails at once when the turn would not come before the deadline; it then
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
