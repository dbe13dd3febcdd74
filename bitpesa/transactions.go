package bitpesa

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// TransactionsService sends money. Use PayFromBalance to pay: it creates the
// transaction, funds it, and can be called again after any failure.
type TransactionsService struct{ c *Client }

// TransactionParams describe a transaction.
type TransactionParams struct {
	// InputCurrency is the currency that the sender pays in: "USD".
	InputCurrency string            `json:"input_currency"`
	Sender        SenderParams      `json:"sender"` // a new sender, or the ID or ExternalID of a stored one
	Recipients    []RecipientParams `json:"recipients"`
	// PayinMethods are for collections. Without any, the transaction is funded from
	// the account balance.
	PayinMethods []PayinMethodParams `json:"payin_methods,omitempty"`
	Traits       Traits              `json:"traits,omitzero"`
	// ExternalID is your own unique reference. It guards against paying twice.
	// CreateAndFund and PayFromBalance require it. BitPesa's API before April 2019
	// did not know it.
	ExternalID string   `json:"external_id,omitempty"`
	Metadata   Metadata `json:"metadata,omitempty"`
}

// RecipientParams say who receives how much.
type RecipientParams struct {
	Type PartyType `json:"type,omitempty"` // Person if empty
	// RequestedAmount is in RequestedCurrency, which may be the input currency, the
	// currency of the payout or a third one. Required, more than zero.
	RequestedAmount   decimal.Decimal    `json:"-"`
	RequestedCurrency string             `json:"requested_currency"`
	PayoutMethod      PayoutMethodParams `json:"payout_method"`
	Metadata          Metadata           `json:"metadata,omitempty"`
}

// Traits are switches of a transaction. A nil field leaves BitPesa's default.
type Traits struct {
	// AutoRefund has BitPesa refund, 24 hours after funding, the money that it could
	// not pay out. Off by default in BitPesa's API of 2019, on today.
	AutoRefund *bool `json:"auto_refund,omitempty"`
	// AccountValidation has BitPesa compare the recipient's name with the account's
	// before the payout. A mismatch makes the recipient fail.
	AccountValidation *bool `json:"account_validation,omitempty"`
}

// Transaction sends money of one sender, in one currency, to one or several
// recipients.
type Transaction struct {
	ID          string           `json:"id"` // empty from Calculate and Validate, which store nothing
	State       TransactionState `json:"state"`
	StateReason string           `json:"state_reason"`
	ExternalID  string           `json:"external_id"` // your own

	// Amounts are in InputCurrency. They are not valid where the response has none.
	InputCurrency string              `json:"input_currency"`
	InputAmount   decimal.NullDecimal `json:"input_amount"` // the price
	PaidAmount    decimal.NullDecimal `json:"paid_amount"`  // came in
	DueAmount     decimal.NullDecimal `json:"due_amount"`   // still missing

	PayinReference string        `json:"payin_reference"`
	Sender         *Sender       `json:"sender"`
	Recipients     []Recipient   `json:"recipients"`
	PayinMethods   []PayinMethod `json:"payin_methods"`
	Traits         Traits        `json:"traits"`
	Metadata       Metadata      `json:"metadata"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // in samples only
	ExpiresAt time.Time `json:"expires_at"` // one hour after creation, unless funded by then

	// Existing is set by Create, CreateAndFund and PayFromBalance: the transaction,
	// or for PayFromBalance its funding, was there before any attempt of this call.
	Existing bool `json:"-"`
	// Unverified is set by the same methods: the response shows no amount of a
	// recipient to compare, or no payin_methods where a collection was asked for.
	Unverified bool `json:"-"`

	Errors  map[string]any `json:"errors"` // by field, as received
	Skipped int            // recipients and payin methods that could not be read
	Raw     sdk.Raw        `json:"-"`
}

// TransactionState is the state of a transaction. Unknown states pass through.
type TransactionState string

const (
	TransactionInitial    TransactionState = "initial"    // waits for the sender's approval
	TransactionApproved   TransactionState = "approved"   // waits for its money, one hour at most
	TransactionPending    TransactionState = "pending"    // money is coming in
	TransactionReceived   TransactionState = "received"   // funded; payouts run
	TransactionProcessing TransactionState = "processing" // funded; held for compliance
	TransactionMispaid    TransactionState = "mispaid"    // another amount came in; BitPesa pays that out
	TransactionManual     TransactionState = "manual"     // a payout needs you: correct or cancel its recipient
	TransactionPaid       TransactionState = "paid"       // every recipient has the money
	TransactionCanceled   TransactionState = "canceled"   // final if it was never funded; else refunded follows
	TransactionRefunded   TransactionState = "refunded"   // the money, or the rest of it, is back
	TransactionException  TransactionState = "exception"  // an internal failure at BitPesa
)

// Final reports whether no other state can follow. TransactionCanceled is not
// final, because a refund may follow: see Transaction.Final.
func (s TransactionState) Final() bool {
	return s == TransactionPaid || s == TransactionRefunded
}

// Funded reports whether the money is known to have come in.
func (t *Transaction) Funded() bool {
	funded, unfunded := t.State.funded()
	return funded || !unfunded && t.PaidAmount.Valid && t.PaidAmount.Decimal.IsPositive()
}

// Final reports whether no other state can follow: the transaction is paid out,
// refunded, or canceled without ever having been funded.
func (t *Transaction) Final() bool {
	return t.State.Final() || t.State == TransactionCanceled && !t.Funded()
}

// NeedsAction reports whether the transaction waits for you: it, or one of its
// recipients, failed, and BitPesa will not retry. Correct the recipient
// (Recipients.Correct) or cancel (Transactions.Cancel). While BitPesa retries a
// corrected recipient, the transaction stays TransactionManual.
func (t *Transaction) NeedsAction() bool {
	if t.Final() {
		return false
	}
	for i := range t.Recipients {
		if t.Recipients[i].NeedsAction() {
			return true
		}
	}
	return t.State == TransactionException || t.State == TransactionManual && len(t.Recipients) == 0
}

// Recipient returns the recipient with an id, or nil.
func (t *Transaction) Recipient(id string) *Recipient {
	for i := range t.Recipients {
		if t.Recipients[i].ID == id {
			return &t.Recipients[i]
		}
	}
	return nil
}

// TransactionListOptions choose a page of transactions.
type TransactionListOptions struct {
	ListOptions
	ExternalID string `url:"external_id,omitempty"` // exact match is assumed
	SenderID   string `url:"sender_id,omitempty"`
	Type       string `url:"transactions_type,omitempty"` // "automated"
}

// Create creates a transaction, which then waits one hour for its money: see
// Debits.Create. Give an ExternalID: the client then settles an unknown outcome by
// a lookup, and sends once more only if the transaction is surely absent. Without
// an ExternalID the call is of class once: nothing can be looked up, an open outcome, a
// duplicate or a transaction that is funded or over already is sdk.ErrOutcomeUnknown, and
// the next call makes another transaction.
//
// If the ExternalID is taken, Create returns the transaction that has it, with
// Existing set, or sdk.ErrReferenceTaken if that transaction is another one. So you may
// make the same call again after a crash. A response that does not name the
// ExternalID is an unknown outcome.
func (s *TransactionsService) Create(ctx context.Context, p TransactionParams) (*Transaction, error) {
	return s.create(p).Do(ctx)
}

// Prepare checks and encodes what Create sends, for package sdk/journal. ExternalID is
// required.
func (s *TransactionsService) Prepare(p TransactionParams) (sdk.Prepared[Transaction], error) {
	w := s.create(p)
	if p.ExternalID == "" {
		f := p.validate()
		f.Add("external_id", "is required")
		w.Err = s.c.core.InvalidCall(transport.Call{Op: OpCreateTransaction, Body: p.request()}, f.Fields)
	}
	return w.Prepare()
}

func (s *TransactionsService) create(p TransactionParams) transport.Write[Transaction] {
	call := transport.Call{Op: OpCreateTransaction, Body: p.request()}
	var accept func(*Transaction) error
	if p.ExternalID == "" { // which would name it
		accept = func(t *Transaction) error {
			if t.Funded() || t.Final() {
				return wire.Missing("the state of a new transaction")
			}
			return nil
		}
	}
	return s.search(p.ExternalID).create(call, p.validate(), p.compare, accept)
}

// CreateAndFund creates a transaction and funds it from the account balance, in one
// request. That may take more than a minute: Config.CreateAndFundTimeout bounds it.
// ExternalID is required. The client settles an unknown outcome and a taken
// ExternalID by a lookup, as Create does. If the transaction exists but is not shown
// as funded, the error is sdk.ErrOutcomeUnknown: call Find again later.
func (s *TransactionsService) CreateAndFund(ctx context.Context, p TransactionParams) (*Transaction, error) {
	return s.createAndFund(p).Do(ctx)
}

// PrepareCreateAndFund checks and encodes what CreateAndFund sends, for package
// journal.
func (s *TransactionsService) PrepareCreateAndFund(p TransactionParams) (sdk.Prepared[Transaction], error) {
	return s.createAndFund(p).Prepare()
}

func (s *TransactionsService) createAndFund(p TransactionParams) transport.Write[Transaction] {
	f := p.validate()
	f.RequireReference("external_id", p.ExternalID)
	call := transport.Call{Op: OpCreateAndFund, Scope: OpCreateTransaction, Body: p.request(), Timeout: s.c.fundWithin}
	return s.search(p.ExternalID).create(call, f, p.compare, func(t *Transaction) error {
		if !t.Funded() {
			return errNotFunded
		}
		return nil
	})
}

// errNotFunded: what was asked for in one request is there by half, at least.
const errNotFunded = wire.Missing("the funding of the transaction")

// Calculate prices a transaction and stores nothing. The result has amounts and
// rates, but no id.
func (s *TransactionsService) Calculate(ctx context.Context, p TransactionParams) (*Transaction, error) {
	return s.sketch(ctx, OpCalculate, p)
}

// Validate asks BitPesa whether Create would accept the params, and stores nothing.
// Error.Fields names the faults.
func (s *TransactionsService) Validate(ctx context.Context, p TransactionParams) (*Transaction, error) {
	return s.sketch(ctx, OpValidateTransaction, p)
}

func (s *TransactionsService) sketch(ctx context.Context, op string, p TransactionParams) (*Transaction, error) {
	type sketch Transaction // without the method lacks: what is not stored may lack everything
	t, err := send[sketch](ctx, s.c, p.validate(), transport.Call{Op: op, Reference: p.ExternalID, Body: p.request()}, object[sketch])
	return (*Transaction)(t), err
}

// Find returns the transaction with your own external id, or sdk.ErrNotFound.
func (s *TransactionsService) Find(ctx context.Context, externalID string) (*Transaction, error) {
	return s.search(externalID).find(ctx)
}

func (s *TransactionsService) search(externalID string) search[Transaction] {
	return search[Transaction]{s.c, OpListTransactions, externalID, func(t *Transaction) string { return t.ExternalID }, func(t *Transaction) *bool { return &t.Existing }}
}

// Get returns a transaction by BitPesa's id. BitPesa allows 2500 reads a day
// (documented).
func (s *TransactionsService) Get(ctx context.Context, id string) (*Transaction, error) {
	return byID[Transaction](ctx, s.c, OpGetTransaction, id)
}

// Wait reads every few seconds, and later every minute: 1500 reads a day at most.
const (
	pollMin = 5 * time.Second
	pollMax = time.Minute
)

// Wait reads a transaction again and again until it is final (Transaction.Final) or
// waits for you (Transaction.NeedsAction), and returns it: look at its State. Wait
// outlasts outages. When the context ends first, Wait returns the transaction as
// last seen, if it was seen, with an error. Webhooks are faster, and the vendor
// prefers them.
func (s *TransactionsService) Wait(ctx context.Context, id string) (*Transaction, error) {
	var last *Transaction
	err := s.c.core.Poll(ctx, OpGetTransaction, id, pollMin, pollMax, func(ctx context.Context) (bool, error) {
		t, err := s.Get(ctx, id)
		if err != nil {
			return false, err
		}
		last = t
		return t.Final() || t.NeedsAction(), nil
	})
	return last, err
}

// List returns one page of transactions, newest first (assumed).
func (s *TransactionsService) List(ctx context.Context, o TransactionListOptions) (*Page[Transaction], error) {
	return listPage[Transaction](ctx, s.c, OpListTransactions, o.ListOptions, o, transport.Faults{})
}

// All iterates over transactions, page by page. A transaction that is created
// meanwhile moves the others on, so you may see a transaction twice.
func (s *TransactionsService) All(ctx context.Context, o TransactionListOptions) iter.Seq2[Transaction, error] {
	return all(s.c, OpListTransactions, o.ListOptions, func(page ListOptions) (*Page[Transaction], error) {
		o.ListOptions = page
		return s.List(ctx, o)
	})
}

// SandboxPayIn has the sandbox act as if the sender had paid in.
func (s *TransactionsService) SandboxPayIn(ctx context.Context, id string, p PayinMethodParams) (*Transaction, error) {
	var f transport.Faults
	f.Require("type", p.Type)
	p.validateForm("", &f)
	return write[Transaction](ctx, s.c, OpSandboxPayIn, id, f, map[string]PayinMethodParams{"payin_method": p}, nil)
}

// SandboxPayOut has the sandbox act as if a funded transaction were paid out.
func (s *TransactionsService) SandboxPayOut(ctx context.Context, id string) (*Transaction, error) {
	return byID[Transaction](ctx, s.c, OpSandboxPayOut, id)
}

// validate checks the params and reads their phone numbers. It changes nothing that
// the caller can see.
func (p *TransactionParams) validate() (f transport.Faults) {
	f.Require("input_currency", p.InputCurrency)
	f.CheckReference("external_id", p.ExternalID)
	p.Sender.validateInTransaction("sender.", &f)
	if len(p.Recipients) == 0 {
		f.Add("recipients", "is required")
	}
	for i := range p.Recipients {
		p.Recipients[i].validate("recipients."+strconv.Itoa(i)+".", &f)
	}
	p.PayinMethods = slices.Clone(p.PayinMethods)
	for i := range p.PayinMethods {
		prefix := "payin_methods." + strconv.Itoa(i) + "."
		f.Require(prefix+"type", p.PayinMethods[i].Type)
		p.PayinMethods[i].validateForm(prefix, &f)
	}
	return f
}

func (p *RecipientParams) validate(prefix string, f *transport.Faults) {
	amount(f, prefix+"requested_amount", p.RequestedAmount)
	f.Require(prefix+"requested_currency", p.RequestedCurrency)
	p.PayoutMethod.validate(prefix+"payout_method.", f)
}

// maxDecimals are the decimals of Bitcoin. No other currency has more.
const maxDecimals = 8

func amount(f *transport.Faults, field string, value decimal.Decimal) {
	if fault := wire.AmountFault(value, maxDecimals); fault != "" {
		f.Add(field, fault)
	}
}

func (p *TransactionParams) request() any { return map[string]*TransactionParams{"transaction": p} }

// MarshalJSON writes the amount as text, so that no reader rounds it.
func (p RecipientParams) MarshalJSON() ([]byte, error) {
	type fields RecipientParams
	return json.Marshal(struct {
		RequestedAmount string `json:"requested_amount"`
		fields
	}{p.RequestedAmount.String(), fields(p)})
}

// funded reports whether the state proves that the money came in, and whether it
// proves that none did. A state that proves neither returns false twice.
func (s TransactionState) funded() (funded, unfunded bool) {
	switch s {
	case TransactionReceived, TransactionProcessing, TransactionMispaid, TransactionManual, TransactionPaid, TransactionRefunded:
		return true, false
	case TransactionInitial, TransactionApproved:
		return false, true
	}
	return false, false
}

// neverFunded reports that the transaction shows that no money came in. A canceled
// transaction may have been funded before, and its refund be under way.
func (t *Transaction) neverFunded() bool {
	if _, unfunded := t.State.funded(); unfunded || t.State != TransactionCanceled {
		return unfunded
	}
	for i := range t.Recipients {
		switch t.Recipients[i].State {
		case RecipientInitial, RecipientCanceled:
		default: // the payout has begun
			return false
		}
	}
	for i := range t.PayinMethods {
		switch t.PayinMethods[i].State {
		case PayinSuccess, PayinMispaid, PayinRefunded:
			return false
		}
	}
	return t.Skipped == 0 && t.PaidAmount.Valid && t.PaidAmount.Decimal.IsZero()
}

func (t *Transaction) ident() *string { return &t.ID }

func (t *Transaction) lacks() string {
	if t.State == "" {
		return "state"
	}
	return ""
}
