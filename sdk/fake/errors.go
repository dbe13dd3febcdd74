package fake

// Errors of every fake, for errors.Is. Constants, so that nobody can reassign
// them.
const (
	// ErrNotFound: the fake has no object with this id, reference or account.
	ErrNotFound = sentinel("not found")
	// ErrIllegalMove: the object's state does not allow this transition, or its
	// ledger does not cover the debit. Nothing has changed.
	ErrIllegalMove = sentinel("illegal move")
)

type sentinel string

func (s sentinel) Error() string { return "fake: " + string(s) }
