package bitpesatest

import (
	"slices"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

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
