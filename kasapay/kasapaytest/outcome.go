package kasapaytest

import (
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kasapay"
)

// Outcome is what becomes of a payout. A payout_reference that ends in a hyphen
// and the outcome's text asks for it, see the package's documentation.
type Outcome string

const (
	OutcomePaid           Outcome = "paid"            // 700 after Config.SettleAfter
	OutcomeFailed         Outcome = "failed"          // 701: the recipient's side refused
	OutcomeNoFunds        Outcome = "no-funds"        // 701: insufficient funds, the float is released
	OutcomeNever          Outcome = "never"           // stays 703
	OutcomeSlow           Outcome = "slow"            // 700 after 10 minutes
	OutcomeJammed         Outcome = "jammed"          // 704, and stays so
	OutcomeJammedPaid     Outcome = "jammed-paid"     // 704, 700 ten minutes later
	OutcomeReversed       Outcome = "reversed"        // 700, 702 ten minutes later
	OutcomeRefunded       Outcome = "refunded"        // 700, 705 ten minutes later
	OutcomeLost           Outcome = "lost"            // 700, no callback
	OutcomeJammedReversed Outcome = "jammed-reversed" // 704, 702 ten minutes later
)

// later is how long the slow outcome takes, and the second step of others.
const later = 10 * time.Minute

// outcome decides what becomes of a new payout.
func (f *Fake) outcome(o object) Outcome {
	asked := Outcome("")
	for _, known := range []Outcome{
		OutcomePaid, OutcomeFailed, OutcomeNoFunds, OutcomeNever, OutcomeSlow, OutcomeJammed,
		OutcomeJammedPaid, OutcomeReversed, OutcomeRefunded, OutcomeLost, OutcomeJammedReversed,
	} { // of -paid and -jammed-paid the longer one is meant
		if strings.HasSuffix(o["payout_reference"], "-"+string(known)) && len(known) > len(asked) {
			asked = known
		}
	}
	if asked != "" {
		return asked
	}
	account := o["recipient_account_number"]
	switch account[max(len(account)-4, 0):] {
	case "0001":
		return OutcomeFailed
	case "0002":
		return OutcomeNoFunds
	case "0003":
		return OutcomeNever
	case "0004":
		return OutcomeSlow
	case "0005":
		return OutcomeJammed
	case "0006":
		return OutcomeJammedPaid
	case "0007":
		return OutcomeReversed
	case "0008":
		return OutcomeRefunded
	case "0009":
		return OutcomeLost
	case "0010":
		return OutcomeJammedReversed
	}
	return f.config.Outcome
}

// first is the first step of a plan: the status a pending payout gets, and why
// when it fails.
func (o Outcome) first() (status kasapay.PaymentStatus, reason string) {
	switch o {
	case OutcomeFailed:
		return kasapay.StatusFailed, "Recipient account could not be credited"
	case OutcomeNoFunds:
		return kasapay.StatusFailed, descNoFunds
	case OutcomeNever:
		return kasapay.StatusPending, ""
	case OutcomeJammed, OutcomeJammedPaid, OutcomeJammedReversed:
		return kasapay.StatusJammed, ""
	}
	return kasapay.StatusProcessed, ""
}

// second is what follows ten minutes later, or nothing.
func (o Outcome) second() kasapay.PaymentStatus {
	switch o {
	case OutcomeJammedPaid:
		return kasapay.StatusProcessed
	case OutcomeReversed, OutcomeJammedReversed:
		return kasapay.StatusReversed
	case OutcomeRefunded:
		return kasapay.StatusRefunded
	}
	return ""
}
