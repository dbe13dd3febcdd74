package webhook

import (
	"encoding/hex"
	"time"
)

// Signed is what a Scheme found in a delivery. It is reused: nothing of it may
// be kept.
type Signed struct {
	// Time is when it was signed; zero if the scheme signs no time.
	Time time.Time
	// Once says that the signed text differs from delivery to delivery (it holds
	// a nonce), so that the same signature must not come twice. A Time implies it.
	Once bool
	// Prefix and then Body are the signed text. Prefix is empty scratch space to
	// append to; Body is the raw body unless the scheme puts something else.
	Prefix []byte
	Body   []byte

	size  int
	count int
	text  [2 * maxMAC]byte
	sums  [maxSignatures][maxMAC]byte
}

const maxSignatures = 8

// Add offers a signature in hex; one of those offered has to be right. It
// reports whether the text can be a signature at all, and refuses a ninth.
func (s *Signed) Add(signature string) bool {
	if len(signature) != 2*s.size || s.count == maxSignatures {
		return false
	}
	n := copy(s.text[:], signature)
	s.sums[s.count] = [maxMAC]byte{}
	if _, err := hex.Decode(s.sums[s.count][:], s.text[:n]); err != nil {
		return false
	}
	s.count++
	return true
}

func (s *Signed) reset(body []byte) {
	s.Time, s.Once, s.count = time.Time{}, false, 0
	s.Prefix, s.Body = s.Prefix[:0], body
}
