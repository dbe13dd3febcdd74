package fake

import (
	"container/heap"
	"time"
)

// Event is something that will happen at a virtual time. It is data, not code,
// so that a snapshot holds it: the provider knows what its kinds mean.
type Event struct {
	At       time.Time `json:"at"`
	Provider string    `json:"provider"`
	Kind     string    `json:"kind"`
	Key      string    `json:"key"`
}

// After schedules an event of the provider d from now. Events of one instant
// happen in the order they were scheduled in. The lock is held.
func (w *World) After(d time.Duration, provider, kind, key string) {
	w.schedule(event{Event: Event{At: w.Now().Add(d), Provider: provider, Kind: kind, Key: key}})
}

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

// tick is the timer's: taking the lock runs what is due.
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
	switch {
	case e.wake != nil:
		e.wake.post = w.post
		w.post.begin()
		close(e.wake.woken)
	case e.Provider == "":
		w.retry(e.Key)
	default:
		if f := w.byName[e.Provider].provider.Fire; f != nil {
			f(e.Event)
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

func (q *queue) remove(i int) { heap.Remove(q, i) }

func (q *queue) Swap(i, j int) { q.events[i], q.events[j] = q.events[j], q.events[i] }
func (q *queue) Push(x any)    { q.events = append(q.events, x.(event)) }

func (q *queue) Pop() any {
	last := len(q.events) - 1
	e := q.events[last]
	q.events[last] = event{}
	q.events = q.events[:last]
	return e
}
