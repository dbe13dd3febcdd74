package kpaytest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Payment is one payment as the fake keeps it.
type Payment struct {
	RefID      string          `json:"refid"`
	TID        string          `json:"tid"`        // of the pay response: E...
	StatusTID  string          `json:"status_tid"` // of status responses and postbacks
	RetailerID string          `json:"retailerid"`
	Method     kpay.Method     `json:"pmethod"`
	BankID     kpay.BankID     `json:"bankid"`
	MSISDN     string          `json:"msisdn"`
	Payer      string          `json:"cname"`
	Details    string          `json:"details"`
	Amount     decimal.Decimal `json:"amount"` // whole units of Currency
	Currency   string          `json:"currency"`

	PostbackURL string `json:"returl"`
	RedirectURL string `json:"redirecturl"`
	CheckoutID  string `json:"checkout_id"` // the last part of the checkout page's path

	StatusID          kpay.Code     `json:"statusid"` // 01, 02, 03 or a processor's code
	StatusDesc        string        `json:"statusdesc"`
	MoMoTransactionID string        `json:"momtransactionid"` // of the processor; empty until paid
	PayAccount        string        `json:"payaccount"`       // the payer's number, or the masked card
	Scenario          fake.Scenario `json:"outcome"`          // chosen at acceptance; empty: the checkout page decides
	Created           time.Time     `json:"created"`
	Ended             time.Time     `json:"settled"` // zero while pending
}

// Scenarios of KPay's own. The others are in package fake; a payment plays all
// but ScenarioReversed and ScenarioRefunded.
const (
	ScenarioProcessorError fake.Scenario = "processor-error"  // fails with 682
	ScenarioImmediate      fake.Scenario = "immediate"        // paid in the response itself
	ScenarioRefused        fake.Scenario = "refused"          // refused in the response: 606
	ScenarioRefusedNoFunds fake.Scenario = "refused-no-funds" // refused in the response: 606 with statusmsg

	scenarioOnPage fake.Scenario = "" // waits for the checkout page
)

const laggingFor = 2 * time.Second

const (
	descPaid    = "Successfully processed transaction."
	descPending = "Pending transaction."
	descFailed  = "Payment failed."
	descNoFunds = "TARGET_AUTHORIZATION_ERROR"

	codeProcessor = "682" // of the documents' failed postback
	descProcessor = "An internal error caused the operation to fail"
)

// Payment returns one payment by its refid.
func (f *Fake) Payment(refID string) (Payment, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copy(f.state.Payments.Find(refID))
}

// Payments are all payments, oldest first.
func (f *Fake) Payments() []Payment {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copies(f.state.Payments.All())
}

// MovePayment ends a pending payment now, whatever its scenario says. The new
// status is 01 (paid, the merchant is credited), 02 (failed) or the processor's
// own error code, such as 682. The postback goes out at once. The error wraps
// fake.ErrNotFound for an unknown refid. It wraps fake.ErrIllegalMove for a
// payment that is final already and for a status that ends no payment.
func (f *Fake) MovePayment(refID string, to kpay.Code) error {
	f.world.Lock()
	defer f.world.Unlock()
	to, final := finalStatus(to)
	p := f.state.Payments.Find(refID)
	switch {
	case p == nil:
		return fmt.Errorf("kpaytest: payment %q: %w", refID, fake.ErrNotFound)
	case !final:
		return fmt.Errorf("kpaytest: %w: statusid %q ends no payment", fake.ErrIllegalMove, to)
	case p.final():
		return fmt.Errorf("kpaytest: %w: payment %q is final already: %s %s", fake.ErrIllegalMove, refID, p.StatusID, p.StatusDesc)
	}
	f.finish(p, to, description(to))
	return nil
}

// adminMovePayment is POST /_fake/kpay/payments/{refid}/settle {"statusid":"01"}.
type moveBody struct {
	StatusID kpay.Code `json:"statusid"`
}

func (f *Fake) adminMovePayment(rw http.ResponseWriter, r *http.Request) {
	var in moveBody
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	if _, final := finalStatus(in.StatusID); !final {
		fake.AdminError(rw, http.StatusBadRequest, "statusid", "not a final statusid")
		return
	}
	refID := r.PathValue("refid")
	err := f.MovePayment(refID, in.StatusID)
	p, _ := f.Payment(refID)
	fake.AdminMoved(rw, p, err, "refid", "statusid")
}

// finalStatus spells 1 as 01. It reports false for a code that ends no payment:
// the pending codes, and the codes about a request.
func finalStatus(status kpay.Code) (kpay.Code, bool) {
	id := strings.TrimLeft(strings.TrimSpace(string(status)), "0")
	if len(id) > 6 || strings.Trim(id, "0123456789") != "" {
		return status, false
	}
	switch id {
	case "1":
		return kpay.CodePaid, true
	case "2":
		return kpay.CodeFailed, true
	case "", "3", "401", "500", "600", "601", "602", "603", "604", "605", "608", "609", "610", "611":
		return status, false
	}
	return kpay.Code(id), true
}

func description(status kpay.Code) string {
	switch status {
	case kpay.CodePaid:
		return descPaid
	case codeProcessor:
		return descProcessor
	}
	return descFailed
}

// final reports whether the payment changes no more.
func (p *Payment) final() bool { return p.StatusID != kpay.CodePending }

// newPayment makes the pending payment that a request asks for. The lock is held.
func (f *Fake) newPayment(req request) *Payment {
	p := &Payment{
		RefID:       req["refid"],
		TID:         f.newID("E", 16, f.state.byTID),
		CheckoutID:  f.newID("A", 11, f.state.byCheckout),
		RetailerID:  req["retailerid"],
		Method:      kpay.Method(req["pmethod"]),
		BankID:      kpay.BankID(req["bankid"]),
		MSISDN:      req["msisdn"],
		Payer:       req["cname"],
		Details:     req["details"],
		Amount:      req.amount(),
		Currency:    req.currency(),
		PostbackURL: req["returl"],
		RedirectURL: req["redirecturl"],
		StatusID:    kpay.CodePending,
		StatusDesc:  descPending,
		Scenario:    f.scenario(req),
		Created:     f.world.Now(),
	}
	p.StatusTID = p.TID
	if f.config.Quirks.OtherTID {
		p.StatusTID = f.newID("A", 12, f.state.byTID)
	}
	return p
}

// scenarios are those of this fake.
func scenarios() fake.Scenarios {
	return fake.Scenarios{
		"any digits": fake.ScenarioPaid, // by the refid only
		"0001":       fake.ScenarioFailed,
		"0002":       fake.ScenarioNoFunds,
		"0003":       fake.ScenarioNever,
		"0004":       fake.ScenarioSlow,
		"0005":       ScenarioProcessorError,
		"0006":       ScenarioImmediate,
		"0007":       ScenarioRefused,
		"0008":       ScenarioRefusedNoFunds,
		"0009":       fake.ScenarioLost,
		"0010":       fake.ScenarioLagging,
	}
}

// scenario decides what becomes of a new payment.
func (f *Fake) scenario(req request) fake.Scenario {
	phone, _ := wire.Phone(req["msisdn"])
	asked := scenarios().Choose(req["refid"], phone)
	switch {
	case asked != "":
		return asked
	case f.config.Scenario == "" && kpay.Method(req["pmethod"]) != kpay.MethodCard:
		return fake.ScenarioPaid
	}
	return f.config.Scenario
}

const (
	eventEnd      = "settle" // as snapshots name it
	eventPostback = "postback"
)

// schedule puts the end of a fresh payment on the clock.
func (f *Fake) schedule(p *Payment) {
	switch p.Scenario {
	case scenarioOnPage, fake.ScenarioNever:
		return
	case fake.ScenarioSlow:
		f.world.After(f.config.Quirks.SlowAfter, providerName, eventEnd, p.RefID)
	default:
		f.world.After(f.config.EndsAfter, providerName, eventEnd, p.RefID)
	}
}

// fire ends a payment as scheduled, unless it has ended meanwhile.
func (f *Fake) fire(e fake.Event) {
	p := f.state.Payments.Find(e.Key)
	if e.Kind != eventEnd || p == nil || p.final() {
		return
	}
	switch p.Scenario {
	case fake.ScenarioFailed:
		f.finish(p, kpay.CodeFailed, descFailed)
	case fake.ScenarioNoFunds:
		f.finish(p, kpay.CodeFailed, descNoFunds)
	case ScenarioProcessorError:
		f.finish(p, codeProcessor, descProcessor)
	default:
		f.finish(p, kpay.CodePaid, descPaid)
	}
}

// finish gives a pending payment its final status. A paid one is credited. The
// merchant gets a postback either way.
func (f *Fake) finish(p *Payment, status kpay.Code, desc string) {
	p.StatusID, p.StatusDesc, p.Ended = status, desc, f.world.Now()
	if status == kpay.CodePaid {
		p.MoMoTransactionID = f.number(9)
		if p.PayAccount == "" {
			p.PayAccount = p.MSISDN
		}
		f.state.credit(p)
	} else {
		p.PayAccount = "" // the documents show it on success only
	}
	if p.Scenario != fake.ScenarioLost {
		f.sendPostback(p)
	}
}

// status is a payment as status responses and postbacks show it.
func (f *Fake) status(p *Payment) response {
	body := response{
		"tid": p.StatusTID, "refid": p.RefID, "momtransactionid": p.MoMoTransactionID,
		"statusid": string(p.StatusID), "statusdesc": p.StatusDesc,
	}
	if p.PayAccount != "" && !f.config.Quirks.OmitPayAccount {
		body["payaccount"] = p.PayAccount
	}
	return body
}

// sendPostback tells the merchant that a payment is final. The lock is held.
func (f *Fake) sendPostback(p *Payment) {
	contentType, body := "application/x-www-form-urlencoded", f.encode(f.status(p))
	switch f.config.Quirks.PostbackFormat {
	case PostbackJSON:
		contentType = "application/json"
	case PostbackForm:
		form := url.Values{}
		for name, value := range f.quirky(f.status(p)) {
			form.Set(name, fmt.Sprint(value))
		}
		body = []byte(form.Encode())
	}
	f.world.Send(fake.Callback{
		Provider: providerName, Event: eventPostback, Identity: p.RefID, Tag: p.StatusTID,
		URL: p.PostbackURL, Header: http.Header{"Content-Type": {contentType}}, Body: body,
	})
}

// acknowledged wants a 2xx and {"tid","refid","reply":"OK"} with the very ids
// of the postback.
func acknowledged(d fake.Delivery, status int, body []byte) bool {
	reply, ok := fake.ReadObject(bytes.NewReader(body))
	return ok && status >= 200 && status <= 299 && strings.EqualFold(fake.Text(reply["reply"]), "OK") &&
		fake.Text(reply["tid"]) == d.Tag && fake.Text(reply["refid"]) == d.Identity
}
