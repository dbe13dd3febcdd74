package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Authenticator decides whether a delivery comes from the provider. Everything
// but its own faults it reports as ErrUnauthenticated without detail; a failure
// of Delivery.Body it returns as it is. Safe for concurrent use.
type Authenticator interface {
	Authenticate(d *Delivery) (Proof, error)
}

// Delivery is a request while it is being authenticated.
type Delivery struct {
	// Request gives method, URL, headers and peer. Its body is read through Body.
	Request *http.Request

	read func() ([]byte, error)
	body []byte
	err  error
}

// Body returns the raw body, read on the first call. An Authenticator that does
// not ask for it is done before the sender's body costs anything.
func (d *Delivery) Body() ([]byte, error) {
	if d.read != nil {
		d.body, d.err = d.read()
		d.read = nil
	}
	return d.body, d.err
}

// Proof is what authentication found out about a delivery.
type Proof struct {
	// Signed says that a signature over the body was checked.
	Signed bool
	// Secret is which secret of the deciding authenticator matched, from 0. It
	// shows when an old secret is no longer used and can go.
	Secret int
	// Bound is what the callback URL was minted for; nil without a capability URL.
	Bound *Bound

	used *replays
	mark [16]byte
}

// Forget lets the same signed delivery in once more. Handler calls it when it
// answers with an error, as a sender that tries again may send the very same
// request; whoever uses Verify alone does so too.
func (p Proof) Forget() {
	if p.used != nil {
		p.used.forget(p.mark)
	}
}

// Verify authenticates a request whose raw body has been read already, for
// pipelines that do not use Handler. All authenticators must agree; without any
// it fails. The body must be the bytes as received: see ReadBody.
func Verify(r *http.Request, body []byte, all ...Authenticator) (Proof, error) {
	if len(all) == 0 {
		return Proof{}, fmt.Errorf("%w: nothing to verify with", ErrConfiguration)
	}
	if s, ok := all[0].(*signature); ok && len(all) == 1 && s.err == nil {
		return s.check(r, body) // the hot path of those who verify themselves
	}
	proof, err := authenticate(&Delivery{Request: r, body: body}, all)
	if err == nil {
		return proof, nil
	}
	for _, a := range all {
		// A faulty authenticator lets nobody in; better to be told why.
		if fault := faultOf(a); fault != nil {
			return Proof{}, fault
		}
	}
	return Proof{}, err
}

// PathSecret asks for a secret as the last segment of the URL's path, compared
// in constant time. Several are valid at once, for rotation. Each must have at
// least 16 URL-safe characters; crypto/rand.Text makes good ones.
//
// Who runs the server must keep the path out of access logs.
func PathSecret(values ...string) Authenticator {
	for i, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return !urlSafe(r) }) {
			return pathSecret{secrets{err: fmt.Errorf("%w: PathSecret: secret %d needs escaping in a URL", ErrConfiguration, i)}}
		}
	}
	return pathSecret{newSecrets("PathSecret", minSecretBytes, values)}
}

// QuerySecret asks for a secret in a parameter of the URL's query, which must
// stand there exactly once. Otherwise as PathSecret.
func QuerySecret(parameter string, values ...string) Authenticator {
	if parameter == "" {
		return querySecret{secrets: secrets{err: fmt.Errorf("%w: QuerySecret: no parameter", ErrConfiguration)}}
	}
	return querySecret{newSecrets("QuerySecret", minSecretBytes, values), parameter}
}

// BasicAuth asks for HTTP basic authentication, for senders that take a callback
// URL with user and password in it. Several passwords are valid at once.
func BasicAuth(user string, passwords ...string) Authenticator {
	if user == "" {
		return basicAuth{user: secrets{err: fmt.Errorf("%w: BasicAuth: no user", ErrConfiguration)}}
	}
	return basicAuth{newSecrets("BasicAuth", 1, []string{user}), newSecrets("BasicAuth", 1, passwords)}
}

// AllowList lets in senders whose address is in one of the ranges: CIDR, or a
// single address.
//
// Behind a reverse proxy the sender's address is only in X-Forwarded-For, which
// anyone can write. The header is read from the right, and only as far as each
// hop, the peer first, is one of trustedProxies; the first that is not is the
// sender. Without trusted proxies the header is never looked at.
func AllowList(senders []string, trustedProxies ...string) Authenticator {
	allowed, err := ranges(senders)
	if err != nil {
		return allowList{err: err}
	}
	if len(allowed) == 0 {
		return allowList{err: fmt.Errorf("%w: AllowList: no address", ErrConfiguration)}
	}
	proxies, err := ranges(trustedProxies)
	return allowList{allowed: allowed, proxies: proxies, err: err}
}

// AnyOf lets in who satisfies one of several authenticators, asked in order: to
// move from one way in to another, or for keys that come in pairs with ids.
func AnyOf(all ...Authenticator) Authenticator { return anyOf(all) }

// faulty is what an Authenticator may have besides: what is wrong with its own
// settings. New refuses it, and it lets nobody in.
type faulty interface{ fault() error }

// authenticate asks all; one refusal is enough.
func authenticate(d *Delivery, all []Authenticator) (Proof, error) {
	var sum Proof
	for _, a := range all {
		p, err := a.Authenticate(d)
		if err != nil {
			sum.Forget()
			return Proof{}, err
		}
		sum.add(p)
	}
	return sum, nil
}

func faultOf(a Authenticator) error {
	if a == nil {
		return fmt.Errorf("%w: nil authenticator", ErrConfiguration)
	}
	if f, ok := a.(faulty); ok {
		return f.fault()
	}
	return nil
}

func (p Proof) trust() Trust {
	if p.Signed {
		return Verified
	}
	return Claimed
}

func (p *Proof) add(other Proof) {
	if other.Signed || !p.Signed {
		p.Secret = other.Secret
	}
	p.Signed = p.Signed || other.Signed
	if other.Bound != nil {
		p.Bound = other.Bound
	}
	if other.used != nil {
		p.used, p.mark = other.used, other.mark
	}
}

// Ways in that a person could guess are no ways in: 16 characters hold 128 bits
// only when they are raw bytes, but anything shorter never does.
const minSecretBytes = 16

// secrets of one way in. The values live in a closure, where no %+v finds them.
type secrets struct {
	match func(given string) int
	err   error
}

func newSecrets(what string, shortest int, values []string) secrets {
	if len(values) == 0 {
		return secrets{err: fmt.Errorf("%w: %s: no secret", ErrConfiguration, what)}
	}
	sums := make([][sha256.Size]byte, len(values))
	for i, v := range values {
		if len(v) < shortest {
			return secrets{err: fmt.Errorf("%w: %s: secret %d has fewer than %d bytes", ErrConfiguration, what, i, shortest)}
		}
		sums[i] = sha256.Sum256([]byte(v))
	}
	return secrets{match: func(given string) int {
		// Equal lengths after hashing, all compared: time tells nothing.
		sum, found := sha256.Sum256([]byte(given)), -1
		for i := range sums {
			found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], sums[i][:]), i, found)
		}
		return found
	}}
}

func (s secrets) fault() error { return s.err }

func (s secrets) check(given string) (Proof, error) {
	if s.err != nil || given == "" {
		return Proof{}, ErrUnauthenticated
	}
	i := s.match(given)
	if i < 0 {
		return Proof{}, ErrUnauthenticated
	}
	return Proof{Secret: i}, nil
}

type pathSecret struct{ secrets }

func (p pathSecret) Authenticate(d *Delivery) (Proof, error) {
	return p.check(lastSegment(d.Request.URL.Path))
}

func lastSegment(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// urlSafe are the unreserved characters of RFC 3986.
func urlSafe(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r)
}

type querySecret struct {
	secrets
	parameter string
}

func (q querySecret) Authenticate(d *Delivery) (Proof, error) {
	query, err := url.ParseQuery(d.Request.URL.RawQuery)
	if err != nil || len(query[q.parameter]) != 1 {
		return Proof{}, ErrUnauthenticated
	}
	return q.check(query[q.parameter][0])
}

type basicAuth struct{ user, password secrets }

func (b basicAuth) fault() error {
	if b.user.err != nil {
		return b.user.err
	}
	return b.password.err
}

func (b basicAuth) Authenticate(d *Delivery) (Proof, error) {
	user, password, ok := d.Request.BasicAuth()
	if !ok {
		return Proof{}, ErrUnauthenticated
	}
	// Both are always compared, so that time does not tell users apart.
	_, wrongUser := b.user.check(user)
	proof, err := b.password.check(password)
	if wrongUser != nil {
		return Proof{}, ErrUnauthenticated
	}
	return proof, err
}

type anyOf []Authenticator

func (a anyOf) fault() error {
	if len(a) == 0 {
		return fmt.Errorf("%w: AnyOf of nothing", ErrConfiguration)
	}
	var faults []error
	for _, one := range a {
		faults = append(faults, faultOf(one))
	}
	return errors.Join(faults...)
}

func (a anyOf) Authenticate(d *Delivery) (Proof, error) {
	for _, one := range a {
		proof, err := one.Authenticate(d)
		if err == nil || !errors.Is(err, ErrUnauthenticated) {
			return proof, err
		}
	}
	return Proof{}, ErrUnauthenticated
}

type allowList struct {
	allowed, proxies []netip.Prefix
	err              error
}

func (a allowList) fault() error { return a.err }

func (a allowList) Authenticate(d *Delivery) (Proof, error) {
	if a.err != nil {
		return Proof{}, ErrUnauthenticated
	}
	if sender, ok := a.sender(d.Request); ok && within(a.allowed, sender) {
		return Proof{}, nil
	}
	return Proof{}, ErrUnauthenticated
}

func (a allowList) sender(r *http.Request) (netip.Addr, bool) {
	hop, ok := address(r.RemoteAddr)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && ok && within(a.proxies, hop); i-- {
		hop, ok = address(strings.TrimSpace(hops[i]))
	}
	// A chain of nothing but proxies names no sender; the last hop still has to
	// be allowed by name.
	return hop, ok
}

func ranges(texts []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(texts))
	for i, text := range texts {
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil || prefix.Addr().Is4In6() {
			return nil, fmt.Errorf("%w: AllowList: range %d is neither CIDR nor an address", ErrConfiguration, i)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

func within(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// address reads an address with or without a port, as peers and some proxies write it.
func address(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
