package kapitentest

import (
	"fmt"
	"math"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
)

// fields reads the fields of a body as the framework's serializers do and
// collects all faults, in the order the fields are read in.
type fields struct {
	json   map[string]any // a JSON object
	form   url.Values     // or a form
	prefix string         // of nested fields in a form: "sender."
	faults object         // messages by field; nested for a nested field
}

// read checks the body's shape.
func (c *call) read() (*fields, *answer) {
	if c.broken != nil {
		return nil, c.broken
	}
	if c.content.form != nil {
		return &fields{form: c.content.form}, nil
	}
	if c.content.json == nil {
		return nil, invalid(object{{nonField, []string{"No data provided"}}})
	}
	in, ok := c.content.json.(map[string]any)
	if !ok {
		return nil, invalid(object{noDictionary(c.content.json)})
	}
	return &fields{json: in}, nil
}

const (
	nonField = "non_field_errors"
	required = "This field is required."
	notNull  = "This field may not be null."
	noNumber = "A valid number is required."
	tooLong  = "String value too large."
)

func noDictionary(v any) member {
	return member{nonField, []string{"Invalid data. Expected a dictionary, but got " + typeName(v) + "."}}
}

func invalid(faults object) *answer { return &answer{status: http.StatusBadRequest, body: faults} }

// invalid is the answer when a field was wrong, else nil.
func (f *fields) invalid() *answer {
	if len(f.faults) == 0 {
		return nil
	}
	return invalid(f.faults)
}

func (f *fields) fail(field string, messages ...string) {
	f.faults = append(f.faults, member{field, messages})
}

// failed reports whether something is wrong with a field already.
func (f *fields) failed(field string) bool {
	for _, one := range f.faults {
		if one.key == field {
			return true
		}
	}
	return false
}

// need says what a field that is left out or null means.
type need int

const (
	needed   need = iota // left out or null is an error
	optional             // may be left out, not null
	nullable             // may be both
)

// get returns a field's value; ok is false when there is nothing to look at,
// which is an error already where it is one.
func (f *fields) get(field string, n need) (v any, ok bool) {
	if f.form != nil {
		values := f.form[f.prefix+field]
		if len(values) > 0 && (values[len(values)-1] != "" || n == needed) {
			return values[len(values)-1], true
		}
	} else if v, ok = f.json[field]; ok {
		if v == nil {
			if n != nullable {
				f.fail(field, notNull)
			}
			return nil, false
		}
		return v, true
	}
	if n == needed {
		f.fail(field, required)
	}
	return nil, false
}

const (
	textLength = 255  // of most texts (assumed)
	noteLength = 1000 // of instructions and descriptions (assumed)
)

// text reads a CharField. Numbers become text, white space around it goes.
// What need not be given may be blank.
func (f *fields) text(field string, n need, length int) string {
	v, ok := f.get(field, n)
	if !ok {
		return ""
	}
	switch v.(type) {
	case string, number:
	default:
		f.fail(field, "Not a valid string.")
		return ""
	}
	s := strings.TrimSpace(str(v))
	var messages []string
	if s == "" && n == needed {
		messages = append(messages, "This field may not be blank.")
	}
	if utf8.RuneCountInString(s) > length {
		messages = append(messages, fmt.Sprintf("Ensure this field has no more than %d characters.", length))
	}
	if strings.Contains(s, "\x00") {
		messages = append(messages, "Null characters are not allowed.")
	}
	if r := surrogate(s); r != 0 {
		messages = append(messages, fmt.Sprintf("Surrogate characters are not allowed: U+%04X.", r))
	}
	if len(messages) > 0 {
		f.fail(field, messages...)
		return ""
	}
	return s
}

// surrogate finds the first lone surrogate that parseJSON left in a text.
func surrogate(s string) int {
	for i := range len(s) - 2 {
		if s[i] == 0xED && s[i+1] >= 0xA0 {
			return int(s[i]&0x0F)<<12 | int(s[i+1]&0x3F)<<6 | int(s[i+2]&0x3F)
		}
	}
	return 0
}

func (f *fields) email(field string) string {
	s := f.text(field, needed, textLength)
	if s != "" && !validEmail(s) {
		f.fail(field, "Enter a valid email address.")
	}
	return s
}

func (f *fields) url(field string) string {
	s := f.text(field, nullable, noteLength)
	if s != "" && !validURL(s) {
		f.fail(field, "Enter a valid URL.")
	}
	return s
}

// uuid reads a UUIDField and returns its canonical text.
func (f *fields) uuid(field string) string {
	v, ok := f.get(field, needed)
	if !ok {
		return ""
	}
	switch v := v.(type) {
	case string:
		if id, ok := canonicalUUID(v); ok {
			return id
		}
	case number:
		if n, ok := new(big.Int).SetString(string(v), 10); ok && v.isInt() && n.Sign() >= 0 && n.BitLen() <= 128 {
			id, _ := canonicalUUID(fmt.Sprintf("%032x", n))
			return id
		}
	}
	f.fail(field, "Must be a valid UUID.")
	return ""
}

// canonicalUUID accepts what Python's uuid.UUID does: with or without dashes,
// braces and urn prefix, in either case.
func canonicalUUID(s string) (string, bool) {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "urn:", ""), "uuid:", "")
	s = strings.ToLower(strings.ReplaceAll(strings.Trim(s, "{}"), "-", ""))
	if len(s) != 32 || strings.Trim(s, "0123456789abcdef") != "" {
		return "", false
	}
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], true
}

// maxNumberText bounds a number that comes as text.
const maxNumberText = 1000

var decimalText = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// coordinate reads a FloatField between -limit and limit.
func (f *fields) coordinate(field string, limit float64) float64 {
	v, ok := f.get(field, needed)
	if !ok {
		return 0
	}
	x := 0.0
	switch v := v.(type) {
	case bool: // Python's float(True)
		if v {
			x = 1
		}
	case number:
		x, _ = strconv.ParseFloat(string(v), 64) // out of range is infinite, as in Python
		if math.IsInf(x, 0) && v.isInt() {
			f.fail(field, "Integer value too large to convert to float")
			return 0
		}
	case string:
		if utf8.RuneCountInString(v) > maxNumberText {
			f.fail(field, tooLong)
			return 0
		}
		s := strings.ToLower(strings.TrimSpace(v))
		switch {
		case decimalText.MatchString(s):
			x, _ = strconv.ParseFloat(s, 64)
		case strings.TrimLeft(s, "+-") == "inf" || strings.TrimLeft(s, "+-") == "infinity":
			x, _ = strconv.ParseFloat(s, 64)
		default: // NaN too: it is no place
			f.fail(field, noNumber)
			return 0
		}
	default:
		f.fail(field, noNumber)
		return 0
	}
	switch {
	case x > limit:
		f.fail(field, fmt.Sprintf("Ensure this value is less than or equal to %g.", limit))
	case x < -limit:
		f.fail(field, fmt.Sprintf("Ensure this value is greater than or equal to %g.", -limit))
	}
	return x
}

// francs reads a whole amount above zero, exactly as it stands in the text.
func (f *fields) francs(field string, most decimal.Decimal) decimal.Decimal {
	v, ok := f.get(field, needed)
	if !ok {
		return decimal.Zero
	}
	var text string
	switch v := v.(type) {
	case number:
		text = string(v)
	case string:
		text = strings.TrimSpace(v)
	}
	switch {
	case len(text) > maxNumberText:
		f.fail(field, tooLong)
		return decimal.Zero
	case !decimalText.MatchString(text):
		f.fail(field, noNumber)
		return decimal.Zero
	case !decodable(text):
		f.fail(field, "Ensure that there are no more than 18 digits in total.")
		return decimal.Zero
	}
	d, err := decimal.NewFromString(text)
	switch {
	case err != nil:
		f.fail(field, noNumber)
	case !d.IsInteger():
		f.fail(field, "Ensure that there are no more than 0 decimal places.")
	case d.GreaterThan(most):
		f.fail(field, "Ensure this value is less than or equal to "+plain(most)+".")
	case d.LessThan(decimal.NewFromInt(1)):
		f.fail(field, "Ensure this value is greater than or equal to 1.")
	}
	return d
}

// decodable keeps long numbers and large exponents away from the decimal
// library, which would work hard on them.
func decodable(text string) bool {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	e, err := strconv.Atoi(exponent)
	return len(mantissa) <= 40 && (exponent == "" || err == nil && e >= -18 && e <= 18)
}

// truth reads a BooleanField that may be left out.
func (f *fields) truth(field string) bool {
	v, ok := f.get(field, optional)
	if !ok {
		return false
	}
	if n, isNumber := v.(number); isNumber {
		v = strings.TrimSuffix(str(n), ".0")
	}
	if t, isBool := v.(bool); isBool {
		return t
	}
	if s, isText := v.(string); isText {
		switch strings.ToLower(s) {
		case "t", "y", "yes", "true", "on", "1":
			return true
		case "f", "n", "no", "false", "off", "0":
			return false
		}
	}
	f.fail(field, "Must be a valid boolean.")
	return false
}

// weight reads the ChoiceField weight_range.
func (f *fields) weight(field string) kapiten.WeightRange {
	v, ok := f.get(field, nullable)
	if !ok {
		return ""
	}
	for _, w := range weights {
		if v == string(w) {
			return w
		}
	}
	f.fail(field, fmt.Sprintf(`"%s" is not a valid choice.`, str(v)))
	return ""
}

// party reads a nested object with a name and a phone.
func (f *fields) party(field string) Party {
	inner := &fields{}
	if f.form != nil {
		inner.form, inner.prefix = f.form, f.prefix+field+"."
		if !hasPrefix(f.form, inner.prefix) {
			f.fail(field, required)
			return Party{}
		}
	} else {
		v, ok := f.get(field, needed)
		if !ok {
			return Party{}
		}
		if inner.json, ok = v.(map[string]any); !ok {
			f.faults = append(f.faults, member{field, object{noDictionary(v)}})
			return Party{}
		}
	}
	p := Party{Name: inner.text("name", needed, textLength), Phone: inner.text("phone", needed, textLength)}
	if len(inner.faults) > 0 {
		f.faults = append(f.faults, member{field, inner.faults})
	}
	return p
}

func hasPrefix(form url.Values, prefix string) bool {
	for field := range form {
		if strings.HasPrefix(field, prefix) {
			return true
		}
	}
	return false
}
