package webhook

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"net/http"
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
