package bitpesa

import (
	"encoding/json"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// missing is the decode error of an answer without a field that makes it what
// it is. An answer like that settles nothing.
type missing string

func (m missing) Error() string { return "answer without " + string(m) }

// lacking is an object that tells which such field it lacks, if any.
type lacking interface{ lacks() string }

func whole(object any) error {
	if o, ok := object.(lacking); ok {
		if name := o.lacks(); name != "" {
			return missing(name)
		}
	}
	return nil
}

// lacksID is for objects that need no more than their id.
func lacksID(id string) string {
	if id == "" {
		return "id"
	}
	return ""
}

func decode[T any](raw json.RawMessage) (T, error) {
	var value T
	err := wire.Unmarshal(raw, &value)
	if err == nil {
		err = whole(&value)
	}
	return value, err
}

func decodeList[T any](raw json.RawMessage) ([]T, error) {
	var list []T
	if err := wire.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	for i := range list {
		if err := whole(&list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// unwrap takes the object out of its envelope.
func unwrap(body []byte) (json.RawMessage, error) {
	var envelope struct {
		Object json.RawMessage `json:"object"`
	}
	if err := wire.Unmarshal(body, &envelope); err != nil {
		return nil, err
	}
	if envelope.Object == nil {
		return nil, missing("object")
	}
	return envelope.Object, nil
}

// into makes a transport decoder that unwraps the object and keeps it in *out.
func into[T any](out **T, decode func(json.RawMessage) (T, error)) func(*transport.Response) error {
	return func(r *transport.Response) error {
		raw, err := unwrap(r.Body)
		if err != nil {
			return err
		}
		value, err := decode(raw)
		if err != nil {
			return err
		}
		*out = &value
		return nil
	}
}

// intoList is into for an object that is a list.
func intoList[T any](out *[]T) func(*transport.Response) error {
	return func(r *transport.Response) error {
		raw, err := unwrap(r.Body)
		if err == nil {
			*out, err = decodeList[T](raw)
		}
		return err
	}
}
