package kotani

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// RawCall is a request to an endpoint this package does not know.
type RawCall struct {
	Method string // "GET"
	// Path begins with a slash, is escaped already and stands behind the base
	// URL: "/user/resetPin". The host is always the configured one.
	Path  string
	Query url.Values
	Body  any // encoded as JSON; nil sends none
	// ReadOnly says that the endpoint changes nothing, so that the call may be
	// repeated after any failure. Without it an unknown outcome is returned as
	// such, whatever the method.
	ReadOnly bool
}

// Do calls an endpoint this package does not know, with the client's
// credentials, retries and errors, and returns the answer's JSON.
func (c *Client) Do(ctx context.Context, call RawCall) (json.RawMessage, error) {
	return call.do(ctx, c.core)
}

// Do calls an endpoint of the section which this package does not know, with the
// wallet's session, as Client.Do does. Its Path stands behind
// FiatConnectConfig.BaseURL, or without one behind Config.BaseURL.
func (f *FiatConnect) Do(ctx context.Context, call RawCall) (json.RawMessage, error) {
	return call.do(ctx, f.core)
}

func (call RawCall) do(ctx context.Context, core *transport.Core) (json.RawMessage, error) {
	class := transport.Once
	if call.ReadOnly {
		class = transport.Safe
	}
	var raw json.RawMessage
	err := core.DoRaw(ctx, transport.Raw{
		Method: call.Method, Path: call.Path, Class: class,
		Call: transport.Call{Query: call.Query, Body: call.Body, Decode: func(r *transport.Response) error {
			raw = r.Body
			return nil
		}},
	})
	if err != nil {
		return nil, publicError(err)
	}
	return raw, nil
}
