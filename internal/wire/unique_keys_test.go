package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUniqueKeys(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"k%d":0`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	for text, want := range map[string]bool{
		`{}`:                              true,
		`[]`:                              true,
		`"a"`:                             true,
		`{"a":1,"b":"a","c":["a","a"]}`:   true,
		`{"a":{"a":{"a":1}},"b":{"a":1}}`: true,
		`{"a":[{"b":1},{"b":2}]}`:         true,
		`{"a":"\"a\":","b":"\\"}`:         true,
		`{"a":{"b":1,"B":2}}`:             true, // not ours to judge below the top
		many(maxKeys):                     true,
		`{"a":1,"a":2}`:                   false,
		`{"a":1,"A":2}`:                   false,
		`{"status":1,"ſtatus":2}`:         false, // folds to the same, as encoding/json has it
		`{"a":1, "b":2 , "a" : 3}`:        false,
		"{\"a\":1,\n\t\"a\"\r\n:2}":       false,
		`{"a":1,"\u0061":2}`:              false,
		`{"a\"":1,"a\u0022":2}`:           false,
		`{"x":{"a":1,"a":2}}`:             false,
		`{"x":[0,{"a":1,"b":{},"a":2}]}`:  false,
		`{"x":{"y":{"z":1}},"y":1,"x":2}`: false,
		many(maxKeys + 1):                 false,
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1): false,
	} {
		require.True(t, json.Valid([]byte(text)), text)
		if want {
			assert.NoError(t, UniqueKeys([]byte(text)), text)
		} else {
			assert.Error(t, UniqueKeys([]byte(text)), text)
		}
	}
}

func TestUniqueKeysSurvivesBrokenJSON(t *testing.T) {
	for _, text := range []string{``, `"`, `"\"`, `}`, `]}`, `"a":1`, `{"a`, `{"a":"`, `{"a":1}}"b":2`, `status=PAID&x="`} {
		assert.NotPanics(t, func() { _ = UniqueKeys([]byte(text)) }, text)
	}
}

// What is accepted means the same to encoding/json's two ways of reading it.
func FuzzUniqueKeys(f *testing.F) {
	for _, seed := range []string{`{"a":1,"a":2}`, `{"a":{"b":[{"c":"\""}]}}`, `{"a\\":1,"a\u005c":2}`, `[[[]]]`, `"`, `}`, `"a":1`, `{"a\`, `{"a":"`, `{"status":"PAID","Status":"NEW"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := UniqueKeys(text)
		if !json.Valid(text) {
			return // anything but a panic will do
		}
		if twice := namesAKeyTwice(json.NewDecoder(strings.NewReader(string(text)))); twice != (err == errDuplicateKey) && err == nil {
			t.Errorf("%q: accepted", text)
		} else if !twice && err == errDuplicateKey && !foldsTwice(text) {
			t.Errorf("%q: refused", text)
		}
	})
}

// namesAKeyTwice walks the tokens; keys are compared as decoded.
func namesAKeyTwice(d *json.Decoder) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			name, _ := d.Token()
			if seen[name.(string)] {
				return true
			}
			seen[name.(string)] = true
			if namesAKeyTwice(d) {
				return true
			}
		}
	case json.Delim('['):
		for d.More() {
			if namesAKeyTwice(d) {
				return true
			}
		}
	default:
		return false
	}
	_, _ = d.Token()
	return false
}

func foldsTwice(text []byte) bool {
	var top map[string]json.RawMessage
	if json.Unmarshal(text, &top) != nil {
		return false
	}
	var names []string
	for name := range top {
		for _, other := range names {
			if strings.EqualFold(name, other) {
				return true
			}
		}
		names = append(names, name)
	}
	return false
}
