package bitpesatest

import (
	"fmt"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

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
