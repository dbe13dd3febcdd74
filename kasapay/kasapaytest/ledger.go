package kasapaytest

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const (
	entryDeposit    = "DEPOSIT"
	entryWithdrawal = "WITHDRAWAL"
	entryPayout     = "PAYOUT"
	entryReversal   = "REVERSAL"
	entryRefund     = "REFUND"
)

// Balance is what the float account has left in a currency: less what is paid
// and what is reserved.
func (f *Fake) Balance(currency string) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Available(float(currency))
}

// Deposit pays an amount above zero into the float account.
func (f *Fake) Deposit(currency string, amount decimal.Decimal) error {
	if err := checkPositive(amount); err != nil {
		return err
	}
	f.world.Lock()
	defer f.world.Unlock()
	f.state.Ledger.Open(float(currency), decimal.Zero)
	return f.state.transfer(currency, amount, f.world.Now())
}

// Withdraw takes an amount above zero out of the float account. An amount beyond
// the Balance is refused with an error that wraps fake.ErrIllegalMove, a currency
// without a float with one that wraps fake.ErrNotFound.
func (f *Fake) Withdraw(currency string, amount decimal.Decimal) error {
	if err := checkPositive(amount); err != nil {
		return err
	}
	f.world.Lock()
	defer f.world.Unlock()
	if err := f.state.transfer(currency, amount.Neg(), f.world.Now()); err != nil {
		return fmt.Errorf("kasapaytest: withdrawal of %s %s: %w", amount, currency, err)
	}
	return nil
}

// Entries are the lines of the float account in a currency, oldest first.
func (f *Fake) Entries(currency string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Entries(float(currency))
}

// Debits are the entries by which a payout took money from the float, oldest
// first: reserved (pending) or paid (posted). A payout that failed, or was
// reversed before it was paid, has none. A paid one keeps its debit when the money
// comes back later. The reference is the caller's or the returned one. Use it to
// assert that a payout cost its amount at most once.
func (f *Fake) Debits(reference string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	p := f.state.find(reference)
	if p == nil {
		return nil
	}
	return f.state.Ledger.Debits(p.Reference)
}

// CheckLedger adds everything up anew. The float must be the sum of its entries
// and not below zero. A paid payout must have cost its amount once, and one that
// is under way must reserve it. Any other payout must have cost nothing.
func (f *Fake) CheckLedger() error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.check()
}

func checkPositive(amount decimal.Decimal) error {
	if amount.IsPositive() {
		return nil
	}
	return fmt.Errorf("kasapaytest: %w: the amount must be above zero", fake.ErrIllegalMove)
}

// float is the account payouts in a currency are paid from.
func float(currency string) fake.Account { return fake.Account{Owner: "float", Currency: currency} }

func debitID(p *Payout) string  { return "payout " + p.Reference }
func returnID(p *Payout) string { return "return " + p.Reference }

// transfer books money that the merchant pays in, or takes out when the amount
// is negative.
func (st *state) transfer(currency string, amount decimal.Decimal, now time.Time) error {
	e := fake.Entry{
		ID: fmt.Sprintf("deposit %d", st.Transfers+1), Account: float(currency), Amount: amount,
		Kind: entryDeposit, Description: "Float funding", Created: now,
	}
	if amount.IsNegative() {
		e.ID, e.Kind, e.Description = fmt.Sprintf("withdrawal %d", st.Transfers+1), entryWithdrawal, "Float withdrawal"
	}
	err := st.Ledger.Post(e)
	if err == nil {
		st.Transfers++
	}
	return err
}

// pay moves the money of a payout that goes to another status, by a transition
// that was checked.
func (st *state) pay(p *Payout, to kasapay.PaymentStatus, now time.Time) error {
	switch {
	case to == kasapay.StatusProcessed && p.Unfunded: // nothing was reserved; the float may cover it by now
		if err := st.Ledger.Post(p.entry(debitID(p), entryPayout, p.Amount.Neg(), now)); err != nil {
			return fmt.Errorf("kasapaytest: %w: the float does not cover payout %q", fake.ErrIllegalMove, p.Reference)
		}
		p.Unfunded = false
	case p.Unfunded || to == kasapay.StatusJammed || p.Status == kasapay.StatusFailed:
	case to == kasapay.StatusProcessed:
		fake.Must(st.Ledger.Move(debitID(p), fake.EntryPosted))
	case p.Status == kasapay.StatusProcessed && to == kasapay.StatusRefunded:
		fake.Must(st.Ledger.Post(p.entry(returnID(p), entryRefund, p.Amount, now)))
	case p.Status == kasapay.StatusProcessed:
		fake.Must(st.Ledger.Post(p.entry(returnID(p), entryReversal, p.Amount, now)))
	default: // failed, or reversed before it was paid
		fake.Must(st.Ledger.Move(debitID(p), fake.EntryFailed))
	}
	return nil
}

// entry is a line of the float account for this payout.
func (p *Payout) entry(id, kind string, amount decimal.Decimal, now time.Time) fake.Entry {
	return fake.Entry{
		ID: id, Account: float(p.Currency), Amount: amount, Kind: kind,
		Description: p.Description, Reference: p.Reference, Created: now,
	}
}

func (st *state) check() error {
	if err := st.Ledger.Check(); err != nil {
		return err
	}
	for _, p := range st.Payouts.All() {
		if left := st.Ledger.Available(float(p.Currency)); left.IsNegative() {
			return fmt.Errorf("kasapaytest: the float is overdrawn: %s %s", left, p.Currency)
		}
		cost, reserved := st.cost(p)
		wantCost, wantReserved := decimal.Zero, decimal.Zero
		switch {
		case p.Unfunded:
		case p.Status == kasapay.StatusProcessed:
			wantCost = p.Amount
		case p.Status == kasapay.StatusPending || p.Status == kasapay.StatusJammed:
			wantReserved = p.Amount
		}
		if !cost.Equal(wantCost) || !reserved.Equal(wantReserved) {
			return fmt.Errorf("kasapaytest: payout %q of %s is %s, has cost %s and reserves %s", p.Reference, p.Amount, p.Status, cost, reserved)
		}
	}
	return nil
}

// cost is what a payout has taken for good, and what it holds back.
func (st *state) cost(p *Payout) (cost, reserved decimal.Decimal) {
	for _, id := range []string{debitID(p), returnID(p)} {
		e, _ := st.Ledger.Entry(id)
		switch e.Status {
		case fake.EntryPosted:
			cost = cost.Sub(e.Amount)
		case fake.EntryPending:
			reserved = reserved.Sub(e.Amount)
		}
	}
	return cost, reserved
}
