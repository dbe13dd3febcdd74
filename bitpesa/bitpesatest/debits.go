package bitpesatest

import (
	"net/http"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
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

// autoRefundAfter is when the trait auto_refund acts, counted from the funding,
// as documented.
const autoRefundAfter = 24 * time.Hour

func balanceOf(a *account, currency string) fake.Account {
	return fake.Account{Owner: a.Key, Currency: currency}
}

// debit funds a transaction from its account's balance, which is known to cover
// it, and starts the payouts. The lock is held.
func (f *Fake) debit(a *account, t *transaction, id string, metadata object) object {
	from := balanceOf(a, t.Currency)
	err := f.state.Ledger.Post(fake.Entry{ID: id, Account: from, Amount: t.Input.Neg(), Kind: entryDebit, Reference: t.ID, Created: f.now()})
	if err != nil {
		panic(err) // checked before; the core answers 500
	}
	t.FromBalance = true
	out := object{
		"id": id, "to_id": t.ID, "to_type": "Transaction", "currency": t.Currency, "amount": number(t.Input),
		"usd_amount":      number(f.exchange.convert(t.Input, t.Currency, "USD").Truncate(2)),
		"running_balance": number(f.state.Ledger.Balance(from)),
		"metadata":        orEmpty(metadata), "created_at": stamp(f.now(), spelledISO), "errors": object{},
	}
	f.fund(a, t)
	return out
}

// fund takes note that the whole amount is there and starts the payouts. The
// lock is held.
func (f *Fake) fund(a *account, t *transaction) {
	t.Paid = t.Input
	for _, p := range a.payinMethodsOf(t) {
		f.endPayin(a, t, p)
	}
	f.move(t, transactionReceived)
	f.emitTransaction(a, t, "transaction.paid_in")
	f.startPayouts(a, t)
}

func (f *Fake) startPayouts(a *account, t *transaction) {
	t.FundedAt = f.now()
	if t.AutoRefund {
		f.world.After(autoRefundAfter, name, eventAutoRefund, t.ID)
	}
	for _, r := range a.recipientsOf(t) {
		f.startPayout(a, t, r)
	}
}

// autoRefund gives up on what is not paid out a day after the funding. A payout
// under way, or one nobody knows about, is waited for first.
func (f *Fake) autoRefund(id string) {
	a, t := f.state.transaction(id)
	if t == nil || !t.funded() {
		return
	}
	for _, r := range a.recipientsOf(t) {
		switch r.State {
		case recipientInitial, recipientError, recipientManual:
			r.State = recipientCanceled
		case recipientPending, recipientStuck: // it may have been paid
			r.CancelRequested = true
		}
	}
	f.settle(a, t)
}

// settle looks whether a funded transaction is at its end: everybody paid, or
// the rest cancelled and its money given back. The lock is held.
func (f *Fake) settle(a *account, t *transaction) {
	if !t.funded() {
		return
	}
	back := decimal.Zero
	canceled := false
	for _, r := range a.recipientsOf(t) {
		if !r.settled() {
			return
		}
		if r.State == recipientCanceled {
			canceled = true
			back = back.Add(r.Input)
		}
	}
	if !canceled {
		f.move(t, transactionPaid)
		f.emitTransaction(a, t, "transaction.paid_out")
		return
	}
	f.refund(a, t, back)
}

// refund gives money back to where it came from, at once: to the balance, or to
// who paid in. The transaction passes canceled on its way; whether that fires
// an event of its own is undocumented, here it does not.
func (f *Fake) refund(a *account, t *transaction, back decimal.Decimal) {
	t.Refunded = back
	if t.FromBalance && back.IsPositive() {
		f.credit(a.Key, t.Currency, back, entryRefund, t.ID)
	}
	for _, r := range a.recipientsOf(t) {
		if r.State == recipientCanceled {
			r.State = recipientRefunded
		}
	}
	f.move(t, transactionRefunded)
	for _, p := range a.payinMethodsOf(t) {
		f.refundPayin(a, t, p)
	}
	f.emitTransaction(a, t, "transaction.refunded")
}
