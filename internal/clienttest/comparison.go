package clienttest

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
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

// Quarter leaves out three of four cases under the race detector. It is for the many
// cases of one table that run the same code: the detector is slow, and without it all run.
type Quarter struct{ cases int }

// LeavesOut counts a case. The first of four is kept, then the second of the next four,
// and so on, so that rows of four do not always keep the same column.
func (q *Quarter) LeavesOut() bool { return leftOut(&q.cases, 4) }

// Sixteenth is as Quarter, for tables of several hundred cases.
type Sixteenth struct{ cases int }

// LeavesOut counts a case, and keeps one of sixteen.
func (s *Sixteenth) LeavesOut() bool { return leftOut(&s.cases, 16) }

func leftOut(cases *int, of int) bool {
	n := *cases
	*cases++
	return RaceDetector() && n%of != n/of%of
}

// Times is how often a test repeats the same: few times under the race detector, which
// is slow and sees the same code in few.
func Times(all, few int) int {
	if RaceDetector() {
		return few
	}
	return all
}

// RaceDetector reports whether the tests run under it.
func RaceDetector() bool { return raceDetector() }

var raceDetector = sync.OnceValue(func() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
})

// RaceSlack is how many allocations more a call may be seen to make because pools
// forget at random under the race detector: without it, none.
func RaceSlack() float64 { return float64(Times(0, 6)) }
