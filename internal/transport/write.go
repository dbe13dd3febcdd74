package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Write is a write of a resource before it is carried out: by Do, which repeats and
// looks up as its class allows, or in the steps of an sdk.Prepared. Both share the
// checks, the request, the decoding and the comparison.
type Write[T any] struct {
	Core *Core
	// Err is what is wrong with the parameters.
	Err error
	// Call makes the call. Its Decode and Lookup keep what they find in *out.
	Call func(out **T) Call
}

// Do carries the write out.
func (w Write[T]) Do(ctx context.Context) (*T, error) {
	if w.Err != nil {
		return nil, w.Err
	}
	var out *T
	if err := w.Core.Do(ctx, w.Call(&out)); err != nil {
		return nil, err
	}
	return out, nil
}

// Prepare checks and encodes the write, for a caller who repeats and looks up himself.
func (w Write[T]) Prepare() (sdk.Prepared[T], error) {
	if w.Err != nil {
		return sdk.Prepared[T]{}, w.Err
	}
	var none *T
	call := w.Call(&none)
	op, body, err := w.Core.encoded(&call)
	if err != nil {
		return sdk.Prepared[T]{}, err
	}
	p := sdk.Prepared[T]{Operation: op, Reference: call.Reference, Body: body}
	p.Send = func(ctx context.Context, body []byte) (*T, error) {
		var out *T
		call := w.Call(&out)
		call.Body, call.Lookup, call.LookFirst, call.Settle, call.single = body, nil, false, nil, true
		if err := w.Core.Do(ctx, call); err != nil {
			return nil, err
		}
		return out, nil
	}
	if call.Lookup != nil {
		p.Look = w.look
	}
	return p, nil
}

// look makes one lookup. Its error never has the outcome of the write.
func (w Write[T]) look(ctx context.Context) (*T, error) {
	var out *T
	call := w.Call(&out)
	if ctx == nil {
		return nil, w.Core.refuse(w.Core.Operation(call.Op), call.Reference, Fields{"context": {"is required"}})
	}
	switch found, err := call.Lookup(ctx, false); {
	case err != nil:
		e := w.Core.noEffect(call.Op, call.Reference, nil, &otherCall{text: "lookup by reference failed", err: err})
		e.Reasons = nil
		if inner := (*sdk.Error)(nil); errors.As(err, &inner) {
			e.StatusCode, e.Code, e.RetryAfter = inner.StatusCode, inner.Code, inner.RetryAfter
			for _, reason := range inner.Reasons {
				if !errors.Is(reason, sdk.ErrNotFound) && !errors.Is(reason, sdk.ErrReferenceTaken) { // a missing route says nothing
					e.Reasons = append(e.Reasons, reason)
				}
			}
		}
		return nil, e
	case found == Same:
		return out, nil
	case found == Different:
		return nil, w.Core.noEffect(call.Op, call.Reference, sdk.ErrReferenceTaken, errTaken)
	}
	return nil, w.Core.Absent(call.Op, call.Reference)
}

// Callback makes the callback URL of a call when the call is sent. Until then
// sdk.PlaceholderURL stands in the body.
type Callback struct {
	Field string // for errors
	Mint  func() (string, error)
}

// encoded checks a call as Do does, and returns its operation and its body.
func (c *Core) encoded(call *Call) (sdk.Operation, []byte, error) {
	r, ok := c.routes[call.Op]
	if !ok {
		return sdk.Operation{}, nil, c.refuse(sdk.Operation{Name: call.Op}, call.Reference, Fields{"operation": {"is not in the operation table"}})
	}
	op := r.op
	op.Class = call.class(op.Class)
	if e := c.refuse(op, call.Reference, call.faults(r.op.Class)); e != nil {
		return op, nil, e
	}
	if _, e := c.url(r, call); e != nil {
		return op, nil, e
	}
	body, e := c.encodeCall(&op, call)
	if e != nil {
		return op, nil, e
	}
	return op, body, nil
}

// encodeCall returns the body of a call, in which a placeholder may stand.
func (c *Core) encodeCall(op *sdk.Operation, call *Call) ([]byte, *sdk.Error) {
	var f Faults
	if f.checkTexts(call); f.Fields != nil {
		return nil, c.refuse(*op, call.Reference, f.Fields)
	}
	body, err := encode(call.Body)
	if err != nil {
		e := c.refuse(*op, call.Reference, Fields{"body": {"cannot be encoded as JSON"}})
		e.Cause = err
		return nil, e
	}
	return body, nil
}

// withCallback puts the callback URL in the place of its placeholder. A body that has
// the placeholder twice is refused: some other field would show the URL.
func (c *Core) withCallback(op *sdk.Operation, body []byte, call *Call) ([]byte, *sdk.Error) {
	const placeholder = `"` + sdk.PlaceholderURL + `"`
	n := bytes.Count(body, []byte(placeholder))
	if n == 0 && call.single {
		return body, nil // prepared without a callback URL
	}
	refuse := func(field, text string) ([]byte, *sdk.Error) {
		e := c.refuse(*op, call.Reference, Fields{field: {text}})
		if call.single {
			e.Reasons = []error{sdk.ErrConfiguration} // the parameters were good when they were prepared
		}
		return nil, e
	}
	switch {
	case call.Callback == nil:
		return refuse("callback", "cannot be made: Config.CallbackURL is not set")
	case n != 1:
		return refuse(call.Callback.Field, "must stand once in the request")
	}
	minted, err := call.Callback.Mint()
	if err != nil {
		return refuse(call.Callback.Field, "cannot be made: "+err.Error())
	}
	var f Faults
	f.RequireURL(call.Callback.Field, minted)
	f.checkText(call.Callback.Field, minted)
	for field, texts := range f.Fields {
		return refuse(field, texts[0])
	}
	text, err := json.Marshal(minted)
	if err != nil {
		return refuse(call.Callback.Field, "cannot be encoded as JSON")
	}
	return bytes.Replace(body, []byte(placeholder), text, 1), nil
}
