package kapiten

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

const userAgent = "kapiten-go/1"

// Client calls the Kapiten API. It is safe for concurrent use.
type Client struct {
	Companies *CompaniesService
	Users     *UsersService
	Rides     *RidesService
	Wallet    *WalletService

	core *transport.Core
}

// New returns a Client. Errors name the field of Config that is wrong.
func New(cfg Config) (*Client, error) {
	if strings.IndexFunc(cfg.Token, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return nil, errors.New("kapiten: Token holds a space, a control or a non-ASCII character")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = ProductionURL
	}
	core, err := transport.New(transport.Config{
		Provider: "kapiten", UserAgent: userAgent,
		BaseURL: cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		HTTPClient: cfg.HTTPClient, Logger: cfg.Logger, OnAttempt: cfg.OnAttempt,
		MaxAttempts: cfg.MaxAttempts, MinBackoff: cfg.MinBackoff, MaxBackoff: cfg.MaxBackoff,
		MaxRetryAfter: cfg.MaxRetryAfter, AttemptTimeout: cfg.AttemptTimeout,
		Operations: operations, Routes: cfg.Routes,
		Authorize: authorize(cfg.Token),
		Interpret: interpret,
	})
	if err != nil {
		return nil, err
	}
	c := &Client{core: core}
	c.Companies = &CompaniesService{c}
	c.Users = &UsersService{c}
	c.Rides = &RidesService{c}
	c.Wallet = &WalletService{c}
	return c, nil
}

func authorize(token string) func(*http.Request, transport.Operation, []byte, string) error {
	if token == "" {
		return nil
	}
	header := []string{"Token " + token}
	return func(req *http.Request, _ transport.Operation, _ []byte, _ string) error {
		req.Header["Authorization"] = header
		return nil
	}
}

// do carries out a call and shows a failure as this package's *Error.
func (c *Client) do(ctx context.Context, call transport.Call) error {
	return publicError(c.core.Do(ctx, call))
}

// invalid returns the refusal of bad parameters, or nil.
func (c *Client) invalid(op, reference string, fields transport.Fields) error {
	if f := transport.Invalid("kapiten", c.core.Operation(op), reference, fields); f != nil {
		return publicError(f)
	}
	return nil
}
