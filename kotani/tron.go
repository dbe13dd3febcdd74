package kotani

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// TronService turns USDT on Tron into mobile money and back.
type TronService struct{ c *Client }

// CashOut pays the worth of a USDT transfer out by mobile money in Kenya or
// Ghana. That a hash is processed only once is not documented here, so an
// unknown outcome stays unknown; its Reference is the hash. The document leaves
// the answer empty, so every field may be.
func (s *TronService) CashOut(ctx context.Context, p CashOutParams) (*Transaction, error) {
	return cashOut(ctx, s.c, OpTronCashOut, p)
}

// CashInParams describe a purchase of USDT by mobile money. The document shows
// no body at all: every field is assumed.
type CashInParams struct {
	Country     Country         // Kenya only, says the text; Kenya and Ghana, says the parameter
	PhoneNumber string          // the payer's
	Amount      decimal.Decimal // whole shillings, greater than zero
	ExternalID  string          // optional: your own reference
	CallbackURL string          // optional; must start with http:// or https://
}

// CashIn buys USDT with mobile money. Since its body is assumed, so is that the
// external id can be looked up: an unknown outcome stays unknown.
func (s *TronService) CashIn(ctx context.Context, p CashInParams) (*Transaction, error) {
	var f faults
	f.segment("countryCode", string(p.Country))
	f.phone("phoneNumber", p.PhoneNumber)
	f.amount("amount", p.Amount, 0)
	f.callback("callback", p.CallbackURL)
	if p.ExternalID != "" {
		f.reference("externalId", p.ExternalID)
	}
	return call(ctx, s.c, f, transport.Call{
		Op: OpTronCashIn, Path: []string{string(p.Country)}, Reference: p.ExternalID,
		Body: depositRequest{wire.Integer(p.Amount), digits(p.PhoneNumber), p.CallbackURL, p.ExternalID},
	}, decodeTransaction)
}
