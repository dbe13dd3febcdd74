package transport

// Sentinels for errors.Is, shared by all provider packages, which re-export
// them. Constants, so that nobody can reassign them.
const (
	ErrOutcomeUnknown     = sentinel("outcome unknown")
	ErrNotSent            = sentinel("not sent")
	ErrRejected           = sentinel("rejected")
	ErrValidation         = sentinel("validation failed")
	ErrUnauthorized       = sentinel("unauthorized")
	ErrForbidden          = sentinel("forbidden")
	ErrNotFound           = sentinel("not found")
	ErrDuplicate          = sentinel("duplicate")
	ErrInProgress         = sentinel("still in progress")
	ErrRateLimited        = sentinel("rate limited")
	ErrInsufficientFunds  = sentinel("insufficient funds")
	ErrDeclined           = sentinel("declined")
	ErrConfiguration      = sentinel("configuration refused")
	ErrServer             = sentinel("server error")
	ErrRedirected         = sentinel("redirect refused")
	ErrUnexpectedResponse = sentinel("unexpected response")
)

type sentinel string

func (s sentinel) Error() string { return string(s) }
