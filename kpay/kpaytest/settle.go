package kpaytest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Reasons for which Settle changes nothing.
var (
	ErrNoPayment = errors.New("kpaytest: no payment with this refid")
	ErrFinal     = errors.New("kpaytest: the payment is final already")
	ErrStatusID  = errors.New("kpaytest: not a final statusid")
)

const eventSettle = "settle"

// Settle ends a pending payment now, whatever was planned for it: status is
// 01 (paid, the merchant is credited), 02 (failed) or the processor's own error
// code, such as 682. The postback goes out at once.
func (f *Fake) Settle(refID string, status kpay.Code) error {
	f.world.Lock()
	defer f.world.Unlock()
	status, err := finalStatus(status)
	if err != nil {
		return err
	}
	p := f.state.byRefID[refID]
	if p == nil {
		return ErrNoPayment
	}
	if p.final() {
		return fmt.Errorf("%w: %s %s", ErrFinal, p.StatusID, p.StatusDesc)
	}
	f.settle(p, status, description(status))
	return nil
}

// finalStatus takes 1 for 01 and refuses what says nothing final about a
// payment: the pending codes, and those that are about a request.
func finalStatus(status kpay.Code) (kpay.Code, error) {
	id := strings.TrimLeft(strings.TrimSpace(string(status)), "0")
	if len(id) > 6 || strings.Trim(id, "0123456789") != "" {
		return "", ErrStatusID
	}
	switch id {
	case "1":
		return kpay.CodePaid, nil
	case "2":
		return kpay.CodeFailed, nil
	case "", "3", "401", "500", "600", "601", "602", "603", "604", "605", "608", "609", "610", "611":
		return "", ErrStatusID
	}
	return kpay.Code(id), nil
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

// plan schedules what becomes of a fresh payment.
func (f *Fake) plan(p *Payment) {
	switch p.Outcome {
	case outcomeOnPage, OutcomeNever:
		return
	case OutcomeSlow:
		f.world.After(slowSettle, providerName, eventSettle, p.RefID)
	default:
		f.world.After(f.config.SettleAfter, providerName, eventSettle, p.RefID)
	}
}

// fire carries out what plan scheduled, unless it was settled meanwhile.
func (f *Fake) fire(e fake.Event) {
	p := f.state.byRefID[e.Key]
	if e.Kind != eventSettle || p == nil || p.final() {
		return
	}
	switch p.Outcome {
	case OutcomeFailed:
		f.settle(p, kpay.CodeFailed, descFailed)
	case OutcomeNoFunds:
		f.settle(p, kpay.CodeFailed, descNoFunds)
	case OutcomeProcessorError:
		f.settle(p, codeProcessor, descProcessor)
	default:
		f.settle(p, kpay.CodePaid, descPaid)
	}
}

// settle takes a pending payment to its final state: the merchant is credited
// when it is paid, and told.
func (f *Fake) settle(p *Payment, status kpay.Code, desc string) {
	p.StatusID, p.StatusDesc, p.Settled = status, desc, f.world.Now()
	if status == kpay.CodePaid {
		p.MoMoTransactionID = f.number(9)
		if p.PayAccount == "" {
			p.PayAccount = p.MSISDN
		}
		f.state.credit(p)
	} else {
		p.PayAccount = "" // the documents show it on success only
	}
	if p.Outcome != OutcomeLost {
		f.postBack(p)
	}
}
