package kpaytest

import (
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/kpay"
)

const (
	descPaid    = "Successfully processed transaction."
	descPending = "Pending transaction."
	descFailed  = "Payment failed."
	descNoFunds = "TARGET_AUTHORIZATION_ERROR"

	codeProcessor = "682" // of the documents' failed postback
	descProcessor = "An internal error caused the operation to fail"
)

// pay is the action pay. The lock is held.
func (f *Fake) pay(r *http.Request, req request) answer {
	if why, bad := f.faulty(req); bad {
		return f.refuseWith(why, req[fieldRefID])
	}
	o := f.outcome(req)
	if o == OutcomeRefused || o == OutcomeRefusedNoFunds {
		return f.refusePayment(req, o)
	}
	p := f.newPayment(req, o)
	f.state.add(p)
	if o == OutcomeImmediate {
		f.settle(p, kpay.CodePaid, "SUCCESSFUL")
		return answer{
			"tid": p.TID, "refid": p.RefID, "momtransactionid": p.MoMoTransactionID,
			"statusdesc": p.StatusDesc, "statusid": string(p.StatusID), "retcode": 0,
		}
	}
	f.plan(p)
	return answer{
		"reply": "PENDING", "url": f.checkoutURL(r, p), "success": 1, "authkey": f.authKey(),
		"tid": p.TID, "refid": p.RefID, "retcode": 0,
	}
}

// faulty is the check of a pay request, in the order of the package comment.
func (f *Fake) faulty(req request) (refusal, bool) {
	if names := req.missing(f.config.BankIDOptional); len(names) > 0 {
		return missingParameters.naming(names), true
	}
	retailer, known := f.retailer(req[fieldRetailer])
	switch {
	case !known:
		return unknownRetailer, true
	case retailer.Disabled:
		return disabledRetailer, true
	case !isMethod(kpay.Method(req[fieldMethod])):
		return unknownMethod, true
	case req[fieldBank] != "" && kpay.BankID(req[fieldBank]).Name() == "":
		return unknownBank, true
	case f.state.byRefID[req[fieldRefID]] != nil:
		return duplicateRefID, true
	}
	return refusal{}, false
}

// isMethod knows the documented methods. That each goes with every institution
// is assumed.
func isMethod(m kpay.Method) bool {
	switch m {
	case kpay.MethodCard, kpay.MethodMoMo, kpay.MethodBank, kpay.MethodSPENN, kpay.MethodSmartCash:
		return true
	}
	return false
}

// refusePayment is the processor's refusal in the answer itself. The payer was
// never asked, so there is no postback.
func (f *Fake) refusePayment(req request, o Outcome) answer {
	why := refusedPayment
	if o == OutcomeRefusedNoFunds {
		why = refusedNoFunds
	}
	if !f.config.RefusedRefIDReusable {
		p := f.newPayment(req, o)
		p.StatusID, p.StatusDesc, p.Settled = kpay.CodeFailed, why.reply, p.Created
		f.state.add(p)
	}
	return f.refuseWith(why, req[fieldRefID])
}

func (f *Fake) newPayment(req request, o Outcome) *Payment {
	p := &Payment{
		RefID:       req[fieldRefID],
		TID:         f.newID("E", 16, f.state.byTID),
		CheckoutID:  f.newID("A", 11, f.state.byCheckout),
		RetailerID:  req[fieldRetailer],
		Method:      kpay.Method(req[fieldMethod]),
		BankID:      kpay.BankID(req[fieldBank]),
		MSISDN:      req[fieldMSISDN],
		Payer:       req[fieldName],
		Details:     req[fieldDetails],
		Amount:      req.amount(),
		Currency:    req.currency(),
		PostbackURL: req[fieldPostback],
		RedirectURL: req[fieldRedirect],
		StatusID:    kpay.CodePending,
		StatusDesc:  descPending,
		Outcome:     o,
		Created:     f.world.Now(),
	}
	p.StatusTID = p.TID
	if f.config.OtherTID {
		p.StatusTID = f.newID("A", 12, f.state.byTID)
	}
	return p
}

func (f *Fake) newID(prefix string, digits int, taken map[string]*Payment) string {
	for {
		if id := prefix + f.number(digits); taken[id] == nil {
			return id
		}
	}
}

// number is n digits that do not begin with a zero.
func (f *Fake) number(n int) string {
	text := f.world.IDs(providerName).Digits(n)
	return strings.Replace(text[:1], "0", "9", 1) + text[1:]
}

func (f *Fake) authKey() string { return f.world.IDs(providerName).Hex(26) }

// checkoutURL is the payment's page, beside the endpoint that was called.
func (f *Fake) checkoutURL(r *http.Request, p *Payment) string {
	if f.config.BlankURL {
		return " "
	}
	u := f.world.ExternalURL(r)
	u.Path = strings.TrimSuffix(u.Path, r.URL.Path) + checkoutPath + p.CheckoutID
	u.RawPath, u.RawQuery = "", ""
	return u.String()
}
