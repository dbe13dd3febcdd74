package bitpesa

import (
	"encoding/json"

	"github.com/kapiteni/kapiten-go/sdk"
)

// PayinMethodParams describe how money is collected from the sender. The vendor
// took its collection guides offline in 2025; the endpoints are still specified.
type PayinMethodParams struct {
	Type   string `json:"type,omitempty"`    // "XOF::Mobile"
	UXFlow string `json:"ux_flow,omitempty"` // "ussd_popup", "http_redirect", ...
	// InDetails: for mobile money phone_number, mobile_provider, country, otp; for
	// NGN::Bank phone_number, account_name, account_number; for BTC refund_address.
	InDetails map[string]any `json:"in_details,omitempty"`
}

// PayinState is where a collection stands. Unknown states pass through.
type PayinState string

const (
	PayinIncomplete PayinState = "incomplete"
	PayinInitial    PayinState = "initial"
	PayinPending    PayinState = "pending"
	PayinProcessing PayinState = "processing"
	PayinSuccess    PayinState = "success"
	PayinError      PayinState = "error" // left by Update or Retry
	PayinMispaid    PayinState = "mispaid"
	PayinCanceled   PayinState = "canceled"
	PayinRefunded   PayinState = "refunded"
	PayinException  PayinState = "exception"
)

// PayinMethod is a collection of money from the sender.
type PayinMethod struct {
	ID string `json:"id"`
	PayinMethodParams
	Provider           string             `json:"provider"` // BitPesa's API of 2019
	State              PayinState         `json:"state"`
	StateReasonDetails StateReasonDetails `json:"state_reason_details"`
	OutDetails         map[string]any     `json:"out_details"`  // what the sender has to know to pay
	Instructions       json.RawMessage    `json:"instructions"` // for people; its form is not documented

	TransactionID         string  `json:"transaction_id"`          // in webhooks
	TransactionExternalID string  `json:"transaction_external_id"` // in webhooks
	Raw                   sdk.Raw `json:"-"`
}

func (m *PayinMethod) lacks() string { return lacksID(m.ID) }
