package kpay

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
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

	// HTTPClient gives the connections: its Transport, Jar and Timeout (as
	// AttemptTimeout) are used. Clients which share one share a pool. Default:
	// a pool of this Client's own with 64 idle connections.
	HTTPClient *http.Client

	// Logger gets one event per attempt: Debug when it went well, Warn when
	// not. Never a body, a URL or a credential. Default: silent.
	Logger *slog.Logger
	// OnAttempt is called after every attempt, for metrics and traces.
	OnAttempt func(context.Context, Attempt)

	// MaxAttempts is how often one request is sent at most, when it may be
	// repeated at all. Default 4; 1 means no retry. Asking for an unknown
	// outcome, and sending once more when it turns out absent, comes on top.
	MaxAttempts int
	// MinBackoff and MaxBackoff bound the random wait between attempts.
	// Defaults: 250 ms, 8 s.
	MinBackoff, MaxBackoff time.Duration
	// MaxRetryAfter is the longest Retry-After that is waited for. A longer one
	// returns at once, with the wait in Error.RetryAfter. Default: 1 min.
	MaxRetryAfter time.Duration
	// AttemptTimeout bounds one attempt. A payment that runs into it is looked
	// up. Default: 30 s; negative: none. The context bounds the call as a whole.
	AttemptTimeout time.Duration

	// Routes overrides rows of the operation table by name. See Operations.
	Routes map[string]Route
}

// Format keeps password and API key out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "kpay.Config{...}") }

// LogValue keeps them out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue("kpay.Config{...}") }

// Attempt is what Config.OnAttempt is told: Provider, Operation, Method, Path,
// Number (1 for the first), Status (0 without an answer), Duration, Outcome
// (empty when it went well), RequestID and Err (the network error, if any).
type Attempt = transport.Attempt
