package kotani

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// ParseCallback reads a callback of a deposit, a withdrawal or a cash-out. Kotani
// does not sign callbacks: believe only what the API says when you ask it.
//
// No document shows the form of a callback. A public client reads externalId,
// status and txhash. ParseCallback therefore takes any body that has a status and
// names its transaction, in the form of the response to Find, with or without
// "result" around it.
func ParseCallback(body []byte) (Transaction, error) {
	body = wire.WithoutMark(body)
	if !wire.IsObject(body) {
		return Transaction{}, errors.New("kotani: callback is no object")
	}
	t, err := decodeStatus(bytes.Clone(body))
	if err != nil {
		return Transaction{}, fmt.Errorf("kotani: callback: %w", err)
	}
	return t.Transaction, nil
}

// V3Event is a webhook of the v3 API. Of Kotani's own webhooks only these have a
// documented signature. The keys of its data are known from one example and from
// third parties: deposits have snake_case keys, the others camelCase. A field that
// an event lacks is empty.
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

// Events of the v3 API (its documentation). An event that is not listed passes
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

// ParseV3Event reads a v3 webhook: {event, data, signature}. It reads nothing from
// other members: a signature may cover event and data alone. Raw shows them all the
// same, so believe nothing in Raw beside these two.
func ParseV3Event(body []byte) (V3Event, error) {
	body = wire.WithoutMark(bytes.Clone(body))
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return V3Event{}, errors.New("kotani: v3 event is no object")
	}
	e := V3Event{Event: text(members["event"]), Data: members["data"], Raw: body}
	if e.Event == "" || !wire.IsObject(e.Data) {
		return V3Event{}, errors.New("kotani: v3 event without event or data")
	}
	var w struct {
		Snake     string              `json:"reference_id"`
		Camel     string              `json:"referenceId"`
		Status    json.RawMessage     `json:"status"`
		Amount    decimal.NullDecimal `json:"amount"`
		Currency  string              `json:"currency"`
		Timestamp time.Time           `json:"timestamp"`
	}
	if err := wire.Unmarshal(e.Data, &w); err != nil {
		return V3Event{}, fmt.Errorf("kotani: v3 event: %w", err)
	}
	e.Reference, e.Status = cmp.Or(w.Snake, w.Camel), TransactionStatus(word(w.Status))
	e.Amount, e.Currency, e.Timestamp = w.Amount, w.Currency, w.Timestamp
	return e, nil
}

// FiatConnectEventType says what a FiatConnect webhook is about. A type that is
// not listed passes through.
type FiatConnectEventType string

// The events of the specification 1.2.5.
const (
	EventKYC         FiatConnectEventType = "WebhookKycStatusEvent"
	EventTransferIn  FiatConnectEventType = "WebhookTransferInStatusEvent"
	EventTransferOut FiatConnectEventType = "WebhookTransferOutStatusEvent"
)

// FiatConnectEvent is a signed webhook of a FiatConnect provider.
type FiatConnectEvent struct {
	Type     FiatConnectEventType `json:"eventType"`
	Provider string               `json:"provider"`
	ID       string               `json:"eventId"` // the same on each delivery of one event
	Time     time.Time            // when the event was made; whole seconds. Zero if it cannot be read, never of EventKYC
	Address  string               `json:"address"` // the wallet

	KYC      *KYCRecord      // of EventKYC
	Transfer *Transfer       // of EventTransferIn and EventTransferOut
	Payload  json.RawMessage `json:"payload"` // of any event
	Raw      sdk.Raw         // the whole body as received
}

// ParseFiatConnectEvent decodes a webhook's body. It refuses a body without event
// id or type, a payload that does not fit its type, and an EventKYC without a
// timestamp in seconds: only its time tells which of two such events is the later.
func ParseFiatConnectEvent(body []byte) (FiatConnectEvent, error) {
	body = wire.WithoutMark(bytes.Clone(body))
	var w struct {
		FiatConnectEvent
		Timestamp string `json:"timestamp"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return FiatConnectEvent{}, fmt.Errorf("kotani: FiatConnect event: %w", err)
	}
	e := w.FiatConnectEvent
	e.Raw = body
	seconds, err := strconv.ParseInt(w.Timestamp, 10, 64)
	timed := err == nil && seconds > 0 && seconds <= 1<<40
	switch {
	case e.Type == "":
		return FiatConnectEvent{}, errors.New("kotani: FiatConnect event without eventType")
	case e.ID == "":
		return FiatConnectEvent{}, errors.New("kotani: FiatConnect event without eventId")
	case e.Type == EventKYC && !timed:
		return FiatConnectEvent{}, errors.New("kotani: FiatConnect event without timestamp in seconds")
	}
	if err = nil; timed {
		e.Time = time.Unix(seconds, 0).UTC()
	}
	switch e.Type {
	case EventKYC:
		e.KYC, err = kycPayload(e.Payload)
	case EventTransferIn:
		e.Transfer, err = transferPayload(e.Payload, TransferTypeIn)
	case EventTransferOut:
		e.Transfer, err = transferPayload(e.Payload, TransferTypeOut)
	}
	if err != nil {
		return FiatConnectEvent{}, fmt.Errorf("kotani: FiatConnect event: %w", err)
	}
	return e, nil
}

func kycPayload(raw json.RawMessage) (*KYCRecord, error) {
	record, err := read[KYCRecord](raw)
	if err == nil && record.Schema == "" {
		err = wire.Missing("kycSchema")
	}
	return &record, err
}

func transferPayload(raw json.RawMessage, direction TransferType) (*Transfer, error) {
	t, err := decodeTransfer(raw)
	if err != nil {
		return nil, err
	}
	t.Type = cmp.Or(t.Type, direction)
	switch {
	case t.ID == "":
		return nil, wire.Missing("transferId")
	case t.Type != direction:
		return nil, mismatch("the transfer is of the other direction")
	}
	return &t, nil
}
