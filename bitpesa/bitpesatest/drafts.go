package bitpesatest

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/shopspring/decimal"
)

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

// largestAmount bounds a requested amount (assumed).
const largestAmount = 1_000_000_000_000

// draftRecipient is a recipient of a draft.
type draftRecipient struct {
	recipient
	method *payoutMethod // a saved one, or one that is not stored yet
	in     object        // where a new payout method comes from; nil for a saved one
}

func (f *Fake) readRecipients(a *account, d *draft, quote bool) {
	list, _ := d.in["recipients"].([]any)
	if len(list) == 0 {
		d.problems.add("recipients", wordBlank)
		return
	}
	bad := false
	for _, entry := range list {
		in, ok := entry.(object)
		if !ok {
			bad = true
			continue
		}
		r, p := f.readRecipient(a, d, in, quote)
		in["errors"] = p
		bad = bad || len(p) > 0
		d.recipients = append(d.recipients, r)
		d.t.Input = d.t.Input.Add(r.Input)
	}
	if bad {
		d.problems.add("recipients", wordInvalid)
	}
}

func (f *Fake) readRecipient(a *account, d *draft, in object, quote bool) (draftRecipient, problems) {
	p := problems{}
	r := draftRecipient{recipient: recipient{State: recipientInitial, Type: text(in, "type"), RequestedIn: text(in, "requested_currency"), Metadata: child(in, "metadata")}}
	p.require(in, "requested_amount", "requested_currency")
	p.oneOf(in, "type", "person", "business")
	if r.Type == "" {
		r.Type = "person"
	}
	if r.RequestedIn != "" && !f.exchange.knows(r.RequestedIn) {
		p.add("requested_currency", wordInvalid)
	}
	if written := text(in, "requested_amount"); written != "" {
		amount, err := wire.ParseDecimal(written)
		if err != nil || !amount.IsPositive() || amount.GreaterThan(decimal.NewFromInt(largestAmount)) {
			p.add("requested_amount", wordInvalid)
		}
		r.Requested = amount
	} else if !blank(in["requested_amount"]) {
		p.add("requested_amount", wordInvalid)
	}
	f.readMethod(a, &r, in, p, quote)
	if r.method == nil || len(p) > 0 || !f.exchange.knows(d.t.Currency) {
		return r, p
	}
	if f.keys[a.Key].WTR2 && (r.method.Type == "MAD::Cash" || r.method.Type == "XOF::Cash") {
		p.add("payout_method", wordInvalid) // documented as not compatible
	}
	f.price(&r.recipient, d.t.Currency, currencyOf(r.method.Type))
	if !r.Input.IsPositive() || !r.Output.IsPositive() {
		p.add("requested_amount", wordInvalid) // nothing is left after rounding
	}
	return r, p
}

func (f *Fake) readMethod(a *account, r *draftRecipient, in object, p problems, quote bool) {
	m, ok := in["payout_method"].(object)
	if !ok || len(m) == 0 {
		p.add("payout_method", wordBlank)
		return
	}
	if id := text(m, "id"); id != "" {
		saved, known := a.PayoutMethods.find(id)
		if !known || saved.Disabled {
			m["errors"] = problems{"id": {{"error": wordInvalid}}}
			p.add("payout_method", wordInvalid)
			return
		}
		r.method = saved
		return
	}
	errors := f.checkPayoutMethod(m, r.Type == "business", !quote)
	m["errors"] = errors
	if len(errors) > 0 {
		p.add("payout_method", wordInvalid)
		return
	}
	r.in = m
	r.method = &payoutMethod{Type: text(m, "type"), Details: child(m, "details"), Metadata: child(m, "metadata")}
}

// price computes what the sender pays and the recipient gets. The requested
// currency may be the input's, the output's or a third one.
func (f *Fake) price(r *recipient, input, output string) {
	x := f.exchange
	r.OutputIn, r.Rate = output, x.rate(input, output)
	switch r.RequestedIn {
	case input:
		r.Input = x.round(r.Requested, input)
		r.Output = x.round(x.convert(r.Input, input, output), output)
	case output:
		r.Output = x.round(r.Requested, output)
		r.Input = x.round(x.convert(r.Output, output, input), input)
	default:
		r.Input = x.round(x.convert(r.Requested, r.RequestedIn, input), input)
		r.Output = x.round(x.convert(r.Requested, r.RequestedIn, output), output)
	}
	if input == output {
		r.Output = r.Input
	}
}
