package bitpesa

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// TransactionsService sends money.
type TransactionsService struct{ c *Client }

// TransactionListOptions choose a page of transactions.
type TransactionListOptions struct {
	ListOptions
	ExternalID string // exact match is assumed
	SenderID   string
	Type       string // "automated"; sent as transactions_type
}

// Create creates a transaction, which then waits one hour for its money: see
// Debits.Create. With an ExternalID it is safe against unclear outcomes: the
// transaction is then looked up, and sent once more only if it is surely absent.
// Without one an unclear outcome is returned as ErrOutcomeUnknown.
//
// A taken ExternalID is ErrDuplicate, and the Existing in Error.Detail has the
// transaction: BitPesa rejects repeats, it does not replay them.
func (s *TransactionsService) Create(ctx context.Context, p TransactionParams) (*Transaction, error) {
	return s.create(ctx, OpCreateTransaction, p, p.validate(), p.describes)
}

// CreateAndFund creates a transaction and funds it from the account balance, in
// one request that may take more than a minute: Config.CreateAndFundTimeout
// bounds it. ExternalID is required. After an unclear outcome the transaction is
// looked up; if it exists without being funded, the error is ErrOutcomeUnknown:
// look again later, by FindByExternalID.
func (s *TransactionsService) CreateAndFund(ctx context.Context, p TransactionParams) (*Transaction, error) {
	f := p.validate()
	f.Require("external_id", p.ExternalID)
	return s.create(ctx, OpCreateAndFund, p, f, func(t *Transaction) error {
		if err := p.describes(t); err != nil || t.Funded() {
			return err
		}
		return errNotFunded
	})
}

var (
	errNotFunded = errors.New("the transaction exists and is not shown as funded")
	errOther     = errors.New("another transaction has this external id")
)

func (s *TransactionsService) create(ctx context.Context, op string, p TransactionParams, f transport.Faults, accept func(*Transaction) error) (*Transaction, error) {
	if err := s.c.core.Invalid(op, p.ExternalID, f.Fields); err != nil {
		return nil, err
	}
	var t *Transaction
	call := transport.Call{
		Op: op, Reference: p.ExternalID,
		Body:   p.request(),
		Decode: into(&t, decode[Transaction]),
		Lookup: s.search(p.ExternalID).settle(&t, accept),
	}
	if op == OpCreateAndFund {
		call.Timeout = s.c.fundWithin
	}
	err := s.c.do(ctx, call)
	return t, err
}

// Calculate prices a transaction and leaves nothing behind: the result has
// amounts and rates but no id.
func (s *TransactionsService) Calculate(ctx context.Context, p TransactionParams) (*Transaction, error) {
	return s.sketch(ctx, OpCalculate, p)
}

// Validate asks whether Create would take the params, and leaves nothing behind.
// What is wrong is in Error.Fields.
func (s *TransactionsService) Validate(ctx context.Context, p TransactionParams) (*Transaction, error) {
	return s.sketch(ctx, OpValidateTransaction, p)
}

func (s *TransactionsService) sketch(ctx context.Context, op string, p TransactionParams) (t *Transaction, err error) {
	if err := s.c.core.Invalid(op, p.ExternalID, p.validate().Fields); err != nil {
		return nil, err
	}
	err = s.c.do(ctx, transport.Call{Op: op, Reference: p.ExternalID, Body: p.request(), Decode: into(&t, decodeSketch)})
	return t, err
}

// Get returns a transaction by BitPesa's id. At most 2500 reads a day are
// documented.
func (s *TransactionsService) Get(ctx context.Context, id string) (*Transaction, error) {
	return byID[Transaction](ctx, s.c, OpGetTransaction, id)
}

// FindByExternalID returns the transaction with an external id of yours, or
// ErrNotFound.
func (s *TransactionsService) FindByExternalID(ctx context.Context, externalID string) (*Transaction, error) {
	return s.search(externalID).find(ctx)
}

func (s *TransactionsService) search(externalID string) search[Transaction] {
	return search[Transaction]{s.c, OpListTransactions, externalID,
		func(ctx context.Context, o ListOptions) (*Page[Transaction], error) {
			return s.List(ctx, TransactionListOptions{ListOptions: o, ExternalID: externalID})
		},
		func(t *Transaction) string { return t.ExternalID }}
}

// List returns one page of transactions, newest first (assumed).
func (s *TransactionsService) List(ctx context.Context, o TransactionListOptions) (*Page[Transaction], error) {
	var f transport.Faults
	q := o.query(&f)
	setText(q, "external_id", o.ExternalID)
	setText(q, "sender_id", o.SenderID)
	setText(q, "transactions_type", o.Type)
	return listPage[Transaction](ctx, s.c, OpListTransactions, o.ListOptions, q, f)
}

// All iterates over transactions, fetching pages as it goes. Transactions
// created meanwhile push others to later pages, so one may be seen twice.
func (s *TransactionsService) All(ctx context.Context, o TransactionListOptions) iter.Seq2[Transaction, error] {
	return all(o.ListOptions, func(page ListOptions) (*Page[Transaction], error) {
		o.ListOptions = page
		return s.List(ctx, o)
	})
}

// SandboxPayIn pretends that the sender paid in. Sandbox only.
func (s *TransactionsService) SandboxPayIn(ctx context.Context, id string, p PayinMethodParams) (*Transaction, error) {
	var f transport.Faults
	f.Require("type", p.Type)
	return write[Transaction](ctx, s.c, OpSandboxPayIn, id, f, map[string]PayinMethodParams{"payin_method": p})
}

// SandboxPayOut pretends that a funded transaction was paid out. Sandbox only.
func (s *TransactionsService) SandboxPayOut(ctx context.Context, id string) (*Transaction, error) {
	return byID[Transaction](ctx, s.c, OpSandboxPayOut, id)
}

// describes tells whether a transaction found by the external id is the one the
// params ask for, as far as it shows.
func (p *TransactionParams) describes(t *Transaction) error {
	if t.InputCurrency != "" && t.InputCurrency != p.InputCurrency {
		return errOther
	}
	if t.Recipients == nil {
		return nil
	}
	if len(t.Recipients) != len(p.Recipients) {
		return errOther
	}
	rest := slices.Clone(p.Recipients) // an answer may have them in another order
	for i := range t.Recipients {
		got := &t.Recipients[i]
		n := slices.IndexFunc(rest, func(want RecipientParams) bool {
			return (!got.RequestedAmount.Valid || got.RequestedAmount.Decimal.Equal(want.RequestedAmount)) &&
				(got.RequestedCurrency == "" || got.RequestedCurrency == want.RequestedCurrency)
		})
		if n < 0 {
			return errOther
		}
		rest = slices.Delete(rest, n, n+1)
	}
	return nil
}
