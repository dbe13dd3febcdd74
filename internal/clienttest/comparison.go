package clienttest

import (
	"context"
	"testing"
	"time"
)

// Comparison is a call made twice: with net/http and encoding/json by hand, and with
// the SDK, both to the same server.
type Comparison struct{ ByHand, SDK func(context.Context) error }

// Bench compares the two, without and with a deadline. By hand and control are
// the same code: their difference is the error of the measurement.
func (c Comparison) Bench(b *testing.B) {
	for _, deadline := range []bool{false, true} {
		name := "open"
		if deadline {
			name = "deadline"
		}
		for _, side := range []struct {
			name string
			call func(context.Context) error
		}{{"by hand", c.ByHand}, {"sdk", c.SDK}, {"control", c.ByHand}} {
			b.Run(name+"/"+side.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := once(b.Context(), deadline, side.call); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// CheckAllocs fails when the SDK makes more than so many allocations beyond those
// by hand. The server's are counted too, the same on both sides.
func (c Comparison) CheckAllocs(t *testing.T, extra float64) {
	t.Helper()
	for _, deadline := range []bool{false, true} {
		measure := func(call func(context.Context) error) float64 {
			return testing.AllocsPerRun(200, func() {
				if err := once(t.Context(), deadline, call); err != nil {
					t.Error(err)
				}
			})
		}
		byHand, sdk := measure(c.ByHand), measure(c.SDK)
		t.Logf("deadline %v: by hand %v, SDK %v", deadline, byHand, sdk)
		if sdk > byHand+extra+RaceSlack {
			t.Errorf("deadline %v: %v allocations, by hand %v", deadline, sdk, byHand)
		}
	}
}

func once(ctx context.Context, deadline bool, call func(context.Context) error) error {
	if !deadline {
		return call(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return call(ctx)
}
