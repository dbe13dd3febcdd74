//go:build race

package transport_test

// raceSlack is how many allocations a call may cost more under the race detector,
// which drops at random what pools hold.
const raceSlack = 3
