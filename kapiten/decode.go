package kapiten

import (
	"encoding/json"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// missing is the decode error of an answer without a field that makes it what
// it is. An answer like that settles nothing.
type missing string

func (m missing) Error() string { return "answer without " + string(m) }

// into makes a transport decoder that keeps its result in *out.
func into[T any](out **T, decode func(json.RawMessage) (T, error)) func(*transport.Response) error {
	return func(r *transport.Response) error {
		value, err := decode(r.Body)
		if err != nil {
			return err
		}
		*out = &value
		return nil
	}
}
