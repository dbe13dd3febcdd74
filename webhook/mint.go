package webhook

import "github.com/shopspring/decimal"

// Mint is URL in the form of the clients' Config.CallbackURL: given to a client,
// each payment and payout gets a callback URL of its own.
func (c *Capabilities) Mint(reference string, amount decimal.Decimal, currency string) (string, error) {
	return c.URL(Bound{Reference: reference, Amount: decimal.NewNullDecimal(amount), Currency: currency})
}
