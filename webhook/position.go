package webhook

import "strings"

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
