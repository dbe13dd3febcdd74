package kotani

import (
	"context"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// Login logs in unless a token is at hand. There is no need to call it: every
// other call does so by itself. It serves to find wrong credentials early; they
// give ErrUnauthorized.
func (c *Client) Login(ctx context.Context) error {
	if err := c.invalid(OpLogin, "", c.loginFaults()); err != nil {
		return err
	}
	_, err := c.tokens.Get(ctx)
	return err
}

func (c *Client) loginFaults() (f faults) {
	if c.tokens == nil {
		f.Add("Config.Password", "is required for this operation")
	}
	return f
}

// login makes the function that fetches a token. There is no way to renew one
// but to log in again.
func (c *Client) login(cfg Config) func(context.Context) (transport.Token, error) {
	body := loginRequest{digits(cfg.PhoneNumber), cfg.CountryCode, cfg.Password}
	lifetime := cfg.TokenLifetime
	if lifetime == 0 {
		lifetime = defaultTokenLifetime
	}
	return func(ctx context.Context) (transport.Token, error) {
		var token transport.Token
		start := time.Now()
		err := c.core.Do(ctx, transport.Call{
			Op: OpLogin, Body: body,
			Decode: func(r *transport.Response) error {
				var w struct {
					AccessToken string `json:"accessToken"`
				}
				if err := wire.Unmarshal(r.Body, &w); err != nil {
					return err
				}
				if !isToken(w.AccessToken) {
					return missing("accessToken")
				}
				token = transport.Token{Value: "Bearer " + w.AccessToken, Expires: start.Add(lifetime)}
				return nil
			},
		})
		return token, err
	}
}

// isToken reports whether a text can stand in a header.
func isToken(text string) bool {
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return text != ""
}

type loginRequest struct {
	PhoneNumber string `json:"phoneNumber"`
	CountryCode string `json:"countryCode"`
	Password    string `json:"password"`
}
