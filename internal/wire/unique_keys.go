package wire

import (
	"bytes"
	"errors"
)

var errDuplicateKey = errors.New("duplicate JSON key")

// Both limits are far above what any provider sends. The second is low enough
// that comparing all keys of an object with each other costs little.
const (
	maxDepth = 64
	maxKeys  = 256
)

// UniqueKeys refuses valid JSON in which an object, at any depth, has a key
// twice: two readers of the same bytes could each take another value. At the top
// level keys that differ only in case count as the same, because encoding/json
// takes either. It reads the text once, whatever the depth.
func UniqueKeys(text []byte) error {
	var (
		room  [24][]byte
		keys  = room[:0]    // of all open objects, outermost first
		open  [maxDepth]int // where the keys of each open object begin
		depth = -1
	)
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth == maxDepth {
				return errors.New("JSON nested too deeply")
			}
			open[depth] = len(keys)
		case '}', ']':
			if depth < 0 {
				return errNotJSON
			}
			keys = keys[:open[depth]]
			depth--
		case '"':
			quoted := text[i : i+stringLength(text[i:])]
			i += len(quoted) - 1
			if rest := space(text[i+1:]); len(rest) == 0 || rest[0] != ':' {
				continue // a value
			}
			if depth < 0 {
				return errNotJSON
			}
			key := keyText(quoted)
			if hasKey(keys[open[depth]:], key, depth == 0) {
				return errDuplicateKey
			}
			if len(keys)-open[depth] == maxKeys {
				return errors.New("JSON object with too many keys")
			}
			keys = append(keys, key)
		}
	}
	return nil
}

func hasKey(keys [][]byte, key []byte, anyCase bool) bool {
	for _, k := range keys {
		if bytes.Equal(k, key) || anyCase && mayFold(k, key) && bytes.EqualFold(k, key) {
			return true
		}
	}
	return false
}

// mayFold is a quick no for most comparisons: the keys begin with different letters.
func mayFold(a, b []byte) bool {
	return len(a) > 0 && len(b) > 0 && (a[0]|b[0] >= 0x80 || (a[0]^b[0])&^0x20 == 0)
}
