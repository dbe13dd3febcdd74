package webhook

import (
	"context"
	"errors"
	"fmt"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// KasapayStatus is what confirming a payout takes; client.Payouts of package
// kasapay is one.
type KasapayStatus interface {
	Find(ctx context.Context, reference string) (*kasapay.Payout, error)
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
		p, err := payouts.Find(ctx, reference)
		if err != nil {
			return kasapay.Payout{}, err
		}
		return *p, nil
	}
}
