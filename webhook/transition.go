package webhook

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
