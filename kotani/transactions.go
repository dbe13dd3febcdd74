package kotani

import (
	"context"
	"encoding/json"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// TransactionOptions choose transactions. The document lists these three names
// as the answer; that they are query parameters is inferred, and their values
// are assumed. No paging is documented.
type TransactionListOptions struct {
	Type    TransactionType `url:"transactionType,omitempty"`
	Limit   int             `url:"limit,omitempty"`   // 0 leaves it to the server
	OrderBy string          `url:"orderBy,omitempty"` // "asc", "desc"
}

// TransactionList is what Transactions answers.
type TransactionList struct {
	// Items is nil when the answer holds no list that this package knows of: an
	// array, or one under "result", "data" or "transactions". An empty list is
	// empty and not nil.
	Items []Transaction
	Raw   sdk.Raw
}

// Transactions returns the partner's deposits and withdrawals.
func (s *FiatService) List(ctx context.Context, o TransactionListOptions) (*TransactionList, error) {
	var f faults
	if o.Limit < 0 {
		f.Add("limit", "must not be negative")
	}
	query, err := wire.Query(o)
	if err != nil {
		f.Add("query", "cannot be encoded")
	}
	return call(ctx, s.c, f, transport.Call{Op: OpTransactions, Query: query}, decodeTransactions)
}

func decodeTransactions(body []byte) (TransactionList, error) {
	list := TransactionList{Raw: body}
	rows, err := rowsOf(body)
	if err != nil || rows == nil {
		return list, err
	}
	list.Items = make([]Transaction, 0, len(rows))
	for _, row := range rows {
		t, err := decodeTransaction(row)
		if err != nil {
			return TransactionList{}, err
		}
		list.Items = append(list.Items, t)
	}
	return list, nil
}

// rowsOf finds the list in an answer whose form is not documented.
func rowsOf(body []byte) ([]json.RawMessage, error) {
	list := json.RawMessage(body)
	if !wire.IsArray(body) {
		var w map[string]json.RawMessage
		if err := json.Unmarshal(body, &w); err != nil {
			return nil, err
		}
		for _, key := range []string{"result", "data", "transactions"} {
			if list = w[key]; wire.IsArray(list) {
				break
			}
		}
	}
	if !wire.IsArray(list) {
		return nil, nil
	}
	var rows []json.RawMessage
	err := json.Unmarshal(list, &rows)
	return rows, err
}
