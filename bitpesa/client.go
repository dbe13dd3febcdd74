package bitpesa

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

const (
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
		Provider: "bitpesa",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		NoRedirects: true,
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
	if err != nil && c.core.Operation(call.Op).Class == sdk.Safe && errors.Is(err, sdk.ErrUnauthorized) {
		// net/http repeats a read by itself, nonce and all, when a kept
		// connection breaks. A server that has seen the nonce answers 401.
		err = c.core.Do(ctx, call)
	}
	return err
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors, and returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}
