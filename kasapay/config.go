package kasapay

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
	// repeated at all. Default 4; 1 means no retry. Renewing a token, asking for
	// an unknown outcome and sending once more when it turns out absent come on
	// top.
	MaxAttempts int
	// MinBackoff and MaxBackoff bound the random wait between attempts.
	// Defaults: 250 ms, 8 s.
	MinBackoff, MaxBackoff time.Duration
	// MaxRetryAfter is the longest Retry-After that is waited for. A longer one
	// returns at once, with the wait in Error.RetryAfter. Default: 1 min.
	MaxRetryAfter time.Duration
	// AttemptTimeout bounds one attempt. A payout that runs into it is looked
	// up. Default: 30 s; negative: none. The context bounds the call as a whole.
	AttemptTimeout time.Duration

	// Routes overrides rows of the operation table by name. See Operations.
	Routes map[string]Route
}

// Format keeps consumer key and secret out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "kasapay.Config{...}") }

// LogValue keeps them out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue("kasapay.Config{...}") }

// Attempt is what Config.OnAttempt is told: Provider, Operation, Method, Path
// (the template, not the expanded path), Number (1 for the first), Status (0
// without an answer), Duration, Outcome (empty when it went well), RequestID
// and Err (the network error, if any).
type Attempt = transport.Attempt
