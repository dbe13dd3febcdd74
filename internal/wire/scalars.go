package wire

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
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
// answer it came with.
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
	for _, layout := range layouts {
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

// Missing is the decode error of a response without a field that decides what the
// response means. Such a response settles nothing.
type Missing string

func (m Missing) Error() string { return "response without " + string(m) }

// SafeText lets the field's name, which is ours, stand in an error's text.
func (m Missing) SafeText() string { return m.Error() }
