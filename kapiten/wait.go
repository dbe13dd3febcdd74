package kapiten

import (
	"context"
	"time"
)

// Waits between two looks of a Wait, growing from the first to the second.
const (
	pollMin = 2 * time.Second
	pollMax = 30 * time.Second
)

// Wait looks for a ride every few seconds, up to half a minute apart, until its
// status is final, and returns it. It outlasts outages. When the context ends
// first, or the ride is not (or no longer) among those which Find looks through,
// it returns the ride as last seen, if it was seen, with the error.
func (s *RidesService) Wait(ctx context.Context, companyID, rideID string) (*Ride, error) {
	var last *Ride
	err := s.c.core.Poll(ctx, OpListRides, rideID, pollMin, pollMax, func(ctx context.Context) (bool, error) {
		ride, err := s.Find(ctx, companyID, rideID)
		if err != nil {
			return false, err
		}
		last = ride
		return ride.Status.Final(), nil
	})
	return last, err
}

// Wait looks for a wallet transaction among the newest five pages of the ledger
// until it is settled, as RidesService.Wait does for rides. A top-up that
// failed is returned without an error: look at its Status.
func (s *WalletService) Wait(ctx context.Context, companyID, transactionID string) (*Transaction, error) {
	var last *Transaction
	err := s.c.core.Poll(ctx, OpListTransactions, transactionID, pollMin, pollMax, func(ctx context.Context) (bool, error) {
		transaction, err := s.Find(ctx, companyID, transactionID)
		if err != nil {
			return false, err
		}
		last = transaction
		return transaction.Status.Final(), nil
	})
	return last, err
}
