package transport

import "time"

// Attempt describes one attempt of a call to an observer.
type Attempt struct {
	Provider  string
	Operation string
	Method    string
	Path      string // the template, never the expanded path
	Number    int    // 1 for the first
	Status    int    // 0 without an answer
	Duration  time.Duration
	Outcome   Outcome // empty when the attempt succeeded
	RequestID string
	Err       error // the network error, if any
}
