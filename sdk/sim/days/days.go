// Package days holds programs of merchants for package sim: each client by itself.
// They are run to prove this module, and show how a program settles its calls.
//
//	day := days.KPay()
//	sim.Run(t, day.Config, day.Program)
//
// Each program asks for a few payments at a time, from one process or from two, under
// a context that may end early. A referenced or keyed write is made again until it is
// settled. A searched write is made once, and looked for after that.
//
// # Limits
//
// The programs keep what they remember in a variable that outlives a killed process.
// A real merchant keeps it in a database: see the whole day in examples/prove.
package days

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/sim"
)

// Day is a program and the days it is to be run on.
type Day struct {
	Name    string
	Config  sim.Config
	Program func(w *sim.World)
	// Meets are situations which some hundred of these days must have met, or they
	// prove little. See sim.Report.Missing.
	Meets []string
	// Unique says that the provider's document promises unique references, or keys.
	Unique bool
}

// All are the days of this package.
func All() []Day {
	return []Day{KPay(), Kasapay(), Kapiten(), Kotani(), FiatConnect(), BitPesa(), Callbacks("")}
}

// order is one payment that a merchant wants.
type order struct {
	sim.Ask
	actor string // who wants it; the reference if empty
	// make asks for it. find looks for it.
	make func(ctx context.Context) (result, error)
	find func(ctx context.Context) error
	// beside is asked for by another clerk of the process while make is under way: the
	// same, or by mistake another payment with the same reference.
	beside   *order
	mistaken bool
	twice    bool // make it again, a minute after its success
}

// result is what a success shows.
type result struct {
	reference string // empty if it shows none
	existing  bool   // it was there before
}

// merchant carries orders out, as package sdk advises.
type merchant struct {
	w        *sim.World
	patience time.Duration
	beside   time.Duration // of who asks beside another
	again    bool          // the same call may be made again after a doubt

	mu    sync.Mutex
	begun map[string]bool // survives the process
	over  map[string]bool
	calls map[string]int // by reference
}

// newMerchant is made once a day, before the processes.
func newMerchant(w *sim.World, again bool) *merchant {
	patience := [...]time.Duration{10 * time.Minute, 20 * time.Second, 4 * time.Second, 300 * time.Millisecond}[w.Choose(4)]
	m := &merchant{w: w, patience: patience, again: again && !w.Profile().Forgetful, begun: map[string]bool{}, over: map[string]bool{}, calls: map[string]int{}}
	if !again {
		m.beside = [...]time.Duration{2 * patience, patience / 2}[w.Choose(2)]
	}
	return m
}

// mistake tells a payment from the one that should have its reference.
type mistake struct{ less, account int64 } // less is in hundredths

// The amount differs, or the account, or both, or the amount in its cents.
var mistakes = [...]mistake{{1500_00, 0}, {0, 1}, {1500_00, 1}, {5, 0}}

// colleague chooses what another clerk asks for beside an order, if anything: the same, or
// another payment by mistake.
func colleague(w *sim.World) (asks bool, m mistake) {
	switch w.Choose(4) {
	case 0:
		return false, m
	case 3:
		return true, mistakes[w.Choose(len(mistakes)-1)] // whole amounts
	}
	return true, m
}

// run carries out orders side by side in one process, and in a second one too where
// the same call may be made again.
func (m *merchant) run(orders func(p *sim.Process) ([]order, error)) {
	names := []string{"shop"}
	if m.again && m.w.Choose(3) == 2 {
		names = append(names, "twin")
	}
	for _, name := range names {
		m.w.Process(name, func(p *sim.Process) error {
			list, err := orders(p)
			if err != nil {
				return err
			}
			for _, o := range list {
				actor := o.actor
				if actor == "" {
					actor = o.Reference
				}
				p.Go(actor, func(ctx context.Context) { m.settle(ctx, p, o, name+actor) })
			}
			p.Wait()
			return nil
		})
	}
}

const maxTries = 20 // longer than an outage

func (m *merchant) settle(ctx context.Context, p *sim.Process, o order, key string) {
	m.mu.Lock()
	over, begun := m.over[key], m.begun[key]
	m.begun[key] = true
	m.mu.Unlock()
	if over {
		return
	}
	wait := time.Second
	for tries := 0; ctx.Err() == nil; tries++ {
		if tries == maxTries {
			if m.again {
				m.w.Fail("%s: the same call for %s does not converge", o.Provider, o.Reference)
			} else {
				m.w.Stuck(o.Provider, o.Reference, "no clear response for hours")
			}
			break
		}
		if begun && !m.again {
			if o.mistaken || m.found(ctx, p, o) {
				break
			}
		} else {
			err := m.ask(ctx, p, o)
			advice := sdk.Advise(err)
			if advice == sdk.Done && o.twice {
				o.twice = false
				m.w.Met(metAskedAgain)
				p.Sleep(ctx, time.Minute)
				continue
			}
			if o.mistaken || advice == sdk.Done || advice == sdk.Mend || advice == sdk.Taken {
				break
			}
			begun = advice == sdk.Look
			p.Sleep(ctx, sdk.RetryAfter(err))
		}
		p.Sleep(ctx, wait)
		wait = min(2*wait, 10*time.Minute)
	}
	m.mu.Lock()
	m.over[key] = ctx.Err() == nil
	m.mu.Unlock()
}

// ask makes the call of an order, and the one beside it, which has the last word.
func (m *merchant) ask(ctx context.Context, p *sim.Process, o order) error {
	if o.beside == nil {
		return m.call(ctx, p, o, m.patience)
	}
	if o.mistaken {
		m.w.Stuck(o.Provider, o.Reference, "two clerks use it for two payments")
	}
	var over atomic.Bool
	first := o
	first.make = func(ctx context.Context) (result, error) {
		defer over.Store(true)
		return o.make(ctx)
	}
	asked, second := false, error(nil)
	wait := p.Beside(ctx, "beside", func(ctx context.Context) {
		if !over.Load() { // else these are two calls, one after the other
			asked = true
			second = m.call(ctx, p, *o.beside, m.beside)
		}
	})
	err := m.call(ctx, p, first, m.patience)
	wait()
	switch {
	case !asked:
		return err
	case o.mistaken:
		m.w.Met(metMistaken)
		return second
	}
	m.w.Met(metBeside)
	if nothing(second) && !nothing(err) { // they share their requests
		m.w.Fail("%s: two clerks asked for %s at once; told were %v, and %v", o.Provider, o.Reference, err, second)
	}
	return second
}

// nothing reports an error which says that no payment was made.
func nothing(err error) bool {
	return errors.Is(err, sdk.ErrNotSent) || errors.Is(err, sdk.ErrRejected)
}

func (m *merchant) call(ctx context.Context, p *sim.Process, o order, patience time.Duration) error {
	return p.Call(ctx, o.Ask, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		m.count(o, 1)
		made, err := o.make(ctx)
		if made.reference != "" && made.reference != o.Reference {
			m.w.Fail("%s: a success of %s is about %s", o.Provider, o.Reference, made.reference)
		}
		// The only call for a reference has made the payment, unless a copy of its request has.
		if err == nil && made.existing && m.count(o, 0) == 1 && !m.w.Profile().Repeats {
			m.w.Fail("%s: told that %s existed before, and nobody else has asked for it", o.Provider, o.Reference)
		}
		return err
	})
}

// count counts the calls for a reference.
func (m *merchant) count(o order, more int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[o.Reference] += more
	return m.calls[o.Reference]
}

// found looks for a write that may have left.
func (m *merchant) found(ctx context.Context, p *sim.Process, o order) bool {
	limited, cancel := context.WithTimeout(ctx, max(m.patience, 10*time.Second))
	defer cancel()
	return p.Look(limited, o.Ask, o.find) == nil
}

// treasurer pays money in some time after the day began, when orders have been
// refused for want of it.
func treasurer(w *sim.World, pay func() error) {
	after := [...]time.Duration{0, 8 * time.Second, 30 * time.Second, 5 * time.Minute}[w.Choose(4)]
	w.Actor("treasurer", func(ctx context.Context) {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		w.Quiesce("treasurer")
		if err := pay(); err != nil {
			w.Fail("treasurer: %v", err)
		}
		w.Note("treasurer", "pays money in")
	})
}
