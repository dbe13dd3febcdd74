package kotani

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Base URLs that were public at some time. No document names the current URL, so
// none of them is a default.
const (
	ProductionURL2022 = "https://europe-west3-kotanimac.cloudfunctions.net/api_v2"      // the operator's pages of 2022
	TestURL2022       = "https://europe-west3-kotanipay-test.cloudfunctions.net/api_v2" // the operator's pages of 2022
	ProductionURL     = "https://europe-west3-kotanipay-prod.cloudfunctions.net/api_v2" // a public client's, later
)

// Config configures a Client. New copies it and changes nothing of the caller's.
type Config struct {
	// BaseURL is the server's address up to and including /api_v2. Required.
	// Plain http is refused for anything but loopback.
	BaseURL string
	// AllowPlainHTTP lifts that refusal. Credentials then cross the network in
	// the clear.
	AllowPlainHTTP bool

	// PhoneNumber, CountryCode and Password are the partner's login. Set all three
	// or none. The client logs in by itself: before the first call, ahead of the
	// token's expiry, and once more when a token is refused. Without a login only
	// Health and FiatConnect can be called.
	PhoneNumber string // digits, with or without a leading "+"
	CountryCode string // "KEN" or "GH" in the document, "KE" and "GH" in older pages; passed on as given
	Password    string

	// TokenLifetime is how long an access token is used. The document names no
	// lifetime. Default: 5 min, as in the operator's 2022 source.
	TokenLifetime time.Duration

	// CallbackURL makes the callback URL of each Deposit, DepositQuoted with an Amount,
	// Withdraw and WithdrawToBank that has an external id and no URL. It gets the external id,
	// the amount, and no currency, because these requests name none. Package
	// webhook mints such URLs. Optional.
	CallbackURL func(externalID string, amount decimal.Decimal, currency string) (string, error)

	// FiatConnect configures Client.FiatConnect.
	FiatConnect FiatConnectConfig

	// Options are HTTPClient, Logger, OnAttempt, App, MaxAttempts, MinBackoff,
	// MaxBackoff, MaxRetryAfter, AttemptTimeout, WriteIdleTimeout, MaxResponseBytes
	// and Jitter. See sdk.Options.
	sdk.Options

	// Routes overrides rows of the operation table by name (OpDeposit, ...),
	// because Kotani's document does not name the paths. See Operations.
	Routes map[string]sdk.Route
}

// Client calls the Kotani Pay API v2. It is safe for concurrent use.
type Client struct {
	Binance     *BinanceService
	Celo        *CeloService
	Fiat        *FiatService
	FiatConnect *FiatConnect
	KYC         *KYCService
	OnChain     *OnChainService
	Quotes      *QuotesService
	Stellar     *StellarService
	Tron        *TronService
	UBI         *UBIService

	*api
}

// New returns a Client. Errors name the fields of Config that are wrong.
func New(cfg Config) (*Client, error) {
	faults := cfg.check()
	a := &api{credential: "Config.Password", country: named(cfg.CountryCode)}
	if cfg.hasLogin() {
		a.tokens = transport.NewTokenSource(func(ctx context.Context) (transport.Token, error) { return a.fetchToken(ctx, cfg) })
	}
	core, err := transport.New(transport.Config{
		Provider: "kotani",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		Authorize: authorize, Tokens: a.tokens,
		Interpret: interpret,
	})
	if err != nil {
		return nil, errors.Join(err, cfg.checkFiatConnectURL(), faults)
	}
	a.core = core
	fiatConnect, err := newFiatConnect(core, cfg.FiatConnect, cfg.Routes)
	if err != nil {
		faults = errors.Join(fiatConnectFault(err), faults)
	}
	if faults != nil {
		return nil, faults
	}
	return &Client{
		Binance: &BinanceService{a}, Celo: &CeloService{a}, Fiat: &FiatService{a, cfg.CallbackURL}, FiatConnect: fiatConnect,
		KYC: &KYCService{a}, OnChain: &OnChainService{a}, Quotes: &QuotesService{a}, Stellar: &StellarService{a},
		Tron: &TronService{a}, UBI: &UBIService{a}, api: a,
	}, nil
}

// checkFiatConnectURL checks FiatConnect.BaseURL by itself, where the rest of a Config is
// too wrong for a client.
func (cfg *Config) checkFiatConnectURL() error {
	if cfg.FiatConnect.BaseURL == "" {
		return nil
	}
	_, err := transport.New(transport.Config{
		Provider: "kotani", BaseURL: cfg.FiatConnect.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Operations: operations, Authorize: authorize, Interpret: interpretFiatConnect,
	})
	return fiatConnectFault(err)
}

func fiatConnectFault(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("kotani: FiatConnect.%s", strings.TrimPrefix(err.Error(), "kotani: "))
}

// Login logs in unless a token is at hand. Every other call does so by itself:
// call Login to find wrong credentials early. They give sdk.ErrUnauthorized.
func (c *Client) Login(ctx context.Context) error { return c.logIn(ctx, OpLogin) }

// Health returns nil when the API says that it is up. No response is documented,
// so any 2xx counts. It needs no login (none is documented).
func (c *Client) Health(ctx context.Context) error {
	return c.core.Do(ctx, transport.Call{Op: OpHealth})
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors, and returns the JSON of the response. A refusal that finds no fault
// with a field of the request leaves the outcome of a write unknown: its words may be
// those of another endpoint.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}

const shownConfig = "kotani.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps credentials out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps credentials out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }

// check reports every fault of the login settings, by field name.
func (cfg Config) check() error {
	var faults []error
	if cfg.hasLogin() {
		if !isPhone(cfg.PhoneNumber) {
			faults = append(faults, errors.New("kotani: PhoneNumber must be 9 to 15 digits"))
		}
		for _, field := range []struct{ name, value string }{{"CountryCode", cfg.CountryCode}, {"Password", cfg.Password}} {
			if fault := transport.SecretFault(field.value); fault != "" {
				faults = append(faults, fmt.Errorf("kotani: %s %s", field.name, fault))
			}
		}
	}
	if cfg.TokenLifetime < 0 {
		faults = append(faults, errors.New("kotani: TokenLifetime must not be negative"))
	}
	return errors.Join(append(faults, cfg.FiatConnect.check())...)
}

func (cfg Config) hasLogin() bool {
	return cfg.PhoneNumber != "" || cfg.CountryCode != "" || cfg.Password != ""
}

// api is one of the two APIs behind a Client, Kotani's own or FiatConnect, with
// its login.
type api struct {
	core       *transport.Core
	tokens     *transport.TokenSource // nil without a login
	credential string                 // the field of Config that a login needs
	country    Country                // the partner's, if it is known
}

// call checks the parameters, carries the call out and decodes its response.
func call[T any](ctx context.Context, a *api, f faults, request transport.Call, decode func(body []byte) (T, error)) (*T, error) {
	return write(a, f, request, decode, nil).Do(ctx)
}

// lookup looks for the result of a write, and keeps it in *out.
type lookup[T any] func(ctx context.Context, existing bool, out **T) (transport.Finding, error)

// write is call before anything is carried out. look may be nil.
func write[T any](a *api, f faults, request transport.Call, decode func(body []byte) (T, error), look lookup[T]) transport.Write[T] {
	return transport.Write[T]{Core: a.core, Err: a.check(f, request), Call: func(out **T) transport.Call {
		call := request
		call.Decode = transport.Into(out, decode)
		if look == nil {
			call.Doubts = doubts(request.Op)
		} else {
			call.Lookup = func(ctx context.Context, existing bool) (transport.Finding, error) { return look(ctx, existing, out) }
		}
		return call
	}}
}

// do is call without a result.
func (a *api) do(ctx context.Context, f faults, request transport.Call) error {
	if err := a.check(f, request); err != nil {
		return err
	}
	request.Doubts = doubts(request.Op)
	return a.core.Do(ctx, request)
}

func (a *api) check(f faults, request transport.Call) error {
	if !a.core.Operation(request.Op).Open {
		a.requireLogin(&f)
	}
	return a.core.InvalidCall(request, f.Fields)
}

// doubts names the writes whose duplicate may be the very payment that the caller asks
// for, and that no lookup can find. FiatConnect's transfers are not among them: there the
// key has shown that the contents differ.
func doubts(op string) func(*sdk.Error) bool {
	if op == OpAcceptQuoteIn || op == OpAcceptQuoteOut || slices.ContainsFunc(operations, func(row sdk.Operation) bool {
		return row.Name == op && row.MovesMoney && row.Class != sdk.Keyed
	}) {
		return transport.Duplicated
	}
	return nil
}

func (a *api) logIn(ctx context.Context, op string) error {
	var f faults
	a.requireLogin(&f)
	if ctx == nil {
		f.Add("context", "is required")
	}
	if err := a.core.Invalid(op, "", f.Fields); err != nil {
		return err
	}
	_, err := a.tokens.Get(ctx)
	return err
}

func (a *api) requireLogin(f *faults) {
	if a.tokens == nil {
		f.Add(a.credential, "is required for this operation")
	}
}

// authorize sends the token, which has its scheme in front already.
func authorize(req *http.Request, _ sdk.Operation, _ []byte, token string) error {
	if token != "" {
		req.Header["Authorization"] = []string{token}
	}
	return nil
}

const defaultTokenLifetime = 5 * time.Minute

// fetchToken logs in. Kotani has no other way to renew a token.
func (a *api) fetchToken(ctx context.Context, cfg Config) (transport.Token, error) {
	lifetime := cfg.TokenLifetime
	if lifetime == 0 {
		lifetime = defaultTokenLifetime
	}
	var token transport.Token
	start := time.Now()
	err := a.core.Do(ctx, transport.Call{
		Op: OpLogin, Body: loginRequest{digits(cfg.PhoneNumber), cfg.CountryCode, cfg.Password},
		Decode: func(r *transport.Response) error {
			var w struct {
				AccessToken string `json:"accessToken"`
			}
			if err := wire.Unmarshal(r.Body, &w); err != nil {
				return err
			}
			if !isToken(w.AccessToken) {
				return wire.Missing("accessToken")
			}
			token = transport.Token{Value: "Bearer " + w.AccessToken, Expires: start.Add(lifetime)}
			return nil
		},
	})
	return token, err
}

type loginRequest struct {
	PhoneNumber string `json:"phoneNumber"`
	CountryCode string `json:"countryCode"`
	Password    string `json:"password"`
}
