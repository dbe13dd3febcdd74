package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Kasapay describes Kasapay's callbacks: a POST of JSON in the shape of a status
// (documented). They are not signed (documented by absence): use NewKasapay,
// which confirms them, and a URL per payout (see Capabilities).
//
// The reference is the payout_reference. Whether Kasapay posts yours or one of
// its own is not documented, so a callback that comes by a capability URL is
// about the payout the URL was minted for, and ConfirmKasapay holds the posted
// reference against that. An event is identified by reference and
// payment_status, and payouts change in the order of KasapayStates: a reversal
// or refund after success arrives as a Reversal. The answer is exactly 200, the
// only status the document names.
func Kasapay() Source[kasapay.Payout] {
	states := KasapayStates()
	return Source[kasapay.Payout]{
		Provider: "kasapay",
		Decode:   uniquely(kasapay.ParseCallback),
		Identify: func(p kasapay.Payout) Subject {
			return Subject{Reference: p.Reference, Status: string(p.Status), Amount: p.Amount, Currency: p.Currency, States: states}
		},
		Match:       func(kasapay.Payout, string) bool { return true },
		Acknowledge: func(kasapay.Payout) Answer { return Answer{Status: http.StatusOK} },
	}
}

// KasapayStates is the order of a payout's statuses. The codes are documented,
// the arrows assumed: 703 pending, 704 jammed, 700 processed, 701 failed, and
// 702 reversed and 705 refunded, which take back a 700.
func KasapayStates() *States {
	return NewStates(map[string][]string{
		string(kasapay.StatusAccepted): {string(kasapay.StatusPending)},
		string(kasapay.StatusPending):  {string(kasapay.StatusProcessed), string(kasapay.StatusFailed), string(kasapay.StatusJammed)},
		string(kasapay.StatusJammed):   {string(kasapay.StatusProcessed), string(kasapay.StatusFailed), string(kasapay.StatusReversed)},
	}, map[string][]string{
		string(kasapay.StatusProcessed): {string(kasapay.StatusReversed), string(kasapay.StatusRefunded)},
	})
}

// KasapayStatus is what confirming a payout takes; client.Payouts of package
// kasapay is one.
type KasapayStatus interface {
	Status(ctx context.Context, reference string) (*kasapay.Payout, error)
}

// NewKasapay is New for Kasapay's callbacks, confirmed by the status of the
// payout. Source is set, and Confirm is ConfirmKasapay unless cfg has one.
func NewKasapay(payouts KasapayStatus, cfg Config[kasapay.Payout]) (*Handler[kasapay.Payout], error) {
	cfg.Source = Kasapay()
	if cfg.Confirm == nil && payouts != nil {
		cfg.Confirm = ConfirmKasapay(payouts)
	}
	return New(cfg)
}

// ConfirmKasapay confirms by asking for the payout. What Kasapay answered is
// handed on; a posted reference that is another payout's is ErrMismatch. Account
// numbers may be masked and are never compared.
func ConfirmKasapay(payouts KasapayStatus) func(context.Context, Event[kasapay.Payout]) (kasapay.Payout, error) {
	lookup := LookupKasapay(payouts)
	return func(ctx context.Context, claimed Event[kasapay.Payout]) (kasapay.Payout, error) {
		found, err := lookup(ctx, claimed.Reference)
		if err != nil {
			return kasapay.Payout{}, err
		}
		posted := claimed.Data.Reference
		if posted == claimed.Reference || posted == found.GatewayReference {
			return found, nil
		}
		// Perhaps Kasapay's own name of the payout the URL was minted for.
		other, err := lookup(ctx, posted)
		switch {
		case errors.Is(err, sdk.ErrNotFound), err == nil && (other.TransactionID == "" || other.TransactionID != found.TransactionID):
			return kasapay.Payout{}, fmt.Errorf("%w: payout_reference", ErrMismatch)
		case err != nil:
			return kasapay.Payout{}, err
		}
		return found, nil
	}
}

// LookupKasapay asks for a payout the way a Reconciler needs it.
func LookupKasapay(payouts KasapayStatus) func(context.Context, string) (kasapay.Payout, error) {
	return func(ctx context.Context, reference string) (kasapay.Payout, error) {
		p, err := payouts.Status(ctx, reference)
		if err != nil {
			return kasapay.Payout{}, err
		}
		return *p, nil
	}
}
