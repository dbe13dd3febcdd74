package kotanitest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

// The bank codes of the document.
var bankCodes = strings.Fields("01 02 03 07 10 11 12 16 18 19 25 31 50 51 53 55 57 63 66 68 70 72 74 78")

const received = "Withdrawal request received"

// withdraw is POST /transactions/withdraw/momo.
func (f *Fake) withdraw(c *call) object {
	t := &Transaction{
		Operation: kotani.OpWithdraw, Type: kotani.Payouts,
		Amount: c.whole("amount"), Phone: c.phone("phoneNumber"),
		Callback: c.callback(), ExternalID: c.optional("externalId"),
	}
	if c.fault != "" {
		return c.refused()
	}
	t.Currency = currencyOf(t.Phone)
	t.Legs = pays(t.Currency, t.Amount)
	if refusal := f.begin(t); refusal != "" {
		return refused(refusal)
	}
	return object{
		"id": json.Number(t.RequestID), "phoneNumber": t.Phone, "message": received,
		"amount": t.Amount.String(), "externalId": t.ExternalID,
	}
}

// withdrawToBank is POST /transactions/withdraw/bank.
func (f *Fake) withdrawToBank(c *call) object {
	t := &Transaction{
		Operation: kotani.OpWithdrawToBank, Type: kotani.Payouts, Currency: "KES",
		Amount: c.whole("amount"), Account: c.text("accountNumber"),
		Callback: c.callback(), ExternalID: c.optional("externalId"),
	}
	name, bank := c.text("accountName"), c.text("serviceProviderId")
	if c.fault == "" && !slices.Contains(bankCodes, bank) {
		c.fail("invalid serviceProviderId")
	}
	if c.fault != "" {
		return c.refused()
	}
	t.Legs = pays(t.Currency, t.Amount)
	if refusal := f.begin(t); refusal != "" {
		return refused(refusal)
	}
	return object{
		"id": json.Number(t.RequestID), "accountNumber": t.Account, "accountName": name, "serviceProviderId": bank,
		"message": received, "amount": t.Amount.String(), "externalId": t.ExternalID,
	}
}
