package fake

import "strings"

// Scenario names the course that a payment, a payout or a transaction takes. Each
// fake documents the scenarios it knows and adds its provider's own. A test asks
// for a scenario by the end of a reference, such as "order-7-failed", or by the
// last four digits of a number.
type Scenario string

// The scenarios that several fakes know.
const (
	ScenarioPaid     Scenario = "paid"     // succeeds after Config.SettleAfter
	ScenarioFailed   Scenario = "failed"   // fails
	ScenarioNoFunds  Scenario = "no-funds" // fails for want of money
	ScenarioNever    Scenario = "never"    // stays pending
	ScenarioSlow     Scenario = "slow"     // succeeds after ten minutes
	ScenarioReversed Scenario = "reversed" // succeeds, and is reversed ten minutes later
	ScenarioRefunded Scenario = "refunded" // succeeds, and is refunded ten minutes later
	ScenarioLost     Scenario = "lost"     // succeeds without a callback
	ScenarioLagging  Scenario = "lagging"  // succeeds; a lookup does not find it at first
)

// Scenarios are the scenarios that a fake knows, by the last four digits of the
// numbers that ask for them.
type Scenarios map[string]Scenario

// Choose returns the scenario that a test asks for. A reference asks for one by
// its end: a hyphen and the scenario's name; the longest name counts. If the
// reference asks for none, the last four digits of the number may ask for one. The
// result is empty if neither does.
func (s Scenarios) Choose(reference, number string) Scenario {
	asked := Scenario("")
	for _, known := range s {
		if strings.HasSuffix(reference, "-"+string(known)) && len(known) > len(asked) {
			asked = known
		}
	}
	if asked != "" {
		return asked
	}
	return s[number[max(len(number)-4, 0):]]
}
