package webhook

import (
	"context"
	"time"
)

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
