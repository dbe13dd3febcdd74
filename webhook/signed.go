package webhook

import (
	"crypto/subtle"
	"encoding/hex"
	"net/http"
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

	macs     *macs
	size     int // of a MAC
	given    [maxSignatures][maxMAC]byte
	count    int
	delivery Delivery
}

const maxSignatures = 8

// Add offers a signature in hex; one of those offered has to be right. It reports
// whether the text can be a signature at all, and refuses a ninth.
func (s *Signed) Add(signature string) bool {
	if len(signature) != 2*s.size || s.count == maxSignatures {
		return false
	}
	if _, err := hex.Decode(s.given[s.count][:], []byte(signature)); err != nil {
		return false
	}
	s.count++
	return true
}

func (s *Signed) begin(r *http.Request, body []byte) {
	s.delivery.Request, s.delivery.body = r, body
	s.Time, s.Once, s.Prefix, s.Body, s.count = time.Time{}, false, s.Prefix[:0], body, 0
}

// match says which secret made one of the signatures, and the first 128 bits of
// its MAC; -1 for none. All are compared, each in constant time.
func (s *Signed) match() (secret int, mark [16]byte) {
	secret = -1
	for i := range s.macs.states {
		sum := s.macs.sum(i, s.Prefix, s.Body)
		for n := range s.given[:s.count] {
			if subtle.ConstantTimeCompare(sum, s.given[n][:s.size]) == 1 {
				secret, mark = i, [16]byte(sum)
			}
		}
	}
	return secret, mark
}
