package webhook

import (
	"context"
	"net/http"

	"github.com/kapiteni/kapiten-go/kasapay"
)

// KasapayPayouts finds a payout to confirm it; client.Payouts of package kasapay
// is one.
type KasapayPayouts interface {
	Find(ctx context.Context, reference string) (*kasapay.Payout, error)
}

// NewKasapay builds a handler for Kasapay's callbacks. They are not signed
// (documented by absence), so each is a knock, and the API says what became of the
// payout.
func NewKasapay(payouts KasapayPayouts, cfg Config[kasapay.Payout]) (*Handler[kasapay.Payout], error) {
	source := Kasapay()
	source.Ask = func(ctx context.Context, about Identity) (kasapay.Payout, error) {
		return deref(payouts.Find(ctx, about.Reference))
	}
	return needClient(payouts, source, cfg)
}

// Kasapay describes Kasapay's callbacks, without a way to confirm them: use
// NewKasapay. Each is a POST of JSON in the shape of a status (documented).
//
// The reference is the payout_reference. Kasapay may post yours or one of its own;
// the document does not say. So a callback to a capability URL is about the payout
// that the URL was minted for, whatever it names, and capability URLs are the better
// choice. Payouts change in the order of KasapayStates. The response is exactly 200,
// the only status the document names.
func Kasapay() Source[kasapay.Payout] {
	states := KasapayStates()
	return Source[kasapay.Payout]{
		Provider: "kasapay",
		byURL:    true,
		Decode:   uniquely(kasapay.ParseCallback),
		Identify: func(p kasapay.Payout) Identity {
			return Identity{Reference: p.Reference, Status: string(p.Status), Amount: p.Amount, Currency: p.Currency, States: states}
		},
		Acknowledge: func(kasapay.Payout) Response { return Response{Status: http.StatusOK} },
	}
}

// KasapayStates is the order of a payout's statuses: 703 pending, 704 jammed, 700
// processed, 701 failed, and 702 reversed and 705 refunded, which take back a 700. A
// refund may follow a failure, too. The codes are documented, the transitions assumed.
func KasapayStates() *States {
	return statesOf(map[kasapay.PaymentStatus][]kasapay.PaymentStatus{
		kasapay.StatusAccepted: {kasapay.StatusPending},
		kasapay.StatusPending:  {kasapay.StatusProcessed, kasapay.StatusFailed, kasapay.StatusJammed},
		kasapay.StatusJammed:   {kasapay.StatusProcessed, kasapay.StatusFailed, kasapay.StatusReversed},
		kasapay.StatusFailed:   {kasapay.StatusRefunded},
	}, []kasapay.PaymentStatus{kasapay.StatusProcessed}, []kasapay.PaymentStatus{kasapay.StatusReversed, kasapay.StatusRefunded})
}
