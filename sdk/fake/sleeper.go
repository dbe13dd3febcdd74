package fake

import (
	"context"
	"time"
)

// sleeper is a request that waits for the clock. Once woken it counts as in
// flight until released, so that Advance sees its work done.
type sleeper struct {
	woken chan struct{}
	post  *post // set before woken is closed; nil when the World was reset
}

// sleep waits until d has passed on the clock and returns what the caller calls
// when its work is done. It reports false when the caller went away or the
// World was closed first.
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
		if s.post != nil {
			s.post.end()
		}
	}
	if !ok {
		w.forget(s)
		if s.post != nil {
			s.post.end()
		}
		return nil, false
	}
	return release, true
}

// forget takes a sleeper that nobody waits for any more out of the queue.
func (w *World) forget(s *sleeper) {
	for i := range w.queue.events {
		if w.queue.events[i].wake == s {
			w.queue.remove(i)
			return
		}
	}
}
