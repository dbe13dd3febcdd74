package bitpesatest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"
)

// object is a JSON object as it was read: numbers keep their digits. The API's
// objects are wide and mostly echoed, so they stay what they are on the wire.
type object = map[string]any

// readObject decodes a body that is exactly one JSON object.
func readObject(body []byte) (object, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var o object
	if d.Decode(&o) != nil || o == nil {
		return nil, false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	return o, true
}

// text is a string or a number's digits without the space around; else empty.
func text(o object, key string) string {
	switch v := o[key].(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	}
	return ""
}

// child is a nested object, nil if there is none.
func child(o object, key string) object {
	c, _ := o[key].(object)
	return c
}

// blank is what the vendor's validations call blank: absent, null, an empty
// list or object, or a text without a letter.
func blank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	case object:
		return len(v) == 0
	}
	return false
}

// scalar reports whether a value is no list and no object.
func scalar(v any) bool {
	switch v.(type) {
	case []any, object:
		return false
	}
	return true
}

// pick copies the named keys that are there.
func pick(o object, keys []string) object {
	out := object{}
	for _, k := range keys {
		if v, ok := o[k]; ok {
			out[k] = v
		}
	}
	return out
}

// merged is a copy of o with the keys of changes set, and without those that
// changes sets to null.
func merged(o, changes object) object {
	out := maps.Clone(o)
	if out == nil {
		out = object{}
	}
	for k, v := range changes {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

// orEmpty is an object for the wire, where absent ones are {}.
func orEmpty(o object) object {
	if o == nil {
		return object{}
	}
	return o
}

// orNull is a text for the wire, where absent ones are null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
