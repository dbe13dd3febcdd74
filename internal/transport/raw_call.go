package transport

import (
	"context"
	"encoding/json"
	"net/url"
)

// RawCall is a request to an endpoint which the provider's package does not
// know. The packages show it to users.
type RawCall struct {
	Method string // "GET"
	// Path begins with a slash, is escaped already and stands behind the base
	// URL. The host is always the configured one.
	Path  string
	Query url.Values
	Body  any // encoded as JSON; nil sends none
	// ReadOnly says that the endpoint changes nothing, so that the call may be
	// repeated after any failure. Without it an unknown outcome is returned as
	// such, whatever the method.
	ReadOnly bool
}

// Ask carries out a RawCall and returns the answer's JSON.
func (c *Core) Ask(ctx context.Context, call RawCall) (json.RawMessage, error) {
	class := Once
	if call.ReadOnly {
		class = Safe
	}
	var raw json.RawMessage
	err := c.DoRaw(ctx, Raw{
		Method: call.Method, Path: call.Path, Class: class,
		Call: Call{Query: call.Query, Body: call.Body, Decode: func(r *Response) error {
			raw = r.Body
			return nil
		}},
	})
	return raw, err
}
