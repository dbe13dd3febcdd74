package webhook

import (
	"maps"
	"slices"
	"strings"
)

// Transition is what an event's status means after the last one applied.
type Transition string

const (
	Advanced   Transition = "advanced"   // forward, states may have been skipped; handed on
	Reversal   Transition = "reversal"   // takes back a success; handed on
	Duplicate  Transition = "duplicate"  // the state is already there; acknowledged
	Stale      Transition = "stale"      // an earlier state came late; acknowledged
	Impossible Transition = "impossible" // no way leads there; reported and kept as a dead letter
)

// moves reports whether the transition changes the state.
func (t Transition) moves() bool { return t == Advanced || t == Reversal }

// States is a provider's table of which status can follow which. A nil *States
// knows no order: every event counts as an advance. Immutable, safe for
// concurrent use.
type States struct {
	arrows    map[string]map[string]bool
	reversals map[string]map[string]bool
	reach     map[string]map[string]bool
	known     map[string]bool
}

// NewStates builds a table. Arrows lead forward; reversals take back what had
// succeeded (money returned after a payout). A status that can repeat has an
// arrow to itself.
func NewStates(arrows, reversals map[string][]string) *States {
	s := &States{arrows: edges(arrows), reversals: edges(reversals), reach: map[string]map[string]bool{}, known: map[string]bool{}}
	for _, from := range slices.Concat(slices.Collect(maps.Keys(arrows)), slices.Collect(maps.Keys(reversals))) {
		s.known[from] = true
		s.walk(from, from)
	}
	return s
}

// Transition tells what it means that status to comes after status from. An
// empty from (nothing known yet) is advanced by anything. Callbacks get lost and
// pollers look rarely, so a jump over several arrows is an advance too. A status
// the table does not name advances every state that is not final.
func (s *States) Transition(from, to string) Transition {
	switch {
	case s == nil || from == "" || s.arrows[from][to]:
		return Advanced
	case s.reversals[from][to]:
		return Reversal
	case from == to:
		return Duplicate
	case s.reach[from][to]:
		return Advanced
	case s.reach[to][from]:
		return Stale
	case s.Final(from), s.known[from] && s.known[to]:
		return Impossible
	default:
		return Advanced
	}
}

// Final reports whether nothing but a reversal can follow. A status the table
// does not name is never final.
func (s *States) Final(status string) bool {
	if s == nil || !s.known[status] {
		return false
	}
	for to := range s.arrows[status] {
		if to != status {
			return false
		}
	}
	return true
}

func (s *States) walk(start, at string) {
	if s.reach[start] == nil {
		s.reach[start] = map[string]bool{}
	}
	for _, next := range []map[string]bool{s.arrows[at], s.reversals[at]} {
		for to := range next {
			if !s.reach[start][to] {
				s.reach[start][to], s.known[to] = true, true
				s.walk(start, to)
			}
		}
	}
}

func edges(lists map[string][]string) map[string]map[string]bool {
	out := make(map[string]map[string]bool, len(lists))
	for from, tos := range lists {
		out[from] = make(map[string]bool, len(tos))
		for _, to := range tos {
			out[from][to] = true
		}
	}
	return out
}

// A position is a reference's state as an inbox stores it: the last status. Where
// that is one its table does not name, the last one it does name stands before
// it, or a new status would let all the old ones in again.
const positionMark = "\n" // no status holds a control character

// position after a status was applied.
func (s *States) position(before, status string) string {
	if s == nil || s.known[status] {
		return status
	}
	named, _, _ := strings.Cut(before, positionMark)
	return named + positionMark + status
}

// transition is Transition from a position.
func (s *States) transition(position, to string) Transition {
	named, unnamed, _ := strings.Cut(position, positionMark)
	if unnamed != "" && unnamed == to {
		return Duplicate
	}
	return s.Transition(named, to)
}

// lastStatus is the status a position was reached by.
func lastStatus(position string) string {
	return position[strings.LastIndex(position, positionMark)+1:]
}
