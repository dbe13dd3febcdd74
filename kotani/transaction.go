package kotani

import (
	"cmp"
	"encoding/json"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Transaction is a deposit, a withdrawal or a payment. The document shows the
// fields of a withdrawal's answer and leaves all other answers empty ("result"),
// so that any field may be missing: the others are assumed, and Raw has what
// came.
type Transaction struct {
	RequestID   string // "requestId", or the "id" of a withdrawal: for Get
	ExternalID  string // your own reference
	Type        TransactionType
	Status      TransactionStatus // empty in the documented answer of a withdrawal
	Message     string
	Amount      decimal.NullDecimal // in Currency; without one, in that of the partner's country
	Currency    string
	PhoneNumber string // digits

	// Of a bank withdrawal (documented).
	AccountNumber string
	AccountName   string
	Bank          BankCode

	TxHash    string    // where a chain is involved
	CreatedAt time.Time // zero when the answer has none
	UpdatedAt time.Time // zero when the answer has none
	Raw       sdk.Raw
}

// transactionAnswer is every key a transaction was seen with.
type transactionAnswer struct {
	Result            json.RawMessage `json:"result"`
	ID                string          `json:"id"`
	RequestID         string          `json:"requestId"`
	ExternalID        string          `json:"externalId"`
	Type              string          `json:"transactionType"`
	Status            json.RawMessage `json:"status"`
	Message           json.RawMessage `json:"message"`
	Amount            json.RawMessage `json:"amount"`
	Currency          string          `json:"currency"`
	PhoneNumber       string          `json:"phoneNumber"`
	AccountNumber     string          `json:"accountNumber"`
	AccountName       string          `json:"accountName"`
	ServiceProviderID string          `json:"serviceProviderId"`
	TxHash            string          `json:"txhash"`
	TxHashCamel       string          `json:"txHash"`
	CreatedAt         time.Time       `json:"createdAt"`
	UpdatedAt         time.Time       `json:"updatedAt"`

	// The operator's answers of 2022.
	WithdrawReference string `json:"withdrawReference"`
	DepositReference  string `json:"depositReference"`
	TxnHash           string `json:"txnHash"`
	Withdrawn         money  `json:"amountWithdrawn"`
	Deposited         money  `json:"deposited"`
	AmountDeposited   money  `json:"amountDeposited"`
}

// readTransaction reads an answer in any of the forms known: the object under
// "result", or the answer itself. wrapped is what "result" holds, if anything.
func readTransaction(body []byte) (t Transaction, wrapped json.RawMessage, err error) {
	var w transactionAnswer
	if err := wire.Unmarshal(body, &w); err != nil {
		return Transaction{}, nil, err
	}
	if wrapped = w.Result; string(wrapped) == "null" {
		wrapped = nil
	}
	if wrapped != nil {
		if !wire.IsObject(wrapped) {
			return Transaction{Message: text(wrapped), Raw: body}, wrapped, nil
		}
		w = transactionAnswer{}
		if err := wire.Unmarshal(wrapped, &w); err != nil {
			return Transaction{}, nil, err
		}
	}
	t = Transaction{
		RequestID:  cmp.Or(w.RequestID, w.ID, w.WithdrawReference, w.DepositReference),
		ExternalID: w.ExternalID, Type: TransactionType(w.Type),
		Status: TransactionStatus(word(w.Status)), Message: text(w.Message),
		Amount: shownAmount(w.Amount), Currency: w.Currency, PhoneNumber: w.PhoneNumber,
		AccountNumber: w.AccountNumber, AccountName: w.AccountName, Bank: BankCode(w.ServiceProviderID),
		TxHash:    cmp.Or(w.TxHash, w.TxHashCamel, w.TxnHash),
		CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt, Raw: body,
	}
	for _, m := range [...]money{w.Withdrawn, w.Deposited, w.AmountDeposited} {
		if amount := shownAmount(m.Amount); amount.Valid && !t.Amount.Valid {
			t.Amount, t.Currency = amount, cmp.Or(t.Currency, m.Currency)
		}
	}
	return t, wrapped, nil
}

func decodeTransaction(body []byte) (Transaction, error) {
	t, _, err := readTransaction(body)
	return t, err
}

type money struct {
	Currency string          `json:"currency"`
	Amount   json.RawMessage `json:"amount"`
}

// decodeResult reads the answer of a deposit or a payment, which must have a
// "result", whatever is in it.
func decodeResult(body []byte) (Transaction, error) {
	t, wrapped, err := readTransaction(body)
	if err == nil && wrapped == nil {
		err = missing("result")
	}
	return t, err
}

// decodeWithdrawal reads the answer of a withdrawal, which must name itself or
// the caller's reference.
func decodeWithdrawal(body []byte) (Transaction, error) {
	t, err := decodeTransaction(body)
	if err == nil && t.RequestID == "" && t.ExternalID == "" {
		err = missing("id")
	}
	return t, err
}

// decodeStatus reads the answer of a status request, which must have a status.
func decodeStatus(body []byte) (Transaction, error) {
	t, err := decodeTransaction(body)
	if err == nil && t.Status == "" {
		err = missing("status")
	}
	return t, err
}

// word returns a status that is a text. A number is the old way of saying that
// the request went well, and no state.
func word(raw json.RawMessage) string {
	s := text(raw)
	if _, err := strconv.Atoi(s); err == nil {
		return ""
	}
	return s
}

// text returns a JSON string, or nothing.
func text(raw json.RawMessage) string {
	var s wire.Text
	if len(raw) == 0 || raw[0] != '"' || s.UnmarshalJSON(raw) != nil {
		return ""
	}
	return string(s)
}
