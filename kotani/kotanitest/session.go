package kotanitest

import (
	"encoding/hex"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
)

// session is what a cookie stands for. One that has expired is kept, so that its
// user hears SessionExpired.
type session struct {
	Address string    `json:"address"` // in lower case
	Expires time.Time `json:"expires"`
}

const (
	cookieName     = "fiatconnect_session"
	maxSession     = 14_400 * time.Second
	signatureBytes = 65
	keepExpired    = 24 * time.Hour

	// issueLeeway is how far in the future a login may be issued. Clients add
	// to GET /clock what their own clock has run since, and the fake's may stand
	// still.
	issueLeeway = 500 * time.Millisecond
)

// login is POST /auth/login. It looks at no cookie, and replaces it.
func (f *FiatConnect) login(rw http.ResponseWriter, r *http.Request) {
	f.world.Lock()
	_, refusal := f.clientKey(r)
	f.world.Unlock()
	if refusal != nil {
		refusal.write(rw)
		return
	}
	message, text, signature, err := readLogin(r)
	if err != nil {
		problem(http.StatusUnauthorized, kotani.ErrInvalidParameters).write(rw)
		return
	}
	if code := f.checkSignature(message.address, text, signature); code != "" {
		problem(http.StatusUnauthorized, code).write(rw)
		return
	}
	f.world.Lock()
	defer f.world.Unlock()
	if code := f.checkLogin(r, message); code != "" {
		problem(http.StatusUnauthorized, code).write(rw)
		return
	}
	f.openSession(rw, r, message)
	writeJSON(rw, http.StatusOK, object{})
}

func readLogin(r *http.Request) (m siweMessage, text, signature string, err error) {
	c, ok := newCall(r, false)
	text, isText := c.fields["message"].(string)
	signature, signed := c.fields["signature"].(string)
	if !ok || !isText || !signed {
		return m, "", "", errSIWE
	}
	m, err = parseSIWE(text)
	return m, text, signature, err
}

// checkSignature takes 65 bytes in hex: r, s and v, not the compact form of
// EIP-2098. Whether they are the address's is for the verifier to say.
func (f *FiatConnect) checkSignature(address, message, signature string) kotani.FiatConnectCode {
	if slices.ContainsFunc(f.config.ContractWallets, func(a string) bool { return strings.EqualFold(a, address) }) {
		return kotani.ErrContractLoginNotSupported
	}
	digits, ok := strings.CutPrefix(signature, "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != signatureBytes {
		return kotani.ErrInvalidSignature
	}
	if f.config.VerifySignature != nil && !f.config.VerifySignature(address, []byte(message), raw) {
		return kotani.ErrInvalidSignature
	}
	return ""
}

// checkLogin holds a message to the rules of the specification.
func (f *FiatConnect) checkLogin(r *http.Request, m siweMessage) kotani.FiatConnectCode {
	now := f.world.Now()
	if expiry, used := f.state.Nonces[nonceKey(m)]; used && now.Before(expiry) {
		return kotani.ErrNonceInUse
	}
	here := f.world.ExternalURL(r)
	here.RawQuery = ""
	switch {
	case !f.isWallet(m.address), !f.isDomain(m.domain, here.Host), m.scheme != "" && m.scheme != here.Scheme,
		m.uri != here.String(), m.version != "1", m.chainID != f.config.ChainID:
		return kotani.ErrInvalidParameters
	case m.issuedAt.After(now.Add(issueLeeway)):
		return kotani.ErrIssuedTooEarly
	case !m.expiration.After(now), !m.expiration.After(m.issuedAt), m.notBefore.After(now):
		return kotani.ErrInvalidParameters
	case m.expiration.Sub(m.issuedAt) > maxSession:
		return kotani.ErrExpirationTooLong
	}
	return ""
}

// isDomain takes the host with and without its port: the specification has the
// first, its JavaScript client sends the second.
func (f *FiatConnect) isDomain(domain, host string) bool {
	if f.config.Domain != "" {
		return domain == f.config.Domain
	}
	_, port, err := net.SplitHostPort(host)
	return domain == host || err == nil && domain == strings.TrimSuffix(host, ":"+port)
}

// isWallet reports whether a text is an address: 0x, 40 hex digits, and the
// checksum of EIP-55. One in a single letter case has none.
func (f *FiatConnect) isWallet(text string) bool {
	digits, ok := strings.CutPrefix(text, "0x")
	if !ok || len(digits) != 40 || !only(digits, "0123456789abcdefABCDEF") {
		return false
	}
	plain := digits == strings.ToLower(digits) || digits == strings.ToUpper(digits)
	return checksummed(digits) == text || plain && !f.config.StrictAddresses
}

func (f *FiatConnect) openSession(rw http.ResponseWriter, r *http.Request, m siweMessage) {
	now := f.world.Now()
	maps.DeleteFunc(f.state.Nonces, func(_ string, expiry time.Time) bool { return !now.Before(expiry) })
	maps.DeleteFunc(f.state.Sessions, func(_ string, s *session) bool { return now.Sub(s.Expires) > keepExpired })
	f.state.Nonces[nonceKey(m)] = m.expiration
	value := f.ids().Hex(64)
	f.state.Sessions[value] = &session{Address: strings.ToLower(m.address), Expires: m.expiration}
	http.SetCookie(rw, &http.Cookie{
		Name: cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: f.config.SecureCookies || f.world.ExternalURL(r).Scheme == "https",
		// A lifetime and no date: the fake's clock is not the client's.
		MaxAge: max(int(m.expiration.Sub(now)/time.Second), 1),
	})
}

// user is the address whose session a request carries.
func (f *FiatConnect) user(r *http.Request, key string) (address string, refusal *reply) {
	code := kotani.ErrSessionUnauthorized
	for _, cookie := range r.CookiesNamed(cookieName) {
		s := f.state.Sessions[cookie.Value]
		switch {
		case s == nil:
		case !f.world.Now().Before(s.Expires):
			code = kotani.ErrSessionExpired
		default:
			if key != "" {
				f.state.Clients[s.Address] = key
			}
			return s.Address, nil
		}
	}
	bad := problem(http.StatusUnauthorized, code)
	return "", &bad
}

func (f *FiatConnect) expireSessions() {
	for _, s := range f.state.Sessions {
		if now := f.world.Now(); now.Before(s.Expires) {
			s.Expires = now
		}
	}
}

func nonceKey(m siweMessage) string { return strings.ToLower(m.address) + " " + m.nonce }
