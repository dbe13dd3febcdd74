package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kpay"
)

// KPayPayments finds a payment to confirm it; a *kpay.Client is one.
type KPayPayments interface {
	Find(ctx context.Context, refID string) (*kpay.Payment, error)
}

// NewKPay builds a handler for KPay's postbacks. They are not signed (documented by
// absence), so each is a knock, and checkstatus says what became of the payment, as
// the document advises.
func NewKPay(payments KPayPayments, cfg Config[kpay.Payment]) (*Handler[kpay.Payment], error) {
	source := KPay()
	source.Ask = func(ctx context.Context, about Identity) (kpay.Payment, error) {
		return deref(payments.Find(ctx, about.Reference))
	}
	return needClient(payments, source, cfg)
}

// KPay describes KPay's postbacks, without a way to confirm them: use NewKPay. They
// are JSON, often labelled as form data, or form data. A postback names no amount, so
// the amount of a capability is not compared. Nor is KPay's tid, which is not stable.
//
// The reference is the refid, and payments change in the order of KPayStates. The
// response is {"tid":...,"refid":...,"reply":"OK"} (documented) with status 200
// (assumed).
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
			return Identity{Reference: p.RefID, Status: kpayState(p.Status), States: states}
		},
		Acknowledge: acknowledgeKPay,
	}
}

// KPayStates is the order of a payment's states: pending (03), then paid (01) or
// failed (02). That both are final is inferred. Identity.Status holds one of the
// three, whatever code of the same meaning came; Data.Status holds the code itself.
func KPayStates() *States {
	return statesOf(map[kpay.Code][]kpay.Code{kpay.CodePending: {kpay.CodePaid, kpay.CodeFailed}}, []kpay.Code{kpay.CodePaid}, nil)
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

// deref is what a lookup of a client found.
func deref[T any](found *T, err error) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	if found == nil {
		return none, errors.New("the client found nothing, and no error")
	}
	return *found, nil
}
