package kotani

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// PayBillParams describe a payment to a merchant's paybill number. Kenya only.
type PayBillParams struct {
	MerchantNumber string          // the paybill number
	AccountNumber  string          // your account with the merchant
	Amount         decimal.Decimal // KES, greater than zero; a fee that varies with it is taken too (documented)
	CallbackURL    string          // optional; must start with http:// or https://
}

// PayBill pays a merchant by paybill number. It takes no external id, so an
// unknown outcome stays unknown: look through Transactions before paying again.
func (s *FiatService) PayBill(ctx context.Context, p PayBillParams) (*Transaction, error) {
	var f faults
	f.Require("merchantNumber", p.MerchantNumber)
	f.Require("accountNumber", p.AccountNumber)
	f.amount("amount", p.Amount, fiatDecimals)
	f.callback("callback", p.CallbackURL)
	return call(ctx, s.c, f, transport.Call{
		Op: OpPayBill, Body: payBillRequest{p.MerchantNumber, p.AccountNumber, plainText(p.Amount), p.CallbackURL},
	}, decodeResult)
}

// PayTillParams describe a payment to a merchant's till number. Kenya only.
type PayTillParams struct {
	TillNumber  string
	Amount      decimal.Decimal // KES, greater than zero; free of charge (documented)
	CallbackURL string          // optional; must start with http:// or https://
}

// PayTill pays a merchant by till number. It takes no external id, so an unknown
// outcome stays unknown: look through Transactions before paying again.
func (s *FiatService) PayTill(ctx context.Context, p PayTillParams) (*Transaction, error) {
	var f faults
	f.Require("merchantTill", p.TillNumber)
	f.amount("amount", p.Amount, fiatDecimals)
	f.callback("callback", p.CallbackURL)
	return call(ctx, s.c, f, transport.Call{
		Op: OpPayTill, Body: payTillRequest{p.TillNumber, plainText(p.Amount), p.CallbackURL},
	}, decodeResult)
}

type payBillRequest struct {
	MerchantNumber string    `json:"merchantNumber"`
	AccountNumber  string    `json:"accountNumber"`
	Amount         plainText `json:"amount"`
	Callback       string    `json:"callback,omitempty"`
}

type payTillRequest struct {
	MerchantTill string    `json:"merchantTill"`
	Amount       plainText `json:"amount"`
	Callback     string    `json:"callback,omitempty"`
}
