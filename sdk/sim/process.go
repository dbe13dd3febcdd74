package sim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Process is one life of a process of the merchant. A killed process does nothing
// any more: its goroutines end at their next step, at the network or the database.
// It is started again with a new Process, and remembers only what it has stored.
type Process struct {
	w      *World
	s      *service
	life   int
	ctx    context.Context
	end    context.CancelFunc
	client *http.Client
	dead   bool // guarded by w.mu
	frozen time.Time
	actors sync.WaitGroup
	closes []func()
}

// service is what starts a process again and again.
type service struct {
	name string
	main func(*Process) error
	life *Process      // guarded by w.mu; nil while it is down
	off  time.Duration // guarded by w.mu: how wrong the clock of its machine is
	// handlers receive callbacks, by the host and path of their URL.
	handlers map[string]http.Handler
}

// Process adds a process that runs main. It is started again when it was killed, or
// when main returned an error. When main returns nil it is over.
func (w *World) Process(name string, main func(p *Process) error) {
	s := &service{name: name, main: main}
	w.services = append(w.services, s)
	w.running.Go(func() {
		for life := 1; ; life++ {
			over, wait := w.live(s, life)
			if over || w.ctx.Err() != nil {
				return
			}
			sleep(w.ctx, wait)
		}
	})
}

// live is one life of a process.
func (w *World) live(s *service, number int) (over bool, wait time.Duration) {
	p := &Process{w: w, s: s, life: number}
	p.ctx, p.end = context.WithCancel(w.ctx)
	p.ctx = context.WithValue(p.ctx, actorKey{}, p.Name())
	p.client = &http.Client{Transport: &middleman{w, p}}
	w.turns.wait(p.Name() + " starts")
	w.mu.Lock()
	s.life, s.handlers = p, map[string]http.Handler{}
	for _, other := range w.services {
		if other != s && other.life != nil {
			w.metLocked(MetTwoProcesses)
		}
	}
	w.mu.Unlock()
	if number > 1 {
		w.note(p.Name(), true, "starts again")
	}
	returned, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		over := false
		defer func() {
			switch reason := recover(); {
			case over:
			case reason != nil:
				w.panicked(p.Name(), reason)
			case p.alive() && w.ctx.Err() == nil: // a killed one ends so
				w.violate("panic", "%s: its main did not return: it called runtime.Goexit, as t.FailNow and require do", p.Name())
			}
		}()
		err := s.main(p)
		over = true
		returned <- err
	}()
	select {
	case <-done:
		if p.alive() && w.ctx.Err() == nil && len(returned) == 0 {
			p.stop()
			return true, 0
		}
	case <-p.ctx.Done():
	}
	var err error
	ended := true
	select {
	case err = <-returned:
	default: // killed: main goes on until its next gate
		ended = false
	}
	if w.ctx.Err() == nil && p.alive() && ended && err == nil {
		p.stop()
		return true, 0
	}
	if ended && err != nil && p.alive() && w.ctx.Err() == nil {
		w.note(p.Name(), true, "ends: %v", err)
		wait = min(time.Second<<min(number-1, 6), time.Minute) // as a supervisor does
	} else {
		wait = w.down()
	}
	p.stop()
	return false, wait
}

// stop ends a life: what belongs to it is closed.
func (p *Process) stop() {
	p.w.mu.Lock()
	p.dead = true
	if p.s.life == p {
		p.s.life, p.s.handlers = nil, nil
	}
	closes := p.closes
	p.closes = nil
	p.w.mu.Unlock()
	p.end()
	for _, f := range closes {
		f()
	}
}

// Name is the name of the process and the number of its life.
func (p *Process) Name() string {
	if p.life == 1 {
		return p.s.name
	}
	return fmt.Sprintf("%s#%d", p.s.name, p.life)
}

// Context ends with this life of the process.
func (p *Process) Context() context.Context { return p.ctx }

// World is the world of this process.
func (p *Process) World() *World { return p.w }

// HTTPClient is the network as this process has it.
func (p *Process) HTTPClient() *http.Client { return p.client }

// Now is the clock of this process, which jumps at times. Give it to what takes a clock.
// What asks time.Now has the right time, but a server's Date header differs from it.
func (p *Process) Now() time.Time {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return time.Now().Add(p.s.off)
}

// Options are what each client of this process needs: the network, and no randomness
// of its own.
func (p *Process) Options() sdk.Options {
	return sdk.Options{HTTPClient: p.client, Jitter: func(bound time.Duration) time.Duration { return bound - bound/4 }}
}

// Handle receives what is posted to a URL of the merchant, such as
// "shop.example/hooks/kpay", while this life lasts. One which ends with a slash stands
// for all URLs of that folder.
func (p *Process) Handle(hostAndPath string, h http.Handler) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if p.s.handlers != nil && !p.dead {
		p.s.handlers[hostAndPath] = h
	}
}

// Go runs an actor of the process: an order, or a worker. Wait waits for all of them.
// The name must differ from that of others.
func (p *Process) Go(name string, f func(ctx context.Context)) {
	actor := p.Name() + "/" + name
	ctx := context.WithValue(p.ctx, actorKey{}, actor)
	p.actors.Go(func() {
		defer p.w.caught(actor)
		p.gate(actor, "begin")
		f(ctx)
	})
}

// Beside runs f as an actor of its own beside the caller, and returns what waits for
// its end: for two calls at once.
func (p *Process) Beside(ctx context.Context, name string, f func(ctx context.Context)) (wait func()) {
	actor, done := p.actor(ctx)+"/"+name, make(chan struct{})
	p.actors.Go(func() {
		defer close(done)
		defer p.w.caught(actor)
		p.gate(actor, "begin")
		f(context.WithValue(ctx, actorKey{}, actor))
	})
	return func() {
		<-done
		p.diesHere()
	}
}

// Wait waits for what Go has started.
func (p *Process) Wait() {
	p.actors.Wait()
	p.diesHere()
}

// diesHere ends a goroutine of a process that was killed while the goroutine waited.
func (p *Process) diesHere() {
	if p.gone() {
		runtime.Goexit()
	}
}

// Sleep lets time pass for this process.
func (p *Process) Sleep(ctx context.Context, d time.Duration) {
	sleep(ctx, d)
	p.gate(p.actor(ctx), "sleep")
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

type (
	actorKey struct{}
	callKey  struct{}
)

// actor names who acts: the one of Go, or the process.
func (p *Process) actor(ctx context.Context) string {
	if name, ok := ctx.Value(actorKey{}).(string); ok {
		return name
	}
	return p.Name()
}

// gate is a step of a process. The process may end here. Then the goroutine ends, and
// so does each that comes to a gate of this life later.
func (p *Process) gate(actor, step string, done ...<-chan struct{}) {
	if !p.step(actor, step, done...) {
		runtime.Goexit()
	}
}

// step waits for the turn of a step, or until done is closed, and reports whether the
// process lives.
func (p *Process) step(actor, step string, done ...<-chan struct{}) bool {
	w := p.w
	if p.gone() { // its goroutines end side by side, in any order: none of them takes a turn
		return false
	}
	w.turns.wait(actor+" "+step, done...)
	w.mu.Lock()
	fault := Fault("")
	if !p.dead && time.Now().After(p.frozen) {
		fault = w.adversary.step()
	}
	if !p.dead {
		if off, jumps := w.adversary.jump(); jumps {
			p.s.off = off
			w.faultLocked(FaultClock, actor, fmt.Sprintf("the clock of the process jumps, and is %s off", off))
		}
	}
	switch fault {
	case FaultKill:
		p.dead = true
		if strings.HasPrefix(step, "response to POST") {
			w.metLocked(MetKilledWithResponse)
		}
		w.faultLocked(FaultKill, actor, "the process is KILLED "+beforeOrAfter(step))
	case FaultFreeze:
		d := w.adversary.down()
		p.frozen = time.Now().Add(d)
		w.faultLocked(FaultFreeze, actor, fmt.Sprintf("the process stands still for %s %s", d, beforeOrAfter(step)))
	}
	for !p.dead && time.Now().Before(p.frozen) && !closed(done) {
		d := time.Until(p.frozen)
		w.mu.Unlock()
		wake(d, append(done, w.ctx.Done())...)
		w.turns.wait(actor+" "+step, done...)
		w.mu.Lock()
		if w.ctx.Err() != nil {
			break
		}
	}
	w.mu.Unlock()
	return !p.gone()
}

// gone reports a process that has died, and ends it.
func (p *Process) gone() bool {
	p.w.mu.Lock()
	dead := p.dead
	p.w.mu.Unlock()
	if dead {
		p.end()
	}
	return dead
}

func closed(done []<-chan struct{}) bool {
	for _, c := range done {
		select {
		case <-c:
			return true
		default:
		}
	}
	return false
}

// wake sleeps for d, or until one of two channels is closed.
func wake(d time.Duration, done ...<-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done[0]:
	case <-done[len(done)-1]:
	}
}

// beforeOrAfter names a step, which may call itself "after" a statement.
func beforeOrAfter(step string) string {
	if !strings.HasPrefix(step, "after ") {
		step = "before " + step
	}
	return step[:min(len(step), 67)]
}

func (p *Process) alive() bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return !p.dead
}

// Ask is what a call asks a provider for. What is left empty is not compared. Two calls
// with equal Asks, nothing empty, must ask for the same in everything else, too.
type Ask struct {
	Provider, Reference string
	Amount              decimal.Decimal
	Currency            string
	Account             string // of the other side: see Payment.Account
}

func (a Ask) same(b Ask) bool {
	return a.Provider == b.Provider && a.Reference == b.Reference && a.Amount.Equal(b.Amount) && a.Currency == b.Currency && a.Account == b.Account
}

// call is one call of a client, and what the merchant was told.
type call struct {
	Ask
	process *Process
	number  int
	actor   string
	over    bool
	err     error

	began           time.Duration
	writes, unclear int  // requests that were writes, and those without a response
	guessed         bool // a write without its context was taken for this call's
}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// onlyCallLocked is the one call under way that can have sent a write whose context the
// program has lost. Of two that can it is neither. Nor is it any when an earlier call has
// ended in doubt: its requests may still be made.
func (p *Process) onlyCallLocked(actor, provider, reference string) (found *call) {
	for _, c := range p.w.calls {
		switch {
		case c.process != p || c.Provider != provider || c.Reference != reference || actor != "" && actor != c.actor:
			continue
		case c.over && sdk.Advise(c.err) == sdk.Look:
			return nil
		case c.over:
			continue
		}
		if found != nil {
			return nil
		}
		found = c
	}
	return found
}

// Call carries out one call of a client, and has the oracle hold the provider's
// ledger against what the merchant was told. Use the context that f is given: of a write
// without it the oracle knows the call only if no other call of this process with this
// reference is under way or in doubt.
func (p *Process) Call(ctx context.Context, a Ask, f func(ctx context.Context) error) error {
	w := p.w
	w.mu.Lock()
	known := w.bank(a.Provider) != nil
	c := &call{Ask: a, process: p, number: len(w.calls) + 1, actor: p.actor(ctx), began: w.sinceLocked()}
	w.calls = append(w.calls, c)
	w.mu.Unlock()
	if !known {
		w.violate("check", "Ask.Provider is %q, and this day has no fake of that name", a.Provider)
	}
	err := f(context.WithValue(ctx, callKey{}, c))
	p.gate(c.actor, "result")
	w.mu.Lock()
	c.over, c.err = true, err
	w.mu.Unlock()
	w.note(c.actor, true, "told of %s %s: %s", a.Provider, a.Reference, told(err))
	w.judgeRefusal(c)
	return err
}

// Heard tells the oracle of a success that the merchant learned in another way, from a callback
// say. It is judged as the success of a Call is: the payment must be there. Whether its money
// moved is its status: hold that against Ledgers.Debits in a check.
func (p *Process) Heard(ctx context.Context, a Ask) {
	_ = p.Call(ctx, a, func(context.Context) error { return nil })
}

// look is a lookup to which the provider has responded with a clear "no such payment".
type look struct {
	Ask
	actor string
	began time.Duration
}

// Look carries out a lookup of a client. What it finds is settled, and judged as the success
// of a Call is. When it is told sdk.ErrNotFound although the trouble is long over, the oracle
// holds the provider's ledger against that: the payments made two minutes before the lookup,
// or earlier. It does so also if a person has the payment: see World.Stuck.
func (p *Process) Look(ctx context.Context, a Ask, f func(ctx context.Context) error) error {
	l := look{a, p.actor(ctx), p.w.since()}
	err := f(ctx)
	if err == nil {
		p.Heard(ctx, a)
		return nil
	}
	if errors.Is(err, sdk.ErrNotFound) {
		p.w.mu.Lock()
		p.w.absent = append(p.w.absent, l)
		p.w.mu.Unlock()
	}
	return err
}
