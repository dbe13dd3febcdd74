package kotani

import (
	"context"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// CashOutParams describe a payout by mobile money of coins that were sent to
// Kotani before.
type CashOutParams struct {
	Country     Country // where the recipient is
	PhoneNumber string  // the recipient's
	TxHash      string  // of the transfer: 64 hex digits, with or without 0x
	CallbackURL string  // optional; must start with http:// or https://
	Name        string  // optional
	Email       string  // optional
	Description string  // optional; Stellar only
}

func cashOut(ctx context.Context, c *Client, op string, p CashOutParams) (*Transaction, error) {
	var f faults
	f.segment("countryCode", string(p.Country))
	f.phone("phoneNumber", p.PhoneNumber)
	if !isHex(p.TxHash, 64) && !isHex("0x"+p.TxHash, 64) {
		f.Add("txHash", "must be 64 hex digits")
	}
	f.callback("callback", p.CallbackURL)
	if p.Description != "" && op != OpStellarCashOut {
		f.Add("description", "is for Stellar only")
	}
	return call(ctx, c, f, transport.Call{
		Op: op, Path: []string{string(p.Country)}, Reference: p.TxHash,
		Body: cashOutRequest{digits(p.PhoneNumber), p.TxHash, p.CallbackURL, p.Name, p.Email, p.Description},
	}, decodeTransaction)
}

type cashOutRequest struct {
	PhoneNumber string `json:"phoneNumber"`
	TxHash      string `json:"txHash"`
	Callback    string `json:"callback,omitempty"`
	Name        string `json:"name,omitempty"`
	Email       string `json:"email,omitempty"`
	Description string `json:"description,omitempty"`
}
