package kapiten

import (
	"context"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// WalletService fills a company's wallet and shows its ledger and its balance.
type WalletService struct{ list list[Transaction] }

// TopUpParams describe a deposit into the company wallet.
type TopUpParams struct {
	CompanyID string // required
	// Amount in RWF, greater than zero, with at most two decimals. It is sent as
	// given: the document calls it a Float. Limits are not documented. Centimes are
	// not in use, so Kapiten may refuse a fraction of a franc.
	Amount decimal.Decimal
	// PhoneNumber is the mobile money account to bill: "078... or 079..." in the
	// document, which also promises Airtel (072, 073).
	PhoneNumber string
	Description string // optional, for your accounting; a failed deposit's may have a reason behind it

	// Since tells the Look of Prepare that no deposit with this Description is older.
	// See SearchOptions. It is not sent.
	Since time.Time
}

// Transaction is an entry of the company wallet's ledger.
type Transaction struct {
	ID          string            `json:"id" wire:"required"`
	Amount      decimal.Decimal   `json:"amount"`           // RWF, negative for deductions
	Type        TransactionType   `json:"transaction_type"` // absent in the document's list sample
	Status      TransactionStatus `json:"status" wire:"required"`
	Description string            `json:"description"`
	RideID      string            `json:"ride"`       // the ride it belongs to (assumed); empty when the response shows none
	CreatedAt   time.Time         `json:"created_at"` // zero when the response has none; Raw keeps its text
	Raw         sdk.Raw           `json:"-"`
}

// TransactionStatus is the state of a wallet transaction.
type TransactionStatus string

const (
	TransactionPending TransactionStatus = "PENDING" // documented
	TransactionSuccess TransactionStatus = "SUCCESS" // documented
	TransactionFailed  TransactionStatus = "FAILED"  // assumed: the document names no failure
)

// Final reports whether no further status can follow. An unknown status is not
// final.
func (s TransactionStatus) Final() bool {
	return s == TransactionSuccess || s == TransactionFailed
}

// TransactionType is the kind of a wallet transaction.
type TransactionType string

const (
	TransactionDeposit     TransactionType = "DEPOSIT"      // documented
	TransactionRidePayment TransactionType = "RIDE_PAYMENT" // assumed name of what the document calls a ride deduction
	TransactionRefund      TransactionType = "REFUND"       // assumed
	TransactionAdjustment  TransactionType = "ADJUSTMENT"   // assumed name; adjustments are documented in prose
)

// TopUp asks the payer's mobile money account for a deposit and returns it
// PENDING. Only List shows later whether the payer agreed; see Wait. TopUp sends
// nothing a second time after an unknown outcome. A Description of your own lets
// you recognise the deposit in List.
//
// A response about another amount, description, company or phone number, or about anything
// but a deposit that begins, is the response to another request: the outcome is unknown then. So it is when Kapiten says
// that it has such a deposit: an earlier TopUp may have made it.
func (s *WalletService) TopUp(ctx context.Context, p TopUpParams) (*Transaction, error) {
	return s.topUp(p).Do(ctx)
}

// Prepare checks and encodes what TopUp sends, for package sdk/journal. Its Look goes
// through the ledger for the Description, if there is one. A deposit that it finds has
// been asked for. A deposit that it does not find may still come.
func (s *WalletService) Prepare(p TopUpParams) (sdk.Prepared[Transaction], error) {
	prepared, err := s.topUp(p).Prepare()
	if err == nil && p.Description != "" {
		prepared.Look = func(ctx context.Context) (*Transaction, error) { return s.look(ctx, p) }
	}
	return prepared, err
}

const (
	errTwoDeposits  = wire.Missing("a single deposit with this description")
	errOtherDeposit = wire.Missing("the deposit that was asked for")
)

// look goes through the ledger for the deposit with a description.
func (s *WalletService) look(ctx context.Context, p TopUpParams) (*Transaction, error) {
	var found *Transaction
	several := false
	end, err := s.list.sweep(ctx, p.CompanyID, p.Description, 1, SearchOptions{Since: p.Since}, func(row *Transaction) bool {
		switch {
		case !p.describes(row) || found != nil && found.ID == row.ID:
		case found != nil:
			several = true
		default:
			copied := *row // not the page with it
			found = &copied
		}
		return false
	})
	unclear := func(cause error) error { return s.list.core.Inconclusive(OpListTransactions, p.Description, cause) }
	switch {
	case err != nil:
		return nil, err
	case several:
		return nil, unclear(errTwoDeposits)
	case found == nil && end.doubt != nil:
		return nil, unclear(end.doubt)
	case found == nil:
		return nil, s.list.core.Absent(OpListTransactions, p.Description)
	}
	asked := *found
	asked.Description = p.Description
	same := p.compare(&asked)
	switch finding, err := same.Finding(); {
	case err != nil:
		return nil, unclear(err)
	case finding == transport.Different:
		e := s.list.core.Inconclusive(OpListTransactions, p.Description, errOtherDeposit)
		e.Reasons = []error{sdk.ErrReferenceTaken}
		return nil, e
	}
	return found, nil
}

func (s *WalletService) topUp(p TopUpParams) transport.Write[Transaction] {
	var faults transport.Faults
	faults.RequireSegment("company_id", p.CompanyID)
	if fault := wire.AmountFault(p.Amount, 2); fault != "" {
		faults.Add("amount", fault)
	}
	phone := checkPhone(&faults, "phone_number", p.PhoneNumber)
	faults.CheckReference("description", p.Description)
	var fault error
	if faults.Fields != nil {
		fault = s.list.core.InvalidCall(transport.Call{Op: OpTopUpWallet, Path: []string{p.CompanyID}, Reference: p.Description}, faults.Fields)
	}
	return transport.Write[Transaction]{Core: s.list.core, Err: fault, Doubts: transport.Duplicated, Call: func(out **Transaction) transport.Call {
		return transport.Call{
			Op: OpTopUpWallet, Path: []string{p.CompanyID}, Reference: p.Description,
			Body: topUpRequest{wire.Number(p.Amount), phone, p.Description},
			Decode: transport.Into(out, func(body []byte) (Transaction, error) {
				deposit, err := decodeTransaction(body)
				switch {
				case err != nil:
				case deposit.Status.Final(): // of the ledger
					err = wire.Missing("the status of a new deposit")
				default:
					same := p.compare(&deposit)
					err = same.Direct()
				}
				return deposit, err
			}),
			Doubts: transport.Duplicated,
		}
	}}
}

// Get looks for a transaction by Kapiten's id in the ledger, page after page, because
// no endpoint for a single transaction is documented. It gives sdk.ErrNotFound when
// the ledger has come to its end without the transaction, and
// sdk.ErrUnexpectedResponse when it cannot tell.
func (s *WalletService) Get(ctx context.Context, companyID, transactionID string) (*Transaction, error) {
	return s.list.get(ctx, companyID, "transaction_id", transactionID)
}

// Wait looks for a transaction until its status is final, as RidesService.Wait
// does for a ride. It returns a top-up that failed without an error: look at its
// Status.
func (s *WalletService) Wait(ctx context.Context, companyID, transactionID string) (*Transaction, error) {
	return s.list.wait(ctx, companyID, "transaction_id", transactionID, func(t *Transaction) bool { return t.Status.Final() })
}

// List returns one page of the ledger. The order is not documented; newest first
// is assumed.
func (s *WalletService) List(ctx context.Context, companyID string, o ListOptions) (*Page[Transaction], error) {
	return s.list.page(ctx, companyID, o)
}

// All iterates over the whole ledger, fetching pages as it goes.
func (s *WalletService) All(ctx context.Context, companyID string) iter.Seq2[Transaction, error] {
	return s.list.all(ctx, companyID)
}

// Balance adds up the ledger's entries that are TransactionSuccess, in RWF, because no
// endpoint for the balance is documented. It asks for every page of the ledger. It
// gives sdk.ErrUnexpectedResponse when it cannot see all entries.
func (s *WalletService) Balance(ctx context.Context, companyID string) (decimal.Decimal, error) {
	sum, seen := decimal.Zero, map[string]bool{}
	end, err := s.list.sweep(ctx, companyID, "", 1, SearchOptions{MaxPages: math.MaxInt}, func(t *Transaction) bool {
		if !seen[t.ID] && t.Status == TransactionSuccess { // new entries push others to later pages
			sum = sum.Add(t.Amount)
		}
		seen[t.ID] = true
		return false
	})
	switch {
	case err != nil:
		return decimal.Zero, err
	case end.doubt != nil:
		return decimal.Zero, s.list.core.Inconclusive(s.list.op, "", end.doubt)
	}
	return sum, nil
}

// describes reports whether a row has the description of a deposit, or that of a failed
// deposit, behind which stands the reason.
func (p TopUpParams) describes(row *Transaction) bool {
	return row.Description == p.Description || row.Status == TransactionFailed && strings.HasPrefix(row.Description, p.Description+": ")
}

type topUpRequest struct {
	Amount      wire.Number `json:"amount"`
	PhoneNumber string      `json:"phone_number"`
	Description string      `json:"description,omitempty"`
}

// compare holds a deposit against the parameters.
func (p TopUpParams) compare(t *Transaction) (c transport.Comparison) {
	c.Amount("amount", p.Amount, decimal.NullDecimal{Decimal: t.Amount, Valid: true}, true)
	c.Text("description", p.Description, t.Description)
	c.Fold("transaction_type", string(TransactionDeposit), string(t.Type))
	var w depositShown
	_ = wire.Unmarshal(t.Raw, &w) // it is an object
	c.Fold("company_id", p.CompanyID, w.CompanyID)
	comparePhone(&c, "phone_number", p.PhoneNumber, w.PhoneNumber)
	return c
}

// depositShown is what a response may show of the request, beside the fields of a
// Transaction (assumed).
type depositShown struct {
	CompanyID   string `json:"company_id"`
	PhoneNumber string `json:"phone_number"`
}

func decodeTransaction(body []byte) (Transaction, error) {
	var w struct {
		Transaction
		Amount decimal.NullDecimal `json:"amount" wire:"required"` // zero is an amount
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return Transaction{}, err
	}
	w.Transaction.Amount = w.Amount.Decimal
	return w.Transaction, nil
}
