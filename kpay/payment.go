package kpay

import (
	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Payment is a payment as an answer or a postback shows it. KPay shows no
// amount: keep yours by RefID.
type Payment struct {
	// RefID is the merchant's own reference: what everything is matched by.
	RefID string
	// TID is KPay's id. It is not stable: answers to Pay show "E...", status
	// answers and postbacks "A..." for the same payment.
	TID string
	// Status is the payment's state. After Pay it is pending (0) unless KPay
	// settled it at once.
	Status Code
	// Description is KPay's text for the state: "PENDING", "SUCCESSFUL", ...
	Description string
	// CheckoutURL is the hosted page where the payer of a card goes on. Empty
	// without one. For mobile money one may come too, but the payer approves on
	// the handset. Status answers have none, nor has a payment which Pay found
	// by looking.
	CheckoutURL string
	// ProcessorID is the processor's transaction id (momtransactionid), empty
	// until there is one and often on a failure.
	ProcessorID string
	// PayerAccount is the account that paid (payaccount). Documented for a paid
	// postback, missing in recorded ones.
	PayerAccount string
	AuthKey      string // opaque (authkey)
	Raw          sdk.Raw
}

// missing is the decode error of an answer without a field that makes it what
// it is. An answer like that settles nothing.
type missing string

func (m missing) Error() string { return "answer without " + string(m) }

// otherPayment is the decode error of an answer about another payment.
type otherPayment struct{}

func (otherPayment) Error() string { return "answer about another refid" }

// payment shows an answer as a Payment. Without a statusid nothing is paid,
// whatever retcode and success say.
func (a *answer) payment() *Payment {
	p := &Payment{
		RefID: string(a.RefID), TID: string(a.TID), Status: a.code(), Description: a.message(),
		CheckoutURL: string(a.URL), ProcessorID: string(a.MomTxID), PayerAccount: string(a.PayAccount),
		AuthKey: string(a.AuthKey), Raw: a.raw,
	}
	if a.StatusID == "" && p.Status != CodePending {
		p.Status = CodeProcessing
	}
	return p
}

// into makes a decoder that keeps its result in *out. refID is the reference
// which the answer must be about; required says that it must name it, which an
// answer with a statusid must in any case.
func into(out **Payment, refID string, required bool) func(*transport.Response) error {
	return func(r *transport.Response) error {
		a, ok := r.Parsed.(*answer)
		if !ok {
			return errNoObject
		}
		p := a.payment()
		switch {
		case p.RefID == "" && (required || a.StatusID != ""):
			return missing("refid")
		case p.RefID == "":
			p.RefID = refID
		case refID != "" && p.RefID != refID:
			return otherPayment{}
		}
		*out = p
		return nil
	}
}
