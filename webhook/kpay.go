package webhook

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kpay"
)

// KPayPayments finds a payment to confirm it; a *kpay.Client is one.
type KPayPayments interface {
	Find(ctx context.Context, refID string) (*kpay.Payment, error)
}

// NewKPay is New for KPay's postbacks, confirmed by checkstatus as the document
// advises. It sets Source, and Confirm to ConfirmKPay unless cfg has one.
func NewKPay(payments KPayPayments, cfg Config[kpay.Payment]) (*Handler[kpay.Payment], error) {
	cfg.Source = KPay()
	if cfg.Confirm == nil && payments != nil {
		cfg.Confirm = ConfirmKPay(payments)
	}
	return New(cfg)
}

// KPay describes KPay's postbacks: JSON, often labelled as form data, or form
// data. They are not signed (documented by absence), so use NewKPay, which
// confirms them, and a URL per payment (see Capabilities). A postback names no
// amount, so the amount of a capability is not compared. Nor is KPay's tid, which
// is not stable.
//
// The reference is the refid. An event is identified by refid and statusid, and
// payments change in the order of KPayStates. The response is
// {"tid":...,"refid":...,"reply":"OK"} (documented) with status 200 (assumed).
func KPay() Source[kpay.Payment] {
	states := KPayStates()
	return Source[kpay.Payment]{
		Provider: "kpay",
		Decode: func(body []byte) (kpay.Payment, error) {
			p, err := kpay.ParsePostback(body)
			if err == nil {
				err = wire.UniqueKeys(p.Raw) // where a form stands as JSON
			}
			return p, err
		},
		Identify: func(p kpay.Payment) Identity {
			return Identity{Reference: p.RefID, ID: string(p.Status), Status: kpayState(p.Status), States: states}
		},
		Acknowledge: acknowledgeKPay,
	}
}

// KPayStates is the order of a payment's states: pending (03), then paid (01) or
// failed (02). That both are final is inferred. Identity.Status holds one of the
// three, whatever code of the same meaning came; Data.Status holds the code itself.
func KPayStates() *States {
	return statesOf(map[kpay.Code][]kpay.Code{kpay.CodePending: {kpay.CodePaid, kpay.CodeFailed}}, nil)
}

// ConfirmKPay confirms by asking checkstatus for the refid. The payment that KPay
// returns replaces the posted one.
func ConfirmKPay(payments KPayPayments) func(context.Context, Event[kpay.Payment]) (kpay.Payment, error) {
	lookup := LookupKPay(payments)
	return func(ctx context.Context, posted Event[kpay.Payment]) (kpay.Payment, error) {
		return lookup(ctx, posted.Reference)
	}
}

// LookupKPay looks up a payment by its refid, for a Reconciler.
func LookupKPay(payments KPayPayments) func(context.Context, string) (kpay.Payment, error) {
	return func(ctx context.Context, refID string) (kpay.Payment, error) {
		p, err := payments.Find(ctx, refID)
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

func acknowledgeKPay(p kpay.Payment) Response {
	body, _ := json.Marshal(struct { // strings can always be encoded
		TID   string `json:"tid"`
		RefID string `json:"refid"`
		Reply string `json:"reply"`
	}{p.TID, p.RefID, "OK"})
	return Response{Status: http.StatusOK, ContentType: "application/json", Body: body}
}
