package kotani

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// SIWEMessage is a login message as of EIP-4361 (Sign-In with Ethereum), with
// the fields that FiatConnect uses. A Signer can parse what it is asked to sign
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

// ParseSIWEMessage reads a text that String could have written, to the letter:
// what it returns is all that the text says.
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

// check reports whether the fields can stand in a message at all: none of them
// may hold what would read as another field.
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

// isLine reports whether a text is one line of printable ASCII.
func isLine(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
