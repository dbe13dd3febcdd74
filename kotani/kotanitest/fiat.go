package kotanitest

import (
	"encoding/json"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
)

const fiatDecimals = 2

// deposit is POST /transactions/deposit/stkpush.
func (f *Fake) deposit(c *call) object {
	return f.accept(c, &Transaction{
		Operation: kotani.OpDeposit, Type: kotani.Collections,
		Amount: c.whole("amount"), Phone: c.mobile("phoneNumber", ""),
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
	if q != nil {
		t.Phone = c.mobile("phoneNumber", q.Currency)
	}
	switch {
	case q == nil || !q.In:
		return refused("quote not found")
	case !q.Accepted:
		return refused("quote is not accepted")
	case q.Spent:
		return refused("quote already used")
	}
	t.Amount, t.Currency, t.Quote = q.FiatAmount, q.Currency, id
	response := f.accept(c, t)
	q.Spent = t.RequestID != ""
	f.world.Touch(providerName, q.ID)
	return response
}

const withdrawalReceived = "Withdrawal request received"

// withdraw is POST /transactions/withdraw/momo.
func (f *Fake) withdraw(c *call) object {
	t := &Transaction{
		Operation: kotani.OpWithdraw, Type: kotani.Payouts,
		Amount: c.whole("amount"), Phone: c.mobile("phoneNumber", ""),
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
		Operation: kotani.OpWithdrawToBank, Type: kotani.Payouts, Currency: "KES", // the banks are Kenyan
		Amount: c.whole("amount"), Account: c.text("accountNumber"),
		Callback: c.callback(), ExternalID: c.optional("externalId"),
	}
	name, bank := c.text("accountName"), c.text("serviceProviderId")
	if kotani.BankCode(bank).Name() == "" {
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

// payBill is POST /transactions/paybill. Its fee, 1 % rounded up to whole
// shillings, comes on top of the amount.
func (f *Fake) payBill(c *call) object {
	t := &Transaction{
		Operation: kotani.OpPayBill, Type: kotani.Payouts, Currency: "KES", Merchant: c.text("merchantNumber"),
		Account: c.text("accountNumber"), Amount: c.money("amount", fiatDecimals), Callback: c.callback(),
	}
	t.Fee = t.Amount.Mul(decimal.New(1, -2)).Ceil()
	return f.accept(c, t)
}

// payTill is POST /transactions/till, free of charge as documented.
func (f *Fake) payTill(c *call) object {
	return f.accept(c, &Transaction{
		Operation: kotani.OpPayTill, Type: kotani.Payouts, Currency: "KES",
		Till: c.text("merchantTill"), Amount: c.money("amount", fiatDecimals), Callback: c.callback(),
	})
}

// currencyOf is the currency of a phone's country: Kenya or Ghana.
func currencyOf(phone string) string {
	switch {
	case strings.HasPrefix(phone, "254"):
		return "KES"
	case strings.HasPrefix(phone, "233"):
		return "GHS"
	}
	return ""
}

// currencyIn is the currency of Kenya or Ghana, by the country's code.
func currencyIn(code string) string {
	switch countryNamed(code) {
	case kotani.Kenya:
		return "KES"
	case kotani.Ghana:
		return "GHS"
	}
	return ""
}

// apart reports that one of two currencies is Kenya's and the other Ghana's. FiatConnect's
// section refuses such a quote, account or KYC too (assumed).
func apart(a, b string) bool {
	return a == "KES" && b == "GHS" || a == "GHS" && b == "KES"
}
