package bitpesatest

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// object is a JSON object as it was read: numbers keep their digits. The API's
// objects are wide and mostly echoed, so the fake keeps them in their wire form.
type object = map[string]any

func readObject(body []byte) (object, bool) { return fake.ReadObject(bytes.NewReader(body)) }

func text(o object, key string) string { return fake.Text(o[key]) }

// child is a nested object, nil if there is none.
func child(o object, key string) object {
	c, _ := o[key].(object)
	return c
}

// blank is what the vendor's validations call blank: absent, null, an empty list
// or object, or a text of white space.
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

// merged is a copy of o with the changes. A change to null deletes the key.
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

// orEmpty is an object for the wire, where an absent object is {}.
func orEmpty(o object) object {
	if o == nil {
		return object{}
	}
	return o
}

// orNull is a text for the wire, where an absent text is null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Error words. The vendor's documents show the first two.
const (
	wordBlank   = "blank"
	wordInvalid = "invalid"
	wordTaken   = "taken" // a duplicate external_id (assumed: the word is unpublished)
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

// oneOf adds invalid for a value that is not blank and not allowed.
func (p problems) oneOf(o object, key string, allowed ...string) {
	if blank(o[key]) {
		return
	}
	if !slices.Contains(allowed, text(o, key)) {
		p.add(key, wordInvalid)
	}
}

// sentence is a problem of the whole object, in words.
func sentence(text string) problems {
	p := problems{}
	p.add("base", text)
	return p
}

// The vendor's spellings of a time. Which field has which spelling is documented
// for transactions and recipients, and assumed for the rest.
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
