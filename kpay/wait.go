package kpay

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

// Wait asks for a payment every few seconds, up to half a minute apart, until it
// is paid or failed, and returns it; a payment that failed is no error: look at
// its Status. It outlasts outages, and for the first ten seconds also that KPay
// does not know the payment yet. When the context ends first, it returns the
// payment as last seen, if it was seen, with the error.
func (c *Client) Wait(ctx context.Context, refID string) (*Payment, error) {
	var last *Payment
	graceEnds := time.Now().Add(lookupGrace)
	err := c.core.Poll(ctx, OpStatus, refID, pollMin, pollMax, func(ctx context.Context) (bool, error) {
		payment, err := c.Find(ctx, refID)
		if err != nil {
			if transport.SaysAbsent(err) && time.Now().Before(graceEnds) {
				return false, nil
			}
			return false, err
		}
		last = payment
		return payment.Status.Final(), nil
	})
	return last, err
}
