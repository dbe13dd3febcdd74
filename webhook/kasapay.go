package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// KasapayPayouts finds a payout to confirm it; client.Payouts of package kasapay
// is one.
type KasapayPayouts interface {
	Find(ctx context.Context, reference string) (*kasapay.Payout, error)
	Get(ctx context.Context, gatewayReference string) (*kasapay.Payout, error)
}

// NewKasapay is New for Kasapay's callbacks, confirmed by the payout's status. It
// sets Source, and Confirm to ConfirmKasapay unless cfg has one.
func NewKasapay(payouts KasapayPayouts, cfg Config[kasapay.Payout]) (*Handler[kasapay.Payout], error) {
	cfg.Source = Kasapay()
	if cfg.Confirm == nil && payouts != nil {
		cfg.Confirm = ConfirmKasapay(payouts)
	}
	return New(cfg)
}

// Kasapay describes Kasapay's callbacks: a POST of JSON in the shape of a status
// (documented). They are not signed (documented by absence), so use NewKasapay,
// which confirms them, and a URL per payout (see Capabilities).
//
// The reference is the payout_reference. Kasapay may post yours or one of its own;
// the document does not say. So a callback to a capability URL is about the payout
// that the URL was minted for, and ConfirmKasapay compares the posted reference
// with that payout. An event is identified by reference and payment_status, and
// payouts change in the order of KasapayStates. A reversal or refund after success
// is a Reversal. The response is exactly 200, the only status the document names.
func Kasapay() Source[kasapay.Payout] {
	states := KasapayStates()
	return Source[kasapay.Payout]{
		Provider: "kasapay",
		Decode:   uniquely(kasapay.ParseCallback),
		Identify: func(p kasapay.Payout) Identity {
			return Identity{Reference: p.Reference, Status: string(p.Status), Amount: p.Amount, Currency: p.Currency, States: states}
		},
		Match:       func(kasapay.Payout, string) bool { return true },
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
	}, map[kasapay.PaymentStatus][]kasapay.PaymentStatus{
		kasapay.StatusProcessed: {kasapay.StatusReversed, kasapay.StatusRefunded},
	})
}

// ConfirmKasapay confirms by asking for the payout. The payout that Kasapay returns
// replaces the posted one. A posted reference that belongs to another payout is
// ErrMismatch, and so is a posted destination of another recipient_type. Account
// numbers are never compared, because they may be masked.
func ConfirmKasapay(payouts KasapayPayouts) func(context.Context, Event[kasapay.Payout]) (kasapay.Payout, error) {
	lookup := LookupKasapay(payouts)
	return func(ctx context.Context, event Event[kasapay.Payout]) (kasapay.Payout, error) {
		found, err := lookup(ctx, event.Reference)
		if err != nil {
			return kasapay.Payout{}, err
		}
		posted := event.Data
		if posted.Destination.Known() && found.Destination.Known() && posted.Destination != found.Destination {
			return kasapay.Payout{}, fmt.Errorf("%w: destination", ErrMismatch)
		}
		if posted.Reference == event.Reference || posted.Reference == found.GatewayReference {
			return found, nil
		}
		// It may be Kasapay's own reference of the payout the URL was minted for.
		other, err := payouts.Get(ctx, posted.Reference)
		switch {
		case errors.Is(err, sdk.ErrNotFound), err == nil && (other.TransactionID == "" || other.TransactionID != found.TransactionID):
			return kasapay.Payout{}, fmt.Errorf("%w: payout_reference", ErrMismatch)
		case err != nil:
			return kasapay.Payout{}, err
		}
		return found, nil
	}
}

// LookupKasapay looks up a payout by its reference, for a Reconciler.
func LookupKasapay(payouts KasapayPayouts) func(context.Context, string) (kasapay.Payout, error) {
	return func(ctx context.Context, reference string) (kasapay.Payout, error) {
		p, err := payouts.Find(ctx, reference)
		if err != nil {
			return kasapay.Payout{}, err
		}
		return *p, nil
	}
}
