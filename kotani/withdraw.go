package kotani

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

// WithdrawParams describe a payout to a mobile money wallet.
type WithdrawParams struct {
	Amount      decimal.Decimal // whole shillings or cedis, greater than zero
	PhoneNumber string          // the recipient's
	ExternalID  string          // your own unique reference; required unless AllowNoExternalID
	CallbackURL string          // optional; http or https. Default: made by Config.CallbackURL
	// AllowNoExternalID sends a payout that cannot be looked up: after an
	// unknown outcome nobody can say whether it was made.
	AllowNoExternalID bool
}

// Withdraw pays out to mobile money. The answer says that the request was taken,
// not that the money arrived: see Wait. An unknown outcome is settled by looking
// the external id up; only when that stays unknown, too, the error matches
// ErrOutcomeUnknown.
func (s *FiatService) Withdraw(ctx context.Context, p WithdrawParams) (*Transaction, error) {
	var f faults
	f.amount("amount", p.Amount, 0)
	f.phone("phoneNumber", p.PhoneNumber)
	p.CallbackURL = s.callback(&f, p.CallbackURL, p.ExternalID, p.Amount)
	return s.move(ctx, movement{
		op: OpWithdraw, kind: Payouts, externalID: p.ExternalID, without: p.AllowNoExternalID,
		amount: decimal.NewNullDecimal(p.Amount), phone: p.PhoneNumber, faults: f,
		body:   depositRequest{wire.Integer(p.Amount), digits(p.PhoneNumber), p.CallbackURL, p.ExternalID},
		decode: decodeWithdrawal,
	})
}

// BankWithdrawParams describe a payout to a bank account.
type BankWithdrawParams struct {
	Amount            decimal.Decimal // whole shillings, greater than zero
	AccountNumber     string          // leading zeros are kept
	AccountName       string
	Bank              BankCode
	ExternalID        string // your own unique reference; required unless AllowNoExternalID
	CallbackURL       string // optional; http or https. Default: made by Config.CallbackURL
	AllowNoExternalID bool   // as in WithdrawParams
}

// WithdrawToBank is Withdraw to a bank account.
func (s *FiatService) WithdrawToBank(ctx context.Context, p BankWithdrawParams) (*Transaction, error) {
	var f faults
	f.amount("amount", p.Amount, 0)
	f.Require("accountNumber", p.AccountNumber)
	f.Require("accountName", p.AccountName)
	f.Require("serviceProviderId", string(p.Bank))
	p.CallbackURL = s.callback(&f, p.CallbackURL, p.ExternalID, p.Amount)
	return s.move(ctx, movement{
		op: OpWithdrawToBank, kind: Payouts, externalID: p.ExternalID, without: p.AllowNoExternalID,
		amount: decimal.NewNullDecimal(p.Amount), account: p.AccountNumber, faults: f,
		body:   bankRequest{wire.Integer(p.Amount), p.AccountNumber, p.AccountName, p.Bank, p.CallbackURL, p.ExternalID},
		decode: decodeWithdrawal,
	})
}

type bankRequest struct {
	Amount            wire.Integer `json:"amount"`
	AccountNumber     string       `json:"accountNumber"`
	AccountName       string       `json:"accountName"`
	ServiceProviderID BankCode     `json:"serviceProviderId"`
	Callback          string       `json:"callback,omitempty"`
	ExternalID        string       `json:"externalId,omitempty"`
}
