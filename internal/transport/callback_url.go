package transport

import "github.com/shopspring/decimal"

// MintURL makes the callback URL of one write. Clients take one in their Config.
type MintURL = func(reference string, amount decimal.Decimal, currency string) (string, error)

// CallbackURL returns the callback URL of a write: the one that is given, or one
// minted for it. Without either, or with one that is no URL, it adds a message.
// Nothing is minted for a write that is refused already.
func (f *Faults) CallbackURL(field, given string, mint MintURL, reference string, amount decimal.Decimal, currency string) string {
	if given == "" && mint != nil {
		if f.Fields != nil {
			return ""
		}
		var err error
		if given, err = mint(reference, amount, currency); err != nil {
			f.Add(field, "cannot be made: "+err.Error())
			return ""
		}
	}
	f.RequireURL(field, given)
	return given
}
