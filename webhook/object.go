package webhook

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

// object is a JSON object split into its members, each as received.
type object struct {
	members []member
	space   [12]member
}

type member struct{ name, value []byte }

var errNotObject = errors.New("not a JSON object")

// read splits a body, which it keeps. It refuses a key that comes twice, as
// uniqueKeys does.
func (o *object) read(body []byte) error {
	if text := bytes.TrimSpace(body); len(text) == 0 || text[0] != '{' || !json.Valid(text) {
		return errNotObject
	}
	o.members = o.space[:0]
	return o.split(body)
}

// raw is a member's value; nil if there is none. Case does not matter, as it does
// not to encoding/json.
func (o *object) raw(name string) json.RawMessage {
	for i := range o.members {
		if m := &o.members[i]; string(m.name) == name || len(m.name) == len(name) && bytes.EqualFold(m.name, []byte(name)) {
			return m.value
		}
	}
	return nil
}

// text is a member that is a string, a number or null, as text; empty if there
// is none.
func (o *object) text(name string) (string, error) {
	var t wire.Text
	raw := o.raw(name)
	if raw == nil {
		return "", nil
	}
	err := t.UnmarshalJSON(raw)
	return string(t), err
}
