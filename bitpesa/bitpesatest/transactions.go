package bitpesatest

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

// transactionLife is how long an unfunded transaction lives (documented).
const transactionLife = time.Hour

// Transaction is a transaction as the fake holds it.
type Transaction struct {
	ID           string                   `json:"id"`
	ExternalID   string                   `json:"external_id"`
	State        bitpesa.TransactionState `json:"state"`
	SenderID     string                   `json:"sender"`
	RecipientIDs []string                 `json:"recipients"`
	Currency     string                   `json:"currency"` // of the amounts below
	Input        decimal.Decimal          `json:"input"`    // to be paid in
	Paid         decimal.Decimal          `json:"paid"`     // paid in
	Refunded     decimal.Decimal          `json:"refunded"`
	Created      time.Time                `json:"created"`
	Updated      time.Time                `json:"updated"`   // when its state changed
	Funded       time.Time                `json:"funded_at"` // zero until then
}

// Transaction returns a copy of the transaction with this id.
func (f *Fake) Transaction(id string) (Transaction, bool) {
	return view(f, transactions, id, (*transaction).copied)
}

// Transactions are copies of a key's transactions, oldest first.
func (f *Fake) Transactions(key string) []Transaction {
	return views(f, key, transactions, (*transaction).copied)
}

// MoveTransaction moves a transaction along one transition. received pays it in
// from outside its balance, or ends a compliance review (processing). paid pays
// all its recipients. canceled and refunded cancel each recipient that may be
// cancelled, and give that money back. An amount that is not due is for
// PayTransaction. Errors wrap fake.ErrNotFound or fake.ErrIllegalMove.
func (f *Fake) MoveTransaction(id string, to bitpesa.TransactionState) error {
	f.world.Lock()
	defer f.world.Unlock()
	a, t := find(f.state, transactions, id)
	if t == nil {
		return notKnown("transaction", id)
	}
	if err := transactionTransitions().check("a transaction", t.State, to); err != nil {
		return err
	}
	switch {
	case to == bitpesa.TransactionReceived && t.State == bitpesa.TransactionProcessing:
		f.release(a, t)
	case to == bitpesa.TransactionReceived:
		f.fund(a, t)
	case to == bitpesa.TransactionPaid:
		f.payOutAll(a, t)
	case to == bitpesa.TransactionCanceled && t.unfunded():
		f.cancelUnfunded(a, t)
	case to == bitpesa.TransactionCanceled || to == bitpesa.TransactionRefunded:
		return f.cancelFunded(a, t, to)
	default:
		f.move(a, t, to)
		if to == bitpesa.TransactionApproved {
			f.beginPayins(a, t)
		}
	}
	return nil
}

// PayTransaction pays a transaction in from outside its account's balance, by
// its first payin method that waits for money if it has one. An amount that is
// not due makes the transaction mispaid: it is resized and pays out what came.
// Errors wrap fake.ErrNotFound, or fake.ErrIllegalMove if no money is due; an
// amount that is not above zero is refused.
func (f *Fake) PayTransaction(id string, amount decimal.Decimal) error {
	f.world.Lock()
	defer f.world.Unlock()
	a, t := find(f.state, transactions, id)
	switch {
	case t == nil:
		return notKnown("transaction", id)
	case !t.payable():
		return illegal("a transaction", t.State, bitpesa.TransactionReceived)
	case !amount.IsPositive():
		return errAmount
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

type transaction struct {
	Transaction
	PayinMethodIDs []string `json:"payin_methods"`
	FromBalance    bool     `json:"from_balance"` // funded by a debit
	AutoRefund     bool     `json:"auto_refund"`
	AccountCheck   bool     `json:"account_check"` // trait account_validation
	Metadata       object   `json:"metadata"`
	PayinRef       string   `json:"payin_reference"`
}

func (t *transaction) copied() Transaction {
	c := t.Transaction
	c.RecipientIDs = slices.Clone(c.RecipientIDs)
	return c
}

func transactionTransitions() transitions[bitpesa.TransactionState] {
	const (
		initial, approved, pending    = bitpesa.TransactionInitial, bitpesa.TransactionApproved, bitpesa.TransactionPending
		received, mispaid, manual     = bitpesa.TransactionReceived, bitpesa.TransactionMispaid, bitpesa.TransactionManual
		processing, paid              = bitpesa.TransactionProcessing, bitpesa.TransactionPaid
		canceled, refunded, exception = bitpesa.TransactionCanceled, bitpesa.TransactionRefunded, bitpesa.TransactionException
	)
	return transitions[bitpesa.TransactionState]{
		initial:    {approved, canceled, exception},
		approved:   {pending, received, canceled, exception},
		pending:    {received, canceled, exception},
		received:   {paid, processing, manual, canceled, refunded, exception},
		mispaid:    {paid, processing, manual, canceled, refunded, exception},
		manual:     {paid, processing, canceled, refunded, exception},
		processing: {received, exception},
	}
}

// funded reports whether money arrived and was not given back.
func (t *transaction) funded() bool {
	switch t.State {
	case bitpesa.TransactionReceived, bitpesa.TransactionMispaid, bitpesa.TransactionManual, bitpesa.TransactionProcessing:
		return true
	}
	return false
}

// payingOut reports whether payouts go on: not during a compliance review.
func (t *transaction) payingOut() bool {
	return t.funded() && t.State != bitpesa.TransactionProcessing
}

// unfunded reports whether the transaction waits for its sender or its money.
func (t *transaction) unfunded() bool {
	return t.State == bitpesa.TransactionInitial || t.payable()
}

// payable reports whether the money may still come.
func (t *transaction) payable() bool {
	return t.State == bitpesa.TransactionApproved || t.State == bitpesa.TransactionPending
}

// move changes a transaction's state and reports it. The lock is held.
func (f *Fake) move(a *account, t *transaction, to bitpesa.TransactionState) {
	event := "transaction." + string(to)
	switch {
	case to == bitpesa.TransactionReceived && t.State != bitpesa.TransactionProcessing:
		event = "transaction.paid_in"
	case to == bitpesa.TransactionManual:
		event = "transaction.error"
	case to == bitpesa.TransactionPaid:
		event = "transaction.paid_out"
	}
	t.State = to
	f.moved = append(f.moved, t.ID)
	t.Updated = f.now()
	f.emitTransaction(a, t, event)
}

// payOutAll pays every recipient that is not done.
func (f *Fake) payOutAll(a *account, t *transaction) {
	for _, r := range a.recipientsOf(t) {
		if !r.done() {
			f.succeedPayout(a, t, r)
		}
	}
}

// cancelFunded cancels every recipient that is not done. If a payout is under
// way, nothing is cancelled.
func (f *Fake) cancelFunded(a *account, t *transaction, to bitpesa.TransactionState) error {
	var open []*recipient
	for _, r := range a.recipientsOf(t) {
		switch {
		case r.done():
		case r.mayCancel(a.PayoutMethods.Find(r.PayoutMethodID).Type):
			open = append(open, r)
		default:
			return fmt.Errorf("%w: recipient %s is %s", illegal("a transaction", t.State, to), r.ID, r.State)
		}
	}
	for _, r := range open {
		f.moveRecipient(a, t, r, bitpesa.RecipientCanceled)
	}
	f.finish(a, t)
	return nil
}

// release lets the payouts go on after a compliance review.
func (f *Fake) release(a *account, t *transaction) {
	f.move(a, t, bitpesa.TransactionReceived)
	for _, r := range a.recipientsOf(t) {
		switch {
		case r.State == bitpesa.RecipientPending:
			f.world.After(f.config.EndsAfter, name, eventPayout, payoutKey(r))
		case r.retriable():
			f.startPayout(a, t, r)
		}
	}
	f.finish(a, t)
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

// mispay takes an amount that was not due, by a payin method if p is not nil.
// What the recipients get shrinks or grows with it. The lock is held.
func (f *Fake) mispay(a *account, t *transaction, p *payinMethod, amount decimal.Decimal) {
	all := a.recipientsOf(t)
	left := amount
	for i, r := range all {
		share := left
		if i < len(all)-1 {
			share = f.exchange.round(amount.Mul(r.Input).DivRound(t.Input, 20), t.Currency)
			share = decimal.Min(share, left)
		}
		left = left.Sub(share)
		r.Input = share
		r.Output = f.exchange.round(f.exchange.convert(share, t.Currency, r.OutputCurrency), r.OutputCurrency)
	}
	t.Input, t.Paid = amount, amount
	if p != nil {
		f.movePayin(a, t, p, bitpesa.PayinMispaid, "", "payin_method.mispaid")
	}
	for _, other := range a.payinMethodsOf(t) {
		f.endPayin(a, t, other)
	}
	f.move(a, t, bitpesa.TransactionMispaid)
	f.startPayouts(a, t)
}

// expire cancels a transaction that was not funded in its hour.
func (f *Fake) expire(id string) {
	a, t := find(f.state, transactions, id)
	if t != nil && (t.State == bitpesa.TransactionInitial || t.State == bitpesa.TransactionApproved) {
		f.cancelUnfunded(a, t)
	}
}

// cancelUnfunded ends a transaction without money.
func (f *Fake) cancelUnfunded(a *account, t *transaction) {
	for _, r := range a.recipientsOf(t) {
		f.moveRecipient(a, t, r, bitpesa.RecipientCanceled)
	}
	for _, p := range a.payinMethodsOf(t) {
		f.endPayin(a, t, p)
	}
	f.move(a, t, bitpesa.TransactionCanceled)
}

// approveWaiting opens the transactions that waited for their sender.
func (f *Fake) approveWaiting(a *account, x *Sender) {
	for _, t := range a.Transactions.All() {
		if t.SenderID == x.ID && t.State == bitpesa.TransactionInitial {
			f.move(a, t, bitpesa.TransactionApproved)
			f.beginPayins(a, t)
		}
	}
}

func (f *Fake) listTransactions(c *call) response {
	match, ok := c.createdWithin()
	if !ok {
		return badRequest()
	}
	externalID, senderID := c.query.Get("external_id"), c.query.Get("sender_id")
	rows := newest(&c.account.Transactions, func(t *transaction) bool {
		return match(t.Created) && (externalID == "" || t.ExternalID == externalID) && (senderID == "" || t.SenderID == senderID)
	})
	return page(c, rows, func(t *transaction) object { return f.transactionObject(c.account, t) })
}

func (f *Fake) getTransaction(c *call, t *transaction) response {
	return success(f.transactionObject(c.account, t))
}

func (f *Fake) createTransaction(c *call, in object) response {
	d := f.readDraft(c.account, in, false)
	if !d.ok() {
		return d.refusal()
	}
	return created(f.transactionObject(c.account, f.store(c.account, d)))
}

// createAndFund does both or nothing: after a 422 there is no transaction.
func (f *Fake) createAndFund(c *call, in object) response {
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

func (f *Fake) calculate(c *call, in object) response { return f.rehearse(c, in, true) }
func (f *Fake) validate(c *call, in object) response  { return f.rehearse(c, in, false) }

// rehearse shows a transaction as it would be, and leaves nothing behind.
func (f *Fake) rehearse(c *call, in object, quote bool) response {
	d := f.readDraft(c.account, in, quote)
	if !d.ok() {
		return d.refusal()
	}
	if !f.usableAfter(c.account, d.sender) {
		d.t.State = bitpesa.TransactionInitial
	}
	return success(f.preview(c.account, d))
}

// sandboxPayIn pays a transaction in, in full: a call of the vendor's sandbox.
func (f *Fake) sandboxPayIn(c *call, t *transaction) response {
	in, ok := c.wrapped("payin_method")
	if !ok {
		return badRequest()
	}
	if p := f.checkPayinMethod(in, t.Currency); len(p) > 0 {
		return invalid(in, p)
	}
	needsBalance := slices.ContainsFunc(c.account.recipientsOf(t), func(r *recipient) bool { return r.OutputCurrency == t.Currency })
	switch {
	case !t.payable():
		return invalid(in, sentence("Transaction cannot be paid in"))
	case needsBalance:
		return invalid(in, sentence("One currency on both sides needs an account balance"))
	}
	f.collect(c.account, t, f.payinMethodFor(c.account, t, in))
	return success(f.transactionObject(c.account, t))
}

// payinMethodFor is the transaction's payin method of that type, or a new one.
func (f *Fake) payinMethodFor(a *account, t *transaction, in object) *payinMethod {
	for _, p := range a.payinMethodsOf(t) {
		if p.Type == text(in, "type") && !p.finished() {
			return p
		}
	}
	return f.addPayinMethod(a, t, in)
}

// sandboxPayOut makes a funded transaction paid: a call of the vendor's sandbox.
// Any other transaction gets 422 (assumed).
func (f *Fake) sandboxPayOut(c *call, t *transaction) response {
	if !t.payingOut() {
		return invalid(f.transactionObject(c.account, t), sentence("Transaction is not funded or is paid out"))
	}
	f.payOutAll(c.account, t)
	return success(f.transactionObject(c.account, t))
}

func (f *Fake) transactionObject(a *account, t *transaction) object {
	all, payins := []any{}, []any{}
	for _, r := range a.recipientsOf(t) {
		all = append(all, f.recipientObject(a, t, r))
	}
	for _, p := range a.payinMethodsOf(t) {
		payins = append(payins, f.payinMethodObject(t, p))
	}
	return f.transactionWith(t, f.senderObject(a, a.Senders.Find(t.SenderID)), all, payins)
}

func (f *Fake) transactionWith(t *transaction, sender object, recipients, payins []any) object {
	expires := time.Time{}
	if !t.Created.IsZero() {
		expires = t.Created.Add(transactionLife)
	}
	return object{
		"id": orNull(t.ID), "state": t.State, "state_reason": nil,
		"input_currency": t.Currency, "input_amount": number(t.Input), "paid_amount": number(t.Paid),
		"due_amount": number(t.Input.Sub(t.Paid)), "payin_reference": orNull(t.PayinRef),
		"sender": sender, "recipients": recipients, "payin_methods": payins,
		"traits":      object{"auto_refund": t.AutoRefund, "account_validation": t.AccountCheck},
		"external_id": orNull(t.ExternalID), "metadata": orEmpty(t.Metadata),
		"created_at": f.stamp(t.Created, spelledOut), "updated_at": f.stamp(t.Updated, spelledOut),
		"expires_at": f.stamp(expires, spelledISO), "errors": object{},
	}
}
