package kpay

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// The documented hosts. A Client stays on the host it was given, whatever
// happens.
const (
	LiveURL    = "https://pay.esicia.rw"
	SandboxURL = "https://pay.esicia.com"
)

// Config configures a Client. BaseURL, Username and Password are required. The
// zero value of every other field is useful. New copies the Config and changes
// nothing in it.
type Config struct {
	// BaseURL is LiveURL or SandboxURL. There is no default, so that no test
	// collects real money. Requests go to its root, as in the vendor's guide. With
	// SandboxURL + "/api" they go to /api/, as in the reference document's curl.
	// Plain http is refused, except to loopback.
	BaseURL string
	// AllowPlainHTTP allows plain http to every host. The password then crosses
	// the network in the clear. KPay itself refuses plain http with code 500.
	AllowPlainHTTP bool

	// Username and Password go with every request as HTTP basic auth.
	Username, Password string
	// APIKey is sent as the header Kpay-Key when it is set. The vendor's web page
	// asks for the header. The reference document does not mention it.
	APIKey string

	// RetailerID is the merchant's id, "02". It holds for payments without a
	// RetailerID of their own. A leading zero matters.
	RetailerID string
	// CallbackURL makes the postback URL of a payment without a ReturnURL, from the
	// payment's RefID, amount and currency. Package webhook mints such URLs.
	CallbackURL func(reference string, amount decimal.Decimal, currency string) (string, error)

	// Options are HTTPClient, Logger, OnAttempt, App, MaxAttempts, MinBackoff,
	// MaxBackoff, MaxRetryAfter, AttemptTimeout and Jitter. See sdk.Options.
	sdk.Options

	// Routes overrides rows of the operation table by name. See Operations.
	Routes map[string]sdk.Route
}

const shownConfig = "kpay.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps credentials out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps credentials out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }

// Client calls the KPay API. It is safe for concurrent use.
type Client struct {
	core        *transport.Core
	retailerID  string
	callbackURL transport.MintURL
}

// New returns a Client. An error names every wrong field of Config and never its
// value.
func New(cfg Config) (*Client, error) {
	var faults []error
	if cfg.Username == "" || strings.Contains(cfg.Username, ":") || !printable(cfg.Username) {
		faults = append(faults, errors.New("kpay: Username is required and must hold no colon, no control character and no white space at its ends"))
	}
	if cfg.Password == "" || !printable(cfg.Password) {
		faults = append(faults, errors.New("kpay: Password is required and must hold no control character and no white space at its ends"))
	}
	if strings.ContainsFunc(cfg.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		faults = append(faults, errors.New("kpay: APIKey holds a space, a control or a non-ASCII character"))
	}
	core, err := transport.New(transport.Config{
		Provider: "kpay",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		Authorize: authorize(cfg),
		Interpret: interpret,
	})
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	return &Client{core: core, retailerID: cfg.RetailerID, callbackURL: cfg.CallbackURL}, nil
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors. It returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}

// printable refuses what a file that was read whole leaves at a secret's end, too.
func printable(s string) bool {
	return strings.TrimSpace(s) == s && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
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
