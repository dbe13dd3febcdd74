package kasapay

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Client calls the Kasapay gateway. It is safe for concurrent use.
type Client struct {
	Payouts *PayoutsService

	core        *transport.Core
	serviceCode string
	callbackURL transport.MintURL
}

// New returns a Client. Errors name the field of Config that is wrong and never
// its value. It does not log in: the first call does.
func New(cfg Config) (*Client, error) {
	switch {
	case strings.TrimSpace(cfg.ConsumerKey) == "":
		return nil, errors.New("kasapay: ConsumerKey is required")
	case strings.TrimSpace(cfg.ConsumerSecret) == "":
		return nil, errors.New("kasapay: ConsumerSecret is required")
	}
	c := &Client{serviceCode: cfg.ServiceCode, callbackURL: cfg.CallbackURL}
	core, err := transport.New(transport.Config{
		Provider: "kasapay",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		Tokens:    transport.NewTokenSource(c.login(cfg.ConsumerKey, cfg.ConsumerSecret)),
		Authorize: authorize,
		Interpret: interpret,
	})
	if err != nil {
		return nil, err
	}
	c.core = core
	c.Payouts = &PayoutsService{c}
	return c, nil
}

func authorize(req *http.Request, op sdk.Operation, _ []byte, token string) error {
	if !op.Open {
		req.Header["X-Access-Token"] = []string{token}
	}
	return nil
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors, and returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}
