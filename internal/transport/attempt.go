package transport

import "time"

// Attempt describes one attempt of a call to an observer.
type Attempt struct {
	Provider  string
	Operation string
	Method    string
	Path      string // the template, never the expanded path; "/{raw}" for DoRaw
	Number    int    // 1 for the first; a redirect that is followed keeps it
	Status    int    // 0 without an answer
	Duration  time.Duration
	Outcome   Outcome // empty when the attempt succeeded
	RequestID string
	// Err is why there is no good answer: what the network, the signer, the
	// login or the decoder said, in its own words. They may hold addresses and
	// parts of the answer: not for a log.
	Err error
}
