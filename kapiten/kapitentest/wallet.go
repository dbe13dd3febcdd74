package kapitentest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Transaction is one line of a company's wallet.
type Transaction struct {
	ID          string
	Amount      decimal.Decimal // RWF, signed: a payment is negative
	Type        kapiten.TransactionType
	Status      kapiten.TransactionStatus // only SUCCESS counts for the balance
	Description string
	RideID      string // empty if it belongs to no ride
	CreatedAt   time.Time
}

// Balance is a company's wallet in RWF: the sum of its SUCCESS transactions.
func (f *Fake) Balance(companyID string) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.ledger.Balance(fake.Account{Owner: companyID, Currency: currency})
}

// Ledger is a company's whole wallet, oldest first.
func (f *Fake) Transactions(companyID string) []Transaction {
	f.world.Lock()
	defer f.world.Unlock()
	a := fake.Account{Owner: companyID, Currency: currency}
	var all []Transaction
	for _, e := range f.state.ledger.Page(a, 0, f.state.ledger.Len(a)) {
		all = append(all, Transaction{
			ID: e.ID, Amount: e.Amount, Type: kapiten.TransactionType(e.Kind), Status: walletStatus(e.Status),
			Description: e.Description, RideID: e.Reference, CreatedAt: e.Created,
		})
	}
	slices.Reverse(all)
	return all
}

// CheckLedger adds every wallet up anew and reports the first that does not
// show the sum of its transactions. It is a test's way to trust the fake.
func (f *Fake) CheckLedger() error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.ledger.Check()
}

// Adjust books an ADJUSTMENT, positive or negative, whatever the limit. It pays
// no waiting ride: only a top-up does.
func (f *Fake) Adjust(companyID string, amount decimal.Decimal, description string) error {
	f.world.Lock()
	defer f.world.Unlock()
	co := f.state.byID[companyID]
	if co == nil {
		return fmt.Errorf("kapitentest: %w", errNoCompany)
	}
	f.adjust(co, amount, description)
	return nil
}

// SettleTopUp decides a PENDING top-up now: TransactionSuccess or
// TransactionFailed. One that is settled is refused.
func (f *Fake) MoveTopUp(transactionID string, status kapiten.TransactionStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.settle(transactionID, status)
}

func walletStatus(s fake.EntryStatus) kapiten.TransactionStatus {
	switch s {
	case fake.EntryPending:
		return kapiten.TransactionPending
	case fake.EntryPosted:
		return kapiten.TransactionSuccess
	default:
		return kapiten.TransactionFailed
	}
}

func (f *Fake) settle(id string, status kapiten.TransactionStatus) error {
	var to fake.EntryStatus
	switch status {
	case kapiten.TransactionSuccess:
		to = fake.EntryPosted
	case kapiten.TransactionFailed:
		to = fake.EntryFailed
	default:
		return fmt.Errorf("kapitentest: a top-up cannot become %q", status)
	}
	if err := f.state.ledger.Settle(id, to); err != nil {
		return fmt.Errorf("kapitentest: %w", err)
	}
	if to == fake.EntryPosted {
		e, _ := f.state.ledger.Entry(id)
		f.payWaiting(f.state.byID[e.Account.Owner])
	}
	return nil
}

const (
	descriptionTopUp   = "Wallet top-up"
	descriptionPayment = "Ride deduction" // documented
	descriptionRefund  = "Ride refund"
)

// topUp books a pending deposit and schedules what its payer will do.
func (f *Fake) topUp(co *company, amount decimal.Decimal, phone, description string) fake.Entry {
	if description == "" {
		description = descriptionTopUp
	}
	e := fake.Entry{
		ID: f.ids.UUID(), Account: co.account(), Amount: amount, Kind: string(kapiten.TransactionDeposit),
		Description: description, Created: f.world.Now(),
	}
	if err := f.state.ledger.Reserve(e); err != nil { // a credit to an open account
		panic("kapitentest: " + err.Error())
	}
	switch {
	case strings.HasSuffix(phone, "0001"), strings.HasSuffix(phone, "0002"):
		f.after(f.config.SettleAfter, eventTopUpRefused, e.ID)
	case strings.HasSuffix(phone, "0003"):
	case strings.HasSuffix(phone, "0004"):
		f.after(f.config.SlowTopUpDelay, eventTopUpPaid, e.ID)
	default:
		f.after(f.config.SettleAfter, eventTopUpPaid, e.ID)
	}
	e, _ = f.state.ledger.Entry(e.ID)
	return e
}

// charge takes the price of a ride from the wallet, if it covers it.
func (f *Fake) charge(co *company, r *ride) bool {
	err := f.state.ledger.Post(fake.Entry{
		ID: f.ids.UUID(), Account: co.account(), Amount: r.Price.Neg(), Kind: string(kapiten.TransactionRidePayment),
		Description: descriptionPayment, Reference: r.ID, Created: f.world.Now(),
	})
	r.Paid = err == nil
	return r.Paid
}

// refund gives the price of a ride back, once.
func (f *Fake) refund(r *ride) {
	if !r.Paid || r.Refunded {
		return
	}
	err := f.state.ledger.Post(fake.Entry{
		ID: f.ids.UUID(), Account: f.state.byID[r.CompanyID].account(), Amount: r.Price, Kind: string(kapiten.TransactionRefund),
		Description: descriptionRefund, Reference: r.ID, Created: f.world.Now(),
	})
	if err != nil { // a credit to an open account
		panic("kapitentest: " + err.Error())
	}
	r.Refunded = true
}

// payWaiting pays, oldest first, every waiting ride the wallet now covers.
func (f *Fake) payWaiting(co *company) {
	still := co.waiting[:0]
	for _, r := range co.waiting {
		switch {
		case r.Status != kapiten.RideWaitingPayment: // paid by the customer or cancelled meanwhile
		case f.charge(co, r):
			f.enter(r, kapiten.RidePending)
		default:
			still = append(still, r)
		}
	}
	clear(co.waiting[len(still):])
	co.waiting = still
}
