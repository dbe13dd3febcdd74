package transport

import (
	"context"
	"net/url"
	"strings"
)

// Raw is a call of an operation that is in no table.
type Raw struct {
	Method, Path string // Path begins with a slash, already escaped
	Class        Class  // empty: Once
	Call         Call
}

// rawPath stands for the path of a Raw in logs and hooks: its own may hold
// references and phone numbers.
const rawPath = "/{raw}"

// DoRaw carries out a call that is in no table, with the same credentials,
// retries and errors. The host is always the configured one.
func (c *Core) DoRaw(ctx context.Context, raw Raw) error {
	if raw.Class == "" {
		raw.Class = Once
	}
	op := Operation{Name: "do", Method: raw.Method, Path: rawPath, Class: raw.Class, Source: Assumed, MovesMoney: raw.Class != Safe}
	fields := Fields{}
	if !validMethod(raw.Method) {
		fields.Add("method", "must be upper-case letters")
	}
	if !raw.Class.known() {
		fields.Add("class", "is not known")
	}
	for name, reasons := range raw.Call.faults(raw.Class) {
		fields[name] = reasons
	}
	var u *url.URL
	if !strings.HasPrefix(raw.Path, "/") || checkSegments(raw.Path) != "" || !wellEscaped(raw.Path) {
		fields.Add("path", "must start with a slash, be well escaped and hold no query and no empty or dot segment")
	} else {
		u = c.resolve(raw.Path)
		u.RawQuery = raw.Call.Query.Encode()
	}
	if f := Invalid(c.cfg.Provider, op, raw.Call.Reference, fields); f != nil {
		return f
	}
	if f := c.run(ctx, &op, u, &raw.Call); f != nil {
		return f
	}
	return nil
}
