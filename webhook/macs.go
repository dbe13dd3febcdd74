package webhook

import (
	"crypto/hmac"
	"hash"
)

// macs are the keyed states of one provider's HMAC, one for each secret, and
// space for a sum. Setting a key costs more than a short body, so they are pooled
// and never shared. Pools make them in a closure, where no %+v finds a secret.
type macs struct {
	states []hash.Hash
	space  [maxMAC]byte
}

// maxMAC is the size of the largest sum, HMAC-SHA512's.
const maxMAC = 64

func newMACs(hash func() hash.Hash, secrets []string) *macs {
	m := &macs{}
	for _, s := range secrets {
		m.states = append(m.states, hmac.New(hash, []byte(s)))
	}
	return m
}

// sum is the MAC of prefix and text with one of the secrets, until the next one.
func (m *macs) sum(secret int, prefix, text []byte) []byte {
	h := m.states[secret]
	h.Reset()
	if len(prefix) > 0 {
		_, _ = h.Write(prefix) // a hash never fails
	}
	_, _ = h.Write(text)
	return h.Sum(m.space[:0])
}
