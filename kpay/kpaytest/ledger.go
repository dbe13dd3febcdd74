package kpaytest

import (
	"cmp"
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
	return f.state.Ledger.Balance(fake.Account{Owner: retailerID, Currency: currency})
}

// Entries are the credits of a retailer in a currency, oldest first.
func (f *Fake) Entries(retailerID, currency string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Entries(fake.Account{Owner: retailerID, Currency: currency})
}

// Debits are the entries by which a payer paid for a payment, oldest first. The
// merchant's account shows them as credits. The reference is the refid or a tid.
// Use it to assert that a payer paid at most once.
func (f *Fake) Debits(reference string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	p := cmp.Or(f.state.Payments.Find(reference), f.state.byTID[reference])
	if p == nil {
		return nil
	}
	return f.state.Ledger.Select(func(e fake.Entry) bool { return e.Reference == p.RefID })
}

// CheckLedger adds everything up anew. Every balance must be the sum of its
// entries, and every paid payment, but no other, must be credited once.
func (f *Fake) CheckLedger() error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.check()
}

// credit books a paid payment. The entry's id is made of the refid, so that the
// ledger itself refuses a second credit.
func (st *state) credit(p *Payment) {
	st.Ledger.Open(p.account(), decimal.Zero)
	fake.Must(st.Ledger.Post(fake.Entry{ // only a pending payment is finished
		ID: creditID(p), Account: p.account(), Amount: p.Amount,
		Kind: entryPayment, Description: p.Details, Reference: p.RefID, Created: p.Ended,
	}))
}

func creditID(p *Payment) string { return "payment " + p.RefID }

// account is the merchant's balance a payment goes to.
func (p *Payment) account() fake.Account {
	return fake.Account{Owner: p.RetailerID, Currency: p.Currency}
}

func (st *state) check() error {
	if err := st.Ledger.Check(); err != nil {
		return err
	}
	accounts, credits := map[fake.Account]bool{}, 0
	for _, p := range st.Payments.All() {
		if a := p.account(); !accounts[a] {
			accounts[a] = true
			credits += st.Ledger.Len(a)
		}
	}
	paid := 0
	for _, p := range st.Payments.All() {
		e, credited := st.Ledger.Entry(creditID(p))
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
