package transport

import (
	"bytes"
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
	ContentType string // default application/json
	// Header holds further headers; never credentials, and never an idempotency
	// key: those have their own places.
	Header    http.Header
	Key       string        // the idempotency key of a Keyed operation
	Reference string        // the caller's own reference, for errors
	Timeout   time.Duration // of one attempt; 0: as configured; negative: none

	// Decode reads a good answer; an error makes the outcome Unknown. nil
	// accepts any. It may keep the answer's Body.
	Decode func(*Response) error
	// Lookup asks for the result of a Referenced operation by the caller's
	// reference and keeps it. false without an error means surely absent.
	Lookup func(context.Context) (found bool, err error)
	// SettleOnce has a Once operation settled by Lookup as well. The one who
	// calls it answers for the limits of that lookup.
	SettleOnce bool
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
	if f := c.do(ctx, &call); f != nil {
		return f
	}
	return nil
}

func (c *Core) do(ctx context.Context, call *Call) *Failure {
	r, ok := c.routes[call.Op]
	if !ok {
		return c.refuse(call, Operation{Name: call.Op}, "operation", "is not in the operation table")
	}
	if f := Invalid(c.cfg.Provider, r.op, call.Reference, call.faults(r.op.Class)); f != nil {
		return f
	}
	u, f := c.url(r, call)
	if f != nil {
		return f
	}
	return c.run(ctx, &r.op, u, call)
}

// faults checks what would make net/http refuse the request, or repeat it.
func (call *Call) faults(class Class) Fields {
	if call.Key == "" && call.Header == nil && class != Keyed {
		return nil
	}
	fields := Fields{}
	if (call.Key != "") != (class == Keyed) {
		fields.Add("idempotency_key", "is required for a keyed operation and forbidden for all others")
	}
	if !validHeaderValue(call.Key) {
		fields.Add("idempotency_key", "holds a control character")
	}
	for name, values := range call.Header {
		switch {
		case repeatsRequest(name):
			fields.Add("header", "must not hold an idempotency key: net/http would repeat the request by itself")
		case !sendable(name, values):
			fields.Add("header", "cannot be sent")
		}
	}
	return fields
}

func (c *Core) refuse(call *Call, op Operation, field, reason string) *Failure {
	return Invalid(c.cfg.Provider, op, call.Reference, Fields{field: {reason}})
}

func (c *Core) url(r *route, call *Call) (*url.URL, *Failure) {
	u := r.url
	if u == nil {
		escaped, fault := r.tmpl.expand(func(name string) string {
			for i, p := range r.params {
				if p == name && i < len(call.Path) {
					return call.Path[i]
				}
			}
			return ""
		})
		if fault != nil {
			return nil, c.refuse(call, r.op, fault.name, fault.reason)
		}
		u = c.resolve(escaped)
	}
	if len(call.Query) > 0 {
		withQuery := *u
		withQuery.RawQuery = call.Query.Encode()
		u = &withQuery
	}
	return u, nil
}

// run sends, and settles the unknown outcome of a write by lookup.
func (c *Core) run(ctx context.Context, op *Operation, u *url.URL, call *Call) *Failure {
	body, err := encode(call.Body)
	if err != nil {
		f := c.refuse(call, *op, "body", "cannot be encoded as JSON")
		f.cause = err
		return f
	}
	f := c.send(ctx, op, u, body, call)
	if f == nil || f.Outcome != Unknown || call.Lookup == nil || !call.settles(op.Class) {
		return f
	}
	return settleByLookup(ctx, f, call.Lookup, func() *Failure { return c.send(ctx, op, u, body, call) })
}

func (call *Call) settles(class Class) bool {
	return class == Referenced || class == Once && call.SettleOnce
}

func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		// net/http may still be reading when a cancelled call has returned.
		return bytes.Clone(b), nil
	}
	return json.Marshal(body)
}
