package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
)

var (
	errDuplicateKey = errors.New("duplicate JSON key")
	errBrokenJSON   = errors.New("not valid JSON")
)

// Far above what any provider sends, and low enough that comparing all keys of
// an object with each other costs little.
const (
	maxJSONDepth = 64
	maxJSONKeys  = 256
)

// uniqueKeys refuses an object, at any depth, that names a key twice: two readers
// of the same bytes may each believe another value. At the top level keys that
// differ in case only count as the same, since encoding/json takes either. That
// the text is valid JSON is for others to check.
func uniqueKeys(text []byte) error { return new(object).split(text) }

// split walks JSON once, checks the keys of all objects in it, and collects
// the members of the outermost.
func (o *object) split(text []byte) error {
	var (
		space [24][]byte
		keys  = space[:0] // of all objects that are open, outermost first
		open  [maxJSONDepth]int
		depth = -1
		value = 0 // where the last member's begins
	)
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth == maxJSONDepth {
				return errors.New("JSON nested too deeply")
			}
			open[depth] = len(keys)
		case ',':
			o.end(depth, text[value:i])
		case '}', ']':
			if depth < 0 {
				return errBrokenJSON
			}
			o.end(depth, text[value:i])
			keys = keys[:open[depth]]
			depth--
		case '"':
			end := closingQuote(text, i)
			if end < 0 {
				return errBrokenJSON
			}
			name := text[i : end+1]
			i = end
			colon := colonAfter(text, end)
			if colon < 0 {
				continue
			}
			if depth < 0 {
				return errBrokenJSON
			}
			name = plainKey(name)
			if taken(keys[open[depth]:], name, depth == 0) {
				return errDuplicateKey
			}
			if len(keys)-open[depth] == maxJSONKeys {
				return errors.New("JSON object with too many keys")
			}
			keys = append(keys, name)
			if i = colon; depth == 0 {
				o.members, value = append(o.members, member{name: name}), i+1
			}
		}
	}
	return nil
}

// end completes the last member of the outermost object.
func (o *object) end(depth int, value []byte) {
	if depth == 0 && len(o.members) > 0 {
		o.members[len(o.members)-1].value = bytes.TrimSpace(value)
	}
}

// closingQuote finds where the string that opens at i closes; -1 if it does not.
func closingQuote(text []byte, i int) int {
	for from := i + 1; ; {
		n := bytes.IndexByte(text[from:], '"')
		if n < 0 {
			return -1
		}
		end, escapes := from+n, 0
		for text[end-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end
		}
		from = end + 1
	}
}

// colonAfter finds the colon that makes the string before it a key; -1 if there
// is none.
func colonAfter(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case ' ', '\t', '\r', '\n':
		case ':':
			return i
		default:
			return -1
		}
	}
	return -1
}

// plainKey is a quoted key without quotes and escapes.
func plainKey(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var name string
	// Where it is not valid JSON the key stays as it stands.
	if json.Unmarshal(quoted, &name) != nil {
		return quoted
	}
	return []byte(name)
}

func taken(keys [][]byte, name []byte, anyCase bool) bool {
	for _, k := range keys {
		if bytes.Equal(k, name) || anyCase && mayFold(k, name) && bytes.EqualFold(k, name) {
			return true
		}
	}
	return false
}

// mayFold is a quick no for most pairs: they begin with different letters.
func mayFold(a, b []byte) bool {
	return len(a) > 0 && len(b) > 0 && (a[0]|b[0] >= 0x80 || (a[0]^b[0])&^0x20 == 0)
}
