package bitpesa

import (
	"context"
	"encoding/json"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// AccountsService shows the balances held with BitPesa. At most 300 reads a day
// are documented.
type AccountsService struct{ c *Client }

// Account is the balance in one currency.
type Account struct {
	Currency           string              `json:"currency"`
	Amount             decimal.NullDecimal `json:"amount"`               // in Currency
	AmountAfterPending decimal.NullDecimal `json:"amount_after_pending"` // in Currency; absent in 2019
	Raw                sdk.Raw             `json:"-"`
}

// List returns all balances.
func (s *AccountsService) List(ctx context.Context) ([]Account, error) {
	return list[Account](ctx, s.c, transport.Call{Op: OpListAccounts})
}

// Get returns the balance in a currency: "USD", or "USD::Bidvest" where an
// account has several of one.
func (s *AccountsService) Get(ctx context.Context, currency string) (*Account, error) {
	var f transport.Faults
	if reason := transport.CheckSegment(currency); reason != nil {
		f.Add("currency", reason.Error())
	}
	if err := s.c.core.Invalid(OpGetAccount, "", f.Fields); err != nil {
		return nil, err
	}
	var account *Account
	err := s.c.do(ctx, transport.Call{
		Op: OpGetAccount, Path: []string{currency},
		Decode: into(&account, decodeOneAccount),
	})
	return account, err
}

// decodeOneAccount takes the object of the OpenAPI, or the list of one that the
// guide shows.
func decodeOneAccount(raw json.RawMessage) (Account, error) {
	if !wire.IsArray(raw) {
		return decode[Account](raw)
	}
	accounts, err := decodeList[Account](raw)
	if err == nil && len(accounts) != 1 {
		err = missing("exactly one account")
	}
	if err != nil {
		return Account{}, err
	}
	return accounts[0], nil
}

func (a *Account) lacks() string {
	switch {
	case a.Currency == "":
		return "currency"
	case !a.Amount.Valid:
		return "amount"
	}
	return ""
}
