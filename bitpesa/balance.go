package bitpesa

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// DLocalBalance is a balance held through dLocal.
type DLocalBalance struct {
	Currency                  string              `json:"currency"`
	AvailableBalance          decimal.NullDecimal `json:"available_balance"`            // in Currency
	PreviousDayClosingBalance decimal.NullDecimal `json:"previous_day_closing_balance"` // in Currency
	CurrentBalanceDate        time.Time           `json:"current_balance_date"`
	Raw                       sdk.Raw             `json:"-"`
}

// Balance returns the balances held through dLocal. For the account's own
// balances see Accounts.
func (c *Client) Balance(ctx context.Context) ([]DLocalBalance, error) {
	return list[DLocalBalance](ctx, c, transport.Call{Op: OpBalance})
}
