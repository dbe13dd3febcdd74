package kotani

import (
	"context"
	"net/http"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

const (
	provider  = "kotani"
	userAgent = "kapiten-go/1"
)

// Client calls the Kotani Pay API v2. It is safe for concurrent use.
type Client struct {
	Binance     *BinanceService
	Celo        *CeloService
	Fiat        *FiatService
	FiatConnect *FiatConnect
	KYC         *KYCService
	OnChain     *OnChainService
	Stellar     *StellarService
	Quotes      *QuotesService
	Tron        *TronService
	UBI         *UBIService

	callbackURL func(string, decimal.Decimal, string) (string, error)

	core   *transport.Core
	tokens *transport.TokenSource // nil without a login
}

// New returns a Client. Errors name the fields of Config that are wrong.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Client{callbackURL: cfg.CallbackURL}
	if cfg.hasLogin() {
		c.tokens = transport.NewTokenSource(c.login(cfg))
	}
	core, err := transport.New(transport.Config{
		Provider: provider, UserAgent: userAgent,
		BaseURL: cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		HTTPClient: cfg.HTTPClient, Logger: cfg.Logger, OnAttempt: cfg.OnAttempt,
		MaxAttempts: cfg.MaxAttempts, MinBackoff: cfg.MinBackoff, MaxBackoff: cfg.MaxBackoff,
		MaxRetryAfter: cfg.MaxRetryAfter, AttemptTimeout: cfg.AttemptTimeout,
		Operations: operations, Routes: cfg.Routes,
		Authorize: authorize, Tokens: c.tokens,
		Interpret: interpret,
	})
	if err != nil {
		return nil, err
	}
	c.core = core
	if c.FiatConnect, err = newFiatConnect(core, cfg.FiatConnect, cfg.Routes); err != nil {
		return nil, err
	}
	c.Binance = &BinanceService{c}
	c.Celo = &CeloService{c}
	c.Fiat = &FiatService{c}
	c.KYC = &KYCService{c}
	c.OnChain = &OnChainService{c}
	c.Stellar = &StellarService{c}
	c.Quotes = &QuotesService{c}
	c.Tron = &TronService{c}
	c.UBI = &UBIService{c}
	return c, nil
}

// authorize sends the token, which stands ready with its scheme.
func authorize(req *http.Request, _ transport.Operation, _ []byte, token string) error {
	if token != "" {
		req.Header["Authorization"] = []string{token}
	}
	return nil
}

// do carries out a call and shows a failure as this package's *Error.
func (c *Client) do(ctx context.Context, call transport.Call) error {
	return publicError(c.core.Do(ctx, call))
}

// invalid returns the refusal of bad parameters, or nil.
func (c *Client) invalid(op, reference string, f faults) error {
	row := c.core.Operation(op)
	if c.tokens == nil && !row.Open {
		f.Add("Config.Password", "is required for this operation")
	}
	if bad := transport.Invalid(provider, row, reference, f.Fields); bad != nil {
		return publicError(bad)
	}
	return nil
}

// call checks the parameters, carries the call out and decodes its answer.
func call[T any](ctx context.Context, c *Client, f faults, request transport.Call, decode func(body []byte) (T, error)) (*T, error) {
	if err := c.invalid(request.Op, request.Reference, f); err != nil {
		return nil, err
	}
	var result *T
	request.Decode = into(&result, decode)
	if err := c.do(ctx, request); err != nil {
		return nil, err
	}
	return result, nil
}
