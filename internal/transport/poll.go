package transport

import (
	"context"
	"errors"
	"time"
)

// Poll asks again and again, with growing waits between lo and hi, until check
// says done or fails for good. A failure that says nothing about the thing
// asked for (an outage) is outlasted. When the context ends first, the error
// carries its reason.
func (c *Core) Poll(ctx context.Context, op, reference string, lo, hi time.Duration, check func(context.Context) (done bool, err error)) error {
	wait := lo
	for {
		done, err := check(ctx)
		switch {
		case err == nil && done:
			return nil
		case err != nil && (ctx.Err() != nil || !outage(err)):
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			row := c.Operation(op)
			return &Failure{
				Provider: c.cfg.Provider, Operation: row.Name, Class: row.Class, Outcome: NoEffect,
				Reference: reference, cause: &wrapped{text: "stopped waiting", err: ctx.Err()},
			}
		}
		wait = min(wait+wait/2, hi)
	}
}

// outage reports whether err leaves the question open, so that asking again
// later makes sense.
func outage(err error) bool {
	var f *Failure
	if !errors.As(err, &f) || f.local {
		return false
	}
	for _, settled := range []error{ErrNotFound, ErrUnauthorized, ErrForbidden, ErrRedirected} {
		if errors.Is(err, settled) {
			return false
		}
	}
	return f.Outcome == NoEffect || f.Outcome == NotSent || errors.Is(err, ErrRateLimited)
}
