package sdk

import (
	"context"
	"fmt"
	"io"
)

// Prepared is a write that was checked and encoded, and of which nothing has left. It
// is for a program that keeps its own record of attempts, as package journal does:
// nothing here repeats anything. A client's Prepare methods make one, and the same
// parameters make the same again in another process.
//
// Store Body, write down that an attempt begins, and call Send with the stored Body.
// After an unknown outcome call Look.
type Prepared[T any] struct {
	Operation Operation
	Reference string // the caller's own reference, or its idempotency key
	// Body is the request as it is sent. PlaceholderURL stands in it for a callback URL
	// that Config.CallbackURL makes, so that no secret of the URL is stored.
	Body []byte
	// Send makes one attempt with a Body, and looks nothing up. An error's Outcome is
	// that of this attempt alone: the outcome of an earlier attempt stays open.
	Send func(ctx context.Context, body []byte) (*T, error)
	// Look looks once for what the attempts have made. The error matches ErrNotFound
	// where the provider says that it has none, and ErrReferenceTaken where it has
	// another under the reference. Any other error says neither. Look is nil where the
	// provider has no such lookup.
	Look func(ctx context.Context) (*T, error)
}

// PlaceholderURL stands for a callback URL in Prepared.Body. Send replaces it by a new
// URL in each attempt.
const PlaceholderURL = "https://callback.invalid/"

// Format keeps the body out of anything printed.
func (p Prepared[T]) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "sdk.Prepared{"+p.Operation.Name+" ...}")
}
