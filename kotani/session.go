package kotani

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// Signer signs FiatConnect logins with the key of a wallet. Bring your own: a few
// lines around any Ethereum library, or a remote signing service. The standard
// library has neither Keccak nor secp256k1.
type Signer interface {
	// Address is the wallet's address: 0x and 40 hex digits, in the mixed case of
	// EIP-55. FiatConnect requires that case for accounts with a key. This package
	// neither computes nor checks it.
	Address() string
	// SignMessage signs a login message by EIP-191 ("personal sign"): the hash
	// is Keccak-256 over "\x19Ethereum Signed Message:\n", the message's length
	// in decimal, and the message. The signature of an account with a key is the
	// 65 bytes r, s, v with v being 27 or 28. The signature of a contract
	// (EIP-1271) is whatever the contract takes. ctx ends after two minutes, and
	// not with any caller's context: all callers wait for one signature.
	SignMessage(ctx context.Context, message []byte) ([]byte, error)
}

// SIWEMessage is a login message of EIP-4361 (Sign-In with Ethereum), with the
// fields that FiatConnect uses. A Signer can parse the message it is asked to sign
// and refuse anything but a login to the host it knows.
type SIWEMessage struct {
	Domain         string // authority of the server: "api.example.com", "localhost:8099"
	Address        string // 0x and 40 hex digits
	Statement      string // optional, one line
	URI            string // base URL + "/auth/login"
	Version        string // "1"
	ChainID        int64
	Nonce          string    // at least 8 letters and digits
	IssuedAt       time.Time // written in UTC with milliseconds
	ExpirationTime time.Time // written in UTC with milliseconds
}

// String is the text to sign.
func (m SIWEMessage) String() string {
	var b strings.Builder
	b.WriteString(m.Domain + siweGreeting + "\n" + m.Address + "\n\n")
	if m.Statement != "" {
		b.WriteString(m.Statement + "\n")
	}
	b.WriteString("\nURI: " + m.URI +
		"\nVersion: " + m.Version +
		"\nChain ID: " + strconv.FormatInt(m.ChainID, 10) +
		"\nNonce: " + m.Nonce +
		"\nIssued At: " + m.IssuedAt.UTC().Format(siweTime) +
		"\nExpiration Time: " + m.ExpirationTime.UTC().Format(siweTime))
	return b.String()
}

// ParseSIWEMessage reads a text that String could have written, to the letter: the
// text says nothing beyond the fields.
func ParseSIWEMessage(text string) (SIWEMessage, error) {
	if len(text) > maxSIWE {
		return SIWEMessage{}, errSIWE
	}
	lines := strings.Split(text, "\n")
	var m SIWEMessage
	var ok bool
	if m.Domain, ok = strings.CutSuffix(lines[0], siweGreeting); !ok || len(lines) < 10 || lines[2] != "" {
		return SIWEMessage{}, errSIWE
	}
	m.Address = lines[1]
	fields := lines[3:]
	if fields[0] != "" {
		m.Statement, fields = fields[0], fields[1:]
	}
	if len(fields) != 7 || fields[0] != "" {
		return SIWEMessage{}, errSIWE
	}
	chain, issued, expires := "", "", ""
	for i, field := range []struct {
		label string
		value *string
	}{
		{"URI: ", &m.URI}, {"Version: ", &m.Version}, {"Chain ID: ", &chain}, {"Nonce: ", &m.Nonce},
		{"Issued At: ", &issued}, {"Expiration Time: ", &expires},
	} {
		if *field.value, ok = strings.CutPrefix(fields[1+i], field.label); !ok {
			return SIWEMessage{}, errSIWE
		}
	}
	var errs [3]error
	m.ChainID, errs[0] = strconv.ParseInt(chain, 10, 64)
	m.IssuedAt, errs[1] = time.Parse(siweTime, issued)
	m.ExpirationTime, errs[2] = time.Parse(siweTime, expires)
	if errors.Join(errs[:]...) != nil || m.check() != nil || m.String() != text {
		return SIWEMessage{}, errSIWE
	}
	return m, nil
}

const (
	siweGreeting = " wants you to sign in with your Ethereum account:"
	siweTime     = "2006-01-02T15:04:05.000Z"
	maxSIWE      = 4096
)

var errSIWE = errors.New("kotani: not a login message")

// check refuses fields that cannot stand in a message: a value must not read as
// another field.
func (m SIWEMessage) check() error {
	nonce := strings.IndexFunc(m.Nonce, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	switch {
	case !isAuthority(m.Domain),
		!isHex(m.Address, 40),
		m.Statement != "" && !isLine(m.Statement),
		!isLine(m.URI) || strings.Contains(m.URI, " "),
		m.Version != "1",
		m.ChainID <= 0,
		len(m.Nonce) < 8 || nonce >= 0,
		!m.ExpirationTime.After(m.IssuedAt):
		return errSIWE
	}
	return nil
}

func isAuthority(text string) bool {
	return isLine(text) && !strings.ContainsAny(text, " /?#@")
}

// openSession signs a message and gets a session for it. A message counts once.
// When its first attempt got no response, the second attempt may find the nonce in
// use: then a fresh message is signed.
func (f *FiatConnect) openSession(ctx context.Context) (transport.Token, error) {
	token, err := f.signIn(ctx)
	if errors.Is(err, ErrNonceInUse) {
		token, err = f.signIn(ctx)
	}
	return token, err
}

func (f *FiatConnect) signIn(ctx context.Context) (transport.Token, error) {
	start := time.Now()
	issued := f.issueTime(ctx)
	message := SIWEMessage{
		Domain: f.domain, Address: f.address, Statement: f.cfg.Statement, URI: f.uri,
		Version: "1", ChainID: f.cfg.ChainID, Nonce: rand.Text(),
		IssuedAt: issued, ExpirationTime: issued.Add(f.cfg.SessionLifetime),
	}
	if message.check() != nil {
		return transport.Token{}, loginProblem{"login message cannot be written", errSIWE}
	}
	text := message.String()
	signature, err := f.cfg.Signer.SignMessage(ctx, []byte(text))
	if err == nil && len(signature) == 0 {
		err = errors.New("empty signature")
	}
	if err != nil {
		return transport.Token{}, loginProblem{"signer failed", err}
	}
	var token transport.Token
	err = f.core.Do(ctx, transport.Call{
		Op: OpFiatConnectLogin, Body: siweRequest{text, "0x" + hex.EncodeToString(signature)},
		Decode: func(r *transport.Response) error {
			s, err := readSession(r.Header, issued, f.secure)
			if err == nil {
				lifetime := min(s.lifetime, f.cfg.SessionLifetime)
				token = transport.Token{Value: s.cookies, Expires: start.Add(lifetime)}
			}
			return err
		},
	})
	return token, err
}

// issueTime is the server's time, so that a login is never issued in the server's
// future, however wrong our own clock is. Without a response our own clock serves.
func (f *FiatConnect) issueTime(ctx context.Context) time.Time {
	clock, err := f.Clock(ctx)
	if err != nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return clock.Time.UTC().Truncate(time.Millisecond)
}

// session is what a login's cookies say.
type session struct {
	cookies  string // as they are sent back
	lifetime time.Duration
}

// readSession takes all cookies of a login's response: the specification leaves
// the name free. now is the server's time.
func readSession(h http.Header, now time.Time, secure bool) (session, error) {
	s := session{lifetime: maxSession}
	var pairs []string
	for _, c := range (&http.Response{Header: h}).Cookies() {
		lifetime := s.lifetime
		switch {
		case c.MaxAge != 0:
			lifetime = time.Duration(min(c.MaxAge, int(maxSession/time.Second))) * time.Second
		case !c.Expires.IsZero():
			lifetime = c.Expires.Sub(now)
		}
		if c.Value == "" || lifetime <= 0 {
			continue // the server takes this cookie away
		}
		if c.Secure && !secure {
			return session{}, errSecureCookie
		}
		s.lifetime = min(s.lifetime, lifetime)
		pairs = append(pairs, (&http.Cookie{Name: c.Name, Value: c.Value, Quoted: c.Quoted}).String())
	}
	s.cookies = strings.Join(pairs, "; ")
	switch {
	case s.cookies == "":
		return session{}, wire.Missing("a session cookie")
	case len(s.cookies) > maxCookies:
		return session{}, mismatch("session cookies too long")
	}
	return s, nil
}

const (
	maxCookies      = 8 << 10
	errSecureCookie = mismatch("the session cookie is for https only")
)

// loginProblem is a login that failed before it was sent. Its phrase is safe to
// print; the error behind it is the signer's and may not be.
type loginProblem struct {
	phrase string
	err    error
}

func (p loginProblem) Error() string    { return p.phrase + ": " + p.err.Error() }
func (p loginProblem) SafeText() string { return p.phrase }
func (p loginProblem) Unwrap() error    { return p.err }

type siweRequest struct {
	Message   string `json:"message"`
	Signature string `json:"signature"`
}
