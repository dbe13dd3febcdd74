package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
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
	// Lookup looks once for the result of a Referenced operation by the caller's
	// reference, and keeps it. false without an error means that the provider
	// does not show it; how often to look is the core's business.
	Lookup func(context.Context) (found bool, err error)
	// SettleOnce has an operation of class Once settled by Lookup as well. Who
	// sets it answers for the limits of that lookup.
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

// Into makes a Decode that keeps the decoded response in *out.
func Into[T any](out **T, decode func(body []byte) (T, error)) func(*Response) error {
	return func(r *Response) error {
		value, err := decode(r.Body)
		if err != nil {
			return err
		}
		*out = &value
		return nil
	}
}

// Do carries out a call. The error is nil or an *sdk.Error; it is typed error so
// that a nil *sdk.Error cannot slip into an interface.
func (c *Core) Do(ctx context.Context, call Call) error {
	if e := c.do(ctx, &call); e != nil {
		return e
	}
	return nil
}

func (c *Core) do(ctx context.Context, call *Call) *sdk.Error {
	r, ok := c.routes[call.Op]
	if !ok {
		return c.refuse(sdk.Operation{Name: call.Op}, call.Reference, Fields{"operation": {"is not in the operation table"}})
	}
	if e := c.refuse(r.op, call.Reference, call.faults(r.op.Class)); e != nil {
		return e
	}
	u, e := c.url(r, call)
	if e != nil {
		return e
	}
	return c.run(ctx, &r.op, u, call)
}

// faults checks what would make net/http refuse the request, or repeat it.
func (call *Call) faults(class sdk.Class) Fields {
	if call.Key == "" && call.Header == nil && class != sdk.Keyed {
		return nil
	}
	fields := Fields{}
	if (call.Key != "") != (class == sdk.Keyed) {
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

func (c *Core) url(r *route, call *Call) (*url.URL, *sdk.Error) {
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
			return nil, c.refuse(r.op, call.Reference, Fields{fault.name: {fault.reason}})
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
func (c *Core) run(ctx context.Context, op *sdk.Operation, u *url.URL, call *Call) *sdk.Error {
	body, err := encode(call.Body)
	if err != nil {
		e := c.refuse(*op, call.Reference, Fields{"body": {"cannot be encoded as JSON"}})
		e.Cause = err
		return e
	}
	f := c.send(ctx, op, u, body, call)
	if f.err == nil || f.err.Outcome != sdk.Unknown || call.Lookup == nil || !call.settles(op.Class) {
		return f.err
	}
	return settleByLookup(ctx, f, call.Lookup, func() failure { return c.send(ctx, op, u, body, call) })
}

func (call *Call) settles(class sdk.Class) bool {
	return class == sdk.Referenced || class == sdk.Once && call.SettleOnce
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
