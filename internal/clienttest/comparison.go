package clienttest

import (
	"context"
	"testing"
	"time"
)

// Comparison is a call made twice: with net/http and encoding/json by hand, and with
// the SDK, both to the same server.
type Comparison struct {
	ByHand, SDK func(context.Context) error
	// JSON is the part of ByHand that encodes and decodes. The versions of encoding/json
	// allocate differently for the plain types by hand and for the SDK's. So CheckAllocs
	// measures JSON in the same run, and takes it off.
	JSON func() error
}

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
// by hand without their JSON. The server's are counted too, the same on both sides.
func (c Comparison) CheckAllocs(t *testing.T, extra float64) {
	t.Helper()
	var encoding float64
	if c.JSON != nil {
		encoding = testing.AllocsPerRun(200, func() {
			if err := c.JSON(); err != nil {
				t.Error(err)
			}
		})
	}
	for _, deadline := range []bool{false, true} {
		measure := func(call func(context.Context) error) float64 {
			return testing.AllocsPerRun(200, func() {
				if err := once(t.Context(), deadline, call); err != nil {
					t.Error(err)
				}
			})
		}
		byHand, sdk := measure(c.ByHand), measure(c.SDK)
		t.Logf("deadline %v: by hand %v, %v of them JSON, SDK %v", deadline, byHand, encoding, sdk)
		if sdk > byHand-encoding+extra+RaceSlack() {
			t.Errorf("deadline %v: %v allocations, by hand %v, %v of them JSON", deadline, sdk, byHand, encoding)
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
