package kotani

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// V3Event is a webhook of the v3 API, the only one of Kotani's own whose
// signature is documented. Which keys its data has is known from one example
// and from third parties: deposits have snake_case keys, the others camelCase.
// What an event lacks is empty.
type V3Event struct {
	Event     string // V3DepositUpdated, ...
	Reference string // "reference_id" or "referenceId"
	Status    TransactionStatus
	Amount    decimal.NullDecimal
	Currency  string
	Timestamp time.Time // "timestamp"; zero without one
	Data      json.RawMessage
	Raw       sdk.Raw // the whole body as received
}

// Events of the v3 API (its documentation). One that is not listed passes
// through.
const (
	V3DepositUpdated      = "transaction.deposit.status.updated"
	V3WithdrawalUpdated   = "transaction.withdrawal.status.updated"
	V3OnrampUpdated       = "transaction.onramp.status.updated"
	V3OfframpUpdated      = "transaction.offramp.status.updated"
	V3TransactionUpdated  = "transaction.status.updated" // deprecated there
	V3PaymentConfirmed    = "payment.confirmed"
	V3KYCChanged          = "kyc.status.changed"
	V3RefundCompleted     = "refund.completed"
	V3RefundFailed        = "refund.failed"
	V3RefundInvoiceNeeded = "refund.lightning.invoice_needed"
	V3SystemEvent         = "system.event"
)

// ParseV3Event reads a v3 webhook: {event, data, signature}. It refuses other
// members, because only event and data are signed.
func ParseV3Event(body []byte) (V3Event, error) {
	body = bytes.Clone(body)
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return V3Event{}, errors.New("kotani: v3 event is no object")
	}
	for name := range members {
		if name != "event" && name != "data" && name != "signature" {
			return V3Event{}, errors.New("kotani: v3 event with a member that is not signed")
		}
	}
	e := V3Event{Event: text(members["event"]), Data: members["data"], Raw: body}
	if e.Event == "" || !wire.IsObject(e.Data) {
		return V3Event{}, errors.New("kotani: v3 event without event or data")
	}
	var w struct {
		Snake     string          `json:"reference_id"`
		Camel     string          `json:"referenceId"`
		Status    json.RawMessage `json:"status"`
		Amount    json.RawMessage `json:"amount"`
		Currency  string          `json:"currency"`
		Timestamp time.Time       `json:"timestamp"`
	}
	if err := wire.Unmarshal(e.Data, &w); err != nil {
		return V3Event{}, fmt.Errorf("kotani: v3 event: %w", err)
	}
	e.Reference, e.Status = cmp.Or(w.Snake, w.Camel), TransactionStatus(word(w.Status))
	e.Amount, e.Currency, e.Timestamp = shownAmount(w.Amount), w.Currency, w.Timestamp
	return e, nil
}
