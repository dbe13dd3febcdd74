package kotanitest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// partner owns the accounts payouts are paid from.
const partner = "partner"

// Balance is what the partner has left in a currency: less what is paid and what
// is reserved.
func (f *Fake) Balance(currency string) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Available(fake.Account{Owner: partner, Currency: currency})
}

// Fund pays an amount above zero into the partner's account.
func (f *Fake) Fund(currency string, amount decimal.Decimal) error {
	f.world.Lock()
	defer f.world.Unlock()
	if !amount.IsPositive() {
		return errors.New("kotanitest: the amount must be above zero")
	}
	f.state.fund(currency, amount, f.world.Now())
	return nil
}

// Entries are the lines of the partner's account in a currency, newest first.
func (f *Fake) Entries(currency string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	a := fake.Account{Owner: partner, Currency: currency}
	return f.state.Ledger.Page(a, 0, f.state.Ledger.Len(a))
}

// CheckLedger adds everything up anew: every balance is the sum of its entries,
// none is below zero, and every transaction has moved what its status says, once.
func (f *Fake) CheckLedger() error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.check()
}

func (st *state) fund(currency string, amount decimal.Decimal, now time.Time) {
	a := st.account(partner, currency)
	if !amount.IsPositive() {
		return
	}
	st.Deposits++
	book(st.Ledger.Post(fake.Entry{
		ID: fmt.Sprintf("fund %d", st.Deposits), Account: a, Amount: amount, Kind: "FUND", Created: now,
	}))
}

// account opens an account when it is first used.
func (st *state) account(owner, currency string) fake.Account {
	a := fake.Account{Owner: owner, Currency: currency}
	st.Ledger.Open(a, decimal.Zero)
	return a
}

// covered reports whether all debits of the legs can be booked. No two legs
// debit one account.
func (st *state) covered(legs []Leg) bool {
	for _, l := range legs {
		if l.Amount.IsNegative() && !st.Ledger.Covers(st.account(l.Owner, l.Currency), l.Amount.Neg()) {
			return false
		}
	}
	return true
}

// reserve books the legs of a fresh transaction as pending.
func (st *state) reserve(t *Transaction) {
	for i, l := range t.Legs {
		book(st.Ledger.Reserve(st.entry(t, l, legID(t, i))))
	}
}

func (st *state) settle(t *Transaction, status fake.EntryStatus) {
	for i := range t.Legs {
		book(st.Ledger.Settle(legID(t, i), status))
	}
}

// reverse books the opposite of all legs, or nothing when one is not covered.
func (st *state) reverse(t *Transaction, now time.Time) bool {
	back := make([]Leg, len(t.Legs))
	for i, l := range t.Legs {
		back[i] = Leg{l.Owner, l.Currency, l.Amount.Neg()}
	}
	if !st.covered(back) {
		return false
	}
	for i, l := range back {
		e := st.entry(t, l, reversalID(t, i))
		e.Created = now
		book(st.Ledger.Post(e))
	}
	return true
}

func (st *state) entry(t *Transaction, l Leg, id string) fake.Entry {
	return fake.Entry{
		ID: id, Account: st.account(l.Owner, l.Currency), Amount: l.Amount,
		Kind: t.Operation, Reference: t.RequestID, Created: t.Created,
	}
}

func legID(t *Transaction, i int) string      { return fmt.Sprintf("%s %d", t.RequestID, i) }
func reversalID(t *Transaction, i int) string { return fmt.Sprintf("reversal %s %d", t.RequestID, i) }

// book is for entries that fit by what was checked before.
func book(err error) {
	if err != nil {
		panic(fmt.Sprintf("kotanitest: %v", err))
	}
}

func (st *state) check() error {
	if err := st.Ledger.Check(); err != nil {
		return err
	}
	for _, t := range st.Transactions {
		want, reversed := fake.EntryFailed, false
		switch t.Status {
		case kotani.StatusPending:
			want = fake.EntryPending
		case kotani.StatusSuccessful:
			want = fake.EntryPosted
		case kotani.StatusReversed:
			want, reversed = fake.EntryPosted, true
		}
		for i, l := range t.Legs {
			e, ok := st.Ledger.Entry(legID(t, i))
			if !ok || e.Status != want || !e.Amount.Equal(l.Amount) || e.Account != (fake.Account{Owner: l.Owner, Currency: l.Currency}) {
				return fmt.Errorf("kotanitest: transaction %s is %s, its entry is %q of %s", t.RequestID, t.Status, e.Status, e.Amount)
			}
			back, ok := st.Ledger.Entry(reversalID(t, i))
			if ok != reversed || ok && !back.Amount.Equal(l.Amount.Neg()) {
				return fmt.Errorf("kotanitest: transaction %s is %s, reversed in the ledger: %t", t.RequestID, t.Status, ok)
			}
			if left := st.Ledger.Available(e.Account); left.IsNegative() {
				return fmt.Errorf("kotanitest: %s has %s %s left", e.Account.Owner, left, e.Account.Currency)
			}
		}
	}
	return nil
}

// wallet owns a user's coins on a chain.
func wallet(phone string, chain kotani.Chain) string {
	return strings.Join([]string{phone, string(chain)}, "@")
}
