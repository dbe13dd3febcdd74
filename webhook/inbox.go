package webhook

import (
	"context"
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
