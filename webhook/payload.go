package webhook

import "encoding/json"

// payload is a delivery that was let in, as stored for later: the body and what
// authentication had proved.
type payload struct {
	Body  []byte `json:"body"`
	Trust Trust  `json:"trust"`
	Bound []byte `json:"bound,omitempty"` // as in a capability
}

func encodePayload(body []byte, trust Trust, bound *Bound) ([]byte, error) {
	p := payload{Body: body, Trust: trust}
	if bound != nil {
		text, err := bound.encode()
		if err != nil {
			return nil, err
		}
		p.Bound = text
	}
	return json.Marshal(p)
}

func decodePayload(stored []byte) (p payload, err error) {
	err = json.Unmarshal(stored, &p)
	return p, err
}

func (p payload) bound() (*Bound, error) {
	if len(p.Bound) == 0 {
		return nil, nil
	}
	b, err := decodeBound(p.Bound)
	return &b, err
}
