package bitpesa

import (
	"context"
	"iter"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// WebhooksService manages where BitPesa reports events to. A webhook cannot be
// changed, only deleted and created anew; one whose endpoint times out is
// disabled for good (documented).
type WebhooksService struct{ c *Client }

// WebhookParams register an endpoint.
type WebhookParams struct {
	// URL is called exactly as given here, and deliveries are signed over this
	// very text: give the same to the verifier. Required.
	URL      string      `json:"url"`
	Events   []EventName `json:"events"` // at least one; Events lists what there is
	Metadata Metadata    `json:"metadata,omitempty"`
}

// Webhook is a registered endpoint.
type Webhook struct {
	ID            string  `json:"id"`
	WebhookParams         // as stored
	Raw           sdk.Raw `json:"-"`
}

// Create registers an endpoint. It is never sent twice after an unclear answer:
// look at List first, or deliveries come twice.
func (s *WebhooksService) Create(ctx context.Context, p WebhookParams) (*Webhook, error) {
	var f transport.Faults
	f.RequireURL("url", p.URL)
	if len(p.Events) == 0 {
		f.Add("events", "is required")
	}
	return create[Webhook](ctx, s.c, OpCreateWebhook, f, map[string]WebhookParams{"webhook": p})
}

// List returns one page of webhooks.
func (s *WebhooksService) List(ctx context.Context, o ListOptions) (*Page[Webhook], error) {
	var f transport.Faults
	return listPage[Webhook](ctx, s.c, OpListWebhooks, o, o.query(&f), f)
}

// All iterates over webhooks, fetching pages as it goes.
func (s *WebhooksService) All(ctx context.Context, o ListOptions) iter.Seq2[Webhook, error] {
	return all(o, func(page ListOptions) (*Page[Webhook], error) { return s.List(ctx, page) })
}

// Get returns a webhook.
func (s *WebhooksService) Get(ctx context.Context, id string) (*Webhook, error) {
	return byID[Webhook](ctx, s.c, OpGetWebhook, id)
}

// Delete removes a webhook and returns it.
func (s *WebhooksService) Delete(ctx context.Context, id string) (*Webhook, error) {
	return byID[Webhook](ctx, s.c, OpDeleteWebhook, id)
}

// Events returns the names of all events, the vendor's authoritative list.
func (s *WebhooksService) Events(ctx context.Context) ([]EventName, error) {
	return list[EventName](ctx, s.c, transport.Call{Op: OpWebhookEvents})
}

func (w *Webhook) lacks() string { return lacksID(w.ID) }
