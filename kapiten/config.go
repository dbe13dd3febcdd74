package kapiten

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// ProductionURL is the documented base URL of the API. No sandbox host is
// documented; package kapitentest needs none.
const ProductionURL = "https://api.kapiteni.com"

// Config configures a Client. The zero value of every field is useful. New
// copies what it gets and changes nothing of the caller's.
type Config struct {
	// Token is the persistent API token of a company user (see
	// UsersService.Token), sent as "Authorization: Token ...". The onboarding
	// calls (companies, users.create, users.token) work without one.
	Token string

	// BaseURL is the server's address without the /api part. Default:
	// ProductionURL. Plain http is refused for anything but loopback.
	BaseURL string
	// AllowPlainHTTP lifts that refusal. The token then crosses the network in
	// the clear.
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

	// Routes overrides rows of the operation table by name (OpCreateRide, ...):
	// most paths are not in Kapiten's document. See Operations.
	Routes map[string]Route
}

// Format keeps the token out of every fmt verb.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "kapiten.Config{...}") }

// LogValue keeps the token out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue("kapiten.Config{...}") }

// Attempt is what Config.OnAttempt is told: Provider, Operation, Method, Path
// (the template, not the expanded path), Number (1 for the first), Status (0
// without an answer), Duration, Outcome (empty when it went well), RequestID
// and Err (the network error, if any).
type Attempt = transport.Attempt
