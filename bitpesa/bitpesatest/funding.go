package bitpesatest

import (
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// autoRefundAfter is when the trait auto_refund acts, counted from the funding
// (documented).
const autoRefundAfter = 24 * time.Hour

// Sentences of a refused debit. The causes are documented; the words and their
// keys are assumed.
const (
	sentenceInsufficient = "Insufficient balance"
	sentenceFunded       = "Transaction is funded already"
	sentenceExpired      = "Transaction is expired or cancelled"
	sentenceNotApproved  = "Transaction is not approved"
	sentenceSender       = "Sender is not approved"
)

// createDebits funds one transaction or several. If one debit is refused, none
// is carried out (assumed; the vendor says that a 422 means nothing happened).
func (f *Fake) createDebits(c *call) response {
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
	if refusedAny {
		return response{http.StatusUnprocessableEntity, object{"object": list}}
	}
	out := make([]object, len(list))
	for i, in := range list {
		out[i] = f.debit(c.account, c.account.Transactions.Find(text(in, "to_id")), f.newID(), child(in, "metadata"))
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
	return []object{body}, flat && !f.config.Quirks.StrictDebits
}

// checkDebit says what is wrong with a debit. planned are the transactions which
// the debits before it fund; sums are what those debits take, by currency.
func (f *Fake) checkDebit(a *account, in object, planned map[string]bool, sums map[string]decimal.Decimal) problems {
	p := problems{}
	p.require(in, "to_id", "to_type")
	p.same(in, "to_type", "Transaction")
	t := a.Transactions.Find(text(in, "to_id"))
	if t == nil {
		if !blank(in["to_id"]) {
			p.add("to_id", wordInvalid)
		}
		return p
	}
	p.same(in, "currency", t.Currency)
	if !blank(in["amount"]) && !sameAmount(text(in, "amount"), t.Input) {
		p.add("amount", wordInvalid)
	}
	switch {
	case t.State == bitpesa.TransactionInitial:
		p.add("base", sentenceNotApproved)
	case t.State == bitpesa.TransactionCanceled:
		p.add("base", sentenceExpired)
	case !t.payable() || planned[t.ID]:
		p.add("base", sentenceFunded)
	case !f.usable(a, a.Senders.Find(t.SenderID)): // banned since the transaction was made
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

// debit funds a transaction from its account's balance and starts the payouts.
// The caller has checked that the balance covers it. The lock is held.
func (f *Fake) debit(a *account, t *transaction, id string, metadata object) object {
	from := balanceOf(a, t.Currency)
	fake.Must(f.state.Ledger.Post(fake.Entry{ID: id, Account: from, Amount: t.Input.Neg(), Kind: entryDebit, Reference: t.ID, Created: f.now()}))
	t.FromBalance = true
	out := object{
		"id": id, "to_id": t.ID, "to_type": "Transaction", "currency": t.Currency, "amount": number(t.Input),
		"usd_amount":      number(f.exchange.convert(t.Input, t.Currency, "USD").Truncate(2)),
		"running_balance": number(f.state.Ledger.Balance(from)),
		"metadata":        orEmpty(metadata), "created_at": f.stamp(f.now(), spelledISO), "errors": object{},
	}
	f.fund(a, t)
	return out
}

// fund notes that the whole amount has arrived, and starts the payouts. The lock
// is held.
func (f *Fake) fund(a *account, t *transaction) {
	t.Paid = t.Input
	for _, p := range a.payinMethodsOf(t) {
		f.endPayin(a, t, p)
	}
	f.move(a, t, bitpesa.TransactionReceived)
	f.startPayouts(a, t)
}

func (f *Fake) startPayouts(a *account, t *transaction) {
	if !t.FromBalance {
		f.payer(t, t.Paid.Neg(), entryPayin)
	}
	t.Funded = f.now()
	if t.AutoRefund {
		f.world.After(autoRefundAfter, name, eventAutoRefund, t.ID)
	}
	for _, r := range a.recipientsOf(t) {
		f.startPayout(a, t, r)
	}
}

// autoRefund cancels what is not paid out a day after the funding. It waits for a
// payout whose result is not known yet.
func (f *Fake) autoRefund(id string) {
	a, t := find(f.state, transactions, id)
	if t == nil || !t.funded() {
		return
	}
	for _, r := range a.recipientsOf(t) {
		switch r.State {
		case bitpesa.RecipientInitial, bitpesa.RecipientError, bitpesa.RecipientManual:
			f.moveRecipient(a, t, r, bitpesa.RecipientCanceled)
		case bitpesa.RecipientPending, bitpesa.RecipientStuck: // the recipient may have been paid
			r.CancelRequested = true
		}
	}
	f.finish(a, t)
}

// finish ends a funded transaction once every recipient is done: it is paid, or
// the money of the cancelled recipients is refunded. The lock is held.
func (f *Fake) finish(a *account, t *transaction) {
	if !t.funded() {
		return
	}
	back := decimal.Zero
	canceled := false
	for _, r := range a.recipientsOf(t) {
		if !r.done() {
			return
		}
		if r.State == bitpesa.RecipientCanceled {
			canceled = true
			back = back.Add(r.Input)
		}
	}
	if !canceled {
		f.move(a, t, bitpesa.TransactionPaid)
		return
	}
	f.refund(a, t, back)
}

// refund gives money back at once, to the balance or to the sender who paid in.
// The transaction passes canceled on its way, and reports it (assumed).
func (f *Fake) refund(a *account, t *transaction, back decimal.Decimal) {
	f.move(a, t, bitpesa.TransactionCanceled)
	t.Refunded = back
	switch {
	case !back.IsPositive():
	case t.FromBalance:
		f.credit(a, t.Currency, back, entryRefund, t.ID)
	default:
		f.payer(t, back, entryRefund)
	}
	for _, r := range a.recipientsOf(t) {
		if r.State == bitpesa.RecipientCanceled {
			f.moveRecipient(a, t, r, bitpesa.RecipientRefunded)
		}
	}
	f.move(a, t, bitpesa.TransactionRefunded)
	for _, p := range a.payinMethodsOf(t) {
		f.refundPayin(a, t, p)
	}
}
