package kasapay

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

const userAgent = "kapiten-go/1"

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
		Provider: "kasapay", UserAgent: userAgent,
		BaseURL: cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		HTTPClient: cfg.HTTPClient, Logger: cfg.Logger, OnAttempt: cfg.OnAttempt,
		MaxAttempts: cfg.MaxAttempts, MinBackoff: cfg.MinBackoff, MaxBackoff: cfg.MaxBackoff,
		MaxRetryAfter: cfg.MaxRetryAfter, AttemptTimeout: cfg.AttemptTimeout,
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

func authorize(req *http.Request, op transport.Operation, _ []byte, token string) error {
	if !op.Open {
		req.Header["X-Access-Token"] = []string{token}
	}
	return nil
}

// do carries out a call and shows a failure as this package's *Error.
func (c *Client) do(ctx context.Context, call transport.Call) error {
	return publicError(c.core.Do(ctx, call))
}

// invalid returns the refusal of bad parameters, or nil.
func (c *Client) invalid(op, reference string, fields transport.Fields) error {
	if f := transport.Invalid("kasapay", c.core.Operation(op), reference, fields); f != nil {
		return publicError(f)
	}
	return nil
}
