package webhook

// Result is what became of a claimed event.
type Result struct {
	// State is where the reference stands from now on, for the next Claim to tell:
	// a status, or two on a line each. Empty leaves it as it was.
	State string
	// Outcome is kept with the event, for the record.
	Outcome Transition
	// Answer is given to every later duplicate.
	Answer Answer
}
