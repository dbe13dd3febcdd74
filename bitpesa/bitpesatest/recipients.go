package bitpesatest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/shopspring/decimal"
)

// SetRecipientState moves a recipient of a funded transaction along one arrow.
// code is the reason of an error, such as "416" for a bad account number; empty
// means "3", trouble that passes. canceled and refunded mean the same: the money
// goes back when all recipients are done.
func (f *Fake) SetRecipientState(id string, to bitpesa.RecipientState, code string) error {
	state := string(to)
	f.world.Lock()
	defer f.world.Unlock()
	a, r := f.state.recipient(id)
	if r == nil {
		return notKnown("recipient", id)
	}
	if code == "" {
		code = "3"
	}
	if !slices.Contains([]string{categoryTemporary, categoryRecipient, categorySender}, category(code)) {
		return fmt.Errorf("%w: %q is no code of an error", ErrState, code)
	}
	t, _ := a.Transactions.find(r.Transaction)
	open := []string{recipientPending, recipientError, recipientManual, recipientStuck}
	from := map[string][]string{
		recipientPending:   {recipientError, recipientManual, recipientStuck},
		recipientSuccess:   open,
		recipientError:     {recipientPending, recipientStuck},
		recipientManual:    {recipientPending, recipientError},
		recipientStuck:     {recipientPending},
		recipientOverpaid:  open,
		recipientCanceled:  open,
		recipientRefunded:  open,
		recipientException: open,
	}
	if err := checkArrow("a recipient", from, r.State, state); err != nil {
		return err
	}
	if !t.payingOut() {
		return fmt.Errorf("%w: its transaction is %s", illegal("a recipient", r.State, state), t.State)
	}
	switch state {
	case recipientPending:
		f.startPayout(a, t, r)
	case recipientSuccess:
		f.succeedPayout(a, t, r)
	case recipientError:
		f.failPayout(a, t, r, code)
	case recipientCanceled, recipientRefunded:
		r.State = recipientCanceled
		f.settle(a, t)
	default:
		r.State = state
		f.settle(a, t)
	}
	return nil
}

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

// listRecipients filters by amount only together with a currency.
func (f *Fake) listRecipients(c *call) answer {
	match, ok := c.createdWithin()
	from, okFrom := readAmount(c.query.Get("amount_from"))
	to, okTo := readAmount(c.query.Get("amount_to"))
	states, currencies := c.values("state"), c.values("currency")
	if !ok || !okFrom || !okTo || (from.Valid || to.Valid) && len(currencies) == 0 {
		return badRequest()
	}
	a := c.account
	rows := a.Recipients.newest(func(r *recipient) bool {
		t, _ := a.Transactions.find(r.Transaction)
		return match(r.Created) && (len(states) == 0 || slices.Contains(states, r.State)) &&
			(len(currencies) == 0 || slices.Contains(currencies, t.Currency)) &&
			(!from.Valid || r.Input.GreaterThanOrEqual(from.Decimal)) && (!to.Valid || r.Input.LessThanOrEqual(to.Decimal))
	})
	return page(c, rows, func(r *recipient) object {
		t, _ := a.Transactions.find(r.Transaction)
		return f.recipientObject(a, t, r)
	})
}

func readAmount(text string) (d decimal.NullDecimal, ok bool) {
	if text == "" {
		return d, true
	}
	v, err := wire.ParseDecimal(text)
	return decimal.NewNullDecimal(v), err == nil
}

// updateRecipient corrects a recipient. One that failed is tried again at once;
// of one that is being paid the change counts when that fails.
func (f *Fake) updateRecipient(c *call) answer {
	a := c.account
	r, ok := a.Recipients.find(c.params[0])
	if !ok {
		return notFound()
	}
	in, ok := c.wrapped("recipient")
	if !ok {
		return badRequest()
	}
	t, _ := a.Transactions.find(r.Transaction)
	if !r.editable() {
		return invalid(f.recipientObject(a, t, r), sentence("Recipient is not editable"))
	}
	if p := f.changeRecipient(a, r, in); len(p) > 0 {
		return invalid(in, p)
	}
	switch {
	case !t.funded():
	case r.State == recipientPending:
		r.Edited = true
	default:
		r.Failures = 0
		f.startPayout(a, t, r)
	}
	return success(f.recipientObject(a, t, r))
}

// changeRecipient checks a change and carries it out. What is paid and in which
// currency was agreed with the transaction and stays (assumed).
func (f *Fake) changeRecipient(a *account, r *recipient, in object) problems {
	p := problems{}
	if !blank(in["requested_amount"]) && !sameAmount(text(in, "requested_amount"), r.Requested) {
		p.add("requested_amount", wordInvalid)
	}
	p.oneOf(in, "requested_currency", r.RequestedIn)
	p.oneOf(in, "type", "person", "business")
	m, _ := a.PayoutMethods.find(r.PayoutMethod)
	kind := r.Type
	if k := text(in, "type"); k != "" {
		kind = k
	}
	payoutType, details := m.Type, m.Details
	if change := child(in, "payout_method"); change != nil {
		var errors problems
		payoutType, details, errors = f.changedMethod(m, change, kind == "business")
		change["errors"] = errors
		if len(errors) > 0 {
			p.add("payout_method", wordInvalid)
		}
	}
	if len(p) > 0 {
		return p
	}
	if m.Saved { // a saved method stays what it was for others
		m = f.addPayoutMethod(a, object{"type": m.Type, "metadata": m.Metadata}, m.Sender)
		r.PayoutMethod = m.ID
	}
	m.Type, m.Details, r.Type = payoutType, details, kind
	if md := child(in, "metadata"); md != nil {
		r.Metadata = merged(md, pick(r.Metadata, []string{"payment_reference"})) // a pickup keeps its reference
	}
	return nil
}

func sameAmount(text string, d decimal.Decimal) bool {
	v, err := wire.ParseDecimal(text)
	return err == nil && v.Equal(d)
}

// deleteRecipient cancels. A payout under way is cancelled only when it fails:
// today that is noted, in the BitPesa era refused.
func (f *Fake) deleteRecipient(c *call) answer {
	a := c.account
	r, ok := a.Recipients.find(c.params[0])
	if !ok {
		return notFound()
	}
	t, _ := a.Transactions.find(r.Transaction)
	m, _ := a.PayoutMethods.find(r.PayoutMethod)
	switch {
	case !t.funded() && !t.unfunded():
		return invalid(f.recipientObject(a, t, r), sentence("Recipient cannot be cancelled"))
	case r.mayCancel(m.Type):
		f.cancelRecipient(a, t, r)
	case r.State == recipientPending && f.config.Era == Today:
		r.CancelRequested = true
	default:
		return invalid(f.recipientObject(a, t, r), sentence("Recipient cannot be cancelled"))
	}
	return success(f.recipientObject(a, t, r))
}

// cancelRecipient stops a payout. A transaction nobody paid for ends with any of
// its recipients; a funded one when all that can be are cancelled.
func (f *Fake) cancelRecipient(a *account, t *transaction, r *recipient) {
	if !t.funded() {
		f.cancelUnfunded(a, t)
		return
	}
	r.State = recipientCanceled
	f.settle(a, t)
}

// listProofs has one file for a recipient that was paid.
func (f *Fake) listProofs(c *call) answer {
	r, ok := c.account.Recipients.find(c.params[0])
	if !ok {
		return notFound()
	}
	if r.State != recipientSuccess {
		return invalid(object{}, sentence("Recipient is not paid"))
	}
	id := f.derivedID("proof", r.ID)
	files := f.world.ExternalURL(c.request)
	files.RawQuery = ""
	return success([]any{object{
		"id": id, "file_name": "proof_of_payment.pdf",
		"thumbnail": files.String() + "/" + id + ".png", "url": files.String() + "/" + id + ".pdf",
	}})
}

// mandate is what some recipients have to sign before they are paid.
type mandate struct {
	ID      string    `json:"id"`
	Status  string    `json:"status"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Signed  time.Time `json:"signed"`
}

func (m *mandate) rowID() string { return m.ID }

// getMandate does not know mandates from another year, as documented.
func (f *Fake) getMandate(c *call) answer {
	m, ok := c.account.Mandates.find(c.params[0])
	if !ok || m.Created.Year() != f.now().Year() {
		return notFound()
	}
	return success(object{
		"id": m.ID, "status": m.Status, "type_id": nil, "reference": strings.ToUpper(m.ID[:8]),
		"signed_at": stamp(m.Signed, spelledISO), "created_at": stamp(m.Created, spelledISO), "updated_at": stamp(m.Updated, spelledISO),
	})
}

// SetMandate gives a recipient a mandate, or the one it has a new status. It
// returns the mandate's id.
func (f *Fake) SetMandate(recipientID string, status bitpesa.MandateStatus) (string, error) {
	switch status {
	case bitpesa.MandatePending, bitpesa.MandateNotified, bitpesa.MandateSigned, bitpesa.MandateFailed, bitpesa.MandateBypassed:
	default:
		return "", fmt.Errorf("%w %q of a mandate", ErrState, status)
	}
	f.world.Lock()
	defer f.world.Unlock()
	a, r := f.state.recipient(recipientID)
	if r == nil {
		return "", notKnown("recipient", recipientID)
	}
	m, ok := a.Mandates.find(r.Mandate)
	if !ok {
		m = &mandate{ID: f.newID(), Created: f.now()}
		a.Mandates.add(m)
		r.Mandate = m.ID
	}
	m.Status, m.Updated = string(status), f.now()
	if status == bitpesa.MandateSigned {
		m.Signed = f.now()
	}
	return m.ID, nil
}
