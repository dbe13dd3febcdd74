package main

import (
	"testing"

	"github.com/kapiteni/kapiten-go/sdk/sim"
)

func TestTheWholeDay(t *testing.T) {
	day := wholeDay()
	day.Config.Seeds, day.Config.Watchdog = 40, 8e9
	sim.Run(t, day.Config, day.Program)
}
