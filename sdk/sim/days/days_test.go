package days_test

import (
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
