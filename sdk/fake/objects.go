package fake

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Store keeps a provider's objects by their key, oldest first, for authors of
// fakes. In a snapshot it is a list. It has no lock of its own: it is part of the
// provider's state. Make it with NewStore.
type Store[T any] struct {
	key   func(*T) string
	all   []*T
	byKey map[string]*T
}

// NewStore makes an empty store. The key of an object never changes.
func NewStore[T any](key func(*T) string) Store[T] {
	return Store[T]{key: key, byKey: map[string]*T{}}
}

// Add keeps an object with a new key.
func (s *Store[T]) Add(object *T) {
	s.all = append(s.all, object)
	s.byKey[s.key(object)] = object
}

// Find returns nil for an unknown key.
func (s *Store[T]) Find(key string) *T { return s.byKey[key] }

// All are the objects, oldest first. The list is the store's own.
func (s *Store[T]) All() []*T { return s.all }

// Remove forgets an object.
func (s *Store[T]) Remove(object *T) {
	delete(s.byKey, s.key(object))
	s.all = slices.DeleteFunc(s.all, func(other *T) bool { return other == object })
}

// MarshalJSON writes the objects as a list, oldest first.
func (s Store[T]) MarshalJSON() ([]byte, error) { return json.Marshal(append([]*T{}, s.all...)) }

// UnmarshalJSON reads what MarshalJSON wrote. It refuses null, objects without a
// key and two objects with one key. Numbers in fields of type any stay
// json.Number.
func (s *Store[T]) UnmarshalJSON(data []byte) error {
	var all []*T
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		return err
	}
	if all == nil {
		return errors.New("fake: a list of objects is missing")
	}
	read := NewStore(s.key)
	for _, object := range all {
		if object == nil || s.key(object) == "" || read.Find(s.key(object)) != nil {
			return errors.New("fake: an object is empty, has no key or comes twice")
		}
		read.Add(object)
	}
	*s = read
	return nil
}

// Copy returns a copy of an object for a test, or false for nil. detach copies the
// maps and lists in it, so that a test's changes do not reach the fake.
func Copy[T any](object *T, detach ...func(*T)) (copied T, ok bool) {
	if object == nil {
		return copied, false
	}
	copied = *object
	for _, d := range detach {
		d(&copied)
	}
	return copied, true
}

// Copies are copies of objects; see Copy.
func Copies[T any](objects []*T, detach ...func(*T)) []T {
	all := make([]T, len(objects))
	for i, object := range objects {
		all[i], _ = Copy(object, detach...)
	}
	return all
}

// ReadObject reads a body that is exactly one JSON object. Numbers keep their
// digits, as json.Number.
func ReadObject(body io.Reader) (map[string]any, bool) {
	d := json.NewDecoder(body)
	d.UseNumber()
	var object map[string]any
	if d.Decode(&object) != nil || object == nil {
		return nil, false
	}
	_, err := d.Token()
	return object, errors.Is(err, io.EOF)
}

// Text is a string without the space around it, or the digits of a json.Number.
// It is empty for anything else.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	}
	return ""
}

// IsWebURL reports whether a text is an http or https URL with a host, as most
// providers want a callback's to be.
func IsWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// Encode writes JSON. It panics on what JSON cannot hold, which is a mistake of
// the fake; the client gets a 500.
func Encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// Respond writes a whole response. The World keeps it in memory, so nothing can
// fail.
func Respond(rw http.ResponseWriter, status int, contentType string, body []byte) {
	rw.Header().Set("Content-Type", contentType)
	rw.WriteHeader(status)
	_, _ = rw.Write(body)
}
