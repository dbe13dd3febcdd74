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
	Amount      decimal.NullDecimal `json:"amount"` // in Currency, or else in that of the partner's country
	Currency    string              `json:"currency"`
	PhoneNumber string              `json:"phoneNumber"` // digits

	// Of a bank withdrawal (documented).
	AccountNumber string   `json:"accountNumber"`
	AccountName   string   `json:"accountName"`
	Bank          BankCode `json:"serviceProviderId"`

	// Of a payment to a merchant. Which keys responses have is assumed.
	MerchantNumber string              `json:"merchantNumber"` // paybill number
	TillNumber     string              `json:"merchantTill"`
	Fee            decimal.NullDecimal `json:"fee"` // on top of Amount; not Valid when the response shows none

	TxHash    string    `json:"txHash"`    // where a chain is involved
	CreatedAt time.Time `json:"createdAt"` // zero when the response has none
	UpdatedAt time.Time `json:"updatedAt"` // zero when the response has none

	// Existing says that no attempt of this call can have made the transaction: it
	// was there before. Set by deposits and withdrawals.
	Existing bool
	// Unverified says that the response shows no amount to compare with the amount
	// that was asked for. Set by deposits, withdrawals and payments.
	Unverified bool
	Raw        sdk.Raw
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
// wording). A response about another external id, or of the other kind, is
// sdk.ErrUnexpectedResponse, and so is a response that names no transaction.
func (s *FiatService) Find(ctx context.Context, externalID string, kind TransactionType) (*Transaction, error) {
	found, err := s.find(ctx, externalID, kind)
	if err != nil {
		return nil, err
	}
	return &found.Transaction, nil
}

func (s *FiatService) find(ctx context.Context, externalID string, kind TransactionType) (*shown, error) {
	var f faults
	f.reference("externalId", externalID)
	f.Require("transactionalType", string(kind))
	return call(ctx, s.api, f, transport.Call{
		Op: OpStatusByExternalID, Path: []string{externalID}, Reference: externalID,
		Query: url.Values{"transactionalType": {string(kind)}},
	}, func(body []byte) (shown, error) {
		t, err := decodeStatus(body)
		switch {
		case err != nil:
		case t.ExternalID != "" && t.ExternalID != externalID:
			err = mismatch("the response is about another external id")
		case t.Type != "" && !strings.EqualFold(string(t.Type), string(kind)):
			err = mismatch("the response is about a transaction of the other kind")
		}
		return t, err
	})
}

// Get returns a transaction by Kotani's own id. An unknown id gives
// sdk.ErrNotFound (assumed wording). A response about another transaction, or that
// names none, is sdk.ErrUnexpectedResponse.
func (s *FiatService) Get(ctx context.Context, requestID string) (*Transaction, error) {
	var f faults
	f.segment("requestId", requestID)
	return call(ctx, s.api, f, transport.Call{
		Op: OpStatusByRequestID, Path: []string{requestID}, Reference: requestID,
	}, func(body []byte) (Transaction, error) {
		t, err := decodeStatus(body)
		if err == nil && t.RequestID != "" && t.RequestID != requestID {
			err = mismatch("the response is about another transaction")
		}
		return t.Transaction, err
	})
}

// Wait looks for a transaction by external id every few seconds, up to half a
// minute apart, until its status is final, and returns it. It outlasts outages.
// When the context ends first, it returns the transaction as last seen, if it
// was seen, with the error. A transaction that failed is returned without an
// error: look at its Status.
func (s *FiatService) Wait(ctx context.Context, externalID string, kind TransactionType) (*Transaction, error) {
	return transport.Wait(ctx, s.core, OpStatusByExternalID, externalID, func(ctx context.Context, externalID string) (*Transaction, error) {
		return s.Find(ctx, externalID, kind)
	}, (*Transaction).final)
}

// WaitRequest is Wait by Kotani's own request id, for payments to paybill and
// till numbers.
func (s *FiatService) WaitRequest(ctx context.Context, requestID string) (*Transaction, error) {
	return transport.Wait(ctx, s.core, OpStatusByRequestID, requestID, s.Get, (*Transaction).final)
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
	// Skipped is how many rows could not be read. They are not among Items.
	Skipped int
	// More reports that the list goes on, or may go on: the rows reach the Limit that was
	// asked for, or the response tells of more rows. False does not make the list
	// complete: a server may send fewer rows than it has, or than Limit, and say
	// nothing. A transaction that is not in the list may exist: ask Find or Get.
	More bool
	Raw  sdk.Raw
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
	return call(ctx, s.api, f, transport.Call{Op: OpTransactions, Query: query}, func(body []byte) (TransactionList, error) {
		list, err := decodeTransactions(body)
		list.More = list.More || o.Limit > 0 && len(list.Items)+list.Skipped >= o.Limit
		return list, err
	})
}

// decodeTransactions finds the list in a response whose form is not documented.
func decodeTransactions(body []byte) (TransactionList, error) {
	list, array := TransactionList{Raw: body}, json.RawMessage(body)
	var envelope map[string]json.RawMessage
	if !wire.IsArray(body) {
		object, err := read[map[string]json.RawMessage](body)
		if err != nil {
			return list, err
		}
		envelope = object
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
		if t, err := readTransaction(row); err == nil {
			list.Items = append(list.Items, t.Transaction)
		} else {
			list.Skipped++
		}
	}
	list.More = tellsOfMore(envelope, len(rows))
	return list, nil
}

var plainName = strings.NewReplacer("_", "", "-", "")

// tellsOfMore reports an envelope that names a next page, or counts more rows than are
// shown. No paging is documented: the names are those of other APIs (assumed).
func tellsOfMore(members map[string]json.RawMessage, rows int) bool {
	for name, raw := range members {
		var count wire.Int
		_ = count.UnmarshalJSON(raw) // anything else counts nothing
		switch name = plainName.Replace(strings.ToLower(name)); {
		case strings.HasPrefix(name, "next"), strings.HasPrefix(name, "hasmore"), strings.HasPrefix(name, "hasnext"), strings.Contains(name, "cursor") && !strings.HasPrefix(name, "prev"):
			if holds(raw) {
				return true
			}
		case name == "total" || name == "count" || name == "totalcount" || name == "totalitems":
			if count.Int > int64(rows) {
				return true
			}
		case name == "pages" || name == "totalpages" || name == "lastpage" || name == "pagecount":
			if count.Int > 1 {
				return true
			}
		case name == "meta" || name == "pagination" || name == "paging" || name == "links":
			if inner, err := read[map[string]json.RawMessage](raw); err == nil && tellsOfMore(inner, rows) {
				return true
			}
		}
	}
	return false
}

// transactionForm has every key with which a transaction was seen. Its Status,
// Message and Amount hide the fields of the Transaction.
type transactionForm struct {
	Transaction
	Result      json.RawMessage `json:"result"`
	ID          string          `json:"id"`
	Status      json.RawMessage `json:"status"`
	Message     json.RawMessage `json:"message"`
	Amount      json.RawMessage `json:"amount"`
	SmallTxHash string          `json:"txhash"`

	// The operator's responses of 2022.
	WithdrawReference string   `json:"withdrawReference"`
	DepositReference  string   `json:"depositReference"`
	TxnHash           string   `json:"txnHash"`
	Withdrawn         oldMoney `json:"amountWithdrawn"`
	Deposited         oldMoney `json:"deposited"`
	AmountDeposited   oldMoney `json:"amountDeposited"`
}

type money struct {
	Currency string              `json:"currency"`
	Amount   decimal.NullDecimal `json:"amount"`
}

type oldMoney struct {
	Currency string          `json:"currency"`
	Amount   json.RawMessage `json:"amount"`
}

// shown is a transaction as a response shows it, with what a comparison needs
// besides.
type shown struct {
	Transaction
	wrapped bool // "result" holds an object, as documented; it may be empty
	old     bool // in the form of 2022, which has no external id
	amount  bool // an amount is shown, readable or not
}

// readTransaction reads a response in any of the known forms: the object under
// "result", or the response itself. A "result" that is no object, or an empty one, is a
// side field. So is one that decides nothing, beside a transaction that names itself.
func readTransaction(body []byte) (t shown, err error) {
	var w transactionForm
	if err := wire.Unmarshal(body, &w); err != nil {
		return shown{}, err
	}
	wrapped := w.Result
	if wraps(wrapped) {
		var inner transactionForm
		if err := wire.Unmarshal(wrapped, &inner); err != nil {
			return shown{}, err
		}
		if inner.foreign() && w.named() {
			wrapped = nil // the transaction lies flat, and "result" is a side field of it
		} else {
			w = inner
		}
	} else if text(w.Message) == "" {
		w.Message = wrapped
	}
	t = shown{Transaction: w.Transaction, wrapped: wire.IsObject(wrapped)}
	old := cmp.Or(w.WithdrawReference, w.DepositReference)
	t.old = old != ""
	t.RequestID = cmp.Or(t.RequestID, w.ID, old)
	t.Status, t.Message = TransactionStatus(word(w.Status)), text(w.Message)
	t.TxHash = cmp.Or(w.SmallTxHash, t.TxHash, w.TxnHash)
	t.Raw = body
	for _, m := range [...]oldMoney{{t.Currency, w.Amount}, w.Withdrawn, w.Deposited, w.AmountDeposited} {
		if len(m.Amount) == 0 || string(m.Amount) == `""` || t.Amount.Valid {
			continue
		}
		var amount wire.Decimal
		_ = amount.UnmarshalJSON(m.Amount) // what cannot be read is shown all the same
		t.Amount, t.Currency, t.amount = amount.Null(), cmp.Or(t.Currency, m.Currency), true
	}
	return t, nil
}

func (w *transactionForm) named() bool {
	return cmp.Or(w.RequestID, w.ID, w.ExternalID, w.WithdrawReference, w.DepositReference) != ""
}

// foreign reports an object that shows nothing which decides about a transaction.
func (w *transactionForm) foreign() bool {
	return !w.named() && len(w.Status) == 0 && len(w.Amount) == 0 &&
		len(w.Withdrawn.Amount) == 0 && len(w.Deposited.Amount) == 0 && len(w.AmountDeposited.Amount) == 0
}

// decodeStatus reads the response to a lookup, which must have a status, and name
// a transaction.
func decodeStatus(body []byte) (shown, error) {
	t, err := readTransaction(body)
	switch {
	case err != nil:
	case t.Status == "":
		err = wire.Missing("status")
	case t.RequestID == "" && t.ExternalID == "":
		err = wire.Missing("requestId or externalId")
	}
	return t, err
}

// asked is what a write asks for, as far as a response may show it. It is the one
// place that says whether a response is about that payment.
type asked struct {
	kind       TransactionType
	externalID string
	amount     decimal.Decimal // zero: not named by the request
	fee        bool            // the amount shown may be with the fee
	phone      string
	account    string
	merchant   string // paybill number
	till       string
	bank       BankCode
	txHash     string
}

// compare compares what is asked for with what is shown.
func (a asked) compare(t *shown) (c transport.Comparison) {
	c.Text("externalId", a.externalID, t.ExternalID)
	if t.Type != "" {
		c.Fold("transactionType", string(a.kind), string(t.Type))
	}
	c.Phone("phoneNumber", a.phone, t.PhoneNumber)
	c.Text("serviceProviderId", leadingZero(a.bank), leadingZero(t.Bank))
	number(&c, "accountNumber", a.account, t.AccountNumber)
	number(&c, "merchantNumber", a.merchant, t.MerchantNumber)
	number(&c, "merchantTill", a.till, t.TillNumber)
	c.Fold("txHash", hexDigits(a.txHash), hexDigits(t.TxHash))
	switch {
	case a.phone != "" && t.Bank != "":
		c.Differs("recipient")
	case a.phone != "" && t.PhoneNumber == "" && t.AccountNumber != "":
		c.Phone("recipient", a.phone, t.AccountNumber)
	case a.bank != "" && t.PhoneNumber != "" && t.AccountNumber == "" && t.Bank == "":
		c.Differs("recipient")
	}
	if !a.amount.IsZero() {
		amount := t.Amount
		if a.fee && t.Fee.Valid && amount.Valid && amount.Decimal.Equal(a.amount.Add(t.Fee.Decimal)) {
			amount.Decimal = a.amount
		}
		c.Amount("amount", a.amount, amount, t.amount)
	}
	return c
}

// accept makes a direct response the result of a write, when it is about that
// write. A response that names no transaction must not read like a refusal.
func (a asked) accept(t *shown) (Transaction, error) {
	if t.RequestID == "" && t.ExternalID == "" && t.TxHash == "" && saysNo(t.Raw) {
		return Transaction{}, errSaysNo
	}
	c := a.compare(t)
	if err := c.Direct(); err != nil {
		return Transaction{}, err
	}
	t.Unverified = !t.amount || a.amount.IsZero()
	return t.Transaction, nil
}

// read decodes a direct response of which nothing is documented.
func (a asked) read(body []byte) (Transaction, error) {
	t, err := readTransaction(body)
	if err != nil {
		return Transaction{}, err
	}
	return a.accept(&t)
}

const errSaysNo = mismatch("the response has the words of a refusal, and no status")

// compareAny compares what a response shows of a transaction, at its top or in one
// of its members. What cannot be read as a transaction shows nothing.
func (a asked) compareAny(body []byte, member string) error {
	objects := []json.RawMessage{body}
	if members, err := read[map[string]json.RawMessage](body); err == nil {
		objects = append(objects, members[member])
	}
	for _, object := range objects {
		t, err := readTransaction(object)
		if err != nil {
			continue
		}
		c := a.compare(&t)
		if err := c.Direct(); err != nil {
			return err
		}
	}
	return nil
}

// number compares the number of an account or of a merchant. A number with letters
// is compared as a text, unless the text that is shown is masked.
func number(c *transport.Comparison, field, asked, shown string) {
	switch {
	case strings.Trim(asked, "0123456789 -") == "":
		c.Account(field, asked, shown)
	case !strings.Contains(shown, "*") && !strings.Contains(strings.ToLower(shown), "xx"):
		c.Fold(field, asked, shown)
	}
}

// leadingZero writes the code of a bank with the leading zero that a number has
// lost.
func leadingZero(code BankCode) string {
	if len(code) == 1 {
		return "0" + string(code)
	}
	return string(code)
}

func hexDigits(hash string) string {
	return strings.TrimPrefix(strings.ToLower(strings.TrimSpace(hash)), "0x")
}
