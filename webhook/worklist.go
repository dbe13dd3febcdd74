package webhook

import (
	"context"
	"sync"
)

// worklist counts what a handler has begun, and closes.
type worklist struct {
	mu     sync.Mutex
	closed bool
	active int
	idle   chan struct{} // closed when nothing is active after closing
	stop   chan struct{} // closed when closing begins
}

func newWorklist() *worklist {
	return &worklist{idle: make(chan struct{}), stop: make(chan struct{})}
}

func (l *worklist) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.active++
	return true
}

func (l *worklist) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	if l.closed && l.active == 0 {
		close(l.idle)
	}
}

// close lets nothing new begin and waits for what has begun.
func (l *worklist) close(ctx context.Context) error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.stop)
		if l.active == 0 {
			close(l.idle)
		}
	}
	l.mu.Unlock()
	select {
	case <-l.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
