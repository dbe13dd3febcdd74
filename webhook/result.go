package webhook

// Result is what became of a claimed event.
type Result struct {
	// State is the status applied from now on; empty leaves it as it was.
	State string
	// Outcome is kept with the event, for the record.
	Outcome Transition
	// Answer is given to every later duplicate.
	Answer Answer
}
