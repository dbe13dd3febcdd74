package bitpesa

import (
	"encoding/json"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/shopspring/decimal"
)

// Transaction sends money of one sender, in one currency, to one or several
// recipients.
type Transaction struct {
	ID          string           `json:"id"` // empty from Calculate and Validate, which store nothing
	State       TransactionState `json:"state"`
	StateReason string           `json:"state_reason"`
	ExternalID  string           `json:"external_id"` // your own

	// Amounts are in InputCurrency; not valid where the answer has none.
	InputCurrency string              `json:"input_currency"`
	InputAmount   decimal.NullDecimal `json:"input_amount"` // what it costs
	PaidAmount    decimal.NullDecimal `json:"paid_amount"`  // what came in
	DueAmount     decimal.NullDecimal `json:"due_amount"`   // what is missing

	PayinReference string        `json:"payin_reference"`
	Sender         *Sender       `json:"sender"`
	Recipients     []Recipient   `json:"recipients"`
	PayinMethods   []PayinMethod `json:"payin_methods"`
	Traits         Traits        `json:"traits"`
	Metadata       Metadata      `json:"metadata"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // in samples only
	ExpiresAt time.Time `json:"expires_at"` // one hour after creation, unless funded by then
	Raw       sdk.Raw   `json:"-"`
}

// Traits are switches of a transaction; nil leaves the default.
type Traits struct {
	// AutoRefund gives the money back by itself 24 hours after funding, if it
	// could not be paid out. Off by default in BitPesa's API of 2019, on today.
	AutoRefund *bool `json:"auto_refund,omitempty"`
	// AccountValidation compares the recipient's name with the account's before
	// the payout; a mismatch makes the recipient fail.
	AccountValidation *bool `json:"account_validation,omitempty"`
}

// Funded reports whether the money is known to have come in.
func (t *Transaction) Funded() bool {
	funded, unfunded := t.State.funded()
	return funded || !unfunded && t.PaidAmount.Valid && t.PaidAmount.Decimal.IsPositive()
}

// Final reports whether nothing can follow: paid out, refunded, or canceled
// without ever having been funded.
func (t *Transaction) Final() bool {
	return t.State.Final() || t.State == TransactionCanceled && !t.Funded()
}

// NeedsAction reports whether the transaction will not go on by itself: it, or
// one of its recipients, failed in a way that is not retried. Correct the
// recipient (Recipients.Correct) or cancel (Transactions.Cancel). A transaction
// stays TransactionManual while a corrected recipient is tried again.
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

func (t *Transaction) lacks() string {
	if t.State == "" {
		return "state"
	}
	return lacksID(t.ID)
}

// decodeSketch reads a transaction that does not exist.
func decodeSketch(raw json.RawMessage) (Transaction, error) {
	type sketch Transaction // nothing it may not lack
	s, err := decode[sketch](raw)
	return Transaction(s), err
}
