package kotanitest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Transaction is a deposit, a withdrawal or a payment as the fake keeps it.
type Transaction struct {
	RequestID  string                   `json:"request_id"` // digits for withdrawals to mobile money and banks
	ExternalID string                   `json:"external_id"`
	Operation  string                   `json:"operation"` // kotani.OpDeposit, ...
	Type       kotani.TransactionType   `json:"type"`
	Status     kotani.TransactionStatus `json:"status"`
	Message    string                   `json:"message"` // why it failed
	Amount     decimal.Decimal          `json:"amount"`  // in units of Currency, without the fee
	Fee        decimal.Decimal          `json:"fee"`     // in units of Currency
	Currency   string                   `json:"currency"`
	Phone      string                   `json:"phone"`    // digits
	Account    string                   `json:"account"`  // bank account or paybill account
	Merchant   string                   `json:"merchant"` // paybill number
	Till       string                   `json:"till"`
	Program    string                   `json:"program"` // of a UBI claim
	Quote      string                   `json:"quote"`   // that was used
	TxHash     string                   `json:"tx_hash"` // where a chain is involved
	Callback   string                   `json:"callback"`
	Scenario   fake.Scenario            `json:"outcome"` // chosen when it was accepted
	Legs       []Leg                    `json:"legs"`
	Created    time.Time                `json:"created"`
	Updated    time.Time                `json:"updated"`
}

// Transaction returns a transaction by its request id, or else by its external
// id.
func (f *Fake) Transaction(id string) (Transaction, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copy(f.state.transaction(id), (*Transaction).detach)
}

// Transactions are all transactions, oldest first.
func (f *Fake) Transactions() []Transaction {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copies(f.state.Transactions.All(), (*Transaction).detach)
}

// MoveTransaction ends a pending transaction now, or reverses a successful one,
// whatever its scenario. Balances and the callback follow at once. The id is a
// request id, or else an external id.
//
// Another transition, or a reversal of money that is spent already, is refused
// with fake.ErrIllegalMove, an unknown id with fake.ErrNotFound.
func (f *Fake) MoveTransaction(id string, to kotani.TransactionStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	t := f.state.transaction(id)
	if t == nil {
		return fmt.Errorf("kotanitest: transaction %q: %w", id, fake.ErrNotFound)
	}
	return f.move(t, to, "")
}

// transitions are the statuses to which a transaction can go.
func transitions(from kotani.TransactionStatus) []kotani.TransactionStatus {
	switch from {
	case kotani.StatusPending:
		return []kotani.TransactionStatus{
			kotani.StatusSuccessful, kotani.StatusFailed, kotani.StatusCancelled, kotani.StatusExpired,
			kotani.StatusDeclined, kotani.StatusPermanentlyFailed,
		}
	case kotani.StatusSuccessful:
		return []kotani.TransactionStatus{kotani.StatusReversed}
	}
	return nil
}

// move carries out a transition with its money, and sends the callback.
func (f *Fake) move(t *Transaction, to kotani.TransactionStatus, message string) error {
	switch {
	case !slices.Contains(transitions(t.Status), to):
		return fmt.Errorf("kotanitest: transaction %s: %w: %s to %s", t.RequestID, fake.ErrIllegalMove, t.Status, to)
	case to == kotani.StatusReversed:
		if !f.state.reverse(t, f.world.Now()) {
			return fmt.Errorf("kotanitest: transaction %s: %w: the money is spent already", t.RequestID, fake.ErrIllegalMove)
		}
	case to == kotani.StatusSuccessful:
		f.state.end(t, fake.EntryPosted)
	default:
		f.state.end(t, fake.EntryFailed)
	}
	t.Status, t.Message, t.Updated = to, message, f.world.Now()
	if t.Callback != "" {
		f.world.Send(fake.Callback{
			Provider: providerName, Event: "transaction." + string(to), Identity: t.RequestID, URL: t.Callback,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: fake.Encode(t.wire()),
		})
	}
	return nil
}

type transactionBody struct {
	Status kotani.TransactionStatus `json:"status"`
}

// adminMoveTransaction is POST /_fake/kotani/transactions/{id}/settle
// {"status":...}.
func (f *Fake) adminMoveTransaction(rw http.ResponseWriter, r *http.Request) {
	var in transactionBody
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	possible := append(transitions(kotani.StatusPending), transitions(kotani.StatusSuccessful)...)
	if !slices.Contains(possible, in.Status) {
		fake.AdminError(rw, http.StatusBadRequest, "status", fmt.Sprintf("status must be one of %v", possible))
		return
	}
	id := r.PathValue("id")
	err := f.MoveTransaction(id, in.Status)
	t, _ := f.Transaction(id)
	fake.AdminMoved(rw, t.wire(), err, "id", "status")
}

// chooseScenario looks at the last four digits.
func chooseScenario(number string) fake.Scenario {
	return cmp.Or(fake.Scenarios{
		"0001": fake.ScenarioFailed, "0002": fake.ScenarioNoFunds, "0003": fake.ScenarioNever,
		"0004": fake.ScenarioSlow, "0005": fake.ScenarioReversed,
	}.Choose("", number), fake.ScenarioPaid)
}

const (
	descDuplicate    = "externalId already exists"
	descInsufficient = "insufficient balance"
)

// begin accepts a transaction, reserves its money and schedules its end. The
// World's lock is held meanwhile, so that no other request can take the same
// money. Without legs of its own a transaction moves the partner's money. begin
// returns the reason for a refusal, or "".
func (f *Fake) begin(c *call, t *Transaction) (refusal string) {
	st := f.state
	t.Currency = cmp.Or(t.Currency, currencyOf(t.Phone))
	if t.Legs == nil && t.Type == kotani.Payouts {
		t.Legs = pays(t.Currency, t.Amount.Add(t.Fee))
	} else if t.Legs == nil {
		t.Legs = []Leg{{partner, t.Currency, t.Amount}}
	}
	switch {
	case c.reason != "":
		return c.reason
	case !f.config.Quirks.ReferencesRepeat && t.ExternalID != "" && st.byExternal[externalKey{t.Type, t.ExternalID}] != nil:
		return descDuplicate
	case !st.covered(t.Legs):
		return descInsufficient
	}
	if t.Operation == kotani.OpWithdraw || t.Operation == kotani.OpWithdrawToBank {
		st.Withdrawals++
		t.RequestID = strconv.Itoa(st.Withdrawals)
	} else {
		t.RequestID = f.ids().UUID()
	}
	if t.ExternalID == "" {
		t.ExternalID = f.ids().UUID()
	}
	t.Status, t.Scenario = kotani.StatusPending, chooseScenario(cmp.Or(t.Phone, t.Account, t.Till))
	t.Created = f.world.Now()
	t.Updated = t.Created
	st.Transactions.Add(t)
	st.byExternal[externalKey{t.Type, t.ExternalID}] = t
	st.reserve(t)
	switch t.Scenario {
	case fake.ScenarioNever:
	case fake.ScenarioSlow:
		f.after(f.config.Quirks.SlowAfter, eventEnd, t.RequestID)
	default:
		f.after(f.config.EndsAfter, eventEnd, t.RequestID)
	}
	return ""
}

// playScenario ends a pending transaction as its scenario has it.
func (f *Fake) playScenario(t *Transaction) {
	status, message := kotani.StatusSuccessful, ""
	switch t.Scenario {
	case fake.ScenarioFailed:
		status, message = kotani.StatusFailed, "Transaction failed"
	case fake.ScenarioNoFunds:
		status, message = kotani.StatusFailed, "Insufficient funds"
	}
	fake.Must(f.move(t, status, message)) // a pending transaction can always end
	if t.Scenario == fake.ScenarioReversed {
		f.after(f.config.Quirks.ReverseAfter, eventReverse, t.RequestID)
	}
}

// accept begins a transaction and responds as most operations do.
func (f *Fake) accept(c *call, t *Transaction) object {
	if refusal := f.begin(c, t); refusal != "" {
		return refused(refusal)
	}
	o := t.wire()
	for _, name := range []string{"transactionType", "accountNumber", "merchantNumber", "merchantTill", "createdAt", "updatedAt"} {
		delete(o, name)
	}
	switch t.Operation {
	case kotani.OpPayBill, kotani.OpPayTill, kotani.OpStellarCashOut, kotani.OpTronCashOut:
		delete(o, "externalId") // their requests have none
	}
	return f.result(o)
}

// result wraps a transaction or an order, or shows it flat.
func (f *Fake) result(o object) object {
	switch {
	case !f.config.Quirks.FlatResponses:
		return result(o)
	case o["prepayId"] == nil: // an order keeps its name
		o["id"] = o["requestId"]
		delete(o, "requestId")
	}
	return o
}

// statusByRequestID is GET /transactions/status/{requestId}.
func (f *Fake) statusByRequestID(c *call) object {
	return f.lookup(f.state.Transactions.Find(c.request.PathValue("requestId")))
}

// statusByExternalID is GET /transactions/status/external/{externalId}.
func (f *Fake) statusByExternalID(c *call) object {
	kind := kotani.TransactionType(c.request.URL.Query().Get("transactionalType"))
	c.checkType("transactionalType", kind)
	if c.reason != "" {
		return c.refused()
	}
	return f.lookup(f.state.byExternal[externalKey{kind, c.request.PathValue("externalId")}])
}

func (f *Fake) lookup(t *Transaction) object {
	if t == nil {
		return refused("transaction not found")
	}
	return f.result(t.wire())
}

// listTransactions is GET /transactions. The document prints its query as a
// response.
func (f *Fake) listTransactions(c *call) object {
	query := c.request.URL.Query()
	kind := kotani.TransactionType(query.Get("transactionType"))
	if kind != "" {
		c.checkType("transactionType", kind)
	}
	limit, err := strconv.Atoi(cmp.Or(query.Get("limit"), "50"))
	if err != nil || limit < 1 {
		c.refuse("limit must be a whole number greater than zero")
	}
	order := cmp.Or(query.Get("orderBy"), "desc")
	if order != "asc" && order != "desc" {
		c.refuse("orderBy must be asc or desc")
	}
	if c.reason != "" {
		return c.refused()
	}
	all := slices.Clone(f.state.Transactions.All())
	if order == "desc" {
		slices.Reverse(all)
	}
	rows := []object{}
	for _, t := range all {
		if len(rows) == limit {
			break
		}
		if kind == "" || t.Type == kind {
			rows = append(rows, t.wire())
		}
	}
	return result(rows)
}

func (c *call) checkType(name string, kind kotani.TransactionType) {
	switch kind {
	case kotani.Collections, kotani.Payouts:
	case "":
		c.refuse(name + " is required")
	default:
		c.refuse(name + " must be Collections or Payouts")
	}
}

// transaction finds a transaction by its request id, or else by its external id.
func (st *state) transaction(id string) *Transaction {
	return cmp.Or(
		st.Transactions.Find(id),
		st.byExternal[externalKey{kotani.Collections, id}], st.byExternal[externalKey{kotani.Payouts, id}],
	)
}

func (t *Transaction) detach() { t.Legs = slices.Clone(t.Legs) }

// hasReference reports whether a merchant or the provider calls the transaction
// so.
func (t *Transaction) hasReference(reference string) bool {
	return reference == t.RequestID || reference == t.ExternalID || reference != "" && reference == t.Program || t.TxHash != "" && sameHash(reference, t.TxHash)
}

// wire is the status object of responses and callbacks.
func (t *Transaction) wire() object {
	o := object{
		"requestId": t.RequestID, "externalId": t.ExternalID, "transactionType": string(t.Type),
		"status": string(t.Status), "amount": t.Amount.String(), "currency": t.Currency,
		"phoneNumber": t.Phone, "createdAt": timestamp(t.Created), "updatedAt": timestamp(t.Updated),
	}
	for name, text := range map[string]string{"message": t.Message, "txhash": t.TxHash, "accountNumber": t.Account, "merchantNumber": t.Merchant, "merchantTill": t.Till, "programId": t.Program} {
		if text != "" {
			o[name] = text
		}
	}
	if t.Fee.IsPositive() {
		o["fee"] = t.Fee.String()
	}
	return o
}
