package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// audit holds the shop's books against the ledgers of the fakes, and the journal against
// the provider's own list.
func (w *world) audit(ctx context.Context) error {
	shop, err := newShop(ctx, w.settings)
	if err != nil {
		return err
	}
	defer shop.db.Close()
	books, err := shop.db.readBooks(ctx)
	if err != nil {
		return err
	}
	for kind, debits := range map[string]func(string) []fake.Entry{
		purposeCollect: w.kpay.Debits, purposeRide: w.kapiten.Debits, purposePayout: w.paid,
	} {
		if err := auditKind(kind, books[kind], debits); err != nil {
			return err
		}
	}
	spent := decimal.Zero
	for _, amount := range books[purposeRide] {
		spent = spent.Add(amount)
	}
	if left := w.kapiten.Balance(w.CompanyID); !left.Add(spent).Equal(startMoney) {
		return fmt.Errorf("the shop booked %s RWF for riders, and the wallet has %s of %s left", spent, left, startMoney)
	}
	fmt.Printf("%d payments, %d rides and %d payouts are booked, each just as its provider has it\n",
		len(books[purposeCollect]), len(books[purposeRide]), len(books[purposePayout]))
	return errors.Join(w.compare(ctx, shop), w.kpay.CheckLedger(), w.kapiten.CheckLedger(), w.kasapay.CheckLedger())
}

// paid are the debits of a payout whose money did not come back.
func (w *world) paid(reference string) []fake.Entry {
	if p, ok := w.kasapay.Payout(reference); ok && p.Status.Reversal() {
		return nil
	}
	return w.kasapay.Debits(reference)
}

// auditKind holds one kind of money against one ledger, order by order.
func auditKind(kind string, booked map[string]decimal.Decimal, debits func(string) []fake.Entry) error {
	for i := range orderCount {
		id := orderID(i)
		taken := debits(journal.Reference(id, kind))
		amount, ok := booked[id]
		switch {
		case !ok && len(taken) == 0: // in doubt and never carried out, or it came back
		case !ok || len(taken) != 1:
			return fmt.Errorf("%s, %s: booked %v, debited %d times", id, kind, ok, len(taken))
		case !taken[0].Amount.Abs().Equal(amount):
			return fmt.Errorf("%s, %s: booked %s, debited %s", id, kind, amount, taken[0].Amount)
		}
	}
	return nil
}

// compare prints what differs between the journal and Kapiten's list.
func (w *world) compare(ctx context.Context, shop *shop) error {
	differences := 0
	for m, err := range shop.rides.Compare(ctx, journal.Window{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}) {
		if err != nil {
			return err
		}
		fmt.Println("ride", m.Reference, m.What, m.Note)
		differences++
	}
	if differences > 0 {
		return fmt.Errorf("%d differences to Kapiten's list", differences)
	}
	fmt.Println("the journal and Kapiten's list say the same of each ride")
	return nil
}
