package kapiten

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Client calls the Kapiten API. It is safe for concurrent use.
type Client struct {
	Companies *CompaniesService
	Users     *UsersService
	Rides     *RidesService
	Wallet    *WalletService

	core *transport.Core
}

// ProductionURL is the documented base URL of the API. No sandbox host is
// documented; package kapitentest needs none.
const ProductionURL = "https://api.kapiteni.com"

// Config configures a Client. BaseURL is required; the zero value of every other field
// is useful. New copies the Config and changes nothing of the caller's.
type Config struct {
	// Token is the persistent API token of a company user (see
	// UsersService.Token), sent as "Authorization: Token ...". The onboarding
	// calls (companies, users.create, users.token) work without a token.
	Token string

	// BaseURL is the server's address without the /api part: ProductionURL, or a
	// fake's. It is required, so that no test meets the real API by mistake. New
	// refuses plain http for anything but loopback.
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

// New returns a Client. Its error names every field of Config that is wrong.
func New(cfg Config) (*Client, error) {
	var fault error
	if strings.IndexFunc(cfg.Token, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		fault = errors.New("kapiten: Token holds a space, a control or a non-ASCII character")
	}
	core, err := transport.New(transport.Config{
		Provider: "kapiten",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		Authorize: authorize(cfg.Token),
		Interpret: interpret,
	})
	if err = errors.Join(fault, err); err != nil {
		return nil, err
	}
	return &Client{
		Companies: &CompaniesService{core},
		Users:     &UsersService{list[User]{core: core, op: OpListUsers, decode: decode[User]}},
		Rides: &RidesService{list[Ride]{
			core, OpListRides, decodeRide,
			func(r *Ride) string { return r.ID }, func(r *Ride) time.Time { return r.CreatedAt },
		}},
		Wallet: &WalletService{list[Transaction]{
			core, OpListTransactions, decodeTransaction,
			func(t *Transaction) string { return t.ID }, func(t *Transaction) time.Time { return t.CreatedAt },
		}},
		core: core,
	}, nil
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors, and returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}

func authorize(token string) func(*http.Request, sdk.Operation, []byte, string) error {
	header := []string{"Token " + token}
	return func(req *http.Request, op sdk.Operation, _ []byte, _ string) error {
		switch {
		case token != "":
			req.Header["Authorization"] = header
		case !op.Open && op.Name != "do": // Client.Do may reach an open endpoint
			return noToken{}
		}
		return nil
	}
}

const shownConfig = "kapiten.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps credentials out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps credentials out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }

// noToken is the fault of a call that needs a token, through a client without one.
type noToken struct{}

func (noToken) Error() string      { return "Config.Token is required for this call" }
func (n noToken) SafeText() string { return n.Error() }
func (noToken) Is(target error) bool {
	return target == sdk.ErrConfiguration || target == sdk.ErrUnauthorized
}
