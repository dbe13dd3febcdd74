package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/shopspring/decimal"
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
	// Named, if set, reports that a result names the caller's reference. Any other result
	// may be that of another request: Do looks for the write before it believes it.
	Named func(*T) bool
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

// Comparison answers whether a payment that the provider shows is the one that a
// call asks for. A field that only one side shows says nothing. A field that both
// sides show and that differs makes it another payment. An amount that is shown
// and cannot be read makes the question unanswerable.
type Comparison struct {
	different, unreadable string // the first such field
}

// Text compares two texts after trimming.
func (c *Comparison) Text(field, asked, shown string) {
	asked, shown = strings.TrimSpace(asked), strings.TrimSpace(shown)
	if asked != "" && shown != "" && asked != shown {
		c.differs(field)
	}
}

// Fold compares two texts whatever their case: codes of currencies and countries.
func (c *Comparison) Fold(field, asked, shown string) {
	if !strings.EqualFold(asked, shown) {
		c.Text(field, strings.ToUpper(asked), strings.ToUpper(shown))
	}
}

// Amount compares amounts by value. present says that the response has the field,
// readable or not.
func (c *Comparison) Amount(field string, asked decimal.Decimal, shown decimal.NullDecimal, present bool) {
	switch {
	case shown.Valid && !shown.Decimal.Equal(asked):
		c.differs(field)
	case !shown.Valid && present && c.unreadable == "":
		c.unreadable = field
	}
}

// Phone compares phone numbers. The shown one may be in national form. A masked
// one is compared by its two ends.
func (c *Comparison) Phone(field, asked, shown string) {
	a, b := bare(asked), bare(shown)
	if a == "" || b == "" || strings.IndexFunc(a, notDigit) >= 0 {
		return
	}
	front, back, masked := ends(b, notDigit)
	switch {
	case masked && strings.HasSuffix(a, back) && hasFront(a, front):
	case !masked && (strings.HasSuffix(a, b) || strings.HasSuffix(b, a)):
	default:
		c.differs(field)
	}
}

// hasFront reports a number that begins with front once the country code of either
// is left away.
func hasFront(number, front string) bool {
	const longestCode = 3
	for i := range longestCode + 1 {
		if i < len(number) && strings.HasPrefix(number[i:], front) || i < len(front) && strings.HasPrefix(number, front[i:]) {
			return true
		}
	}
	return front == ""
}

// Account compares account numbers, which may be shown as numbers and have lost
// their leading zeros. A masked one is compared by its two ends.
func (c *Comparison) Account(field, asked, shown string) {
	a, b := bare(strings.ToUpper(asked)), bare(strings.ToUpper(shown))
	if a == "" || !strings.ContainsAny(b, "0123456789") {
		return // a shown "N/A" says nothing
	}
	b = strings.ReplaceAll(strings.ReplaceAll(b, "XX", "**"), "*X", "**")
	front, back, masked := ends(b, func(r rune) bool { return notDigit(r) && !unicode.IsLetter(r) })
	if masked && (!strings.HasPrefix(a, front) || !strings.HasSuffix(a, back)) || !masked && a != b {
		c.differs(field)
	}
}

// ends returns what a masked number shows before and behind its mask.
func ends(shown string, mask func(rune) bool) (front, back string, masked bool) {
	first, last := strings.IndexFunc(shown, mask), strings.LastIndexFunc(shown, mask)
	if first < 0 {
		return "", "", false
	}
	_, size := utf8.DecodeRuneInString(shown[last:])
	return shown[:first], shown[last+size:], true
}

// bare strips a number of what does not tell two of them apart.
func bare(number string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune { // mostly without allocating
		switch r {
		case '+', ' ', '-', '(', ')', '.':
			return -1
		}
		return r
	}, number), "0")
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

func (c *Comparison) differs(field string) {
	if c.different == "" {
		c.different = field
	}
}

// Finding is Same, Different, or an error when it cannot be told.
func (c *Comparison) Finding() (Finding, error) {
	switch {
	case c.different != "":
		return Different, nil
	case c.unreadable != "":
		return Absent, &wrapped{text: "the " + c.unreadable + " shown cannot be read", err: errUnreadable}
	}
	return Same, nil
}

// Direct is the comparison of a direct response, which must be about the payment
// that was asked for: anything else settles nothing.
func (c *Comparison) Direct() error {
	found, err := c.Finding()
	if found == Different {
		return &wrapped{text: "response about another payment: " + c.different, err: errOther}
	}
	return err
}
