package kotani

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

// DepositParams describe a collection from a mobile money wallet.
type DepositParams struct {
	Amount      decimal.Decimal // whole shillings or cedis, greater than zero
	PhoneNumber string          // the payer's, who confirms on the phone
	ExternalID  string          // your own unique reference; required unless AllowNoExternalID
	CallbackURL string          // optional; http or https. Default: made by Config.CallbackURL
	// AllowNoExternalID sends a deposit that cannot be looked up: after an
	// unknown outcome nobody can say whether it was made.
	AllowNoExternalID bool
}

// Deposit asks the payer to confirm a payment on the phone (an STK push). The
// answer is mostly PENDING: see Wait. An unknown outcome is settled by looking
// the external id up; only when that stays unknown, too, the error matches
// ErrOutcomeUnknown.
func (s *FiatService) Deposit(ctx context.Context, p DepositParams) (*Transaction, error) {
	var f faults
	f.amount("amount", p.Amount, 0)
	f.phone("phoneNumber", p.PhoneNumber)
	p.CallbackURL = s.callback(&f, p.CallbackURL, p.ExternalID, p.Amount)
	return s.move(ctx, movement{
		op: OpDeposit, kind: Collections, externalID: p.ExternalID, without: p.AllowNoExternalID,
		amount: decimal.NewNullDecimal(p.Amount), phone: p.PhoneNumber, faults: f,
		body:   depositRequest{wire.Integer(p.Amount), digits(p.PhoneNumber), p.CallbackURL, p.ExternalID},
		decode: decodeResult,
	})
}

// QuotedDepositParams describe a collection whose amount was fixed by a quote.
type QuotedDepositParams struct {
	AcceptedQuoteID   string // of Quotes.AcceptIn
	PhoneNumber       string // the payer's
	ExternalID        string // your own unique reference; required unless AllowNoExternalID
	CallbackURL       string // optional; must start with http:// or https://
	AllowNoExternalID bool   // as in DepositParams
}

// DepositQuoted is Deposit with the amount of an accepted quote.
func (s *FiatService) DepositQuoted(ctx context.Context, p QuotedDepositParams) (*Transaction, error) {
	var f faults
	f.Require("acceptedQuoteId", p.AcceptedQuoteID)
	f.phone("phoneNumber", p.PhoneNumber)
	f.callback("callback", p.CallbackURL)
	return s.move(ctx, movement{
		op: OpDepositQuoted, kind: Collections, externalID: p.ExternalID, without: p.AllowNoExternalID,
		phone: p.PhoneNumber, faults: f,
		body:   quotedDepositRequest{p.AcceptedQuoteID, digits(p.PhoneNumber), p.CallbackURL, p.ExternalID},
		decode: decodeResult,
	})
}

type depositRequest struct {
	Amount      wire.Integer `json:"amount"`
	PhoneNumber string       `json:"phoneNumber"`
	Callback    string       `json:"callback,omitempty"`
	ExternalID  string       `json:"externalId,omitempty"`
}

type quotedDepositRequest struct {
	AcceptedQuoteID string `json:"acceptedQuoteId"`
	PhoneNumber     string `json:"phoneNumber"`
	Callback        string `json:"callback,omitempty"`
	ExternalID      string `json:"externalId,omitempty"`
}
