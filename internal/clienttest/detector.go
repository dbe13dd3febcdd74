package clienttest

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
func RaceDetector() bool { return raceDetector }

// RaceSlack is how many allocations more a call may be seen to make because pools
// forget at random under the race detector: without it, none.
func RaceSlack() float64 { return float64(Times(0, 6)) }
