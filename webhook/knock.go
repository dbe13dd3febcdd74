package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// lookAgain are the waits before an API that lags behind the posted status is asked
// again.
var lookAgain = [...]time.Duration{time.Second, 3 * time.Second}

// knock asks the API what became of the reference, and hands that on. It returns no
// error once the API says at least as much as was posted.
func (h *Handler[E]) knock(ctx context.Context, posted Identity, bound *Bound, arrived time.Time) error {
	about := Identity{Reference: posted.Reference, Alias: posted.Alias}
	if bound != nil && (posted.Reference == "" || posted.Alias || h.source.byURL) {
		about = Identity{Reference: bound.Reference}
	}
	posted.Reference = about.Reference
	if err := posted.check(); err != nil {
		if bound == nil {
			return h.fail(err)
		}
		if !plain(posted.Status) { // the URL says enough
			posted.Status = ""
		}
		if !plain(about.Reference) {
			about = Identity{Reference: bound.Reference}
		}
	}
	refuse := func(err error) error {
		return &Error{Provider: h.source.Provider, Reference: about.Reference, Status: posted.Status, Err: err}
	}
	if err := h.ours(ctx, about.Reference, bound); err != nil {
		return refuse(err)
	}
	for i := 0; ; i++ {
		said, err := h.ask(ctx, about, bound, arrived)
		if err != nil {
			return err
		}
		if !said.States.ahead(posted.Status, said.Status) {
			return nil
		}
		if i == len(lookAgain) {
			return refuse(fmt.Errorf("%w: posted status is not reached yet", ErrNotConfirmed))
		}
		if err := sleep(ctx, lookAgain[i]); err != nil {
			return refuse(fmt.Errorf("%w: %w", ErrNotConfirmed, err))
		}
	}
}

// ours reports, as an error, that a reference is not the merchant's.
func (h *Handler[E]) ours(ctx context.Context, reference string, bound *Bound) error {
	switch {
	case bound != nil && bound.Reference == reference:
		return nil
	case bound != nil:
		return ErrMismatch
	case h.cfg.Known == nil: // Auth promised capabilities
		return ErrUnauthenticated
	}
	known, err := h.cfg.Known(ctx, reference)
	switch {
	case err != nil:
		return fmt.Errorf("%w: Known: %w", ErrUnavailable, err)
	case !known:
		return ErrNotOurs
	}
	return nil
}

// ask returns what the API says, after it was handed on. The API is asked after
// the call of ask began, and once for all who ask meanwhile.
func (h *Handler[E]) ask(ctx context.Context, about Identity, bound *Bound, arrived time.Time) (Identity, error) {
	key := askKey{about.Reference, about.Alias, "", ""}
	if bound != nil {
		key.amount, key.currency = bound.Amount.Decimal.String(), bound.Currency
	}
	return h.asks.join(ctx, key, h.cfg.Timeout, func(ctx context.Context, begin func(context.Context) error) (said Identity, news bool, err error) {
		var trust Trust
		defer h.recovered(ctx, &trust, &err)
		fail := func(err error) error {
			return &Error{Provider: h.source.Provider, Reference: about.Reference, Err: err}
		}
		ev, transition, err := h.confirm(ctx, arrived, func(ctx context.Context) (ev Event[E], err error) {
			data, err := h.look(ctx, about, begin)
			if err != nil {
				if errors.Is(err, ErrMismatch) || errors.Is(err, ErrMalformed) {
					return ev, fail(err)
				}
				return ev, fail(fmt.Errorf("%w: %w", ErrNotConfirmed, err))
			}
			ev, err = h.identify(data, Confirmed)
			switch {
			case err != nil:
				return ev, fail(fmt.Errorf("%w: the API shows no reference or status", ErrNotConfirmed))
			case bound.contradicts(ev.Identity), !about.Alias && ev.Reference != about.Reference:
				return ev, ev.fail(ErrMismatch)
			}
			trust = ev.Trust
			return ev, nil
		})
		// What could not be handed on is news, too.
		return ev.Identity, trust == Confirmed && transition.moves(), err
	})
}

// maxAsks bounds how often the API is asked for a response that is newer than the state
// it undoes.
const maxAsks = 4

// errOvertaken says that a response of the API may be older than the state it undoes.
var errOvertaken = fmt.Errorf("%w: the state changed while the API was asked", ErrNotConfirmed)

// confirm asks the API, and hands on what it says. Another process, a Reconciler or a
// callback by another name may have applied a newer response meanwhile. So a response
// that undoes a state counts only if the API was asked after that state was applied. If
// it was not, the API is asked again, and not at once: its own copies may lag.
func (h *Handler[E]) confirm(ctx context.Context, arrived time.Time, ask func(context.Context) (Event[E], error)) (ev Event[E], t Transition, err error) {
	since := ""
	for i := range maxAsks {
		if i > 0 {
			if err := sleep(ctx, h.cfg.repeatAfter()); err != nil {
				return ev, "", ev.fail(fmt.Errorf("%w: %w", errOvertaken, err))
			}
		}
		if ev, err = ask(ctx); err != nil {
			return ev, "", err
		}
		if t, err = h.apply(ctx, ev, arrived, &since); !errors.Is(err, errOvertaken) {
			break
		}
	}
	return ev, t, err
}

// look is one question to the API, within the budget.
func (h *Handler[E]) look(ctx context.Context, about Identity, begin func(context.Context) error) (E, error) {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.AskTimeout)
	defer cancel()
	if err := begin(ctx); err != nil {
		var none E
		return none, fmt.Errorf("budget of questions is used up: %w", err)
	}
	began := time.Now()
	data, err := h.source.Ask(ctx, about)
	if err == nil {
		h.observe(ctx, Observation{Step: StepConfirmed, Took: time.Since(began)})
	}
	return data, err
}

// asks keeps one question about a reference under way, and at most one more behind
// it for those who came too late for the first.
type asks[E any] struct {
	all *budget

	mu    sync.Mutex
	lines map[askKey]*line
	idle  []askKey // in the order in which their lines may be forgotten, roughly
}

// askKey names what is asked about. Callbacks with other bounds do not share the
// question.
type askKey struct {
	reference        string
	alias            bool
	amount, currency string
}

// line is the questions about one reference.
type line struct {
	running, next *flight
	turns         limiter
	place         place
	until         time.Time // it is forgotten then
}

// flight is one question and what came of it.
type flight struct {
	begun bool // too late to join
	done  chan struct{}
	said  Identity
	err   error
}

// Per reference, eight questions may come at once, and then one a second. So a
// leaked URL cannot use up the budget of all others.
const (
	askEvery = time.Second
	askBurst = 8 * time.Second
)

// A reference keeps its place in the queue for lineMemory after a question that
// reached nothing new, or that never began: nobody gets a better place by coming
// again. Beyond maxLines, lines that nobody uses are forgotten sooner.
const (
	lineMemory = 2 * time.Minute
	maxLines   = 10_000
)

// question returns what the API said, and whether it was news.
type question func(ctx context.Context, begin func(context.Context) error) (said Identity, news bool, err error)

func newAsks[E any](perSecond int) asks[E] {
	return asks[E]{all: &budget{limiter: newLimiter(perSecond)}, lines: map[askKey]*line{}}
}

// join waits for the end of a question that begins after join was called.
func (a *asks[E]) join(ctx context.Context, key askKey, timeout time.Duration, ask question) (Identity, error) {
	a.mu.Lock()
	l := a.lines[key]
	if l == nil {
		a.forget()
		l = &line{turns: limiter{every: askEvery, burst: askBurst}, place: place{since: time.Now()}}
		a.lines[key] = l
		a.idle = append(a.idle, key)
	}
	f, lead := l.running, false
	switch {
	case f == nil:
		f, lead = &flight{done: make(chan struct{})}, true
		l.running = f
	case f.begun && l.next == nil:
		f = &flight{done: make(chan struct{})}
		l.next = f
	case f.begun:
		f = l.next
	}
	a.mu.Unlock()
	if lead {
		a.fly(ctx, l, f, timeout, ask)
		return f.said, f.err
	}
	select {
	case <-f.done:
		return f.said, f.err
	case <-ctx.Done():
		return Identity{}, fmt.Errorf("%w: %w", ErrNotConfirmed, ctx.Err())
	}
}

// fly asks, and then lets the next question begin.
func (a *asks[E]) fly(ctx context.Context, l *line, f *flight, timeout time.Duration, ask question) {
	var news bool
	f.said, news, f.err = ask(ctx, func(ctx context.Context) error {
		// The turn of the reference comes first: who waits for it takes no turn from
		// others.
		if err := l.turns.wait(ctx); err != nil {
			return err
		}
		if err := a.all.wait(ctx, l.place); err != nil {
			return err
		}
		a.mu.Lock()
		f.begun = true
		a.mu.Unlock()
		return nil
	})
	a.mu.Lock()
	l.running, l.next = l.next, nil
	next := l.running
	now := time.Now()
	if f.begun {
		l.place.asked(news, now)
	}
	l.until = now.Add(lineMemory)
	if f.begun && news {
		l.until = now.Add(askBurst + askEvery) // when its turns are full again
	}
	a.mu.Unlock()
	close(f.done)
	if next == nil {
		return
	}
	// Those who wait for the next question may have little time left; it has its own.
	ctx = context.WithoutCancel(ctx)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		a.fly(ctx, l, next, timeout, ask)
	}()
}

// forget drops lines that nobody uses, once their time has come. Each call looks at
// two, so that the lines never outgrow those in use.
func (a *asks[E]) forget() {
	for range min(2, len(a.idle)) {
		key := a.idle[0]
		a.idle = a.idle[1:]
		if l := a.lines[key]; l.running != nil || len(a.lines) < maxLines && time.Now().Before(l.until) {
			a.idle = append(a.idle, key)
		} else {
			delete(a.lines, key)
		}
	}
}

// place decides who is asked about first. References about which no question was in
// vain lately go before all others, the newest of them first: a flood of references
// that came before waits behind it.
type place struct {
	since time.Time     // when it was first asked for
	due   time.Time     // of a reference about which the last question was in vain
	hold  time.Duration // doubles with each question in vain
}

func (p place) before(other place) bool {
	switch quiet := p.due.IsZero(); {
	case quiet != other.due.IsZero():
		return quiet
	case quiet:
		return p.since.After(other.since)
	}
	return p.due.Before(other.due)
}

func (p *place) asked(news bool, now time.Time) {
	if news {
		p.due, p.hold = time.Time{}, 0
		return
	}
	p.hold = min(max(2*p.hold, time.Second), time.Minute)
	p.due = now.Add(p.hold)
}

// budget is a limiter whose next turn goes to the best place of all who wait.
type budget struct {
	*limiter
	queue []*waiter
	timed bool // serve will be called
}

type waiter struct {
	place
	turn chan error // has room for one error, or nil
}

// wait fails at once if the queue is too long for the deadline of ctx and nobody in it
// has a worse place. Who has the worst one makes room.
func (b *budget) wait(ctx context.Context, p place) error {
	b.mu.Lock()
	now := time.Now()
	turn := b.turn(now)
	if len(b.queue) == 0 && !turn.After(now) {
		b.next = turn
		b.mu.Unlock()
		return ctx.Err()
	}
	w := &waiter{place: p, turn: make(chan error, 1)}
	b.queue = append(b.queue, w)
	last := turn.Add(time.Duration(len(b.queue)-1) * b.every)
	if deadline, ok := ctx.Deadline(); ok && !last.Before(deadline) {
		b.leave(func(a, b *waiter) bool { return !a.before(b.place) }, context.DeadlineExceeded)
	}
	b.serve(now)
	b.mu.Unlock()
	select {
	case err := <-w.turn:
		return err
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.queue, w); i >= 0 {
		b.queue = slices.Delete(b.queue, i, i+1)
		return ctx.Err()
	}
	return <-w.turn
}

// serve gives the turns that have come, and sees to it that it is called for the next.
func (b *budget) serve(now time.Time) {
	for len(b.queue) > 0 {
		turn := b.turn(now)
		if !turn.After(now) {
			b.next = turn
			b.leave(func(a, b *waiter) bool { return a.before(b.place) }, nil)
			continue
		}
		if !b.timed {
			b.timed = true
			time.AfterFunc(turn.Sub(now), func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.timed = false
				b.serve(time.Now())
			})
		}
		return
	}
}

// leave tells whom nobody else beats, and takes it out of the queue.
func (b *budget) leave(beats func(a, b *waiter) bool, err error) {
	at := 0
	for i, w := range b.queue {
		if beats(w, b.queue[at]) {
			at = i
		}
	}
	b.queue[at].turn <- err
	b.queue = slices.Delete(b.queue, at, at+1)
}

// limiter grants a number of turns a second. Turns not taken are kept for the time
// of burst; a caller who comes early waits if its context allows it.
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
	next := l.turn(now)
	if deadline, ok := ctx.Deadline(); ok && !next.Before(deadline) {
		return 0, false
	}
	l.next = next
	return max(0, next.Sub(now)), true
}

// turn is when the next turn comes.
func (l *limiter) turn(now time.Time) time.Time {
	next := l.next
	if earliest := now.Add(-l.burst); next.Before(earliest) {
		next = earliest
	}
	return next.Add(l.every)
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
