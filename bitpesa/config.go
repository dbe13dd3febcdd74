package bitpesa

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Documented base URLs. BitPesa's own hosts are those of its guides of 2018 and
// 2019; its API lives on under the TransferZero name.
const (
	ProductionURL        = "https://api.transferzero.com"
	SandboxURL           = "https://api-sandbox.transferzero.com"
	BitPesaProductionURL = "https://api.bitpesa.co"
	BitPesaSandboxURL    = "https://api-sandbox.bitpesa.co"
)

// Config configures a Client. Key and Secret are required, the zero value of
// every other field is useful. New copies what it gets and changes nothing of
// the caller's. Printing a Config shows neither Key nor Secret.
type Config struct {
	// Key and Secret are the API key pair of the developer portal. Requests are
	// signed with the Secret's text as shown there; it never leaves this process.
	Key, Secret string

	// BaseURL is the server's address, with or without /v1 at its end. Default:
	// ProductionURL. Plain http is refused for anything but loopback. It becomes
	// part of every signature, so the server must see the same scheme and host.
	BaseURL string
	// AllowPlainHTTP lifts that refusal.
	AllowPlainHTTP bool

	// Options are HTTPClient, Logger, OnAttempt, App, MaxAttempts, MinBackoff,
	// MaxBackoff, MaxRetryAfter, AttemptTimeout and Jitter. See sdk.Options.
	sdk.Options
	// CreateAndFundTimeout bounds one attempt of Transactions.CreateAndFund,
	// which may take more than a minute (documented). Default: 3 min; negative:
	// none.
	CreateAndFundTimeout time.Duration

	// Routes overrides rows of the operation table by name (OpCreateSender, ...).
	// See Operations.
	Routes map[string]sdk.Route
}

const shownConfig = "bitpesa.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps them out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps them out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }
