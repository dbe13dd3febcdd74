package kotani

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk"
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

	// Options are HTTPClient, Logger, OnAttempt, App, MaxAttempts, MinBackoff,
	// MaxBackoff, MaxRetryAfter, AttemptTimeout and Jitter. See sdk.Options.
	sdk.Options

	// Routes overrides rows of the operation table by name (OpDeposit, ...):
	// many paths are not in Kotani's document. See Operations.
	Routes map[string]sdk.Route
}

const shownConfig = "kotani.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps them out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps them out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }

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
