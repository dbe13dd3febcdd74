package fake

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"
)

// World is the world one or several fakes stand in. It holds their clock, their
// scheduled events, their ids, their callbacks and their journal of requests.
// It is safe for concurrent use.
//
// Authors of tests need NewWorld and Close; all else a fake's Control offers too.
// Methods whose documentation says "the lock is held" are for authors of fakes.
type World struct {
	opts Options

	mu             sync.Mutex
	clock          clock
	firing         time.Time // the time of the event being carried out, else zero
	queue          queue
	sequence       uint64 // orders events of one instant by insertion
	stepping       bool   // Advance carries out an event
	delivering     func() // the worker which Advance itself is to be, else nil
	sleeping       int    // requests that wait for the clock
	timer          *time.Timer
	providers      []*Control // in the order they joined
	byName         map[string]*Control
	ids            map[string]*IDs
	journal        journal
	timeline       timeline
	faults         []*Fault
	faultCount     int
	spent          []Fault // rules that have met all their requests, oldest first
	spentDropped   int     // older ones which are forgotten
	callbackFaults []*CallbackFault
	dispatcher     *dispatcher
	pipes          *http.Transport // nil until somebody asks for an HTTPClient
	closePipes     func()
	tb             TB

	callbacks    *http.Client
	burst        *burst // of the Advance under way; else nil
	closeClient  func()
	advancing    chan struct{} // one Advance at a time; a channel, so that synctest sees the wait
	closed       chan struct{}
	closeOnce    sync.Once
	workers      sync.WaitGroup
	stopDelivery context.CancelFunc
}

// Options set up a World. The zero value is right for a test: a clock that
// stands still until it is advanced, and ids from a fixed seed.
type Options struct {
	// RealTime lets the clock follow real time. Without it nothing that waits for
	// the clock happens before Advance. Inside a testing/synctest bubble the clock
	// always follows time, the bubble's: a client's Wait would else look again
	// forever, because its waits take no real time there.
	RealTime bool

	// Speed is how many virtual seconds pass in one real second. It counts
	// with RealTime only; zero means 1.
	Speed float64

	// Start is the virtual time at the beginning. Zero means
	// 2026-04-03T09:00:00Z, with RealTime the time of the call.
	Start time.Time

	// Seed makes the ids. Equal seeds and equal calls give equal ids.
	// Zero means 1.
	Seed uint64

	// Callbacks, when set, receives every callback in memory, whatever host
	// its URL names, without a socket.
	Callbacks http.Handler

	// CallbackClient sends the callbacks when Callbacks is nil; nil means a
	// plain client of the World's own. It is copied; redirects are never
	// followed and an attempt never waits longer than 10 s. Inside a
	// testing/synctest bubble the World's own client looks up no host name: an
	// attempt to reach one fails with "no receiver". A client of yours that
	// looks up a name there ends the process at the next bubble's look-up.
	CallbackClient *http.Client

	// PublicURL is the address clients use when a proxy or a tunnel stands
	// before the server: scheme, host and an optional path prefix, without the
	// provider's mount. Empty means the address that the request names.
	PublicURL string

	// JournalSize is how many requests and how many deliveries are kept.
	// Zero means 10,000.
	JournalSize int

	// Logger hears what a fake cannot tell anybody else, such as a panic in a
	// handler. Nil means silence.
	Logger *slog.Logger
}

// TB is the part of testing.TB that a fake needs. *testing.T, *testing.B and
// *testing.F satisfy it.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(func())
}

// NewWorld makes a World without any provider. Give it to the constructor NewIn
// of each fake that shall stand in it.
func NewWorld(o Options) *World {
	o.RealTime = o.RealTime || inBubble()
	o = o.withDefaults()
	w := &World{
		opts:      o,
		clock:     newClock(o),
		byName:    map[string]*Control{},
		ids:       map[string]*IDs{},
		journal:   journal{size: o.JournalSize},
		advancing: make(chan struct{}, 1),
		closed:    make(chan struct{}),
	}
	w.timeline.begin(o.JournalSize*recordsPerRequest, time.Now())
	w.callbacks, w.closeClient = callbackClient(o)
	w.startDispatcher()
	return w
}

// inBubble reports whether the caller runs inside a testing/synctest bubble. Only
// the first line of a goroutine's trace says so: "goroutine 7 [running, synctest
// bubble 1]:".
func inBubble() bool {
	var trace [128]byte
	first, _, _ := bytes.Cut(trace[:runtime.Stack(trace[:], false)], []byte("\n"))
	return bytes.Contains(first, []byte("synctest"))
}

// Attach closes the World when the test ends and reports panics of handlers
// as errors of the test. NewServer of each fake calls it.
func (w *World) Attach(t TB) {
	t.Helper()
	w.mu.Lock()
	w.tb = t
	w.mu.Unlock()
	t.Cleanup(w.Close)
}

// Lock takes the World's mutex. When the clock follows real time, everything
// due by now has happened when Lock returns.
func (w *World) Lock() {
	w.mu.Lock()
	if !w.clock.real {
		return
	}
	kept := false
	defer func() {
		if !kept { // an event panicked: do not leave the World locked behind it
			w.mu.Unlock()
		}
	}()
	w.runDue()
	kept = true
}

// Unlock gives the mutex back that Lock or LockFor has taken.
func (w *World) Unlock() {
	defer w.mu.Unlock()
	if w.timeline.by != nil {
		w.done()
	}
	w.compareTouched()
}

// locked calls f with the lock held. Admin calls write their responses after it: a
// slow client must not hold the World back.
func (w *World) locked(f func()) {
	w.Lock()
	defer w.Unlock()
	f()
}

// Now is the virtual time, in UTC. The lock is held.
func (w *World) Now() time.Time {
	if !w.firing.IsZero() {
		return w.firing
	}
	return w.clock.now()
}

// Reset puts everything back to where it was after the start: the clock, the
// ids, the state of every provider. Faults, requests, deliveries and scheduled
// events are gone. Requests held back by a delay go on.
func (w *World) Reset() {
	w.Lock()
	defer w.Unlock()
	w.drop()
	w.faults, w.callbackFaults, w.spent, w.spentDropped, w.faultCount = nil, nil, nil, 0, 0
	w.journal.clear()
	w.timeline.begin(w.timeline.size, time.Now())
	w.clock.set(w.start())
	for _, ids := range w.ids {
		ids.reset()
	}
	for _, c := range w.providers {
		c.provider.Reset()
		w.watch(c)
	}
}

// drop forgets all scheduled events and ends all deliveries.
func (w *World) drop() {
	for _, e := range w.queue.events {
		if e.wake != nil {
			close(e.wake.woken)
		}
	}
	w.queue.events = nil
	w.sequence = 0
	w.startDispatcher()
}

func (w *World) start() time.Time {
	if w.opts.RealTime {
		return time.Now().Round(0).UTC()
	}
	return w.opts.Start
}

// Close ends deliveries in flight, lets delayed requests go, closes the
// connections of HTTPClient, and waits for all of them. The methods of a closed
// World still work, but it delivers no callback any more.
func (w *World) Close() {
	w.closeOnce.Do(func() {
		close(w.closed)
		w.mu.Lock()
		w.stopDelivery()
		if w.timer != nil {
			w.timer.Stop()
		}
		closePipes := w.closePipes
		w.mu.Unlock()
		w.workers.Wait()
		if closePipes != nil {
			closePipes()
		}
		w.closeClient()
	})
}

// report tells the test and the log of a mistake in the fake itself.
func (w *World) report(msg string, args ...any) {
	w.opts.Logger.Error(msg, args...)
	w.mu.Lock()
	t := w.tb
	w.mu.Unlock()
	if t != nil {
		t.Errorf("fake: %s: %v", msg, args)
	}
}

const defaultJournalSize = 10_000

func (o Options) withDefaults() Options {
	if o.Speed <= 0 {
		o.Speed = 1
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC)
		if o.RealTime {
			o.Start = time.Now()
		}
	}
	o.Start = o.Start.Round(0).UTC()
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.JournalSize <= 0 {
		o.JournalSize = defaultJournalSize
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// clock is the virtual time. It stands still or follows real time.
type clock struct {
	real   bool
	speed  float64
	at     time.Time // the virtual time at anchor
	anchor time.Time // real, with its monotonic reading
}

func newClock(o Options) clock {
	c := clock{real: o.RealTime, speed: o.Speed}
	c.set(o.Start)
	return c
}

func (c *clock) now() time.Time {
	if !c.real {
		return c.at
	}
	return c.at.Add(time.Duration(float64(time.Since(c.anchor)) * c.speed))
}

func (c *clock) set(t time.Time) {
	c.at = t
	if c.real {
		c.anchor = time.Now()
	}
}

// forward moves the clock to t, never back.
func (c *clock) forward(t time.Time) {
	if now := c.now(); t.Before(now) {
		t = now
	}
	c.set(t)
}

// until is how long in real time t is away. It is at least a nanosecond, so that
// a timer set for it never spins on a rounding error.
func (c *clock) until(t time.Time) time.Duration {
	return max(time.Duration(float64(t.Sub(c.now()))/c.speed), 0) + 1
}

// Scenario names the course that a payment, a payout or a transaction takes. Each
// fake documents the scenarios it knows and adds its provider's own. A test asks for
// a scenario by the last four digits of a number; with kpaytest and kasapaytest also
// by the end of a reference, such as "order-7-failed". BitPesa's own sandbox has magic
// numbers, and bitpesatest has those instead.
type Scenario string

// The scenarios that several fakes know.
const (
	ScenarioPaid     Scenario = "paid"     // succeeds
	ScenarioFailed   Scenario = "failed"   // fails
	ScenarioNoFunds  Scenario = "no-funds" // fails for want of money
	ScenarioNever    Scenario = "never"    // stays pending
	ScenarioSlow     Scenario = "slow"     // succeeds late; the fake says when
	ScenarioReversed Scenario = "reversed" // succeeds, and is reversed later; the fake says when
	ScenarioRefunded Scenario = "refunded" // succeeds, and is refunded later; the fake says when
	ScenarioLost     Scenario = "lost"     // succeeds without a callback
	ScenarioLagging  Scenario = "lagging"  // succeeds; a lookup does not find it at first
)

// Scenarios are the scenarios that a fake knows, by the last four digits of the
// numbers that ask for them.
type Scenarios map[string]Scenario

// Choose returns the scenario that a test asks for. A reference asks for one by
// its end: a hyphen and the scenario's name; the longest name counts. If the
// reference asks for none, the last four digits of the number may ask for one. The
// result is empty if neither does. A fake that chooses by numbers alone gives no
// reference.
func (s Scenarios) Choose(reference, number string) Scenario {
	asked := Scenario("")
	for _, known := range s {
		if strings.HasSuffix(reference, "-"+string(known)) && len(known) > len(asked) {
			asked = known
		}
	}
	if asked != "" {
		return asked
	}
	return s[number[max(len(number)-4, 0):]]
}
