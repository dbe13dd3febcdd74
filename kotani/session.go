package kotani

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// login signs a message and gets a session for it. A message counts once: when
// its first attempt got no answer and the second finds the nonce in use, a fresh
// one is signed.
func (f *FiatConnect) login(ctx context.Context) (transport.Token, error) {
	token, err := f.openSession(ctx)
	if errors.Is(err, ErrNonceInUse) {
		token, err = f.openSession(ctx)
	}
	return token, err
}

func (f *FiatConnect) openSession(ctx context.Context) (transport.Token, error) {
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

// issueTime is the server's time as its clock has just given it, so that a login
// is never issued in the server's future, however wrong our own clock. Without
// an answer our own has to do.
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

// readSession takes all cookies of a login's answer: the specification leaves
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
			continue // a cookie that is taken away
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
		return session{}, missing("a session cookie")
	case len(s.cookies) > maxCookies:
		return session{}, mismatch("session cookies too long")
	}
	return s, nil
}

const (
	maxCookies      = 8 << 10
	errSecureCookie = mismatch("the session cookie is for https only")
)

// loginProblem is a failed login of our own making. Its phrase is safe to print;
// what stands behind it is the signer's.
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
