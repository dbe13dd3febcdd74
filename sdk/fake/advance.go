package fake

import (
	"container/heap"
	"time"
)

// settleLimit bounds, in real time, how long Advance and Flush wait for
// deliveries: a few attempts that run into their own limit of 10 s.
const settleLimit = time.Minute

// Advance moves the clock forward by d and carries out everything that falls
// due, in order of time. Before each event it waits until no delivery is in
// flight, so that what a receiver answered is known before the clock goes on.
// A negative d counts as zero. It must not be called by a callback's receiver
// before that has answered.
func (w *World) Advance(d time.Duration) {
	select {
	case w.advancing <- struct{}{}:
	case <-w.closed:
		return
	}
	defer func() { <-w.advancing }()

	w.settle()
	w.Lock()
	target := w.clock.now().Add(max(d, 0))
	w.Unlock()
	for w.step(target) {
		w.settle()
	}
}

// step carries out the next event not later than target. Without one it moves
// the clock to target and reports false.
func (w *World) step(target time.Time) bool {
	w.Lock()
	defer w.Unlock()
	if len(w.queue.events) == 0 || w.queue.events[0].At.After(target) {
		w.clock.forward(target)
		w.arm()
		return false
	}
	e := heap.Pop(&w.queue).(event)
	w.clock.forward(e.At)
	w.fire(e)
	w.arm()
	return true
}

// settle waits until nothing is in flight, at most settleLimit.
func (w *World) settle() {
	w.mu.Lock()
	idle := w.post.idle
	w.mu.Unlock()
	if idle == nil {
		return
	}
	limit := time.NewTimer(settleLimit)
	defer limit.Stop()
	for idle != nil {
		select {
		case <-idle:
		case <-limit.C:
			return
		case <-w.closed:
			return
		}
		w.mu.Lock()
		idle = w.post.idle
		w.mu.Unlock()
	}
}
