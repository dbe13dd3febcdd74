package kasapaytest

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const firstTransaction = 10001 // as in the document's sample

// initiate is POST /v1/payouts/b2b/initiate.
func (f *Fake) initiate(rw http.ResponseWriter, r *http.Request) {
	o, ok := readObject(r)
	if !ok {
		f.problem(rw, http.StatusBadRequest, "The body is not a JSON object")
		return
	}
	faults := o.missing(payoutFields...)
	if len(faults) == 0 {
		faults = o.faults(f.config.StrictMethod)
	}
	if len(faults) > 0 {
		f.problem(rw, http.StatusBadRequest, faults)
		return
	}
	if !slices.Contains(f.config.ServiceCodes, o["service_code"]) {
		f.refusal(rw, "Invalid Service", "SERVICE_NOT_ALLOWED")
		return
	}
	p, why := f.accept(o)
	switch {
	case why == duplicate && f.config.DuplicateStatus != 0:
		f.problem(rw, f.config.DuplicateStatus, "Duplicate payout reference")
	case why == duplicate:
		f.refusal(rw, "Duplicate payout reference", "DUPLICATE_REFERENCE")
	case why == beyondFloat:
		f.refusal(rw, descNoFunds, "INSUFFICIENT_FUNDS")
	default:
		f.write(rw, f.config.success(), answer{
			"payout_reference": p.ReturnedReference, "response_code": 720,
			"response_description": "Payout request has been accepted for processing",
		})
	}
}

// verdict is why a valid payout is not accepted.
type verdict int

const (
	accepted verdict = iota
	duplicate
	beyondFloat
)

// accept checks reference and float and reserves the amount, in one piece: of
// payouts that come at once none can take what another one has.
func (f *Fake) accept(o object) (Payout, verdict) {
	f.world.Lock()
	defer f.world.Unlock()
	if f.state.find(o["payout_reference"]) != nil {
		return Payout{}, duplicate
	}
	amount := o.amount()
	funded := f.state.Ledger.Covers(float(o["currency_code"]), amount)
	if !funded && f.config.RefuseBeyondFloat {
		return Payout{}, beyondFloat
	}
	p := &Payout{
		Reference:         o["payout_reference"],
		ReturnedReference: o["payout_reference"],
		TransactionID:     strconv.Itoa(firstTransaction + len(f.state.Payouts)),
		ServiceCode:       o["service_code"],
		AccountReference:  o["payment_account_reference"],
		RecipientName:     o["recipient_name"],
		RecipientType:     kasapay.RecipientType(o["recipient_type"]),
		AccountNumber:     o["recipient_account_number"],
		Amount:            amount,
		Currency:          o["currency_code"],
		Country:           o["country_code"],
		Description:       o["payment_description"],
		Method:            kasapay.PaymentMethod(o["payment_method"]),
		CallbackURL:       o["callback_url"],
		Unfunded:          !funded,
		Outcome:           f.outcome(o),
		Created:           f.world.Now(),
	}
	if f.config.MintReferences {
		p.ReturnedReference = f.world.IDs(providerName).UUID()
	}
	if funded {
		f.state.book(f.state.Ledger.Reserve(fake.Entry{
			ID: debitID(p), Account: float(p.Currency), Amount: amount.Neg(),
			Kind: entryPayout, Description: p.Description, Reference: p.Reference, Created: p.Created,
		}))
	}
	f.state.add(p)
	f.enter(p, kasapay.StatusPending, "")
	f.plan(p)
	return *p, accepted
}
