package bitpesatest

import (
	"fmt"
	"slices"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/shopspring/decimal"
)

// SetTransactionState moves a transaction along one arrow. received pays it in
// from outside of its balance, or ends a compliance review (processing); paid
// pays all its recipients; canceled and refunded cancel what can be cancelled
// and give that money back.
func (f *Fake) SetTransactionState(id string, to bitpesa.TransactionState) error {
	state := string(to)
	f.world.Lock()
	defer f.world.Unlock()
	a, t := f.state.transaction(id)
	if t == nil {
		return notKnown("transaction", id)
	}
	funded := []string{transactionReceived, transactionMispaid, transactionManual}
	unfunded := []string{transactionInitial, transactionApproved, transactionPending}
	from := map[string][]string{
		transactionApproved:   {transactionInitial},
		transactionPending:    {transactionApproved},
		transactionReceived:   {transactionApproved, transactionPending, transactionProcessing},
		transactionProcessing: funded,
		transactionManual:     {transactionReceived, transactionMispaid},
		transactionPaid:       funded,
		transactionCanceled:   append(unfunded, funded...),
		transactionRefunded:   funded,
		transactionException:  append(append(unfunded, funded...), transactionProcessing),
	}
	if err := checkArrow("a transaction", from, t.State, state); err != nil {
		return err
	}
	return f.steer(a, t, state)
}

// steer carries out a checked arrow of a transaction.
func (f *Fake) steer(a *account, t *transaction, state string) error {
	switch {
	case state == transactionReceived && t.State == transactionProcessing:
		f.release(a, t)
	case state == transactionReceived:
		f.fund(a, t)
	case state == transactionPaid:
		for _, r := range a.recipientsOf(t) {
			if !r.settled() {
				f.succeedPayout(a, t, r)
			}
		}
	case state == transactionCanceled && t.unfunded():
		f.cancelUnfunded(a, t)
	case state == transactionCanceled || state == transactionRefunded:
		return f.cancelFunded(a, t, state)
	default:
		f.move(t, state)
		if state == transactionApproved {
			f.beginPayins(a, t)
		}
	}
	return nil
}

// cancelFunded cancels every recipient that is not paid. One whose payout is
// under way cannot be: then nothing is done.
func (f *Fake) cancelFunded(a *account, t *transaction, state string) error {
	open := []*recipient{}
	for _, r := range a.recipientsOf(t) {
		m, _ := a.PayoutMethods.find(r.PayoutMethod)
		switch {
		case r.settled():
		case r.mayCancel(m.Type):
			open = append(open, r)
		default:
			return fmt.Errorf("%w: recipient %s is %s", illegal("a transaction", t.State, state), r.ID, r.State)
		}
	}
	for _, r := range open {
		r.State = recipientCanceled
	}
	f.settle(a, t)
	return nil
}

// release lets the payouts go on after a compliance review.
func (f *Fake) release(a *account, t *transaction) {
	f.move(t, transactionReceived)
	for _, r := range a.recipientsOf(t) {
		switch {
		case r.State == recipientPending:
			f.world.After(f.config.PayoutDelay, name, eventPayout, payoutKey(r))
		case r.retriable():
			f.startPayout(a, t, r)
		}
	}
	f.settle(a, t)
}

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

// States of a transaction, as documented.
const (
	transactionInitial    = "initial"
	transactionApproved   = "approved"
	transactionPending    = "pending"
	transactionReceived   = "received"
	transactionMispaid    = "mispaid"
	transactionManual     = "manual"
	transactionPaid       = "paid"
	transactionCanceled   = "canceled"
	transactionRefunded   = "refunded"
	transactionProcessing = "processing"
	transactionException  = "exception"
)

// transactionLife is how long an unfunded transaction lives, as documented.
const transactionLife = time.Hour

type transaction struct {
	ID           string          `json:"id"`
	State        string          `json:"state"`
	ExternalID   string          `json:"external_id"`
	Sender       string          `json:"sender"`
	Recipients   []string        `json:"recipients"`
	PayinMethods []string        `json:"payin_methods"`
	Currency     string          `json:"currency"` // of the input
	Input        decimal.Decimal `json:"input"`
	Paid         decimal.Decimal `json:"paid"`
	FromBalance  bool            `json:"from_balance"` // funded by a debit
	Refunded     decimal.Decimal `json:"refunded"`
	AutoRefund   bool            `json:"auto_refund"`
	AccountCheck bool            `json:"account_check"` // trait account_validation
	Traits       object          `json:"traits"`
	Metadata     object          `json:"metadata"`
	PayinRef     string          `json:"payin_reference"`
	Created      time.Time       `json:"created"`
	Updated      time.Time       `json:"updated"`
	FundedAt     time.Time       `json:"funded_at"`
}

func (t *transaction) rowID() string { return t.ID }

// funded reports whether money arrived that was not given back.
func (t *transaction) funded() bool {
	switch t.State {
	case transactionReceived, transactionMispaid, transactionManual, transactionProcessing:
		return true
	}
	return false
}

// payingOut reports whether payouts go on: not during a compliance review.
func (t *transaction) payingOut() bool {
	return t.funded() && t.State != transactionProcessing
}

// unfunded reports whether the transaction waits for its sender or its money.
func (t *transaction) unfunded() bool {
	return t.State == transactionInitial || t.payable()
}

// payable reports whether the money may still come.
func (t *transaction) payable() bool {
	return t.State == transactionApproved || t.State == transactionPending
}

func (f *Fake) transactionObject(a *account, t *transaction) object {
	x, _ := a.Senders.find(t.Sender)
	recipients, payins := []any{}, []any{}
	for _, r := range a.recipientsOf(t) {
		recipients = append(recipients, f.recipientObject(a, t, r))
	}
	for _, p := range a.payinMethodsOf(t) {
		payins = append(payins, payinMethodObject(t, p))
	}
	return t.object(f.senderObject(a, x), recipients, payins)
}

func (t *transaction) object(sender object, recipients, payins []any) object {
	return object{
		"id": orNull(t.ID), "state": t.State, "state_reason": nil,
		"input_currency": t.Currency, "input_amount": number(t.Input), "paid_amount": number(t.Paid),
		"due_amount": number(t.Input.Sub(t.Paid)), "payin_reference": orNull(t.PayinRef),
		"sender": sender, "recipients": recipients, "payin_methods": payins,
		"traits": object{"auto_refund": t.AutoRefund, "account_validation": t.AccountCheck}, "external_id": orNull(t.ExternalID), "metadata": orEmpty(t.Metadata),
		"created_at": stamp(t.Created, spelledOut), "updated_at": stamp(t.Updated, spelledOut),
		"expires_at": stamp(expiry(t), spelledISO), "errors": object{},
	}
}

func expiry(t *transaction) time.Time {
	if t.Created.IsZero() {
		return time.Time{}
	}
	return t.Created.Add(transactionLife)
}

// move changes a transaction's state. The lock is held.
func (f *Fake) move(t *transaction, state string) {
	t.State = state
	t.Updated = f.now()
}

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
