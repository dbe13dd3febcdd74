package bitpesa

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

const (
	userAgent            = "kapiten-go/1"
	createAndFundTimeout = 3 * time.Minute
)

// Client calls the BitPesa API. It is safe for concurrent use.
type Client struct {
	Senders            *SendersService
	Transactions       *TransactionsService
	Recipients         *RecipientsService
	Accounts           *AccountsService
	Debits             *DebitsService
	AccountValidations *AccountValidationsService
	PayoutMethods      *PayoutMethodsService
	PayinMethods       *PayinMethodsService
	Documents          *DocumentsService
	Mandates           *MandatesService
	Webhooks           *WebhooksService
	Logs               *LogsService
	Info               *InfoService

	core       *transport.Core
	fundWithin time.Duration
}

// New returns a Client. Errors name the field of Config that is wrong, never a
// credential.
func New(cfg Config) (*Client, error) {
	switch {
	case cfg.Key == "":
		return nil, errors.New("bitpesa: Key is required")
	case strings.IndexFunc(cfg.Key, unprintable) >= 0:
		return nil, errors.New("bitpesa: Key holds a space, a control or a non-ASCII character")
	case cfg.Secret == "":
		return nil, errors.New("bitpesa: Secret is required")
	case cfg.Secret != strings.TrimSpace(cfg.Secret):
		return nil, errors.New("bitpesa: Secret begins or ends with space")
	case strings.IndexFunc(cfg.BaseURL, unprintable) >= 0:
		// net/http would send another host than the one signed.
		return nil, errors.New("bitpesa: BaseURL holds a space, a control or a non-ASCII character")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = ProductionURL
	}
	cfg.BaseURL = strings.TrimSuffix(strings.TrimRight(cfg.BaseURL, "/"), "/v1") // the paths have it
	if cfg.CreateAndFundTimeout == 0 {
		cfg.CreateAndFundTimeout = createAndFundTimeout
	}
	core, err := transport.New(transport.Config{
		Provider: "bitpesa", UserAgent: userAgent,
		BaseURL: cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		HTTPClient: cfg.HTTPClient, Logger: cfg.Logger, OnAttempt: cfg.OnAttempt,
		MaxAttempts: cfg.MaxAttempts, MinBackoff: cfg.MinBackoff, MaxBackoff: cfg.MaxBackoff,
		MaxRetryAfter: cfg.MaxRetryAfter, AttemptTimeout: cfg.AttemptTimeout,
		Operations: operations, Routes: cfg.Routes,
		NoRedirects: true, // a redirect would break the signature
		Authorize:   newSigner(cfg.Key, cfg.Secret).authorize,
		Interpret:   interpret,
	})
	if err != nil {
		return nil, err
	}
	c := &Client{core: core, fundWithin: cfg.CreateAndFundTimeout}
	c.Senders = &SendersService{c}
	c.Transactions = &TransactionsService{c}
	c.Recipients = &RecipientsService{c}
	c.Accounts = &AccountsService{c}
	c.Debits = &DebitsService{c}
	c.AccountValidations = &AccountValidationsService{c}
	c.PayoutMethods = &PayoutMethodsService{c}
	c.PayinMethods = &PayinMethodsService{c}
	c.Documents = &DocumentsService{c}
	c.Mandates = &MandatesService{c}
	c.Webhooks = &WebhooksService{c}
	c.Logs = &LogsService{c}
	c.Info = &InfoService{c}
	return c, nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// do carries out a call and shows a failure as this package's *Error.
func (c *Client) do(ctx context.Context, call transport.Call) error {
	err := c.core.Do(ctx, call)
	if err != nil && c.core.Operation(call.Op).Class == transport.Safe && errors.Is(err, ErrUnauthorized) {
		// net/http repeats a read by itself, nonce and all, when a kept
		// connection breaks. A server that has seen the nonce answers 401.
		err = c.core.Do(ctx, call)
	}
	return publicError(err)
}

// invalid returns the refusal of bad parameters, or nil.
func (c *Client) invalid(op, reference string, fields transport.Fields) error {
	if f := transport.Invalid("bitpesa", c.core.Operation(op), reference, fields); f != nil {
		return publicError(f)
	}
	return nil
}
