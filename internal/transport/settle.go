package transport

import (
	"context"
	"time"
)

// Settle looks for a write whose outcome is unknown: at once, and again after
// one and after two more seconds, because a provider may show late what it has
// taken. Only what is absent each time counts as absent. A wait that does not
// fit before the deadline is not begun.
func Settle(ctx context.Context, look func(context.Context) (found bool, err error)) (found bool, err error) {
	for wait := time.Second; ; wait *= 2 {
		found, err := look(ctx)
		if found || err != nil || wait > 2*time.Second {
			return found, err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return false, errNoTimeToLook
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false, ctx.Err()
		}
	}
}

const errNoTimeToLook = problem("no time left to look again before the deadline")
