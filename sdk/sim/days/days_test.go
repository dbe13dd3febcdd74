package days_test

import (
	"os"
	"testing"

	"github.com/kapiteni/kapiten-go/sdk/sim"
	"github.com/kapiteni/kapiten-go/sdk/sim/days"
)

func TestEachClientKeepsThePromise(t *testing.T) {
	t.Parallel()
	for _, day := range days.All() {
		t.Run(day.Name, func(t *testing.T) {
			t.Parallel()
			day.Config.Seeds = 150
			sim.Run(t, day.Config, day.Program)
		})
	}
}

// The same seed must give the same day, whatever the scheduler does: else no failure
// could be made again. KAPITEN_FULL=1 makes each day 200 times.
func TestTheSameSeedIsTheSameDay(t *testing.T) {
	t.Parallel()
	seeds, times := uint64(3), 4
	if os.Getenv("KAPITEN_FULL") != "" {
		seeds, times = 3, 200
	}
	for _, day := range days.All() {
		t.Run(day.Name, func(t *testing.T) {
			t.Parallel()
			for seed := range seeds {
				if difference := sim.Repeat(t, day.Config, 100+seed, times, day.Program); difference != "" {
					t.Errorf("seed %d: %s", 100+seed, difference)
				}
			}
		})
	}
}
