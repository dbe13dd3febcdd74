package transport_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// userAgent names the caller's program, this module and Go. A test binary knows no
// version of the module.
var userAgent = "test/1 kapiten-go/devel Go/" + strings.TrimPrefix(runtime.Version(), "go")

func TestHeadersOfARequest(t *testing.T) {
	for name, row := range map[string]struct {
		call transport.Call
		want http.Header
	}{
		"without a body": {transport.Call{Op: "safe"}, http.Header{
			"Accept": {"application/json"}, "User-Agent": {userAgent}, "Accept-Encoding": {"gzip"}}},
		"with JSON": {transport.Call{Op: "once", Body: map[string]int{"a": 1}}, http.Header{
			"Accept": {"application/json"}, "User-Agent": {userAgent}, "Accept-Encoding": {"gzip"},
			"Content-Type": {"application/json"}, "Content-Length": {"7"}}},
		"with a form": {transport.Call{Op: "once", Body: []byte("a=1"), ContentType: "application/x-www-form-urlencoded"}, http.Header{
			"Accept": {"application/json"}, "User-Agent": {userAgent}, "Accept-Encoding": {"gzip"},
			"Content-Type": {"application/x-www-form-urlencoded"}, "Content-Length": {"3"}}},
		"with headers of the operation": {transport.Call{Op: "safe", Header: http.Header{"x-channel": {"web"}}}, http.Header{
			"Accept": {"application/json"}, "User-Agent": {userAgent}, "Accept-Encoding": {"gzip"}, "X-Channel": {"web"}}},
		"with a key": {transport.Call{Op: "keyed", Key: "k-1"}, http.Header{
			"Accept": {"application/json"}, "User-Agent": {userAgent}, "Accept-Encoding": {"gzip"},
			"Idempotency-Key": {"k-1"}, "Content-Length": {"0"}}},
		"with an empty body": {transport.Call{Op: "once", Body: []byte{}}, http.Header{
			"Accept": {"application/json"}, "User-Agent": {userAgent}, "Accept-Encoding": {"gzip"},
			"Content-Type": {"application/json"}, "Content-Length": {"0"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFixture(t, accept)
			require.NoError(t, s.core().Do(t.Context(), row.call))
			assert.Equal(t, row.want, s.seen()[0].Header)
		})
	}
}

func TestIdempotencyKeyGoesToKeyedOperationsOnly(t *testing.T) {
	for name, call := range map[string]transport.Call{
		"a key for a write of another class": {Op: "once", Key: "k"},
		"a key for a read":                   {Op: "safe", Key: "k"},
		"none for a keyed one":               {Op: "keyed"},
		"a key with a line end":              {Op: "keyed", Key: "k\r\nX: y"},
		"by the back door":                   {Op: "once", Header: http.Header{"Idempotency-Key": {"k"}}},
		"by the back door, lower case":       {Op: "referenced", Header: http.Header{"idempotency-key": {"k"}}},
		"by the back door, empty":            {Op: "once", Header: http.Header{"Idempotency-Key": {}}},
		"by the other back door":             {Op: "keyed", Key: "k", Header: http.Header{"X-Idempotency-Key": {"k"}}},
		"a header with a line end":           {Op: "once", Header: http.Header{"X-A": {"a\nb"}}},
		"a header which is none":             {Op: "once", Header: http.Header{"X A": {"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFixture(t)
			err := s.core().Do(t.Context(), call)
			assert.ErrorIs(t, err, sdk.ErrValidation)
			assert.ErrorIs(t, err, sdk.ErrNotSent)
			assert.Zero(t, failure(t, err).Attempts)
		})
	}
}

// BitPesa's way: every attempt has a nonce of its own and a signature over the
// final URL and the body as they go over the wire.
func TestEachAttemptIsSignedAnew(t *testing.T) {
	sign := func(nonce, url, body string) string {
		sum := sha256.Sum256([]byte(nonce + "&" + url + "&" + body))
		return hex.EncodeToString(sum[:])
	}
	for _, op := range []string{"item", "quote"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, drop, with("Connection", "close", html(503)), nil, accept)
				nonces := 0
				core := s.core(func(cfg *transport.Config) {
					cfg.NoRedirects = true
					cfg.Authorize = func(r *http.Request, _ sdk.Operation, body []byte, _ string) error {
						nonces++
						nonce := fmt.Sprint("n", nonces)
						r.Header["Authorization-Nonce"] = []string{nonce}
						r.Header.Add("Authorization-Signature", sign(nonce, r.URL.String(), string(body)))
						return nil
					}
				})
				call := callOf(op)
				call.Query = url.Values{"external_id": {"Transaction:NGN:17523"}, "q": {"a b/ü"}}
				call.Path = []string{"s/1", "ü ö"}
				require.NoError(t, core.Do(t.Context(), call))
				require.Len(t, s.seen(), 3)
				for i, r := range s.seen() {
					nonce := r.Header.Get("Authorization-Nonce")
					assert.Equal(t, []string{"n1", "n2", "n4"}[i], nonce)
					assert.Equal(t, []string{sign(nonce, "http://provider.localhost"+r.URI, r.Body)}, r.Header["Authorization-Signature"])
				}
			})
		})
	}
}

// Each attempt has headers of its own: what the jar or the signer adds to one
// does not pile up.
func TestCookiesOfTheCallersJarDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, with("Set-Cookie", "sid=1", html(503)), html(503), redirect(302, "/a"), accept)
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		core := s.core(func(cfg *transport.Config) { cfg.HTTPClient.Jar = jar })
		require.NoError(t, core.Do(t.Context(), callOf("safe")))
		var cookies []string
		for _, r := range s.seen() {
			cookies = append(cookies, r.Header.Get("Cookie"))
		}
		assert.Equal(t, []string{"", "sid=1", "sid=1", "sid=1"}, cookies)
	})
}

func TestTheCallersClientIsNotChanged(t *testing.T) {
	s := newFixture(t, accept)
	client := &http.Client{Transport: s.transport, Timeout: 5, CheckRedirect: func(*http.Request, []*http.Request) error { return assert.AnError }}
	before := *client
	core := s.core(func(cfg *transport.Config) { cfg.HTTPClient, cfg.AttemptTimeout = client, -1 })
	require.NoError(t, core.Do(t.Context(), callOf("safe")))
	assert.Equal(t, before.Timeout, client.Timeout)
	assert.Equal(t, before.Transport, client.Transport)
	assert.ErrorIs(t, client.CheckRedirect(nil, nil), assert.AnError)
}
