package kapitentest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
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
	Created     time.Time
}

// Balance is a company's wallet in RWF: the sum of its SUCCESS transactions.
func (f *Fake) Balance(companyID string) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.ledger.Balance(fake.Account{Owner: companyID, Currency: currency})
}

// Deposit puts money into a company's wallet at once, as a top-up does when it
// succeeds. It pays the rides that wait for payment, oldest first.
func (f *Fake) Deposit(companyID string, amount decimal.Decimal) error {
	return f.book(companyID, amount, func(co *company) error {
		fake.Must(f.state.ledger.Post(f.entry(co, kapiten.TransactionDeposit, amount, descriptionTopUp, ""))) // a credit to an open account
		f.payWaiting(co)
		return nil
	})
}

// Withdraw takes money out of a company's wallet, booked as an ADJUSTMENT. It
// refuses more than balance and overdraft limit allow with fake.ErrIllegalMove.
func (f *Fake) Withdraw(companyID string, amount decimal.Decimal) error {
	return f.book(companyID, amount, func(co *company) error {
		return f.state.ledger.Post(f.entry(co, kapiten.TransactionAdjustment, amount.Neg(), "Withdrawal", ""))
	})
}

// Adjust books an ADJUSTMENT, positive or negative, whatever the limit. Money that
// comes in pays the rides that wait. An adjustment that names a ride corrects its
// final price: a negative amount makes it dearer. The ride must be the company's and
// paid, and neither cancelled nor rejected; the price cannot go below zero. Else
// fake.ErrNotFound or fake.ErrIllegalMove.
func (f *Fake) Adjust(companyID string, amount decimal.Decimal, description string, rideID ...string) error {
	if len(rideID) > 1 {
		return fmt.Errorf("kapitentest: an adjustment names one ride, not %d", len(rideID))
	}
	f.world.Lock()
	defer f.world.Unlock()
	_, err := f.adjustFor(companyID, amount, description, strings.Join(rideID, ""))
	return err
}

func (f *Fake) adjustFor(companyID string, amount decimal.Decimal, description, rideID string) (entryID string, err error) {
	co, err := f.state.company(companyID)
	if err != nil {
		return "", err
	}
	if rideID != "" {
		r := f.state.rides[rideID]
		final := amount.Neg()
		if r != nil {
			final = final.Add(r.finalPrice())
		}
		switch {
		case r == nil || r.CompanyID != companyID:
			return "", fmt.Errorf("kapitentest: ride %q of the company: %w", rideID, fake.ErrNotFound)
		case r.Status == kapiten.RideWaitingPayment || r.Status == kapiten.RideCancelled || r.Status == kapiten.RideRejected:
			return "", fmt.Errorf("kapitentest: the ride is %s, and nothing is paid: %w", r.Status, fake.ErrIllegalMove)
		case final.IsNegative():
			return "", fmt.Errorf("kapitentest: the final price would be below zero: %w", fake.ErrIllegalMove)
		}
		r.Charged = r.Charged.Sub(amount)
	}
	return f.adjust(co, amount, description, rideID), nil
}

// Entries returns a company's ledger, oldest first. An entry's Reference is the
// id of its ride, if it has one.
func (f *Fake) Entries(companyID string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.ledger.Entries(fake.Account{Owner: companyID, Currency: currency})
}

// Transactions returns a company's ledger, oldest first, in Kapiten's words.
func (f *Fake) Transactions(companyID string) []Transaction {
	var all []Transaction
	for _, e := range f.Entries(companyID) {
		all = append(all, transactionOf(e))
	}
	return all
}

// Transaction returns one transaction, of whatever company.
func (f *Fake) Transaction(id string) (Transaction, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	e, ok := f.state.ledger.Entry(id)
	if !ok {
		return Transaction{}, false
	}
	return transactionOf(e), true
}

func transactionOf(e fake.Entry) Transaction {
	return Transaction{
		ID: e.ID, Amount: e.Amount, Type: kapiten.TransactionType(e.Kind), Status: walletStatus(e.Status),
		Description: e.Description, RideID: e.Reference, Created: e.Created,
	}
}

// Debits returns the entries by which wallets paid for a ride, oldest first. The
// reference is the ride's id, its reference number or the merchant's external id.
// A ride that its customer paid has none. A refund takes no debit away, and an
// adjustment adds none.
func (f *Fake) Debits(reference string) []fake.Entry {
	f.world.Lock()
	defer f.world.Unlock()
	if reference == "" {
		return nil
	}
	var ids []string
	for _, r := range f.state.rides {
		if reference == r.ID || reference == r.ReferenceNumber || reference == r.ExternalID {
			ids = append(ids, r.ID)
		}
	}
	return f.state.ledger.Select(func(e fake.Entry) bool {
		return e.Kind == string(kapiten.TransactionRidePayment) && slices.Contains(ids, e.Reference)
	})
}

// CheckLedger adds every wallet up anew and reports the first that does not
// show the sum of its transactions. It is a test's way to trust the fake.
func (f *Fake) CheckLedger() error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.ledger.Check()
}

// MoveTopUp ends a PENDING top-up now, as TransactionSuccess or
// TransactionFailed. Its description then ends with the reason of the failure. It
// refuses a top-up that has ended, and any other status, with fake.ErrIllegalMove,
// and an unknown id with fake.ErrNotFound.
func (f *Fake) MoveTopUp(transactionID string, to kapiten.TransactionStatus, reason ...string) error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.moveTopUp(transactionID, to, strings.Join(reason, ", "))
}

func (f *Fake) moveTopUp(id string, to kapiten.TransactionStatus, reason string) error {
	e, known := f.state.ledger.Entry(id)
	status := fake.EntryFailed
	if to == kapiten.TransactionSuccess {
		status = fake.EntryPosted
	}
	switch {
	case !known:
		return fmt.Errorf("kapitentest: transaction %q: %w", id, fake.ErrNotFound)
	case e.Status != fake.EntryPending || !to.Final():
		return fmt.Errorf("kapitentest: a transaction cannot go from %s to %s: %w", walletStatus(e.Status), to, fake.ErrIllegalMove)
	}
	if status == fake.EntryFailed {
		fake.Must(f.state.ledger.Describe(id, e.Description+": "+cmp.Or(reason, "the payment failed")))
	}
	fake.Must(f.state.ledger.Move(id, status)) // it is pending
	if status == fake.EntryPosted {
		f.payWaiting(f.state.byID[e.Account.Owner])
	}
	return nil
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

const (
	descriptionTopUp   = "Wallet top-up"
	descriptionPayment = "Ride deduction" // documented
	descriptionRefund  = "Ride refund"
	descriptionUndone  = "Adjustment undone"
)

// book changes the wallet of a company by an amount above zero.
func (f *Fake) book(companyID string, amount decimal.Decimal, change func(*company) error) error {
	if !amount.IsPositive() {
		return fmt.Errorf("kapitentest: the amount must be above zero, not %s", amount)
	}
	f.world.Lock()
	defer f.world.Unlock()
	co, err := f.state.company(companyID)
	if err != nil {
		return err
	}
	return change(co)
}

// entry is a fresh entry of a company's wallet.
func (f *Fake) entry(co *company, kind kapiten.TransactionType, amount decimal.Decimal, description, rideID string) fake.Entry {
	return fake.Entry{
		ID: f.ids.UUID(), Account: co.account(), Amount: amount, Kind: string(kind),
		Description: description, Reference: rideID, Created: f.world.Now(),
	}
}

// adjust books a correction, which no limit holds back.
func (f *Fake) adjust(co *company, amount decimal.Decimal, description, rideID string) (entryID string) {
	e := f.entry(co, kapiten.TransactionAdjustment, amount, description, rideID)
	fake.Must(f.state.ledger.Adjust(e)) // the account is open
	f.payWaiting(co)
	return e.ID
}

// finalPrice is the price of a paid ride with its adjustments.
func (r *Ride) finalPrice() decimal.Decimal {
	if r.Paid {
		return r.Charged
	}
	return r.Price.Add(r.Charged) // the customer paid the price
}

// charge takes the price of a ride from the wallet, if it covers it.
func (f *Fake) charge(co *company, r *Ride) bool {
	err := f.state.ledger.Post(f.entry(co, kapiten.TransactionRidePayment, r.Price.Neg(), descriptionPayment, r.ID))
	if err != nil {
		return false
	}
	r.Paid, r.Charged, r.Payment = true, r.Price, CustomerPayment{} // nobody asks the customer any more
	return true
}

// refund gives what was paid for a ride back to who paid it, once: a ride is
// cancelled or rejected once. What an adjustment gave the company for a ride that its
// customer paid is taken back (assumed), whatever the limit.
func (f *Fake) refund(r *Ride) {
	switch {
	case r.Payment.Status == "": // the wallet paid
	case r.Payment.Status == PaymentPaid:
		r.Payment.Status = PaymentRefunded
	default:
		r.Payment.Status = PaymentFailed
	}
	co := f.state.byID[r.CompanyID]
	switch {
	case r.Charged.IsPositive():
		fake.Must(f.state.ledger.Post(f.entry(co, kapiten.TransactionRefund, r.Charged, descriptionRefund, r.ID))) // a credit to an open account
		r.Refunded = true
	case r.Charged.IsNegative():
		fake.Must(f.state.ledger.Adjust(f.entry(co, kapiten.TransactionAdjustment, r.Charged, descriptionUndone, r.ID))) // the account is open
	}
	r.Charged = decimal.Zero
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

// billedPhone is a Rwandan mobile number: 072, 073, 078 or 079 and seven
// digits, 250 or +250 in place of the zero. The document names 078 and 079 but
// also Airtel Money, whose numbers are the other two.
var billedPhone = regexp.MustCompile(`^(0|\+?250)7[2389][0-9]{7}$`)

func (f *Fake) createTopUp(c *call) *response {
	co, failure := f.companyOf(c)
	if failure != nil {
		return failure
	}
	in, failure := c.read()
	if failure != nil {
		return failure
	}
	amount := in.francs("amount", f.config.MaxTopUp)
	phone := in.matching("phone_number", needed, textLength, billedPhone.MatchString, "This value does not match the required pattern.")
	description := in.text("description", nullable, noteLength)
	if failure := in.invalid(); failure != nil {
		return failure
	}
	if description == "" {
		description = descriptionTopUp
	}
	e := f.entry(co, kapiten.TransactionDeposit, amount, description, "")
	fake.Must(f.state.ledger.Reserve(e)) // a credit to an open account
	f.playTopUp(e.ID, phone)
	e, _ = f.state.ledger.Entry(e.ID)
	return &response{status: http.StatusCreated, body: f.topUpBody(e)}
}

// playTopUp schedules what the payer of a top-up will do.
func (f *Fake) playTopUp(id, phone string) {
	scenarios := fake.Scenarios{
		"0001": fake.ScenarioFailed,
		"0002": fake.ScenarioNoFunds,
		"0003": fake.ScenarioNever,
		"0004": fake.ScenarioSlow,
	}
	switch scenarios.Choose("", phone) {
	case fake.ScenarioFailed:
		f.after(f.config.EndsAfter, eventTopUpRefused, id)
	case fake.ScenarioNoFunds:
		f.after(f.config.EndsAfter, eventTopUpPoor, id)
	case fake.ScenarioNever:
	case fake.ScenarioSlow:
		f.after(f.config.Quirks.SlowAfter, eventTopUpPaid, id)
	default:
		f.after(f.config.EndsAfter, eventTopUpPaid, id)
	}
}

// listTransactions lists the newest first.
func (f *Fake) listTransactions(c *call) *response {
	co, failure := f.companyOf(c)
	if failure != nil {
		return failure
	}
	return paginate(f, c, f.state.ledger.Len(co.account()), func(skip, n int) []transactionRow {
		var rows []transactionRow
		for _, e := range f.state.ledger.Page(co.account(), skip, n) {
			rows = append(rows, transactionRow{f.topUpBody(e), orNull(e.Reference)})
		}
		return rows
	})
}

// topUpBody is the documented response to Wallet Top-up.
type topUpBody struct {
	ID              string                    `json:"id"`
	Amount          json.RawMessage           `json:"amount"`
	TransactionType string                    `json:"transaction_type"`
	Status          kapiten.TransactionStatus `json:"status"`
	Description     string                    `json:"description"`
	CreatedAt       timestamp                 `json:"created_at"`
}

func (f *Fake) topUpBody(e fake.Entry) topUpBody {
	return topUpBody{e.ID, f.money(e.Amount), e.Kind, walletStatus(e.Status), e.Description, timestamp(e.Created)}
}

type transactionRow struct {
	topUpBody
	Ride *string `json:"ride"`
}

// The bodies of the admin calls that move money.
type (
	moveTopUpBody struct {
		Status kapiten.TransactionStatus `json:"status"`
		Reason string                    `json:"reason"`
	}
	adjustBody struct {
		Amount      json.RawMessage `json:"amount"`
		Description string          `json:"description"`
		Ride        string          `json:"ride"`
	}
)

func (f *Fake) adminMoveTopUp(w http.ResponseWriter, r *http.Request) {
	var in moveTopUpBody
	if !fake.AdminBody(w, r, &in) {
		return
	}
	if !in.Status.Final() {
		fake.AdminError(w, http.StatusBadRequest, "status", "status must be SUCCESS or FAILED")
		return
	}
	id := r.PathValue("id")
	f.world.Lock()
	err := f.moveTopUp(id, in.Status, in.Reason)
	e, _ := f.state.ledger.Entry(id)
	f.world.Unlock()
	fake.AdminMoved(w, f.topUpBody(e), err, "id", "status")
}

// adminAdjust takes an amount as Adjust does, as a number or its text.
func (f *Fake) adminAdjust(w http.ResponseWriter, r *http.Request) {
	var in adjustBody
	if !fake.AdminBody(w, r, &in) {
		return
	}
	text := strings.Trim(string(in.Amount), `"`)
	if !decimalText.MatchString(text) || !decodable(text) {
		fake.AdminError(w, http.StatusBadRequest, "amount", "amount must be a number")
		return
	}
	amount, err := decimal.NewFromString(text)
	if err != nil || amount.IsZero() {
		fake.AdminError(w, http.StatusBadRequest, "amount", "amount must be a number other than zero")
		return
	}
	var row any
	f.world.Lock()
	id, err := f.adjustFor(r.PathValue("id"), amount, cmp.Or(in.Description, "Adjustment"), in.Ride)
	if e, ok := f.state.ledger.Entry(id); ok {
		row = transactionRow{f.topUpBody(e), orNull(e.Reference)}
	}
	f.world.Unlock()
	fake.AdminMoved(w, row, err, "id", "ride")
}
