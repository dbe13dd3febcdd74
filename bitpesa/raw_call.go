package bitpesa

import (
	"context"
	"encoding/json"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// RawCall is a request to an endpoint this package does not know: Method, Path
// (escaped already and behind the base URL, "/v1/senders/42"), Query, Body (encoded as
// JSON; nil sends none) and ReadOnly, which says that the endpoint changes
// nothing, so that the call may be repeated after any failure. Without it an
// unknown outcome is returned as such, whatever the method. The host is always
// the configured one.
type RawCall = transport.RawCall

// Do calls an endpoint this package does not know, with the client's signature,
// retries and errors, and returns the answer's JSON.
func (c *Client) Do(ctx context.Context, call RawCall) (json.RawMessage, error) {
	raw, err := c.core.Ask(ctx, call)
	return raw, publicError(err)
}
