package kapiten

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// WalletService fills a company's wallet and shows its ledger. No endpoint for
// the balance itself is documented.
type WalletService struct{ c *Client }

// TopUpParams describe a deposit into the company wallet.
type TopUpParams struct {
	CompanyID string // required
	// Amount in RWF, greater than zero. Limits are not documented. Centimes are
	// not in use, so a fraction of a franc is refused.
	Amount decimal.Decimal
	// PhoneNumber is the mobile money account to bill: "078... or 079..." in the
	// document, which also promises Airtel (072, 073); passed on as given.
	PhoneNumber string
	Description string // optional, for your accounting
}

// Transaction is an entry of the company wallet's ledger.
type Transaction struct {
	ID          string
	Amount      decimal.Decimal // RWF, negative for deductions
	Type        TransactionType // absent in the document's list sample
	Status      TransactionStatus
	Description string
	CreatedAt   time.Time // zero when the answer has none; Raw keeps its text
	Raw         sdk.Raw
}

// TopUp asks mobile money for a deposit. It answers PENDING; completion shows
// only in Transactions (see Wait). It is never sent twice after an unknown
// outcome; a Description of your own makes the deposit recognisable there.
func (s *WalletService) TopUp(ctx context.Context, p TopUpParams) (*Transaction, error) {
	var f transport.Faults
	checkSegment(&f, "company_id", p.CompanyID)
	switch {
	case !p.Amount.IsPositive():
		f.Add("amount", "must be greater than zero")
	case !p.Amount.IsInteger():
		f.Add("amount", "must be whole francs")
	}
	f.Require("phone_number", p.PhoneNumber)
	if err := s.c.core.Invalid(OpTopUpWallet, p.Description, f.Fields); err != nil {
		return nil, err
	}
	var transaction *Transaction
	err := s.c.core.Do(ctx, transport.Call{
		Op: OpTopUpWallet, Path: []string{p.CompanyID}, Reference: p.Description,
		Body:   topUpRequest{wire.Number(p.Amount), p.PhoneNumber, p.Description},
		Decode: into(&transaction, decodeTransaction),
	})
	return transaction, err
}

// Transactions returns one page of the ledger. The order is not documented;
// newest first is assumed.
func (s *WalletService) Transactions(ctx context.Context, companyID string, o ListOptions) (*Page[Transaction], error) {
	return listPage(ctx, s.c, OpListTransactions, companyID, o, decodeTransaction)
}

// AllTransactions iterates over the whole ledger, fetching pages as it goes.
func (s *WalletService) AllTransactions(ctx context.Context, companyID string) iter.Seq2[Transaction, error] {
	return all(func(o ListOptions) (*Page[Transaction], error) { return s.Transactions(ctx, companyID, o) })
}

type topUpRequest struct {
	Amount      wire.Number `json:"amount"`
	PhoneNumber string      `json:"phone_number"`
	Description string      `json:"description,omitempty"`
}

func decodeTransaction(raw json.RawMessage) (Transaction, error) {
	var w struct {
		ID          wire.Text    `json:"id"`
		Amount      wire.Decimal `json:"amount"`
		Type        wire.Text    `json:"transaction_type"`
		Status      wire.Text    `json:"status"`
		Description wire.Text    `json:"description"`
		CreatedAt   wire.Time    `json:"created_at"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return Transaction{}, err
	}
	switch {
	case w.ID == "":
		return Transaction{}, missing("id")
	case !w.Amount.Valid:
		return Transaction{}, missing("amount")
	case w.Status == "":
		return Transaction{}, missing("status")
	}
	return Transaction{
		ID: string(w.ID), Amount: w.Amount.Decimal, Type: TransactionType(w.Type),
		Status: TransactionStatus(w.Status), Description: string(w.Description), CreatedAt: w.CreatedAt.Time, Raw: sdk.Raw(raw),
	}, nil
}
