package bitpesa

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// LogsService shows requests and deliveries as BitPesa saw them. Their headers hold
// keys, nonces and signatures: do not log them.
type LogsService struct{ c *Client }

// LogListOptions choose a page of a log.
type LogListOptions struct {
	ListOptions
	Created
}

// APILog is a request to the API.
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
	Params       json.RawMessage    `json:"params"` // the webhook's definition
	Request      WebhookLogRequest  `json:"request"`
	Response     WebhookLogResponse `json:"response"`
}

// WebhookLogRequest is what BitPesa sent.
type WebhookLogRequest struct {
	URL     string          `json:"url"`
	Headers json.RawMessage `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// WebhookLogResponse is the response of the endpoint.
type WebhookLogResponse struct {
	Status  string          `json:"status"`
	Headers json.RawMessage `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// ListAPI returns one page of the requests to the API.
func (s *LogsService) ListAPI(ctx context.Context, o LogListOptions) (*Page[APILog], error) {
	return listPage[APILog](ctx, s.c, OpListAPILogs, o.ListOptions, o, transport.Faults{})
}

// AllAPI iterates over the requests to the API, page by page.
func (s *LogsService) AllAPI(ctx context.Context, o LogListOptions) iter.Seq2[APILog, error] {
	return all(s.c, OpListAPILogs, o.ListOptions, func(page ListOptions) (*Page[APILog], error) {
		o.ListOptions = page
		return s.ListAPI(ctx, o)
	})
}

// GetAPI returns a request to the API.
func (s *LogsService) GetAPI(ctx context.Context, id string) (*APILog, error) {
	return byID[APILog](ctx, s.c, OpGetAPILog, id)
}

// ListWebhooks returns one page of the delivery attempts.
func (s *LogsService) ListWebhooks(ctx context.Context, o LogListOptions) (*Page[WebhookLog], error) {
	return listPage[WebhookLog](ctx, s.c, OpListWebhookLogs, o.ListOptions, o, transport.Faults{})
}

// AllWebhooks iterates over the delivery attempts, page by page.
func (s *LogsService) AllWebhooks(ctx context.Context, o LogListOptions) iter.Seq2[WebhookLog, error] {
	return all(s.c, OpListWebhookLogs, o.ListOptions, func(page ListOptions) (*Page[WebhookLog], error) {
		o.ListOptions = page
		return s.ListWebhooks(ctx, o)
	})
}

// GetWebhook returns a delivery attempt.
func (s *LogsService) GetWebhook(ctx context.Context, id string) (*WebhookLog, error) {
	return byID[WebhookLog](ctx, s.c, OpGetWebhookLog, id)
}
