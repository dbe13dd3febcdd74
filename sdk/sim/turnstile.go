package sim

import (
	"cmp"
	"slices"
	"sync"
	"testing/synctest"
)

// turnstile has the actors of a day act one after the other. Each asks for a turn
// before it does something that another can notice. When all goroutines of the
// bubble stand still, the stream of choices picks who goes. So the order does not
// depend on Go's scheduler, and the same choices make the same day.
type turnstile struct {
	mu      sync.Mutex
	waiting []*turn
	count   int
	pick    func(n int) int
	heard   func(key string)
	asked   chan struct{} // somebody waits
	stop    chan struct{}
	stopped chan struct{}
	closed  bool
}

type turn struct {
	key    string
	number int
	goes   chan struct{}
}

// open starts the turnstile. It is the only one in the bubble that may call
// synctest.Wait.
func (t *turnstile) open(pick func(n int) int, heard func(key string)) {
	t.pick, t.heard = pick, heard
	t.asked, t.stop, t.stopped = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(t.stopped)
		for {
			select {
			case <-t.asked:
			case <-t.stop:
				return
			}
			for t.one() {
			}
		}
	}()
}

// one lets one of the waiting go, and reports whether somebody waited.
func (t *turnstile) one() bool {
	synctest.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		return false
	}
	// Those with the same key are in the order in which they came.
	slices.SortStableFunc(t.waiting, func(a, b *turn) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.number, b.number))
	})
	i := 0
	if len(t.waiting) > 1 {
		i = t.pick(min(len(t.waiting), 256))
	}
	next := t.waiting[i]
	t.waiting = slices.Delete(t.waiting, i, i+1)
	t.heard(next.key)
	close(next.goes)
	return true
}

// wait returns when it is the caller's turn, or when done is closed.
func (t *turnstile) wait(key string, done ...<-chan struct{}) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.count++
	mine := &turn{key: key, number: t.count, goes: make(chan struct{})}
	t.waiting = append(t.waiting, mine)
	t.mu.Unlock()
	select {
	case t.asked <- struct{}{}:
	default:
	}
	var gone <-chan struct{}
	if len(done) > 0 {
		gone = done[0]
	}
	select {
	case <-mine.goes:
	case <-gone:
		t.mu.Lock()
		defer t.mu.Unlock()
		t.waiting = slices.DeleteFunc(t.waiting, func(other *turn) bool { return other == mine })
	}
}

// close ends the turnstile. Who comes later goes at once.
func (t *turnstile) close() {
	close(t.stop)
	<-t.stopped
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, late := range t.waiting {
		close(late.goes)
	}
	t.waiting = nil
}
