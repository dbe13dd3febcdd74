package bitpesatest

import (
	"fmt"
	"slices"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

// SetRecipientState moves a recipient of a funded transaction along one arrow.
// code is the reason of an error, such as "416" for a bad account number; empty
// means "3", trouble that passes. canceled and refunded mean the same: the money
// goes back when all recipients are done.
func (f *Fake) SetRecipientState(id string, to bitpesa.RecipientState, code string) error {
	state := string(to)
	f.world.Lock()
	defer f.world.Unlock()
	a, r := f.state.recipient(id)
	if r == nil {
		return notKnown("recipient", id)
	}
	if code == "" {
		code = "3"
	}
	if !slices.Contains([]string{categoryTemporary, categoryRecipient, categorySender}, category(code)) {
		return fmt.Errorf("%w: %q is no code of an error", ErrState, code)
	}
	t, _ := a.Transactions.find(r.Transaction)
	open := []string{recipientPending, recipientError, recipientManual, recipientStuck}
	from := map[string][]string{
		recipientPending:   {recipientError, recipientManual, recipientStuck},
		recipientSuccess:   open,
		recipientError:     {recipientPending, recipientStuck},
		recipientManual:    {recipientPending, recipientError},
		recipientStuck:     {recipientPending},
		recipientOverpaid:  open,
		recipientCanceled:  open,
		recipientRefunded:  open,
		recipientException: open,
	}
	if err := checkArrow("a recipient", from, r.State, state); err != nil {
		return err
	}
	if !t.payingOut() {
		return fmt.Errorf("%w: its transaction is %s", illegal("a recipient", r.State, state), t.State)
	}
	switch state {
	case recipientPending:
		f.startPayout(a, t, r)
	case recipientSuccess:
		f.succeedPayout(a, t, r)
	case recipientError:
		f.failPayout(a, t, r, code)
	case recipientCanceled, recipientRefunded:
		r.State = recipientCanceled
		f.settle(a, t)
	default:
		r.State = state
		f.settle(a, t)
	}
	return nil
}
