package kotanitest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kapiteni/kapiten-go/kotani"
)

// session is what a cookie stands for. An expired session is kept for a while, so
// that its user gets SessionExpired.
type session struct {
	Address string    `json:"address"` // in lower case
	Expires time.Time `json:"expires"`
}

const (
	cookieName     = "fiatconnect_session"
	maxSession     = 14_400 * time.Second
	signatureBytes = 65
	keepExpired    = 24 * time.Hour

	// issueLeeway is how far in the future a login may be issued. A client adds
	// the time since GET /clock on its own clock; the fake's may stand still.
	issueLeeway = 500 * time.Millisecond
)

// login is POST /auth/login. It ignores the cookie that comes and replaces it.
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
	f.world.LockFor(r)
	defer f.world.Unlock()
	if code, failed := f.checkLogin(r, message); code != "" {
		problem(http.StatusUnauthorized, code).naming(failed).write(rw)
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

// checkSignature accepts 65 bytes in hex: r, s and v, not the compact form of
// EIP-2098. The wallet with that address must have made them, by EIP-191.
func (f *FiatConnect) checkSignature(address, message, signature string) kotani.FiatConnectCode {
	if slices.ContainsFunc(f.config.Quirks.ContractWallets, func(a string) bool { return strings.EqualFold(a, address) }) {
		return kotani.ErrContractLoginNotSupported
	}
	digits, ok := strings.CutPrefix(signature, "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != signatureBytes {
		return kotani.ErrInvalidSignature
	}
	if !strings.EqualFold(recoverAddress([]byte(message), raw), address) {
		return kotani.ErrInvalidSignature
	}
	return ""
}

// checkLogin applies the rules of the specification. failed says for the journal which
// of them a login breaks.
func (f *FiatConnect) checkLogin(r *http.Request, m siweMessage) (code kotani.FiatConnectCode, failed string) {
	now := f.world.Now()
	if expiry, used := f.state.Nonces[nonceKey(m)]; used && now.Before(expiry) {
		return kotani.ErrNonceInUse, "the nonce is in use"
	}
	here := f.world.ExternalURL(r)
	here.RawQuery = ""
	switch {
	case !isChecksummed(m.address):
		return kotani.ErrInvalidParameters, "the address lacks the checksum of EIP-55"
	case !f.isDomain(m.domain, here.Host), m.scheme != "" && m.scheme != here.Scheme, m.uri != here.String():
		return kotani.ErrInvalidParameters, "the domain or the URI is not " + here.String()
	case m.version != "1":
		return kotani.ErrInvalidParameters, "the version is not 1"
	case m.chainID != f.config.ChainID:
		return kotani.ErrInvalidParameters, fmt.Sprintf("the chain is %d, and only %d is accepted", m.chainID, f.config.ChainID)
	case m.issuedAt.After(now.Add(issueLeeway)):
		return kotani.ErrIssuedTooEarly, "issued in the future"
	case !m.expiration.After(now), !m.expiration.After(m.issuedAt), m.notBefore.After(now):
		return kotani.ErrInvalidParameters, "not valid at this time"
	case m.expiration.Sub(m.issuedAt) > maxSession:
		return kotani.ErrExpirationTooLong, "longer than four hours"
	}
	return "", ""
}

// isDomain accepts the host with its port, as specified, and without, as the
// specification's JavaScript client sends it.
func (f *FiatConnect) isDomain(domain, host string) bool {
	if f.config.Quirks.Domain != "" {
		return domain == f.config.Quirks.Domain
	}
	_, port, err := net.SplitHostPort(host)
	return domain == host || err == nil && domain == strings.TrimSuffix(host, ":"+port)
}

func (f *FiatConnect) openSession(rw http.ResponseWriter, r *http.Request, m siweMessage) {
	now := f.world.Now()
	maps.DeleteFunc(f.state.Nonces, func(_ string, expiry time.Time) bool { return !now.Before(expiry) })
	maps.DeleteFunc(f.state.Sessions, func(_ string, s session) bool { return now.Sub(s.Expires) > keepExpired })
	f.state.Nonces[nonceKey(m)] = m.expiration
	value := f.ids().Hex(64)
	f.state.Sessions[value] = session{Address: strings.ToLower(m.address), Expires: m.expiration}
	http.SetCookie(rw, &http.Cookie{
		Name: cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: f.config.Quirks.SecureCookies || f.world.ExternalURL(r).Scheme == "https",
		// A lifetime and no date: the fake's clock is not the client's.
		MaxAge: max(int(m.expiration.Sub(now)/time.Second), 1),
	})
}

// user is the address of the session that a request carries.
func (f *FiatConnect) user(r *http.Request, key string) (address string, refusal *response) {
	code := kotani.ErrSessionUnauthorized
	for _, cookie := range r.CookiesNamed(cookieName) {
		s, known := f.state.Sessions[cookie.Value]
		switch {
		case !known:
		case !f.world.Now().Before(s.Expires):
			code = kotani.ErrSessionExpired
		default:
			if key != "" {
				f.state.Clients[s.Address] = key
			}
			return s.Address, nil
		}
	}
	return "", problem(http.StatusUnauthorized, code)
}

func (f *FiatConnect) expireSessions() {
	for cookie, s := range f.state.Sessions {
		if now := f.world.Now(); now.Before(s.Expires) {
			f.state.Sessions[cookie] = session{s.Address, now}
		}
	}
}

func nonceKey(m siweMessage) string { return strings.ToLower(m.address) + " " + m.nonce }

// siweMessage is a login message as of EIP-4361.
type siweMessage struct {
	scheme     string // optional, before the domain
	domain     string
	address    string
	statement  string
	uri        string
	version    string
	chainID    int64
	nonce      string
	issuedAt   time.Time
	expiration time.Time // required by FiatConnect
	notBefore  time.Time // optional
	requestID  string
	resources  []string
}

var errSIWE = errors.New("kotanitest: not a SIWE message")

const (
	siweGreeting = " wants you to sign in with your Ethereum account:"
	maxSIWE      = 16 << 10
)

// parseSIWE reads a message by the grammar of EIP-4361, with an exception. A
// message without a statement may have a single empty line instead of two, as
// in FiatConnect's own template.
func parseSIWE(text string) (siweMessage, error) {
	var m siweMessage
	control := func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }
	if len(text) > maxSIWE || !utf8.ValidString(text) || strings.ContainsFunc(text, control) {
		return m, errSIWE
	}
	p := siweReader{lines: strings.Split(text, "\n")}
	domain, ok := strings.CutSuffix(p.next(), siweGreeting)
	if !ok {
		return m, errSIWE
	}
	if scheme, rest, found := strings.Cut(domain, "://"); found {
		m.scheme, domain = scheme, rest
		p.want(scheme != "")
	}
	m.domain, m.address = domain, p.next()
	p.want(domain != "" && !strings.ContainsAny(domain, " /?#@"))
	p.want(looksLikeWallet(m.address))
	p.want(p.next() == "")
	switch line := p.peek(); {
	case line == "":
		p.next()
	case !strings.HasPrefix(line, "URI: "):
		m.statement = p.next()
		p.want(p.next() == "")
	}
	m.uri = p.field("URI")
	p.want(isURI(m.uri))
	m.version = p.field("Version")
	p.want(m.version != "")
	m.chainID = p.number("Chain ID")
	m.nonce = p.field("Nonce")
	p.want(len(m.nonce) >= 8 && isAlphanumeric(m.nonce))
	m.issuedAt = p.time("Issued At", true)
	m.expiration = p.time("Expiration Time", true)
	m.notBefore = p.time("Not Before", false)
	if strings.HasPrefix(p.peek(), "Request ID: ") {
		m.requestID = p.field("Request ID")
	}
	if p.peek() == "Resources:" {
		for p.next(); p.peek() != ""; {
			resource, ok := strings.CutPrefix(p.next(), "- ")
			p.want(ok && isURI(resource))
			m.resources = append(m.resources, resource)
		}
	}
	if p.bad || len(p.lines) > 0 {
		return siweMessage{}, errSIWE
	}
	return m, nil
}

// siweReader reads a message line by line and remembers whether a line was bad.
type siweReader struct {
	lines []string
	bad   bool
}

func (p *siweReader) want(ok bool) { p.bad = p.bad || !ok }

func (p *siweReader) peek() string {
	if len(p.lines) == 0 {
		return ""
	}
	return p.lines[0]
}

func (p *siweReader) next() string {
	line := p.peek()
	if len(p.lines) == 0 {
		p.bad = true
		return ""
	}
	p.lines = p.lines[1:]
	return line
}

func (p *siweReader) field(label string) string {
	value, ok := strings.CutPrefix(p.next(), label+": ")
	p.want(ok)
	return value
}

func (p *siweReader) number(label string) int64 {
	text := p.field(label)
	n, err := strconv.ParseInt(text, 10, 64)
	p.want(err == nil && only(text, "0123456789"))
	return n
}

func (p *siweReader) time(label string, required bool) time.Time {
	if !required && !strings.HasPrefix(p.peek(), label+": ") {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, p.field(label))
	p.want(err == nil)
	return t
}

func isURI(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.IsAbs() && !strings.Contains(text, " ")
}

func isAlphanumeric(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}
