package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
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

	// Decode reads a good response; an error makes the outcome Unknown. nil
	// accepts any. It may keep the response's Body.
	Decode func(*Response) error
	// Lookup looks once for the result of the write by the caller's reference, and
	// keeps it when it is the Same. existing says that no attempt of this call can
	// have made it. An error means that nothing can be told.
	Lookup func(ctx context.Context, existing bool) (Finding, error)
	// LookFirst looks before the first attempt as well.
	LookFirst bool
	// Searched has an operation of class Once count as Searched. Who sets it
	// takes responsibility for the limits of Lookup.
	Searched bool
	// Identity tells calls with the same reference apart: equal ones share one
	// flight, others follow each other. Empty: the body, before Callback has changed it.
	Identity string
	// Scope is what a reference belongs to: in another scope it names something else.
	// Empty: the operation.
	Scope string
	// References, if set, are what the call is about, in place of Reference: calls that have
	// one of them in common follow each other.
	References []string
	// Doubts reports a refusal that the very payment asked for may be the reason of: an
	// earlier call, before a crash say, has made it. LookRefused, or else Lookup, looks for
	// it then until it is absent for three seconds. Without both nobody can tell, and the
	// outcome is unknown.
	Doubts      func(*sdk.Error) bool
	LookRefused func(ctx context.Context, existing bool) (Finding, error)
	// Callback, if set, makes the callback URL when the call is sent.
	Callback *Callback

	single bool // one attempt, of a body that Prepare has made
}

// Callback makes the callback URL of a call when the call is sent. Until then
// sdk.PlaceholderURL stands in the body.
type Callback struct {
	Field string // for errors
	Mint  func() (string, error)
}

func (call *Call) class(of sdk.Class) sdk.Class {
	switch {
	case call.Searched && of == sdk.Once:
		return sdk.Searched
	case of == sdk.Referenced && call.Lookup == nil && call.LookRefused == nil && !call.single:
		return sdk.Once // nothing can be looked up
	}
	return of
}

// Response is a complete response.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Reference is the call's own, so that Interpret can tell a response to another
	// request from one to this.
	Reference string
	// Sent is the body of the request, for the same purpose. Interpret must not keep it.
	Sent []byte
	// Parsed is free for Interpret, so that Decode need not read the body again.
	Parsed any
}

// Lost reports an HTTP status that leaves open whether the work was done.
func Lost(status int) bool { return status >= 500 || status == http.StatusRequestTimeout }

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
	e := c.do(ctx, &call)
	if e != nil && call.Doubts != nil {
		e = settleRefusal(ctx, e, &call)
	}
	if e == nil {
		return nil
	}
	if call.Key != "" { // no flight of calls shares this error
		e.IdempotencyKey = call.Key // even when nothing was sent
	}
	return e
}

func (c *Core) do(ctx context.Context, call *Call) *sdk.Error {
	r, ok := c.routes[call.Op]
	if ctx == nil {
		return c.refuse(c.Operation(call.Op), call.Reference, Fields{"context": {"is required"}})
	}
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
	return c.carryOut(ctx, &r.op, u, call)
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

// path returns a value of the path, or nothing.
func (call *Call) path(i int) string {
	if i < len(call.Path) {
		return call.Path[i]
	}
	return ""
}

func (c *Core) url(r *route, call *Call) (*url.URL, *sdk.Error) {
	u := r.url
	if u == nil {
		escaped, fault := r.tmpl.expand(func(name string) string {
			for i, p := range r.params {
				if p == name {
					return call.path(i)
				}
			}
			return ""
		})
		if fault != nil {
			return nil, c.refuse(r.op, call.Reference, c.withOtherFaults(*call, Fields{fault.name: {fault.reason}}))
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

// carryOut encodes the body and sends the call, alone or together with others that
// have the same reference.
func (c *Core) carryOut(ctx context.Context, op *sdk.Operation, u *url.URL, call *Call) *sdk.Error {
	body, e := c.encodeCall(op, call)
	if e != nil {
		return e
	}
	if call.Callback != nil || call.single {
		if call.Identity == "" {
			call.Identity = string(body)
		}
		if body, e = c.withCallback(op, body, call); e != nil {
			return e
		}
	}
	switch {
	case op.Class == sdk.Safe && !op.Open: // a login is nobody else's
		return c.read(ctx, op, u, body, call)
	case call.Lookup != nil && call.Reference != "":
		return c.share(ctx, op, u, body, call)
	}
	e, _ = c.run(ctx, op, u, body, call, history{})
	return e
}

// run sends a call and settles what fails. A call that is open already is settled only.
func (c *Core) run(ctx context.Context, op *sdk.Operation, u *url.URL, body []byte, call *Call, h history) (failed *sdk.Error, open bool) {
	class := call.class(op.Class)
	switch {
	case h.open:
	case h.behind:
		if settled, e := c.lookBehind(ctx, op, class, call); settled {
			return e, e != nil && e.Outcome == sdk.Unknown
		}
	case call.LookFirst:
		if found, e := c.lookBefore(ctx, op, class, call); found || e != nil {
			return e, false
		}
	}
	var f failure
	if h.open {
		f.err = c.unknown(op, class, call)
	} else if h, f = c.send(ctx, op, u, body, call, h); f.err == nil {
		return nil, false
	}
	if call.Lookup == nil || class != sdk.Referenced && class != sdk.Searched {
		return f.err, h.open
	}
	return c.settle(ctx, op, u, body, call, h, f)
}

// Write is a write of a resource before it is carried out: by Do, which repeats and
// looks up as its class allows, or in the steps of an sdk.Prepared. Both share the
// checks, the request, the decoding and the comparison.
type Write[T any] struct {
	Core *Core
	// Err is what is wrong with the parameters.
	Err error
	// Call makes the call. Its Decode and Lookup keep what they find in *out.
	Call func(out **T) Call
	// Named, if set, reports that a result names the caller's reference. Any other result
	// may be that of another request: Do looks for the write before it believes it.
	Named func(*T) bool
	// Doubts, if set, reports a refusal of Send that the very payment may be the reason
	// of: Send does not look, so that the outcome is unknown.
	Doubts func(*sdk.Error) bool
}

// Do carries the write out.
func (w Write[T]) Do(ctx context.Context) (*T, error) {
	if w.Err != nil {
		return nil, w.Err
	}
	var out *T
	call := w.Call(&out)
	if err := w.Core.Do(ctx, call); err != nil {
		return nil, err
	}
	if w.Named == nil || call.Lookup == nil || w.Named(out) {
		return out, nil
	}
	op := w.Core.Operation(call.Op)
	e := w.Core.unknown(&op, op.Class, &call)
	switch found, err := lookRepeatedly(ctx, call.Lookup, false); {
	case err != nil:
		return nil, stayUnknown(ctx, e, &otherCall{text: "lookup by reference failed", err: err})
	case found == Different:
		return nil, taken(e, false)
	case found == Absent:
		return nil, stayUnknown(ctx, e, errUnnamed)
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
		call.Body, call.Lookup, call.LookFirst, call.Doubts, call.LookRefused, call.single = body, nil, false, w.Doubts, nil, true
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
	switch found, err := lookOnce(ctx, call.Lookup, false); {
	case err != nil:
		e := w.Core.noEffect(call.Op, call.Reference, nil, &otherCall{text: "lookup by reference failed", err: err})
		e.Reasons = nil
		if inner := (*sdk.Error)(nil); errors.As(err, &inner) {
			e.StatusCode, e.Code, e.RetryAfter = inner.StatusCode, inner.Code, inner.RetryAfter
			for _, reason := range inner.Reasons {
				if !errors.Is(reason, sdk.ErrNotFound) && !errors.Is(reason, sdk.ErrReferenceTaken) { // of another object
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
	body, err := encode(call.Body)
	var f Faults
	if f.checkTexts(call, body); f.Fields != nil {
		return nil, c.refuse(*op, call.Reference, f.Fields)
	}
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
	if ctx == nil {
		fields.Add("context", "is required")
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
	switch e := c.carryOut(ctx, &op, u, &call); {
	case e == nil:
		return nil
	case class == sdk.Safe:
		return e
	default:
		return settleRefusal(ctx, e, &Call{Doubts: Duplicated})
	}
}

// Verdict is what a provider's response means. The zero value is Unclear.
type Verdict struct {
	Kind    Kind
	Code    string
	Message string
	Fields  Fields
	Reasons []error // sentinels of package sdk
	// RetryAfter is a wait the body asks for, where the header gives none.
	RetryAfter time.Duration
	// Detail is what the refusal says besides, in the provider's own terms. It
	// becomes Detail of the *sdk.Error.
	Detail any
}

// Kind sorts responses by what they say about the work.
type Kind uint8

const (
	// Unclear: not the provider's own words, or words which leave open whether
	// the work was done (5xx, HTML, an empty error).
	Unclear Kind = iota
	// Accepted: the provider did it.
	Accepted
	// Refused: the provider says, in its own words, that it did not do it.
	Refused
	// Throttled: refused before any work; the same request may be sent again.
	Throttled
	// Expired: the token was refused before any work.
	Expired
	// Duplicate: the reference exists already, or the refusal cannot be told
	// from that. It settles nothing about an earlier request of the same call.
	Duplicate
	// InProgress: a request with the same idempotency key is still being worked
	// on. Its outcome is open, and the same key may ask again.
	InProgress
)
