package bitpesatest

import (
	"bytes"
	"maps"
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

// same adds invalid for a value that is not blank and not the wanted value. The
// fake knows no closed lists: the vendor adds values to its lists again and again.
func (p problems) same(o object, key, want string) {
	if !blank(o[key]) && text(o, key) != want {
		p.add(key, wordInvalid)
	}
}

// texts adds invalid for a list or an object in place of a text.
func (p problems) texts(o object, keys ...string) {
	for _, k := range keys {
		if !scalar(o[k]) {
			p.add(k, wordInvalid)
		}
	}
}

// dates adds invalid for a value that is not blank and no date.
func (p problems) dates(o object, keys ...string) {
	for _, k := range keys {
		if _, ok := readDate(text(o, k)); !blank(o[k]) && !ok {
			p.add(k, wordInvalid)
		}
	}
}

// withDates is a copy of o in which every date-time under the keys is a date.
func withDates(o object, keys ...string) object {
	out := merged(o, nil)
	for _, k := range keys {
		if date, ok := readDate(text(o, k)); ok {
			out[k] = date
		}
	}
	return out
}

// readDate is the date of an ISO date or date-time: the vendor takes both.
func readDate(s string) (date string, ok bool) {
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(time.DateOnly), true
		}
	}
	return "", false
}

// sentence is a problem of the whole object, in words.
func sentence(text string) problems {
	p := problems{}
	p.add("base", text)
	return p
}

// The vendor's spellings of a time. In the BitPesa guides each object has its own:
// documented for transactions and recipients, assumed for the rest.
const (
	spelledOut = "2006-01-02 15:04:05 UTC"
	spelledISO = "2006-01-02T15:04:05.000Z"
	spelledRFC = "2006-01-02T15:04:05.000+0000"
)

// stamp is a time on the wire: ISO 8601 with Z today, and the guides' spelling in
// VersionBitPesa.
func (f *Fake) stamp(t time.Time, guides string) any {
	if t.IsZero() {
		return nil
	}
	if f.config.APIVersion == VersionToday {
		guides = spelledISO
	}
	return t.UTC().Format(guides)
}
