package kasapay

import (
	"context"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

const (
	// Waits between two looks of Wait, growing from the first to the second.
	pollMin = 2 * time.Second
	pollMax = 30 * time.Second
	// lookupGrace is how long Wait takes "not found" for "not found yet".
	lookupGrace = 10 * time.Second
)

// Wait asks for a payout every few seconds, up to half a minute apart, until its
// status is final, and returns it; a payout that failed or was reversed is no
// error: look at its Status. A jammed payout is waited through. Wait outlasts
// outages, and for the first ten seconds also that Kasapay does not know the
// payout yet. When the context ends first, it returns the payout as last seen,
// if it was seen, with the error.
//
// A payout that was processed can still be reversed afterwards: listen to
// callbacks, or ask Status again later.
func (s *PayoutsService) Wait(ctx context.Context, reference string) (*Payout, error) {
	var last *Payout
	graceEnds := time.Now().Add(lookupGrace)
	err := s.c.core.Poll(ctx, OpStatus, reference, pollMin, pollMax, func(ctx context.Context) (bool, error) {
		payout, err := s.Find(ctx, reference)
		if err != nil {
			if transport.SaysAbsent(err) && time.Now().Before(graceEnds) {
				return false, nil
			}
			return false, err
		}
		last = payout
		return payout.Status.Final(), nil
	})
	return last, err
}
