package kasapaytest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Reasons for which Settle changes nothing.
var (
	ErrNoPayout = errors.New("kasapaytest: no payout with this reference")
	ErrStatus   = errors.New("kasapaytest: not a payment_status to settle with: 700, 701, 702, 704 or 705")
	ErrArrow    = errors.New("kasapaytest: no such arrow")
	ErrFloat    = errors.New("kasapaytest: the float does not cover the payout")
)

const (
	eventFirst  = "first"
	eventSecond = "second"
	descNoFunds = "Insufficient funds in the float account"
)

// Settle takes a payout one arrow further now, whatever was planned for it (see
// the package's documentation): status is 700, 701, 702, 704 or 705. The float
// and the callback follow at once. The reference is the caller's or the returned
// one.
func (f *Fake) Settle(reference string, status kasapay.PaymentStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	switch status {
	case kasapay.StatusProcessed, kasapay.StatusFailed, kasapay.StatusReversed, kasapay.StatusJammed, kasapay.StatusRefunded:
	default:
		return ErrStatus
	}
	p := f.state.find(reference)
	if p == nil {
		return ErrNoPayout
	}
	return f.move(p, status, "")
}

// plan schedules what becomes of a fresh payout.
func (f *Fake) plan(p *Payout) {
	switch p.Outcome {
	case OutcomeNever:
	case OutcomeSlow:
		f.world.After(later, providerName, eventFirst, p.Reference)
	default:
		f.world.After(f.config.SettleAfter, providerName, eventFirst, p.Reference)
	}
}

// fire carries out what was planned, unless the payout was settled meanwhile.
func (f *Fake) fire(e fake.Event) {
	p := f.state.byReference[e.Key]
	if p == nil {
		return
	}
	first, reason := p.Outcome.first()
	second := p.Outcome.second()
	if p.Unfunded {
		first, reason, second = kasapay.StatusFailed, descNoFunds, ""
	}
	var err error
	switch {
	case e.Kind == eventFirst && p.Status == kasapay.StatusPending:
		err = f.move(p, first, reason)
		if second != "" {
			f.world.After(later, providerName, eventSecond, p.Reference)
		}
	case e.Kind == eventSecond && p.Status == first:
		err = f.move(p, second, "")
	}
	if err != nil {
		panic(err) // plans follow the arrows: a mistake in here
	}
}

// move takes a payout along an arrow, with its money.
func (f *Fake) move(p *Payout, status kasapay.PaymentStatus, reason string) error {
	if !f.arrow(p.Status, status) {
		return fmt.Errorf("%w: %s to %s", ErrArrow, p.Status, status)
	}
	if err := f.state.pay(p, status, f.world.Now()); err != nil {
		return err
	}
	f.enter(p, status, reason)
	return nil
}

func (f *Fake) arrow(from, to kasapay.PaymentStatus) bool {
	switch from {
	case kasapay.StatusPending:
		return to == kasapay.StatusProcessed || to == kasapay.StatusFailed || to == kasapay.StatusJammed
	case kasapay.StatusJammed:
		return to == kasapay.StatusProcessed || to == kasapay.StatusFailed || to == kasapay.StatusReversed
	case kasapay.StatusProcessed:
		return to == kasapay.StatusReversed || to == kasapay.StatusRefunded
	case kasapay.StatusFailed:
		return to == kasapay.StatusRefunded && f.config.RefundFailed
	}
	return false
}

// enter gives a payout a status and tells the caller.
func (f *Fake) enter(p *Payout, status kasapay.PaymentStatus, reason string) {
	p.Status, p.ResultDescription, p.Changed = status, reason, f.world.Now()
	if reason == "" {
		p.ResultDescription = description(status)
	}
	if status == kasapay.StatusProcessed {
		p.PaymentReference = "T" + strings.ToUpper(f.world.IDs(providerName).Hex(9))
	}
	p.AccountBalance = f.state.Ledger.Available(float(p.Currency))
	if p.Outcome != OutcomeLost && (status != kasapay.StatusPending || f.config.PendingCallbacks) {
		f.callBack(p)
	}
}

// description is the document's text for a status.
func description(status kasapay.PaymentStatus) string {
	switch status {
	case kasapay.StatusProcessed:
		return "Payout was processed successfully"
	case kasapay.StatusFailed:
		return "Payout failed"
	case kasapay.StatusReversed:
		return "Payout was reversed"
	case kasapay.StatusJammed:
		return "Payout is Jammed"
	case kasapay.StatusRefunded:
		return "Payout was refunded"
	}
	return "Payout is Pending"
}
