package bitpesa

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
)

type vector struct {
	Name, Secret, Nonce, Method, URL, Signature string
	Body                                        string `json:"body_base64"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("../testdata/bitpesa/vectors.json")
	require.NoError(t, err)
	var all []vector
	require.NoError(t, json.Unmarshal(text, &all))
	require.Len(t, all, 7)
	return all
}

func TestSignatureAgreesWithTheVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			body, err := base64.StdEncoding.DecodeString(v.Body)
			require.NoError(t, err)
			assert.Equal(t, v.Signature, Signature(v.Secret, v.Nonce, v.Method, v.URL, body))

			assert.NotEqual(t, v.Signature, Signature(v.Secret+"x", v.Nonce, v.Method, v.URL, body), "secret")
			assert.NotEqual(t, v.Signature, Signature(v.Secret, v.Nonce+"x", v.Method, v.URL, body), "nonce")
			assert.NotEqual(t, v.Signature, Signature(v.Secret, v.Nonce, "PUT", v.URL, body), "method")
			assert.NotEqual(t, v.Signature, Signature(v.Secret, v.Nonce, v.Method, v.URL+"/", body), "URL")
			assert.NotEqual(t, v.Signature, Signature(v.Secret, v.Nonce, v.Method, v.URL, append(body, ' ')), "body")
		})
	}
}

func TestSignerSignsTheWireURLWithAFreshNonce(t *testing.T) {
	s := newSigner("the key", "the secret")
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	nonces := map[string]bool{}
	for _, wire := range []string{
		"http://localhost:8080/v1/transactions?external_id=Transaction%3ANGN%3A17523",
		"https://api.example.com/v1/accounts/USD%3A%3ABidvest",
		"https://api.example.com/v1/senders?name=%21%27%28%29%2A+%C3%A9&x=a%2Fb",
		"https://api.example.com:443/v1/senders",
	} {
		u, err := url.Parse(wire)
		require.NoError(t, err)
		for _, body := range []string{"", `{"a":1}`} {
			req := &http.Request{Method: "POST", URL: u, Host: u.Host, Header: http.Header{}}
			require.NoError(t, s.authorize(req, sdk.Operation{}, []byte(body), ""))
			nonce := req.Header.Get("Authorization-Nonce")
			assert.Regexp(t, uuid, nonce)
			assert.Equal(t, Signature("the secret", nonce, "POST", wire, []byte(body)), req.Header.Get("Authorization-Signature"))
			assert.Equal(t, "the key", req.Header.Get("Authorization-Key"))
			assert.Equal(t, "application/json", req.Header.Get("Content-Type"))
			nonces[nonce] = true
		}
	}
	assert.Len(t, nonces, 8, "every attempt has a nonce of its own")
}

func FuzzSignatureCoversEveryPart(f *testing.F) {
	for _, v := range vectors(f) {
		body, _ := base64.StdEncoding.DecodeString(v.Body)
		f.Add(v.Secret, v.Nonce, v.URL, body)
	}
	f.Fuzz(func(t *testing.T, secret, nonce, url string, body []byte) {
		got := Signature(secret, nonce, "POST", url, body)
		assert.Regexp(t, "^[0-9a-f]{128}$", got)
		assert.Equal(t, got, Signature(secret, nonce, "POST", url, body))
		assert.NotEqual(t, got, Signature(secret, nonce, "GET", url, body))
		assert.NotEqual(t, got, Signature(secret, nonce, "POST", url+"x", body))
		assert.NotEqual(t, got, Signature(secret, nonce, "POST", url, append(body, 0)))
	})
}
