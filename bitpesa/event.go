package bitpesa

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// EventName names an event: the kind of object, a dot, and what happened to it.
// Webhooks.Events gives the authoritative list; its content is not published,
// so unknown names pass through.
type EventName string

// Published event names.
const (
	EventTransactionCreated  EventName = "transaction.created"
	EventTransactionPaidIn   EventName = "transaction.paid_in"
	EventTransactionPaidOut  EventName = "transaction.paid_out"
	EventTransactionPaid     EventName = "transaction.paid" // in OpenAPI examples only
	EventTransactionMispaid  EventName = "transaction.mispaid"
	EventTransactionError    EventName = "transaction.error"
	EventTransactionCanceled EventName = "transaction.canceled"
	EventTransactionRefunded EventName = "transaction.refunded"
	EventRecipientPending    EventName = "recipient.pending"
	EventRecipientError      EventName = "recipient.error"
	EventSenderApproved      EventName = "sender.approved"
	EventSenderRejected      EventName = "sender.rejected"
	EventPayinIncomplete     EventName = "payin_method.incomplete"
	EventPayinPending        EventName = "payin_method.pending"
	EventPayinProcessing     EventName = "payin_method.processing"
	EventPayinPaidIn         EventName = "payin_method.paid_in"
	EventPayinError          EventName = "payin_method.error"
	EventPayinRefunded       EventName = "payin_method.refunded"
	EventPayinCanceled       EventName = "payin_method.canceled"
	EventPayinMispaid        EventName = "payin_method.mispaid"
	EventPayinException      EventName = "payin_method.exception"
)

// Kind is the part before the dot: "transaction".
func (n EventName) Kind() string {
	kind, _, _ := strings.Cut(string(n), ".")
	return kind
}

// Event is what a webhook delivers. The event's kind says which one of the typed
// objects is set; for an unknown kind there is only Object.
type Event struct {
	Webhook string    // the webhook's id
	Name    EventName // "transaction.paid_in"

	Transaction  *Transaction
	Recipient    *Recipient
	Sender       *Sender
	PayoutMethod *PayoutMethod
	PayinMethod  *PayinMethod
	Document     *Document

	Object json.RawMessage // the object as received
	Raw    sdk.Raw         // the whole body
}

// ParseEvent reads a delivery's body, which must be authenticated before: see
// webhook.BitPesa. An object is taken as far as it goes: the vendor's samples
// differ in what they show. Only its id is required.
func ParseEvent(body []byte) (Event, error) {
	var w struct {
		Webhook string          `json:"webhook"`
		Event   string          `json:"event"`
		Object  json.RawMessage `json:"object"`
		Raw     sdk.Raw
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return Event{}, err
	}
	e := Event{Webhook: w.Webhook, Name: EventName(w.Event), Object: w.Object, Raw: w.Raw}
	if e.Name == "" {
		return Event{}, missing("event")
	}
	if !wire.IsObject(e.Object) {
		return Event{}, errNoObject
	}
	var err error
	switch e.Name.Kind() {
	case "transaction":
		e.Transaction, err = parseObject[Transaction](e.Object)
	case "recipient":
		e.Recipient, err = parseObject[Recipient](e.Object)
	case "sender":
		e.Sender, err = parseObject[Sender](e.Object)
	case "payout_method":
		e.PayoutMethod, err = parseObject[PayoutMethod](e.Object)
	case "payin_method":
		e.PayinMethod, err = parseObject[PayinMethod](e.Object)
	case "document":
		e.Document, err = parseObject[Document](e.Object)
	}
	if err != nil {
		return Event{}, err
	}
	if e.ID() == "" {
		return Event{}, missing("id")
	}
	return e, nil
}

var errNoObject = errors.New("event without an object")

func parseObject[T any](raw json.RawMessage) (*T, error) {
	object := new(T)
	return object, wire.Unmarshal(raw, object)
}

// ID is the id of the object.
func (e *Event) ID() string {
	var w struct {
		ID string `json:"id"`
	}
	_ = wire.Unmarshal(e.Object, &w) // an object without an id has none
	return w.ID
}

// State is the state of the object; empty for kinds without one.
func (e *Event) State() string {
	switch {
	case e.Transaction != nil:
		return string(e.Transaction.State)
	case e.Recipient != nil:
		return string(e.Recipient.State)
	case e.Sender != nil:
		return string(e.Sender.State)
	case e.PayinMethod != nil:
		return string(e.PayinMethod.State)
	}
	return ""
}
