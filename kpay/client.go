package kpay

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

const userAgent = "kapiten-go/1"

// Client calls the KPay API. It is safe for concurrent use.
type Client struct {
	core        *transport.Core
	retailerID  string
	callbackURL transport.MintURL
}

// New returns a Client. Errors name the field of Config that is wrong and never
// its value.
func New(cfg Config) (*Client, error) {
	switch {
	case cfg.Username == "" || strings.Contains(cfg.Username, ":") || !printable(cfg.Username):
		return nil, errors.New("kpay: Username is required and must hold neither a colon nor a control character")
	case cfg.Password == "" || !printable(cfg.Password):
		return nil, errors.New("kpay: Password is required and must hold no control character")
	case strings.IndexFunc(cfg.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0:
		return nil, errors.New("kpay: APIKey holds a space, a control or a non-ASCII character")
	}
	core, err := transport.New(transport.Config{
		Provider: "kpay", UserAgent: userAgent,
		BaseURL: cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		HTTPClient: cfg.HTTPClient, Logger: cfg.Logger, OnAttempt: cfg.OnAttempt,
		MaxAttempts: cfg.MaxAttempts, MinBackoff: cfg.MinBackoff, MaxBackoff: cfg.MaxBackoff,
		MaxRetryAfter: cfg.MaxRetryAfter, AttemptTimeout: cfg.AttemptTimeout,
		Operations: operations, Routes: cfg.Routes,
		Authorize: authorize(cfg),
		Interpret: interpret,
	})
	if err != nil {
		return nil, err
	}
	return &Client{core: core, retailerID: cfg.RetailerID, callbackURL: cfg.CallbackURL}, nil
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

func authorize(cfg Config) func(*http.Request, transport.Operation, []byte, string) error {
	basic := []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(cfg.Username+":"+cfg.Password))}
	var key []string
	if cfg.APIKey != "" {
		key = []string{cfg.APIKey}
	}
	return func(req *http.Request, _ transport.Operation, _ []byte, _ string) error {
		req.Header["Authorization"] = basic
		if key != nil {
			req.Header["Kpay-Key"] = key
		}
		return nil
	}
}

// do carries out a call and shows a failure as this package's *Error.
func (c *Client) do(ctx context.Context, call transport.Call) error {
	return publicError(c.core.Do(ctx, call))
}

// invalid returns the refusal of bad parameters, or nil.
func (c *Client) invalid(op, reference string, fields transport.Fields) error {
	if f := transport.Invalid("kpay", c.core.Operation(op), reference, fields); f != nil {
		return publicError(f)
	}
	return nil
}
