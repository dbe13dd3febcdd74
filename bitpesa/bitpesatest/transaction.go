package bitpesatest

import (
	"time"

	"github.com/shopspring/decimal"
)

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
