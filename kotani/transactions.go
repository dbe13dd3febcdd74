package kotani

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Transaction is a deposit, a withdrawal or a payment. Any field may be missing.
// The document shows the fields of a withdrawal's response and leaves all other
// responses empty ("result"): the other fields are assumed. Raw has the response.
type Transaction struct {
	RequestID   string              `json:"requestId"`  // "requestId", or the "id" of a withdrawal: for Get
	ExternalID  string              `json:"externalId"` // your own reference
	Type        TransactionType     `json:"transactionType"`
	Status      TransactionStatus   `json:"status"` // empty in the documented response of a withdrawal
	Message     string              `json:"message"`
	Amount      decimal.NullDecimal `json:"amount" wire:"lenient"` // in Currency, or else in that of the partner's country
	Currency    string              `json:"currency"`
	PhoneNumber string              `json:"phoneNumber"` // digits

	// Of a bank withdrawal (documented).
	AccountNumber string   `json:"accountNumber"`
	AccountName   string   `json:"accountName"`
	Bank          BankCode `json:"serviceProviderId"`

	TxHash    string    `json:"txHash"`    // where a chain is involved
	CreatedAt time.Time `json:"createdAt"` // zero when the response has none
	UpdatedAt time.Time `json:"updatedAt"` // zero when the response has none
	Raw       sdk.Raw
}

// TransactionType says which way money went.
type TransactionType string

// The documented types.
const (
	Collections TransactionType = "Collections" // deposits: from the customer
	Payouts     TransactionType = "Payouts"     // withdrawals: to the customer
)

// TransactionStatus is the state of a deposit or a withdrawal. No v2 document
// lists the values: these values come from the v3 API and from a public client.
// Their case does not matter. A status this package does not know passes through
// and is never final.
type TransactionStatus string

// Terminal states of the v3 vocabulary. Reversed follows Successful: the money
// came, and was taken back later.
const (
	StatusSuccessful        TransactionStatus = "SUCCESSFUL"
	StatusSuccess           TransactionStatus = "SUCCESS"
	StatusCompleted         TransactionStatus = "COMPLETED" // a public client's
	StatusFailed            TransactionStatus = "FAILED"
	StatusCancelled         TransactionStatus = "CANCELLED"
	StatusExpired           TransactionStatus = "EXPIRED"
	StatusDeclined          TransactionStatus = "DECLINED"
	StatusPermanentlyFailed TransactionStatus = "PERMANENTLY_FAILED"
	StatusReversed          TransactionStatus = "REVERSED"
)

// Running states of the v3 vocabulary.
const (
	StatusPending              TransactionStatus = "PENDING"
	StatusInitiated            TransactionStatus = "INITIATED"
	StatusInProgress           TransactionStatus = "IN_PROGRESS"
	StatusProcessing           TransactionStatus = "PROCESSING"
	StatusRetry                TransactionStatus = "RETRY"
	StatusTransactionInitiated TransactionStatus = "TRANSACTION_INITIATED"
)

// States of the v3 vocabulary that need a person or that name no end.
const (
	StatusDuplicate      TransactionStatus = "DUPLICATE"
	StatusErrorOccurred  TransactionStatus = "ERROR_OCCURRED"
	StatusRequireReview  TransactionStatus = "REQUIRE_REVIEW"
	StatusNotInitiated   TransactionStatus = "NOT_INITIATED"
	StatusCryptoPending  TransactionStatus = "CRYPTO_PENDING"
	StatusCryptoReceived TransactionStatus = "CRYPTO_RECEIVED"
	StatusRefundPending  TransactionStatus = "REFUND_PENDING"
	StatusRefunded       TransactionStatus = "REFUNDED"
	StatusRefundFailed   TransactionStatus = "REFUND_FAILED"
)

// Final reports whether the status is a terminal state. A successful transaction
// can still be reversed.
func (s TransactionStatus) Final() bool {
	switch s.upper() {
	case StatusFailed, StatusCancelled, StatusExpired, StatusDeclined, StatusPermanentlyFailed, StatusReversed:
		return true
	}
	return s.Succeeded()
}

// Succeeded reports whether the money has arrived.
func (s TransactionStatus) Succeeded() bool {
	switch s.upper() {
	case StatusSuccessful, StatusSuccess, StatusCompleted:
		return true
	}
	return false
}

func (s TransactionStatus) upper() TransactionStatus {
	return TransactionStatus(strings.ToUpper(string(s)))
}

// Find returns a transaction by your own reference: a deposit for Collections, a
// withdrawal for Payouts. An unknown reference gives sdk.ErrNotFound (assumed
// wording). A response about another external id is sdk.ErrUnexpectedResponse.
func (s *FiatService) Find(ctx context.Context, externalID string, kind TransactionType) (*Transaction, error) {
	var f faults
	f.reference("externalId", externalID)
	f.Require("transactionalType", string(kind))
	return call(ctx, s.api, f, transport.Call{
		Op: OpStatusByExternalID, Path: []string{externalID}, Reference: externalID,
		Query: url.Values{"transactionalType": {string(kind)}},
	}, func(body []byte) (Transaction, error) {
		t, err := decodeStatus(body)
		if err == nil && t.ExternalID != "" && t.ExternalID != externalID {
			err = mismatch("the response is about another external id")
		}
		return t, err
	})
}

// Get returns a transaction by Kotani's own id. An unknown id gives
// sdk.ErrNotFound (assumed wording).
func (s *FiatService) Get(ctx context.Context, requestID string) (*Transaction, error) {
	var f faults
	f.segment("requestId", requestID)
	return call(ctx, s.api, f, transport.Call{
		Op: OpStatusByRequestID, Path: []string{requestID}, Reference: requestID,
	}, decodeStatus)
}

// Wait looks for a transaction by external id every few seconds, up to half a
// minute apart, until its status is final, and returns it. It outlasts outages.
// When the context ends first, it returns the transaction as last seen, if it
// was seen, with the error. A transaction that failed is returned without an
// error: look at its Status.
func (s *FiatService) Wait(ctx context.Context, externalID string, kind TransactionType) (*Transaction, error) {
	return wait(ctx, s.api, OpStatusByExternalID, externalID, func(ctx context.Context) (*Transaction, error) {
		return s.Find(ctx, externalID, kind)
	}, (*Transaction).final)
}

// WaitRequest is Wait by Kotani's own request id, for payments to paybill and
// till numbers.
func (s *FiatService) WaitRequest(ctx context.Context, requestID string) (*Transaction, error) {
	return wait(ctx, s.api, OpStatusByRequestID, requestID, func(ctx context.Context) (*Transaction, error) {
		return s.Get(ctx, requestID)
	}, (*Transaction).final)
}

func (t *Transaction) final() bool { return t.Status.Final() }

// TransactionListOptions choose transactions. The document shows these three names
// as the response. That they are query parameters is inferred, and their values
// are assumed. No paging is documented.
type TransactionListOptions struct {
	Type    TransactionType `url:"transactionType,omitempty"`
	Limit   int             `url:"limit,omitempty"`   // 0 leaves it to the server
	OrderBy string          `url:"orderBy,omitempty"` // "asc", "desc"
}

// TransactionList is the result of List.
type TransactionList struct {
	// Items is nil when the response holds no list that this package knows: an
	// array, or an array under "result", "data" or "transactions". An empty list
	// is empty and not nil.
	Items []Transaction
	Raw   sdk.Raw
}

// List returns the partner's deposits and withdrawals.
func (s *FiatService) List(ctx context.Context, o TransactionListOptions) (*TransactionList, error) {
	var f faults
	if o.Limit < 0 {
		f.Add("limit", "must not be negative")
	}
	query, err := wire.Query(o)
	if err != nil {
		f.Add("query", "cannot be encoded")
	}
	return call(ctx, s.api, f, transport.Call{Op: OpTransactions, Query: query}, decodeTransactions)
}

// decodeTransactions finds the list in a response whose form is not documented.
func decodeTransactions(body []byte) (TransactionList, error) {
	list, array := TransactionList{Raw: body}, json.RawMessage(body)
	if !wire.IsArray(body) {
		object, err := read[map[string]json.RawMessage](body)
		if err != nil {
			return list, err
		}
		for _, key := range []string{"result", "data", "transactions"} {
			if array = object[key]; wire.IsArray(array) {
				break
			}
		}
	}
	if !wire.IsArray(array) {
		return list, nil
	}
	rows, err := read[[]json.RawMessage](array)
	if err != nil {
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

// transactionForm has every key with which a transaction was seen. Its Status and
// Message hide the fields of the Transaction, which take any text.
type transactionForm struct {
	Transaction
	Result      json.RawMessage `json:"result"`
	ID          string          `json:"id"`
	Status      json.RawMessage `json:"status"`
	Message     json.RawMessage `json:"message"`
	SmallTxHash string          `json:"txhash"`

	// The operator's responses of 2022.
	WithdrawReference string `json:"withdrawReference"`
	DepositReference  string `json:"depositReference"`
	TxnHash           string `json:"txnHash"`
	Withdrawn         money  `json:"amountWithdrawn"`
	Deposited         money  `json:"deposited"`
	AmountDeposited   money  `json:"amountDeposited"`
}

type money struct {
	Currency string              `json:"currency"`
	Amount   decimal.NullDecimal `json:"amount" wire:"lenient"`
}

// readTransaction reads a response in any of the known forms: the object under
// "result", or the response itself. wrapped is what "result" holds, if anything.
func readTransaction(body []byte) (t Transaction, wrapped json.RawMessage, err error) {
	var w transactionForm
	if err := wire.Unmarshal(body, &w); err != nil {
		return Transaction{}, nil, err
	}
	if wrapped = w.Result; wrapped != nil {
		if !wire.IsObject(wrapped) {
			return Transaction{Message: text(wrapped), Raw: body}, wrapped, nil
		}
		w = transactionForm{}
		if err := wire.Unmarshal(wrapped, &w); err != nil {
			return Transaction{}, nil, err
		}
	}
	t = w.Transaction
	t.RequestID = cmp.Or(t.RequestID, w.ID, w.WithdrawReference, w.DepositReference)
	t.Status, t.Message = TransactionStatus(word(w.Status)), text(w.Message)
	t.TxHash = cmp.Or(w.SmallTxHash, t.TxHash, w.TxnHash)
	t.Raw = body
	for _, m := range [...]money{w.Withdrawn, w.Deposited, w.AmountDeposited} {
		if m.Amount.Valid && !t.Amount.Valid {
			t.Amount, t.Currency = m.Amount, cmp.Or(t.Currency, m.Currency)
		}
	}
	return t, wrapped, nil
}

func decodeTransaction(body []byte) (Transaction, error) {
	t, _, err := readTransaction(body)
	return t, err
}

// decodeResult reads the response to a deposit or a payment, which must have a
// "result", whatever is in it.
func decodeResult(body []byte) (Transaction, error) {
	t, wrapped, err := readTransaction(body)
	if err == nil && wrapped == nil {
		err = wire.Missing("result")
	}
	return t, err
}

// decodeWithdrawal reads the response to a withdrawal, which must name itself or
// the caller's reference.
func decodeWithdrawal(body []byte) (Transaction, error) {
	t, err := decodeTransaction(body)
	if err == nil && t.RequestID == "" && t.ExternalID == "" {
		err = wire.Missing("id")
	}
	return t, err
}

// decodeStatus reads the response to a lookup, which must have a status.
func decodeStatus(body []byte) (Transaction, error) {
	t, err := decodeTransaction(body)
	if err == nil && t.Status == "" {
		err = wire.Missing("status")
	}
	return t, err
}
