package bitpesatest

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

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
