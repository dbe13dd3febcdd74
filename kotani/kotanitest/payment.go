package kotanitest

import (
	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
)

const fiatDecimals = 2

// payBill is POST /transactions/paybill. Its fee, 1 % rounded up to whole
// shillings, comes on top of the amount.
func (f *Fake) payBill(c *call) object {
	c.text("merchantNumber")
	t := &Transaction{
		Operation: kotani.OpPayBill, Type: kotani.Payouts, Currency: "KES",
		Account: c.text("accountNumber"), Amount: c.money("amount", fiatDecimals), Callback: c.callback(),
	}
	if c.fault != "" {
		return c.refused()
	}
	t.Fee = t.Amount.Mul(decimal.New(1, -2)).Ceil()
	t.Legs = pays(t.Currency, t.Amount.Add(t.Fee))
	return f.started(t)
}

// payTill is POST /transactions/till, free of charge as documented.
func (f *Fake) payTill(c *call) object {
	t := &Transaction{
		Operation: kotani.OpPayTill, Type: kotani.Payouts, Currency: "KES",
		Account: c.text("merchantTill"), Amount: c.money("amount", fiatDecimals), Callback: c.callback(),
	}
	if c.fault != "" {
		return c.refused()
	}
	t.Legs = pays(t.Currency, t.Amount)
	return f.started(t)
}
