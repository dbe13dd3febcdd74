package bitpesatest

import "github.com/shopspring/decimal"

// PayIn pays a transaction in from outside of its account's balance, by its
// first payin method that waits for money, if it has one. An amount that is not
// due makes the transaction mispaid: it is resized and pays out what came.
func (f *Fake) PayIn(transactionID string, amount decimal.Decimal) error {
	f.world.Lock()
	defer f.world.Unlock()
	a, t := f.state.transaction(transactionID)
	switch {
	case t == nil:
		return notKnown("transaction", transactionID)
	case !t.payable():
		return illegal("a transaction", t.State, transactionReceived)
	case !amount.IsPositive():
		return errNoAmount
	}
	p := waitingPayin(a, t)
	switch {
	case !amount.Equal(t.Input):
		f.mispay(a, t, p, amount)
	case p != nil:
		f.collect(a, t, p)
	default:
		f.fund(a, t)
	}
	return nil
}

// waitingPayin is the first payin method that waits for money, or nil.
func waitingPayin(a *account, t *transaction) *payinMethod {
	for _, p := range a.payinMethodsOf(t) {
		if !p.finished() {
			return p
		}
	}
	return nil
}

// mispay takes another amount than was due, by a payin method if p is not nil:
// what the recipients get shrinks or grows with it. The lock is held.
func (f *Fake) mispay(a *account, t *transaction, p *payinMethod, amount decimal.Decimal) {
	recipients := a.recipientsOf(t)
	left := amount
	for i, r := range recipients {
		share := left
		if i < len(recipients)-1 {
			share = f.exchange.round(amount.Mul(r.Input).DivRound(t.Input, 20), t.Currency)
			share = decimal.Min(share, left)
		}
		left = left.Sub(share)
		r.Input = share
		r.Output = f.exchange.round(f.exchange.convert(share, t.Currency, r.OutputIn), r.OutputIn)
	}
	t.Input, t.Paid = amount, amount
	if p != nil {
		f.movePayin(a, t, p, payinMispaid, "", "payin_method.mispaid")
	}
	for _, other := range a.payinMethodsOf(t) {
		f.endPayin(a, t, other)
	}
	f.move(t, transactionMispaid)
	f.emitTransaction(a, t, "transaction.mispaid")
	f.startPayouts(a, t)
}
