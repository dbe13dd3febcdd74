package kotanitest

import "github.com/kapiteni/kapiten-go/kotani"

// Outcome is what becomes of a transaction. The last four digits of the phone
// number choose it, of the bank account, paybill account or till where there is
// no phone number.
type Outcome string

const (
	OutcomePaid     Outcome = "paid"     // SUCCESSFUL after Config.SettleAfter
	OutcomeFailed   Outcome = "failed"   // 0001: FAILED
	OutcomeNoFunds  Outcome = "no-funds" // 0002: FAILED, the payer has not enough
	OutcomeNever    Outcome = "never"    // 0003: stays PENDING
	OutcomeSlow     Outcome = "slow"     // 0004: SUCCESSFUL after Config.SlowAfter
	OutcomeReversed Outcome = "reversed" // 0005: SUCCESSFUL, and REVERSED after Config.ReverseAfter more
)

func outcomeOf(number string) Outcome {
	switch number[max(len(number)-4, 0):] {
	case "0001":
		return OutcomeFailed
	case "0002":
		return OutcomeNoFunds
	case "0003":
		return OutcomeNever
	case "0004":
		return OutcomeSlow
	case "0005":
		return OutcomeReversed
	}
	return OutcomePaid
}

// plan schedules what becomes of a fresh transaction.
func (f *Fake) plan(t *Transaction) {
	switch t.Outcome {
	case OutcomeNever:
	case OutcomeSlow:
		f.after(f.config.SlowAfter, eventSettle, t.RequestID)
	default:
		f.after(f.config.SettleAfter, eventSettle, t.RequestID)
	}
}

// settlePlanned carries a pending transaction's plan out.
func (f *Fake) settlePlanned(t *Transaction) {
	status, message := kotani.StatusSuccessful, ""
	switch t.Outcome {
	case OutcomeFailed:
		status, message = kotani.StatusFailed, "Transaction failed"
	case OutcomeNoFunds:
		status, message = kotani.StatusFailed, "Insufficient funds"
	}
	if err := f.move(t, status, message); err != nil {
		panic(err) // a pending transaction can always end: a mistake in here
	}
	if t.Outcome == OutcomeReversed {
		f.after(f.config.ReverseAfter, eventReverse, t.RequestID)
	}
}
