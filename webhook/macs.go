package webhook

import (
	"crypto/hmac"
	"crypto/subtle"
	"hash"
	"sync"
)

// macs computes one provider's HMACs with any of several secrets. Keyed states
// are pooled: setting a key costs more than a short body. Secrets are reachable
// only through closures, where no %+v finds them.
type macs struct{ pools []*sync.Pool }

// maxMAC is the size of the largest sum, HMAC-SHA512's.
const maxMAC = 64

type mac struct {
	hash.Hash
	sum [maxMAC]byte
}

func newMACs(hash func() hash.Hash, secrets []string) *macs {
	m := &macs{}
	for _, s := range secrets {
		m.pools = append(m.pools, &sync.Pool{New: func() any { return &mac{Hash: hmac.New(hash, []byte(s))} }})
	}
	return m
}

// sum returns the MAC of the parts, one after the other, with one secret.
func (m *macs) sum(secret int, parts ...[]byte) (sum [maxMAC]byte) {
	h := m.pools[secret].Get().(*mac)
	h.Reset()
	for _, p := range parts {
		_, _ = h.Write(p) // a hash never fails
	}
	h.Hash.Sum(h.sum[:0])
	copy(sum[:], h.sum[:h.Size()])
	m.pools[secret].Put(h)
	return sum
}

// match says which secret made one of the given MACs, and that MAC; -1 for none.
// All are compared, each in constant time.
func (m *macs) match(given [][maxMAC]byte, parts ...[]byte) (secret int, sum [maxMAC]byte) {
	secret = -1
	for i := range m.pools {
		want := m.sum(i, parts...)
		for g := range given {
			if subtle.ConstantTimeCompare(want[:], given[g][:]) == 1 {
				secret, sum = i, want
			}
		}
	}
	return secret, sum
}

// matchShort is match for one MAC that was cut to its first bytes.
func (m *macs) matchShort(given []byte, parts ...[]byte) (secret int) {
	secret = -1
	for i := range m.pools {
		want := m.sum(i, parts...)
		if subtle.ConstantTimeCompare(want[:len(given)], given) == 1 {
			secret = i
		}
	}
	return secret
}
