package bitpesa

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// LogsService shows what BitPesa saw of requests and deliveries. Headers in it
// hold keys, nonces and signatures: do not log them.
type LogsService struct{ c *Client }

// LogListOptions choose a page of a log.
type LogListOptions struct {
	ListOptions
	Created Created
}

// APILog is a request to the API as BitPesa saw it.
type APILog struct {
	ID              string          `json:"id"`
	RequestMethod   string          `json:"request_method"`
	RequestURL      string          `json:"request_url"`
	RequestBody     json.RawMessage `json:"request_body"`
	RequestHeaders  json.RawMessage `json:"request_headers"` // HTTP_* keys
	ResponseStatus  int             `json:"response_status"`
	ResponseBody    json.RawMessage `json:"response_body"`
	ResponseHeaders json.RawMessage `json:"response_headers"`
	CreatedAt       time.Time       `json:"created_at"`
	Raw             sdk.Raw         `json:"-"`
}

// WebhookLog is an attempt to deliver an event.
type WebhookLog struct {
	ID         string             `json:"id"`
	Message    string             `json:"message"`
	ParentID   string             `json:"parent_id"`
	ParentType string             `json:"parent_type"`
	Metadata   WebhookLogMetadata `json:"metadata"`
	CreatedAt  time.Time          `json:"created_at"`
	Raw        sdk.Raw            `json:"-"`
}

// WebhookLogMetadata are the details of a delivery attempt.
type WebhookLogMetadata struct {
	Event        EventName          `json:"event"`
	InstanceID   string             `json:"instance_id"`
	InstanceType string             `json:"instance_type"`
	AttemptID    string             `json:"attempt_id"`
	Tries        int                `json:"tries"`
	AppID        string             `json:"app_id"`
	APIKeyID     string             `json:"api_key_id"`
	Params       json.RawMessage    `json:"params"`
	Request      WebhookLogRequest  `json:"request"`
	Response     WebhookLogResponse `json:"response"`
}

// WebhookLogRequest is what BitPesa sent.
type WebhookLogRequest struct {
	URL     string          `json:"url"`
	Headers json.RawMessage `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// WebhookLogResponse is what the endpoint answered.
type WebhookLogResponse struct {
	Status  string          `json:"status"`
	Headers json.RawMessage `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// ListAPI returns one page of the requests to the API.
func (s *LogsService) ListAPI(ctx context.Context, o LogListOptions) (*Page[APILog], error) {
	return listLog[APILog](ctx, s.c, OpListAPILogs, o)
}

// AllAPI iterates over the requests to the API, fetching pages as it goes.
func (s *LogsService) AllAPI(ctx context.Context, o LogListOptions) iter.Seq2[APILog, error] {
	return all(o.ListOptions, func(page ListOptions) (*Page[APILog], error) {
		return s.ListAPI(ctx, LogListOptions{page, o.Created})
	})
}

// GetAPI returns one request to the API.
func (s *LogsService) GetAPI(ctx context.Context, id string) (*APILog, error) {
	return byID[APILog](ctx, s.c, OpGetAPILog, id)
}

// ListWebhooks returns one page of the delivery attempts.
func (s *LogsService) ListWebhooks(ctx context.Context, o LogListOptions) (*Page[WebhookLog], error) {
	return listLog[WebhookLog](ctx, s.c, OpListWebhookLogs, o)
}

// AllWebhooks iterates over the delivery attempts, fetching pages as it goes.
func (s *LogsService) AllWebhooks(ctx context.Context, o LogListOptions) iter.Seq2[WebhookLog, error] {
	return all(o.ListOptions, func(page ListOptions) (*Page[WebhookLog], error) {
		return s.ListWebhooks(ctx, LogListOptions{page, o.Created})
	})
}

// GetWebhook returns one delivery attempt.
func (s *LogsService) GetWebhook(ctx context.Context, id string) (*WebhookLog, error) {
	return byID[WebhookLog](ctx, s.c, OpGetWebhookLog, id)
}

func listLog[T any](ctx context.Context, c *Client, op string, o LogListOptions) (*Page[T], error) {
	var f transport.Faults
	q := o.query(&f)
	o.Created.set(q)
	return listPage[T](ctx, c, op, o.ListOptions, q, f)
}
