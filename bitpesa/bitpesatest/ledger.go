package bitpesatest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/shopspring/decimal"
)

// Kinds of ledger entries.
const (
	entryOpening = "opening"
	entryDebit   = "debit"   // a transaction was funded
	entryRefund  = "refund"  // a cancelled transaction's money came back
	entryPayout  = "payout"  // a recipient of type CUR::Balance was paid
	entryDeposit = "deposit" // see Fake.Deposit
)

// Balance is what an account holds in a currency, zero if it has none.
func (f *Fake) Balance(key, currency string) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Balance(fake.Account{Owner: key, Currency: currency})
}

// Deposit adds money to an account. It refuses an unknown key and an amount
// that is not above zero.
func (f *Fake) Deposit(key, currency string, amount decimal.Decimal) error {
	f.world.Lock()
	defer f.world.Unlock()
	if _, known := f.keys[key]; !known {
		return fmt.Errorf("bitpesatest: no account %q", key)
	}
	if !amount.IsPositive() || currency == "" {
		return errors.New("bitpesatest: a deposit needs a currency and an amount above zero")
	}
	f.credit(key, currency, amount, entryDeposit, "")
	return nil
}

// CheckLedger adds all entries up anew and reports a balance that does not
// agree with them, or is below zero.
func (f *Fake) CheckLedger() error {
	f.world.Lock()
	defer f.world.Unlock()
	if err := f.state.Ledger.Check(); err != nil {
		return err
	}
	for key, a := range f.state.Accounts {
		for _, code := range a.Currencies {
			if b := f.state.Ledger.Balance(fake.Account{Owner: key, Currency: code}); b.IsNegative() {
				return fmt.Errorf("bitpesatest: %s holds %s %s", key, b, code)
			}
		}
	}
	return nil
}

// open gives an account its first balance in a currency.
func (st *state) open(a *account, code string, amount decimal.Decimal, now time.Time) {
	to := fake.Account{Owner: a.Key, Currency: code}
	a.holds(code)
	st.Ledger.Open(to, decimal.Zero)
	_ = st.Ledger.Adjust(fake.Entry{ID: entryOpening + " " + a.Key + " " + code, Account: to, Amount: amount, Kind: entryOpening, Created: now}) // the account is open, the id new
}

// credit books money in. The lock is held.
func (f *Fake) credit(key, code string, amount decimal.Decimal, kind, reference string) {
	to := fake.Account{Owner: key, Currency: code}
	f.state.Accounts[key].holds(code)
	f.state.Ledger.Open(to, decimal.Zero)
	_ = f.state.Ledger.Adjust(fake.Entry{ID: f.newID(), Account: to, Amount: amount, Kind: kind, Reference: reference, Created: f.now()}) // the account is open, the id new
}

func (f *Fake) accountObject(a *account, code string) object {
	to := balanceOf(a, code)
	return object{
		"amount": number(f.state.Ledger.Balance(to)), "currency": code,
		"amount_after_pending": number(f.state.Ledger.Available(to)),
	}
}

func (f *Fake) listAccounts(c *call) answer {
	list := []any{}
	for _, code := range c.account.Currencies {
		list = append(list, f.accountObject(c.account, code))
	}
	return answer{http.StatusOK, object{"object": list, "meta": object{"negative_balance": false}}}
}

// getAccount answers an object; the BitPesa guide shows a list.
func (f *Fake) getAccount(c *call) answer {
	code := c.params[0]
	if !slices.Contains(c.account.Currencies, code) {
		return notFound()
	}
	if f.config.Era == BitPesa {
		return success([]any{f.accountObject(c.account, code)})
	}
	return answer{http.StatusOK, object{"object": f.accountObject(c.account, code), "meta": object{"negative_balance": false}}}
}

// dlocalBalance shows the same balances in another shape (assumed).
func (f *Fake) dlocalBalance(c *call) answer {
	list := []any{}
	for _, code := range c.account.Currencies {
		balance := number(f.state.Ledger.Balance(balanceOf(c.account, code)))
		list = append(list, object{
			"currency": code, "available_balance": balance,
			"previous_day_closing_balance": balance, "current_balance_date": f.now().Format("2006-01-02"),
		})
	}
	return success(list)
}
