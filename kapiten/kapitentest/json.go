package kapitentest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// number is a JSON number as it stood in the text, so that money never goes
// through a float.
type number string

// isInt reports whether Python would read it as an int.
func (n number) isInt() bool { return !strings.ContainsAny(string(n), ".eE") }

// errTooDeep is nesting beyond what CPython's scanner takes; a server that
// meets it answers 500.
var errTooDeep = errors.New("nested too deeply")

const maxDepth = 900

// outOfRange is the framework's refusal of NaN and the infinities.
const outOfRange = "Out of range float values are not JSON compliant"

// parseJSON reads a body as CPython 3.11 does and words errors as it does. The
// result is nil, bool, number, string, []any or map[string]any.
func parseJSON(body []byte) (any, error) {
	text, err := decodeUTF8(body)
	if err != nil {
		return nil, err
	}
	p := &jsonParser{in: text}
	if strings.HasPrefix(text, "\uFEFF") {
		return nil, p.fail("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0)
	}
	p.space()
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(p.in) {
		return nil, p.fail("Extra data", p.at)
	}
	return v, nil
}

type jsonParser struct {
	in    string
	at    int
	depth int
}

// fail words an error with its place. Places are in characters, not bytes.
func (p *jsonParser) fail(message string, at int) error {
	before := p.in[:min(at, len(p.in))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Errorf("%s: line %d column %d (char %d)", message, line, column, utf8.RuneCountInString(before))
}

func (p *jsonParser) space() {
	for p.at < len(p.in) && strings.IndexByte(" \t\n\r", p.in[p.at]) >= 0 {
		p.at++
	}
}

func (p *jsonParser) next(c byte) bool { return p.at < len(p.in) && p.in[p.at] == c }

func (p *jsonParser) value() (any, error) {
	rest := p.in[p.at:]
	switch {
	case rest == "":
		return nil, p.fail("Expecting value", p.at)
	case rest[0] == '"':
		return p.text()
	case rest[0] == '{':
		return p.object()
	case rest[0] == '[':
		return p.list()
	}
	for _, word := range []struct {
		text  string
		value any
	}{{"null", nil}, {"true", true}, {"false", false}} {
		if strings.HasPrefix(rest, word.text) {
			p.at += len(word.text)
			return word.value, nil
		}
	}
	if n := numberLength(rest); n > 0 {
		p.at += n
		return number(rest[:n]), nil
	}
	for _, constant := range []string{"NaN", "Infinity", "-Infinity"} {
		if strings.HasPrefix(rest, constant) {
			return nil, fmt.Errorf("%s: '%s'", outOfRange, constant)
		}
	}
	return nil, p.fail("Expecting value", p.at)
}

// numberLength is the length of the JSON number a text begins with, or 0.
func numberLength(s string) int {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := digits(s, i)
	if whole == i {
		return 0
	}
	if s[i] == '0' {
		whole = i + 1
	}
	i = whole
	if i < len(s) && s[i] == '.' {
		if end := digits(s, i+1); end > i+1 {
			i = end
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		sign := i + 1
		if sign < len(s) && (s[sign] == '+' || s[sign] == '-') {
			sign++
		}
		if end := digits(s, sign); end > sign {
			i = end
		}
	}
	return i
}

// digits is the index behind the digits that begin at i.
func digits(s string, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

func (p *jsonParser) deeper() error {
	p.depth++
	if p.depth > maxDepth {
		return errTooDeep
	}
	return nil
}

func (p *jsonParser) object() (any, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.at++
	p.space()
	m := map[string]any{}
	if p.next('}') {
		p.at++
		return m, nil
	}
	for {
		if !p.next('"') {
			return nil, p.fail("Expecting property name enclosed in double quotes", p.at)
		}
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		p.space()
		if !p.next(':') {
			return nil, p.fail("Expecting ':' delimiter", p.at)
		}
		p.at++
		p.space()
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		m[key] = v
		p.space()
		if p.next('}') {
			p.at++
			return m, nil
		}
		if !p.next(',') {
			return nil, p.fail("Expecting ',' delimiter", p.at)
		}
		p.at++
		p.space()
	}
}

func (p *jsonParser) list() (any, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.at++
	p.space()
	l := []any{}
	if p.next(']') {
		p.at++
		return l, nil
	}
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		l = append(l, v)
		p.space()
		if p.next(']') {
			p.at++
			return l, nil
		}
		if !p.next(',') {
			return nil, p.fail("Expecting ',' delimiter", p.at)
		}
		p.at++
		p.space()
	}
}

func (p *jsonParser) text() (string, error) {
	begin := p.at
	p.at++
	var out strings.Builder
	for {
		from := p.at
		for p.at < len(p.in) && p.in[p.at] != '"' && p.in[p.at] != '\\' && p.in[p.at] >= 0x20 {
			p.at++
		}
		if p.at == len(p.in) {
			return "", p.fail("Unterminated string starting at", begin)
		}
		plain := p.in[from:p.at]
		switch p.in[p.at] {
		case '"':
			p.at++
			if out.Len() == 0 { // most texts have no escape: no copy
				return plain, nil
			}
			out.WriteString(plain)
			return out.String(), nil
		case '\\':
			out.WriteString(plain)
			if err := p.escape(&out, begin); err != nil {
				return "", err
			}
		default:
			return "", p.fail("Invalid control character at", p.at)
		}
	}
}

func (p *jsonParser) escape(out *strings.Builder, begin int) error {
	slash := p.at
	if slash+1 >= len(p.in) {
		return p.fail("Unterminated string starting at", begin)
	}
	c := p.in[slash+1]
	if c != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			return p.fail(`Invalid \escape`, slash)
		}
		out.WriteByte("\"\\/\b\f\n\r\t"[i])
		p.at += 2
		return nil
	}
	high, ok := p.unit(slash)
	if !ok {
		return p.fail(`Invalid \uXXXX escape`, slash+1)
	}
	p.at += 6
	if high >= 0xD800 && high < 0xDC00 && strings.HasPrefix(p.in[p.at:], `\u`) {
		low, ok := p.unit(p.at)
		if !ok {
			return p.fail(`Invalid \uXXXX escape`, p.at+1)
		}
		if low >= 0xDC00 && low < 0xE000 {
			p.at += 6
			out.WriteRune((high-0xD800)<<10 + (low - 0xDC00) + 0x10000)
			return nil
		}
	}
	if high >= 0xD800 && high < 0xE000 {
		// A lone surrogate, which Python keeps: no valid UTF-8, so that a text
		// field finds it.
		out.Write([]byte{0xE0 | byte(high>>12), 0x80 | byte(high>>6)&0xBF, 0x80 | byte(high)&0xBF})
		return nil
	}
	out.WriteRune(high)
	return nil
}

// unit reads the four hex digits of the \u escape at i. Like CPython it wants
// at least one character more behind them.
func (p *jsonParser) unit(i int) (rune, bool) {
	if i+6 >= len(p.in) {
		return 0, false
	}
	n, err := strconv.ParseUint(p.in[i+2:i+6], 16, 32)
	return rune(n), err == nil && p.in[i+2] != '+'
}

// decodeUTF8 decodes as Python's stream reader does, which waits for the rest
// of a character cut off at the very end.
func decodeUTF8(body []byte) (string, error) {
	if utf8.Valid(body) {
		return string(body), nil
	}
	for i := 0; i < len(body); {
		r, size := utf8.DecodeRune(body[i:])
		if r != utf8.RuneError || size != 1 {
			i += size
			continue
		}
		if !utf8.FullRune(body[i:]) {
			return string(body[:i]), nil
		}
		reason := "invalid start byte"
		if body[i] >= 0xC2 && body[i] <= 0xF4 {
			reason = "invalid continuation byte"
		}
		return "", fmt.Errorf("'utf-8' codec can't decode byte 0x%02x in position %d: %s", body[i], i, reason)
	}
	return string(body), nil
}
