package kotani

import (
	"context"
	"net/http"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

const (
	provider = "kotani"
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
		Provider: provider,
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
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
func authorize(req *http.Request, _ sdk.Operation, _ []byte, token string) error {
	if token != "" {
		req.Header["Authorization"] = []string{token}
	}
	return nil
}

// invalid returns the refusal of bad parameters, or nil.
func (c *Client) invalid(op, reference string, f faults) error {
	if c.tokens == nil && !c.core.Operation(op).Open {
		f.Add("Config.Password", "is required for this operation")
	}
	return c.core.Invalid(op, reference, f.Fields)
}

// call checks the parameters, carries the call out and decodes its answer.
func call[T any](ctx context.Context, c *Client, f faults, request transport.Call, decode func(body []byte) (T, error)) (*T, error) {
	if err := c.invalid(request.Op, request.Reference, f); err != nil {
		return nil, err
	}
	var result *T
	request.Decode = into(&result, decode)
	if err := c.core.Do(ctx, request); err != nil {
		return nil, err
	}
	return result, nil
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors, and returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}
