package webhook

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"
)

// ReconcilerConfig sets up a Reconciler. Set Handler and Open, and Ask for signed
// deliveries.
type ReconcilerConfig[E any] struct {
	// Handler applies, through its inbox, what Ask returns.
	Handler *Handler[E]
	// Open lists the references you still wait for, from your own records, which
	// need no callback to exist. List a final one, paid or failed, for as long as you
	// want to hear of its reversal or correction, and after those that you wait for. If
	// Rate is too low for all lookups that are due, they are all late alike. It stops at
	// its first error.
	Open func(ctx context.Context) iter.Seq2[string, error]
	// Ask asks the provider about one reference; nil asks as the Handler does.
	Ask func(ctx context.Context, reference string) (E, error)

	// Every is how often Run asks Open, also while references wait for their turn; 0 is
	// 30 s.
	Every time.Duration
	// FirstDelay is the time between two lookups of a reference. It doubles up to
	// MaxDelay while nothing changes, and starts again at a change; 0 is 30 s and
	// 30 min. After a final status it is MaxDelay. References that Open has begun to list
	// have every second turn, in its order.
	FirstDelay, MaxDelay time.Duration
	// Rate is the most lookups a second; 0 is 5. A lookup that takes back what was
	// applied is made again, before it counts.
	Rate int
	// Timeout of one lookup; 0 is 10 s. What is handed on has the Handler's Timeout.
	Timeout time.Duration
	// Workers is how many lookups run at the same time; 0 is 4.
	Workers int
	// Limit is how many references are followed; 0 is 10,000. References that Open
	// lists beyond it wait until others are no longer listed. A MemoryInbox must remember
	// twice as many, each for twice MaxDelay and the time of Limit lookups at Rate.
	Limit int

	// Logger; nil is silent.
	Logger *slog.Logger
	// Now is the clock of the delays; nil is time.Now.
	Now func() time.Time
}

// Reconciler asks the provider about the references that Open lists. Run one beside
// every Handler: a lost callback may never be retried, as no provider documents a
// schedule that must succeed. While Open lists a reference, the reconciler finds how it
// stands, also after a final status; callbacks bring it sooner.
type Reconciler[E any] struct {
	cfg   ReconcilerConfig[E]
	limit *limiter

	mu    sync.Mutex // one sweep at a time
	plans map[string]plan
}

// plan is when a reference is looked up next.
type plan struct {
	next  time.Time
	delay time.Duration
}

// Sweep counts what one round of a Reconciler did.
type Sweep struct {
	Open    int // references followed
	Asked   int // asked about
	Applied int // changed, and handed on
	Failed  int // lookups and events that failed; they are retried
}

// NewReconciler checks the configuration and names all faults at once.
func NewReconciler[E any](cfg ReconcilerConfig[E]) (*Reconciler[E], error) {
	cfg.Every = cmp.Or(cfg.Every, 30*time.Second)
	cfg.FirstDelay = cmp.Or(cfg.FirstDelay, 30*time.Second)
	cfg.MaxDelay = cmp.Or(cfg.MaxDelay, 30*time.Minute)
	cfg.Rate = cmp.Or(cfg.Rate, 5)
	cfg.Timeout = cmp.Or(cfg.Timeout, 10*time.Second)
	cfg.Workers = cmp.Or(cfg.Workers, 4)
	cfg.Limit = cmp.Or(cfg.Limit, 10_000)
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	cfg.Now = orNow(cfg.Now)
	f := faults{of: "Reconciler: "}
	if cfg.Ask == nil && cfg.Handler != nil && cfg.Handler.source.Ask != nil {
		ask := cfg.Handler.source.Ask
		cfg.Ask = func(ctx context.Context, reference string) (E, error) {
			return ask(ctx, Identity{Reference: reference})
		}
	}
	f.must(cfg.Handler != nil && cfg.Open != nil && cfg.Ask != nil, "no Handler, Open or Ask")
	f.must(cfg.Every >= 0 && cfg.FirstDelay >= 0 && cfg.MaxDelay >= cfg.FirstDelay && cfg.Rate >= 0 && cfg.Timeout >= 0 && cfg.Workers >= 0 && cfg.Limit >= 0,
		"negative limit, or MaxDelay below FirstDelay")
	if cfg.Handler != nil {
		if m, ok := cfg.Handler.cfg.Inbox.(*MemoryInbox); ok { // what it forgets takes effect again
			f.must(m.cfg.Capacity/2 >= cfg.Limit, "Capacity %d of the MemoryInbox is less than twice Limit, %d", m.cfg.Capacity, cfg.Limit)
			round := time.Duration(cfg.Limit) * time.Second / time.Duration(max(cfg.Rate, 1))
			f.must(m.cfg.TTL/2 >= cfg.MaxDelay+round, "TTL %v of the MemoryInbox is less than twice MaxDelay and Limit/Rate, %v", m.cfg.TTL, cfg.MaxDelay+round)
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return &Reconciler[E]{cfg: cfg, limit: newLimiter(cfg.Rate), plans: map[string]plan{}}, nil
}

// Run sweeps until ctx ends, and returns its error. After Every it begins anew, with the
// references that Open lists by then.
func (r *Reconciler[E]) Run(ctx context.Context) error {
	for {
		next := time.Now().Add(r.cfg.Every)
		if _, err := r.sweep(ctx, r.cfg.Every); err != nil && ctx.Err() == nil {
			r.cfg.Logger.WarnContext(ctx, "webhook sweep", "error", err)
		}
		if err := sleep(ctx, time.Until(next)); err != nil {
			return err
		}
	}
}

// Sweep looks up every open reference that is due, once. It returns the error of
// Open or of ctx. A single lookup that fails is counted, logged and retried later.
func (r *Reconciler[E]) Sweep(ctx context.Context) (Sweep, error) {
	return r.sweep(ctx, math.MaxInt64)
}

// sweep begins lookups for as long as its second argument says.
func (r *Reconciler[E]) sweep(ctx context.Context, most time.Duration) (Sweep, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	due, err := r.due(ctx)
	result := Sweep{Open: len(r.plans)}
	if err != nil {
		return result, err
	}
	var (
		mu      sync.Mutex
		workers sync.WaitGroup
		work    = make(chan string)
	)
	for range min(r.cfg.Workers, len(due)) {
		workers.Go(func() {
			for reference := range work {
				applied, final, err := r.ask(ctx, reference)
				mu.Lock()
				result.Asked++
				if err != nil {
					result.Failed++
				}
				if applied {
					result.Applied++
				}
				r.plans[reference] = r.after(r.plans[reference], applied, final)
				mu.Unlock()
			}
		})
	}
	began := time.Now()
	for _, reference := range due {
		if time.Since(began) >= most {
			break
		}
		if err = r.limit.wait(ctx); err != nil {
			break
		}
		select {
		case work <- reference:
		case <-ctx.Done(): // and no worker may be left who takes it
			err = ctx.Err()
		}
	}
	close(work)
	workers.Wait()
	return result, err
}

// due follows the references that Open lists, forgets all others, and returns those to
// look up now. New ones take turns with the others, of which the one comes first that is
// due for longest. So nobody waits for ever.
func (r *Reconciler[E]) due(ctx context.Context) ([]string, error) {
	now := r.cfg.Now()
	open := map[string]plan{}
	var fresh, known []string
	for reference, err := range r.cfg.Open(ctx) {
		if err != nil {
			return nil, err
		}
		if _, twice := open[reference]; twice {
			continue
		}
		if len(open) == r.cfg.Limit {
			r.cfg.Logger.WarnContext(ctx, "webhook sweep", "limit", r.cfg.Limit)
			break
		}
		p := r.plans[reference]
		open[reference] = p
		switch {
		case p.delay == 0:
			fresh = append(fresh, reference)
		case !now.Before(p.next):
			known = append(known, reference)
		}
	}
	r.plans = open
	slices.SortStableFunc(known, func(a, b string) int { return open[a].next.Compare(open[b].next) })
	due := make([]string, 0, len(fresh)+len(known))
	for len(fresh) > 0 && len(known) > 0 {
		due = append(due, fresh[0], known[0])
		fresh, known = fresh[1:], known[1:]
	}
	return append(append(due, fresh...), known...), ctx.Err()
}

// ask looks a reference up, and hands on what changed. The sweep has waited for the turn
// of the first lookup.
func (r *Reconciler[E]) ask(ctx context.Context, reference string) (applied, final bool, err error) {
	h, trust, first := r.cfg.Handler, Confirmed, true
	defer h.recovered(ctx, &trust, &err)
	ev, transition, err := h.confirm(ctx, time.Now(), func(ctx context.Context) (ev Event[E], err error) {
		if !first {
			if err := r.limit.wait(ctx); err != nil {
				return ev, err
			}
		}
		first = false
		ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
		defer cancel()
		data, err := r.cfg.Ask(ctx, reference)
		if err != nil {
			return ev, err
		}
		if ev, err = h.identify(data, Confirmed); err == nil && ev.Reference != reference {
			err = ErrMismatch
		}
		return ev, err
	})
	if err != nil {
		r.cfg.Logger.WarnContext(ctx, "webhook lookup", "provider", h.source.Provider, "reference", reference, "error", err)
		return false, false, err
	}
	return transition.moves(), ev.States.Final(ev.Status), nil
}

func (r *Reconciler[E]) after(p plan, applied, final bool) plan {
	switch {
	case final:
		p.delay = r.cfg.MaxDelay
	case applied || p.delay == 0:
		p.delay = r.cfg.FirstDelay
	default:
		p.delay = min(2*p.delay, r.cfg.MaxDelay)
	}
	p.next = r.cfg.Now().Add(p.delay)
	return p
}
