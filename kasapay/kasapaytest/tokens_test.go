package kasapaytest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body    any
		message any
	}{
		"wrong key":       {object{"consumer_key": "x", "consumer_secret": "test-secret"}, "Invalid Authentication Credentials"},
		"wrong secret":    {object{"consumer_key": "test-key", "consumer_secret": "x"}, "Invalid Authentication Credentials"},
		"no secret":       {object{"consumer_key": "test-key"}, []any{"consumer_secret must be a string"}},
		"nothing":         {object{}, []any{"consumer_key must be a string", "consumer_secret must be a string"}},
		"empty key":       {object{"consumer_key": "", "consumer_secret": "test-secret"}, []any{"consumer_key should not be empty"}},
		"number":          {object{"consumer_key": 1, "consumer_secret": "test-secret"}, []any{"consumer_key must be a string"}},
		"no object":       {`["test-key"]`, "The body is not a JSON object"},
		"broken":          {`{`, "The body is not a JSON object"},
		"form, as by SDK": {`consumer_key=test-key&consumer_secret=test-secret`, "The body is not a JSON object"},
	} {
		m := newMerchant(t, kasapaytest.Config{})
		status, response := m.call(http.MethodPost, "/v1/auth", tc.body)
		assert.Equal(t, http.StatusBadRequest, status, name)
		assert.Equal(t, object{"statusCode": json.Number("400"), "message": tc.message, "error": "Bad Request"}, response, name)
	}
}

func TestTokenIsNeeded(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	good := m.token
	other := newMerchant(t, kasapaytest.Config{Options: fake.Options{Seed: 9}}).token
	head, _, _ := strings.Cut(good, ".")
	for name, token := range map[string]string{
		"none": "", "bearer": "Bearer " + good, "foreign": other, "unsigned": good[:strings.LastIndexByte(good, '.')],
		"changed": good[:len(good)-1] + "-", "no body": head + "..", "rubbish": "xyz789abc123", "dot": ".",
	} {
		m.token = token
		for method, path := range map[string]string{http.MethodPost: initiatePath, http.MethodGet: "/v1/payouts/b2b/none/status"} {
			status, response := m.call(method, path, object{})
			assert.Equal(t, http.StatusUnauthorized, status, name)
			assert.Equal(t, object{"statusCode": json.Number("401"), "message": "Invalid access token", "error": "Unauthorized"}, response, name)
		}
	}
	m.token = good
	m.accepted(nil)
	assert.Len(t, m.Payouts(), 1)
}

func TestTokenStatus(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{Quirks: kasapaytest.Quirks{TokenStatus: http.StatusForbidden}})
	m.token = "x"
	status, response := m.initiate(nil)
	assert.Equal(t, http.StatusForbidden, status)
	assert.Equal(t, json.Number("403"), response["statusCode"])
}

func TestTokenLivesAsLongAsItSays(t *testing.T) {
	t.Parallel()
	for lifetime, want := range map[time.Duration]time.Duration{0: time.Hour, 6000 * time.Second: 6000 * time.Second, time.Second: time.Second} {
		m := newMerchant(t, kasapaytest.Config{TokenLifetime: lifetime})
		m.Advance(want - time.Millisecond)
		m.accepted(nil)
		first := m.token
		m.login()
		second := m.token
		assert.NotEqual(t, first, second)
		m.Advance(time.Millisecond)
		m.token = first
		status, _ := m.initiate(nil)
		assert.Equal(t, http.StatusUnauthorized, status)
		if want > time.Second { // tokens of one second are counted in whole ones
			m.token = second
			m.wantStatus("703", "ref-1")
		}
	}
}

func TestSeveralTokensLiveAtOnce(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	first := m.token
	m.login()
	assert.NotEqual(t, first, m.token)
	m.accepted(nil)
	m.token = first
	m.wantStatus("703", "ref-1")
}

func TestExpiredByFault(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	require.NoError(t, m.AddFault(fake.Fault{Path: "/v1/payouts/b2b/*", Times: 1, Kind: fake.FaultExpireToken}))
	status, _ := m.initiate(nil)
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Empty(t, m.Payouts())
	m.login()
	m.accepted(nil)
}

func TestTokenDiesWithResetAndRestore(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	early := m.token
	snapshot, err := m.Snapshot()
	require.NoError(t, err)
	m.login()
	late := m.token
	require.NoError(t, m.Restore(snapshot))
	status, _ := m.initiate(nil)
	assert.Equal(t, http.StatusUnauthorized, status, "given out after the snapshot")
	m.token = early
	m.accepted(nil)
	m.Reset()
	for _, token := range []string{early, late} {
		m.token = token
		status, _ = m.initiate(nil)
		assert.Equal(t, http.StatusUnauthorized, status)
	}
}

func TestTokenIsAJWT(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	parts := strings.Split(m.token, ".")
	require.Len(t, parts, 3)
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	claims := parse(t, string(text))
	issued, err := claims["iat"].(json.Number).Int64()
	require.NoError(t, err)
	expires, err := claims["exp"].(json.Number).Int64()
	require.NoError(t, err)
	assert.Equal(t, m.Now().Unix(), issued)
	assert.EqualValues(t, 3600, expires-issued)
}

func TestLifetimeIsSpeltAsAsked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg  kasapaytest.Config
		want object
	}{
		"default": {kasapaytest.Config{}, object{"expiresIn": json.Number("3600")}},
		"snake":   {kasapaytest.Config{Quirks: kasapaytest.Quirks{SnakeCaseExpiry: true}}, object{"expires_in": json.Number("3600")}},
		"string":  {kasapaytest.Config{Quirks: kasapaytest.Quirks{NumbersAsStrings: true}}, object{"expiresIn": "3600"}},
		"omitted": {kasapaytest.Config{Quirks: kasapaytest.Quirks{OmitExpiry: true, SnakeCaseExpiry: true}}, object{}},
	} {
		m := newMerchant(t, tc.cfg)
		_, response := m.call(http.MethodPost, "/v1/auth", object{"consumer_key": "test-key", "consumer_secret": "test-secret"})
		delete(response, "access_token")
		assert.Equal(t, tc.want, response, name)
	}
}

func TestJournalHidesSecrets(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(nil)
	require.Len(t, m.Requests(), 2)
	for _, r := range m.Requests() {
		for _, secret := range []string{"test-key", "test-secret", m.token} {
			assert.NotContains(t, r.RequestBody+r.ResponseBody, secret)
			for _, values := range r.Header {
				assert.NotContains(t, values, secret)
			}
		}
	}
}
