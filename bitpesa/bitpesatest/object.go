package bitpesatest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"
	"time"
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

// The two error words the vendor's documents show, and one of ours (assumed).
const (
	wordBlank   = "blank"
	wordInvalid = "invalid"
	wordTaken   = "taken" // a duplicate external_id: the vendor's word is unpublished
)

// problems are the errors of one object: {"field":[{"error":"blank"}]}.
type problems map[string][]map[string]string

func (p problems) add(field, word string) {
	p[field] = append(p[field], map[string]string{"error": word})
}

// require adds blank for each key that is missing.
func (p problems) require(o object, keys ...string) {
	for _, k := range keys {
		if blank(o[k]) {
			p.add(k, wordBlank)
		}
	}
}

// oneOf adds invalid for a value that is there and none of the allowed.
func (p problems) oneOf(o object, key string, allowed ...string) {
	if blank(o[key]) {
		return
	}
	value := text(o, key)
	for _, a := range allowed {
		if a == value {
			return
		}
	}
	p.add(key, wordInvalid)
}

// sentence is a problem of the object as a whole, told in a sentence.
func sentence(text string) problems {
	p := problems{}
	p.add("base", text)
	return p
}

// The spellings of a time the vendor uses; which field has which one is
// documented for transactions and recipients only, the rest is assumed.
const (
	spelledOut = "2006-01-02 15:04:05 UTC"
	spelledISO = "2006-01-02T15:04:05.000Z"
	spelledRFC = "2006-01-02T15:04:05.000+0000"
)

func stamp(t time.Time, layout string) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(layout)
}
