package transport

import (
	"context"
	"errors"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

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
