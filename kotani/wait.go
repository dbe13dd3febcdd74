package kotani

import (
	"context"
	"time"
)

// Waits between two looks of a Wait, growing from the first to the second.
const (
	pollMin = 2 * time.Second
	pollMax = 30 * time.Second
)

// Wait looks for a transaction by external id every few seconds, up to half a
// minute apart, until its status is final, and returns it. It outlasts outages.
// When the context ends first, it returns the transaction as last seen, if it
// was seen, with the error. A transaction that failed is returned without an
// error: look at its Status.
func (s *FiatService) Wait(ctx context.Context, externalID string, kind TransactionType) (*Transaction, error) {
	return s.wait(ctx, OpStatusByExternalID, externalID, func(ctx context.Context) (*Transaction, error) {
		return s.Find(ctx, externalID, kind)
	})
}

// WaitRequest is Wait by Kotani's own request id, for payments to paybill and
// till numbers.
func (s *FiatService) WaitRequest(ctx context.Context, requestID string) (*Transaction, error) {
	return s.wait(ctx, OpStatusByRequestID, requestID, func(ctx context.Context) (*Transaction, error) {
		return s.Get(ctx, requestID)
	})
}

func (s *FiatService) wait(ctx context.Context, op, reference string, look func(context.Context) (*Transaction, error)) (*Transaction, error) {
	var last *Transaction
	err := s.c.core.Poll(ctx, op, reference, pollMin, pollMax, func(ctx context.Context) (bool, error) {
		t, err := look(ctx)
		if err != nil {
			return false, err
		}
		last = t
		return t.Status.Final(), nil
	})
	return last, err
}
