package bitpesatest

import (
	"net/http"
	"net/url"
	"time"
)

// call is one authenticated request on its way to a handler.
type call struct {
	account *account
	request *http.Request
	params  []string // of the path, decoded
	query   url.Values
	body    []byte
}

// wrapped is the object a body wraps under a name.
func (c *call) wrapped(name string) (object, bool) {
	body, ok := readObject(c.body)
	if !ok {
		return nil, false
	}
	in, ok := body[name].(object)
	return in, ok
}

// unwrapped is a body that needs no wrapper; one is tolerated.
func (c *call) unwrapped(name string) (object, bool) {
	body, ok := readObject(c.body)
	if in := child(body, name); in != nil {
		return in, true
	}
	return body, ok
}

// values are those of a list filter: name[]=a&name[]=b as documented, or name=a
// repeated as the vendor's JavaScript SDK writes it.
func (c *call) values(name string) []string {
	return append(append([]string{}, c.query[name+"[]"]...), c.query[name]...)
}

// createdWithin reads created_at_from and created_at_to, whole days or instants,
// both inclusive.
func (c *call) createdWithin() (match func(time.Time) bool, ok bool) {
	from, _, okFrom := readMoment(c.query.Get("created_at_from"))
	_, to, okTo := readMoment(c.query.Get("created_at_to"))
	return func(t time.Time) bool {
		return (from.IsZero() || !t.Before(from)) && (to.IsZero() || t.Before(to))
	}, okFrom && okTo
}

// readMoment is the first instant of a day or moment and the first one behind.
func readMoment(s string) (begin, end time.Time, ok bool) {
	if s == "" {
		return begin, end, true
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, t.AddDate(0, 0, 1), true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, t.Add(1), true
	}
	return begin, end, false
}
