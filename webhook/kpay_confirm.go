package webhook

import (
	"context"

	"github.com/kapiteni/kapiten-go/kpay"
)

// KPayStatus is what confirming a payment takes; a *kpay.Client is one.
type KPayStatus interface {
	Find(ctx context.Context, refID string) (*kpay.Payment, error)
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
		p, err := payments.Find(ctx, refID)
		if err != nil {
			return kpay.Payment{}, err
		}
		return *p, nil
	}
}
