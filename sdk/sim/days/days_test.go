package days_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk/sim"
	"github.com/kapiteni/kapiten-go/sdk/sim/days"
)

// A day that meets no trouble proves nothing: each kind of day must have met what it is
// for, and all together every fault of the network.
func TestEachDayKeepsThePromiseAndMeetsItsTrouble(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var all sim.Report
	t.Run("days", func(t *testing.T) {
		for _, day := range days.All() {
			t.Run(day.Name, func(t *testing.T) {
				t.Parallel()
				day.Config.Seeds = clienttest.Times(200, 20) // races show in few days; what is met needs many
				r := sim.Explore(t, day.Config, day.Program)
				for _, f := range r.Failures {
					t.Errorf("%sreplay: SIM_REPLAY=%s go test -run '^%s$' ./sdk/sim/days", f, f.Replay, t.Name())
				}
				if missing := r.Missing(day.Meets...); len(missing) > 0 && r.Days >= 150 {
					t.Errorf("in %d days this was never met: %s", r.Days, strings.Join(missing, "; "))
				}
				mu.Lock()
				defer mu.Unlock()
				all.Add(r)
			})
		}
	})
	wanted := []string{sim.MetKilledWithResponse, sim.MetCallbackDown}
	for _, f := range sim.Faults() {
		if f != sim.FaultDatabase { // see examples/prove
			wanted = append(wanted, string(f))
		}
	}
	if missing := all.Missing(wanted...); len(missing) > 0 && all.Days > 1000 {
		t.Errorf("in %d days of all kinds this was never met: %s", all.Days, strings.Join(missing, "; "))
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
