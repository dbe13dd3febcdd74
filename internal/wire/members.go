package wire

import (
	"bytes"
	"encoding/json"
	"iter"
)

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
