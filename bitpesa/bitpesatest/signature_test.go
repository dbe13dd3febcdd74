package bitpesatest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

type vector struct {
	Name, Secret, Nonce, Method, URL, Signature string
	Body                                        string `json:"body_base64"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("../../testdata/bitpesa/vectors.json")
	require.NoError(t, err)
	var all []vector
	require.NoError(t, json.Unmarshal(text, &all))
	require.Len(t, all, 7)
	return all
}

func TestVectorsPassTheFake(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		body, err := base64.StdEncoding.DecodeString(v.Body)
		require.NoError(t, err)
		assert.Equal(t, v.Signature, sign(v.Secret, v.Nonce, v.Method, v.URL, string(body)), "%s: these tests' own signer", v.Name)
		if strings.Contains(v.URL, "/hooks/") {
			continue // a delivery; see TestWebhooksAreSignedOverTheRegisteredURL
		}
		f := bitpesatest.New(bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "test-key", Secret: v.Secret}}})
		t.Cleanup(f.Close)
		send := func(body string) int {
			r := httptest.NewRequest(v.Method, v.URL, strings.NewReader(body))
			r.Header.Set("Authorization-Key", "test-key")
			r.Header.Set("Authorization-Nonce", v.Nonce)
			r.Header.Set("Authorization-Signature", v.Signature)
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			return w.Code
		}
		assert.Equal(t, 401, send(string(body)+" "), "%s with a space behind the body", v.Name)
		assert.NotEqual(t, 401, send(string(body)), v.Name)
		assert.Equal(t, 401, send(string(body)), "%s: the nonce is used", v.Name)
	}
}

func TestPublishedExampleCreatesASender(t *testing.T) {
	t.Parallel()
	v := vectors(t)[0]
	body, err := base64.StdEncoding.DecodeString(v.Body)
	require.NoError(t, err)
	f := bitpesatest.NewServer(t, bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "k", Secret: v.Secret, KYC: true}}})
	r := httptest.NewRequest(v.Method, v.URL, strings.NewReader(string(body)))
	r.Header = http.Header{"Authorization-Key": {"k"}, "Authorization-Nonce": {v.Nonce}, "Authorization-Signature": {v.Signature}}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	require.Equal(t, 201, w.Code, w.Body.String())
	o := reply{w.Code, w.Body.String()}.decoded(t)
	assert.Equal(t, "initial", textAt(t, o, "object.state"))
	assert.Equal(t, "passport.png", textAt(t, o, "object.documents.0.upload_file_name"))
	assert.Equal(t, "image/png", textAt(t, o, "object.documents.0.upload_content_type"))
	assert.Equal(t, "data", textAt(t, o, "object.documents.0.metadata.meta"))
}

// raw sends a request whose signature covers other things than what is sent.
type raw struct {
	method, target, host, body          string
	signedMethod, signedURL, signedBody string
	key, secret, nonce                  string
	change                              func(http.Header)
}

func (q raw) status(t testing.TB, h http.Handler) int {
	t.Helper()
	server := httptest.NewRequest(q.method, q.target, strings.NewReader(q.body))
	server.Host = q.host
	server.Header.Set("Authorization-Key", q.key)
	server.Header.Set("Authorization-Nonce", q.nonce)
	server.Header.Set("Authorization-Signature", sign(q.secret, q.nonce, q.signedMethod, q.signedURL, q.signedBody))
	if q.change != nil {
		q.change(server.Header)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, server)
	if w.Code == 401 {
		assert.Equal(t, `{"error":"Unauthorized","status":401}`, w.Body.String())
	}
	return w.Code
}

func TestSignatureIsCheckedOverTheRawBytes(t *testing.T) {
	t.Parallel()
	right := raw{
		method: "POST", target: "/v1/webhooks?b=2&a=1", host: "api.test:8080", body: `{"webhook":{}}`,
		signedMethod: "POST", signedURL: "http://api.test:8080/v1/webhooks?b=2&a=1", signedBody: `{"webhook":{}}`,
		key: "test-key", secret: "test-secret", nonce: "n",
	}
	tests := map[string]struct {
		change func(*raw)
		want   int
	}{
		"right":                        {func(*raw) {}, 422},
		"unknown path, rightly signed": {func(q *raw) { q.target, q.signedURL = "/v1/nothing", "http://api.test:8080/v1/nothing" }, 404},
		"unknown path, wrongly signed": {func(q *raw) { q.target, q.secret = "/v1/nothing", "x" }, 401},
		"path outside of the API":      {func(q *raw) { q.target, q.signedURL = "/other", "http://api.test:8080/other" }, 404},
		"wrong secret":                 {func(q *raw) { q.secret = "other" }, 401},
		"unknown key":                  {func(q *raw) { q.key = "other" }, 401},
		"body changed by one space":    {func(q *raw) { q.body = `{"webhook": {}}` }, 401},
		"other method":                 {func(q *raw) { q.signedMethod = "PATCH" }, 401},
		"method in lower case":         {func(q *raw) { q.signedMethod = "post" }, 401},
		"query in another order":       {func(q *raw) { q.signedURL = "http://api.test:8080/v1/webhooks?a=1&b=2" }, 401},
		"query escaped in another way": {func(q *raw) { q.signedURL = "http://api.test:8080/v1/webhooks?b=%32&a=1" }, 401},
		"without the port":             {func(q *raw) { q.signedURL = "http://api.test/v1/webhooks?b=2&a=1" }, 401},
		"other scheme":                 {func(q *raw) { q.signedURL = "https://api.test:8080/v1/webhooks?b=2&a=1" }, 401},
		"path only":                    {func(q *raw) { q.signedURL = "/v1/webhooks?b=2&a=1" }, 401},
		"escapes are kept":             {func(q *raw) { q.target = "/v1/webhooks?b=%7e&a=+"; q.signedURL = "http://api.test:8080" + q.target }, 422},
		"key missing":                  {func(q *raw) { q.change = func(h http.Header) { h.Del("Authorization-Key") } }, 401},
		"nonce missing":                {func(q *raw) { q.change = func(h http.Header) { h.Del("Authorization-Nonce") } }, 401},
		"nonce empty":                  {func(q *raw) { q.nonce = "" }, 401},
		"signature missing":            {func(q *raw) { q.change = func(h http.Header) { h.Del("Authorization-Signature") } }, 401},
		"signature twice":              {func(q *raw) { q.change = func(h http.Header) { h.Add("Authorization-Signature", "x") } }, 401},
		"signature in upper case":      {func(q *raw) { q.change = func(h http.Header) { up(h, "Authorization-Signature") } }, 401},
		"secret in clear, not switched": {func(q *raw) {
			q.secret = "x"
			q.change = func(h http.Header) { h.Set("Authorization-Secret", "test-secret") }
		}, 401},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := right
			tt.change(&q)
			f := bitpesatest.NewServer(t)
			assert.Equal(t, tt.want, q.status(t, f))
			if tt.want == 401 && name != "nonce empty" {
				fresh := right
				assert.Equal(t, 422, fresh.status(t, f), "a refused request uses no nonce up")
			}
		})
	}
}

func up(h http.Header, name string) { h.Set(name, strings.ToUpper(h.Get(name))) }

func TestNonceCountsOncePerKey(t *testing.T) {
	t.Parallel()
	f := bitpesatest.NewServer(t, bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "a", Secret: "sa"}, {Key: "b", Secret: "sb"}}})
	get := func(key, nonce string) int {
		return raw{
			method: "GET", target: "/v1/accounts", host: "x.test", signedMethod: "GET", signedURL: "http://x.test/v1/accounts",
			key: key, secret: "s" + key, nonce: nonce,
		}.status(t, f)
	}
	assert.Equal(t, 200, get("a", "1"))
	assert.Equal(t, 401, get("a", "1"))
	assert.Equal(t, 200, get("b", "1"), "another key's nonces are its own")
	assert.Equal(t, 200, get("a", "2"))

	snapshot, err := f.Snapshot()
	require.NoError(t, err)
	f.Reset()
	assert.Equal(t, 200, get("a", "1"), "a reset forgets")
	require.NoError(t, f.Restore(snapshot))
	assert.Equal(t, 401, get("a", "2"), "a snapshot remembers")
}

func TestSignatureHonoursPublicURLAndMount(t *testing.T) {
	t.Parallel()
	f := bitpesatest.NewServer(t, bitpesatest.Config{Options: fake.Options{PublicURL: "https://pay.example/tunnel/"}})
	h := http.StripPrefix("/bitpesa", f)
	q := raw{
		method: "GET", target: "/bitpesa/v1/accounts/USD%3A%3AOther", host: "127.0.0.1:9", signedMethod: "GET",
		signedURL: "https://pay.example/tunnel/bitpesa/v1/accounts/USD%3A%3AOther", key: "test-key", secret: "test-secret", nonce: "1",
	}
	assert.Equal(t, 404, q.status(t, h), "signed right, no such account")
	q.nonce, q.signedURL = "2", "http://127.0.0.1:9/bitpesa/v1/accounts/USD%3A%3AOther"
	assert.Equal(t, 401, q.status(t, h))
}

func TestSecretHeaderCanBeSwitchedOn(t *testing.T) {
	t.Parallel()
	f := bitpesatest.NewServer(t, bitpesatest.Config{Quirks: bitpesatest.Quirks{AllowSecretHeader: true}})
	send := func(secret string) int {
		r := httptest.NewRequest("GET", "/v1/accounts", nil)
		r.Header.Set("Authorization-Key", "test-key")
		r.Header.Set("Authorization-Secret", secret)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		return w.Code
	}
	assert.Equal(t, 200, send("test-secret"))
	assert.Equal(t, 200, send("test-secret"), "there is no nonce in this scheme")
	assert.Equal(t, 401, send("wrong"))
}

func TestNewPanicsOnAConfigThatMakesNoSense(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]bitpesatest.Key{
		"no key":    {{Secret: "s"}},
		"no secret": {{Key: "k"}},
		"twice":     {{Key: "k", Secret: "s"}, {Key: "k", Secret: "t"}},
		"debt":      {{Key: "k", Secret: "s", Balances: money("USD", "-0.01")}},
	} {
		assert.Panics(t, func() { bitpesatest.New(bitpesatest.Config{Keys: keys}) }, name)
	}
	assert.Panics(t, func() { bitpesatest.New(bitpesatest.Config{APIVersion: "2019"}) })
}

func TestConfigAndKeyPrintNoCredential(t *testing.T) {
	t.Parallel()
	key := bitpesatest.Key{Key: "planted-key", Secret: "planted-secret"}
	c := bitpesatest.Config{Keys: []bitpesatest.Key{key}}
	for _, v := range []any{c, &c, key, &key, c.Keys, map[string]bitpesatest.Key{"a": key}} {
		printed := faketest.Printed(t, v)
		assert.NotContains(t, printed, "planted", "%T", v)
	}
}
