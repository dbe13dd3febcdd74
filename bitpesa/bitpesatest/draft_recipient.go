package bitpesatest

import (
	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

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
