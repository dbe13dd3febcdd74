package webhook

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"
)

// ReconcilerConfig sets up a Reconciler. Handler, Open and Lookup are required.
type ReconcilerConfig[E any] struct {
	// Handler applies what is found, through its inbox.
	Handler *Handler[E]
	// Open lists the references you still wait for, from your own records; those
	// are there even when no callback ever came. It stops at its first error.
	Open func(ctx context.Context) iter.Seq2[string, error]
	// Lookup asks the provider about one reference.
	Lookup func(ctx context.Context, reference string) (E, error)

	// Every is how often Run asks Open; 0 is 30 s.
	Every time.Duration
	// FirstDelay between two lookups of a reference, doubled up to MaxDelay while
	// nothing changes, and back to FirstDelay when something does; 0 is 30 s and
	// 30 min. A reference is looked up at once when it is first seen.
	FirstDelay, MaxDelay time.Duration
	// Rate is how many lookups a second are made at most; 0 is 5.
	Rate int
	// Timeout of one lookup; 0 is 10 s.
	Timeout time.Duration
	// Workers look up at the same time; 0 is 4.
	Workers int
	// Limit is how many open references are followed; 0 is 10,000. What Open
	// lists beyond it waits until others are closed.
	Limit int

	// Logger; nil is silent.
	Logger *slog.Logger
	// Now is the clock of the delays; nil is time.Now.
	Now func() time.Time
}

// Reconciler asks the provider about references that are not final. Retry
// schedules of callbacks are undocumented, so a lost one may never come again:
// the reconciler is what finds every change, callbacks make it sooner.
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
	final bool // the merchant still lists it, but nothing more can come
}

// Sweep is what one round of a Reconciler did.
type Sweep struct {
	Open    int // references followed
	Asked   int // looked up
	Applied int // found to have changed, and handed on
	Failed  int // lookups and events that failed; they are tried again
}

// NewReconciler checks the configuration and names all faults at once.
func NewReconciler[E any](cfg ReconcilerConfig[E]) (*Reconciler[E], error) {
	setDefault(&cfg.Every, 30*time.Second)
	setDefault(&cfg.FirstDelay, 30*time.Second)
	setDefault(&cfg.MaxDelay, 30*time.Minute)
	setDefault(&cfg.Rate, 5)
	setDefault(&cfg.Timeout, 10*time.Second)
	setDefault(&cfg.Workers, 4)
	setDefault(&cfg.Limit, 10_000)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	var faults []error
	if cfg.Handler == nil || cfg.Open == nil || cfg.Lookup == nil {
		faults = append(faults, fmt.Errorf("%w: Reconciler without Handler, Open or Lookup", ErrConfiguration))
	}
	if cfg.Every < 0 || cfg.FirstDelay < 0 || cfg.MaxDelay < cfg.FirstDelay || cfg.Rate < 0 || cfg.Timeout < 0 || cfg.Workers < 0 || cfg.Limit < 0 {
		faults = append(faults, fmt.Errorf("%w: Reconciler: negative limit, or MaxDelay below FirstDelay", ErrConfiguration))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &Reconciler[E]{cfg: cfg, limit: newLimiter(cfg.Rate), plans: map[string]plan{}}, nil
}

// Run sweeps until ctx ends, and returns its error.
func (r *Reconciler[E]) Run(ctx context.Context) error {
	for {
		if _, err := r.Sweep(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Logger.WarnContext(ctx, "webhook sweep", "error", err)
		}
		if err := sleep(ctx, r.cfg.Every); err != nil {
			return err
		}
	}
}

// Sweep looks up every open reference that is due, once. The error is Open's or
// the context's; single lookups that fail are only counted, logged and tried
// again later.
func (r *Reconciler[E]) Sweep(ctx context.Context) (Sweep, error) {
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
	for _, reference := range due {
		if err = r.limit.wait(ctx); err != nil {
			break
		}
		work <- reference
	}
	close(work)
	workers.Wait()
	return result, err
}

// due follows what Open lists, forgets what it no longer lists, and returns what
// to look up now.
func (r *Reconciler[E]) due(ctx context.Context) ([]string, error) {
	now := r.cfg.Now()
	open := map[string]plan{}
	var due []string
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
		if !p.final && !now.Before(p.next) {
			due = append(due, reference)
		}
	}
	r.plans = open
	return due, ctx.Err()
}

func (r *Reconciler[E]) ask(ctx context.Context, reference string) (applied, final bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	data, err := r.cfg.Lookup(ctx, reference)
	source := r.cfg.Handler.cfg.Source
	var transition Transition
	if err == nil {
		transition, err = r.cfg.Handler.feed(ctx, data, &Bound{Reference: reference})
	}
	if err != nil {
		r.cfg.Logger.WarnContext(ctx, "webhook lookup", "provider", source.Provider, "reference", reference, "error", err)
		return false, false, err
	}
	subject := source.Identify(data)
	return transition.moves(), subject.States.Final(subject.Status), nil
}

func (r *Reconciler[E]) after(p plan, applied, final bool) plan {
	if applied || p.delay == 0 {
		p.delay = r.cfg.FirstDelay
	} else {
		p.delay = min(2*p.delay, r.cfg.MaxDelay)
	}
	p.next, p.final = r.cfg.Now().Add(p.delay), final
	return p
}
