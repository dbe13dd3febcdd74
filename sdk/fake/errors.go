package fake

// Errors of every fake, for errors.Is. They are constants, so that nobody can
// reassign them. Nothing has changed when one of them is returned.
const (
	// ErrNotFound: the fake has no object with this id, reference, account or
	// provider's name.
	ErrNotFound = sentinel("not found")
	// ErrIllegalMove: the object's state does not allow this transition, or its
	// ledger does not cover the debit.
	ErrIllegalMove = sentinel("illegal move")
	// ErrInsufficient: a debit would take an account below its limit. It is an
	// ErrIllegalMove too.
	ErrInsufficient = sentinel("not enough money in the account")
)

type sentinel string

func (s sentinel) Error() string { return "fake: " + string(s) }

// Is makes errors.Is find the wider error in the narrower one.
func (s sentinel) Is(target error) bool { return s == ErrInsufficient && target == ErrIllegalMove }
