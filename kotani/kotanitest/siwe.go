package kotanitest

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

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

// parseSIWE reads a message by the grammar of EIP-4361. Where there is no
// statement, one empty line will do for the two the grammar has: FiatConnect's
// own template is printed so.
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
	digits, prefixed := strings.CutPrefix(m.address, "0x")
	p.want(prefixed && len(digits) == 40 && only(digits, "0123456789abcdefABCDEF"))
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

// siweReader takes a message line by line and remembers whether all was well.
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
