package kpay

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

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
		Provider: "kpay",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
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

func authorize(cfg Config) func(*http.Request, sdk.Operation, []byte, string) error {
	basic := []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(cfg.Username+":"+cfg.Password))}
	var key []string
	if cfg.APIKey != "" {
		key = []string{cfg.APIKey}
	}
	return func(req *http.Request, _ sdk.Operation, _ []byte, _ string) error {
		req.Header["Authorization"] = basic
		if key != nil {
			req.Header["Kpay-Key"] = key
		}
		return nil
	}
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors, and returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}
