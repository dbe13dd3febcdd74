package transport

// Outcome answers the first question about a failed call: did it happen?
type Outcome string

const (
	// NotSent: no byte of the request left this process.
	NotSent Outcome = "not sent"
	// Rejected: the provider answered, in its own words, that it did not do it.
	Rejected Outcome = "rejected"
	// Unknown: bytes left, or may have left, and no clear answer came.
	Unknown Outcome = "unknown"
	// NoEffect: a Safe operation got no clear answer. Nothing can have moved.
	NoEffect Outcome = "no effect"
)
