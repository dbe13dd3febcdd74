package kapiten

import (
	"context"
	"errors"
	"net/http"
	"strings"

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

// New returns a Client. Errors name the field of Config that is wrong.
func New(cfg Config) (*Client, error) {
	if strings.IndexFunc(cfg.Token, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return nil, errors.New("kapiten: Token holds a space, a control or a non-ASCII character")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = ProductionURL
	}
	core, err := transport.New(transport.Config{
		Provider: "kapiten",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		Authorize: authorize(cfg.Token),
		Interpret: interpret,
	})
	if err != nil {
		return nil, err
	}
	c := &Client{core: core}
	c.Companies = &CompaniesService{c}
	c.Users = &UsersService{c}
	c.Rides = &RidesService{c}
	c.Wallet = &WalletService{c}
	return c, nil
}

func authorize(token string) func(*http.Request, sdk.Operation, []byte, string) error {
	if token == "" {
		return nil
	}
	header := []string{"Token " + token}
	return func(req *http.Request, _ sdk.Operation, _ []byte, _ string) error {
		req.Header["Authorization"] = header
		return nil
	}
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors, and returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}
