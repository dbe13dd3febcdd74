package kapiten

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/kapiteni/kapiten-go/sdk"
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

	// Options are HTTPClient, Logger, OnAttempt, App, MaxAttempts, MinBackoff,
	// MaxBackoff, MaxRetryAfter, AttemptTimeout and Jitter. See sdk.Options.
	sdk.Options

	// Routes overrides rows of the operation table by name (OpCreateRide, ...):
	// most paths are not in Kapiten's document. See Operations.
	Routes map[string]sdk.Route
}

const shownConfig = "kapiten.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps them out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps them out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }
