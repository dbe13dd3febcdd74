package bitpesa

import (
	"context"
	"time"
)

// Waits between two looks of Wait, growing from the first to the second: about
// 1500 looks a day at most, of 2500 allowed.
const (
	pollMin = 5 * time.Second
	pollMax = time.Minute
)

// Wait looks for a transaction every few seconds, up to a minute apart, until it
// is paid out, refunded or canceled for good (Transaction.Final), or until it
// will not go on by itself (Transaction.NeedsAction), and returns it: look at
// its State. It outlasts outages. When the context ends first, it returns the
// transaction as last seen, if it was seen, with the error. Webhooks are faster
// and the vendor prefers them.
func (s *TransactionsService) Wait(ctx context.Context, id string) (*Transaction, error) {
	var last *Transaction
	err := s.c.core.Poll(ctx, OpGetTransaction, id, pollMin, pollMax, func(ctx context.Context) (bool, error) {
		t, err := s.Get(ctx, id)
		if err != nil {
			return false, err
		}
		last = t
		return t.Final() || t.NeedsAction(), nil
	})
	return last, err
}
