package kpay

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk"
)

// The documented hosts. A Client stays on the one it was given, whatever
// happens.
const (
	LiveURL    = "https://pay.esicia.rw"
	SandboxURL = "https://pay.esicia.com"
)

// Config configures a Client. BaseURL, Username and Password are required; the
// zero value of every other field is useful. New copies what it gets and
// changes nothing of the caller's.
type Config struct {
	// BaseURL is LiveURL or SandboxURL. There is no default, so that no test
	// collects real money. Requests go to its root, as the vendor's guide has
	// it; SandboxURL + "/api" sends them to /api/, as the reference document's
	// curl does. Plain http is refused for anything but loopback.
	BaseURL string
	// AllowPlainHTTP lifts that refusal. The password then crosses the network
	// in the clear; KPay itself answers plain http with code 500.
	AllowPlainHTTP bool

	// Username and Password go with every request as HTTP basic auth.
	Username, Password string
	// APIKey is sent as the header Kpay-Key when it is set. The vendor's web
	// page asks for it, the reference document does not know it.
	APIKey string

	// RetailerID is the merchant's id for all payments which name none:
	// "02". A leading zero matters.
	RetailerID string
	// CallbackURL, when set, makes the postback URL of each payment which has
	// no ReturnURL, from its RefID, amount and currency. Package webhook mints
	// such URLs.
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

// MarshalText keeps them out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps them out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }
