package transport

import (
	"context"
	"sync"
	"time"
)

// limit ends one attempt: after its time, with the caller's context, on demand, or
// when the attempt returns. It is made for one attempt only. It starts a timer and
// listens to the caller only once somebody listens to it: its channel and its list
// of functions are made then, too. Package context asks with AfterFunc, which spares
// it a goroutine.
type limit struct {
	caller   context.Context
	deadline time.Time // zero: the caller's

	mu      sync.Mutex
	err     error
	timer   *time.Timer
	release func() bool // stops listening to the caller's context
	heard   bool        // somebody listens
	done    chan struct{}
	funcs   []func() // to run at the end; removed ones are nil
	first   [1]func()
}

// begin is called before anybody else can see the attempt. A timeout of zero sets
// no deadline.
func (l *limit) begin(caller context.Context, timeout time.Duration) {
	l.caller = caller
	if timeout > 0 {
		l.deadline = time.Now().Add(timeout)
	}
}

// listen starts what ends the attempt. The lock is held.
func (l *limit) listen() {
	if l.heard || l.err != nil {
		return
	}
	l.heard = true
	if !l.deadline.IsZero() {
		l.timer = time.AfterFunc(time.Until(l.deadline), l.expire)
	}
	if l.caller.Done() != nil {
		l.release = context.AfterFunc(l.caller, l.cancel)
	}
}

// finish ends everything that an attempt which has returned may have left behind.
func (l *limit) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.release != nil {
		l.release()
	}
	l.end(context.Canceled)
}

func (l *limit) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(context.DeadlineExceeded)
}

func (l *limit) cancel() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(context.Canceled)
}

// end keeps the first reason. The lock is held.
func (l *limit) end(err error) {
	if l.err != nil {
		return
	}
	l.err = err
	if l.done != nil {
		close(l.done)
	}
	for _, f := range l.funcs {
		if f != nil {
			go f()
		}
	}
	l.funcs = nil
}

// reason is nil while the attempt may go on.
func (l *limit) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil:
	case l.caller.Err() != nil:
		l.end(context.Canceled)
	case !l.deadline.IsZero() && !time.Now().Before(l.deadline):
		l.end(context.DeadlineExceeded)
	}
	return l.err
}

func (l *limit) wait() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listen()
	if l.done == nil {
		l.done = make(chan struct{})
		if l.err != nil {
			close(l.done)
		}
	}
	return l.done
}

// after runs f in a goroutine of its own once the attempt ends. The function it
// returns takes f back.
func (l *limit) after(f func()) func() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		go f()
		return func() bool { return false }
	}
	l.listen()
	if l.funcs == nil { // nearly always the only one
		l.first[0] = f
		l.funcs = l.first[:]
		return l.dropFirst
	}
	i := len(l.funcs)
	l.funcs = append(l.funcs, f)
	return func() bool { return l.drop(i) }
}

func (l *limit) dropFirst() bool { return l.drop(0) }

func (l *limit) drop(i int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i >= len(l.funcs) || l.funcs[i] == nil {
		return false
	}
	l.funcs[i] = nil
	return true
}
