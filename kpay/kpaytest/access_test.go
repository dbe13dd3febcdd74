package kpaytest_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	prefixes := func(p ...string) (all []netip.Prefix) {
		for _, text := range p {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	for _, tc := range []struct {
		name   string
		cfg    kpaytest.Config
		change func(*http.Request)
		status int
		code   string
	}{
		{name: "right pair", code: "0"},
		{name: "own pair", cfg: kpaytest.Config{Username: "u", Password: "p"}, change: func(r *http.Request) { r.SetBasicAuth("u", "p") }, code: "0"},
		{name: "no authorization", change: func(r *http.Request) { r.Header.Del("Authorization") }, code: "401"},
		{name: "no authorization as HTTP 401", cfg: kpaytest.Config{HTTP401: true}, change: func(r *http.Request) { r.Header.Del("Authorization") }, status: 401, code: "401"},
		{name: "bearer instead of basic", change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, code: "401"},
		{name: "wrong user", change: func(r *http.Request) { r.SetBasicAuth("nobody", "test-pass") }, code: "600"},
		{name: "wrong password", change: func(r *http.Request) { r.SetBasicAuth("test-user", "nothing") }, code: "600"},
		{name: "wrong password where 401 is HTTP", cfg: kpaytest.Config{HTTP401: true}, change: func(r *http.Request) { r.SetBasicAuth("test-user", "nothing") }, code: "600"},
		{name: "api key not asked for", change: func(r *http.Request) { r.Header.Set("Kpay-Key", "any") }, code: "0"},
		{name: "api key right", cfg: kpaytest.Config{APIKey: "k"}, change: func(r *http.Request) { r.Header.Set("Kpay-Key", "k") }, code: "0"},
		{name: "api key missing", cfg: kpaytest.Config{APIKey: "k"}, code: "401"},
		{name: "api key wrong", cfg: kpaytest.Config{APIKey: "k"}, change: func(r *http.Request) { r.Header.Set("Kpay-Key", "x") }, code: "600"},
		{name: "address listed", cfg: kpaytest.Config{AllowedIPs: prefixes("10.0.0.0/8", "127.0.0.1/32")}, code: "0"},
		{name: "address not listed", cfg: kpaytest.Config{AllowedIPs: prefixes("10.0.0.0/8")}, code: "602"},
		{name: "wrong pair counts before the address", cfg: kpaytest.Config{AllowedIPs: prefixes("10.0.0.0/8")}, change: func(r *http.Request) { r.SetBasicAuth("a", "b") }, code: "600"},
		{name: "plain http", cfg: kpaytest.Config{RequireHTTPS: true}, code: "500"},
		{name: "plain http counts before everything", cfg: kpaytest.Config{RequireHTTPS: true}, change: func(r *http.Request) { r.Header.Del("Authorization") }, code: "500"},
		{name: "https by the public url", cfg: kpaytest.Config{RequireHTTPS: true, Options: fake.Options{PublicURL: "https://pay.test"}}, code: "0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, tc.cfg)
			req := m.request(order(nil))
			if tc.change != nil {
				tc.change(req)
			}
			status, answer := m.send(req)
			if tc.status == 0 {
				tc.status = http.StatusOK
			}
			assert.Equal(t, tc.status, status)
			m.wantRefusal(tc.code, answer)
			if tc.code == "0" {
				assert.Len(t, m.Payments(), 1)
				return
			}
			assert.Empty(t, m.Payments())
			assert.Len(t, answer, 2, "an access error has reply and retcode only")
		})
	}
}

func TestWrongPairAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	req := m.request(order(nil))
	req.SetBasicAuth("test-user", "nothing")
	_, answer := m.send(req)
	assert.Equal(t, parse(t, `{"reply":"Invalid PIN","retcode":600}`), answer)
}

// The allow-list sees the address of a real socket too.
func TestAllowListOverSockets(t *testing.T) {
	t.Parallel()
	kp := kpaytest.New(kpaytest.Config{AllowedIPs: []netip.Prefix{netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("192.0.2.9/32")}})
	t.Cleanup(kp.Close)
	for remote, code := range map[string]string{"[::1]:4711": `"retcode":603`, "192.0.2.7:4711": `"retcode":602`, "[::ffff:192.0.2.7]:1": `"retcode":602`,
		"192.0.2.9:4711": `"retcode":603`, "[::ffff:192.0.2.9]:1": `"retcode":603`,
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("{}"))
		req.RemoteAddr = remote
		req.SetBasicAuth("test-user", "test-pass")
		rec := httptest.NewRecorder()
		kp.ServeHTTP(rec, req)
		assert.Contains(t, rec.Body.String(), code, remote)
	}
}

func TestEndpointIsServedAtRootAndAtAPI(t *testing.T) {
	t.Parallel()
	for path, found := range map[string]bool{"": true, "/": true, "/api": true, "/api/": true, "/api/pay": false, "/v1": false} {
		m := newMerchant(t, kpaytest.Config{})
		req := m.request(order(nil))
		req.URL.Path = path
		res, err := m.HTTPClient().Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		if found {
			assert.Equal(t, http.StatusOK, res.StatusCode, path)
			assert.Len(t, m.Payments(), 1, path)
		} else {
			assert.Equal(t, http.StatusNotFound, res.StatusCode, path)
			assert.Empty(t, m.Payments(), path)
		}
	}
}

func TestOnlyPOSTIsTaken(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		req := m.request(order(nil))
		req.Method = method
		status, _ := m.send(req)
		assert.Equal(t, http.StatusMethodNotAllowed, status, method)
	}
	assert.Empty(t, m.Payments())
}

func TestContentTypeIsNotLookedAt(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded"} {
		m := newMerchant(t, kpaytest.Config{})
		req := m.request(order(nil))
		req.Header.Set("Content-Type", contentType)
		_, answer := m.send(req)
		assert.Equal(t, "PENDING", answer["reply"], contentType)
	}
}

// What the journal keeps of a payment names no credential and no card.
func TestJournalHidesSecrets(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Password: "planted-password"})
	req := m.request(order(nil))
	req.SetBasicAuth("test-user", "planted-password")
	_, answer := m.send(req)
	res, err := m.HTTPClient().Post(answer["url"].(string), "application/x-www-form-urlencoded", strings.NewReader("card_number=4111111111111112&expiry_date=11/39&cvv=987"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Len(t, m.Requests(), 2)
	for _, r := range m.Requests() {
		text := r.RequestBody + r.ResponseBody + r.Header.Get("Authorization")
		for _, secret := range []string{"planted-password", "cGxhbnRlZC", "4111111111111112", "11/39", "987", answer["authkey"].(string)} {
			assert.NotContains(t, text, secret)
		}
	}
}
