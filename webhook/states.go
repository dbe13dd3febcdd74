package webhook

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Transition is the result of comparing an event's status with the status
// applied last.
type Transition string

const (
	Advanced   Transition = "advanced"   // to a later status, perhaps over several; a failure is one, too
	Reversed   Transition = "reversed"   // takes back a success, whether or not that success was handed on
	Corrected  Transition = "corrected"  // a success after a failure, or, if the API repeats it, after a reversal
	Unexpected Transition = "unexpected" // the table has no way there, and yet it is so
	Stale      Transition = "stale"      // an earlier status came late; not handed on
	Duplicate  Transition = "duplicate"  // the reference has this status already; not handed on
)

// moves reports whether the transition is handed on.
func (t Transition) moves() bool { return t != Stale && t != Duplicate }

// States is a provider's table of which status can follow which. With a nil
// *States every other status counts as an advance. Immutable, safe for concurrent
// use.
type States struct {
	forward map[string]map[string]bool
	reach   map[string]map[string]bool
	known   map[string]bool
	success map[string]bool
	taken   map[string]bool     // statuses that take back a success
	before  map[string][]string // by a named status, the states that it moves
}

// NewStates builds a table of the transitions that lead forward, of the statuses
// that are a success, and of the statuses that take a success back, such as
// returned money.
func NewStates(forward map[string][]string, success, takenBack []string) *States {
	return statesOf(forward, success, takenBack)
}

// statesOf is NewStates for a provider's own status type.
func statesOf[T ~string](forward map[T][]T, success, takenBack []T) *States {
	s := &States{forward: map[string]map[string]bool{}, reach: map[string]map[string]bool{}, known: map[string]bool{}, success: setOf(success), taken: setOf(takenBack)}
	for from, tos := range forward {
		s.forward[string(from)] = setOf(tos)
	}
	for _, from := range slices.Concat(slices.Collect(maps.Keys(s.forward)), slices.Collect(maps.Keys(s.success)), slices.Collect(maps.Keys(s.taken))) {
		s.known[from] = true
		s.walk(from, from)
	}
	s.before = map[string][]string{}
	for to := range s.known {
		for _, from := range append(slices.Sorted(maps.Keys(s.known)), "") {
			if s.Transition(from, to).moves() {
				s.before[to] = append(s.before[to], from)
			}
		}
	}
	return s
}

// Transition compares status to with status from, the last one applied. A jump over
// several transitions is an advance, because callbacks get lost and pollers look
// rarely. A status that the table does not name advances every state that is not
// final.
func (s *States) Transition(from, to string) Transition {
	switch {
	case from == to && from != "":
		return Duplicate
	case s == nil:
		return Advanced
	case s.forward[from][to]:
		return Advanced
	case s.reach[to][from] && !s.reach[from][to]:
		return Stale
	case s.taken[to] && !s.taken[from], s.success[from] && s.failed(to):
		return Reversed
	case from == "", s.reach[from][to]:
		return Advanced
	case s.success[to] && s.failed(from):
		return Corrected
	case s.Final(from), s.known[from] && s.known[to]:
		return Unexpected
	default:
		return Advanced
	}
}

// Final reports whether the table lets nothing but a reversal follow. A status that
// the table does not name is never final.
func (s *States) Final(status string) bool {
	return s != nil && s.known[status] && len(s.forward[status]) == 0
}

// failed reports whether a status is an end without success.
func (s *States) failed(status string) bool {
	if !s.known[status] || s.success[status] {
		return false
	}
	for next := range s.reach[status] {
		if s.success[next] {
			return false
		}
	}
	return true
}

// ahead reports whether a posted status says more than the API's, so that the API
// may lag. A status that the table does not name cannot be compared.
func (s *States) ahead(posted, api string) bool {
	return s != nil && posted != api && s.known[posted] && s.known[api] && !s.reach[posted][api]
}

func (s *States) walk(start, at string) {
	if s.reach[start] == nil {
		s.reach[start] = map[string]bool{}
	}
	next := s.forward[at]
	if s.success[at] {
		next = maps.Clone(s.taken) // may follow every success
		maps.Copy(next, s.forward[at])
	}
	for to := range next {
		if !s.reach[start][to] {
			s.reach[start][to], s.known[to] = true, true
			s.walk(start, to)
		}
	}
}

func setOf[T ~string](list []T) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, v := range list {
		set[string(v)] = true
	}
	return set
}

// An inbox stores a reference's state: its last status. If the table does not
// name that status, the last status it does name is stored before it, divided by
// stateMark. Without that one, a status new to the table would let every old
// status in again.
const stateMark = "\n" // no status holds a control character

// stateAfter is the state to store once status was applied in state before.
func (s *States) stateAfter(before, status string) string {
	if s == nil || s.known[status] || status == "" {
		return cmp.Or(status, before)
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

// restores reports whether to is a success, and the stored state took one back.
func (s *States) restores(state, to string) bool {
	named, _, _ := strings.Cut(state, stateMark)
	return s != nil && s.success[to] && s.taken[named]
}

// lastStatus is the status that led to a stored state.
func lastStatus(state string) string {
	return state[strings.LastIndex(state, stateMark)+1:]
}
