package webhook

import (
	"maps"
	"slices"
	"strings"
)

// Transition is the result of comparing an event's status with the status
// applied last.
type Transition string

const (
	Advanced   Transition = "advanced"   // forward, perhaps over several states; handed on
	Reversal   Transition = "reversal"   // takes back a success; handed on
	Duplicate  Transition = "duplicate"  // the reference has this status already; acknowledged
	Stale      Transition = "stale"      // an earlier status came late; acknowledged
	Impossible Transition = "impossible" // the table has no way there; reported and kept as a dead letter
)

// moves reports whether the transition changes the state.
func (t Transition) moves() bool { return t == Advanced || t == Reversal }

// States is a provider's table of which status can follow which. With a nil
// *States every event counts as an advance. Immutable, safe for concurrent use.
type States struct {
	forward   map[string]map[string]bool
	reversals map[string]map[string]bool
	reach     map[string]map[string]bool
	known     map[string]bool
}

// NewStates builds a table of the transitions that lead forward and of the
// reversals, which take back a success (money returned after a payout). List a
// status as following itself if it can repeat.
func NewStates(forward, reversals map[string][]string) *States { return statesOf(forward, reversals) }

// statesOf is NewStates for a provider's own status type.
func statesOf[T ~string](forward, reversals map[T][]T) *States {
	s := &States{forward: edges(forward), reversals: edges(reversals), reach: map[string]map[string]bool{}, known: map[string]bool{}}
	for _, from := range slices.Concat(slices.Collect(maps.Keys(s.forward)), slices.Collect(maps.Keys(s.reversals))) {
		s.known[from] = true
		s.walk(from, from)
	}
	return s
}

// Transition compares status to with status from, the last one applied. Anything
// advances an empty from. A jump over several transitions is an advance too,
// because callbacks get lost and pollers look rarely. A status that the table
// does not name advances every state that is not final.
func (s *States) Transition(from, to string) Transition {
	switch {
	case s == nil || from == "" || s.forward[from][to]:
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

// Final reports whether only a reversal can follow. A status that the table does
// not name is never final.
func (s *States) Final(status string) bool {
	if s == nil || !s.known[status] {
		return false
	}
	for to := range s.forward[status] {
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
	for _, next := range []map[string]bool{s.forward[at], s.reversals[at]} {
		for to := range next {
			if !s.reach[start][to] {
				s.reach[start][to], s.known[to] = true, true
				s.walk(start, to)
			}
		}
	}
}

func edges[T ~string](lists map[T][]T) map[string]map[string]bool {
	out := make(map[string]map[string]bool, len(lists))
	for from, tos := range lists {
		out[string(from)] = make(map[string]bool, len(tos))
		for _, to := range tos {
			out[string(from)][string(to)] = true
		}
	}
	return out
}

// An inbox stores a reference's state: its last status. If the table does not
// name that status, the last status it does name is stored before it, divided by
// stateMark. Without that one, a status new to the table would let every old
// status in again.
const stateMark = "\n" // no status holds a control character

// stateAfter is the state to store once status was applied in state before.
func (s *States) stateAfter(before, status string) string {
	if s == nil || s.known[status] {
		return status
	}
	named, _, _ := strings.Cut(before, stateMark)
	return named + stateMark + status
}

// compare is Transition from a stored state.
func (s *States) compare(state, to string) Transition {
	named, unnamed, _ := strings.Cut(state, stateMark)
	if unnamed != "" && unnamed == to {
		return Duplicate
	}
	return s.Transition(named, to)
}

// lastStatus is the status that led to a stored state.
func lastStatus(state string) string {
	return state[strings.LastIndex(state, stateMark)+1:]
}
