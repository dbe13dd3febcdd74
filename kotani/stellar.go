package kotani

import "context"

// StellarService turns USDC on Stellar into mobile money in Kenya and Ghana.
type StellarService struct{ c *Client }

// CashOut pays the worth of a USDC transfer out by mobile money. That a hash is
// processed only once is not documented here, so an unknown outcome stays
// unknown; its Reference is the hash. The document leaves the answer empty, so
// every field may be.
func (s *StellarService) CashOut(ctx context.Context, p CashOutParams) (*Transaction, error) {
	return cashOut(ctx, s.c, OpStellarCashOut, p)
}
