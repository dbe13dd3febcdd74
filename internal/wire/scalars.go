// Package wire reads and writes the scalars which providers put on the wire in
// more than one form: numbers as strings, strings as numbers, null for absent,
// decimals as number, integer or fixed-point string, timestamps in several
// spellings. Reading is lenient in form and strict in size, because callback
// bodies come from strangers; writing has exactly one form per field.
package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/shopspring/decimal"
)

var (
	errNotScalar = errors.New("neither a string nor a number")
	errNotInt    = errors.New("not a whole number")
	errNotBool   = errors.New("not a boolean")
)

// scalar returns the text of a JSON string, trimmed, or number; empty for null.
func scalar(data []byte) (string, error) {
	if len(data) == 0 {
		return "", errNotScalar
	}
	switch c := data[0]; {
	case string(data) == "null":
		return "", nil
	case c == '"' && len(data) > 1:
		if plain := data[1 : len(data)-1]; !escaped(plain) {
			return strings.TrimSpace(string(plain)), nil
		}
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return "", errNotScalar
		}
		return strings.TrimSpace(s), nil
	case c == '-' || '0' <= c && c <= '9':
		return string(data), nil
	}
	return "", errNotScalar
}

// escaped reports whether a quoted text needs JSON's unescaping.
func escaped(b []byte) bool {
	for _, c := range b {
		if c == '\\' || c >= 0x80 {
			return true
		}
	}
	return false
}

// Text decodes a string, a number or null into a string.
type Text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err == nil {
		*t = Text(text)
	}
	return err
}

// OptionalText is a Text that remembers whether its key was there at all, null
// or not.
type OptionalText struct {
	Text    string
	Present bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *OptionalText) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err == nil {
		*t = OptionalText{Text: text, Present: true}
	}
	return err
}

// Int decodes a whole number, a numeric string or null. Leading zeros of a
// string are taken ("01" is 1).
type Int struct {
	Int   int64
	Valid bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *Int) UnmarshalJSON(data []byte) error {
	*i = Int{}
	text, err := scalar(data)
	if err != nil || text == "" {
		return err
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		// 3600.0 is a whole number in Python's spelling.
		d, derr := ParseDecimal(text)
		if derr != nil || !d.IsInteger() || !d.BigInt().IsInt64() {
			return errNotInt
		}
		value = d.BigInt().Int64()
	}
	*i = Int{Int: value, Valid: true}
	return nil
}

// Bool decodes true, false, 1, 0, their strings, or null.
type Bool struct {
	Bool  bool
	Valid bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bool) UnmarshalJSON(data []byte) error {
	*b = Bool{}
	text := string(data)
	if text != "true" && text != "false" {
		var err error
		if text, err = scalar(data); err != nil {
			return err
		}
	}
	switch strings.ToLower(text) {
	case "":
		return nil
	case "true", "1":
		*b = Bool{Bool: true, Valid: true}
	case "false", "0":
		*b = Bool{Valid: true}
	default:
		return errNotBool
	}
	return nil
}

// Side decodes the text of a field that decides nothing: a string, a number or
// null. Any other value counts as absent, so that no such field costs the caller the
// response it came with.
type Side string

// UnmarshalJSON implements json.Unmarshaler.
func (s *Side) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err != nil {
		text = ""
	}
	*s = Side(text)
	return nil
}

// Shown decodes the text of a field that decides. It tells a field that is absent,
// null or empty from one with a value that is no text.
type Shown struct {
	Text       string
	Unreadable bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Shown) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	*s = Shown{Text: text, Unreadable: err != nil}
	return nil
}

// Object decodes a JSON object into a struct whose fields are scalars of this
// package. Any other body is an error.
func Object(body []byte, into any) error {
	if !IsObject(body) {
		return errNotObject
	}
	return json.Unmarshal(body, into)
}

// IsObject reports whether a body's first token opens a JSON object.
func IsObject(body []byte) bool {
	return firstByte(body) == '{'
}

// IsArray reports whether a body's first token opens a JSON array.
func IsArray(body []byte) bool {
	return firstByte(body) == '['
}

// IsEmpty reports JSON that shows nothing, of whatever type: absent, null, false, a
// blank text, an empty list or object. A zero is a number, and shows it.
func IsEmpty(raw json.RawMessage) bool {
	switch strings.Join(strings.Fields(string(raw)), "") {
	case "", "null", "false", `""`, "[]", "{}":
		return true
	}
	return false
}

func firstByte(body []byte) byte {
	for _, c := range body {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

const abbreviated = "2006-01-02 15:04:05 MST"

// layouts are the spellings seen on the wire.
var layouts = [...]string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999-0700",
	"2006-01-02T15:04:05.999999999", // no zone: taken as UTC
	abbreviated,
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04Z07:00",
	"2006-01-02",
}

// Time decodes a timestamp and keeps the text it got. A spelling nobody knows
// leaves the time zero and is no error: a date must not cost the caller the
// response it came with.
type Time struct {
	Time time.Time
	Text string
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err != nil {
		return err
	}
	*t = Time{Time: ParseTime(text), Text: text}
	return nil
}

// ParseTime reads a timestamp in any spelling seen on the wire, or returns the
// zero time.
func ParseTime(text string) time.Time {
	const date = len(time.DateOnly)
	for _, layout := range layouts {
		if (len(text) > date) != (len(layout) > date) || len(text) > date && text[date] != layout[date] {
			continue // Parse would fail and allocate its error
		}
		at, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if layout == abbreviated && !strings.HasSuffix(text, " UTC") && !strings.HasSuffix(text, " GMT") {
			return time.Time{} // Go would take any abbreviation at offset zero
		}
		return at
	}
	return time.Time{}
}

// ExactTime reports that a timestamp which ParseTime reads has seconds and a zone. Any
// other may mean a later moment than the one that ParseTime returns.
func ExactTime(text string) bool {
	const date = len(time.DateOnly)
	if len(text) <= date || strings.Count(text, ":") < 2 || text[date+6] != ':' {
		return false
	}
	clock := text[date:]
	return strings.HasSuffix(clock, "Z") || strings.HasSuffix(clock, " UTC") || strings.HasSuffix(clock, " GMT") || strings.ContainsAny(clock, "+-")
}

// Missing is the decode error of a response without a field that decides what the
// response means. Such a response settles nothing.
type Missing string

func (m Missing) Error() string { return "response without " + string(m) }

// SafeText lets the field's name, which is ours, stand in an error's text.
func (m Missing) SafeText() string { return m.Error() }

// Bounds of a decimal on the wire. Python back ends do print 1e-05, so
// exponents are taken, but small ones only.
const (
	maxDecimalBytes    = 40
	maxDecimalFraction = 18
	maxDecimalExponent = 18
)

var (
	errDecimalForm  = errors.New("not a decimal number")
	errDecimalRange = errors.New("decimal number out of bounds")
)

// ParseDecimal reads a JSON number text: no plus sign, no leading dot, at most
// 40 bytes, 18 fraction digits and an exponent of magnitude 18. The text is
// never part of the error.
func ParseDecimal(text string) (decimal.Decimal, error) {
	if len(text) > maxDecimalBytes {
		return decimal.Decimal{}, errDecimalRange
	}
	rest := strings.TrimPrefix(text, "-")
	negative := len(rest) != len(text)

	whole := digits(rest)
	if whole == 0 || whole > 1 && rest[0] == '0' {
		return decimal.Decimal{}, errDecimalForm
	}
	rest = rest[whole:]

	fraction := 0
	if strings.HasPrefix(rest, ".") {
		fraction = digits(rest[1:])
		if fraction == 0 {
			return decimal.Decimal{}, errDecimalForm
		}
		if fraction > maxDecimalFraction {
			return decimal.Decimal{}, errDecimalRange
		}
		rest = rest[1+fraction:]
	}

	exponent := 0
	if rest != "" {
		if rest[0] != 'e' && rest[0] != 'E' {
			return decimal.Decimal{}, errDecimalForm
		}
		rest = rest[1:]
		sign := 1
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			if rest[0] == '-' {
				sign = -1
			}
			rest = rest[1:]
		}
		if n := digits(rest); n == 0 || n != len(rest) {
			return decimal.Decimal{}, errDecimalForm
		}
		for _, c := range []byte(rest) {
			if exponent = exponent*10 + int(c-'0'); exponent > maxDecimalExponent {
				return decimal.Decimal{}, errDecimalRange
			}
		}
		exponent *= sign
	}

	if whole+fraction > 18 { // beyond int64: the library's own parser
		d, err := decimal.NewFromString(strings.Clone(text)) // so that text may stand on the stack
		if err != nil {
			return decimal.Decimal{}, errDecimalForm
		}
		return d, nil
	}
	var coefficient int64
	start := 0
	if negative {
		start = 1
	}
	for _, c := range []byte(text[start : start+whole]) {
		coefficient = coefficient*10 + int64(c-'0')
	}
	if fraction > 0 {
		for _, c := range []byte(text[start+whole+1 : start+whole+1+fraction]) {
			coefficient = coefficient*10 + int64(c-'0')
		}
	}
	if negative {
		coefficient = -coefficient
	}
	return decimal.New(coefficient, int32(exponent-fraction)), nil
}

// digits counts the leading decimal digits of s.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// Decimal decodes a number, a numeric string or null. Valid is false for null,
// an empty string and a missing key: an absent amount is not zero.
type Decimal struct {
	Decimal decimal.Decimal
	Valid   bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	*d = Decimal{}
	if len(data) > 0 && (data[0] == '-' || '0' <= data[0] && data[0] <= '9') {
		value, err := ParseDecimal(string(data)) // mostly without allocating a text
		*d = Decimal{Decimal: value, Valid: err == nil}
		return err
	}
	text, err := scalar(data)
	if err != nil || text == "" {
		return err
	}
	value, err := ParseDecimal(text)
	if err != nil {
		return err
	}
	*d = Decimal{Decimal: value, Valid: true}
	return nil
}

// Null returns the amount as the public types show it where it may be absent.
func (d Decimal) Null() decimal.NullDecimal {
	return decimal.NullDecimal{Decimal: d.Decimal, Valid: d.Valid}
}

// AmountFault says what is wrong with an amount that is to be sent with so many
// decimals at most, or nothing. It never rounds, and it never unfolds a huge
// exponent.
func AmountFault(amount decimal.Decimal, decimals int) string {
	exponent := int(amount.Exponent())
	switch {
	case !amount.IsPositive():
		return "must be greater than zero"
	case exponent > maxDecimalExponent || exponent < -maxDecimalFraction || amount.NumDigits()+exponent > maxAmountDigits:
		return "is out of bounds"
	case exponent < 0 && !amount.Equal(amount.Truncate(int32(decimals))):
		if decimals == 0 {
			return "must be a whole number"
		}
		return "must have at most " + strconv.Itoa(decimals) + " decimals"
	}
	return ""
}

// maxAmountDigits before the point fit an int64 and any provider's field.
const maxAmountDigits = 18

// Bounds of a phone number's digits: E.164 allows fifteen.
const minPhoneDigits, maxPhoneDigits = 9, 15

// LacksMoney recognises a refusal that speaks of money which is not there. Rights can be
// insufficient too.
func LacksMoney(text string) bool {
	text = strings.ToLower(text)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	return has("insufficient", "not enough") && has("balance", "fund", "money", "float", "liquidity")
}

// Phone reads a phone number as people write and copy it: with a plus sign or two
// zeros in front of the country code, with spaces, hyphens, dots and parentheses, and
// with invisible marks. It returns the digits: those of a country code and a number, or
// of a national number as it stands. ok is false for anything else.
func Phone(text string) (digits string, ok bool) {
	digits, _, ok = PhoneNumber(text)
	return digits, ok
}

// PhoneNumber is Phone, and says whether a plus sign or two zeros stand in front.
//
// A zero that stands alone in parentheses behind the country code is dialled within the
// country only, and left away. Elsewhere behind a digit it has no clear meaning: ok is
// false.
func PhoneNumber(text string) (digits string, foreign, ok bool) {
	if strings.Trim(text, "0123456789") == "" && !strings.HasPrefix(text, "00") { // mostly
		if len(text) < minPhoneDigits || len(text) > maxPhoneDigits {
			return "", false, false
		}
		return text, false, true
	}
	var read []byte
	opened, dropped := -1, false // the digits before an open parenthesis
	for _, r := range text {
		switch {
		case '0' <= r && r <= '9':
			read = append(read, byte(r))
		case r == '+' || r == '\uff0b':
			if foreign || len(read) > 0 {
				return "", false, false
			}
			foreign = true
		case r == '(' || r == '\uff08':
			opened = len(read)
		case r == ')' || r == '\uff09':
			if opened >= 0 && string(read[opened:]) == "0" && (opened > 0 || foreign) {
				if dropped || !isCountryCode(read[:opened], foreign) {
					return "", false, false
				}
				read, dropped = read[:opened], true
			}
			opened = -1
		case r == '.' || r == '\u2212', unicode.IsSpace(r), unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cf):
		default:
			return "", false, false
		}
	}
	if rest, zeros := bytes.CutPrefix(read, []byte("00")); zeros && !foreign {
		read, foreign = rest, true
	}
	if len(read) < minPhoneDigits || len(read) > maxPhoneDigits || foreign && read[0] == '0' {
		return "", false, false
	}
	return string(read), foreign, true
}

// isCountryCode reports one to three digits without a zero in front, as E.164 has it.
func isCountryCode(read []byte, plus bool) bool {
	if !plus {
		read = bytes.TrimPrefix(read, []byte("00"))
	}
	return len(read) >= 1 && len(read) <= 3 && read[0] != '0'
}
