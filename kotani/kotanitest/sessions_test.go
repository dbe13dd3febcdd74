package kotanitest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestLoginRules(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*message)
		code   string
	}{
		"as the JavaScript client": {func(*message) {}, ""},
		"no statement":             {func(m *message) { m.statement = "" }, ""},
		"small letters":            {func(m *message) { m.address = strings.ToLower(m.address) }, "InvalidParameters"},
		"capital letters":          {func(m *message) { m.address = "0x" + strings.ToUpper(m.address[2:]) }, "InvalidParameters"},
		"scheme":                   {func(m *message) { m.domain = "http://" + m.domain }, ""},
		"all options": {func(m *message) {
			m.extra = "\nNot Before: 2026-04-03T09:00:00Z\nRequest ID: 7\nResources:\n- ipfs://x\n- https://y/z"
		}, ""},
		"exactly four hours": {func(m *message) { m.expires = m.issued.Add(14400 * time.Second) }, ""},
		"other scheme":       {func(m *message) { m.domain = "https://" + m.domain }, "InvalidParameters"},
		"port where none is": {func(m *message) { m.domain += ":80" }, "InvalidParameters"},
		"other domain":       {func(m *message) { m.domain = "evil.localhost" }, "InvalidParameters"},
		"other URI":          {func(m *message) { m.uri = "http://fiatconnect.localhost/login" }, "InvalidParameters"},
		"URI with a query":   {func(m *message) { m.uri += "?a=b" }, "InvalidParameters"},
		"wrong checksum":     {func(m *message) { m.address = swapCase(m.address) }, "InvalidParameters"},
		"version 2":          {func(m *message) { m.version = "2" }, "InvalidParameters"},
		"mainnet":            {func(m *message) { m.chain = "42220" }, "InvalidParameters"},
		"no chain":           {func(m *message) { m.chain = "x" }, "InvalidParameters"},
		"short nonce":        {func(m *message) { m.nonce = "1234567" }, "InvalidParameters"},
		"nonce with a sign":  {func(m *message) { m.nonce = "12345678-" }, "InvalidParameters"},
		"issued while the clock stood still": {func(m *message) {
			m.issued, m.expires = m.issued.Add(500*time.Millisecond), m.expires.Add(500*time.Millisecond)
		}, ""},
		"issued in the future":          {func(m *message) { m.issued = m.issued.Add(501 * time.Millisecond) }, "IssuedTooEarly"},
		"expired":                       {func(m *message) { m.issued = m.issued.Add(-time.Hour); m.expires = m.issued.Add(time.Hour) }, "InvalidParameters"},
		"expires before it is issued":   {func(m *message) { m.expires = m.issued.Add(-time.Second) }, "InvalidParameters"},
		"too long":                      {func(m *message) { m.expires = m.expires.Add(time.Millisecond) }, "ExpirationTooLong"},
		"long from issue, not from now": {func(m *message) { m.issued = m.issued.Add(-time.Hour) }, "ExpirationTooLong"},
		"not yet":                       {func(m *message) { m.extra = "\nNot Before: 2026-04-03T09:00:01Z" }, "InvalidParameters"},
		"rubbish at the end":            {func(m *message) { m.extra = "\nFoo: bar" }, "InvalidParameters"},
		"newline at the end":            {func(m *message) { m.extra = "\n" }, "InvalidParameters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWallet(t, kotanitest.FiatConnectConfig{})
			status, response := w.login(tc.change)
			if tc.code == "" {
				w.want(200, "", status, response)
			} else {
				w.want(401, tc.code, status, response)
			}
		})
	}
}

// swapCase changes the case of the last letter.
func swapCase(address string) string {
	i := strings.LastIndexAny(address, "abcdefABCDEF")
	letter := strings.ToUpper(address[i : i+1])
	if letter == address[i:i+1] {
		letter = strings.ToLower(letter)
	}
	return address[:i] + letter + address[i+1:]
}

func TestLoginBodies(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	good := w.message().String()
	anySignature := sign(alice, good)
	for name, tc := range map[string]struct {
		body any
		code string
	}{
		"no JSON":           {"hello", "InvalidParameters"},
		"a list":            {"[]", "InvalidParameters"},
		"no message":        {object{"signature": anySignature}, "InvalidParameters"},
		"no signature":      {object{"message": good}, "InvalidParameters"},
		"no SIWE":           {object{"message": "hello", "signature": anySignature}, "InvalidParameters"},
		"short signature":   {object{"message": good, "signature": anySignature[:130]}, "InvalidSignature"},
		"EIP-2098":          {object{"message": good, "signature": "0x" + strings.Repeat("1c", 64)}, "InvalidSignature"},
		"without 0x":        {object{"message": good, "signature": anySignature[2:]}, "InvalidSignature"},
		"no hex":            {object{"message": good, "signature": "0x" + strings.Repeat("zz", 65)}, "InvalidSignature"},
		"signed as nothing": {object{"message": good, "signature": ""}, "InvalidSignature"},
	} {
		status, response := w.post("/auth/login", tc.body)
		assert.Equal(t, 401, status, name)
		assert.Equal(t, tc.code, response["error"], name)
	}
	status, response := w.post("/auth/login", object{"message": good, "signature": anySignature})
	w.want(200, "", status, response) // none of these took the nonce
}

// Anybody can write a message for any wallet, and sign it with his own.
func TestOnlyTheWalletItselfLogsIn(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{Quirks: kotanitest.FiatConnectQuirks{ContractWallets: []string{strings.ToLower(bob)}}})
	m := w.message()
	text := m.String()
	good := sign(alice, text)
	for name, signature := range map[string]string{
		"another wallet's":    sign(bob, text),
		"of another message":  sign(alice, text+" "),
		"changed":             good[:10] + flip(good[10:11]) + good[11:],
		"the other recovery":  good[:130] + map[string]string{"1b": "1c", "1c": "1b"}[good[130:]],
		"v of no curve point": good[:130] + "1d",
		"r is zero":           "0x" + strings.Repeat("0", 64) + good[66:],
		"s is zero":           good[:66] + strings.Repeat("0", 64) + good[130:],
		"above the order":     "0x" + strings.Repeat("f", 64) + good[66:],
		"s above the order":   good[:66] + strings.Repeat("f", 64) + good[130:],
		"any 65 bytes":        "0x" + strings.Repeat("1c", 65),
	} {
		status, response := w.post("/auth/login", object{"message": text, "signature": signature})
		assert.Equal(t, 401, status, name)
		assert.Equal(t, "InvalidSignature", response["error"], name)
	}
	status, response := w.post("/auth/login", object{"message": text, "signature": good[:130] + map[string]string{"1b": "00", "1c": "01"}[good[130:]]})
	w.want(200, "", status, response) // v counts from 0, too; and no refusal took the nonce
	status, response = w.login(func(m *message) { m.address = bob })
	w.want(401, "ContractLoginNotSupported", status, response)
}

func flip(digit string) string {
	if digit == "0" {
		return "1"
	}
	return "0"
}

func TestNonceIsReservedUntilTheSessionExpires(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	m := w.message()
	m.expires = m.issued.Add(time.Hour)
	replay := func() (int, object) {
		return w.post("/auth/login", object{"message": m.String(), "signature": sign(alice, m.String())})
	}
	status, response := replay()
	w.want(200, "", status, response)
	w.Advance(time.Hour - 1)
	status, response = replay()
	w.want(401, "NonceInUse", status, response)
	b := w.as(bob)
	status, response = b.login(func(o *message) { o.nonce = m.nonce })
	w.want(200, "", status, response) // another address
	w.Advance(1)
	status, response = replay()
	w.want(401, "InvalidParameters", status, response) // the message has expired as well
	status, response = w.login(func(o *message) { o.nonce = m.nonce })
	w.want(200, "", status, response)
}

// nine are the endpoints with a session.
var nine = [][2]string{
	{"POST", kycPath}, {"GET", kycPath + "/status"}, {"DELETE", kycPath},
	{"POST", "/accounts"}, {"GET", "/accounts"}, {"DELETE", "/accounts/x"},
	{"POST", "/transfer/in"}, {"POST", "/transfer/out"}, {"GET", "/transfer/x/status"},
}

func TestSessionsOfAllNineEndpoints(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	all := func(code string) {
		t.Helper()
		for _, e := range nine {
			status, response := w.call(e[0], e[1], "{")
			if code == "" {
				assert.NotEqual(t, 401, status, e)
				continue
			}
			assert.Equal(t, 401, status, e)
			assert.Equal(t, object{"error": code}, response, e)
		}
	}
	all("")
	w.Advance(4*time.Hour - 1)
	all("")
	w.Advance(1)
	all("SessionExpired")
	w.login(nil)
	all("")
	require.NoError(t, w.AddFault(fake.Fault{Kind: fake.FaultExpireToken, Times: 1}))
	all("SessionExpired")
	w.http.Jar = nil
	all("Unauthorized")
	status, response := w.call("GET", "/accounts", nil, "Cookie", "fiatconnect_session=made-up")
	w.want(401, "Unauthorized", status, response)
	for _, e := range [][2]string{{"GET", "/clock"}, {"POST", "/quote/in"}, {"POST", "/credentials"}, {"GET", "/nowhere"}} {
		status, _ := w.call(e[0], e[1], nil)
		assert.NotEqual(t, 401, status, e)
	}
}

func TestLoginReplacesTheCookie(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	w.addKYC()
	b := *w // the same jar
	b.address = bob
	status, response := b.login(nil)
	w.want(200, "", status, response)
	status, response = b.call("GET", kycPath+"/status", nil)
	w.want(404, "ResourceNotFound", status, response) // bob it is
}

// serve drives the fake over a mount, as a server in front of it would.
func serve(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestMountAndCookieFlags(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		base, domain string
		cfg          kotanitest.FiatConnectConfig
		secure       bool
		status       int
	}{
		{"http://localhost:8931/kotani/fiatconnect", "localhost", kotanitest.FiatConnectConfig{}, false, 200},
		{"http://localhost:8931/kotani/fiatconnect", "localhost:8931", kotanitest.FiatConnectConfig{}, false, 200},
		{"http://localhost:8931/kotani/fiatconnect", "localhost:80", kotanitest.FiatConnectConfig{}, false, 401},
		{"http://[::1]:8931/kotani/fiatconnect", "[::1]", kotanitest.FiatConnectConfig{}, false, 200},
		{"http://[::1]:8931/kotani/fiatconnect", "[::1]:8931", kotanitest.FiatConnectConfig{}, false, 200},
		{"https://example.com/kotani/fiatconnect", "example.com", kotanitest.FiatConnectConfig{}, true, 200},
		{"http://127.0.0.1:1/kotani/fiatconnect", "127.0.0.1", kotanitest.FiatConnectConfig{Quirks: kotanitest.FiatConnectQuirks{SecureCookies: true}}, true, 200},
		{"http://127.0.0.1:1/kotani/other", "127.0.0.1", kotanitest.FiatConnectConfig{Prefix: "/other"}, false, 200},
		{"http://127.0.0.1:1/kotani/fiatconnect", "kotani.com", kotanitest.FiatConnectConfig{Quirks: kotanitest.FiatConnectQuirks{Domain: "kotani.com"}}, false, 200},
		{"http://127.0.0.1:1/kotani/fiatconnect", "127.0.0.1", kotanitest.FiatConnectConfig{Quirks: kotanitest.FiatConnectQuirks{Domain: "kotani.com"}}, false, 401},
	} {
		f := kotanitest.NewServer(t, kotanitest.Config{FiatConnect: tc.cfg})
		h := http.StripPrefix("/kotani", f)
		w := &wallet{FiatConnect: f.FiatConnect, t: t, fake: f, address: alice, nonces: new(int)}
		m := w.message()
		m.domain, m.uri = tc.domain, tc.base+"/auth/login"
		rec := serve(h, "POST", m.uri, string(jsonOf(t, object{"message": m.String(), "signature": sign(alice, m.String())})), "Cookie", "fiatconnect_session=somebody")
		assert.Equal(t, tc.status, rec.Code, "%v %s", tc, rec.Body)
		assert.Len(t, f.FiatConnect.Requests(), 1)
		assert.Empty(t, f.Requests(), "no request of Kotani's")
		cookies := rec.Result().Cookies()
		if tc.status != 200 {
			assert.Empty(t, cookies)
			continue
		}
		require.Len(t, cookies, 1)
		assert.Equal(t, tc.secure, cookies[0].Secure)
		assert.Equal(t, http.SameSiteStrictMode, cookies[0].SameSite)
		assert.Equal(t, 14400, cookies[0].MaxAge)
		assert.Equal(t, 200, serve(h, "GET", tc.base+"/accounts", "", "Cookie", cookies[0].Name+"="+cookies[0].Value).Code)
	}
}

func TestClientKeys(t *testing.T) {
	t.Parallel()
	for _, required := range []bool{false, true} {
		w := newWallet(t, kotanitest.FiatConnectConfig{})
		if required { // a second fake: the login of newWallet has no key
			f := kotanitest.NewServer(t, kotanitest.Config{FiatConnect: kotanitest.FiatConnectConfig{Quirks: kotanitest.FiatConnectQuirks{RequireAPIKey: true}}})
			w = &wallet{FiatConnect: f.FiatConnect, t: t, fake: f, http: f.HTTPClient(), address: alice, nonces: new(int)}
		}
		_, made := w.post("/credentials", object{"webhook": "http://merchant.localhost/hook"})
		key, _ := made["apiKey"].(string)
		require.NotEmpty(t, key)
		assert.NotEmpty(t, made["webhookSecret"])
		assert.Equal(t, "http://merchant.localhost/hook", made["webhook"])
		for _, path := range []string{"/clock", "/accounts"} {
			for header, want := range map[string]int{"": 400, "Bearer " + key: 200, "bearer " + key: 200, "Bearer unknown": 401, "Bearer": 400, "Bearer ": 400, "Basic " + key: 400, "Bearer a b": 400} {
				if header == "" && !required {
					want = 200
				}
				if want == 200 && path == "/accounts" && required {
					want = 401 // no session
				}
				headers := []string{"Authorization", header}
				if header == "" {
					headers = nil
				}
				status, response := w.call("GET", path, nil, headers...)
				assert.Equal(t, want, status, "%s %q required %t", path, header, required)
				assert.Equal(t, want != 200, response["error"] != nil)
			}
		}
	}
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	for _, bad := range []any{object{}, object{"webhook": "shop"}, object{"webhook": "ftp://x"}, "no"} {
		status, response := w.post("/credentials", bad)
		w.want(400, "InvalidParameters", status, response)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	w.Advance(1500 * time.Millisecond)
	_, response := w.call("GET", "/clock", nil)
	assert.Equal(t, object{"time": "2026-04-03T09:00:01.500Z"}, response)
}

func TestFaultsRespondInJSON(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	for status, code := range map[int]string{400: "InvalidParameters", 404: "ResourceNotFound", 500: "InternalServerError", 503: "ServiceUnavailable"} {
		require.NoError(t, w.AddFault(fake.Fault{Kind: fake.FaultStatus, Status: status, Path: "/clock", Times: 1}))
		got, response := w.call("GET", "/clock", nil)
		w.want(status, code, got, response)
	}
	got, response := w.call("PATCH", "/accounts", nil)
	w.want(404, "ResourceNotFound", got, response)
}
