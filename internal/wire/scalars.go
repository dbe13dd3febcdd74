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
	"iter"
	"strconv"
	"strings"
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

// WithoutMark takes a byte order mark off the front of a text.
func WithoutMark(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) }

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

// Object decodes a JSON object, key by key. field returns where the value of a key goes,
// or nil if nobody reads it. So a key in another case is another key. Of a key that
// stands twice the last one counts. Any other body is an error.
func Object(body []byte, field func(key []byte) json.Unmarshaler) error {
	if !IsObject(body) || !json.Valid(body) {
		return errNotObject
	}
	for key, value := range members(body) {
		if into := field(key); into != nil {
			if err := into.UnmarshalJSON(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// Has reports whether a valid JSON object has a key, null or not.
func Has(object []byte, key string) bool {
	for k := range members(object) {
		if string(k) == key {
			return true
		}
	}
	return false
}

// members walks the keys and values of a valid JSON object. Keys come unquoted.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		rest := space(space(object)[1:])
		for rest[0] != '}' {
			n := valueLength(rest)
			key := keyText(rest[:n])
			rest = space(space(rest[n:])[1:]) // the colon
			n = valueLength(rest)
			if !yield(key, rest[:n:n]) {
				return
			}
			rest = comma(rest[n:])
		}
	}
}

// elements walks the values of a valid JSON array.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rest := space(space(array)[1:])
		for rest[0] != ']' {
			n := valueLength(rest)
			if !yield(rest[:n:n]) {
				return
			}
			rest = comma(rest[n:])
		}
	}
}

func comma(rest []byte) []byte {
	if rest = space(rest); rest[0] == ',' {
		rest = space(rest[1:])
	}
	return rest
}

func space(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n") }

// valueLength is the length of the value at the start of valid JSON.
func valueLength(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += stringLength(b[i:]) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i // the end of what holds a bare scalar
			}
			depth--
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(b)
}

func stringLength(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

func keyText(quoted []byte) []byte {
	plain := quoted[1 : len(quoted)-1]
	if !escaped(plain) {
		return plain
	}
	var key string
	_ = json.Unmarshal(quoted, &key) // valid, as the whole text is
	return []byte(key)
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

// Missing is the decode error of a response without a field that decides what the
// response means. Such a response settles nothing.
type Missing string

func (m Missing) Error() string { return "response without " + string(m) }

// SafeText lets the field's name, which is ours, stand in an error's text.
func (m Missing) SafeText() string { return m.Error() }

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

// Phone reads a phone number as people write and copy it: with a plus sign or two
// zeros in front of the country code, with spaces, hyphens, dots and parentheses, and
// with invisible marks. It returns the digits: those of a country code and a number, or
// of a national number as it stands. ok is false for anything else.
func Phone(text string) (digits string, ok bool) {
	digits, _, ok = PhoneNumber(text)
	return digits, ok
}

// PhoneNumber is Phone, and says whether a plus sign or two zeros stand in front.
func PhoneNumber(text string) (digits string, foreign, ok bool) {
	if strings.Trim(text, "0123456789") == "" && !strings.HasPrefix(text, "00") { // mostly
		if len(text) < minPhoneDigits || len(text) > maxPhoneDigits {
			return "", false, false
		}
		return text, false, true
	}
	p, ok := ReadPhone(text)
	if !ok || p.Masked || len(p.Front) < minPhoneDigits || len(p.Front) > maxPhoneDigits || p.Foreign && p.Front[0] == '0' {
		return "", false, false
	}
	return p.Front, p.Foreign, true
}

// PhoneText is what the text of a phone number shows.
type PhoneText struct {
	Front, Back string // the digits before and behind the mask; all are in Front where there is none
	Masked      bool
	Foreign     bool // a plus sign or two zeros stand in front, which are left away
}

// ReadPhone reads a phone number of any length, also one of which asterisks, crosses and
// the like hide a part.
//
// A zero that stands alone in parentheses behind the country code is dialled within the
// country only, and left away. In parentheses behind any other digits a zero has no clear
// meaning: ok is false. So it is for any text that is no number, and for a cross behind a
// whole number, which begins an extension and hides nothing.
func ReadPhone(text string) (p PhoneText, ok bool) {
	var front, read []byte       // before the mask; since then
	opened, dropped := -1, false // the digits before an open parenthesis
	for _, r := range text {
		switch {
		case '0' <= r && r <= '9':
			read = append(read, byte(r))
		case r == '+' || r == '\uff0b':
			if p.Foreign || len(read) > 0 || p.Masked {
				return PhoneText{}, false
			}
			p.Foreign = true
		case r == '(' || r == '\uff08':
			opened = len(read)
		case r == ')' || r == '\uff09':
			if opened >= 0 && string(read[opened:]) == "0" && !p.Masked && (opened > 0 || p.Foreign) {
				if dropped || !isCountryCode(read[:opened], p.Foreign) {
					return PhoneText{}, false
				}
				read, dropped = read[:opened], true
			}
			opened = -1
		case strings.ContainsRune("*#?_xX\u2022\u25cf\u2026\u00b7\u2217", r):
			if p.Masked && len(read) > 0 {
				return PhoneText{}, false // a second mask
			}
			if !p.Masked {
				front, read, opened, p.Masked = read, nil, -1, true
			}
		case r == '.' || r == '\u2212', unicode.IsSpace(r), unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cf):
		default:
			return PhoneText{}, false
		}
	}
	if !p.Masked {
		front, read = read, nil
	}
	if rest, zeros := bytes.CutPrefix(front, []byte("00")); zeros && !p.Foreign {
		front, p.Foreign = rest, true
	}
	p.Front, p.Back = string(front), string(read)
	return p, !p.Masked || len(front) < minPhoneDigits && len(read) < minPhoneDigits
}

// Split returns the country code of a number, if it has one, and the rest without the zeros
// in front. Eleven digits or more have a country code although no plus sign stands in front.
func (p PhoneText) Split() (code, national string) {
	const shortest = len("15551234567")
	digits := strings.TrimLeft(p.Front, "0")
	if p.Foreign || len(p.Front) >= shortest && len(digits) == len(p.Front) {
		n := CountryCode(digits)
		return digits[:n], strings.TrimLeft(digits[n:], "0")
	}
	return "", digits
}

// CountryCode is how many digits the country code has with which a number begins, as ITU-T
// E.164 has it.
func CountryCode(digits string) int {
	const two = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "
	switch {
	case digits != "" && (digits[0] == '1' || digits[0] == '7'):
		return 1
	case len(digits) >= 2 && strings.Contains(two, " "+digits[:2]+" "):
		return 2
	}
	return min(len(digits), 3)
}

// isCountryCode reports one to three digits without a zero in front, as E.164 has it.
func isCountryCode(read []byte, plus bool) bool {
	if !plus {
		read = bytes.TrimPrefix(read, []byte("00"))
	}
	return len(read) >= 1 && len(read) <= 3 && read[0] != '0'
}
