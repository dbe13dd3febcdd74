package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"strings"
)

// IDs makes the ids of one provider. Each provider has a sequence of its own,
// so that traffic at one fake does not change the ids of another. The World's
// lock is held by whoever calls it.
type IDs struct {
	seed1, seed2 uint64
	source       *rand.PCG
}

// IDs returns the provider's id source. The lock is held.
func (w *World) IDs(provider string) *IDs {
	ids := w.ids[provider]
	if ids == nil {
		h := fnv.New64a()
		_, _ = io.WriteString(h, provider) // a hash never fails
		ids = &IDs{seed1: w.opts.Seed, seed2: h.Sum64(), source: &rand.PCG{}}
		ids.reset()
		w.ids[provider] = ids
	}
	return ids
}

// UUID is a random UUID of version 4.
func (i *IDs) UUID() string {
	var b [16]byte
	i.fill(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// Hex is n lower-case hex digits.
func (i *IDs) Hex(n int) string {
	b := make([]byte, (n+1)/2)
	i.fill(b)
	return hex.EncodeToString(b)[:n]
}

// Digits is n decimal digits; the first may be zero.
func (i *IDs) Digits(n int) string {
	b := make([]byte, n)
	for k := range b {
		b[k] = '0' + byte(i.source.Uint64()%10)
	}
	return string(b)
}

// Derived is n hex digits (64 at most) that depend on the seed and the parts
// alone, not on what was drawn before: for nonces of attempts that run side by
// side.
func (i *IDs) Derived(n int, parts ...string) string {
	h := sha256.New()
	var seed [16]byte
	for k := range 8 {
		seed[k], seed[8+k] = byte(i.seed1>>(8*k)), byte(i.seed2>>(8*k))
	}
	h.Write(seed[:])
	_, _ = io.WriteString(h, strings.Join(parts, "\x00"))
	return hex.EncodeToString(h.Sum(nil))[:min(n, 64)]
}

func (i *IDs) fill(b []byte) {
	for k := 0; k < len(b); k += 8 {
		v := i.source.Uint64()
		for j := k; j < min(k+8, len(b)); j++ {
			b[j] = byte(v)
			v >>= 8
		}
	}
}

func (i *IDs) reset() { i.source.Seed(i.seed1, i.seed2) }
