package kotani_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

func cookies(lines ...string) step {
	var header []string
	for _, line := range lines {
		header = append(header, "Set-Cookie", line)
	}
	return respond(200, ``, header...)
}

func accounts(ctx context.Context, c *kotani.Client) error {
	_, err := c.FiatConnect.ListAccounts(ctx)
	return err
}

func TestALoginIsSignedForTheServerAtTheServersTime(t *testing.T) {
	s := newScript(respond(200, `{}`))
	signer := &wallet{address: walletAddress}
	client := newClient(t, s, func(c *kotani.Config) {
		c.FiatConnect = kotani.FiatConnectConfig{Signer: signer, ChainID: kotani.CeloAlfajores, Statement: "Hello"}
	})
	require.NoError(t, accounts(t.Context(), client))

	require.Len(t, s.asides(siwePath), 1)
	require.Len(t, signer.signed(), 1)
	var body struct{ Message, Signature string }
	require.NoError(t, json.Unmarshal([]byte(s.asides(siwePath)[0].Body), &body))
	assert.Equal(t, signer.signed()[0], body.Message)
	assert.Equal(t, "0x"+strings.Repeat("ab", 65), body.Signature)
	m, err := kotani.ParseSIWEMessage(body.Message)
	require.NoError(t, err)
	nonce := m.Nonce
	m.Nonce = ""
	assert.GreaterOrEqual(t, len(nonce), 8)
	assert.Equal(t, kotani.SIWEMessage{
		Domain: "kotani.example", Address: walletAddress, Statement: "Hello",
		URI: "https://kotani.example/api_v2/fiatconnect/auth/login", Version: "1", ChainID: 44787,
		IssuedAt:       time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC), // the clock's response
		ExpirationTime: time.Date(2026, 4, 3, 13, 0, 0, 0, time.UTC),
	}, m)
}

func TestTheDefaultsOfALoginAreTheSpecifications(t *testing.T) {
	signer := &wallet{address: walletAddress}
	s := newScript(respond(200, `{}`))
	client := newClient(t, s, func(c *kotani.Config) {
		c.BaseURL = "https://kotani.example:8443/api_v2/"
		c.FiatConnect.Signer, c.FiatConnect.SessionLifetime = signer, time.Hour
	})
	require.NoError(t, client.FiatConnect.Login(t.Context()))
	m, err := kotani.ParseSIWEMessage(signer.signed()[0])
	require.NoError(t, err)
	assert.Equal(t, int64(kotani.CeloMainnet), m.ChainID)
	assert.Equal(t, "kotani.example:8443", m.Domain, "the authority, with its port")
	assert.Equal(t, "https://kotani.example:8443/api_v2/fiatconnect/auth/login", m.URI)
	assert.Equal(t, time.Hour, m.ExpirationTime.Sub(m.IssuedAt))
	assert.Empty(t, m.Statement)

	client = newClient(t, s, func(c *kotani.Config) {
		c.BaseURL = "https://kotani.example:8443/api_v2/"
		c.FiatConnect = kotani.FiatConnectConfig{Signer: signer, Domain: "kotani.example"}
	})
	require.NoError(t, client.FiatConnect.Login(t.Context()))
	m, err = kotani.ParseSIWEMessage(signer.signed()[1])
	require.NoError(t, err)
	assert.Equal(t, "kotani.example", m.Domain)
}

func TestWithoutTheServersClockOurOwnHasToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signer := &wallet{address: walletAddress}
		s := newScript(respond(200, `{}`))
		s.aside[clockPath] = []step{respond(404, `{}`)}
		client := newClient(t, s, func(c *kotani.Config) { c.FiatConnect.Signer = signer })
		require.NoError(t, accounts(t.Context(), client))
		m, err := kotani.ParseSIWEMessage(signer.signed()[0])
		require.NoError(t, err)
		assert.Equal(t, time.Now().UTC(), m.IssuedAt)
	})
}

func TestOneSessionServesManyCallsUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(respond(200, `{}`))
		client := newClient(t, s)
		var group sync.WaitGroup
		for range 32 {
			group.Go(func() { assert.NoError(t, accounts(t.Context(), client)) })
		}
		group.Wait()
		assert.Len(t, s.asides(siwePath), 1)
		time.Sleep(3*time.Hour + 58*time.Minute)
		require.NoError(t, accounts(t.Context(), client))
		assert.Len(t, s.asides(siwePath), 1)
		time.Sleep(5 * time.Minute)
		require.NoError(t, accounts(t.Context(), client))
		assert.Len(t, s.asides(siwePath), 2)
	})
}

func TestACookieCanEndASessionSooner(t *testing.T) {
	for name, cookie := range map[string]string{
		"Max-Age": "s=1; Max-Age=600", "Expires": "s=1; Expires=Fri, 03 Apr 2026 09:10:00 GMT",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(respond(200, `{}`))
				s.aside[siwePath] = []step{cookies(cookie)}
				client := newClient(t, s)
				require.NoError(t, accounts(t.Context(), client))
				time.Sleep(8 * time.Minute)
				require.NoError(t, accounts(t.Context(), client))
				assert.Len(t, s.asides(siwePath), 1)
				time.Sleep(3 * time.Minute)
				require.NoError(t, accounts(t.Context(), client))
				assert.Len(t, s.asides(siwePath), 2)
			})
		})
	}
}

func TestAllCookiesOfALoginAreSentBackAndNoOthers(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	s := newScript(respond(200, `{}`, "Set-Cookie", "tracking=1; Path=/"), respond(200, `{}`), respond(200, `{"quote":{}}`))
	s.aside[siwePath] = []step{cookies("session=abc; Path=/; Secure; SameSite=None", "lb=n1; Path=/", "old=; Max-Age=0", "gone=x; Max-Age=-1", `quoted="q v"`)}
	client := newClient(t, s, func(c *kotani.Config) { c.HTTPClient.Jar = jar })
	require.NoError(t, accounts(t.Context(), client))
	require.NoError(t, accounts(t.Context(), client))
	for _, r := range s.requests() {
		assert.Equal(t, []string{`session=abc; lb=n1; quoted="q v"`}, r.Header.Values("Cookie"))
	}
	// What needs no session goes without, whatever a jar would say.
	_, _ = client.FiatConnect.QuoteIn(t.Context(), quoteParams)
	assert.Empty(t, s.requests()[2].Header.Values("Cookie"))
}

func TestLoginsWithoutAUsableSessionFail(t *testing.T) {
	for name, tc := range map[string]struct {
		base     string
		response step
		says     string
	}{
		"no cookie":                   {"https://kotani.example", cookies(), "response not understood"},
		"only one that is taken away": {"https://kotani.example", cookies("s=1; Max-Age=-1"), "response not understood"},
		"far too long":                {"https://kotani.example", cookies("s=" + strings.Repeat("x", 9000)), "response not understood"},
		"for https only":              {"http://127.0.0.1:1", cookies("s=1; Secure"), "response not understood"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(respond(200, `{}`))
			s.aside[siwePath] = []step{tc.response}
			client := newClient(t, s, func(c *kotani.Config) { c.BaseURL, c.MaxAttempts = tc.base, 1 })
			err := accounts(t.Context(), client)
			require.ErrorIs(t, err, sdk.ErrNotSent)
			require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
			assert.Contains(t, err.Error(), tc.says)
			assert.Empty(t, s.requests())
		})
	}
	s := newScript(respond(200, `{}`))
	s.aside[siwePath] = []step{cookies("s=1")}
	require.NoError(t, accounts(t.Context(), newClient(t, s, func(c *kotani.Config) { c.BaseURL = "http://127.0.0.1:1" })), "a plain cookie over plain http")
}

func TestARefusedSessionIsRenewedOnceAndTheRequestSentAgain(t *testing.T) {
	for _, code := range []string{"SessionExpired", "Unauthorized"} {
		s := newScript(respond(401, `{"error":"`+code+`"}`), respond(200, `{}`))
		require.NoError(t, accounts(t.Context(), newClient(t, s)))
		assert.Len(t, s.requests(), 2)
		assert.Len(t, s.asides(siwePath), 2)

		s = newScript(respond(401, `{"error":"`+code+`"}`))
		_, err := newClient(t, s).FiatConnect.TransferOut(t.Context(), kotani.TransferParams{FiatAccountID: "a", QuoteID: "q", IdempotencyKey: "k"})
		e := failure(t, err)
		assert.Equal(t, sdk.Rejected, e.Outcome)
		assert.ErrorIs(t, err, sdk.ErrUnauthorized)
		assert.ErrorIs(t, err, kotani.FiatConnectCode(code))
		require.Len(t, s.requests(), 2, "never more than once")
		assert.Equal(t, "k", s.requests()[1].Header.Get("Idempotency-Key"))
	}
}

func TestAMessageThatWasCountedIsSignedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signer := &wallet{address: walletAddress}
		s := newScript(respond(200, `{}`))
		// The first response is lost, and the message counts as used.
		s.aside[siwePath] = []step{nil, respond(401, `{"error":"NonceInUse"}`), cookies("s=2")}
		client := newClient(t, s, func(c *kotani.Config) { c.FiatConnect.Signer = signer })
		require.NoError(t, accounts(t.Context(), client))
		require.Len(t, signer.signed(), 2)
		assert.NotEqual(t, signer.signed()[0], signer.signed()[1])
		assert.Equal(t, "s=2", s.requests()[0].Header.Get("Cookie"))

		s = newScript(respond(200, `{}`))
		s.aside[siwePath] = []step{respond(401, `{"error":"NonceInUse"}`)}
		err := accounts(t.Context(), newClient(t, s))
		require.ErrorIs(t, err, kotani.ErrNonceInUse, "and not for ever")
		assert.Len(t, s.asides(siwePath), 2)
	})
}

func TestARefusedLoginIsNamed(t *testing.T) {
	for _, code := range []kotani.FiatConnectCode{
		kotani.ErrInvalidSignature, kotani.ErrContractLoginNotSupported, kotani.ErrIssuedTooEarly, kotani.ErrExpirationTooLong, kotani.ErrInvalidParameters,
	} {
		s := newScript(respond(200, `{}`))
		s.aside[siwePath] = []step{respond(401, `{"error":"`+string(code)+`"}`)}
		client := newClient(t, s)
		for _, err := range []error{accounts(t.Context(), client), client.FiatConnect.Login(t.Context())} {
			require.ErrorIs(t, err, code)
			assert.Equal(t, code != kotani.ErrInvalidParameters, errors.Is(err, sdk.ErrUnauthorized))
		}
		assert.Empty(t, s.requests())
	}
}

func TestASignerThatFailsSendsNothing(t *testing.T) {
	s := newScript(respond(200, `{}`))
	refused := errors.New("planted: user pressed cancel")
	client := newClient(t, s, func(c *kotani.Config) { c.FiatConnect.Signer = &wallet{address: walletAddress, err: refused} })
	err := accounts(t.Context(), client)
	require.ErrorIs(t, err, refused)
	require.ErrorIs(t, err, sdk.ErrNotSent)
	assert.Contains(t, err.Error(), "signer failed")
	assert.NotContains(t, err.Error(), "planted")
	assert.Empty(t, s.asides(siwePath))

	client = newClient(t, s, func(c *kotani.Config) { c.FiatConnect.Signer = mute{} })
	require.ErrorIs(t, accounts(t.Context(), client), sdk.ErrNotSent)
	assert.Empty(t, s.asides(siwePath))
}

// mute is a signer without a signature and without an error.
type mute struct{}

func (mute) Address() string                                     { return walletAddress }
func (mute) SignMessage(context.Context, []byte) ([]byte, error) { return nil, nil }

func TestTheClientsKeyGoesWithEveryCall(t *testing.T) {
	s := newScript(respond(200, `{"quote":{}}`), respond(200, `{}`))
	client := newClient(t, s, func(c *kotani.Config) { c.FiatConnect.APIKey = "planted-key" })
	require.NoError(t, wireCalls["FiatConnect.QuoteIn"].call(t.Context(), client))
	require.NoError(t, accounts(t.Context(), client))
	for _, r := range append(append(s.requests(), s.asides(siwePath)...), s.asides(clockPath)...) {
		assert.Equal(t, "Bearer planted-key", r.Header.Get("Authorization"), r.Path)
	}
	require.NoError(t, client.Health(t.Context()))
	last := s.requests()[len(s.requests())-1]
	assert.Empty(t, last.Header.Get("Authorization"), "Kotani's own API has nothing to do with it")
}

func TestEachWalletHasItsOwnSession(t *testing.T) {
	s := newScript(respond(200, `{}`))
	s.aside[siwePath] = []step{cookies("s=1"), cookies("s=2")}
	client := newClient(t, s)
	require.NoError(t, accounts(t.Context(), client))
	second := &wallet{address: "0xde709f2102306220921060314715629080e2fb77"}
	other, err := client.FiatConnect.As(second)
	require.NoError(t, err)
	_, err = other.ListAccounts(t.Context())
	require.NoError(t, err)
	require.NoError(t, accounts(t.Context(), client))
	var sessions []string
	for _, r := range s.requests() {
		sessions = append(sessions, r.Header.Get("Cookie"))
	}
	assert.Equal(t, []string{"s=1", "s=2", "s=1"}, sessions)
	assert.Contains(t, second.signed()[0], second.address)

	_, err = client.FiatConnect.As(nil)
	require.Error(t, err)
	_, err = client.FiatConnect.As(&wallet{address: "0x12"})
	require.Error(t, err)
}

func TestWithoutASignerOnlyTheOpenOperationsCanBeCalled(t *testing.T) {
	s := newScript(respond(200, `{"quote":{},"apiKey":"k","webhookSecret":"s"}`))
	client := newClient(t, s, func(c *kotani.Config) { c.FiatConnect.Signer = nil })
	open := map[string]bool{"FiatConnect.QuoteIn": true, "FiatConnect.QuoteOut": true, "FiatConnect.Clock": true, "FiatConnect.CreateCredentials": true}
	for method, want := range wireCalls {
		if !strings.HasPrefix(method, "FiatConnect.") {
			continue
		}
		err := want.call(t.Context(), client)
		if open[method] {
			assert.NoError(t, err, method)
			continue
		}
		assert.ErrorIs(t, err, sdk.ErrValidation, method)
		assert.Contains(t, failure(t, err).Fields, "Config.FiatConnect.Signer", method)
	}
	for _, r := range s.requests() {
		assert.NotContains(t, r.Body, "address", "there is none to send")
	}
}

func TestTheClockTellsHowFarItIsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.aside[clockPath] = []step{func(req *http.Request) *http.Response {
			time.Sleep(2 * time.Second) // on its way, there and back
			return respond(200, `{"time":"`+time.Now().Add(time.Hour).Format(time.RFC3339Nano)+`"}`)(req)
		}}
		clock, err := newClient(t, s).FiatConnect.Clock(t.Context())
		require.NoError(t, err)
		assert.Equal(t, time.Hour+time.Second, clock.Skew)
		assert.True(t, clock.Time.Equal(time.Now().Add(time.Hour)))
	})
}

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

// Only what says that the session is gone makes the client log in again and send the
// request once more. Any other code under a 401 is a refusal.
func TestAnotherCodeUnderA401IsNoLostSession(t *testing.T) {
	for _, code := range []kotani.FiatConnectCode{
		kotani.ErrInvalidSchema, kotani.ErrInvalidParameters, kotani.ErrTransferNotAllowed, kotani.ErrInvalidQuote, kotani.ErrNonceInUse, kotani.ErrResourceNotFound,
	} {
		s := newScript(respond(401, `{"error":"`+string(code)+`"}`), respond(200, `{}`))
		_, err := newClient(t, s).FiatConnect.AddAccount(t.Context(), mobileMoney)
		require.ErrorIs(t, err, code)
		assert.Equal(t, "rejected", failure(t, err).Outcome.String())
		assert.Len(t, s.asides(siwePath), 1, "one login")
		assert.Len(t, s.requests(), 1, "one request")
	}
}
