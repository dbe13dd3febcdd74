package bitpesatest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Kinds of ledger entries.
const (
	entryOpening    = "opening"
	entryDeposit    = "deposit"
	entryWithdrawal = "withdrawal"
	entryDebit      = "debit"  // a transaction was funded from the balance
	entryPayin      = "payin"  // a transaction was funded by its sender
	entryRefund     = "refund" // the money of a cancelled transaction came back
	entryPayout     = "payout" // a recipient of type CUR::Balance was paid
)

// Balance is what a key's account holds in a currency, zero if it has none.
func (f *Fake) Balance(key, currency string) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Balance(fake.Account{Owner: key, Currency: currency})
}

// Deposit adds money to a key's account. It refuses an unknown key with
// fake.ErrNotFound, and an amount that is not above zero.
func (f *Fake) Deposit(key, currency string, amount decimal.Decimal) error {
	f.world.Lock()
	defer f.world.Unlock()
	a, err := f.accountFor(key, amount)
	if err != nil {
		return err
	}
	if currency == "" {
		return errors.New("bitpesatest: a deposit needs a currency")
	}
	f.credit(a, currency, amount, entryDeposit, "")
	return nil
}

// Withdraw takes money from a key's account. It refuses an unknown key with
// fake.ErrNotFound, more than the account holds with fake.ErrIllegalMove, and an
// amount that is not above zero.
func (f *Fake) Withdraw(key, currency string, amount decimal.Decimal) error {
	f.world.Lock()
	defer f.world.Unlock()
	a, err := f.accountFor(key, amount)
	if err != nil {
		return err
	}
	from := balanceOf(a, currency)
	if !f.state.Ledger.Covers(from, amount) {
		return fmt.Errorf("bitpesatest: %w: %s holds less than %s %s", fake.ErrIllegalMove, key, amount, currency)
	}
	return f.state.Ledger.Post(fake.Entry{ID: f.newID(), Account: from, Amount: amount.Neg(), Kind: entryWithdrawal, Created: f.now()})
}

func (f *Fake) accountFor(key string, amount decimal.Decimal) (*account, error) {
	a := f.state.Accounts[key]
	switch {
	case a == nil:
		return nil, notKnown("account", key)
	case !amount.IsPositive():
		return nil, errAmount
	}
	return a, nil
}

// Entries are the ledger of a key's account in a currency, oldest first. The id
// of a sender, instead of a key, gives the sender's own payments.
func (f *Fake) Entries(key, currency string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Entries(fake.Account{Owner: key, Currency: currency})
}

// Debits are the ledger entries by which money was taken for a transaction,
// oldest first. The reference is the transaction's external id or its id. The
// entries are debits of the merchant's balance, or payments of the sender. One
// external id may name a transaction of each key.
func (f *Fake) Debits(reference string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	var ids []string
	for _, a := range f.state.Accounts {
		if t := cmp.Or(a.Transactions.Find(reference), a.transactionByRef(reference)); t != nil {
			ids = append(ids, t.ID)
		}
	}
	return f.state.Ledger.Debits(ids...)
}

// CheckLedger adds all entries up anew. It reports a balance that differs from
// its entries, and a key's balance below zero.
func (f *Fake) CheckLedger() error {
	f.world.Lock()
	defer f.world.Unlock()
	if err := f.state.Ledger.Check(); err != nil {
		return err
	}
	for key, a := range f.state.Accounts {
		for _, code := range a.Currencies {
			if b := f.state.Ledger.Balance(balanceOf(a, code)); b.IsNegative() {
				return fmt.Errorf("bitpesatest: %s holds %s %s", key, b, code)
			}
		}
	}
	return nil
}

func balanceOf(a *account, currency string) fake.Account {
	return fake.Account{Owner: a.Key, Currency: currency}
}

// payerOf is the account of a sender who pays from outside: all we know of it is
// what has left it.
func payerOf(t *transaction) fake.Account {
	return fake.Account{Owner: t.SenderID, Currency: t.Currency}
}

// credit books money into a key's account. The lock is held.
func (f *Fake) credit(a *account, code string, amount decimal.Decimal, kind, reference string) {
	f.state.credit(a, code, fake.Entry{ID: f.newID(), Amount: amount, Kind: kind, Reference: reference, Created: f.now()})
}

func (st *state) credit(a *account, code string, e fake.Entry) {
	a.holds(code)
	e.Account = balanceOf(a, code)
	st.book(e)
}

// payer books a payment of the sender, which is negative, or its refund. Each
// happens once. The lock is held.
func (f *Fake) payer(t *transaction, amount decimal.Decimal, kind string) {
	f.state.book(fake.Entry{ID: f.derivedID(kind, t.ID), Account: payerOf(t), Amount: amount, Kind: kind, Reference: t.ID, Created: f.now()})
}

// book opens the account if need be. It books without a limit.
func (st *state) book(e fake.Entry) {
	st.Ledger.Open(e.Account, decimal.Zero)
	fake.Must(st.Ledger.Adjust(e)) // the id is new
}

func (f *Fake) accountObject(a *account, code string) object {
	of := balanceOf(a, code)
	return object{
		"amount": number(f.state.Ledger.Balance(of)), "currency": code,
		"amount_after_pending": number(f.state.Ledger.Available(of)),
	}
}

func (f *Fake) listAccounts(c *call) response {
	list := []any{}
	for _, code := range c.account.Currencies {
		list = append(list, f.accountObject(c.account, code))
	}
	return success(list).withMeta(object{"negative_balance": false})
}

// getAccount responds with an object; the BitPesa guide shows a list.
func (f *Fake) getAccount(c *call) response {
	code := c.request.PathValue("currency")
	switch {
	case !slices.Contains(c.account.Currencies, code):
		return notFound()
	case f.config.APIVersion == VersionBitPesa:
		return success([]any{f.accountObject(c.account, code)})
	}
	return success(f.accountObject(c.account, code)).withMeta(object{"negative_balance": false})
}

// dlocalBalance shows the same balances in another shape (assumed).
func (f *Fake) dlocalBalance(c *call) response {
	list := []any{}
	for _, code := range c.account.Currencies {
		balance := number(f.state.Ledger.Balance(balanceOf(c.account, code)))
		list = append(list, object{
			"currency": code, "available_balance": balance,
			"previous_day_closing_balance": balance, "current_balance_date": f.now().Format(time.DateOnly),
		})
	}
	return success(list)
}
