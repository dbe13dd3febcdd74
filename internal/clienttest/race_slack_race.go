//go:build race

package clienttest

// RaceSlack is how many allocations more a call may be seen to make because
// pools forget at random under the race detector.
const RaceSlack = 4
