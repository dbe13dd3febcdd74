package kotani_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
)

var login = kotani.SIWEMessage{
	Domain: "kotani.example:8443", Address: walletAddress, URI: "https://kotani.example:8443/api_v2/fiatconnect/auth/login",
	Version: "1", ChainID: 44787, Nonce: "abcDEF12",
	IssuedAt:       time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC),
	ExpirationTime: time.Date(2026, 4, 3, 13, 0, 0, 0, time.UTC),
}

const loginText = `kotani.example:8443 wants you to sign in with your Ethereum account:
0x52908400098527886E0F7030069857D2E4169EE7


URI: https://kotani.example:8443/api_v2/fiatconnect/auth/login
Version: 1
Chain ID: 44787
Nonce: abcDEF12
Issued At: 2026-04-03T09:00:00.000Z
Expiration Time: 2026-04-03T13:00:00.000Z`

func TestALoginMessageHasTheFormOfTheStandard(t *testing.T) {
	assert.Equal(t, loginText, login.String())

	stated := login
	stated.Statement = "Sign in with Ethereum"
	assert.Equal(t, strings.Replace(loginText, "\n\n\nURI", "\n\nSign in with Ethereum\n\nURI", 1), stated.String())

	zoned := login
	zoned.IssuedAt = zoned.IssuedAt.In(time.FixedZone("EAT", 3*3600))
	assert.Equal(t, loginText, zoned.String())
}

func TestALoginMessageIsReadBack(t *testing.T) {
	stated := login
	stated.Statement = "Sign in with Ethereum"
	for _, want := range []kotani.SIWEMessage{login, stated} {
		got, err := kotani.ParseSIWEMessage(want.String())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestWhatIsNoLoginMessageIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                 "",
		"another text":            "Please transfer all my coins",
		"a transaction":           "\x19\x01" + strings.Repeat("\n", 12),
		"text behind it":          loginText + "\nRequest ID: 7",
		"a line feed behind it":   loginText + "\n",
		"text before it":          "x\n" + loginText,
		"Windows line ends":       strings.ReplaceAll(loginText, "\n", "\r\n"),
		"no address":              strings.Replace(loginText, walletAddress, "", 1),
		"another address form":    strings.Replace(loginText, "0x52", "52", 1),
		"one blank line missing":  strings.Replace(loginText, "\n\n\n", "\n\n", 1),
		"two statements":          strings.Replace(loginText, "\n\n\nURI", "\n\na\nb\n\nURI", 1),
		"fields in another order": strings.Replace(strings.Replace(loginText, "Version: 1", "X", 1), "Chain ID: 44787", "Version: 1", 1),
		"version 2":               strings.Replace(loginText, "Version: 1", "Version: 2", 1),
		"a chain that is none":    strings.Replace(loginText, "44787", "0x2a", 1),
		"a chain with a sign":     strings.Replace(loginText, "44787", "+44787", 1),
		"a short nonce":           strings.Replace(loginText, "abcDEF12", "abcDEF1", 1),
		"a nonce of other signs":  strings.Replace(loginText, "abcDEF12", "abc-EF12", 1),
		"a time of another form":  strings.Replace(loginText, "2026-04-03T09:00:00.000Z", "2026-04-03T09:00:00Z", 1),
		"an expiration before":    strings.Replace(loginText, "2026-04-03T13", "2026-04-03T08", 1),
		"a domain with a path":    strings.Replace(loginText, "kotani.example:8443 wants", "kotani.example/x wants", 1),
		"no domain":               strings.Replace(loginText, "kotani.example:8443 wants", " wants", 1),
		"a control character":     strings.Replace(loginText, "kotani.example:8443 wants", "kotani\x00.example wants", 1),
		"far too long":            loginText + strings.Repeat("x", 5000),
	} {
		_, err := kotani.ParseSIWEMessage(text)
		assert.Error(t, err, name)
	}
}

func FuzzParseSIWEMessage(f *testing.F) {
	f.Add(loginText)
	f.Add(strings.Replace(loginText, "\n\n\nURI", "\n\nSign in\n\nURI", 1))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := kotani.ParseSIWEMessage(text)
		if err == nil && m.String() != text {
			t.Errorf("read %q as %q", text, m.String())
		}
	})
}
