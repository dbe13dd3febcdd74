package kotani

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// FiatConnect is the FiatConnect section: quotes, KYC, fiat accounts and
// transfers between a wallet's crypto and its owner's fiat account, after the
// FiatConnect specification 1.2.5. It acts for one wallet, whose Signer logs in
// when a session is needed.
//
// Kotani's document shows bodies close to the specification's and names no
// paths; where the two differ, the methods say what is sent.
type FiatConnect struct {
	core    *transport.Core
	cfg     FiatConnectConfig
	address string                 // of the signer; empty without one
	domain  string                 // of a login
	uri     string                 // of a login
	secure  bool                   // https
	tokens  *transport.TokenSource // nil without a signer
}

// As returns the section for another wallet, with a session of its own. It
// shares connections and all settings. Keep it as long as the wallet is in use:
// each has to log in once.
func (f *FiatConnect) As(signer Signer) (*FiatConnect, error) {
	cfg := f.cfg
	cfg.Signer = signer
	if signer == nil {
		return nil, errors.New("kotani: As: no signer")
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return deriveFiatConnect(f.core, cfg, nil)
}

// Login opens a session unless one is at hand. There is no need to call it:
// every other call does so by itself.
func (f *FiatConnect) Login(ctx context.Context) error {
	if err := f.invalid(OpFiatConnectLogin, "", f.loginFaults()); err != nil {
		return err
	}
	_, err := f.tokens.Get(ctx)
	return err
}

// Format keeps credentials out of anything printed.
func (FiatConnect) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "kotani.FiatConnect{...}") }

const mountPrefix = "/fiatconnect"

func newFiatConnect(main *transport.Core, cfg FiatConnectConfig, routes map[string]sdk.Route) (*FiatConnect, error) {
	if cfg.BaseURL == "" {
		return deriveFiatConnect(main, cfg, nil)
	}
	return deriveFiatConnect(main, cfg, func(c *transport.Config) {
		c.BaseURL = cfg.BaseURL
		c.Routes = map[string]sdk.Route{}
		for _, op := range operations {
			route := routes[op.Name]
			if path, ok := strings.CutPrefix(op.Path, mountPrefix); ok && route.Path == "" {
				route.Path = path
			}
			c.Routes[op.Name] = route
		}
	})
}

func deriveFiatConnect(from *transport.Core, cfg FiatConnectConfig, mount func(*transport.Config)) (*FiatConnect, error) {
	f := &FiatConnect{cfg: cfg.withDefaults()}
	if cfg.Signer != nil {
		f.address = cfg.Signer.Address()
		f.tokens = transport.NewTokenSource(f.login)
	}
	core, err := from.Derive(func(c *transport.Config) {
		c.HTTPClient.Jar = nil // a session is one wallet's, never the jar's
		c.Tokens, c.Authorize, c.Interpret = f.tokens, f.authorize, interpretFiatConnect
		if mount != nil {
			mount(c)
		}
	})
	if err != nil {
		return nil, err
	}
	f.core = core
	base, err := url.Parse(core.BaseURL())
	if err != nil {
		return nil, err
	}
	f.secure = base.Scheme == "https"
	f.uri = strings.TrimRight(base.String(), "/") + core.Operation(OpFiatConnectLogin).Path
	if f.domain = f.cfg.Domain; f.domain == "" {
		f.domain = base.Host
	}
	return f, nil
}

// authorize adds the client's key and the session's cookies.
func (f *FiatConnect) authorize(req *http.Request, _ sdk.Operation, _ []byte, session string) error {
	if f.cfg.APIKey != "" {
		req.Header["Authorization"] = []string{"Bearer " + f.cfg.APIKey}
	}
	if session != "" {
		req.Header["Cookie"] = []string{session}
	}
	return nil
}

// invalid returns the refusal of bad parameters, or nil.
func (f *FiatConnect) invalid(op, reference string, bad faults) error {
	if f.tokens == nil && !f.core.Operation(op).Open {
		bad.Add("Config.FiatConnect.Signer", "is required for this operation")
	}
	return f.core.Invalid(op, reference, bad.Fields)
}

func (f *FiatConnect) loginFaults() (bad faults) {
	if f.tokens == nil {
		bad.Add("Config.FiatConnect.Signer", "is required for this operation")
	}
	return bad
}

// Do calls an endpoint of the section which this package does not know, with the
// wallet's session, as Client.Do does. Its Path stands behind
// FiatConnectConfig.BaseURL, or without one behind Config.BaseURL.
func (f *FiatConnect) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return f.core.Ask(ctx, call)
}
