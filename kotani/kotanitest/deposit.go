package kotanitest

import (
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

// deposit is POST /transactions/deposit/stkpush.
func (f *Fake) deposit(c *call) object {
	t := &Transaction{
		Operation: kotani.OpDeposit, Type: kotani.Collections,
		Amount: c.whole("amount"), Phone: c.phone("phoneNumber"),
		Callback: c.callback(), ExternalID: c.optional("externalId"),
	}
	if c.fault != "" {
		return c.refused()
	}
	t.Currency = currencyOf(t.Phone)
	t.Legs = gets(partner, t.Currency, t.Amount)
	return f.started(t)
}

// depositQuoted is POST /transactions/deposit/quote: an accepted quote counts
// for one deposit.
func (f *Fake) depositQuoted(c *call) object {
	id := c.text("acceptedQuoteId")
	t := &Transaction{
		Operation: kotani.OpDepositQuoted, Type: kotani.Collections,
		Phone: c.phone("phoneNumber"), Callback: c.callback(), ExternalID: c.optional("externalId"),
	}
	if c.fault != "" {
		return c.refused()
	}
	q := f.state.Quotes[id]
	switch {
	case q == nil || !q.In:
		return refused("quote not found")
	case !q.Accepted:
		return refused("quote is not accepted")
	case q.Spent:
		return refused("quote already used")
	}
	t.Amount, t.Currency = q.FiatAmount, q.Currency
	t.Legs = gets(partner, t.Currency, t.Amount)
	answer := f.started(t)
	q.Spent = t.RequestID != ""
	return answer
}

// started begins a transaction and answers as most operations do.
func (f *Fake) started(t *Transaction) object {
	if refusal := f.begin(t); refusal != "" {
		return refused(refusal)
	}
	o := object{
		"requestId": t.RequestID, "externalId": t.ExternalID, "status": string(t.Status),
		"amount": t.Amount.String(), "currency": t.Currency, "phoneNumber": t.Phone,
	}
	if t.TxHash != "" {
		o["txhash"] = t.TxHash
	}
	if t.Fee.IsPositive() {
		o["fee"] = t.Fee.String()
	}
	return result(o)
}

// currencyOf is that of the phone's country; the partner's own for all but
// Ghana.
func currencyOf(phone string) string {
	if strings.HasPrefix(phone, "233") {
		return "GHS"
	}
	return "KES"
}
