package kasapay

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// SandboxURL is the documented host. The production host is not documented: Kasapay
// gives it to you with the production credentials.
const SandboxURL = "https://sandbox.api.gateway.kasapay.com"

// Config configures a Client. BaseURL, ConsumerKey and ConsumerSecret are required.
// The zero value of every other field is useful. New copies the Config and changes
// nothing in it.
type Config struct {
	// BaseURL is the server's address without the /v1 part: SandboxURL, or the
	// production address that Kasapay gave you. There is no default, and a Client
	// never goes from one environment to another. Plain http is refused, except to
	// loopback.
	BaseURL string
	// AllowPlainHTTP allows plain http to every host. The secret and the tokens then
	// cross the network in the clear.
	AllowPlainHTTP bool

	// ConsumerKey and ConsumerSecret come from the merchant portal (My Business >
	// API Keys). The Client exchanges them for a token. It renews the token before
	// its end, once for all callers, and when the gateway refuses it.
	ConsumerKey, ConsumerSecret string

	// ServiceCode is the service on Kasapay, "12346". It holds for payouts without a
	// ServiceCode of their own.
	ServiceCode string
	// AnyMethod sends payouts whose Method the document's table does not give to their
	// RecipientType. The document's own bank sample has such a pair.
	AnyMethod bool
	// CallbackURL makes the callback URL of a payout without one, from the payout's
	// reference, amount and currency. Package webhook mints such URLs.
	CallbackURL func(reference string, amount decimal.Decimal, currency string) (string, error)

	// Options are HTTPClient, Logger, OnAttempt, App, MaxAttempts, MinBackoff,
	// MaxBackoff, MaxRetryAfter, AttemptTimeout and Jitter. See sdk.Options.
	sdk.Options

	// Routes overrides rows of the operation table by name. See Operations.
	Routes map[string]sdk.Route
}

const shownConfig = "kasapay.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps credentials out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps credentials out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }

// Client calls the Kasapay gateway. It is safe for concurrent use.
type Client struct {
	Payouts *PayoutsService

	core        *transport.Core
	serviceCode string
	anyMethod   bool
	callbackURL transport.MintURL
}

// New returns a Client. An error names every wrong field of Config and never its
// value. New does not log in: the first call does.
func New(cfg Config) (*Client, error) {
	var faults []error
	for _, f := range []struct{ name, value string }{{"ConsumerKey", cfg.ConsumerKey}, {"ConsumerSecret", cfg.ConsumerSecret}} {
		if f.value == "" || !printable(f.value) {
			faults = append(faults, errors.New("kasapay: "+f.name+" is required and must hold no control character and no white space at its ends"))
		}
	}
	c := &Client{serviceCode: cfg.ServiceCode, anyMethod: cfg.AnyMethod, callbackURL: cfg.CallbackURL}
	core, err := transport.New(transport.Config{
		Provider: "kasapay",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		Tokens:    transport.NewTokenSource(c.login(cfg.ConsumerKey, cfg.ConsumerSecret)),
		Authorize: authorize,
		Interpret: interpret,
	})
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	c.core = core
	c.Payouts = &PayoutsService{c}
	return c, nil
}

// printable refuses what a file that was read whole leaves at a secret's end, too.
func printable(s string) bool {
	return strings.TrimSpace(s) == s && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors. It returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}

func authorize(req *http.Request, op sdk.Operation, _ []byte, token string) error {
	if !op.Open {
		req.Header["X-Access-Token"] = []string{token}
	}
	return nil
}

// Bounds of a token's lifetime. The document says "up to one hour", but the same
// platform has issued tokens for 100 minutes. So the response decides.
const (
	defaultLifetime = time.Hour
	maxLifetime     = 24 * time.Hour
)

type authRequest struct {
	ConsumerKey    string `json:"consumer_key"`
	ConsumerSecret string `json:"consumer_secret"`
}

// login exchanges key and secret for a token.
func (c *Client) login(key, secret string) func(context.Context) (transport.Token, error) {
	return func(ctx context.Context) (transport.Token, error) {
		var token transport.Token
		asked := time.Now()
		err := c.core.Do(ctx, transport.Call{
			Op: OpAuth, Body: authRequest{key, secret},
			Decode: func(r *transport.Response) (err error) {
				token, err = decodeToken(r.Body, asked)
				return err
			},
		})
		return token, err
	}
}

func decodeToken(body []byte, asked time.Time) (transport.Token, error) {
	var w struct {
		AccessToken wire.Text `json:"access_token"`
		ExpiresIn   wire.Side `json:"expiresIn"`
		ExpiresIn2  wire.Side `json:"expires_in"`
	}
	if err := wire.Object(body, &w); err != nil {
		return transport.Token{}, err
	}
	token := string(w.AccessToken)
	switch {
	case token == "":
		return transport.Token{}, wire.Missing("access_token")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return transport.Token{}, errors.New("token that no header can hold")
	}
	seconds := secondsOf(w.ExpiresIn)
	if seconds <= 0 {
		seconds = secondsOf(w.ExpiresIn2)
	}
	if seconds <= 0 {
		seconds = lifetimeInside(token)
	}
	lifetime := defaultLifetime
	if seconds > 0 {
		lifetime = time.Duration(min(seconds, int64(maxLifetime/time.Second))) * time.Second
	}
	return transport.Token{Value: token, Expires: asked.Add(lifetime)}, nil
}

// secondsOf reads a lifetime in whole seconds. Any other form counts as none.
func secondsOf(text wire.Side) int64 {
	d, err := wire.ParseDecimal(string(text))
	if err != nil || !d.IsInteger() || !d.BigInt().IsInt64() {
		return 0
	}
	return d.IntPart()
}

// lifetimeInside returns the seconds between a JWT's iat and exp, for a response
// without expiresIn. It returns 0 for any other token: the document's sample is
// opaque.
func lifetimeInside(token string) int64 {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0
	}
	var w struct {
		Exp wire.Int `json:"exp"`
		Iat wire.Int `json:"iat"`
	}
	if wire.Object(claims, &w) != nil || !w.Exp.Valid || !w.Iat.Valid {
		return 0
	}
	return w.Exp.Int - w.Iat.Int
}
