package bitpesatest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Recipient is a recipient as the fake holds it.
type Recipient struct {
	ID                string                 `json:"id"`
	TransactionID     string                 `json:"transaction"`
	State             bitpesa.RecipientState `json:"state"`
	Code              string                 `json:"code"` // of its state_reason_details
	Requested         decimal.Decimal        `json:"requested"`
	RequestedCurrency string                 `json:"requested_in"`
	Input             decimal.Decimal        `json:"input"`  // paid in, in the transaction's currency
	Output            decimal.Decimal        `json:"output"` // paid out
	OutputCurrency    string                 `json:"output_in"`
	Account           string                 `json:"account,omitempty"` // where the money goes: a bank account, IBAN, PIX key, address or phone number
	Attempt           int                    `json:"attempt"`           // payouts begun
	MandateID         string                 `json:"mandate"`
	Created           time.Time              `json:"created"`
}

// Recipient returns a copy of the recipient with this id.
func (f *Fake) Recipient(id string) (Recipient, bool) {
	return view(f, recipients, id, f.shown)
}

// Recipients are copies of a key's recipients, oldest first.
func (f *Fake) Recipients(key string) []Recipient {
	return views(f, key, recipients, f.shown)
}

// MoveRecipient moves a recipient of a funded transaction along one transition.
// code is the reason of an error, such as "416" for a bad account number; empty
// means "3", a temporary error. canceled and refunded mean the same: the money
// goes back once all recipients are done. Errors wrap fake.ErrNotFound or
// fake.ErrIllegalMove.
func (f *Fake) MoveRecipient(id string, to bitpesa.RecipientState, code string) error {
	f.world.Lock()
	defer f.world.Unlock()
	a, r := find(f.state, recipients, id)
	if r == nil {
		return notKnown("recipient", id)
	}
	if code == "" {
		code = "3"
	}
	if !slices.Contains([]string{categoryTemporary, categoryRecipient, categorySender}, category(code)) {
		return fmt.Errorf("bitpesatest: %w: %q is no code of an error: %w", fake.ErrIllegalMove, code, errUnknownState)
	}
	t := a.Transactions.Find(r.TransactionID)
	if err := recipientTransitions().check("a recipient", r.State, to); err != nil {
		return err
	}
	if !t.payingOut() {
		return fmt.Errorf("%w: its transaction is %s", illegal("a recipient", r.State, to), t.State)
	}
	switch to {
	case bitpesa.RecipientPending:
		f.startPayout(a, t, r)
	case bitpesa.RecipientSuccess:
		f.succeedPayout(a, t, r)
	case bitpesa.RecipientError:
		f.failPayout(a, t, r, code)
	case bitpesa.RecipientCanceled, bitpesa.RecipientRefunded:
		f.moveRecipient(a, t, r, bitpesa.RecipientCanceled)
		f.finish(a, t)
	default:
		f.moveRecipient(a, t, r, to)
		f.finish(a, t)
	}
	return nil
}

// moveRecipient changes a recipient's state and reports it. The lock is held.
func (f *Fake) moveRecipient(a *account, t *transaction, r *recipient, to bitpesa.RecipientState) {
	event := "recipient." + string(to)
	if to == bitpesa.RecipientSuccess {
		event = "recipient.paid_out"
	}
	r.State = to
	f.world.Touch(name, r.ID)
	f.moved = append(f.moved, r.ID)
	f.emit(a, event, t.ID, func() object { return f.recipientObject(a, t, r) }) // in order with its transaction's events
}

// Mandate is a permission which a recipient signs before the payout.
type Mandate struct {
	ID      string                `json:"id"`
	Status  bitpesa.MandateStatus `json:"status"`
	Created time.Time             `json:"created"`
	Updated time.Time             `json:"updated"`
	Signed  time.Time             `json:"signed"` // zero until then
}

// Mandate returns a copy of the mandate with this id.
func (f *Fake) Mandate(id string) (Mandate, bool) { return view(f, mandates, id, (*Mandate).copied) }

// Mandates are copies of a key's mandates, oldest first.
func (f *Fake) Mandates(key string) []Mandate { return views(f, key, mandates, (*Mandate).copied) }

// AddMandate gives a recipient a pending mandate and returns its id. Errors wrap
// fake.ErrNotFound, or fake.ErrIllegalMove if the recipient has a mandate.
func (f *Fake) AddMandate(recipientID string) (string, error) {
	f.world.Lock()
	defer f.world.Unlock()
	a, r := find(f.state, recipients, recipientID)
	switch {
	case r == nil:
		return "", notKnown("recipient", recipientID)
	case r.MandateID != "":
		return "", fmt.Errorf("bitpesatest: %w: recipient %s has a mandate", fake.ErrIllegalMove, recipientID)
	}
	m := &Mandate{ID: f.newID(), Status: bitpesa.MandatePending, Created: f.now(), Updated: f.now()}
	a.Mandates.Add(m)
	r.MandateID = m.ID
	return m.ID, nil
}

// MoveMandate gives a mandate a status. No document states an order, so each
// status may follow each other. Errors wrap fake.ErrNotFound, or
// fake.ErrIllegalMove for an unknown status.
func (f *Fake) MoveMandate(id string, to bitpesa.MandateStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	_, m := find(f.state, mandates, id)
	if m == nil {
		return notKnown("mandate", id)
	}
	switch to {
	case bitpesa.MandatePending, bitpesa.MandateNotified, bitpesa.MandateSigned, bitpesa.MandateFailed, bitpesa.MandateBypassed:
	default:
		return illegal("a mandate", m.Status, to)
	}
	m.Status, m.Updated = to, f.now()
	if to == bitpesa.MandateSigned {
		m.Signed = f.now()
	}
	return nil
}

type recipient struct {
	Recipient
	Type            string          `json:"type"`
	Rate            decimal.Decimal `json:"rate"`
	PayoutMethodID  string          `json:"payout_method"`
	Metadata        object          `json:"metadata"`
	Blocked         string          `json:"blocked"` // why an account validation stopped the payout
	Failures        int             `json:"failures"`
	Edited          bool            `json:"edited"`           // while a payout was pending
	CancelRequested bool            `json:"cancel_requested"` // while a payout was pending
}

// shown is a recipient with the account of its payout method, which may change.
func (f *Fake) shown(r *recipient) Recipient {
	out := r.Recipient
	if _, m := find(f.state, payoutMethods, r.PayoutMethodID); m != nil {
		out.Account = m.account()
	}
	return out
}

func (m *Mandate) copied() Mandate { return *m }

func recipientTransitions() transitions[bitpesa.RecipientState] {
	const (
		pending, success, failed = bitpesa.RecipientPending, bitpesa.RecipientSuccess, bitpesa.RecipientError
		manual, stuck, overpaid  = bitpesa.RecipientManual, bitpesa.RecipientStuck, bitpesa.RecipientOverpaid
		canceled, refunded       = bitpesa.RecipientCanceled, bitpesa.RecipientRefunded
		exception                = bitpesa.RecipientException
	)
	return transitions[bitpesa.RecipientState]{
		pending: {success, failed, manual, stuck, overpaid, canceled, refunded, exception},
		failed:  {pending, manual, success, overpaid, canceled, refunded, exception},
		manual:  {success, pending, overpaid, canceled, refunded, exception},
		stuck:   {success, pending, failed, overpaid, canceled, refunded, exception},
	}
}

// done reports whether nothing can happen to the recipient's money any more.
func (r *recipient) done() bool {
	switch r.State {
	case bitpesa.RecipientSuccess, bitpesa.RecipientOverpaid, bitpesa.RecipientCanceled, bitpesa.RecipientRefunded:
		return true
	}
	return false
}

// mayCancel is the flag may_cancel. A pending payout cannot be cancelled, unless
// the money waits for its pickup.
func (r *recipient) mayCancel(payoutType string) bool {
	switch r.State {
	case bitpesa.RecipientInitial, bitpesa.RecipientError, bitpesa.RecipientManual:
		return true
	case bitpesa.RecipientPending:
		return cash(payoutType)
	}
	return false
}

// editable is the flag of that name. A change of a pending payout takes effect
// if that payout fails.
func (r *recipient) editable() bool {
	switch r.State {
	case bitpesa.RecipientInitial, bitpesa.RecipientPending, bitpesa.RecipientError, bitpesa.RecipientManual:
		return category(r.Code) != categorySender
	}
	return false
}

func (r *recipient) retriable() bool {
	return r.State == bitpesa.RecipientError && category(r.Code) == categoryTemporary
}

// listRecipients filters by amount only together with a currency.
func (f *Fake) listRecipients(c *call) response {
	match, ok := c.createdWithin()
	from, okFrom := readAmount(c.query.Get("amount_from"))
	to, okTo := readAmount(c.query.Get("amount_to"))
	states, currencies := c.values("state"), c.values("currency")
	if !ok || !okFrom || !okTo || (from.Valid || to.Valid) && len(currencies) == 0 {
		return badRequest()
	}
	a := c.account
	rows := newest(&a.Recipients, func(r *recipient) bool {
		return match(r.Created) && (len(states) == 0 || slices.Contains(states, string(r.State))) &&
			(len(currencies) == 0 || slices.Contains(currencies, a.Transactions.Find(r.TransactionID).Currency)) &&
			(!from.Valid || r.Input.GreaterThanOrEqual(from.Decimal)) && (!to.Valid || r.Input.LessThanOrEqual(to.Decimal))
	})
	return page(c, rows, func(r *recipient) object { return f.recipientObject(a, a.Transactions.Find(r.TransactionID), r) })
}

func readAmount(text string) (d decimal.NullDecimal, ok bool) {
	if text == "" {
		return d, true
	}
	v, err := wire.ParseDecimal(text)
	return decimal.NewNullDecimal(v), err == nil
}

func sameAmount(text string, d decimal.Decimal) bool {
	v, err := wire.ParseDecimal(text)
	return err == nil && v.Equal(d)
}

// updateRecipient corrects a recipient. A failed payout is tried again at once.
// The change of a pending payout takes effect if that payout fails.
func (f *Fake) updateRecipient(c *call, r *recipient) response {
	a, t := c.account, c.account.Transactions.Find(r.TransactionID)
	in, ok := c.wrapped("recipient")
	if !ok {
		return badRequest()
	}
	if !r.editable() {
		return invalid(f.recipientObject(a, t, r), sentence("Recipient is not editable"))
	}
	if p := f.changeRecipient(a, r, in); len(p) > 0 {
		return invalid(in, p)
	}
	switch {
	case !t.funded():
	case r.State == bitpesa.RecipientPending:
		r.Edited = true
	default:
		r.Failures = 0
		f.startPayout(a, t, r)
	}
	return success(f.recipientObject(a, t, r))
}

// changeRecipient checks a change and carries it out. Amount and currency were
// agreed with the transaction and stay (assumed).
func (f *Fake) changeRecipient(a *account, r *recipient, in object) problems {
	p := problems{}
	if !blank(in["requested_amount"]) && !sameAmount(text(in, "requested_amount"), r.Requested) {
		p.add("requested_amount", wordInvalid)
	}
	p.same(in, "requested_currency", r.RequestedCurrency)
	p.texts(in, "type")
	m := a.PayoutMethods.Find(r.PayoutMethodID)
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
	if m.Saved { // other recipients may use the saved method
		m = f.addPayoutMethod(a, object{"type": m.Type, "metadata": m.Metadata}, m.Sender)
		r.PayoutMethodID = m.ID
	}
	m.Type, m.Details, r.Type = payoutType, details, kind
	if md := child(in, "metadata"); md != nil {
		r.Metadata = merged(md, pick(r.Metadata, []string{"payment_reference"})) // a pickup keeps its reference
	}
	return nil
}

// deleteRecipient cancels. A pending payout is cancelled only if it fails: today
// the request is noted, in VersionBitPesa it is refused. A transaction without
// money ends with any of its recipients.
func (f *Fake) deleteRecipient(c *call, r *recipient) response {
	a, t := c.account, c.account.Transactions.Find(r.TransactionID)
	switch mayCancel := r.mayCancel(a.PayoutMethods.Find(r.PayoutMethodID).Type); {
	case mayCancel && t.unfunded():
		f.cancelUnfunded(a, t)
	case mayCancel && t.funded():
		f.moveRecipient(a, t, r, bitpesa.RecipientCanceled)
		f.finish(a, t)
	case r.State == bitpesa.RecipientPending && t.funded() && f.config.APIVersion == VersionToday:
		r.CancelRequested = true
	default:
		return invalid(f.recipientObject(a, t, r), sentence("Recipient cannot be cancelled"))
	}
	return success(f.recipientObject(a, t, r))
}

// listProofs has one file for a paid recipient.
func (f *Fake) listProofs(c *call, r *recipient) response {
	if r.State != bitpesa.RecipientSuccess {
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

// getMandate does not know the mandates of another year (documented).
func (f *Fake) getMandate(_ *call, m *Mandate) response {
	if m.Created.Year() != f.now().Year() {
		return notFound()
	}
	return success(object{
		"id": m.ID, "status": m.Status, "type_id": nil, "reference": strings.ToUpper(m.ID[:8]),
		"signed_at": f.stamp(m.Signed, spelledISO), "created_at": f.stamp(m.Created, spelledISO), "updated_at": f.stamp(m.Updated, spelledISO),
	})
}

func (f *Fake) recipientObject(a *account, t *transaction, r *recipient) object {
	return f.recipientWith(t, r, a.PayoutMethods.Find(r.PayoutMethodID))
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
		"requested_amount": number(r.Requested), "requested_currency": r.RequestedCurrency,
		"exchange_rate": number(r.Rate), "fee_fractional": number(decimal.Zero),
		"input_usd_amount": number(f.exchange.convert(r.Input, t.Currency, "USD").Truncate(2)),
		"input_amount":     number(r.Input), "input_currency": t.Currency,
		"output_amount": number(r.Output), "output_currency": r.OutputCurrency,
		"payout_method": f.payoutMethodObject(m), "metadata": orEmpty(r.Metadata), "mandate_id": orNull(r.MandateID),
		"created_at": f.stamp(r.Created, spelledISO), "errors": object{},
	}
	if f.config.APIVersion == VersionBitPesa {
		out["external_id"] = orNull(t.ExternalID)
	}
	return out
}
