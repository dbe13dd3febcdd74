package fake

import (
	"container/heap"
	"context"
	"time"
)

// Event is something that will happen at a virtual time. It is data, not code,
// so that a snapshot holds it: the provider knows what its kinds mean. Authors of
// fakes schedule it with World.After and carry it out in Provider.Fire.
type Event struct {
	At       time.Time `json:"at"`       // when it is due
	Provider string    `json:"provider"` // whose Fire carries it out
	Kind     string    `json:"kind"`     // what happens, in the provider's own words
	Key      string    `json:"key"`      // to which object, such as a payment's id
}

// After schedules an event of the provider d from now. Events of one instant
// happen in the order in which they were scheduled. The lock is held.
func (w *World) After(d time.Duration, provider, kind, key string) {
	w.schedule(event{Event: Event{At: w.Now().Add(d), Provider: provider, Kind: kind, Key: key}})
}

// Advance moves the clock forward by d and carries out everything that falls
// due, in order of time. Before each event it waits until no callback is in
// flight, so that the receiver's response is known before the clock goes on.
// A negative d counts as zero. A receiver of callbacks must respond before it
// calls Advance.
func (w *World) Advance(d time.Duration) {
	select {
	case w.advancing <- struct{}{}:
	case <-w.closed:
		return
	}
	defer func() { <-w.advancing }()
	defer w.beginBurst()()

	w.flush()
	w.Lock()
	target := w.clock.now().Add(max(d, 0))
	w.Unlock()
	for {
		more, deliver := w.step(target)
		if !more {
			return
		}
		if deliver != nil {
			deliver()
		}
		w.flush()
	}
}

// step carries out the next event that is due by target. If there is none, it
// moves the clock to target and reports false. The caller then calls deliver, if
// it is not nil, to send the event's first callback. A goroutine for each of many
// thousand callbacks would cost more than the callbacks.
func (w *World) step(target time.Time) (more bool, deliver func()) {
	w.Lock()
	defer w.Unlock()
	if len(w.queue.events) == 0 || w.queue.events[0].At.After(target) {
		w.clock.forward(target)
		w.arm()
		return false, nil
	}
	e := heap.Pop(&w.queue).(event)
	w.clock.forward(e.At)
	w.stepping = true
	defer func() { w.stepping, w.delivering = false, nil }()
	w.fire(e)
	w.arm()
	return true, w.delivering
}

// event is an Event in the queue.
type event struct {
	Event
	sequence uint64
	wake     *sleeper // a request waiting for the clock; no part of a snapshot
}

func (w *World) schedule(e event) {
	w.sequence++
	e.sequence = w.sequence
	heap.Push(&w.queue, e)
	if w.queue.events[0].sequence == e.sequence {
		w.arm()
	}
}

// runDue carries out what is due by now. The lock is held.
func (w *World) runDue() {
	if len(w.queue.events) == 0 || w.queue.events[0].At.After(w.clock.now()) {
		return
	}
	for len(w.queue.events) > 0 && !w.queue.events[0].At.After(w.clock.now()) {
		w.fire(heap.Pop(&w.queue).(event))
	}
	w.arm()
}

// arm sets the timer for the next event when the clock follows real time.
func (w *World) arm() {
	if !w.clock.real || len(w.queue.events) == 0 {
		return
	}
	d := w.clock.until(w.queue.events[0].At)
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.tick)
		return
	}
	w.timer.Reset(d)
}

// tick is what the timer calls: taking the lock carries out what is due.
func (w *World) tick() {
	select {
	case <-w.closed:
		return
	default:
	}
	w.Lock()
	defer w.Unlock()
	w.arm() // the timer may have come a moment early
}

func (w *World) fire(e event) {
	w.firing = e.At
	defer func() { w.firing = time.Time{} }()
	w.timeline.cause = e.Kind
	defer func() { w.timeline.cause = "" }()
	switch {
	case e.wake != nil:
		e.wake.dispatcher = w.dispatcher
		w.dispatcher.begin()
		close(e.wake.woken)
	case e.Provider == "":
		w.retry(e.Key)
	default:
		if f := w.byName[e.Provider].provider.Fire; f != nil {
			f(e.Event)
		}
		w.touch(w.byName[e.Provider], e.Key)
		w.compareTouched() // while the time and the cause are those of the event
	}
}

// sleeper is a request that waits for the clock. From its waking to its release
// it counts as in flight, so that Advance waits for the request's work.
type sleeper struct {
	woken      chan struct{}
	dispatcher *dispatcher // set before woken is closed; nil when the World was reset
}

// sleep waits until d has passed on the clock. It returns release, which the
// caller calls when the request's work is done. It reports false when the client
// went away or the World was closed first.
func (w *World) sleep(ctx context.Context, d time.Duration) (release func(), ok bool) {
	s := &sleeper{woken: make(chan struct{})}
	w.Lock()
	w.sleeping++
	w.schedule(event{Event: Event{At: w.Now().Add(d)}, wake: s})
	w.Unlock()

	ok = true
	select {
	case <-s.woken:
	case <-ctx.Done():
		ok = false
	case <-w.closed:
		ok = false
	}
	w.Lock()
	defer w.Unlock()
	w.sleeping--
	release = func() {
		w.Lock()
		defer w.Unlock()
		if s.dispatcher != nil {
			s.dispatcher.end()
		}
	}
	if !ok {
		w.forget(s)
		if s.dispatcher != nil {
			s.dispatcher.end()
		}
		return nil, false
	}
	return release, true
}

// forget takes a sleeper out of the queue when nobody waits for it any more.
func (w *World) forget(s *sleeper) {
	for i := range w.queue.events {
		if w.queue.events[i].wake == s {
			heap.Remove(&w.queue, i)
			return
		}
	}
}

// queue is a heap of events: earliest first, then in order of insertion.
type queue struct{ events []event }

func (q *queue) Len() int { return len(q.events) }

func (q *queue) Less(i, j int) bool {
	a, b := &q.events[i], &q.events[j]
	if !a.At.Equal(b.At) {
		return a.At.Before(b.At)
	}
	return a.sequence < b.sequence
}

func (q *queue) Swap(i, j int) { q.events[i], q.events[j] = q.events[j], q.events[i] }
func (q *queue) Push(x any)    { q.events = append(q.events, x.(event)) }

func (q *queue) Pop() any {
	last := len(q.events) - 1
	e := q.events[last]
	q.events[last] = event{}
	q.events = q.events[:last]
	return e
}
