package fake

import "strings"

// Scenario names what becomes of a payment, a payout or a transaction. Each fake
// documents the scenarios it plays and adds its provider's own.
type Scenario string

// The scenarios which several fakes play.
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

// Scenarios are what a fake plays, by the four digits a number ends in.
type Scenarios map[string]Scenario

// Choose returns the scenario that a test asks for with one of its values: a
// reference that ends in a hyphen and the scenario's name, or else a number that
// ends in the scenario's digits. The longest name counts: a reference that ends
// in "-jammed-paid" asks for jammed-paid. An empty Scenario means that neither
// value asks for one.
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
