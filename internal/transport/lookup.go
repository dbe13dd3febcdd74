package transport

import (
	"context"
	"errors"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// settleByLookup finds out what became of a write that left unanswered: the lookup
// finds it, or it is surely absent and is sent once more. Unless the second
// request succeeds, it is looked up as well: the first may have arrived between
// the lookup and the second request.
func settleByLookup(ctx context.Context, f failure, lookup func(context.Context) (bool, error), again func() failure) *sdk.Error {
	for resent := false; ; resent = true {
		if ctx.Err() != nil {
			return stayUnknown(ctx, f.err, nil)
		}
		found, err := lookRepeatedly(ctx, lookup)
		switch {
		case err != nil:
			return stayUnknown(ctx, f.err, &otherCall{text: "lookup by reference failed", err: err})
		case found:
			return nil
		case resent && f.settled:
			return f.err
		case resent:
			return stayUnknown(ctx, f.err, errStillAbsent)
		case ctx.Err() != nil: // then the lookup's response is not to be trusted
			return stayUnknown(ctx, f.err, nil)
		}
		next := again()
		if next.err == nil {
			return nil
		}
		next.err.Attempts += f.err.Attempts
		f = next
	}
}

// lookRepeatedly looks at once, and again after one and after two more seconds,
// because a provider may show late what it has taken. Only a write that is absent
// each time counts as absent. A wait that does not fit before the deadline is not
// begun.
func lookRepeatedly(ctx context.Context, look func(context.Context) (found bool, err error)) (found bool, err error) {
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

// stayUnknown gives up on settling a write, for a reason or because the context
// has ended.
func stayUnknown(ctx context.Context, e *sdk.Error, reason error) *sdk.Error {
	e.Outcome = sdk.Unknown
	if reason != nil {
		e.Cause = reason
	}
	if err := ctx.Err(); err != nil && !errors.Is(e.Cause, err) {
		e.Cause = errors.Join(err, e.Cause)
	}
	return e
}

// SaysAbsent reports that a lookup was answered with the provider's own word that
// no such object exists. Any other failure leaves that open.
func SaysAbsent(err error) bool {
	var e *sdk.Error
	return errors.As(err, &e) && e.Outcome == sdk.Rejected && errors.Is(err, sdk.ErrNotFound)
}

// Absent is the failure of a search that was answered properly and found nothing.
func (c *Core) Absent(op, reference string) *sdk.Error {
	return c.noEffect(op, reference, sdk.ErrNotFound, errNothingFound)
}

// Inconclusive is the failure of a search whose responses do not tell whether the
// object exists.
func (c *Core) Inconclusive(op, reference string, cause error) *sdk.Error {
	return c.noEffect(op, reference, sdk.ErrUnexpectedResponse, &wrapped{text: "search inconclusive", err: cause})
}

func (c *Core) noEffect(op, reference string, reason, cause error) *sdk.Error {
	row := c.Operation(op)
	return &sdk.Error{
		Provider: c.cfg.Provider, Operation: row.Name, Class: row.Class, Outcome: sdk.NoEffect,
		Reference: reference, Reasons: []error{reason}, Cause: cause,
	}
}

const (
	// Waits between two looks of Wait, growing from the first to the second.
	waitMin = 2 * time.Second
	waitMax = 30 * time.Second
	// waitGrace is how long Wait takes "not found" for "not found yet".
	waitGrace = 10 * time.Second
)

// Wait finds an object again and again until the object is final. It outlasts
// outages, and a provider that does not know the object yet. It returns the object
// as last seen, also with an error.
func Wait[T any](ctx context.Context, c *Core, op, reference string, find func(ctx context.Context, reference string) (*T, error), final func(*T) bool) (*T, error) {
	var last *T
	graceEnds := time.Now().Add(waitGrace)
	err := c.Poll(ctx, op, reference, waitMin, waitMax, func(ctx context.Context) (bool, error) {
		found, err := find(ctx, reference)
		switch {
		case SaysAbsent(err) && time.Now().Before(graceEnds):
			return false, nil
		case err != nil:
			return false, err
		}
		last = found
		return final(found), nil
	})
	return last, err
}

// Poll calls check again and again, with growing waits between lo and hi, until
// check says done or fails for good. It outlasts an outage, which says nothing
// about the object. When the context ends first, the error carries its reason.
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
			e := c.noEffect(op, reference, nil, &wrapped{text: "stopped waiting", err: ctx.Err()})
			e.Reasons = nil
			return e
		}
		wait = min(wait+wait/2, hi)
	}
}

// outage reports that err leaves the question open, so that asking again later
// makes sense.
func outage(err error) bool {
	var e *sdk.Error
	if !errors.As(err, &e) || errors.Is(err, sdk.ErrValidation) && e.Outcome == sdk.NotSent {
		return false
	}
	for _, settled := range []error{sdk.ErrNotFound, sdk.ErrUnauthorized, sdk.ErrForbidden, sdk.ErrRedirected} {
		if errors.Is(err, settled) {
			return false
		}
	}
	return e.Outcome == sdk.NoEffect || e.Outcome == sdk.NotSent || errors.Is(err, sdk.ErrRateLimited)
}
