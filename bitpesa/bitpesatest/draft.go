package bitpesatest

import "slices"

// draft is a transaction as a request asks for it, checked and not yet stored.
// Errors are written into the request's own objects, which a 422 echoes.
type draft struct {
	in         object
	problems   problems
	existing   object // meta.existing
	sender     senderPlan
	recipients []draftRecipient
	payins     []object
	t          transaction
}

// readDraft checks a transaction. quote asks for amounts only: neither sender
// nor details are looked at (assumed, the vendor documents the same body).
func (f *Fake) readDraft(a *account, in object, quote bool) draft {
	d := draft{in: in, problems: problems{}}
	in["errors"] = d.problems
	d.t = transaction{
		State: transactionApproved, ExternalID: text(in, "external_id"), Currency: text(in, "input_currency"),
		Metadata: child(in, "metadata"),
	}
	d.problems.require(in, "input_currency")
	if d.t.Currency != "" && !f.exchange.knows(d.t.Currency) {
		d.problems.add("input_currency", wordInvalid)
	}
	f.readTraits(&d)
	if quote {
		d.sender, _, _ = f.planSender(a, orEmpty(child(in, "sender")), true)
	} else {
		f.readSender(a, &d)
		d.existing = f.duplicate(a, &d, d.existing)
	}
	f.readRecipients(a, &d, quote)
	if !quote {
		f.readPayins(&d)
	}
	return d
}

func (d *draft) ok() bool { return len(d.problems) == 0 }

func (d *draft) refusal() answer {
	a := invalid(d.in, d.problems)
	if d.existing != nil {
		a.body.(object)["meta"] = object{"existing": d.existing}
	}
	return a
}

func (f *Fake) readTraits(d *draft) {
	d.t.AutoRefund = f.config.Era == Today
	for name, into := range map[string]*bool{"auto_refund": &d.t.AutoRefund, "account_validation": &d.t.AccountCheck} {
		value, given := child(d.in, "traits")[name]
		if !given || value == nil {
			continue
		}
		b, isBool := value.(bool)
		if !isBool {
			d.problems.add("traits", wordInvalid)
			continue
		}
		*into = b
	}
}

func (f *Fake) readSender(a *account, d *draft) {
	in, ok := d.in["sender"].(object)
	if !ok || len(in) == 0 {
		d.problems.add("sender", wordBlank)
		return
	}
	plan, p, existing := f.planSender(a, in, true)
	in["errors"] = p
	if existing != nil {
		d.existing = object{"sender": f.senderObject(a, existing)}
	}
	if len(p) == 0 {
		switch x := f.previewSender(a, plan); x.State {
		case senderBanned, senderRejected, senderDisabled:
			p.add("state", wordInvalid)
		}
	}
	if len(p) > 0 {
		d.problems.add("sender", wordInvalid)
	}
	d.sender = plan
}

// duplicate adds the transaction that has the external_id already.
func (f *Fake) duplicate(a *account, d *draft, existing object) object {
	t := a.transactionByRef(d.t.ExternalID)
	if t == nil {
		return existing
	}
	d.problems.add("external_id", wordTaken)
	existing = orEmpty(existing)
	existing["transaction"] = f.transactionObject(a, t)
	return existing
}

func (f *Fake) readPayins(d *draft) {
	list, isList := d.in["payin_methods"].([]any)
	bad := d.in["payin_methods"] != nil && !isList
	for _, entry := range list {
		in, ok := entry.(object)
		if !ok {
			bad = true
			continue
		}
		p := f.checkPayinMethod(in, d.t.Currency)
		if slices.ContainsFunc(d.recipients, func(r draftRecipient) bool { return r.OutputIn == d.t.Currency }) {
			p.add("type", wordInvalid) // documented: one currency on both sides takes a balance
		}
		in["errors"] = p
		bad = bad || len(p) > 0
		d.payins = append(d.payins, in)
	}
	if bad {
		d.problems.add("payin_methods", wordInvalid)
	}
}

// preview is the object of a draft that is not stored.
func (f *Fake) preview(a *account, d draft) object {
	recipients, payins := []any{}, []any{}
	for _, r := range d.recipients {
		recipients = append(recipients, f.recipientWith(&d.t, &r.recipient, r.method))
	}
	for _, in := range d.payins {
		payins = append(payins, payinMethodObject(&d.t, newPayinMethod(in)))
	}
	return d.t.object(f.senderObject(a, f.previewSender(a, d.sender)), recipients, payins)
}
