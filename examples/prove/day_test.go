package main

import (
	"os"
	"testing"

	"github.com/kapiteni/kapiten-go/sdk/sim"
)

func TestTheWholeDay(t *testing.T) {
	day := wholeDay()
	day.Config.Seeds = 40
	sim.Run(t, day.Config, day.Program)
}

func TestTheWholeDayIsTheSameAgain(t *testing.T) {
	day := wholeDay()
	times := 2
	if os.Getenv("KAPITEN_FULL") != "" {
		times = 50
	}
	for seed := range uint64(4) {
		if difference := sim.Repeat(t, day.Config, 38+seed, times, day.Program); difference != "" {
			t.Errorf("seed %d: %s", 38+seed, difference)
		}
	}
}

// A rule whose text has moved could not be broken any more.
func TestEachRuleCanBeBroken(t *testing.T) {
	for _, r := range rules {
		if _, err := mutate("../..", t.TempDir(), r.edits); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}
