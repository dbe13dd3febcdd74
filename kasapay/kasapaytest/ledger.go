package kasapaytest

import (
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const (
	entryDeposit  = "DEPOSIT"
	entryPayout   = "PAYOUT"
	entryReversal = "REVERSAL"
	entryRefund   = "REFUND"
)

// Float is what the float account has left in a currency: less what is paid and
// what is reserved.
func (f *Fake) Float(currency string) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Available(float(currency))
}

// Fund pays an amount above zero into the float account.
func (f *Fake) Fund(currency string, amount decimal.Decimal) error {
	f.world.Lock()
	defer f.world.Unlock()
	if !amount.IsPositive() {
		return errors.New("kasapaytest: the amount must be above zero")
	}
	f.state.deposit(currency, amount, f.world.Now())
	return nil
}

// Entries are the lines of the float account in a currency, newest first.
func (f *Fake) Entries(currency string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Page(float(currency), 0, f.state.Ledger.Len(float(currency)))
}

// CheckLedger adds everything up anew: the float is the sum of its entries and
// not below zero, a payout that is paid was debited once, one that is under way
// has its amount reserved, and any other one has cost nothing.
func (f *Fake) CheckLedger() error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.check()
}

// float is the account payouts in a currency are paid from.
func float(currency string) fake.Account { return fake.Account{Owner: "float", Currency: currency} }

func debitID(p *Payout) string  { return "payout " + p.Reference }
func returnID(p *Payout) string { return "return " + p.Reference }

func (st *state) deposit(currency string, amount decimal.Decimal, now time.Time) {
	st.Ledger.Open(float(currency), decimal.Zero)
	if !amount.IsPositive() {
		return
	}
	st.Deposits++
	st.book(st.Ledger.Post(fake.Entry{
		ID: fmt.Sprintf("deposit %d", st.Deposits), Account: float(currency), Amount: amount,
		Kind: entryDeposit, Description: "Float funding", Created: now,
	}))
}

// pay moves the money of a payout that goes from its status to another one, by
// an arrow that was checked.
func (st *state) pay(p *Payout, status kasapay.PaymentStatus, now time.Time) error {
	switch {
	case status == kasapay.StatusProcessed && p.Unfunded:
		return st.payLate(p, now)
	case p.Unfunded || status == kasapay.StatusJammed || p.Status == kasapay.StatusFailed:
	case status == kasapay.StatusProcessed:
		st.book(st.Ledger.Settle(debitID(p), fake.EntryPosted))
	case p.Status == kasapay.StatusProcessed:
		kind := entryReversal
		if status == kasapay.StatusRefunded {
			kind = entryRefund
		}
		st.book(st.Ledger.Post(fake.Entry{
			ID: returnID(p), Account: float(p.Currency), Amount: p.Amount,
			Kind: kind, Description: p.Description, Reference: p.Reference, Created: now,
		}))
	default: // failed, or reversed before it was paid
		st.book(st.Ledger.Settle(debitID(p), fake.EntryFailed))
	}
	return nil
}

// payLate debits a payout for which nothing was reserved, if the float covers
// it by now.
func (st *state) payLate(p *Payout, now time.Time) error {
	err := st.Ledger.Post(fake.Entry{
		ID: debitID(p), Account: float(p.Currency), Amount: p.Amount.Neg(),
		Kind: entryPayout, Description: p.Description, Reference: p.Reference, Created: now,
	})
	if err != nil { // not enough, or no account in that currency
		return ErrFloat
	}
	p.Unfunded = false
	return nil
}

// book is for entries that fit by what was checked before.
func (st *state) book(err error) {
	if err != nil {
		panic(fmt.Sprintf("kasapaytest: %v", err))
	}
}

func (st *state) check() error {
	if err := st.Ledger.Check(); err != nil {
		return err
	}
	for _, p := range st.Payouts {
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
