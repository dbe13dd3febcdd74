package fake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"
)

// ErrInsufficient is returned when a debit would take an account below its
// limit.
var ErrInsufficient = errors.New("fake: not enough money in the account")

// Ledger keeps accounts in exact decimals. The balance of an account is the sum
// of its posted entries; what is available is the balance less the debits that
// are pending. It has no lock of its own: it belongs to a provider's state, under
// the World's. The zero value is not usable, see NewLedger.
type Ledger struct {
	accounts map[Account]*book
	entries  map[string]*Entry
}

// Account names one balance.
type Account struct {
	Owner    string `json:"owner"`
	Currency string `json:"currency"`
}

type book struct {
	overdraft decimal.Decimal // how far below zero a debit may go
	balance   decimal.Decimal
	reserved  decimal.Decimal // pending debits, as a positive amount
	entries   []*Entry        // oldest first
}

// NewLedger makes a ledger without accounts.
func NewLedger() *Ledger {
	return &Ledger{accounts: map[Account]*book{}, entries: map[string]*Entry{}}
}

// Open makes an account that may go overdraft below zero. An account that is
// open already only gets the new limit; its balance may be below it from before.
func (l *Ledger) Open(a Account, overdraft decimal.Decimal) {
	b := l.accounts[a]
	if b == nil {
		b = &book{}
		l.accounts[a] = b
	}
	b.overdraft = overdraft
}

// Post books an entry at once. A debit beyond the limit is refused with
// ErrInsufficient.
func (l *Ledger) Post(e Entry) error {
	e.Status = EntryPosted
	return l.add(e, true)
}

// Reserve books a pending entry. A pending debit already counts against what is
// available and is refused with ErrInsufficient beyond the limit; a pending
// credit counts for nothing until it is settled.
func (l *Ledger) Reserve(e Entry) error {
	e.Status = EntryPending
	return l.add(e, true)
}

// Adjust books an entry at once, whatever the limit.
func (l *Ledger) Adjust(e Entry) error {
	e.Status = EntryPosted
	return l.add(e, false)
}

// Settle posts a pending entry, or fails it, which releases what it reserved.
// An entry that is not pending any more is refused.
func (l *Ledger) Settle(id string, status EntryStatus) error {
	e := l.entries[id]
	if e == nil {
		return fmt.Errorf("fake: no ledger entry %q", id)
	}
	if e.Status != EntryPending {
		return fmt.Errorf("fake: ledger entry %q is %s already", id, e.Status)
	}
	if status != EntryPosted && status != EntryFailed {
		return fmt.Errorf("fake: an entry cannot become %q", status)
	}
	b := l.accounts[e.Account]
	if e.Amount.IsNegative() {
		b.reserved = b.reserved.Add(e.Amount)
	}
	if status == EntryPosted {
		b.balance = b.balance.Add(e.Amount)
	}
	e.Status = status
	return nil
}

// Balance is the sum of the posted entries; zero for an account never opened.
func (l *Ledger) Balance(a Account) decimal.Decimal {
	if b := l.accounts[a]; b != nil {
		return b.balance
	}
	return decimal.Zero
}

// Available is the balance less the pending debits.
func (l *Ledger) Available(a Account) decimal.Decimal {
	if b := l.accounts[a]; b != nil {
		return b.balance.Sub(b.reserved)
	}
	return decimal.Zero
}

// Covers reports whether a debit of this positive amount would be booked.
func (l *Ledger) Covers(a Account, amount decimal.Decimal) bool {
	b := l.accounts[a]
	return b != nil && b.covers(amount)
}

// Entry returns one entry.
func (l *Ledger) Entry(id string) (Entry, bool) {
	e := l.entries[id]
	if e == nil {
		return Entry{}, false
	}
	return *e, true
}

// Len is how many entries an account has.
func (l *Ledger) Len(a Account) int {
	if b := l.accounts[a]; b != nil {
		return len(b.entries)
	}
	return 0
}

// Page returns up to n entries, newest first, after skipping the newest skip.
// It costs the page, not the account.
func (l *Ledger) Page(a Account, skip, n int) []Entry {
	b := l.accounts[a]
	if b == nil {
		return nil
	}
	var page []Entry
	for i := len(b.entries) - 1 - skip; i >= 0 && len(page) < n; i-- {
		page = append(page, *b.entries[i])
	}
	return page
}

// Check adds everything up anew and reports the first account whose balance or
// reservation is not what its entries say.
func (l *Ledger) Check() error {
	count := 0
	for a, b := range l.accounts {
		balance, reserved := decimal.Zero, decimal.Zero
		for _, e := range b.entries {
			if l.entries[e.ID] != e || e.Account != a {
				return fmt.Errorf("fake: ledger: entry %s is not filed under %s %s", e.ID, a.Owner, a.Currency)
			}
			switch {
			case e.Status == EntryPosted:
				balance = balance.Add(e.Amount)
			case e.Status == EntryPending && e.Amount.IsNegative():
				reserved = reserved.Sub(e.Amount)
			}
		}
		if !balance.Equal(b.balance) || !reserved.Equal(b.reserved) {
			return fmt.Errorf("fake: ledger: %s %s shows %s (%s reserved), its entries say %s (%s)",
				a.Owner, a.Currency, b.balance, b.reserved, balance, reserved)
		}
		count += len(b.entries)
	}
	if count != len(l.entries) {
		return fmt.Errorf("fake: ledger: %d entries in accounts, %d known", count, len(l.entries))
	}
	return nil
}

func (b *book) covers(amount decimal.Decimal) bool {
	return b.balance.Sub(b.reserved).Sub(amount).GreaterThanOrEqual(b.overdraft.Neg())
}

func (l *Ledger) add(e Entry, limited bool) error {
	b := l.accounts[e.Account]
	if b == nil {
		return fmt.Errorf("fake: no account of %q in %q", e.Account.Owner, e.Account.Currency)
	}
	if e.ID == "" {
		return errors.New("fake: ledger entry without id")
	}
	if l.entries[e.ID] != nil {
		return fmt.Errorf("fake: ledger entry %q exists already", e.ID)
	}
	if limited && e.Amount.IsNegative() && !b.covers(e.Amount.Neg()) {
		return ErrInsufficient
	}
	b.file(&e)
	l.entries[e.ID] = &e
	return nil
}

func (b *book) file(e *Entry) {
	b.entries = append(b.entries, e)
	switch {
	case e.Status == EntryPosted:
		b.balance = b.balance.Add(e.Amount)
	case e.Status == EntryPending && e.Amount.IsNegative():
		b.reserved = b.reserved.Sub(e.Amount)
	}
}

type savedBook struct {
	Account
	Overdraft decimal.Decimal `json:"overdraft"`
	Entries   []*Entry        `json:"entries"`
}

// MarshalJSON writes accounts and entries; balances are not written, they
// follow from the entries.
func (l *Ledger) MarshalJSON() ([]byte, error) {
	books := []savedBook{}
	for a, b := range l.accounts {
		books = append(books, savedBook{a, b.overdraft, b.entries})
	}
	slices.SortFunc(books, func(x, y savedBook) int {
		return cmp.Or(cmp.Compare(x.Owner, y.Owner), cmp.Compare(x.Currency, y.Currency))
	})
	return json.Marshal(books)
}

// UnmarshalJSON reads what MarshalJSON wrote into an empty ledger.
func (l *Ledger) UnmarshalJSON(data []byte) error {
	var books []savedBook
	if err := json.Unmarshal(data, &books); err != nil {
		return err
	}
	*l = *NewLedger()
	for _, saved := range books {
		if l.accounts[saved.Account] != nil {
			return fmt.Errorf("fake: ledger: account of %q in %q twice", saved.Owner, saved.Currency)
		}
		l.Open(saved.Account, saved.Overdraft)
		for _, e := range saved.Entries {
			if e == nil || e.ID == "" || l.entries[e.ID] != nil || e.Account != saved.Account {
				return errors.New("fake: ledger: entry without id, twice, or in a foreign account")
			}
			if e.Status != EntryPending && e.Status != EntryPosted && e.Status != EntryFailed {
				return fmt.Errorf("fake: ledger: entry %q has unknown status %q", e.ID, e.Status)
			}
			l.accounts[saved.Account].file(e)
			l.entries[e.ID] = e
		}
	}
	return nil
}
