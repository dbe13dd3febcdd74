package transport

import "time"

// Verdict is what a provider's answer means. The zero value is Unclear.
type Verdict struct {
	Kind    Kind
	Code    string
	Message string
	Fields  Fields
	Reasons []error // sentinels of package sdk
	// RetryAfter is a wait the body asks for, where the header gives none.
	RetryAfter time.Duration
	// Detail is what the refusal says besides, in the provider's own terms. It
	// becomes Detail of the *sdk.Error.
	Detail any
}

// Kind sorts answers by what they say about the work.
type Kind uint8

const (
	// Unclear: not the provider's own words, or words which leave open whether
	// the work was done (5xx, HTML, an empty error).
	Unclear Kind = iota
	// Accepted: the provider did it.
	Accepted
	// Refused: the provider says, in its own words, that it did not do it.
	Refused
	// Throttled: refused before any work; the same request may be sent again.
	Throttled
	// Expired: the token was refused before any work.
	Expired
	// Duplicate: the reference exists already, or the refusal cannot be told
	// from that. It settles nothing about an earlier request of the same call.
	Duplicate
	// InProgress: a request with the same idempotency key is still being worked
	// on. Its outcome is open, and the same key may ask again.
	InProgress
)
