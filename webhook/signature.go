package webhook

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Scheme reads a provider's signature from a delivery and says which text is
// signed. HexHeader and Timestamped make schemes. Any error means that the
// delivery is not authenticated, and its text is dropped. A Scheme must be safe for
// concurrent use and must not keep s.
type Scheme func(d *Delivery, s *Signed) error

// SignatureConfig sets up an HMAC authenticator.
type SignatureConfig struct {
	Scheme Scheme
	// Hash under the HMAC; nil is SHA-256.
	Hash func() hash.Hash
	// Tolerance is how far a signed time may be from the clock, before or after;
	// 0 is five minutes (assumed: no provider states a tolerance).
	Tolerance time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Signature checks an HMAC over the body. Several secrets are valid at once; none
// may be empty. A delivery that is sent again passes again: the inbox recognises it.
func Signature(c SignatureConfig, secrets ...string) Authenticator {
	f := faults{of: "Signature: "}
	a := f.signature(c, 0, secrets...)
	if err := f.err(); err != nil {
		return faulty{err, proves{signed: true}}
	}
	return a
}

// signature makes a signature, and adds what is wrong with it. first is the number by which
// a fault names the first secret.
func (f *faults) signature(c SignatureConfig, first int, secrets ...string) *signature {
	if c.Hash == nil {
		c.Hash = sha256.New
	}
	c.Tolerance = cmp.Or(c.Tolerance, 5*time.Minute)
	c.Now = orNow(c.Now)
	size := c.Hash().Size()
	f.must(c.Scheme != nil, "no scheme")
	f.must(c.Tolerance >= 0, "negative duration")
	f.must(size >= sha256.Size && size <= maxMAC, "hash weaker than SHA-256 or larger than 64 bytes")
	f.must(len(secrets) > 0, "no secret")
	for i, s := range secrets {
		fault := transport.KeyFault(s)
		f.must(fault == "", "secret %d %s", first+i, fault)
	}
	s := &signature{SignatureConfig: c}
	s.pool.New = func() any { return &Signed{macs: newMACs(c.Hash, secrets), size: size} }
	return s
}

// HexHeader is the scheme of a header that holds a prefix, such as "sha256=", and
// the hex HMAC of the raw body. Neither a time nor a nonce is signed.
func HexHeader(header, prefix string) Scheme {
	header = http.CanonicalHeaderKey(header)
	return func(d *Delivery, s *Signed) error {
		value, err := onlyHeader(d, header)
		if err != nil {
			return err
		}
		signature, ok := strings.CutPrefix(value, prefix)
		if !ok || !s.Add(signature) {
			return errors.New("signature malformed")
		}
		return nil
	}
}

// Timestamped is the scheme of a header like "t=1763742000,v1=<hex>". The HMAC is
// over "<t>.<raw body>", and t is in Unix seconds. During a rotation a sender may
// send several v1, or several such values with the same t, separated by spaces.
// Other keys are ignored, because they may be weaker versions.
func Timestamped(header string) Scheme {
	header = http.CanonicalHeaderKey(header)
	return func(d *Delivery, s *Signed) error {
		value, err := onlyHeader(d, header)
		if err != nil {
			return err
		}
		stamp := ""
		for value != "" {
			part := value
			if end := strings.IndexAny(value, ", "); end >= 0 {
				part, value = value[:end], value[end+1:]
			} else {
				value = ""
			}
			key, text, _ := strings.Cut(part, "=")
			switch {
			case key == "t" && (stamp == "" || stamp == text):
				stamp = text
			case key == "t":
				return errors.New("two times")
			case key == "v1" && !s.Add(text):
				return errors.New("signature malformed")
			}
		}
		if s.Time, err = unixSeconds(stamp); err != nil {
			return err
		}
		s.Prefix = append(append(s.Prefix, stamp...), '.')
		return nil
	}
}

// Signed is what a Scheme fills in. It is reused, so keep nothing of it.
type Signed struct {
	// Time is the signed time; zero if the scheme signs no time.
	Time time.Time
	// Prefix and then Body are the signed text. Append to Prefix, which is empty.
	// Body is the raw body unless the scheme replaces it.
	Prefix []byte
	Body   []byte

	others   [][]byte // that may be signed instead of Body
	macs     *macs
	size     int // of a MAC
	given    [maxSignatures][maxMAC]byte
	count    int
	delivery Delivery
}

// Add adds a signature in hex. One of those added must be right. It reports false
// for a text that cannot be a signature, and for a ninth signature.
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

type signature struct {
	SignatureConfig
	pool sync.Pool
}

func (s *signature) Authenticate(d *Delivery) (Proof, error) {
	body, err := d.Body()
	if err != nil {
		return Proof{}, err
	}
	return s.check(d.Request, body)
}

func (s *signature) check(r *http.Request, body []byte) (Proof, error) {
	signed := s.pool.Get().(*Signed)
	defer s.pool.Put(signed)
	signed.begin(r, body)
	if s.Scheme(&signed.delivery, signed) != nil || !s.timely(signed) {
		return Proof{}, ErrUnauthenticated
	}
	secret := signed.match()
	if secret < 0 {
		return Proof{}, ErrUnauthenticated
	}
	return Proof{Signed: true, Secret: secret}, nil
}

func (s *signature) timely(signed *Signed) bool {
	return signed.Time.IsZero() || s.Now().Sub(signed.Time).Abs() <= s.Tolerance
}

const maxSignatures = 8

func (s *Signed) begin(r *http.Request, body []byte) {
	s.delivery.Request, s.delivery.body = r, body
	s.Time, s.Prefix, s.Body, s.others, s.count = time.Time{}, s.Prefix[:0], body, nil, 0
}

// match returns the index of the secret that made one of the signatures; -1 for
// none. It compares all, each in constant time.
func (s *Signed) match() int {
	found := s.matchText(s.Body)
	for _, text := range s.others {
		if found < 0 {
			found = s.matchText(text)
		}
	}
	return found
}

func (s *Signed) matchText(text []byte) int {
	secret := -1
	for i := range s.macs.states {
		sum := s.macs.sum(i, s.Prefix, text)
		for n := range s.given[:s.count] {
			if subtle.ConstantTimeCompare(sum, s.given[n][:s.size]) == 1 {
				secret = i
			}
		}
	}
	return secret
}

// maxSignatureHeader is far above the length of any scheme's header.
const maxSignatureHeader = 4096

// onlyHeader returns a header that must occur once. The name is in canonical form.
func onlyHeader(d *Delivery, name string) (string, error) {
	values := d.Request.Header[name]
	if len(values) != 1 || len(values[0]) > maxSignatureHeader {
		return "", errors.New("header missing, repeated or too long")
	}
	return values[0], nil
}

// unixSeconds accepts only digits without a leading zero, so that each time has
// one spelling.
func unixSeconds(text string) (time.Time, error) {
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err != nil || len(text) > 12 || text[0] == '0' {
		return time.Time{}, errors.New("time malformed")
	}
	return time.Unix(int64(seconds), 0), nil
}

// macs holds an HMAC state for each secret, and space for a sum. Setting a key
// costs more than hashing a short body, so macs are pooled. The pool makes them in
// a closure, which hides the secrets from %+v.
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

// sum is the MAC of prefix and text with one of the secrets. The next sum
// overwrites it.
func (m *macs) sum(secret int, prefix, text []byte) []byte {
	h := m.states[secret]
	h.Reset()
	if len(prefix) > 0 {
		_, _ = h.Write(prefix) // a hash never fails
	}
	_, _ = h.Write(text)
	return h.Sum(m.space[:0])
}
