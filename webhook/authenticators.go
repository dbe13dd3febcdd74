package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Authenticator decides whether a delivery comes from the provider. It refuses with
// ErrUnauthenticated without detail, and returns an error of Delivery.Body as it
// is. Safe for concurrent use.
type Authenticator interface {
	Authenticate(d *Delivery) (Proof, error)
}

// Delivery is one request that brings a callback, while it is being authenticated.
type Delivery struct {
	// Request gives method, URL, headers and peer. Its body is read through Body.
	Request *http.Request

	read func() ([]byte, error)
	body []byte
	err  error
}

// Body returns the raw body, read on the first call. An Authenticator that can
// decide without it should, because a stranger's body then costs nothing.
func (d *Delivery) Body() ([]byte, error) {
	if d.read != nil {
		d.body, d.err = d.read()
		d.read = nil
	}
	return d.body, d.err
}

// halfRead adds to an error that the body is shorter than its header says. net/http tells
// of a sender that cuts a body short, so code before the handler has read a part.
func (d *Delivery) halfRead(err error) error {
	if d.read != nil || d.err != nil || int64(len(d.body)) >= d.Request.ContentLength {
		return err
	}
	return fmt.Errorf("%w: the body is shorter than its Content-Length; a middleware may have read a part", err)
}

// Proof is what authentication found about a delivery.
type Proof struct {
	// Signed says that a signature over the body was checked.
	Signed bool
	// Secret is the index of the secret that matched in the deciding
	// authenticator. Drop an old secret once it no longer shows here.
	Secret int
	// Bound is what the callback URL was minted for; nil without a capability URL.
	Bound *Bound
}

// Verify authenticates a request whose raw body has been read, for code that does
// not use Handler. Read the body with ReadBody, because signatures need the bytes
// as received. All authenticators must agree; without any, Verify fails. Verify keeps
// nothing: the same delivery passes again, and is yours to recognise.
func Verify(r *http.Request, body []byte, all ...Authenticator) (Proof, error) {
	if len(all) == 0 {
		return Proof{}, fmt.Errorf("%w: nothing to verify with", ErrConfiguration)
	}
	if s, ok := all[0].(*signature); ok && len(all) == 1 {
		return s.check(r, body) // without a Delivery, so that nothing is allocated
	}
	every := AllOf(all...)
	if err := faultOf(every); err != nil {
		return Proof{}, err
	}
	return every.Authenticate(&Delivery{Request: r, body: body})
}

// PathSecret asks for a secret as the last segment of the URL's path, and compares
// it in constant time. Make it with crypto/rand.Text; it must have 16 to 1024
// URL-safe characters. Several secrets are valid at once, for rotation.
//
// Keep the path out of your access logs.
func PathSecret(values ...string) Authenticator {
	f := faults{of: "PathSecret: "}
	match := f.secrets("secret", values)
	for i, v := range values {
		f.must(!strings.ContainsFunc(v, func(r rune) bool { return !urlSafe(r) }), "secret %d needs escaping in a URL", i)
	}
	if err := f.err(); err != nil {
		return faulty{err: err}
	}
	return secretIn{match, func(r *http.Request) (string, error) { return lastSegment(r.URL.Path) }}
}

// QuerySecret asks for a secret in a parameter of the URL's query, which must occur
// exactly once. Otherwise it is like PathSecret. A query of more than 4096 bytes is
// refused.
func QuerySecret(parameter string, values ...string) Authenticator {
	f := faults{of: "QuerySecret: "}
	f.must(parameter != "", "no parameter")
	match := f.secrets("secret", values)
	if err := f.err(); err != nil {
		return faulty{err: err}
	}
	return secretIn{match, func(r *http.Request) (string, error) {
		if len(r.URL.RawQuery) > maxGiven {
			return "", ErrUnauthenticated
		}
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil || len(query[parameter]) != 1 {
			return "", ErrUnauthenticated
		}
		return query[parameter][0], nil
	}}
}

// BasicAuth asks for HTTP basic authentication. Use it for senders that accept a
// callback URL with user and password. The passwords must have 16 to 1024 bytes; several
// are valid at once.
func BasicAuth(user string, passwords ...string) Authenticator {
	f := faults{of: "BasicAuth: "}
	fault := transport.KeyFault(user)
	f.must(fault == "", "user %s", fault)
	f.must(!strings.Contains(user, ":"), "user holds a colon")
	f.must(len(user) <= maxSecretBytes, "user has more than %d bytes", maxSecretBytes)
	isPassword := f.secrets("password", passwords)
	if err := f.err(); err != nil {
		return faulty{err: err}
	}
	return basicAuth{secretsOf([]string{user}), isPassword}
}

// AllowList accepts senders whose address is in one of the ranges: CIDR, or a
// single address.
//
// Behind a reverse proxy, name the proxy's address in trustedProxies. The sender's
// address is then only in X-Forwarded-For, which anybody can write. So the header
// is read from the right, as long as each hop is a trusted proxy, beginning with
// the peer. The first hop that is no trusted proxy is the sender. Without trusted
// proxies the header is ignored. The trusted proxy "unix" is a peer that came by a
// Unix socket.
func AllowList(senders []string, trustedProxies ...string) Authenticator {
	f := faults{of: "AllowList: "}
	f.must(len(senders) > 0, "no address")
	allowed := f.ranges("sender", senders)
	unix := slices.Contains(trustedProxies, "unix")
	proxies := f.ranges(trustedProxy, trustedProxies)
	if err := f.err(); err != nil {
		return faulty{err: err}
	}
	return allowList{allowed, proxies, unix}
}

// AnyOf accepts a delivery that one of several authenticators accepts. They are
// asked in order. Use it to move from one authenticator to another.
func AnyOf(all ...Authenticator) Authenticator { return checked("AnyOf", all, anyOf(all)) }

// AllOf accepts a delivery that all of several authenticators accept. They are asked
// in order, so put those that need no body first.
func AllOf(all ...Authenticator) Authenticator { return checked("AllOf", all, allOf(all)) }

func checked(what string, all []Authenticator, a Authenticator) Authenticator {
	f := faults{of: what + ": "}
	f.must(len(all) > 0, "nothing to ask")
	for _, one := range all {
		f.all = append(f.all, faultOf(one))
	}
	if err := f.err(); err != nil {
		return faulty{err, whatProves(a)}
	}
	return a
}

// faulty is what a constructor returns for settings that cannot work. It lets
// nobody in, and New refuses it. It proves what it would prove without the faults, so that
// New names no consequence of them.
type faulty struct {
	err error
	proves
}

func (faulty) Authenticate(*Delivery) (Proof, error) { return Proof{}, ErrUnauthenticated }

func faultOf(a Authenticator) error {
	if isNil(a) {
		return fmt.Errorf("%w: no authenticator", ErrConfiguration)
	}
	f, _ := a.(faulty)
	return f.err
}

// proves is what every delivery has shown that an authenticator accepts.
type proves struct {
	signed, bound bool
	basic         bool     // it may ask for a password
	providers     []string // of the capabilities among them
}

// whatProves looks into an authenticator. One that this package does not know may
// prove anything; what it does prove is checked with each delivery.
func whatProves(a Authenticator) proves {
	switch a := a.(type) {
	case *signature, bitpesaKeys:
		return proves{signed: true}
	case *Capabilities:
		if a == nil {
			return proves{}
		}
		return proves{bound: true, providers: []string{a.cfg.Provider}}
	case basicAuth:
		return proves{basic: true}
	case faulty:
		return a.proves
	case secretIn, allowList, nil:
		return proves{}
	case anyOf:
		sum := proves{signed: true, bound: true}
		for _, one := range a {
			p := whatProves(one)
			sum = proves{sum.signed && p.signed, sum.bound && p.bound, sum.basic || p.basic, append(sum.providers, p.providers...)}
		}
		return sum
	case allOf:
		var sum proves
		for _, one := range a {
			p := whatProves(one)
			sum = proves{sum.signed || p.signed, sum.bound || p.bound, sum.basic || p.basic, append(sum.providers, p.providers...)}
		}
		return sum
	default:
		return proves{signed: true, bound: true}
	}
}

func (p Proof) trust() Trust {
	if p.Signed {
		return Verified
	}
	return Posted
}

func (p *Proof) add(other Proof) {
	if other.Signed || !p.Signed {
		p.Secret = other.Secret
	}
	p.Signed = p.Signed || other.Signed
	if other.Bound != nil {
		p.Bound = other.Bound
	}
}

// minSecretBytes keeps out secrets that can be guessed. Fewer than 16 bytes never
// hold 128 bits.
const minSecretBytes = 16

// A stranger's texts are neither decoded nor hashed beyond these bounds: a segment of
// a path beyond the first, a query or header beyond the second. The longest secret fits,
// even if each byte of it is escaped.
const (
	maxSecretBytes = 1024
	maxGiven       = 4096
)

// secrets returns the index of the secret that equals a text; -1 for none. The
// closure hides the secrets from %+v.
type secrets func(given string) int

// secrets reads secrets, and adds what is wrong with each.
func (f *faults) secrets(what string, values []string) secrets {
	f.must(len(values) > 0, "no %s", what)
	for i, v := range values {
		f.must(len(v) >= minSecretBytes, "%s %d has fewer than %d bytes", what, i, minSecretBytes)
		f.must(len(v) <= maxSecretBytes, "%s %d has more than %d bytes", what, i, maxSecretBytes)
		fault := transport.KeyFault(v)
		f.must(v == "" || fault == "", "%s %d %s", what, i, fault)
	}
	return secretsOf(values)
}

func secretsOf(values []string) secrets {
	sums := make([][sha256.Size]byte, len(values))
	for i, v := range values {
		sums[i] = sha256.Sum256([]byte(v))
	}
	return func(given string) int {
		// Hashes have equal lengths and all are compared, so time tells nothing.
		sum, found := sha256.Sum256([]byte(given)), -1
		for i := range sums {
			found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], sums[i][:]), i, found)
		}
		return found
	}
}

func (s secrets) check(given string) (Proof, error) {
	i := s(given)
	if given == "" || i < 0 {
		return Proof{}, ErrUnauthenticated
	}
	return Proof{Secret: i}, nil
}

// secretIn looks for a secret in a place of the request.
type secretIn struct {
	secrets
	place func(*http.Request) (string, error)
}

func (s secretIn) Authenticate(d *Delivery) (Proof, error) {
	given, err := s.place(d.Request)
	if err != nil {
		return Proof{}, err
	}
	return s.check(given)
}

// lastSegment returns the last segment of a path, or says why there is none: the
// usual mistakes of those who mount a handler.
func lastSegment(path string) (string, error) {
	// What is left of a longer segment is longer than any secret.
	end := path[max(0, len(path)-maxSecretBytes-1):]
	segment := end[strings.LastIndexByte(end, '/')+1:]
	switch {
	case segment != "":
		return segment, nil
	case path == "" || path == "/":
		return "", fmt.Errorf("%w: the path is empty; a router or http.StripPrefix may have cut it", ErrUnauthenticated)
	default:
		return "", fmt.Errorf("%w: the path ends with a slash", ErrUnauthenticated)
	}
}

// urlSafe accepts the unreserved characters of RFC 3986.
func urlSafe(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r)
}

type basicAuth struct{ user, password secrets }

func (b basicAuth) Authenticate(d *Delivery) (Proof, error) {
	if len(d.Request.Header.Get("Authorization")) > maxGiven {
		return Proof{}, ErrUnauthenticated
	}
	user, password, ok := d.Request.BasicAuth()
	if !ok {
		return Proof{}, ErrUnauthenticated
	}
	// Both are always compared, so that time does not tell whether the user exists.
	_, wrongUser := b.user.check(user)
	proof, err := b.password.check(password)
	if wrongUser != nil {
		return Proof{}, ErrUnauthenticated
	}
	return proof, err
}

type anyOf []Authenticator

func (a anyOf) Authenticate(d *Delivery) (Proof, error) {
	var first error
	for _, one := range a {
		proof, err := one.Authenticate(d)
		if err == nil || !errors.Is(err, ErrUnauthenticated) {
			return proof, err
		}
		if first == nil {
			first = err
		}
	}
	return Proof{}, first
}

type allOf []Authenticator

func (a allOf) Authenticate(d *Delivery) (Proof, error) {
	var sum Proof
	for _, one := range a {
		p, err := one.Authenticate(d)
		if err != nil {
			return Proof{}, err
		}
		sum.add(p)
	}
	return sum, nil
}

type allowList struct {
	allowed, proxies []netip.Prefix
	unix             bool
}

func (a allowList) Authenticate(d *Delivery) (Proof, error) {
	if sender, ok := a.sender(d.Request); ok && within(a.allowed, sender) {
		return Proof{}, nil
	}
	return Proof{}, ErrUnauthenticated
}

// sender walks from the peer to the left, as long as each hop is a trusted proxy.
// So it reads no more of the header than proxies wrote.
func (a allowList) sender(r *http.Request) (netip.Addr, bool) {
	hop, ok := address(r.RemoteAddr)
	trusted := ok && within(a.proxies, hop) || a.unix && (r.RemoteAddr == "" || r.RemoteAddr == "@")
	headers := r.Header["X-Forwarded-For"]
	for i := len(headers) - 1; i >= 0 && trusted; i-- {
		for rest := headers[i]; rest != "" && trusted; {
			var last string
			comma := strings.LastIndexByte(rest, ',')
			rest, last = rest[:max(comma, 0)], strings.TrimSpace(rest[comma+1:])
			if last == "" {
				continue // a trailing comma, or an empty element
			}
			hop, ok = address(last)
			trusted = ok && within(a.proxies, hop)
		}
	}
	// If all hops are proxies, the last of them is the sender, and must be allowed.
	return hop, ok
}

// ranges reads ranges, and adds what is wrong with each. "unix" is a trusted proxy
// without an address.
func (f *faults) ranges(what string, texts []string) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(texts))
	for i, text := range texts {
		if what == trustedProxy && text == "unix" {
			continue
		}
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		f.must(err == nil && !prefix.Addr().Is4In6(), "%s %d is neither CIDR nor an address", what, i)
		out = append(out, prefix.Masked())
	}
	return out
}

const trustedProxy = "trusted proxy"

func within(list []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// address reads an address with or without a port, because some proxies write one.
func address(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
