package transport

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Fields maps a dotted field name to what is wrong with the field.
type Fields map[string][]string

// Add adds a message about a field.
func (f Fields) Add(field, message string) { f[field] = append(f[field], message) }

// Names returns the field names in order.
func (f Fields) Names() []string { return slices.Sorted(maps.Keys(f)) }

// Faults collects what is wrong with parameters, all of it at once. The zero
// value has found nothing.
type Faults struct {
	Fields Fields
	depth  int // of checkValue
}

// Add adds a message about a field.
func (f *Faults) Add(field, message string) {
	if f.Fields == nil {
		f.Fields = Fields{}
	}
	f.Fields.Add(field, message)
}

// Require adds a message when a value is blank.
func (f *Faults) Require(field, value string) {
	if strings.TrimSpace(value) == "" {
		f.Add(field, "is required")
	}
}

// RequireSegment adds a message when a value cannot stand as one segment of a path.
func (f *Faults) RequireSegment(field, value string) {
	if err := CheckSegment(value); err != nil {
		f.Add(field, err.Error())
	}
}

// RequireURL adds a message when a value is no absolute http or https URL.
func (f *Faults) RequireURL(field, value string) {
	switch {
	case strings.TrimSpace(value) == "":
		f.Add(field, "is required")
	case !absolute(value):
		f.Add(field, "must be an absolute http or https URL")
	}
}

// RequireReference adds a message when a reference is missing, or when a provider
// might not give it back as it was: two references that differ by white space at
// their ends are one to many servers.
func (f *Faults) RequireReference(field, value string) {
	if value == "" {
		f.Add(field, "is required")
		return
	}
	f.CheckReference(field, value)
}

// CheckReference is RequireReference for a reference that may be left out.
func (f *Faults) CheckReference(field, value string) {
	if fault := referenceFault(value); fault != nil {
		f.Add(field, fault.Error())
	}
}

func referenceFault(value string) error {
	switch {
	case !utf8.ValidString(value):
		return errNoUTF8
	case strings.TrimFunc(value, blank) != value, strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errEdges
	}
	return nil
}

// blank is what JavaScript or a person does not see: white space, and three characters of no
// width. A provider may trim them.
func blank(r rune) bool {
	return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' || r == '\u2060'
}

const (
	errNoUTF8 = problem("must be valid UTF-8")
	errEdges  = problem("must hold no control character and no white space at its ends")
)

// MintURL makes the callback URL of a write. Clients take one in their Config.
type MintURL = func(reference string, amount decimal.Decimal, currency string) (string, error)

// CallbackURL returns the callback URL of a write: the given one, or else the
// placeholder of a URL that mint makes when the write is sent. It adds a message when
// there is neither, or no valid URL.
func (f *Faults) CallbackURL(field, given string, mint MintURL, reference string, amount decimal.Decimal, currency string) (string, *Callback) {
	if given == "" && mint != nil {
		return sdk.PlaceholderURL, &Callback{field, func() (string, error) { return mint(reference, amount, currency) }}
	}
	if strings.TrimSpace(given) == "" {
		f.Add(field, "is required: set it, or Config.CallbackURL")
		return given, nil
	}
	f.RequireURL(field, given)
	return given, nil
}

// Invalid refuses parameters before the network is touched. It returns nil when
// there is no fault.
func (c *Core) Invalid(op, reference string, fields Fields) error {
	if len(fields) == 0 {
		return nil
	}
	return c.refuse(c.Operation(op), reference, fields)
}

// InvalidCall is Invalid for parameters of which a call is made already. With a fault it
// looks for values that cannot stand in the path and for texts that are no valid UTF-8, too,
// so that all faults show at once.
func (c *Core) InvalidCall(call Call, fields Fields) error {
	if len(fields) == 0 {
		return nil // Do looks
	}
	return c.refuse(c.Operation(call.Op), call.Reference, c.withOtherFaults(call, fields))
}

// withOtherFaults adds what else is wrong with a call to fields that have faults: values that
// cannot stand in the path, and texts that are no valid UTF-8.
func (c *Core) withOtherFaults(call Call, fields Fields) Fields {
	var params []string
	if r := c.routes[call.Op]; r != nil {
		params = r.params
	}
	for i, name := range params[:min(len(params), len(call.Path))] {
		if fault := CheckSegment(call.Path[i]); fault != nil && fields[name] == nil {
			fields.Add(name, fault.Error())
		}
	}
	var f Faults
	f.checkTexts(&call, nil) // encoding would write out an amount with a huge exponent
	for field, texts := range f.Fields {
		if field != "reference" && !slices.Contains(fields[field], string(errNoUTF8)) {
			fields[field] = append(fields[field], texts...)
		}
	}
	return fields
}

func (c *Core) refuse(op sdk.Operation, reference string, fields Fields) *sdk.Error {
	if len(fields) == 0 {
		return nil
	}
	return &sdk.Error{
		Provider: c.cfg.Provider, Operation: op.Name, Class: op.Class, Outcome: sdk.NotSent,
		Reference: reference, Fields: fields, Reasons: []error{sdk.ErrValidation},
	}
}

func absolute(value string) bool {
	rest, ok := strings.CutPrefix(value, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(value, "http://")
	}
	host, _, _ := strings.Cut(rest, "/")
	if ok && host != "" && strings.IndexFunc(host, unusual) < 0 && strings.IndexFunc(value, unprintable) < 0 {
		return true // the usual case, without allocating
	}
	u, err := url.Parse(value)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// repeatsRequest names the headers at which net/http takes a request to be
// repeatable and sends it again by itself when a pooled connection breaks.
func repeatsRequest(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return name == "Idempotency-Key" || name == "X-Idempotency-Key"
}

// checkHeader finds what net/http would refuse before any trace of an attempt
// shows: a secret with a line end, say.
func (c *Core) checkHeader(h http.Header) error {
	for name, values := range h {
		if len(values) == 1 && (&values[0] == &jsonType[0] || &values[0] == &c.userAgent[0]) {
			continue // ours, checked by New
		}
		if !sendable(name, values) {
			return errHeader
		}
	}
	return nil
}

func sendable(name string, values []string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		case strings.IndexByte("!#$%&'*+.^_`|~", c) < 0:
			return false
		}
	}
	for _, v := range values {
		if !validHeaderValue(v) {
			return false
		}
	}
	return true
}

func validHeaderValue(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func unusual(r rune) bool {
	return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
}

// unprintable also finds the percent sign, whose use only a parser can judge.
func unprintable(r rune) bool { return r <= ' ' || r > '~' || r == '%' }

// checkTexts refuses a text that is no valid UTF-8, wherever it stands in a call.
// encoding/json replaces the odd bytes, so that two references become one. A body in
// which nothing was replaced, as nearly all are, is not searched. body is nil when it could
// not be encoded. CheckSegment looks at the path.
func (f *Faults) checkTexts(call *Call, body []byte) {
	f.checkQuery(call.Query)
	switch {
	case call.Body == nil || body != nil && !replaced(body):
	case isBytes(call.Body):
		if !utf8.Valid(body) {
			f.Add("body", string(errNoUTF8))
		}
	default:
		before := len(f.Fields)
		v := reflect.ValueOf(call.Body)
		f.checkValue("", v)
		if len(f.Fields) == before && body != nil && (!utf8.Valid(body) || !holdsReplacement(v, map[visit]bool{})) {
			f.Add("body", string(errNoUTF8)) // a MarshalJSON or a MarshalText wrote it
		}
	}
	if f.Fields == nil { // the reference mostly stands in the path or in the body, too
		f.checkText("reference", call.Reference)
	}
}

func isBytes(body any) bool {
	_, is := body.([]byte)
	return is
}

// replaced reports a body in which a replacement stands, perhaps the caller's own, or
// bytes that a MarshalJSON let through.
func replaced(body []byte) bool {
	return bytes.Contains(body, []byte(`\ufffd`)) || bytes.Contains(body, []byte("\ufffd")) || !utf8.Valid(body)
}

// visit is a place that holdsReplacement has seen.
type visit struct {
	at  uintptr
	len int
	of  reflect.Type
}

// holdsReplacement reports a value of the caller's that holds U+FFFD itself, in a text,
// in bytes or in JSON. It looks into unexported fields, because a MarshalJSON may.
func holdsReplacement(v reflect.Value, seen map[visit]bool) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		at := visit{v.Pointer(), 0, v.Type()}
		if v.Kind() == reflect.Slice {
			at.len = v.Len()
		}
		if v.IsNil() || seen[at] {
			return false
		}
		seen[at] = true
	default:
	}
	switch v.Kind() {
	case reflect.String:
		text := v.String()
		return strings.Contains(text, "\ufffd") || strings.Contains(strings.ToLower(text), `\ufffd`)
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && holdsReplacement(v.Elem(), seen)
	case reflect.Struct:
		for i := range v.NumField() {
			if holdsReplacement(v.Field(i), seen) {
				return true
			}
		}
	case reflect.Map:
		for entry := v.MapRange(); entry.Next(); {
			if holdsReplacement(entry.Key(), seen) || holdsReplacement(entry.Value(), seen) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return bytes.Contains(v.Bytes(), []byte("\ufffd")) || bytes.Contains(bytes.ToLower(v.Bytes()), []byte(`\ufffd`))
		}
		for i := range v.Len() {
			if holdsReplacement(v.Index(i), seen) {
				return true
			}
		}
	default:
	}
	return false
}

// CheckTexts does the same for a value that stands in a body in a way which only its
// own MarshalJSON knows.
func (f *Faults) CheckTexts(field string, value any) {
	f.checkValue("."+field, reflect.ValueOf(value))
}

func (f *Faults) checkQuery(query url.Values) {
	for name, values := range query {
		for _, v := range values {
			f.checkText(name, v)
		}
	}
}

func (f *Faults) checkText(field, text string) {
	if !utf8.ValidString(text) {
		f.Add(strings.ToValidUTF8(field, "?"), string(errNoUTF8))
	}
}

// checkValue walks what encoding/json would write. It leaves alone what lies deeper than
// any body that a provider reads: a value may hold itself, and encoding/json says so.
func (f *Faults) checkValue(path string, v reflect.Value) {
	if f.depth++; f.depth > 10_000 {
		return
	}
	defer func() { f.depth-- }()
	if v.IsValid() && v.Kind() != reflect.Interface && v.CanInterface() {
		_, inJSON := v.Interface().(json.Marshaler)
		if m, inText := v.Interface().(encoding.TextMarshaler); inText && !inJSON && (v.Kind() != reflect.Pointer || !v.IsNil()) {
			if text, err := m.MarshalText(); err == nil {
				f.checkText(cmp.Or(strings.TrimPrefix(path, "."), "body"), string(text))
			}
			return
		}
	}
	switch v.Kind() {
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			f.checkText(strings.TrimPrefix(path, "."), v.String())
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			f.checkValue(path, v.Elem())
		}
	case reflect.Struct:
		t := v.Type()
		for i := range t.NumField() {
			if field := t.Field(i); field.IsExported() {
				f.checkField(path, field, v.Field(i))
			}
		}
	case reflect.Map:
		for entry := v.MapRange(); entry.Next(); {
			name := path
			if key := entry.Key(); key.Kind() == reflect.String {
				f.checkText(strings.TrimPrefix(path+"."+key.String(), "."), key.String())
				name = path + "." + key.String()
			}
			f.checkValue(name, entry.Value())
		}
	case reflect.Slice, reflect.Array:
		if v.Type() == reflect.TypeFor[json.RawMessage]() && !utf8.Valid(v.Bytes()) {
			f.Add(cmp.Or(strings.TrimPrefix(path, "."), "body"), string(errNoUTF8))
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return // JSON already, or base64
		}
		for i := range v.Len() {
			f.checkValue(path, v.Index(i))
		}
	}
}

// checkField builds a name only for a field that can hold a text.
func (f *Faults) checkField(path string, field reflect.StructField, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if utf8.ValidString(v.String()) {
			return
		}
	case reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Map, reflect.Slice, reflect.Array:
	default:
		return
	}
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	switch {
	case name == "-":
		return
	case field.Anonymous && name == "":
		f.checkValue(path, v)
		return
	case name == "":
		name = field.Name
	}
	if v.Kind() == reflect.String {
		f.checkText(strings.TrimPrefix(path+"."+name, "."), v.String())
		return
	}
	f.checkValue(path+"."+name, v)
}

// Comparison says whether a payment that the provider shows is the one that a
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
		c.Differs(field)
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
		c.Differs(field)
	case !shown.Valid && present:
		c.Unreadable(field)
	}
}

// Phone compares phone numbers as wire.ReadPhone reads them, so asked may be as a person
// wrote it. Either may be in national form. A masked one is compared by its two ends. A
// text without a digit, or with zeros only, shows nothing. What is no number, and a mere
// part of one, cannot be compared.
func (c *Comparison) Phone(field, asked, shown string) {
	if asked == "" || asked == shown || !strings.ContainsFunc(shown, unicode.IsNumber) {
		return
	}
	sent, ok := wire.ReadPhone(asked)
	seen, readable := wire.ReadPhone(shown)
	a, b := strings.TrimLeft(sent.Front, "0"), strings.TrimLeft(seen.Front, "0")
	code, x := sent.Split()
	shownCode, y := seen.Split()
	abroad := sent.Foreign && seen.Foreign
	switch {
	case !ok || !readable || sent.Masked || a == "":
		c.Unreadable(field)
	case seen.Masked && !strings.HasSuffix(a, seen.Back):
		c.Differs(field)
	case seen.Masked:
		n := wire.CountryCode(b) // if what is shown in front has one
		switch national := code == "" && strings.HasPrefix(seen.Front, b); {
		case strings.HasPrefix(a, b), !abroad && strings.HasPrefix(x, b), national && n < len(b) && strings.HasPrefix(x, b[n:]):
		case national && n == len(b):
			c.Unreadable(field)
		default:
			c.Differs(field)
		}
	case b == "", x == y && (code == shownCode || code == "" || shownCode == ""):
	case code != shownCode && (abroad || len(a) == len(b)):
		c.Differs(field)
	case partOf(x, y), partOf(y, x), partOf(a, b), partOf(b, a):
		c.Unreadable(field)
	default:
		c.Differs(field)
	}
}

// partOf reports digits of which a number may have been cut off.
func partOf(number, digits string) bool {
	return strings.HasPrefix(number, digits) || strings.HasSuffix(number, digits)
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
		c.Differs(field)
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
		if r > unicode.MaxASCII && (unicode.IsSpace(r) || unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cf)) {
			return -1
		}
		return r
	}, number), "0")
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

// Differs says that a field differs.
func (c *Comparison) Differs(field string) {
	if c.different == "" {
		c.different = field
	}
}

// Unreadable says that a field is shown and cannot be read.
func (c *Comparison) Unreadable(field string) {
	if c.unreadable == "" {
		c.unreadable = field
	}
}

// Finding is Same, Different, or Doubtful with an error when it cannot be told.
func (c *Comparison) Finding() (Finding, error) {
	switch {
	case c.different != "":
		return Different, nil
	case c.unreadable != "":
		return Doubtful, &wrapped{text: "the " + c.unreadable + " shown cannot be read", err: errUnreadable}
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
