package transport

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Call is one use of an operation.
type Call struct {
	Op    string     // name of the table row
	Path  []string   // values of the path's placeholders, in the table's order
	Query url.Values // may be nil
	// Body is encoded as JSON unless it is a []byte, which goes as it is. nil
	// sends no body.
	Body        any
	ContentType string      // default application/json
	Header      http.Header // further headers; never credentials
	Key         string      // the idempotency key of a Keyed operation
	Reference   string      // the caller's own reference, for errors
	Timeout     time.Duration

	// Decode reads a good answer; an error makes the outcome Unknown. nil
	// accepts any.
	Decode func(*Response) error
	// Lookup asks for the result of a Referenced operation by the caller's
	// reference and keeps it. false without an error means surely absent.
	Lookup func(context.Context) (found bool, err error)
}

// Response is a complete answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Parsed is free for Interpret, so that Decode need not read the body again.
	Parsed any
}

// Do carries out a call. The error is nil or a *Failure; it is typed error so
// that a nil *Failure cannot slip into an interface.
func (c *Core) Do(ctx context.Context, call Call) error {
	if f := c.do(ctx, call); f != nil {
		return f
	}
	return nil
}

func (c *Core) do(ctx context.Context, call Call) *Failure {
	r, ok := c.routes[call.Op]
	if !ok {
		return c.refuse(call, Operation{Name: call.Op}, "operation", "is not in the operation table")
	}
	if (call.Key != "") != (r.op.Class == Keyed) {
		return c.refuse(call, r.op, "idempotency_key", "is required for this operation and forbidden for all others")
	}
	u, f := c.url(r, call)
	if f != nil {
		return f
	}
	return c.run(ctx, r.op, u, call)
}

// Raw is a call of an operation that is in no table.
type Raw struct {
	Method, Path string // Path begins with a slash, already escaped
	Class        Class
	Call         Call
}

// DoRaw carries out a call that is in no table, with the same credentials,
// retries and errors. The host is always the configured one.
func (c *Core) DoRaw(ctx context.Context, raw Raw) error {
	op := Operation{Name: "do", Method: raw.Method, Path: raw.Path, Class: raw.Class, Source: Assumed, MovesMoney: raw.Class != Safe}
	fields := Fields{}
	if !validMethod(raw.Method) {
		fields.Add("method", "must be upper-case letters")
	}
	if (raw.Call.Key != "") != (raw.Class == Keyed) {
		fields.Add("idempotency_key", "is required for class keyed and forbidden for all others")
	}
	var u *url.URL
	if _, err := parseTemplate(raw.Path); err != nil {
		fields.Add("path", "must start with a slash and hold no query, fragment, space or dot segment")
	} else if u, err = c.resolve(raw.Path); err != nil {
		fields.Add("path", "is not well escaped")
	} else if len(raw.Call.Query) > 0 {
		u.RawQuery = raw.Call.Query.Encode()
	}
	if f := Invalid(c.cfg.Provider, op, raw.Call.Reference, fields); f != nil {
		return f
	}
	if f := c.run(ctx, op, u, raw.Call); f != nil {
		return f
	}
	return nil
}

func (c *Core) refuse(call Call, op Operation, field, reason string) *Failure {
	return Invalid(c.cfg.Provider, op, call.Reference, Fields{field: {reason}})
}

func (c *Core) url(r *route, call Call) (*url.URL, *Failure) {
	u := r.url
	if u == nil {
		escaped, err := r.tmpl.expand(func(name string) string {
			for i, p := range r.params {
				if p == name && i < len(call.Path) {
					return call.Path[i]
				}
			}
			return ""
		})
		if err != nil {
			var se *segmentError
			if s, ok := err.(*segmentError); ok {
				se = s
			} else {
				se = &segmentError{name: "path", reason: err.Error()}
			}
			return nil, c.refuse(call, r.op, se.name, se.reason)
		}
		if u, err = c.resolve(escaped); err != nil {
			return nil, c.refuse(call, r.op, "path", "cannot be escaped")
		}
	}
	if len(call.Query) > 0 {
		withQuery := *u
		withQuery.RawQuery = call.Query.Encode()
		u = &withQuery
	}
	return u, nil
}

// run sends, and settles the unknown outcome of a Referenced write by lookup.
func (c *Core) run(ctx context.Context, op Operation, u *url.URL, call Call) *Failure {
	body, err := encode(call.Body)
	if err != nil {
		return c.refuse(call, op, "body", "cannot be encoded as JSON")
	}
	f := c.send(ctx, op, u, body, call)
	if f == nil || op.Class != Referenced || call.Lookup == nil {
		return f
	}
	attempts := f.Attempts
	for resent := false; ; resent = true {
		exists := resent && f.duplicate
		if f.Outcome != Unknown && !exists {
			return f
		}
		f.Outcome = Unknown
		if ctx.Err() != nil {
			return f
		}
		found, err := call.Lookup(ctx)
		switch {
		case err != nil:
			f.cause = &wrapped{text: "lookup by reference failed", err: err}
			return f
		case found:
			return nil
		case resent || exists:
			f.cause = errStillAbsent
			return f
		}
		// Surely absent: the first request did nothing. Should it still be on
		// its way, the provider's own duplicate check stops one of the two.
		if f = c.send(ctx, op, u, body, call); f == nil {
			return nil
		}
		attempts += f.Attempts
		f.Attempts = attempts
	}
}

func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return b, nil
	}
	return json.Marshal(body)
}
