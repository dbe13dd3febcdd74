package webhook

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kpay"
)

// KPay describes KPay's postbacks: JSON, often labelled as form data, or form
// data. They are not signed (documented by absence): use NewKPay, which confirms
// them, and a URL per payment (see Capabilities). A postback names no amount, so
// a capability's amount binds nothing; KPay's tid is not stable and is never
// compared.
//
// The reference is the refid; an event is identified by refid and statusid, and
// payments change in the order of KPayStates. The answer is
// {"tid":...,"refid":...,"reply":"OK"} (documented) with status 200 (assumed).
func KPay() Source[kpay.Payment] {
	states := KPayStates()
	return Source[kpay.Payment]{
		Provider: "kpay",
		Decode: func(body []byte) (kpay.Payment, error) {
			p, err := kpay.ParsePostback(body)
			if err == nil {
				err = wire.UniqueKeys(p.Raw) // a form as JSON
			}
			return p, err
		},
		Identify: func(p kpay.Payment) Subject {
			return Subject{Reference: p.RefID, ID: string(p.Status), Status: kpayState(p.Status), States: states}
		},
		Acknowledge: acknowledgeKPay,
	}
}

// KPayStates is the order of a payment's states: pending (03), then paid (01) or
// failed (02). That both are final is inferred. Subject.Status holds one of these
// three for every code of the same meaning; Data.Status has the code itself.
func KPayStates() *States {
	return NewStates(map[string][]string{string(kpay.CodePending): {string(kpay.CodePaid), string(kpay.CodeFailed)}}, nil)
}

// KPayStatus is what confirming a payment takes; a *kpay.Client is one.
type KPayStatus interface {
	Status(ctx context.Context, refID string) (*kpay.Payment, error)
}

// NewKPay is New for KPay's postbacks, confirmed by checkstatus as the document
// advises. Source is set, and Confirm is ConfirmKPay unless cfg has one.
func NewKPay(payments KPayStatus, cfg Config[kpay.Payment]) (*Handler[kpay.Payment], error) {
	cfg.Source = KPay()
	if cfg.Confirm == nil && payments != nil {
		cfg.Confirm = ConfirmKPay(payments)
	}
	return New(cfg)
}

// ConfirmKPay confirms by asking checkstatus for the refid. The payment handed
// on is the one KPay answered with.
func ConfirmKPay(payments KPayStatus) func(context.Context, Event[kpay.Payment]) (kpay.Payment, error) {
	lookup := LookupKPay(payments)
	return func(ctx context.Context, claimed Event[kpay.Payment]) (kpay.Payment, error) {
		return lookup(ctx, claimed.Reference)
	}
}

// LookupKPay asks for a payment the way a Reconciler needs it.
func LookupKPay(payments KPayStatus) func(context.Context, string) (kpay.Payment, error) {
	return func(ctx context.Context, refID string) (kpay.Payment, error) {
		p, err := payments.Status(ctx, refID)
		if err != nil {
			return kpay.Payment{}, err
		}
		return *p, nil
	}
}

func kpayState(code kpay.Code) string {
	switch {
	case code.Pending():
		return string(kpay.CodePending)
	case code.Failed():
		return string(kpay.CodeFailed)
	}
	return string(code)
}

func acknowledgeKPay(p kpay.Payment) Answer {
	body, err := json.Marshal(struct {
		TID   string `json:"tid"`
		RefID string `json:"refid"`
		Reply string `json:"reply"`
	}{p.TID, p.RefID, "OK"})
	if err != nil { // strings can always be written
		return Answer{Status: http.StatusInternalServerError}
	}
	return Answer{Status: http.StatusOK, ContentType: "application/json", Body: body}
}
