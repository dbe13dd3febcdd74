package bitpesatest

import "github.com/shopspring/decimal"

// The credentials of the account a fake has when Config names none.
const (
	TestKey    = "test-key"
	TestSecret = "test-secret"
)

// Key is one account: its credentials, its balances and what was agreed about
// its senders. Accounts do not see each other's objects.
type Key struct {
	Key    string // Authorization-Key
	Secret string // what requests and webhooks are signed with

	// KYC makes senders start initial and need documents and an approval, see
	// SetSenderState. Otherwise KYC is waived.
	KYC bool

	// WTR2 relaxes the fields a sender must have: an identification document, a
	// full address or a birth date is enough.
	WTR2 bool

	// Balances by currency. Nil means 1,000,000 each of USD, EUR, GBP, NGN,
	// KES, UGX and GHS.
	Balances map[string]decimal.Decimal
}

func (k Key) balances() map[string]decimal.Decimal {
	if k.Balances != nil {
		return k.Balances
	}
	m := map[string]decimal.Decimal{}
	for _, c := range []string{"USD", "EUR", "GBP", "NGN", "KES", "UGX", "GHS"} {
		m[c] = decimal.NewFromInt(1_000_000)
	}
	return m
}
