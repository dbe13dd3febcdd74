package fake

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// World is the ground one or several fakes stand on: their clock, their
// events, their ids, their journal. It is safe for concurrent use; methods that
// say so want the lock held.
type World struct {
	opts Options

	mu             sync.Mutex
	clock          clock
	firing         time.Time // the time of the event being carried out, else zero
	queue          queue
	sequence       uint64 // orders events of one instant by insertion
	sleeping       int    // requests that wait for the clock
	timer          *time.Timer
	providers      []*Control // in the order they joined
	byName         map[string]*Control
	ids            map[string]*IDs
	journal        journal
	faults         []*Fault
	callbackFaults []*CallbackFault
	post           *post
	pipes          *pipes // nil until somebody asks for an HTTPClient
	tb             TB

	callbacks    *http.Client
	closeClient  func()
	advancing    chan struct{} // one Advance at a time; a channel, so that synctest sees the wait
	closed       chan struct{}
	closeOnce    sync.Once
	workers      sync.WaitGroup
	stopDelivery context.CancelFunc
}

// NewWorld makes a World without any provider.
func NewWorld(o Options) *World {
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
	w.callbacks, w.closeClient = callbackClient(o)
	w.startPost()
	return w
}

// Join adds a provider and returns what its fake embeds. It panics on a name
// that has joined before: that is a mistake of the program.
func (w *World) Join(p Provider) *Control {
	w.Lock()
	defer w.Unlock()
	if w.byName[p.Name] != nil {
		panic(fmt.Sprintf("fake: provider %q joined twice", p.Name))
	}
	c := &Control{world: w, provider: p, secrets: newSecrets(p.Secrets)}
	w.providers = append(w.providers, c)
	w.byName[p.Name] = c
	w.IDs(p.Name)
	p.Reset()
	return c
}

// Lock takes the World's mutex. When the clock follows real time, everything
// due by now has happened when it returns.
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

// Unlock gives the mutex back.
func (w *World) Unlock() { w.mu.Unlock() }

// Now is the virtual time, in UTC. The lock is held.
func (w *World) Now() time.Time {
	if !w.firing.IsZero() {
		return w.firing
	}
	return w.clock.now()
}

// Reset puts everything back to where it was after the start: the clock, the
// ids, the state of every provider. Faults, journal, deliveries and scheduled
// events are gone; requests held by a delay go on.
func (w *World) Reset() {
	w.Lock()
	defer w.Unlock()
	w.drop()
	w.faults, w.callbackFaults = nil, nil
	w.journal.clear()
	w.clock.set(w.start())
	for _, ids := range w.ids {
		ids.reset()
	}
	for _, c := range w.providers {
		c.provider.Reset()
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
	w.startPost()
}

func (w *World) start() time.Time {
	if w.opts.RealTime {
		return time.Now().Round(0).UTC()
	}
	return w.opts.Start
}

// Close ends deliveries in flight, lets delayed requests go and closes the
// socketless server. It waits for what it started. A closed World still answers
// control calls, but delivers nothing any more.
func (w *World) Close() {
	w.closeOnce.Do(func() {
		close(w.closed)
		w.mu.Lock()
		w.stopDelivery()
		if w.timer != nil {
			w.timer.Stop()
		}
		p := w.pipes
		w.mu.Unlock()
		w.workers.Wait()
		if p != nil {
			p.close()
		}
		w.closeClient()
	})
}
