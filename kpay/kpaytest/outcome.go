package kpaytest

import (
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kpay"
)

// Outcome is what becomes of a payment. A refid that ends in a hyphen and the
// outcome's text asks for it, see the package comment.
type Outcome string

const (
	OutcomePaid           Outcome = "paid"             // paid after Config.SettleAfter
	OutcomeFailed         Outcome = "failed"           // fails with 02: the payer refused
	OutcomeNoFunds        Outcome = "no-funds"         // fails with 02: TARGET_AUTHORIZATION_ERROR
	OutcomeNever          Outcome = "never"            // stays pending
	OutcomeSlow           Outcome = "slow"             // paid after 10 minutes
	OutcomeProcessorError Outcome = "processor-error"  // fails with 682
	OutcomeImmediate      Outcome = "immediate"        // paid in the answer itself
	OutcomeRefused        Outcome = "refused"          // refused in the answer: 606
	OutcomeRefusedNoFunds Outcome = "refused-no-funds" // refused in the answer: 606 with statusmsg
	OutcomeLost           Outcome = "lost"             // paid, no postback
	OutcomeLagging        Outcome = "lagging"          // paid; checkstatus says 611 for the first 2 s

	// outcomeOnPage waits for the checkout page.
	outcomeOnPage Outcome = ""
)

const (
	slowSettle = 10 * time.Minute
	laggingFor = 2 * time.Second
)

// outcome decides what becomes of a new payment.
func (f *Fake) outcome(req request) Outcome {
	refID := req[fieldRefID]
	longest := outcomeOnPage // of -no-funds and -refused-no-funds the longer one is meant
	for _, o := range []Outcome{
		OutcomePaid, OutcomeFailed, OutcomeNoFunds, OutcomeNever, OutcomeSlow, OutcomeProcessorError,
		OutcomeImmediate, OutcomeRefused, OutcomeRefusedNoFunds, OutcomeLost, OutcomeLagging,
	} {
		if strings.HasSuffix(refID, "-"+string(o)) && len(o) > len(longest) {
			longest = o
		}
	}
	if longest != outcomeOnPage {
		return longest
	}
	number := req[fieldMSISDN]
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
		return OutcomeProcessorError
	case "0006":
		return OutcomeImmediate
	case "0007":
		return OutcomeRefused
	case "0008":
		return OutcomeRefusedNoFunds
	case "0009":
		return OutcomeLost
	case "0010":
		return OutcomeLagging
	}
	if f.config.Outcome == "" && kpay.Method(req[fieldMethod]) != kpay.MethodCard {
		return OutcomePaid
	}
	return f.config.Outcome
}
