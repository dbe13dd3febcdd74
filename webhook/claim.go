package webhook

// ClaimStatus is an inbox's answer to Claim.
type ClaimStatus string

const (
	ClaimNew      ClaimStatus = "new"       // yours until the lease ends
	ClaimInFlight ClaimStatus = "in flight" // someone works on this event, or on another of its reference
	ClaimDone     ClaimStatus = "done"      // finished before; Claim.Answer was given
)

// Claim is the right to work on one event and, with it, on its reference.
type Claim struct {
	Key
	Status ClaimStatus
	// State is the Result.State completed last for the reference, empty if there
	// was none.
	State string
	// Same tells, in flight, that it is this very event.
	Same bool
	// Answer is set when Status is ClaimDone.
	Answer Answer
	// Fence is unique among the claims of the reference. A claim taken over by
	// another worker cannot be completed: its fence is no longer the current one.
	Fence int64
	// Payload and Attempts are set by Queue.Take; the first attempt is 1.
	Payload  []byte
	Attempts int
}
