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

// failed reports an end without money moved. A state that needs a person is no end: the
// transaction may be paid later.
func (s TransactionStatus) failed() bool {
	return s.Final() && !s.Succeeded() && s.upper() != StatusReversed
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
		case t.ExternalID != "" && t.ExternalID != externalID:
			err = mismatch("the response is about another external id")
		case err != nil:
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

// transactionForm has every key with which a transaction was seen. Its Status,
// Message and Amount hide the fields of the Transaction.
type transactionForm struct {
	Transaction
	Result      json.RawMessage `json:"result"`
	ID          string          `json:"id"`
	PrepayID    string          `json:"prepayId"` // of an order, which is no transaction
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
	form   form
	amount bool // an amount is shown, readable or not
}

// form is in what form a response shows a transaction: each is of some operations alone.
type form uint8

const (
	wrapped  form = 1 << iota // in "result", as documented, or flat with an id that is a text
	numbered                  // flat with an id of digits: a withdrawal's (documented)
	oldIn                     // a deposit's of 2022, which has no external id
	oldOut                    // a withdrawal's of 2022
	order                     // of an order, not of a transaction
)

// readTransaction reads a response in any of the known forms: the object under
// "result", or the response itself. A "result" that is no object, or an empty one, is a
// side field. So is one that decides nothing, beside a transaction that names itself.
func readTransaction(body []byte) (t shown, err error) {
	var w transactionForm
	if err := wire.Unmarshal(body, &w); err != nil {
		return shown{}, err
	}
	flat := true
	if wraps(w.Result) {
		var inner transactionForm
		if err := wire.Unmarshal(w.Result, &inner); err != nil {
			return shown{}, err
		}
		if flat = inner.foreign() && w.named(); !flat { // or else "result" is a side field
			w = inner
		}
	} else if text(w.Message) == "" {
		w.Message = w.Result
	}
	t = shown{Transaction: w.Transaction, form: w.form(flat)}
	t.RequestID = cmp.Or(t.RequestID, w.ID, w.WithdrawReference, w.DepositReference)
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

func (w *transactionForm) form(flat bool) form {
	switch {
	case w.PrepayID != "":
		return order
	case flat && w.ID != "" && strings.Trim(w.ID, "0123456789") == "" && w.RequestID == "":
		return numbered
	case cmp.Or(w.RequestID, w.ID, w.ExternalID) != "":
		return wrapped
	case w.WithdrawReference != "", len(w.Withdrawn.Amount) > 0:
		return oldOut
	case w.DepositReference != "":
		return oldIn
	}
	return wrapped
}

func (w *transactionForm) named() bool {
	return cmp.Or(w.RequestID, w.ID, w.ExternalID, w.WithdrawReference, w.DepositReference) != ""
}

// foreign reports an object that shows nothing which decides about a transaction.
func (w *transactionForm) foreign() bool {
	return !w.named() && len(w.Status) == 0 && len(w.Amount) == 0 &&
		len(w.Withdrawn.Amount) == 0 && len(w.Deposited.Amount) == 0 && len(w.AmountDeposited.Amount) == 0
}

const errNoStatus = wire.Missing("status")

// decodeStatus reads the response to a lookup, which must have a status, and name
// a transaction.
func decodeStatus(body []byte) (shown, error) {
	t, err := readTransaction(body)
	switch {
	case err != nil:
	case t.RequestID == "" && t.ExternalID == "":
		err = wire.Missing("requestId or externalId")
	case t.Status == "":
		err = errNoStatus
	}
	return t, err
}

// asked is what a write asks for, as far as a response may show it. It is the one
// place that says whether a response is about that payment.
type asked struct {
	forms      form // of a direct response
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
	if a.showsUnasked(t) {
		c.Differs("kind")
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

// showsUnasked reports a field that no response to this write has: another write's.
func (a asked) showsUnasked(t *shown) bool {
	merchant := a.merchant != "" || a.till != ""
	switch {
	case merchant && cmp.Or(t.ExternalID, t.PhoneNumber, string(t.Bank), t.TxHash) != "", a.txHash != "" && t.ExternalID != "":
		return true // their requests have no such field
	case a.till != "" && (t.AccountNumber != "" || t.Fee.Valid && !t.Fee.Decimal.IsZero()):
		return true // free of charge (documented)
	case !merchant && a.phone == "" && a.bank == "":
		return false // it asks for nothing that tells
	}
	return a.merchant == "" && t.MerchantNumber != "" || a.till == "" && t.TillNumber != ""
}

// accept makes a direct response the result of a write, when it is about that write: it
// has a form of the operation's, names a transaction, and shows what the request is known
// by, its external id, its hash, or else the recipient. Kotani shows no recipient of a
// payment to a merchant, which has no reference either.
func (a asked) accept(t *shown) (Transaction, error) {
	old := t.form&(oldIn|oldOut) != 0
	switch {
	case a.forms&t.form == 0:
		return Transaction{}, mismatch("the response has the form of another operation's")
	case t.RequestID == "":
		return Transaction{}, wire.Missing("requestId")
	case a.externalID != "" && t.ExternalID == "" && !old:
		return Transaction{}, wire.Missing("externalId")
	case a.txHash != "" && t.TxHash == "":
		return Transaction{}, wire.Missing("txHash")
	case (a.externalID == "" || old) && a.txHash == "" && a.phone != "" && t.PhoneNumber == "":
		return Transaction{}, wire.Missing("phoneNumber")
	case a.externalID == "" && a.bank != "" && t.AccountNumber == "":
		return Transaction{}, wire.Missing("accountNumber")
	case a.externalID == "" && a.phone != "" && a.txHash == "" && t.TxHash != "" && !old:
		return Transaction{}, mismatch("the response is about a hash")
	}
	c := a.compare(t)
	if err := c.Direct(); err != nil {
		return Transaction{}, err
	}
	t.Unverified = !t.amount || a.amount.IsZero()
	return t.Transaction, nil
}

// read decodes a direct response.
func (a asked) read(body []byte) (Transaction, error) {
	t, err := readTransaction(body)
	if err != nil {
		return Transaction{}, err
	}
	return a.accept(&t)
}

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
