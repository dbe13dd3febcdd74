package kpaytest

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const entryPayment = "PAYMENT"

// Balance is what a retailer has collected in a currency (RWF or USD).
func (f *Fake) Balance(retailerID, currency string) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.ledger.Balance(fake.Account{Owner: retailerID, Currency: currency})
}

// Entries are the credits of a retailer in a currency, newest first.
func (f *Fake) Entries(retailerID, currency string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	a := fake.Account{Owner: retailerID, Currency: currency}
	return f.state.ledger.Page(a, 0, f.state.ledger.Len(a))
}

// CheckLedger adds everything up anew: every balance is the sum of its entries,
// every paid payment was credited once, and no other was.
func (f *Fake) CheckLedger() error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.check()
}

// credit books a paid payment. The entry's id is made of the refid, so the
// ledger itself refuses a second one.
func (st *state) credit(p *Payment) {
	st.ledger.Open(p.account(), decimal.Zero)
	err := st.ledger.Post(fake.Entry{
		ID: creditID(p), Account: p.account(), Amount: p.Amount,
		Kind: entryPayment, Description: p.Details, Reference: p.RefID, Created: p.Settled,
	})
	if err != nil {
		panic(fmt.Sprintf("kpaytest: %v", err)) // only a pending payment is settled: a mistake in here
	}
}

func creditID(p *Payment) string { return "payment " + p.RefID }

// account is the merchant's balance a payment goes to.
func (p *Payment) account() fake.Account {
	return fake.Account{Owner: p.RetailerID, Currency: p.Currency}
}

func (st *state) check() error {
	if err := st.ledger.Check(); err != nil {
		return err
	}
	credits := 0
	for a := range st.accounts() {
		credits += st.ledger.Len(a)
	}
	paid := 0
	for _, p := range st.payments {
		e, credited := st.ledger.Entry(creditID(p))
		if credited != (p.StatusID == kpay.CodePaid) {
			return fmt.Errorf("kpaytest: payment %q is %s and credited: %t", p.RefID, p.StatusID, credited)
		}
		if !credited {
			continue
		}
		paid++
		if e.Status != fake.EntryPosted || e.Account != p.account() || !e.Amount.Equal(p.Amount) {
			return fmt.Errorf("kpaytest: payment %q of %s %s is credited as %s %s", p.RefID, p.Amount, p.Currency, e.Amount, e.Account.Currency)
		}
	}
	if credits != paid {
		return fmt.Errorf("kpaytest: %d credits for %d paid payments", credits, paid)
	}
	return nil
}

func (st *state) accounts() map[fake.Account]bool {
	all := map[fake.Account]bool{}
	for _, p := range st.payments {
		all[p.account()] = true
	}
	return all
}
