package kotani

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Credentials are a FiatConnect client's. Nothing prints them: take them from
// the fields.
type Credentials struct {
	APIKey        string // for FiatConnectConfig.APIKey
	Webhook       string // the URL that was registered
	WebhookSecret string // signs the events
	Raw           sdk.Raw
}

// CreateCredentials registers a webhook URL and returns an API key and the
// secret that signs events. It is an extension of Kotani's; its document shows
// no authorization for it.
func (f *FiatConnect) CreateCredentials(ctx context.Context, webhookURL string) (*Credentials, error) {
	var bad faults
	bad.RequireURL("webhook", webhookURL)
	if err := f.invalid(OpCreateCredentials, "", bad); err != nil {
		return nil, err
	}
	var credentials *Credentials
	err := f.core.Do(ctx, transport.Call{
		Op: OpCreateCredentials, Body: map[string]string{"webhook": webhookURL},
		Decode: into(&credentials, func(body []byte) (Credentials, error) {
			var w struct {
				APIKey        string `json:"apiKey"`
				Webhook       string `json:"webhook"`
				WebhookSecret string `json:"webhookSecret"`
			}
			err := wire.Unmarshal(body, &w)
			if err == nil && (w.APIKey == "" || w.WebhookSecret == "") {
				err = missing("apiKey or webhookSecret")
			}
			return Credentials{APIKey: w.APIKey, Webhook: w.Webhook, WebhookSecret: w.WebhookSecret, Raw: body}, err
		}),
	})
	return credentials, err
}

// Format keeps the secrets out of anything printed.
func (Credentials) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "kotani.Credentials{...}") }

// LogValue keeps the secrets out of logs.
func (Credentials) LogValue() slog.Value { return slog.StringValue("kotani.Credentials{...}") }
