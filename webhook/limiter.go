package webhook

import (
	"context"
	"sync"
	"time"
)

// limiter lets through so many a second, a second's worth at once, and makes the
// rest wait if they can.
type limiter struct {
	mu    sync.Mutex
	every time.Duration
	burst time.Duration
	next  time.Time // when the bucket would be full again
}

func newLimiter(perSecond int) *limiter {
	return &limiter{every: time.Second / time.Duration(perSecond), burst: time.Second}
}

// wait fails at once when the turn would not come before the deadline; it then
// takes no turn from others.
func (l *limiter) wait(ctx context.Context) error {
	delay, ok := l.reserve(ctx, time.Now())
	if !ok {
		return context.DeadlineExceeded
	}
	return sleep(ctx, delay)
}

func (l *limiter) reserve(ctx context.Context, now time.Time) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.next
	if earliest := now.Add(-l.burst); next.Before(earliest) {
		next = earliest
	}
	next = next.Add(l.every)
	if deadline, ok := ctx.Deadline(); ok && !next.Before(deadline) {
		return 0, false
	}
	l.next = next
	return max(0, next.Sub(now)), true
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
