package kotanitest

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// partner owns the accounts from which payouts are paid. binance holds what payers of
// orders have paid until it is paid out.
const (
	partner = "partner"
	binance = "binance"
)

// Kinds of entries that no operation made; the others have the operation's name.
const (
	kindDeposit  = "DEPOSIT"  // Fake.Deposit, and the balances at the start
	kindWithdraw = "WITHDRAW" // Fake.Withdraw
	kindOrder    = "ORDER"    // a Binance order that was paid
)

// Balance is the partner's available money in a currency: payouts are taken off
// as soon as they are reserved.
func (f *Fake) Balance(currency string) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Available(fake.Account{Owner: partner, Currency: currency})
}

// WalletBalance is the money of a user on a chain, in units of the chain's coin:
// cUSD on Celo, USDT on Tron, USDC elsewhere.
func (f *Fake) WalletBalance(phone string, chain kotani.Chain) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Balance(fake.Account{Owner: wallet(phone, chain), Currency: coinOn(chain)})
}

// Deposit pays an amount above zero into the partner's account.
func (f *Fake) Deposit(currency string, amount decimal.Decimal) error {
	return f.adjust(kindDeposit, currency, amount, amount)
}

// Withdraw takes an amount above zero out of the partner's account. More than
// Balance is refused with fake.ErrIllegalMove.
func (f *Fake) Withdraw(currency string, amount decimal.Decimal) error {
	return f.adjust(kindWithdraw, currency, amount, amount.Neg())
}

func (f *Fake) adjust(kind, currency string, amount, signed decimal.Decimal) error {
	f.world.Lock()
	defer f.world.Unlock()
	switch {
	case !amount.IsPositive():
		return fmt.Errorf("kotanitest: the amount %s is not above zero", amount)
	case !f.state.covered([]Leg{{partner, currency, signed}}):
		return fmt.Errorf("kotanitest: %w: %s %s is more than the balance", fake.ErrIllegalMove, amount, currency)
	}
	f.state.adjust(kind, currency, signed, f.world.Now())
	return nil
}

// Entries are the entries of the partner's account in a currency, oldest first.
func (f *Fake) Entries(currency string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Entries(fake.Account{Owner: partner, Currency: currency})
}

// Debits are the entries by which money was taken for a reference, oldest first:
// the partner's debits for a payout, the payer's payment for a collection or an
// order. Reserved entries are among them, failed entries are not. The reference
// is an external id, a request id, a transaction hash, a prepay id or a UBI program.
// An external id can name a collection and a payout.
func (f *Fake) Debits(reference string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	references := map[string]bool{reference: reference != ""}
	for _, t := range f.state.Transactions.All() {
		if t.hasReference(reference) {
			references[t.RequestID] = true
		}
	}
	return f.state.Ledger.Select(func(e fake.Entry) bool {
		return references[e.Reference] && isCollection(e.Kind) == e.Amount.IsPositive()
	})
}

// isCollection reports whether money comes in with entries of this kind.
func isCollection(kind string) bool {
	return slices.Contains([]string{kotani.OpDeposit, kotani.OpDepositQuoted, kotani.OpTronCashIn, kotani.OpBuyCelo, kindOrder}, kind)
}

// CheckLedger adds everything up anew. Every balance must be the sum of its
// entries and not below zero. Every transaction must have moved, once, what its
// status says.
func (f *Fake) CheckLedger() error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.check()
}

// Leg is what a transaction moves in one account.
type Leg struct {
	Owner    string          `json:"owner"` // "partner", or a user's phone number, "@" and the chain
	Currency string          `json:"currency"`
	Amount   decimal.Decimal `json:"amount"` // signed: a debit is negative
}

func (l Leg) account() fake.Account { return fake.Account{Owner: l.Owner, Currency: l.Currency} }

// pays are the legs of an amount that leaves the partner's account.
func pays(currency string, amount decimal.Decimal) []Leg {
	return []Leg{{partner, currency, amount.Neg()}}
}

// wallet owns a user's coins on a chain.
func wallet(phone string, chain kotani.Chain) string { return phone + "@" + string(chain) }

// account opens an account when it is first used.
func (st *state) account(owner, currency string) fake.Account {
	a := fake.Account{Owner: owner, Currency: currency}
	st.Ledger.Open(a, decimal.Zero)
	return a
}

// adjust posts what a test deposits or withdraws.
func (st *state) adjust(kind, currency string, amount decimal.Decimal, now time.Time) {
	st.Adjustments++
	st.post(fmt.Sprint("adjustment ", st.Adjustments), kind, "", now, Leg{partner, currency, amount})
}

// post books legs at once.
func (st *state) post(id, kind, reference string, now time.Time, legs ...Leg) {
	st.book(st.Ledger.Post, id, kind, reference, now, legs)
}

// book books legs with the ledger's Post or Reserve. They must be covered. The
// entries' ids are id and the number of the leg.
func (st *state) book(with func(fake.Entry) error, id, kind, reference string, now time.Time, legs []Leg) {
	for i, l := range legs {
		fake.Must(with(fake.Entry{
			ID: entryID(id, i), Account: st.account(l.Owner, l.Currency), Amount: l.Amount,
			Kind: kind, Reference: reference, Created: now,
		}))
	}
}

func entryID(id string, leg int) string { return fmt.Sprint(id, " ", leg) }

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
	st.book(st.Ledger.Reserve, t.RequestID, t.Operation, t.RequestID, t.Created, t.Legs)
}

// end posts or fails the pending entries of a transaction.
func (st *state) end(t *Transaction, status fake.EntryStatus) {
	for i := range t.Legs {
		fake.Must(st.Ledger.Move(entryID(t.RequestID, i), status))
	}
}

// reversal begins the ids of entries that give back what a transaction moved.
const reversal = "reversal "

// reverse books the opposite of all legs, or nothing when a leg is not covered.
func (st *state) reverse(t *Transaction, now time.Time) bool {
	back := make([]Leg, len(t.Legs))
	for i, l := range t.Legs {
		back[i] = Leg{l.Owner, l.Currency, l.Amount.Neg()}
	}
	if !st.covered(back) {
		return false
	}
	st.post(reversal+t.RequestID, t.Operation, t.RequestID, now, back...)
	return true
}

func (st *state) check() error {
	if err := st.Ledger.Check(); err != nil {
		return err
	}
	for _, t := range st.Transactions.All() {
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
			e, ok := st.Ledger.Entry(entryID(t.RequestID, i))
			if !ok || e.Status != want || !e.Amount.Equal(l.Amount) || e.Account != l.account() {
				return fmt.Errorf("kotanitest: transaction %s is %s, its entry is %q of %s", t.RequestID, t.Status, e.Status, e.Amount)
			}
			back, ok := st.Ledger.Entry(entryID(reversal+t.RequestID, i))
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
