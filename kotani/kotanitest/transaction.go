package kotanitest

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
)

// Transaction is a deposit, a withdrawal or a payment as the fake keeps it.
type Transaction struct {
	RequestID  string                   `json:"request_id"` // the id, in digits, for withdrawals to mobile money and banks
	ExternalID string                   `json:"external_id"`
	Operation  string                   `json:"operation"` // kotani.OpDeposit, ...
	Type       kotani.TransactionType   `json:"type"`
	Status     kotani.TransactionStatus `json:"status"`
	Message    string                   `json:"message"` // why it failed
	Amount     decimal.Decimal          `json:"amount"`  // in units of Currency, without the fee
	Fee        decimal.Decimal          `json:"fee"`     // in units of Currency
	Currency   string                   `json:"currency"`
	Phone      string                   `json:"phone"`   // digits
	Account    string                   `json:"account"` // bank account, paybill account or till
	TxHash     string                   `json:"tx_hash"` // where a chain is involved
	Callback   string                   `json:"callback"`
	Outcome    Outcome                  `json:"outcome"` // what was planned when it was accepted
	Legs       []Leg                    `json:"legs"`
	Created    time.Time                `json:"created"`
	Updated    time.Time                `json:"updated"`
}

// Leg is what a transaction moves in one account.
type Leg struct {
	Owner    string          `json:"owner"` // "partner", or a user's phone number, "@" and the chain
	Currency string          `json:"currency"`
	Amount   decimal.Decimal `json:"amount"` // signed: a debit is negative
}

// Transaction returns one transaction by its request id, or else by its external
// id.
func (f *Fake) Transaction(id string) (Transaction, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	if t := f.state.find(id); t != nil {
		return t.copy(), true
	}
	return Transaction{}, false
}

// Transactions are all transactions, oldest first.
func (f *Fake) Transactions() []Transaction {
	f.world.Lock()
	defer f.world.Unlock()
	all := make([]Transaction, 0, len(f.state.Transactions))
	for _, t := range f.state.Transactions {
		all = append(all, t.copy())
	}
	return all
}

func (t *Transaction) copy() Transaction {
	c := *t
	c.Legs = append([]Leg{}, t.Legs...)
	return c
}

// shown is the status object of answers and callbacks.
func (t *Transaction) shown() object {
	o := object{
		"requestId": t.RequestID, "externalId": t.ExternalID, "transactionType": string(t.Type),
		"status": string(t.Status), "amount": t.Amount.String(), "currency": t.Currency,
		"phoneNumber": t.Phone, "createdAt": timestamp(t.Created), "updatedAt": timestamp(t.Updated),
	}
	for name, text := range map[string]string{"message": t.Message, "txhash": t.TxHash, "accountNumber": t.Account} {
		if text != "" {
			o[name] = text
		}
	}
	if t.Fee.IsPositive() {
		o["fee"] = t.Fee.String()
	}
	return o
}
