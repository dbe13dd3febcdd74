package kotani

import (
	"context"
	"encoding/json"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// RawCall is a request to an endpoint this package does not know: Method, Path
// (escaped already and behind the base URL, "/user/resetPin"), Query, Body (encoded as
// JSON; nil sends none) and ReadOnly, which says that the endpoint changes
// nothing, so that the call may be repeated after any failure. Without it an
// unknown outcome is returned as such, whatever the method. The host is always
// the configured one.
type RawCall = transport.RawCall

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors, and returns the answer's JSON.
func (c *Client) Do(ctx context.Context, call RawCall) (json.RawMessage, error) {
	raw, err := c.core.Ask(ctx, call)
	return raw, publicError(err)
}

// Do calls an endpoint of the section which this package does not know, with the
// wallet's session, as Client.Do does. Its Path stands behind
// FiatConnectConfig.BaseURL, or without one behind Config.BaseURL.
func (f *FiatConnect) Do(ctx context.Context, call RawCall) (json.RawMessage, error) {
	raw, err := f.core.Ask(ctx, call)
	return raw, publicError(err)
}
