package transport

import (
	"context"
	"maps"
	"net/url"
	"strings"

	"github.com/kapiteni/kapiten-go/sdk"
)

// rawPath stands for the path of a raw call in logs and hooks: its own may hold
// references and phone numbers.
const rawPath = "/{raw}"

// Ask carries out a call that is in no table, with the same credentials, retries
// and errors, and returns the JSON of the response. The host is always the
// configured one.
func (c *Core) Ask(ctx context.Context, raw sdk.RawCall) (sdk.Raw, error) {
	class := sdk.Once
	if raw.ReadOnly {
		class = sdk.Safe
	}
	var response sdk.Raw
	err := c.ask(ctx, raw.Method, raw.Path, class, Call{Query: raw.Query, Body: raw.Body, Decode: func(r *Response) error {
		response = r.Body
		return nil
	}})
	return response, err
}

func (c *Core) ask(ctx context.Context, method, path string, class sdk.Class, call Call) error {
	op := sdk.Operation{Name: "do", Method: method, Path: rawPath, Class: class, Source: sdk.Assumed, MovesMoney: class != sdk.Safe}
	fields := Fields{}
	if !validMethod(method) {
		fields.Add("method", "must be upper-case letters")
	}
	maps.Copy(fields, call.faults(class))
	var u *url.URL
	if !strings.HasPrefix(path, "/") || checkSegments(path) != "" || !wellEscaped(path) {
		fields.Add("path", "must start with a slash, be well escaped and hold no query and no empty or dot segment")
	} else {
		u = c.resolve(path)
		u.RawQuery = call.Query.Encode()
	}
	if e := c.refuse(op, call.Reference, fields); e != nil {
		return e
	}
	if e := c.run(ctx, &op, u, &call); e != nil {
		return e
	}
	return nil
}
