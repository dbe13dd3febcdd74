package bitpesa

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// maxErrorDepth bounds how deep an echoed object is searched for errors. The
// deepest documented one is transaction, recipients, payout method, details.
const maxErrorDepth = 12

// flattener gathers the errors of an echoed object: each nested object carries
// its own under "errors".
type flattener struct {
	fields   transport.Fields
	messages []string // of the object as a whole
	sentence string
}

func (f *flattener) note(message string) {
	if message != "" {
		f.messages = append(f.messages, message)
	}
}

// walk looks for errors in an object and in all it holds.
func (f *flattener) walk(path string, value any, depth int) {
	if depth == 0 {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			switch name {
			case "metadata", "fields": // the caller's own, and a form's description
			case "errors":
				f.collect(path, v[name])
			default:
				f.walk(join(path, name), v[name], depth-1)
			}
		}
	case []any:
		for i, element := range v {
			// The answer to a single debit is a list of one.
			f.walk(join(path, strconv.Itoa(i)), element, depth-1)
		}
	}
}

// collect adds the errors under a path: a word, {"error": word}, a list of
// these, or a map of field names to them.
func (f *flattener) collect(path string, value any) {
	switch v := value.(type) {
	case string:
		if path == "" {
			f.note(v)
		} else if v != "" {
			f.fields.Add(path, v)
		}
	case []any:
		for _, element := range v {
			f.collect(path, element)
		}
	case map[string]any:
		if word, ok := v["error"].(string); ok {
			f.collect(path, word)
			return
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "base" || name == "main_error" { // the object as a whole
				f.collect(path, v[name])
			} else {
				f.collect(join(path, name), v[name])
			}
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// parse decodes any JSON; nil for none.
func parse(raw json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	return value
}
