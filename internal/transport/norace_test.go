//go:build !race

package transport_test

// raceSlack is zero: without the race detector allocations are exact.
const raceSlack = 0
