package bitpesatest

import "slices"

// Events of the clock.
const (
	eventExpire     = "expire"
	eventPayout     = "payout"
	eventRetry      = "retry"
	eventAutoRefund = "auto_refund"
	eventPayin      = "payin"
)

func (f *Fake) listTransactions(c *call) answer {
	match, ok := c.createdWithin()
	if !ok {
		return badRequest()
	}
	externalID, senderID := c.query.Get("external_id"), c.query.Get("sender_id")
	rows := c.account.Transactions.newest(func(t *transaction) bool {
		return match(t.Created) && (externalID == "" || t.ExternalID == externalID) && (senderID == "" || t.Sender == senderID)
	})
	return page(c, rows, func(t *transaction) object { return f.transactionObject(c.account, t) })
}

func (f *Fake) getTransaction(c *call) answer {
	t, ok := c.account.Transactions.find(c.params[0])
	if !ok {
		return notFound()
	}
	return success(f.transactionObject(c.account, t))
}

func (f *Fake) createTransaction(c *call) answer {
	in, ok := c.wrapped("transaction")
	if !ok {
		return badRequest()
	}
	d := f.readDraft(c.account, in, false)
	if !d.ok() {
		return d.refusal()
	}
	t := f.store(c.account, d)
	return created(f.transactionObject(c.account, t))
}

// createAndFund does both or nothing: after a 422 neither is there.
func (f *Fake) createAndFund(c *call) answer {
	in, ok := c.wrapped("transaction")
	if !ok {
		return badRequest()
	}
	d := f.readDraft(c.account, in, false)
	d.problems.require(in, "external_id")
	if d.ok() {
		f.checkFunding(c.account, &d)
	}
	if !d.ok() {
		return d.refusal()
	}
	t := f.store(c.account, d)
	f.debit(c.account, t, f.newID(), nil)
	return created(f.transactionObject(c.account, t))
}

// checkFunding says why a draft could not be funded right away.
func (f *Fake) checkFunding(a *account, d *draft) {
	if !f.usableAfter(a, d.sender) {
		d.problems.add("sender", wordInvalid)
	}
	if !f.state.Ledger.Covers(balanceOf(a, d.t.Currency), d.t.Input) {
		d.problems.add("base", sentenceInsufficient)
	}
}

// usableAfter reports whether the sender may transact once the plan is done.
func (f *Fake) usableAfter(a *account, plan senderPlan) bool {
	x := f.previewSender(a, plan)
	if plan.sender != nil && plan.fields != nil && f.keys[a.Key].KYC && identityChanged(plan.sender.Fields, plan.fields) {
		return false
	}
	return f.usable(a, x)
}

func (f *Fake) calculate(c *call) answer { return f.rehearse(c, true) }
func (f *Fake) validate(c *call) answer  { return f.rehearse(c, false) }

// rehearse answers for a transaction without leaving anything behind.
func (f *Fake) rehearse(c *call, quote bool) answer {
	in, ok := c.wrapped("transaction")
	if !ok {
		return badRequest()
	}
	d := f.readDraft(c.account, in, quote)
	if !d.ok() {
		return d.refusal()
	}
	if !f.usableAfter(c.account, d.sender) {
		d.t.State = transactionInitial
	}
	return success(f.preview(c.account, d))
}

// store makes a checked draft a transaction. The lock is held.
func (f *Fake) store(a *account, d draft) *transaction {
	x := f.carryOut(a, d.sender)
	t := &d.t
	t.ID, t.Sender, t.PayinRef = f.newID(), x.ID, f.world.IDs(name).Digits(6)
	t.Created, t.Updated = f.now(), f.now()
	if !f.usable(a, x) {
		t.State = transactionInitial
	}
	a.Transactions.add(t)
	if t.ExternalID != "" {
		a.TransactionByRef[t.ExternalID] = t.ID
	}
	for _, draft := range d.recipients {
		r := draft.recipient
		r.ID, r.Transaction, r.Created = f.newID(), t.ID, f.now()
		r.PayoutMethod = draft.method.ID
		if draft.in != nil {
			r.PayoutMethod = f.addPayoutMethod(a, draft.in, x.ID).ID
		}
		a.Recipients.add(&r)
		t.Recipients = append(t.Recipients, r.ID)
	}
	for _, in := range d.payins {
		f.addPayinMethod(a, t, in)
	}
	f.emitTransaction(a, t, "transaction.created")
	f.beginPayins(a, t)
	f.world.After(transactionLife, name, eventExpire, t.ID)
	return t
}

// expire cancels a transaction that was not funded in its hour.
func (f *Fake) expire(id string) {
	a, t := f.state.transaction(id)
	if t != nil && (t.State == transactionInitial || t.State == transactionApproved) {
		f.cancelUnfunded(a, t)
	}
}

// cancelUnfunded ends a transaction nobody paid for.
func (f *Fake) cancelUnfunded(a *account, t *transaction) {
	for _, r := range a.recipientsOf(t) {
		r.State = recipientCanceled
	}
	for _, p := range a.payinMethodsOf(t) {
		f.endPayin(a, t, p)
	}
	f.move(t, transactionCanceled)
	f.emitTransaction(a, t, "transaction.canceled")
}

// approveWaiting opens the transactions that waited for their sender.
func (f *Fake) approveWaiting(a *account, x *sender) {
	for _, t := range slices.Backward(a.Transactions.newest(func(t *transaction) bool {
		return t.Sender == x.ID && t.State == transactionInitial
	})) {
		f.move(t, transactionApproved)
		f.beginPayins(a, t)
	}
}
