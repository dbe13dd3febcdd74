package kotani

import (
	"encoding/json"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// missing is the decode error of an answer without a field that makes it what
// it is. An answer like that settles nothing.
type missing string

func (m missing) Error() string { return "answer without " + string(m) }

// into makes a transport decoder that keeps its result in *out.
func into[T any](out **T, decode func(body []byte) (T, error)) func(*transport.Response) error {
	return func(r *transport.Response) error {
		value, err := decode(r.Body)
		if err != nil {
			return err
		}
		*out = &value
		return nil
	}
}

// result returns what stands under "result", which many answers wrap their
// object in, or the answer itself. ok reports whether there was a wrapper.
func result(body []byte) (inner json.RawMessage, ok bool, err error) {
	var w struct {
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, false, err
	}
	if w.Result == nil || string(w.Result) == "null" {
		return body, false, nil
	}
	return w.Result, true, nil
}

// shownAmount reads an amount which an answer shows in passing: a number or its
// text. Anything else is no amount and no reason to doubt the answer.
func shownAmount(raw json.RawMessage) decimal.NullDecimal {
	var d wire.Decimal
	if len(raw) == 0 || d.UnmarshalJSON(raw) != nil {
		return decimal.NullDecimal{}
	}
	return d.Null()
}
