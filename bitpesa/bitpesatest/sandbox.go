package bitpesatest

// payin pays a transaction in, in full: a call of the vendor's sandbox.
func (f *Fake) payin(c *call) answer {
	t, ok := c.account.Transactions.find(c.params[0])
	if !ok {
		return notFound()
	}
	in, ok := c.wrapped("payin_method")
	if !ok {
		return badRequest()
	}
	if p := f.checkPayinMethod(in, t.Currency); len(p) > 0 {
		return invalid(in, p)
	}
	switch {
	case !t.payable():
		return invalid(in, sentence("Transaction cannot be paid in"))
	case f.needsBalance(c.account, t):
		return invalid(in, sentence("One currency on both sides needs an account balance"))
	}
	f.collect(c.account, t, f.payinMethodFor(c.account, t, in))
	return success(f.transactionObject(c.account, t))
}

// payinMethodFor is the transaction's payin method of that type, a new one if
// it has none.
func (f *Fake) payinMethodFor(a *account, t *transaction, in object) *payinMethod {
	for _, p := range a.payinMethodsOf(t) {
		if p.Type == text(in, "type") && !p.finished() {
			return p
		}
	}
	return f.addPayinMethod(a, t, in)
}

func (f *Fake) needsBalance(a *account, t *transaction) bool {
	for _, r := range a.recipientsOf(t) {
		if r.OutputIn == t.Currency {
			return true
		}
	}
	return false
}

// payout makes a funded transaction paid: a call of the vendor's sandbox. For
// any other it answers 422 (assumed).
func (f *Fake) payout(c *call) answer {
	t, ok := c.account.Transactions.find(c.params[0])
	if !ok {
		return notFound()
	}
	if !t.payingOut() {
		return invalid(f.transactionObject(c.account, t), sentence("Transaction is not funded or is paid out"))
	}
	for _, r := range c.account.recipientsOf(t) {
		if !r.settled() {
			f.succeedPayout(c.account, t, r)
		}
	}
	return success(f.transactionObject(c.account, t))
}
