package bitpesatest

import (
	"errors"
	"fmt"
	"slices"
)

// Errors of the control calls, for errors.Is.
var (
	ErrNotFound   = errors.New("bitpesatest: not found")
	ErrTransition = errors.New("bitpesatest: transition not allowed")
	ErrState      = errors.New("bitpesatest: unknown state")

	errNoAmount = errors.New("bitpesatest: the amount must be above zero")
)

func notKnown(kind, id string) error { return fmt.Errorf("%w: %s %q", ErrNotFound, kind, id) }

func illegal(kind, from, to string) error {
	return fmt.Errorf("%w: %s that is %s cannot become %s", ErrTransition, kind, from, to)
}

// checkArrow refuses an unknown state and an arrow the table does not have.
func checkArrow(kind string, from map[string][]string, now, state string) error {
	sources, known := from[state]
	switch {
	case !known:
		return fmt.Errorf("%w %q of %s", ErrState, state, kind)
	case !slices.Contains(sources, now):
		return illegal(kind, now, state)
	}
	return nil
}
