package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Scheme reads where a provider puts its signature and names what it signed. Any
// error means that the delivery is not authenticated; its text is dropped. A
// Scheme must be safe for concurrent use and must not keep s.
type Scheme func(d *Delivery, s *Signed) error

// SignatureConfig sets up an HMAC authenticator.
type SignatureConfig struct {
	Scheme Scheme
	// Hash under the HMAC; nil is SHA-256.
	Hash func() hash.Hash
	// Tolerance is how far a signed time may be from the clock, to either side;
	// 0 is five minutes (assumed: no provider states one).
	Tolerance time.Duration
	// Remember is how long a signature that counts once is remembered; 0 is
	// 24 hours. Never shorter than a signed time stays acceptable.
	Remember time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Signature checks an HMAC over the body. Several secrets are valid at once; an
// empty one is refused at construction. Where the scheme signs a time or a nonce
// each signature counts once; the memory of that is this process's own and
// bounded, behind it stands the inbox.
func Signature(c SignatureConfig, secrets ...string) Authenticator {
	if c.Hash == nil {
		c.Hash = sha256.New
	}
	if c.Tolerance == 0 {
		c.Tolerance = 5 * time.Minute
	}
	if c.Remember == 0 {
		c.Remember = 24 * time.Hour
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &signature{SignatureConfig: c, err: c.check(secrets)}
	if s.err == nil {
		s.used = newReplays(max(c.Remember, 2*c.Tolerance+time.Second), c.Now)
		s.pool.New = func() any { return &Signed{macs: newMACs(c.Hash, secrets), size: c.Hash().Size()} }
	}
	return s
}

// HexHeader is the scheme of a header that holds a prefix, such as "sha256=", and
// the hex HMAC of the raw body. It signs neither time nor nonce: an old delivery
// can be sent again, and only the inbox sees that.
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

// Timestamped is the scheme of a header like "t=1763742000,v1=<hex>", signed
// over "<t>.<raw body>", t in Unix seconds. During a rotation a sender may put
// several v1, or several such pairs with one t, separated by spaces. Other keys
// are ignored: a weaker version beside v1 proves nothing.
func Timestamped(header string) Scheme {
	header = http.CanonicalHeaderKey(header)
	return func(d *Delivery, s *Signed) error {
		value, err := onlyHeader(d, header)
		if err != nil {
			return err
		}
		stamp := ""
		for value != "" {
			var pair string
			pair, value = cutPair(value)
			key, text, _ := strings.Cut(pair, "=")
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

type signature struct {
	SignatureConfig
	used *replays
	pool sync.Pool
	err  error
}

func (c SignatureConfig) check(secrets []string) error {
	var faults []error
	fault := func(text string) { faults = append(faults, fmt.Errorf("%w: Signature: %s", ErrConfiguration, text)) }
	if c.Scheme == nil {
		fault("no scheme")
	}
	if c.Tolerance < 0 || c.Remember < 0 {
		fault("negative duration")
	}
	if size := c.Hash().Size(); size < sha256.Size || size > maxMAC {
		fault("hash weaker than SHA-256 or larger than 64 bytes")
	}
	if len(secrets) == 0 {
		fault("no secret")
	}
	for i, s := range secrets {
		if s == "" {
			fault(fmt.Sprintf("secret %d is empty", i))
		}
	}
	return errors.Join(faults...)
}

func (s *signature) fault() error { return s.err }

func (s *signature) Authenticate(d *Delivery) (Proof, error) {
	if s.err != nil {
		return Proof{}, ErrUnauthenticated
	}
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
	secret, mark := signed.match()
	if secret < 0 {
		return Proof{}, ErrUnauthenticated
	}
	if !signed.Once && signed.Time.IsZero() {
		return Proof{Signed: true, Secret: secret}, nil
	}
	if !s.used.add(mark) {
		return Proof{}, fmt.Errorf("%w: %w", ErrUnauthenticated, errReplayed)
	}
	return Proof{Signed: true, Secret: secret, used: s.used, mark: mark}, nil
}

func (s *signature) timely(signed *Signed) bool {
	return signed.Time.IsZero() || s.Now().Sub(signed.Time).Abs() <= s.Tolerance
}

const maxSignatures = 8

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

// Headers longer than this carry no signature of ours.
const maxSignatureHeader = 4096

// onlyHeader takes the name in its canonical form.
func onlyHeader(d *Delivery, name string) (string, error) {
	values := d.Request.Header[name]
	if len(values) != 1 || len(values[0]) > maxSignatureHeader {
		return "", errors.New("header missing, repeated or too long")
	}
	return values[0], nil
}

func cutPair(text string) (before, after string) {
	for i := range len(text) {
		if text[i] == ',' || text[i] == ' ' {
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

// unixSeconds takes digits only and few of them: one text per time.
func unixSeconds(text string) (time.Time, error) {
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err != nil || len(text) > 12 || text[0] == '0' {
		return time.Time{}, errors.New("time malformed")
	}
	return time.Unix(int64(seconds), 0), nil
}

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

// replays remembers which signatures were used, by their first 128 bits, for a
// while and up to a number.
// Only genuine signatures enter, so a stranger cannot push one out.
type replays struct {
	mu   sync.Mutex
	ttl  time.Duration
	now  func() time.Time
	seen map[[16]byte]uint64 // mark to its place in the order of arrival
	ring []replay            // grows up to maxReplays, then the oldest goes
	from uint64              // oldest place still in the ring
	next uint64
}

type replay struct {
	mark [16]byte
	till time.Time
}

const maxReplays = 1 << 16

func newReplays(ttl time.Duration, now func() time.Time) *replays {
	return &replays{ttl: ttl, now: now, seen: map[[16]byte]uint64{}}
}

// add reports whether the mark is new.
func (r *replays) add(mark [16]byte) bool {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.from < r.next && !now.Before(r.at(r.from).till) {
		r.drop()
	}
	if _, used := r.seen[mark]; used {
		return false
	}
	if r.next-r.from == maxReplays {
		r.drop()
	}
	if r.next < maxReplays && int(r.next) == len(r.ring) {
		r.ring = append(r.ring, replay{})
	}
	r.seen[mark] = r.next
	*r.at(r.next) = replay{mark, now.Add(r.ttl)}
	r.next++
	return true
}

func (r *replays) forget(mark [16]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.seen, mark)
}

func (r *replays) at(place uint64) *replay { return &r.ring[place%maxReplays] }

// drop forgets the oldest, unless its mark was forgotten and added again since.
func (r *replays) drop() {
	if old := r.at(r.from); r.seen[old.mark] == r.from {
		delete(r.seen, old.mark)
	}
	r.from++
}
