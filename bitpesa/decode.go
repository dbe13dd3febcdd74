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

// object takes the object out of its envelope and decodes it.
func object[T any](body []byte, decode func(json.RawMessage) (T, error)) (T, error) {
	var envelope struct{ Object json.RawMessage }
	var zero T
	if err := json.Unmarshal(body, &envelope); err != nil {
		return zero, err
	}
	if envelope.Object == nil {
		return zero, missing("object")
	}
	return decode(envelope.Object)
}

// into makes a transport decoder that keeps the object in *out.
func into[T any](out **T, decode func(json.RawMessage) (T, error)) func(*transport.Response) error {
	return func(r *transport.Response) error {
		value, err := object(r.Body, decode)
		if err != nil {
			return err
		}
		*out = &value
		return nil
	}
}

// listInto is into for an object that is a list.
func listInto[T any](out *[]T, decode func(json.RawMessage) (T, error)) func(*transport.Response) error {
	return func(r *transport.Response) (err error) {
		*out, err = object(r.Body, func(raw json.RawMessage) ([]T, error) { return decodeList(raw, decode) })
		return err
	}
}

func decodeList[T any](raw json.RawMessage, decode func(json.RawMessage) (T, error)) ([]T, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, err
	}
	if elements == nil {
		return nil, missing("object")
	}
	list := make([]T, 0, len(elements))
	for _, element := range elements {
		item, err := decode(element)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

// plain decodes what has no field that must be there.
func plain[T any](raw json.RawMessage) (T, error) {
	var value T
	err := wire.Unmarshal(raw, &value)
	return value, err
}
