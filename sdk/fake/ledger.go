package fake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Entry is one line of an account.
type Entry struct {
	ID          string          `json:"id"`
	Account     Account         `json:"account"`
	Amount      decimal.Decimal `json:"amount"` // signed: a debit is negative
	Kind        string          `json:"kind"`   // the provider's own word, such as DEPOSIT
	Status      EntryStatus     `json:"status"`
	Description string          `json:"description"`
	Reference   string          `json:"reference"` // of the ride, payout or payment that made the entry
	Created     time.Time       `json:"created"`   // virtual
}

// EntryStatus says whether an entry counts.
type EntryStatus string

const (
	EntryPending EntryStatus = "pending" // a credit to come, or a debit that is reserved
	EntryPosted  EntryStatus = "posted"  // part of the balance
	EntryFailed  EntryStatus = "failed"  // never took effect
)

// Account names one balance.
type Account struct {
	Owner    string `json:"owner"`
	Currency string `json:"currency"`
}

// Ledger keeps accounts in exact decimals, for authors of fakes. The balance of
// an account is the sum of its posted entries. What is available is the balance
// less the pending debits. A ledger has no lock of its own: it is part of the
// provider's state, which the World's lock guards. Make it with NewLedger.
//
// An unknown account or entry is an ErrNotFound. An entry whose status does not
// allow the change is an ErrIllegalMove. A debit beyond the account's limit is an
// ErrInsufficient.
type Ledger struct {
	accounts map[Account]*book
	entries  map[string]*Entry
	observe  func(Entry) // hears of each entry that is added or moved; may be nil
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

// Open makes an account whose debits may take it to overdraft below zero. For an
// account that is open already it changes the limit only, even if the balance is
// below the new limit.
func (l *Ledger) Open(a Account, overdraft decimal.Decimal) {
	b := l.accounts[a]
	if b == nil {
		b = &book{}
		l.accounts[a] = b
	}
	b.overdraft = overdraft
}

// Post adds an entry that counts at once. A debit beyond the limit is refused.
func (l *Ledger) Post(e Entry) error {
	e.Status = EntryPosted
	return l.add(e, true)
}

// Reserve adds a pending entry. A pending debit reduces what is available and is
// refused beyond the limit. A pending credit counts for nothing before Move.
func (l *Ledger) Reserve(e Entry) error {
	e.Status = EntryPending
	return l.add(e, true)
}

// Adjust adds an entry that counts at once, whatever the limit.
func (l *Ledger) Adjust(e Entry) error {
	e.Status = EntryPosted
	return l.add(e, false)
}

// Move ends a pending entry: EntryPosted makes it count, EntryFailed releases
// what it reserved. An entry that is not pending any more is refused.
func (l *Ledger) Move(id string, status EntryStatus) error {
	e := l.entries[id]
	if e == nil {
		return fmt.Errorf("ledger entry %q: %w", id, ErrNotFound)
	}
	if e.Status != EntryPending {
		return fmt.Errorf("ledger entry %q is %s already: %w", id, e.Status, ErrIllegalMove)
	}
	if status != EntryPosted && status != EntryFailed {
		return fmt.Errorf("ledger entry %q cannot become %q: %w", id, status, ErrIllegalMove)
	}
	b := l.accounts[e.Account]
	if e.Amount.IsNegative() {
		b.reserved = b.reserved.Add(e.Amount)
	}
	if status == EntryPosted {
		b.balance = b.balance.Add(e.Amount)
	}
	e.Status = status
	l.tell(e)
	return nil
}

// Describe changes the description of a pending entry, to say why it fails.
func (l *Ledger) Describe(id, description string) error {
	e := l.entries[id]
	switch {
	case e == nil:
		return fmt.Errorf("ledger entry %q: %w", id, ErrNotFound)
	case e.Status != EntryPending:
		return fmt.Errorf("ledger entry %q is %s already: %w", id, e.Status, ErrIllegalMove)
	}
	e.Description = description
	return nil
}

func (l *Ledger) tell(e *Entry) {
	if l.observe != nil {
		l.observe(*e)
	}
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

// Covers reports whether the account's limit allows a debit of this positive
// amount.
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

// Entries returns the entries of an account, oldest first.
func (l *Ledger) Entries(a Account) []Entry {
	b := l.accounts[a]
	if b == nil {
		return nil
	}
	entries := make([]Entry, len(b.entries))
	for i, e := range b.entries {
		entries[i] = *e
	}
	return entries
}

// Debits returns the posted and pending debits that belong to one of these
// references, oldest first, from all accounts. Failed debits are left out.
func (l *Ledger) Debits(references ...string) []Entry {
	return l.Select(func(e Entry) bool { return e.Amount.IsNegative() && slices.Contains(references, e.Reference) })
}

// Select returns the posted and pending entries that match, oldest first, from all
// accounts. It looks at every entry, so it is for a fake's Debits, not for its
// handlers.
func (l *Ledger) Select(match func(Entry) bool) []Entry {
	var selected []Entry
	for _, a := range l.sorted() {
		for _, e := range l.accounts[a].entries {
			if e.Status != EntryFailed && match(*e) {
				selected = append(selected, *e)
			}
		}
	}
	slices.SortStableFunc(selected, func(x, y Entry) int { return x.Created.Compare(y.Created) })
	return selected
}

// Len is how many entries an account has.
func (l *Ledger) Len(a Account) int {
	if b := l.accounts[a]; b != nil {
		return len(b.entries)
	}
	return 0
}

// Page skips the newest entries of an account and returns up to n older ones,
// newest first, for a provider that lists pages. Its cost is that of the page,
// whatever the size of the account.
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

// Check adds up the entries of every account. It reports the first account whose
// balance or reservation differs from that sum.
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

// sorted are the names of all accounts in a fixed order.
func (l *Ledger) sorted() []Account {
	return slices.SortedFunc(maps.Keys(l.accounts), func(x, y Account) int {
		return cmp.Or(cmp.Compare(x.Owner, y.Owner), cmp.Compare(x.Currency, y.Currency))
	})
}

func (b *book) covers(amount decimal.Decimal) bool {
	return b.balance.Sub(b.reserved).Sub(amount).GreaterThanOrEqual(b.overdraft.Neg())
}

func (l *Ledger) add(e Entry, limited bool) error {
	b := l.accounts[e.Account]
	if b == nil {
		return fmt.Errorf("account of %q in %q: %w", e.Account.Owner, e.Account.Currency, ErrNotFound)
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
	l.tell(&e)
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
	for _, a := range l.sorted() {
		b := l.accounts[a]
		books = append(books, savedBook{a, b.overdraft, b.entries})
	}
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
