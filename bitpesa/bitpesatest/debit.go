package bitpesatest

import (
	"net/http"

	"github.com/shopspring/decimal"
)

// Sentences of a refused debit. The causes are documented, the words and their
// keys are assumed.
const (
	sentenceInsufficient = "Insufficient balance"
	sentenceFunded       = "Transaction is funded already"
	sentenceExpired      = "Transaction is expired or cancelled"
	sentenceNotApproved  = "Transaction is not approved"
	sentenceSender       = "Sender is not approved"
)

// createDebits funds one transaction or several: all of them or, when one is
// refused, none (assumed; the vendor says that a 422 means nothing happened).
func (f *Fake) createDebits(c *call) answer {
	list, ok := f.readDebits(c)
	if !ok {
		return badRequest()
	}
	refusedAny := false
	planned := map[string]bool{}
	sums := map[string]decimal.Decimal{}
	for _, in := range list {
		p := f.checkDebit(c.account, in, planned, sums)
		in["errors"] = p
		refusedAny = refusedAny || len(p) > 0
	}
	out := make([]any, len(list))
	if refusedAny {
		for i, in := range list {
			out[i] = in
		}
		return answer{http.StatusUnprocessableEntity, object{"object": out}}
	}
	for i, in := range list {
		t, _ := c.account.Transactions.find(text(in, "to_id"))
		out[i] = f.debit(c.account, t, f.newID(), child(in, "metadata"))
	}
	return created(out)
}

// readDebits takes {"debit":{...}}, {"debit":[...]} and, from the BitPesa
// documents, the fields alone.
func (f *Fake) readDebits(c *call) ([]object, bool) {
	body, ok := readObject(c.body)
	if !ok {
		return nil, false
	}
	switch v := body["debit"].(type) {
	case object:
		return []object{v}, true
	case []any:
		list := []object{}
		for _, entry := range v {
			in, isObject := entry.(object)
			if !isObject {
				return nil, false
			}
			list = append(list, in)
		}
		return list, len(list) > 0
	}
	_, flat := body["to_id"]
	return []object{body}, flat && !f.config.StrictDebits
}

// checkDebit says what is wrong with one debit, given those before it: what
// they fund and what they take of each balance.
func (f *Fake) checkDebit(a *account, in object, planned map[string]bool, sums map[string]decimal.Decimal) problems {
	p := problems{}
	p.require(in, "to_id", "to_type")
	p.oneOf(in, "to_type", "Transaction")
	t, known := a.Transactions.find(text(in, "to_id"))
	if !known {
		if !blank(in["to_id"]) {
			p.add("to_id", wordInvalid)
		}
		return p
	}
	x, _ := a.Senders.find(t.Sender)
	p.oneOf(in, "currency", t.Currency)
	if !blank(in["amount"]) && !sameAmount(text(in, "amount"), t.Input) {
		p.add("amount", wordInvalid)
	}
	switch {
	case t.State == transactionInitial:
		p.add("base", sentenceNotApproved)
	case t.State == transactionCanceled:
		p.add("base", sentenceExpired)
	case !t.payable() || planned[t.ID]:
		p.add("base", sentenceFunded)
	case !f.usable(a, x): // banned, say, since the transaction was made
		p.add("base", sentenceSender)
	case !f.state.Ledger.Covers(balanceOf(a, t.Currency), sums[t.Currency].Add(t.Input)):
		p.add("base", sentenceInsufficient)
	}
	if len(p) == 0 {
		planned[t.ID] = true
		sums[t.Currency] = sums[t.Currency].Add(t.Input)
	}
	return p
}
