package bitpesatest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// maxNonces bounds the memory of used nonces; the oldest are forgotten. The
// vendor does not say how long its own memory is.
const maxNonces = 1 << 16

// nonces remembers which (key, nonce) were used.
type nonces struct {
	seen map[string]bool
	ring []string // oldest at next once full
	next int
}

// first notes a nonce and reports whether it is new.
func (n *nonces) first(key, nonce string) bool {
	sum := sha256.Sum256([]byte(key + "\x00" + nonce))
	id := hex.EncodeToString(sum[:16]) // a nonce may be long
	if n.seen[id] {
		return false
	}
	n.note(id)
	return true
}

func (n *nonces) note(id string) {
	if n.seen == nil {
		n.seen = map[string]bool{}
	}
	n.seen[id] = true
	if len(n.ring) < maxNonces {
		n.ring = append(n.ring, id)
		return
	}
	delete(n.seen, n.ring[n.next])
	n.ring[n.next] = id
	n.next = (n.next + 1) % maxNonces
}

// MarshalJSON implements json.Marshaler: a list, oldest first.
func (n *nonces) MarshalJSON() ([]byte, error) {
	return json.Marshal(append(append([]string{}, n.ring[n.next:]...), n.ring[:n.next]...))
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *nonces) UnmarshalJSON(data []byte) error {
	var ids []string
	if err := json.Unmarshal(data, &ids); err != nil {
		return err
	}
	*n = nonces{}
	for _, id := range ids {
		n.note(id)
	}
	return nil
}
