package bitpesa

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
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
	// CreateAndFundTimeout bounds one attempt of Transactions.CreateAndFund,
	// which may take more than a minute (documented). Default: 3 min; negative:
	// none.
	CreateAndFundTimeout time.Duration

	// Routes overrides rows of the operation table by name (OpCreateSender, ...).
	// See Operations.
	Routes map[string]Route
}

// Format keeps the credentials out of every fmt verb.
func (c Config) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "bitpesa.Config{...}")
}

// LogValue keeps the credentials out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue("bitpesa.Config{...}") }

// Attempt is what Config.OnAttempt is told: Provider, Operation, Method, Path
// (the template, not the expanded path), Number (1 for the first), Status (0
// without an answer), Duration, Outcome (empty when it went well), RequestID
// and Err (the network error, if any).
type Attempt = transport.Attempt
