package bitpesa

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// WebhooksService registers the endpoints to which BitPesa reports events. A
// webhook cannot be changed: delete it and create another. BitPesa disables a
// webhook for good if its endpoint times out (documented).
type WebhooksService struct{ c *Client }

// WebhookParams register an endpoint.
type WebhookParams struct {
	// URL is required. BitPesa calls it exactly as given here, and signs deliveries
	// over this very text: give the verifier the same text.
	URL      string      `json:"url"`
	Events   []EventName `json:"events"` // at least one of those that Events returns
	Metadata Metadata    `json:"metadata,omitempty"`
}

// Webhook is a registered endpoint.
type Webhook struct {
	ID            string         `json:"id"`
	WebhookParams                // as stored
	Errors        map[string]any `json:"errors"` // by field, as received
	Raw           sdk.Raw        `json:"-"`
}

// Create registers an endpoint. The client sends it once: after an unknown outcome,
// look at List first, or BitPesa may deliver every event twice.
func (s *WebhooksService) Create(ctx context.Context, p WebhookParams) (*Webhook, error) {
	var f transport.Faults
	f.RequireURL("url", p.URL)
	if len(p.Events) == 0 {
		f.Add("events", "is required")
	}
	return create[Webhook](ctx, s.c, OpCreateWebhook, f, map[string]WebhookParams{"webhook": p})
}

// Get returns a webhook.
func (s *WebhooksService) Get(ctx context.Context, id string) (*Webhook, error) {
	return byID[Webhook](ctx, s.c, OpGetWebhook, id)
}

// List returns one page of webhooks.
func (s *WebhooksService) List(ctx context.Context, o ListOptions) (*Page[Webhook], error) {
	return listPage[Webhook](ctx, s.c, OpListWebhooks, o, o, transport.Faults{})
}

// All iterates over webhooks, page by page.
func (s *WebhooksService) All(ctx context.Context, o ListOptions) iter.Seq2[Webhook, error] {
	return all(s.c, OpListWebhooks, o, func(page ListOptions) (*Page[Webhook], error) { return s.List(ctx, page) })
}

// Delete removes a webhook and returns it.
func (s *WebhooksService) Delete(ctx context.Context, id string) (*Webhook, error) {
	return remove[Webhook](ctx, s.c, OpDeleteWebhook, id)
}

// Events returns the names of all events: the vendor's authoritative list.
func (s *WebhooksService) Events(ctx context.Context) (*Page[EventName], error) {
	return list[EventName](ctx, s.c, transport.Faults{}, transport.Call{Op: OpWebhookEvents})
}

func (w *Webhook) ident() *string { return &w.ID }

// EventName names an event: the kind of object, a dot, and what happened to it. The
// vendor does not publish its list, so unknown names pass through. Webhooks.Events
// returns the list.
type EventName string

func (n *EventName) lacks() string {
	if *n == "" {
		return "name"
	}
	return ""
}

// Event names. The vendor reports every change of state (documented), but has not
// published all names. Those of the second block are assumed.
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

	EventTransactionApproved   EventName = "transaction.approved"   // its sender was approved
	EventTransactionPending    EventName = "transaction.pending"    // money is coming in
	EventTransactionReceived   EventName = "transaction.received"   // after a compliance hold
	EventTransactionProcessing EventName = "transaction.processing" // held for compliance
	EventTransactionException  EventName = "transaction.exception"
	EventRecipientPaidOut      EventName = "recipient.paid_out"
	EventRecipientManual       EventName = "recipient.manual"
	EventRecipientStuck        EventName = "recipient.stuck"
	EventRecipientOverpaid     EventName = "recipient.overpaid"
	EventRecipientCanceled     EventName = "recipient.canceled"
	EventRecipientRefunded     EventName = "recipient.refunded"
	EventRecipientException    EventName = "recipient.exception"
	EventSenderInitial         EventName = "sender.initial" // checked again
	EventSenderVerified        EventName = "sender.verified"
	EventSenderBanned          EventName = "sender.banned"
	EventSenderDisabled        EventName = "sender.disabled"
	EventPayinInitial          EventName = "payin_method.initial"
	EventPayoutMethodDisabled  EventName = "payout_method.disabled"
)

// Kind is the part before the dot: "transaction".
func (n EventName) Kind() string {
	kind, _, _ := strings.Cut(string(n), ".")
	return kind
}

// Event is the content of a delivery. The kind of its name says which object is set.
// For an unknown kind there is only Object.
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

// ParseEvent reads the body of a delivery. Authenticate the delivery first: see
// webhook.NewBitPesa. The vendor's samples differ in the fields they show, so
// ParseEvent requires only the id of the object.
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
		return Event{}, errNoName
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
		return Event{}, errNoID
	}
	return e, nil
}

var (
	errNoName   = errors.New("delivery without an event")
	errNoObject = errors.New("event without an object")
	errNoID     = errors.New("event without the id of its object")
)

func parseObject[T any](raw json.RawMessage) (*T, error) {
	object := new(T)
	return object, wire.Unmarshal(raw, object)
}

// ID is the id of the object.
func (e *Event) ID() string {
	var w struct {
		ID string `json:"id"`
	}
	_ = wire.Unmarshal(e.Object, &w) // an object that is none has no id
	return w.ID
}

// State is the state of the object. It is empty for a kind without states.
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
