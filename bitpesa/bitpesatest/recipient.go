package bitpesatest

import (
	"time"

	"github.com/shopspring/decimal"
)

// States of a recipient, as documented.
const (
	recipientInitial   = "initial"
	recipientPending   = "pending"
	recipientSuccess   = "success"
	recipientError     = "error"
	recipientRefunded  = "refunded"
	recipientManual    = "manual"
	recipientStuck     = "stuck"
	recipientOverpaid  = "overpaid"
	recipientCanceled  = "canceled"
	recipientException = "exception"
)

type recipient struct {
	ID              string          `json:"id"`
	Transaction     string          `json:"transaction"`
	State           string          `json:"state"`
	Type            string          `json:"type"`
	Requested       decimal.Decimal `json:"requested"`
	RequestedIn     string          `json:"requested_in"`
	Rate            decimal.Decimal `json:"rate"`
	Input           decimal.Decimal `json:"input"`
	Output          decimal.Decimal `json:"output"`
	OutputIn        string          `json:"output_in"`
	PayoutMethod    string          `json:"payout_method"`
	Metadata        object          `json:"metadata"`
	Code            string          `json:"code"`    // of its state_reason_details
	Blocked         string          `json:"blocked"` // why an account validation stopped the payout
	Attempt         int             `json:"attempt"` // payouts begun
	Failures        int             `json:"failures"`
	Edited          bool            `json:"edited"`           // while a payout was pending
	CancelRequested bool            `json:"cancel_requested"` // while a payout was pending
	Mandate         string          `json:"mandate"`
	Created         time.Time       `json:"created"`
}

func (r *recipient) rowID() string { return r.ID }

// settled reports whether nothing can happen to the recipient's money any more.
func (r *recipient) settled() bool {
	switch r.State {
	case recipientSuccess, recipientOverpaid, recipientCanceled, recipientRefunded:
		return true
	}
	return false
}

// mayCancel is the flag may_cancel: a payout under way cannot be stopped, unless
// the money waits to be picked up.
func (r *recipient) mayCancel(payoutType string) bool {
	switch r.State {
	case recipientInitial, recipientError, recipientManual:
		return true
	case recipientPending:
		return cash(payoutType)
	}
	return false
}

// editable is the flag of that name. A change of a pending payout counts when
// that payout fails.
func (r *recipient) editable() bool {
	switch r.State {
	case recipientInitial, recipientPending, recipientError, recipientManual:
		return category(r.Code) != categorySender
	}
	return false
}

func (r *recipient) retriable() bool {
	return r.State == recipientError && category(r.Code) == categoryTemporary
}

func (f *Fake) recipientObject(a *account, t *transaction, r *recipient) object {
	m, _ := a.PayoutMethods.find(r.PayoutMethod)
	return f.recipientWith(t, r, m)
}

func (f *Fake) recipientWith(t *transaction, r *recipient, m *payoutMethod) object {
	why := explain(r.Code)
	stateReason := orNull(why.description)
	if r.Blocked != "" {
		stateReason = r.Blocked
	}
	out := object{
		"id": orNull(r.ID), "type": r.Type, "state": r.State, "state_reason": stateReason, "state_reason_details": why.object(),
		"editable": r.editable(), "retriable": r.retriable(), "may_cancel": r.mayCancel(m.Type),
		"transaction_id": orNull(t.ID), "transaction_external_id": orNull(t.ExternalID), "transaction_state": t.State,
		"requested_amount": number(r.Requested), "requested_currency": r.RequestedIn,
		"exchange_rate": number(r.Rate), "fee_fractional": number(decimal.Zero),
		"input_usd_amount": number(f.exchange.convert(r.Input, t.Currency, "USD").Truncate(2)),
		"input_amount":     number(r.Input), "input_currency": t.Currency,
		"output_amount": number(r.Output), "output_currency": r.OutputIn,
		"payout_method": f.payoutMethodObject(m), "metadata": orEmpty(r.Metadata), "mandate_id": orNull(r.Mandate),
		"created_at": stamp(r.Created, spelledISO), "errors": object{},
	}
	if f.config.Era == BitPesa {
		out["external_id"] = orNull(t.ExternalID)
	}
	return out
}
