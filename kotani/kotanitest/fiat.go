package kotanitest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
)

const fiatDecimals = 2

// deposit is POST /transactions/deposit/stkpush.
func (f *Fake) deposit(c *call) object {
	return f.accept(c, &Transaction{
		Operation: kotani.OpDeposit, Type: kotani.Collections,
		Amount: c.whole("amount"), Phone: c.phone("phoneNumber"),
		Callback: c.callback(), ExternalID: c.optional("externalId"),
	})
}

// depositQuoted is POST /transactions/deposit/quote. An accepted quote counts
// for one deposit.
func (f *Fake) depositQuoted(c *call) object {
	id := c.text("acceptedQuoteId")
	t := &Transaction{
		Operation: kotani.OpDepositQuoted, Type: kotani.Collections,
		Phone: c.phone("phoneNumber"), Callback: c.callback(), ExternalID: c.optional("externalId"),
	}
	if c.reason != "" {
		return c.refused()
	}
	q := f.state.Quotes.Find(id)
	switch {
	case q == nil || !q.In:
		return refused("quote not found")
	case !q.Accepted:
		return refused("quote is not accepted")
	case q.Spent:
		return refused("quote already used")
	}
	t.Amount, t.Currency = q.FiatAmount, q.Currency
	response := f.accept(c, t)
	q.Spent = t.RequestID != ""
	return response
}

const withdrawalReceived = "Withdrawal request received"

// withdraw is POST /transactions/withdraw/momo.
func (f *Fake) withdraw(c *call) object {
	t := &Transaction{
		Operation: kotani.OpWithdraw, Type: kotani.Payouts,
		Amount: c.whole("amount"), Phone: c.phone("phoneNumber"),
		Callback: c.callback(), ExternalID: c.optional("externalId"),
	}
	if refusal := f.begin(c, t); refusal != "" {
		return refused(refusal)
	}
	return object{
		"id": json.Number(t.RequestID), "phoneNumber": t.Phone, "message": withdrawalReceived,
		"amount": t.Amount.String(), "externalId": t.ExternalID,
	}
}

// withdrawToBank is POST /transactions/withdraw/bank.
func (f *Fake) withdrawToBank(c *call) object {
	t := &Transaction{
		Operation: kotani.OpWithdrawToBank, Type: kotani.Payouts,
		Amount: c.whole("amount"), Account: c.text("accountNumber"),
		Callback: c.callback(), ExternalID: c.optional("externalId"),
	}
	name, bank := c.text("accountName"), c.text("serviceProviderId")
	if !slices.Contains(bankCodes(), bank) {
		c.refuse("invalid serviceProviderId")
	}
	if refusal := f.begin(c, t); refusal != "" {
		return refused(refusal)
	}
	return object{
		"id": json.Number(t.RequestID), "accountNumber": t.Account, "accountName": name, "serviceProviderId": bank,
		"message": withdrawalReceived, "amount": t.Amount.String(), "externalId": t.ExternalID,
	}
}

// bankCodes are those of the document.
func bankCodes() []string {
	return strings.Fields("01 02 03 07 10 11 12 16 18 19 25 31 50 51 53 55 57 63 66 68 70 72 74 78")
}

// payBill is POST /transactions/paybill. Its fee, 1 % rounded up to whole
// shillings, comes on top of the amount.
func (f *Fake) payBill(c *call) object {
	c.text("merchantNumber")
	t := &Transaction{
		Operation: kotani.OpPayBill, Type: kotani.Payouts,
		Account: c.text("accountNumber"), Amount: c.money("amount", fiatDecimals), Callback: c.callback(),
	}
	t.Fee = t.Amount.Mul(decimal.New(1, -2)).Ceil()
	return f.accept(c, t)
}

// payTill is POST /transactions/till, free of charge as documented.
func (f *Fake) payTill(c *call) object {
	return f.accept(c, &Transaction{
		Operation: kotani.OpPayTill, Type: kotani.Payouts,
		Account: c.text("merchantTill"), Amount: c.money("amount", fiatDecimals), Callback: c.callback(),
	})
}

// currencyOf is GHS for a phone in Ghana, and the partner's own currency
// otherwise.
func currencyOf(phone string) string {
	if strings.HasPrefix(phone, "233") {
		return "GHS"
	}
	return "KES"
}
