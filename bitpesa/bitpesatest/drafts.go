package bitpesatest

import (
	"slices"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// draft is a transaction as a request asks for it: checked, and not stored yet.
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

// readDraft checks a transaction. A quote asks for amounts only: it ignores
// sender and details (assumed; the vendor documents the same body).
func (f *Fake) readDraft(a *account, in object, quote bool) draft {
	d := draft{in: in, problems: problems{}}
	in["errors"] = d.problems
	d.t.State, d.t.ExternalID, d.t.Currency = bitpesa.TransactionApproved, text(in, "external_id"), text(in, "input_currency")
	d.t.Metadata = child(in, "metadata")
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

func (d *draft) refusal() response {
	out := invalid(d.in, d.problems)
	if d.existing != nil {
		out = out.withMeta(object{"existing": d.existing})
	}
	return out
}

func (f *Fake) readTraits(d *draft) {
	d.t.AutoRefund = f.config.APIVersion == VersionToday
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
		case bitpesa.SenderBanned, bitpesa.SenderRejected, bitpesa.SenderDisabled:
			p.add("state", wordInvalid)
		}
	}
	if len(p) > 0 {
		d.problems.add("sender", wordInvalid)
	}
	d.sender = plan
}

// duplicate adds the transaction that already has the external_id.
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
		if slices.ContainsFunc(d.recipients, func(r draftRecipient) bool { return r.OutputCurrency == d.t.Currency }) {
			p.add("type", wordInvalid) // one currency on both sides needs a balance (documented)
		}
		in["errors"] = p
		bad = bad || len(p) > 0
		d.payins = append(d.payins, in)
	}
	if bad {
		d.problems.add("payin_methods", wordInvalid)
	}
}

// preview is the object of a draft.
func (f *Fake) preview(a *account, d draft) object {
	recipients, payins := []any{}, []any{}
	for _, r := range d.recipients {
		recipients = append(recipients, f.recipientWith(&d.t, &r.recipient, r.method))
	}
	for _, in := range d.payins {
		payins = append(payins, f.payinMethodObject(&d.t, newPayinMethod(in)))
	}
	return f.transactionWith(&d.t, f.senderObject(a, f.previewSender(a, d.sender)), recipients, payins)
}

// largestAmount bounds a requested amount (assumed).
const largestAmount = 1_000_000_000_000

// draftRecipient is a recipient of a draft.
type draftRecipient struct {
	recipient
	method *payoutMethod // saved, or not stored yet
	in     object        // of a new payout method; nil for a saved one
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
	r := draftRecipient{}
	r.State, r.Type, r.RequestedCurrency = bitpesa.RecipientInitial, text(in, "type"), text(in, "requested_currency")
	r.Metadata = child(in, "metadata")
	p.require(in, "requested_amount", "requested_currency")
	p.texts(in, "type")
	if r.Type == "" {
		r.Type = "person"
	}
	if r.RequestedCurrency != "" && !f.exchange.knows(r.RequestedCurrency) {
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
	f.readPayoutMethod(a, &r, in, p, quote)
	if r.method == nil || len(p) > 0 || !f.exchange.knows(d.t.Currency) {
		return r, p
	}
	if f.keys[a.Key].WTR2 && (r.method.Type == "MAD::Cash" || r.method.Type == "XOF::Cash") {
		p.add("payout_method", wordInvalid) // not compatible (documented)
	}
	f.price(&r.recipient, d.t.Currency, currencyOf(r.method.Type))
	if !r.Input.IsPositive() || !r.Output.IsPositive() {
		p.add("requested_amount", wordInvalid) // nothing is left after rounding
	}
	return r, p
}

func (f *Fake) readPayoutMethod(a *account, r *draftRecipient, in object, p problems, quote bool) {
	m, ok := in["payout_method"].(object)
	if !ok || len(m) == 0 {
		p.add("payout_method", wordBlank)
		return
	}
	if id := text(m, "id"); id != "" {
		saved := a.PayoutMethods.Find(id)
		if saved == nil || saved.Disabled {
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
	r.method = &payoutMethod{Type: text(m, "type"), Details: storedDetails(child(m, "details")), Metadata: child(m, "metadata")}
}

// price computes what the sender pays and what the recipient gets. The requested
// currency is the input's, the output's or a third.
func (f *Fake) price(r *recipient, input, output string) {
	x := f.exchange
	r.OutputCurrency, r.Rate = output, x.rate(input, output)
	switch r.RequestedCurrency {
	case input:
		r.Input = x.round(r.Requested, input)
		r.Output = x.round(x.convert(r.Input, input, output), output)
	case output:
		r.Output = x.round(r.Requested, output)
		r.Input = x.round(x.convert(r.Output, output, input), input)
	default:
		r.Input = x.round(x.convert(r.Requested, r.RequestedCurrency, input), input)
		r.Output = x.round(x.convert(r.Requested, r.RequestedCurrency, output), output)
	}
	if input == output {
		r.Output = r.Input
	}
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

// usableAfter reports whether the sender may transact once the plan is carried
// out.
func (f *Fake) usableAfter(a *account, plan senderPlan) bool {
	x := f.previewSender(a, plan)
	if plan.sender != nil && plan.fields != nil && f.keys[a.Key].KYC && identityChanged(plan.sender.Fields, plan.fields) {
		return false
	}
	return f.usable(a, x)
}

// store makes a transaction of a checked draft. The lock is held.
func (f *Fake) store(a *account, d draft) *transaction {
	x := f.carryOut(a, d.sender)
	t := &d.t
	t.ID, t.SenderID, t.PayinRef = f.newID(), x.ID, f.world.IDs(name).Digits(6)
	t.Created, t.Updated = f.now(), f.now()
	if !f.usable(a, x) {
		t.State = bitpesa.TransactionInitial
	}
	a.Transactions.Add(t)
	if t.ExternalID != "" {
		a.TransactionByRef[t.ExternalID] = t.ID
	}
	for _, planned := range d.recipients {
		r := planned.recipient
		r.ID, r.TransactionID, r.Created = f.newID(), t.ID, f.now()
		r.PayoutMethodID = planned.method.ID
		if planned.in != nil {
			r.PayoutMethodID = f.addPayoutMethod(a, planned.in, x.ID).ID
		}
		a.Recipients.Add(&r)
		t.RecipientIDs = append(t.RecipientIDs, r.ID)
	}
	for _, in := range d.payins {
		f.addPayinMethod(a, t, in)
	}
	f.emitTransaction(a, t, "transaction.created")
	f.beginPayins(a, t)
	f.world.After(transactionLife, name, eventExpire, t.ID)
	return t
}
