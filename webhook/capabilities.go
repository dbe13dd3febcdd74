package webhook

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/shopspring/decimal"
)

// Bound is what a capability URL was minted for. A callback to that URL can only be
// about it.
type Bound struct {
	Reference string
	Amount    decimal.NullDecimal // not bound unless Valid
	Currency  string              // not bound if empty
	Expires   time.Time           // whole seconds; set by URL
}

// CapabilityConfig sets up capability URLs for one provider.
type CapabilityConfig struct {
	// Provider is Source.Provider. A URL minted for one provider is refused by the
	// capabilities of another.
	Provider string
	// BaseURL is where the handler is mounted, https except for loopback. The
	// capability is appended to it as one path segment.
	BaseURL string
	// Lifetime of a URL; 0 is 30 days (assumed: reversals come late, and no
	// provider says how late).
	Lifetime time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Capabilities mints a callback URL per transaction, for providers that take a URL
// with each request, and accepts deliveries to such URLs. The last path segment
// holds reference, amount, currency and expiry, and a 128-bit HMAC-SHA256 over
// these and the provider. So nothing is stored, and a leaked URL opens one
// transaction only. Safe for concurrent use.
type Capabilities struct {
	cfg  CapabilityConfig
	pool sync.Pool // of *macs
}

// NewCapabilities takes keys of at least 16 bytes. The first key mints, and the
// URLs of all keys are accepted. To rotate, put the new key in front, and drop the
// old key when its last URL has expired.
func NewCapabilities(cfg CapabilityConfig, keys ...string) (*Capabilities, error) {
	cfg.Lifetime = cmp.Or(cfg.Lifetime, 30*24*time.Hour)
	cfg.Now = orNow(cfg.Now)
	f := faults{of: "Capabilities: "}
	f.must(cfg.Provider != "", "no provider")
	f.must(cfg.Lifetime >= time.Second, "lifetime under a second")
	f.must(callable(cfg.BaseURL), "BaseURL is no absolute https URL without query and fragment")
	f.must(len(keys) > 0, "no key")
	for i, k := range keys {
		f.must(len(k) >= minSecretBytes, "key %d has fewer than %d bytes", i, minSecretBytes)
		fault := transport.KeyFault(k)
		f.must(k == "" || fault == "", "key %d %s", i, fault)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/") + "/"
	c := &Capabilities{cfg: cfg}
	keys = slices.Clone(keys)
	c.pool.New = func() any { return newMACs(sha256.New, keys) }
	return c, nil
}

// URL mints a callback URL. Expires is set from the clock and Lifetime.
func (c *Capabilities) URL(b Bound) (string, error) {
	if b.Reference == "" || !plain(b.Reference) || len(b.Currency) > maxCurrencyBytes || !plain(b.Currency) {
		return "", fmt.Errorf("%w: capability: reference or currency is not plain text", ErrConfiguration)
	}
	b.Expires = c.cfg.Now().Add(c.cfg.Lifetime)
	text, err := b.encode()
	if err != nil {
		return "", err
	}
	m := c.pool.Get().(*macs)
	defer c.pool.Put(m)
	sum := m.sum(0, c.label(), text)
	return c.cfg.BaseURL + capabilityText.EncodeToString(append(text, sum[:capabilityMAC]...)), nil
}

// Mint is URL in the form of the clients' Config.CallbackURL. Set it there, and
// each payment and payout gets a callback URL of its own.
func (c *Capabilities) Mint(reference string, amount decimal.Decimal, currency string) (string, error) {
	return c.URL(Bound{Reference: reference, Amount: decimal.NewNullDecimal(amount), Currency: currency})
}

// Check reads the capability in the last segment of a URL's path, for code that
// does not use Handler. Its error is ErrUnauthenticated without detail.
func (c *Capabilities) Check(path string) (Bound, error) {
	bound, _, err := c.check(path)
	return bound, err
}

// Authenticate makes Capabilities an Authenticator.
func (c *Capabilities) Authenticate(d *Delivery) (Proof, error) {
	bound, key, err := c.check(d.Request.URL.Path)
	if err != nil {
		return Proof{}, err
	}
	return Proof{Secret: key, Bound: &bound}, nil
}

func (c *Capabilities) check(path string) (Bound, int, error) {
	segment, err := lastSegment(path)
	if err != nil {
		return Bound{}, 0, err
	}
	if len(segment) > maxCapabilityText {
		return Bound{}, 0, ErrUnauthenticated
	}
	raw, err := capabilityText.DecodeString(segment)
	if err != nil || len(raw) <= capabilityMAC {
		return Bound{}, 0, ErrUnauthenticated
	}
	text, given := raw[:len(raw)-capabilityMAC], raw[len(raw)-capabilityMAC:]
	key := c.keyOf(text, given)
	if key < 0 {
		return Bound{}, 0, ErrUnauthenticated
	}
	bound, err := decodeBound(text)
	if err != nil || !c.cfg.Now().Before(bound.Expires) {
		return Bound{}, 0, ErrUnauthenticated
	}
	return bound, key, nil
}

// keyOf returns the index of the key that made the MAC; -1 for none.
func (c *Capabilities) keyOf(text, mac []byte) int {
	m := c.pool.Get().(*macs)
	defer c.pool.Put(m)
	key := -1
	for i := range m.states {
		key = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(m.sum(i, c.label(), text)[:capabilityMAC], mac), i, key)
	}
	return key
}

const (
	capabilityMAC     = 16
	capabilityVersion = 1
	maxCurrencyBytes  = 16
	maxCapabilityText = maxSecretBytes // lastSegment sees no more of a path
)

// capabilityText is strict, so that every capability has one spelling.
var capabilityText = base64.RawURLEncoding.Strict()

// label separates these MACs from any other use of the same key.
func (c *Capabilities) label() []byte {
	return append([]byte("kapiten-go capability\x00"+c.cfg.Provider), 0)
}

// encode writes the version, the expiry in Unix seconds, currency and amount each
// after its length, and then the reference.
func (b Bound) encode() ([]byte, error) {
	amount := ""
	if b.Amount.Valid {
		amount = b.Amount.Decimal.String()
		if _, err := wire.ParseDecimal(amount); err != nil {
			return nil, fmt.Errorf("%w: capability: amount out of bounds", ErrConfiguration)
		}
	}
	out := []byte{capabilityVersion}
	out = binary.AppendUvarint(out, uint64(b.Expires.Unix()))
	out = append(append(out, byte(len(b.Currency))), b.Currency...)
	out = append(append(out, byte(len(amount))), amount...)
	return append(out, b.Reference...), nil
}

var errCapability = errors.New("capability malformed")

func decodeBound(text []byte) (Bound, error) {
	seconds, n := binary.Uvarint(text[1:])
	if text[0] != capabilityVersion || n <= 0 {
		return Bound{}, errCapability
	}
	currency, rest, hasCurrency := cutField(text[1+n:])
	amount, reference, hasAmount := cutField(rest)
	if !hasCurrency || !hasAmount || len(reference) == 0 {
		return Bound{}, errCapability
	}
	b := Bound{Reference: string(reference), Currency: string(currency), Expires: time.Unix(int64(seconds), 0)}
	if len(amount) > 0 {
		d, err := wire.ParseDecimal(string(amount))
		if err != nil {
			return Bound{}, errCapability
		}
		b.Amount = decimal.NewNullDecimal(d)
	}
	return b, nil
}

func cutField(text []byte) (field, rest []byte, ok bool) {
	if len(text) == 0 || len(text) < 1+int(text[0]) {
		return nil, nil, false
	}
	end := 1 + int(text[0])
	return text[1:end], text[end:], true
}

func callable(base string) bool {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return false
	}
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return u.Scheme == "http" || u.Scheme == "https"
	}
	return u.Scheme == "https"
}
