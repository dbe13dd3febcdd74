package kotani

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Base URLs which were public at some time. No document names the current one,
// so that none is a default.
const (
	ProductionURL2022 = "https://europe-west3-kotanimac.cloudfunctions.net/api_v2"      // the operator's pages of 2022
	TestURL2022       = "https://europe-west3-kotanipay-test.cloudfunctions.net/api_v2" // the operator's pages of 2022
	ProductionURL     = "https://europe-west3-kotanipay-prod.cloudfunctions.net/api_v2" // a public client's, later
)

// Config configures a Client. New copies what it gets and changes nothing of the
// caller's.
type Config struct {
	// BaseURL is the server's address up to and including /api_v2. Required.
	// Plain http is refused for anything but loopback.
	BaseURL string
	// AllowPlainHTTP lifts that refusal. Credentials then cross the network in
	// the clear.
	AllowPlainHTTP bool

	// PhoneNumber, CountryCode and Password are the partner's login. The client
	// logs in by itself, ahead of the token's expiry and once more when a token
	// is refused. All three or none: without them only Health and FiatConnect
	// can be called.
	PhoneNumber string // digits, with or without a leading "+"
	CountryCode string // "KEN" or "GH" in the document, "KE" and "GH" in older pages; passed on as given
	Password    string

	// TokenLifetime is how long an access token is used. The document names
	// none. Default: 5 min, that of the operator's 2022 source.
	TokenLifetime time.Duration

	// CallbackURL, when set, makes the callback URL of each Deposit, Withdraw and
	// WithdrawToBank which has an external id and no URL, from its external id
	// and amount; the currency is empty, since these requests name none. Package
	// webhook mints such URLs.
	CallbackURL func(externalID string, amount decimal.Decimal, currency string) (string, error)

	// FiatConnect configures Client.FiatConnect.
	FiatConnect FiatConnectConfig

	// HTTPClient gives the connections: its Transport, Jar and Timeout (as
	// AttemptTimeout) are used; FiatConnect, whose sessions are cookies, leaves
	// the Jar alone. Clients which share one share a pool. Default: a pool of
	// this Client's own with 64 idle connections.
	HTTPClient *http.Client

	// Logger gets one event per attempt: Debug when it went well, Warn when
	// not. Never a body, a URL or a credential. Default: silent.
	Logger *slog.Logger
	// OnAttempt is called after every attempt, for metrics and traces.
	OnAttempt func(context.Context, Attempt)

	// MaxAttempts is how often one request is sent at most, when it may be
	// repeated at all. Default 4; 1 means no retry.
	MaxAttempts int
	// MinBackoff and MaxBackoff bound the random wait between attempts.
	// Defaults: 250 ms, 8 s.
	MinBackoff, MaxBackoff time.Duration
	// MaxRetryAfter is the longest Retry-After that is waited for. A longer one
	// returns at once, with the wait in Error.RetryAfter. Default: 1 min.
	MaxRetryAfter time.Duration
	// AttemptTimeout bounds one attempt. A write that runs into it has an
	// unknown outcome. Default: 30 s; negative: none. The context bounds the
	// call as a whole.
	AttemptTimeout time.Duration

	// Routes overrides rows of the operation table by name (OpDeposit, ...):
	// many paths are not in Kotani's document. See Operations.
	Routes map[string]Route
}

// Attempt is what Config.OnAttempt is told: Provider, Operation, Method, Path
// (the template, not the expanded path), Number (1 for the first), Status (0
// without an answer), Duration, Outcome (empty when it went well), RequestID
// and Err (the network error, if any).
type Attempt = transport.Attempt

// Format keeps the password out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "kotani.Config{...}") }

const defaultTokenLifetime = 5 * time.Minute

// check reports every fault of the login settings, by field name.
func (cfg Config) check() error {
	var faults []error
	if cfg.hasLogin() {
		if !isPhone(cfg.PhoneNumber) {
			faults = append(faults, errors.New("kotani: PhoneNumber must be 7 to 15 digits"))
		}
		if cfg.CountryCode == "" {
			faults = append(faults, errors.New("kotani: CountryCode is required"))
		}
		if cfg.Password == "" {
			faults = append(faults, errors.New("kotani: Password is required"))
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
