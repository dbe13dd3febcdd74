package kasapay

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk"
)

// SandboxURL is the documented host. The production host is not documented:
// Kasapay gives it with the production credentials.
const SandboxURL = "https://sandbox.api.gateway.kasapay.com"

// Config configures a Client. BaseURL, ConsumerKey and ConsumerSecret are
// required; the zero value of every other field is useful. New copies what it
// gets and changes nothing of the caller's.
type Config struct {
	// BaseURL is the server's address without the /v1 part: SandboxURL, or the
	// production address Kasapay gave you. There is no default, and never a way
	// from one environment to another. Plain http is refused for anything but
	// loopback.
	BaseURL string
	// AllowPlainHTTP lifts that refusal. The secret and the tokens then cross
	// the network in the clear.
	AllowPlainHTTP bool

	// ConsumerKey and ConsumerSecret come from the merchant portal (My Business
	// > API Keys). They are exchanged for a token, which is renewed ahead of its
	// end, once for all callers, and once more when the gateway refuses it.
	ConsumerKey, ConsumerSecret string

	// ServiceCode is the service on Kasapay for all payouts which name none:
	// "12346".
	ServiceCode string
	// CallbackURL, when set, makes the callback URL of each payout which has
	// none, from its reference, amount and currency. Package webhook mints such
	// URLs.
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

// MarshalText keeps them out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps them out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }
