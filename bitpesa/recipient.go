package bitpesa

import (
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/shopspring/decimal"
)

// Recipient is who receives the money of a transaction, and how that went.
type Recipient struct {
	ID    string         `json:"id"`
	Type  PartyType      `json:"type"`
	State RecipientState `json:"state"`
	// StateReason and StateReasonDetails explain the state to people. The
	// vendor advises to decide by State alone.
	StateReason        string             `json:"state_reason"`
	StateReasonDetails StateReasonDetails `json:"state_reason_details"`

	Editable  bool `json:"editable"`   // Update is allowed
	Retriable bool `json:"retriable"`  // tried again by itself; false where the answer does not say (2019)
	MayCancel bool `json:"may_cancel"` // Cancel acts at once

	TransactionID         string           `json:"transaction_id"`
	TransactionExternalID string           `json:"transaction_external_id"`
	TransactionState      TransactionState `json:"transaction_state"`

	RequestedAmount   decimal.NullDecimal `json:"requested_amount"` // in RequestedCurrency
	RequestedCurrency string              `json:"requested_currency"`
	InputAmount       decimal.NullDecimal `json:"input_amount"` // in InputCurrency: what it costs
	InputCurrency     string              `json:"input_currency"`
	OutputAmount      decimal.NullDecimal `json:"output_amount"` // in OutputCurrency: what is paid out
	OutputCurrency    string              `json:"output_currency"`
	InputUSDAmount    decimal.NullDecimal `json:"input_usd_amount"`
	ExchangeRate      decimal.NullDecimal `json:"exchange_rate"`
	FeeFractional     decimal.NullDecimal `json:"fee_fractional"`

	PayoutMethod PayoutMethod `json:"payout_method"`
	MandateID    string       `json:"mandate_id"`
	Metadata     Metadata     `json:"metadata"`
	CreatedAt    time.Time    `json:"created_at"`
	Raw          sdk.Raw      `json:"-"`
}

// StateReasonDetails say why an object is in its state. Codes and categories
// are listed in the vendor's guides and change.
type StateReasonDetails struct {
	Code        string   `json:"code"`
	Category    string   `json:"category"` // "paid", "temporary_error", "recipient_error", ...
	Messages    []string `json:"messages"`
	Description string   `json:"description"`
}

// NeedsAction reports whether the payout failed and is not tried again by
// itself.
func (r *Recipient) NeedsAction() bool {
	switch r.State {
	case RecipientManual, RecipientException:
		return true
	case RecipientError:
		return !r.Retriable
	}
	return false
}

func (r *Recipient) lacks() string {
	if r.State == "" {
		return "state"
	}
	return lacksID(r.ID)
}
