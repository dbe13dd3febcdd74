package webhook

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// Key identifies an event. An inbox leases one event of a Reference at a time.
type Key struct {
	Provider  string
	Reference string
	ID        string
}

// Inbox remembers events and the last status of each reference. MemoryInbox and
// SQLInbox are inboxes, and each is a Queue as well. An Inbox must be safe for
// concurrent use, also by several processes if they share it.
type Inbox interface {
	// Acquire leases the event's reference to the caller. The inbox measures the
	// time: when the lease ends, the reference is free again, even if its worker
	// died.
	Acquire(ctx context.Context, key Key, lease time.Duration) (Lease, error)
	// Complete marks the event done and frees the reference. If another worker
	// has taken over, it changes nothing and returns ErrLeaseLost.
	Complete(ctx context.Context, l Lease, r Result) error
	// Release frees the reference and leaves the event as it was. Releasing a
	// lease that was lost is no error.
	Release(ctx context.Context, l Lease) error
}

// LeaseStatus says whether Acquire granted the lease.
type LeaseStatus string

const (
	LeaseGranted  LeaseStatus = "granted"   // work on the event until the lease ends
	LeaseInFlight LeaseStatus = "in flight" // a worker has this event, or another of its reference
	LeaseDone     LeaseStatus = "done"      // the event is finished; Lease.Response was sent
)

// Lease is what Acquire returns. While it is granted, its holder alone may work on
// the event and on its reference.
type Lease struct {
	Key
	Status LeaseStatus
	// State is the Result.State completed last for the reference, empty if there
	// was none.
	State string
	// Same tells, in flight, that the other worker has this very event.
	Same bool
	// Response is set when Status is LeaseDone.
	Response Response
	// Fence is unique among the leases of the reference. Once another worker has
	// taken over, the fence of the lost lease no longer matches, so the loser
	// cannot complete it.
	Fence int64
	// Payload and Attempts are set by Queue.Take; the first attempt is 1.
	Payload  []byte
	Attempts int
}

// Result is what became of a leased event.
type Result struct {
	// State is the state of the reference from now on, which the next Lease shows:
	// a status, or two divided by a line break. Empty leaves it as it was.
	State string
	// Transition is kept with the event, for the record.
	Transition Transition
	// Response is sent to every later duplicate.
	Response Response
}

// Queue is an Inbox that also stores events to work on later, for background
// mode and dead letters.
type Queue interface {
	Inbox
	// Put stores an event and reports whether it was new. An event that is queued
	// or finished stays as it is. A dead letter is queued again with the new
	// payload, so that a forgery does not block the genuine event.
	Put(ctx context.Context, key Key, payload []byte) (bool, error)
	// Take leases a stored event that is due and whose reference is free, and
	// counts the attempt. It returns false if there is none.
	Take(ctx context.Context, provider string, lease time.Duration) (Lease, bool, error)
	// Retry gives a taken event back; it is due again after the delay.
	Retry(ctx context.Context, l Lease, delay time.Duration, reason string) error
	// Bury makes a leased event a dead letter and frees the reference.
	Bury(ctx context.Context, l Lease, reason string, payload []byte) error
	// Dead lists dead letters, oldest first.
	Dead(ctx context.Context, provider string, limit int) ([]DeadLetter, error)
	// Replay queues a dead letter again with no attempts counted. Only Handler.Run
	// works on it, in background mode. It returns ErrNoSuchLetter if there is none.
	Replay(ctx context.Context, key Key) error
	// Discard marks a dead letter done, or returns ErrNoSuchLetter.
	Discard(ctx context.Context, key Key) error
}

// DeadLetter is an event that needs a person: its attempts ran out, or its status
// cannot follow the last one.
type DeadLetter struct {
	Key
	Reason   string // at most 500 bytes
	Attempts int
	Since    time.Time
	// Payload is the stored delivery in this package's own form. Use Body to read
	// the callback.
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

// shorten makes a reason fit for every database: valid UTF-8 without NUL, within
// bounds. A reason may quote anything.
func shorten(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
	return strings.ToValidUTF8(text[:min(len(text), maxReason)], "") // without half a character
}

// payload is an authenticated delivery as it is stored for later: the body, and
// what authentication had found.
type payload struct {
	Body  []byte `json:"body"`
	Trust Trust  `json:"trust"`
	Bound []byte `json:"bound,omitempty"` // as in a capability
}

func encodePayload(body []byte, trust Trust, bound *Bound) ([]byte, error) {
	p := payload{Body: body, Trust: trust}
	if bound != nil {
		text, err := bound.encode()
		if err != nil {
			return nil, err
		}
		p.Bound = text
	}
	return json.Marshal(p)
}

func decodePayload(stored []byte) (p payload, err error) {
	err = json.Unmarshal(stored, &p)
	return p, err
}

func (p payload) bound() (*Bound, error) {
	if len(p.Bound) == 0 {
		return nil, nil
	}
	b, err := decodeBound(p.Bound)
	return &b, err
}
