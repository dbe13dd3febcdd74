package webhook

import (
	"context"
	"strings"
	"time"
)

// Inbox remembers events and the last status of each reference. MemoryInbox and
// SQLInbox are two; both are a Queue as well. Safe for concurrent use, and where
// several processes share one, safe among them.
type Inbox interface {
	// Claim takes the event's reference for the time of the lease, which the
	// inbox measures. A worker that dies frees it when the lease ends.
	Claim(ctx context.Context, key Key, lease time.Duration) (Claim, error)
	// Complete marks the event done and frees the reference. ErrLeaseLost if
	// another worker took over; then nothing is changed.
	Complete(ctx context.Context, c Claim, r Result) error
	// Release frees the reference and leaves the event as it was before. A claim
	// that was lost is no error.
	Release(ctx context.Context, c Claim) error
}

// Key identifies an event. Events of one Reference are worked on one at a time.
type Key struct {
	Provider  string
	Reference string
	ID        string
}

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

// Queue is an Inbox that also stores events to work on later, for background
// mode and dead letters.
type Queue interface {
	Inbox
	// Put stores an event and reports whether it was new. A queued or finished
	// one stays as it is; a dead one is queued again with the new payload, so
	// that a forged letter cannot stand in the way of the genuine one.
	Put(ctx context.Context, key Key, payload []byte) (bool, error)
	// Take claims a stored event that is due and whose reference is free, and
	// counts the attempt. False: there is none.
	Take(ctx context.Context, provider string, lease time.Duration) (Claim, bool, error)
	// Retry gives a taken event back, due after the delay.
	Retry(ctx context.Context, c Claim, delay time.Duration, reason string) error
	// Bury makes a claimed event a dead letter and frees the reference.
	Bury(ctx context.Context, c Claim, reason string, payload []byte) error
	// Dead lists dead letters, oldest first.
	Dead(ctx context.Context, provider string, limit int) ([]DeadLetter, error)
	// Replay queues a dead letter again, attempts at zero, for Handler.Run; where
	// there is no background mode nobody works on it. ErrNoSuchLetter.
	Replay(ctx context.Context, key Key) error
	// Discard marks a dead letter done. ErrNoSuchLetter.
	Discard(ctx context.Context, key Key) error
}

// DeadLetter is an event nobody could be made to accept: its attempts ran out,
// or its status cannot follow.
type DeadLetter struct {
	Key
	Reason   string // at most 500 bytes
	Attempts int
	Since    time.Time
	// Payload is the stored delivery in this package's own form; its body is in
	// it as received. See Body.
	Payload []byte
}

// Body is the callback's body as received; nil if it is no longer stored.
func (d DeadLetter) Body() []byte {
	p, err := decodePayload(d.Payload)
	if err != nil {
		return nil
	}
	return p.Body
}

const maxReason = 500

// shorten makes of a reason, which may quote anything, a text that every database
// takes: within bounds, in one piece, without NUL.
func shorten(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
	if len(text) <= maxReason {
		return text
	}
	cut := maxReason
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut]
}
