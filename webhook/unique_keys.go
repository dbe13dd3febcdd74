package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
)

var errDuplicateKey = errors.New("duplicate JSON key")

// Far above what any provider sends, and low enough that comparing all keys of
// an object with each other costs little.
const (
	maxJSONDepth = 64
	maxJSONKeys  = 256
)

// uniqueKeys refuses an object that names a key twice: two readers of the same
// bytes may each believe another value. At the top level keys that differ in
// case only count as the same, since encoding/json takes either. The text must
// be known to be valid JSON.
func uniqueKeys(text []byte) error {
	var (
		space [64][]byte
		keys  = space[:0] // of all objects that are open, outermost first
		open  [maxJSONDepth]int
		depth = -1
	)
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth == maxJSONDepth {
				return errors.New("JSON nested too deeply")
			}
			open[depth] = len(keys)
		case '}', ']':
			keys = keys[:open[depth]]
			depth--
		case '"':
			end := closingQuote(text, i)
			name := text[i : end+1]
			i = end
			if !isKey(text[end+1:]) {
				continue
			}
			name = plainKey(name)
			if taken(keys[open[depth]:], name, depth == 0) {
				return errDuplicateKey
			}
			if len(keys)-open[depth] == maxJSONKeys {
				return errors.New("JSON object with too many keys")
			}
			keys = append(keys, name)
		}
	}
	return nil
}

// closingQuote finds where the string that opens at i closes.
func closingQuote(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

// isKey reports whether a colon comes next.
func isKey(text []byte) bool {
	for _, b := range text {
		switch b {
		case ' ', '\t', '\r', '\n':
		default:
			return b == ':'
		}
	}
	return false
}

// plainKey is a quoted key without quotes and escapes.
func plainKey(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var name string
	// It cannot fail on valid JSON; if it did, the key would stay as it stands.
	if json.Unmarshal(quoted, &name) != nil {
		return quoted
	}
	return []byte(name)
}

func taken(keys [][]byte, name []byte, anyCase bool) bool {
	for _, k := range keys {
		if bytes.Equal(k, name) || anyCase && bytes.EqualFold(k, name) {
			return true
		}
	}
	return false
}
