package bitpesatest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kapiteni/kapiten-go/bitpesa"
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

// SetSenderState moves a sender along one arrow of its state machine: initial to
// verified or approved or rejected, verified to approved or rejected, any to
// banned or disabled. The transactions of an approved one stop waiting.
func (f *Fake) SetSenderState(id string, to bitpesa.SenderState) error {
	state := string(to)
	f.world.Lock()
	defer f.world.Unlock()
	a, x := f.state.sender(id)
	if x == nil {
		return notKnown("sender", id)
	}
	from := map[string][]string{
		senderVerified: {senderInitial},
		senderApproved: {senderInitial, senderVerified},
		senderRejected: {senderInitial, senderVerified},
		senderBanned:   {senderInitial, senderVerified, senderApproved, senderRejected, senderDisabled},
		senderDisabled: {senderInitial, senderVerified, senderApproved, senderRejected},
	}
	if err := checkArrow("a sender", from, x.State, state); err != nil {
		return err
	}
	x.State = state
	switch state {
	case senderApproved:
		f.emitSender(a, x, "sender.approved")
		f.approveWaiting(a, x)
	case senderRejected:
		f.emitSender(a, x, "sender.rejected")
	}
	return nil
}

// SetTransactionState moves a transaction along one arrow. received pays it in
// from outside of its balance, or ends a compliance review (processing); paid
// pays all its recipients; canceled and refunded cancel what can be cancelled
// and give that money back.
func (f *Fake) SetTransactionState(id string, to bitpesa.TransactionState) error {
	state := string(to)
	f.world.Lock()
	defer f.world.Unlock()
	a, t := f.state.transaction(id)
	if t == nil {
		return notKnown("transaction", id)
	}
	funded := []string{transactionReceived, transactionMispaid, transactionManual}
	unfunded := []string{transactionInitial, transactionApproved, transactionPending}
	from := map[string][]string{
		transactionApproved:   {transactionInitial},
		transactionPending:    {transactionApproved},
		transactionReceived:   {transactionApproved, transactionPending, transactionProcessing},
		transactionProcessing: funded,
		transactionManual:     {transactionReceived, transactionMispaid},
		transactionPaid:       funded,
		transactionCanceled:   append(unfunded, funded...),
		transactionRefunded:   funded,
		transactionException:  append(append(unfunded, funded...), transactionProcessing),
	}
	if err := checkArrow("a transaction", from, t.State, state); err != nil {
		return err
	}
	return f.steer(a, t, state)
}

// steer carries out a checked arrow of a transaction.
func (f *Fake) steer(a *account, t *transaction, state string) error {
	switch {
	case state == transactionReceived && t.State == transactionProcessing:
		f.release(a, t)
	case state == transactionReceived:
		f.fund(a, t)
	case state == transactionPaid:
		for _, r := range a.recipientsOf(t) {
			if !r.settled() {
				f.succeedPayout(a, t, r)
			}
		}
	case state == transactionCanceled && t.unfunded():
		f.cancelUnfunded(a, t)
	case state == transactionCanceled || state == transactionRefunded:
		return f.cancelFunded(a, t, state)
	default:
		f.move(t, state)
		if state == transactionApproved {
			f.beginPayins(a, t)
		}
	}
	return nil
}

// cancelFunded cancels every recipient that is not paid. One whose payout is
// under way cannot be: then nothing is done.
func (f *Fake) cancelFunded(a *account, t *transaction, state string) error {
	open := []*recipient{}
	for _, r := range a.recipientsOf(t) {
		m, _ := a.PayoutMethods.find(r.PayoutMethod)
		switch {
		case r.settled():
		case r.mayCancel(m.Type):
			open = append(open, r)
		default:
			return fmt.Errorf("%w: recipient %s is %s", illegal("a transaction", t.State, state), r.ID, r.State)
		}
	}
	for _, r := range open {
		r.State = recipientCanceled
	}
	f.settle(a, t)
	return nil
}

// release lets the payouts go on after a compliance review.
func (f *Fake) release(a *account, t *transaction) {
	f.move(t, transactionReceived)
	for _, r := range a.recipientsOf(t) {
		switch {
		case r.State == recipientPending:
			f.world.After(f.config.PayoutDelay, name, eventPayout, payoutKey(r))
		case r.retriable():
			f.startPayout(a, t, r)
		}
	}
	f.settle(a, t)
}

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
