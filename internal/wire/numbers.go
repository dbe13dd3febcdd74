package wire

import (
	"strings"
	"unicode"
)

// Bounds of a phone number's digits: E.164 allows fifteen.
const minPhoneDigits, maxPhoneDigits = 9, 15

// Phone reads a phone number as people write and copy it: with a plus sign or two
// zeros in front of the country code, with spaces, hyphens, dots and parentheses of
// any alphabet, and with invisible marks. It returns the digits: those of a
// country code and a number, or of a national number as it stands. ok is false for
// anything else.
func Phone(text string) (digits string, ok bool) {
	if strings.Trim(text, "0123456789") == "" && !strings.HasPrefix(text, "00") { // mostly
		if len(text) < minPhoneDigits || len(text) > maxPhoneDigits {
			return "", false
		}
		return text, true
	}
	if t := strings.TrimSpace(text); strings.HasPrefix(t, "+") || strings.HasPrefix(t, "00") {
		text = strings.Replace(text, "(0)", "", 1) // it is dialled within the country only
	}
	var b strings.Builder
	plus := false
	for _, r := range text {
		switch {
		case '0' <= r && r <= '9':
			b.WriteByte(byte(r))
		case r == '+' || r == '\uff0b':
			if plus || b.Len() > 0 {
				return "", false
			}
			plus = true
		case r == '(' || r == ')' || r == '.' || r == '\u2212', unicode.IsSpace(r), unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cf):
		default:
			return "", false
		}
	}
	digits = b.String()
	if rest, foreign := strings.CutPrefix(digits, "00"); foreign && !plus {
		digits, plus = rest, true
	}
	if len(digits) < minPhoneDigits || len(digits) > maxPhoneDigits || plus && digits[0] == '0' {
		return "", false
	}
	return digits, true
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
