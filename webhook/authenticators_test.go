package webhook_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/webhook"
)

func request(target string) *http.Request {
	return httptest.NewRequest(http.MethodPost, target, nil)
}

func TestPathSecret(t *testing.T) {
	const next = "aSecondSecretForRotation_1"
	a := webhook.PathSecret(next, pathSecret)
	for path, secret := range map[string]int{"/" + next: 0, "/hooks/" + pathSecret: 1, "/a/b/" + pathSecret + "?x=y": 1} {
		proof, err := webhook.Verify(request(path), nil, a)
		require.NoError(t, err, path)
		assert.Equal(t, secret, proof.Secret, path)
		assert.False(t, proof.Signed)
	}
	for _, path := range []string{"/", "/hooks", "/hooks/" + pathSecret + "/", "/" + strings.ToUpper(pathSecret), "/?secret=" + pathSecret, "/" + pathSecret + next} {
		_, err := webhook.Verify(request(path), nil, a)
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, path)
	}
}

func TestQuerySecret(t *testing.T) {
	a := webhook.QuerySecret("key", pathSecret, "aSecondSecretForRotation_1")
	for _, target := range []string{"/?key=" + pathSecret, "/x?a=b&key=aSecondSecretForRotation_1"} {
		_, err := webhook.Verify(request(target), nil, a)
		assert.NoError(t, err, target)
	}
	for _, target := range []string{"/", "/?key=", "/?key=wrong", "/?KEY=" + pathSecret, "/" + pathSecret,
		"/?key=" + pathSecret + "&key=" + pathSecret, "/?key=wrong&key=" + pathSecret, "/?key=" + pathSecret + "&%zz"} {
		_, err := webhook.Verify(request(target), nil, a)
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, target)
	}
}

func TestBasicAuth(t *testing.T) {
	a := webhook.BasicAuth("kapiten", "new-password-0123", "old-password-0123")
	for password, secret := range map[string]int{"new-password-0123": 0, "old-password-0123": 1} {
		r := request("/")
		r.SetBasicAuth("kapiten", password)
		proof, err := webhook.Verify(r, nil, a)
		require.NoError(t, err)
		assert.Equal(t, secret, proof.Secret)
	}
	for _, pair := range [][2]string{{"kapiten", "wrong"}, {"kapiten", ""}, {"", "new-password-0123"}, {"Kapiten", "new-password-0123"}, {"", ""}} {
		r := request("/")
		r.SetBasicAuth(pair[0], pair[1])
		_, err := webhook.Verify(r, nil, a)
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, pair)
	}
	_, err := webhook.Verify(request("/"), nil, a)
	assert.ErrorIs(t, err, webhook.ErrUnauthenticated)
}

func TestAllowList(t *testing.T) {
	for _, c := range []struct {
		name      string
		proxies   []string
		peer      string
		forwarded []string
		want      bool
	}{
		{"direct, in range", nil, "52.50.88.9:4711", nil, true},
		{"direct, single address", nil, "[2001:db8::1]:443", nil, true},
		{"direct, IPv4 in IPv6", nil, "[::ffff:52.50.88.9]:4711", nil, true},
		{"direct, out of range", nil, "52.50.89.9:4711", nil, false},
		{"spoofed header from a stranger", nil, "203.0.113.7:1", []string{"52.50.88.9"}, false},
		{"spoofed header, proxies exist", []string{"10.0.0.0/8"}, "203.0.113.7:1", []string{"52.50.88.9"}, false},
		{"header of a friend is ignored when no proxy is trusted", nil, "52.50.88.9:1", []string{"203.0.113.7"}, true},
		{"through the proxy", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"52.50.88.9"}, true},
		{"through two proxies", []string{"10.0.0.0/8", "192.0.2.1"}, "10.0.0.1:1", []string{"52.50.88.9, 192.0.2.1"}, true},
		{"through two proxies, two headers", []string{"10.0.0.0/8", "192.0.2.1"}, "10.0.0.1:1", []string{"52.50.88.9", "192.0.2.1"}, true},
		{"with a port", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"52.50.88.9:5555"}, true},
		{"spoofed on the left", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"52.50.88.9, 203.0.113.7"}, false},
		{"spoofed in a header of its own", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"52.50.88.9", "203.0.113.7"}, false},
		{"spoofed proxy on the left", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"52.50.88.9, 10.0.0.2, 203.0.113.7"}, false},
		{"proxy without header", []string{"10.0.0.0/8"}, "10.0.0.1:1", nil, false},
		{"nothing but proxies", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"10.0.0.2"}, false},
		{"rubbish", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"unknown"}, false},
		{"rubbish on the right", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"52.50.88.9, unknown"}, false},
		{"a trailing comma", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"52.50.88.9, "}, true},
		{"empty elements", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{",52.50.88.9,,", ""}, true},
		{"IPv6 in brackets", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"[2001:db8::1]"}, true},
		{"IPv6 in brackets, with a port", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"[2001:db8::1]:443"}, true},
		{"by a trusted Unix socket", []string{"unix"}, "@", []string{"52.50.88.9"}, true},
		{"by a trusted Unix socket, through a proxy", []string{"unix", "10.0.0.0/8"}, "", []string{"52.50.88.9, 10.0.0.2"}, true},
		{"by a trusted Unix socket, spoofed on the left", []string{"unix"}, "@", []string{"52.50.88.9, 203.0.113.7"}, false},
		{"by a Unix socket that is not trusted", []string{"10.0.0.0/8"}, "@", []string{"52.50.88.9"}, false},
		{"by a trusted Unix socket, without a header", []string{"unix"}, "@", nil, false},
		{"peer without address", nil, "@", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("/")
			r.RemoteAddr = c.peer
			for _, v := range c.forwarded {
				r.Header.Add("X-Forwarded-For", v)
			}
			_, err := webhook.Verify(r, nil, webhook.AllowList([]string{"52.50.88.0/24", "2001:db8::1"}, c.proxies...))
			if c.want {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, webhook.ErrUnauthenticated)
			}
		})
	}
}

func TestAuthenticatorsCombine(t *testing.T) {
	path, basic := webhook.PathSecret(pathSecret), webhook.BasicAuth("kpay", "a long enough password")
	both := request("/" + pathSecret)
	both.SetBasicAuth("kpay", "a long enough password")
	onlyPath := request("/" + pathSecret)

	_, err := webhook.Verify(both, nil, path, basic)
	require.NoError(t, err)
	_, err = webhook.Verify(onlyPath, nil, path, basic)
	require.ErrorIs(t, err, webhook.ErrUnauthenticated, "all must agree")
	_, err = webhook.Verify(onlyPath, nil, webhook.AnyOf(basic, path))
	require.NoError(t, err)
	_, err = webhook.Verify(request("/"), nil, webhook.AnyOf(basic, path))
	require.ErrorIs(t, err, webhook.ErrUnauthenticated)
	_, err = webhook.Verify(both, nil)
	require.ErrorIs(t, err, webhook.ErrConfiguration, "nothing to verify with is no pass")
	_, err = webhook.Verify(both, nil, webhook.PathSecret())
	require.ErrorIs(t, err, webhook.ErrConfiguration)
}

func TestSecretsAreNowhereToBeSeen(t *testing.T) {
	const planted = "planted-secret-0123456789"
	capabilities, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "shop", BaseURL: "https://shop.example/hooks"}, planted)
	require.NoError(t, err)
	signature := webhook.Signature(stamped, planted)
	// Fills the pools.
	_, _ = signature.Authenticate(&webhook.Delivery{Request: request("/")})
	_, err = capabilities.URL(webhook.Bound{Reference: "o1"})
	require.NoError(t, err)
	h, _ := merchant(t, func(c *setup) { c.Auth = webhook.AllOf(c.Auth, webhook.PathSecret(planted)) })
	for name, v := range map[string]any{
		"path": webhook.PathSecret(planted), "query": webhook.QuerySecret("key", planted), "basic": webhook.BasicAuth("kpay", planted),
		"signature": signature, "capabilities": capabilities, "handler": h, "any": webhook.AnyOf(webhook.PathSecret(planted)),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			text := fmt.Sprintf(verb, v)
			assert.NotContains(t, text, planted, "%s %s", name, verb)
			assert.NotContains(t, text, fmt.Sprintf("%x", planted), "%s %s", name, verb)
			assert.NotContains(t, text, strings.Trim(fmt.Sprint([]byte(planted)), "[]"), "%s %s", name, verb)
		}
	}
	for _, bad := range []webhook.Authenticator{webhook.PathSecret(planted[:10]), webhook.PathSecret("/" + planted)} {
		_, err := webhook.Verify(request("/"), nil, bad)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), planted[:10])
	}
	_, err = webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "shop", BaseURL: "https://shop.example"}, planted[:10])
	require.Error(t, err)
	assert.NotContains(t, err.Error(), planted[:10])
}

func TestConfigurationsKeepSecretsOutOfEveryEncoder(t *testing.T) {
	const planted = "planted-secret-0123456789"
	key := webhook.BitPesaKey{Key: planted, Secret: planted}
	for name, v := range map[string]any{
		"config":      webhook.Config[order]{Auth: webhook.PathSecret(planted)},
		"BitPesa key": key,
		"error":       &webhook.Error{Provider: "shop", Err: quiet{planted}},
	} {
		var shown bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&shown, verb, v)
			fmt.Fprintf(&shown, verb, []any{v})
		}
		text, err := json.Marshal(v)
		require.NoError(t, err, name)
		shown.Write(text)
		slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "v", v)
		assert.NotContains(t, shown.String(), planted, name)
		assert.NotContains(t, shown.String(), fmt.Sprintf("%x", planted), name)
	}
	assert.NotPanics(t, func() { _ = (&webhook.Error{}).Error() }, "made by hand")
}

// quiet is an error that holds what its text does not show.
type quiet struct{ Body string }

func (quiet) Error() string { return "away" }

func TestADeliveryThatCannotBeReadIsNoForgery(t *testing.T) {
	h, _ := merchant(t, func(c *setup) {
		c.Auth = webhook.AnyOf(webhook.Signature(stamped, "whsec"), webhook.PathSecret(pathSecret))
		c.MaxBody = 10
	})
	assert.Equal(t, 413, post(h, paid("o1")).Code)
	h, _ = merchant(t, func(c *setup) {
		c.Auth = webhook.AnyOf(webhook.PathSecret(pathSecret), webhook.Signature(stamped, "whsec"))
		c.MaxBody = 10
	})
	assert.Equal(t, 413, postTo(h, "/guess", paid("o1")).Code, "whichever is asked first")
	assert.False(t, errors.Is(webhook.ErrBodyTooLarge, webhook.ErrUnauthenticated))
}

func TestARefusedSenderIsToldOfBasicAuthentication(t *testing.T) {
	basic := webhook.BasicAuth("kasapay", "a long enough password")
	for name, c := range map[string]struct {
		auth webhook.Authenticator
		want string
	}{
		"basic":       {basic, `Basic realm="webhook"`},
		"among many":  {webhook.AnyOf(webhook.PathSecret(pathSecret), webhook.AllOf(basic)), `Basic realm="webhook"`},
		"no password": {webhook.PathSecret(pathSecret), ""},
	} {
		h, _ := merchant(t, func(s *setup) { s.Auth = c.auth })
		w := postTo(h, "/guess", paid("o1"))
		assert.Equal(t, 401, w.Code, name)
		assert.Equal(t, c.want, w.Header().Get("WWW-Authenticate"), name)
	}
}

// What a stranger may cost before he is refused: no header is read that decides
// nothing, no body is hashed more than four times, and none is taken apart.
// The bound of what is looked at is also the bound of what can be set.
func TestTheLongestSecretIsTold(t *testing.T) {
	for length, ok := range map[int]bool{16: true, 1024: true, 1025: false} {
		secret := strings.Repeat("%", length)
		path := strings.Repeat("p", length)
		for name, tc := range map[string]struct {
			auth webhook.Authenticator
			give func(r *http.Request)
		}{
			"path":     {webhook.PathSecret(path), func(r *http.Request) { r.URL.Path = "/hooks/" + path }},
			"query":    {webhook.QuerySecret("key", secret), func(r *http.Request) { r.URL.RawQuery = url.Values{"key": {secret}}.Encode() }},
			"password": {webhook.BasicAuth(path, secret), func(r *http.Request) { r.SetBasicAuth(path, secret) }},
		} {
			cfg := goodConfig[kpay.Payment]()
			cfg.Auth = tc.auth
			_, err := webhook.NewKPay(&flipping{}, cfg)
			if !ok {
				require.ErrorIs(t, err, webhook.ErrConfiguration, name)
				continue
			}
			require.NoError(t, err, name)
			r := request("/")
			tc.give(r)
			_, err = webhook.Verify(r, nil, tc.auth)
			require.NoError(t, err, "%s of %d", name, length)
		}
	}
}

func TestAStrangerCostsLittle(t *testing.T) {
	r := request("/")
	r.RemoteAddr = "203.0.113.7:1"
	r.Header.Set("X-Forwarded-For", strings.Repeat("10.0.0.1,", 100_000))
	for _, proxies := range [][]string{nil, {"10.0.0.0/8"}} {
		list := webhook.AllowList([]string{"52.50.88.9"}, proxies...)
		assert.LessOrEqual(t, testing.AllocsPerRun(10, func() { _, _ = webhook.Verify(r, nil, list) }), 6.0)
	}
	const header = 900_000 // bytes; net/http lets 1 MiB pass
	long := []byte(strings.Repeat("x", header))
	hashing := fastest(func() { sha256.Sum256(long) })
	for name, tc := range map[string]struct {
		auth webhook.Authenticator
		give func(r *http.Request, given string)
	}{
		"PathSecret":                 {webhook.PathSecret(pathSecret), func(r *http.Request, given string) { r.URL.Path = "/" + given }},
		"QuerySecret":                {webhook.QuerySecret("key", pathSecret), func(r *http.Request, given string) { r.URL.RawQuery = "key=" + given }},
		"QuerySecret, beside others": {webhook.QuerySecret("key", pathSecret), func(r *http.Request, given string) { r.URL.RawQuery = "key=" + pathSecret + "&a=" + given }},
		"BasicAuth, password":        {webhook.BasicAuth("user", pathSecret), func(r *http.Request, given string) { r.SetBasicAuth("user", given[:len(given)*2/3]) }},
		"BasicAuth, user":            {webhook.BasicAuth("user", pathSecret), func(r *http.Request, given string) { r.SetBasicAuth(given[:len(given)*2/3], pathSecret) }},
		"BasicAuth, not base64":      {webhook.BasicAuth("user", pathSecret), func(r *http.Request, given string) { r.Header.Set("Authorization", "Basic "+given) }},
	} {
		r := request("/")
		tc.give(r, string(long))
		check := func() {
			if _, err := tc.auth.Authenticate(&webhook.Delivery{Request: r}); !errors.Is(err, webhook.ErrUnauthenticated) {
				t.Error(name, err)
			}
		}
		assert.Less(t, fastest(check), hashing/4, "%s: nothing of it is hashed or decoded", name)
	}
	for name, body := range map[string]string{
		"large":        `{"event":"x","data":"` + strings.Repeat("x", 1<<20) + `"}`,
		"large keys":   `{` + strings.Repeat(`"k":1,`, 1<<17) + `"event":1,"data":2}`,
		"many keys":    `{` + strings.Repeat(`"k":1,`, 5<<10) + `"event":1,"data":2}`,
		"deep":         `{"event":1,"data":` + strings.Repeat("[", 31<<10) + `}`,
		"white spaces": `{"event":1,"data":` + strings.Repeat(" ", 31<<10) + `1}`,
		"many objects": `{"event":1,"data":[` + strings.Repeat(`{"k":{}},`, 3<<10) + `1]}`,
	} {
		r := request("/")
		r.Header.Set("X-Kotani-Signature", "sha256="+strings.Repeat("0", 64))
		raw, hashed := []byte(body), 0
		auth := webhook.KotaniV3SignatureWith(func() hash.Hash { return &countingHash{sha256.New(), &hashed} }, "whsec_test")
		check := func() {
			if _, err := webhook.Verify(r, raw, auth); !errors.Is(err, webhook.ErrUnauthenticated) {
				t.Error(name, err)
			}
		}
		check()
		hashed = 0
		check()
		const blocks = 8 * sha256.BlockSize // of the keys
		assert.LessOrEqual(t, hashed, 4*min(len(body), 32<<10)+blocks, name)
		assert.LessOrEqual(t, testing.AllocsPerRun(10, check), 40.0, name) // however many members the body has
	}
}

// fastest is what something takes when nothing else runs.
func fastest(do func()) time.Duration {
	best := time.Hour
	for range 20 {
		began := time.Now()
		do()
		best = min(best, time.Since(began))
	}
	return best
}

// countingHash counts the bytes that are hashed.
type countingHash struct {
	hash.Hash
	bytes *int
}

func (c *countingHash) Write(p []byte) (int, error) { *c.bytes += len(p); return c.Hash.Write(p) }

// A merchant who mends one fault after the other deploys once for each.
func TestAnAuthenticatorTellsAllItsFaultsAtOnce(t *testing.T) {
	const good = "0123456789abcdef"
	for name, tc := range map[string]struct {
		auth webhook.Authenticator
		want []string
	}{
		"path": {webhook.PathSecret("short/1", good+"/2"), []string{
			"PathSecret: secret 0 has fewer than 16 bytes", "PathSecret: secret 0 needs escaping in a URL", "PathSecret: secret 1 needs escaping in a URL",
		}},
		"query": {webhook.QuerySecret("", "short", good+"\n"), []string{
			"QuerySecret: no parameter", "QuerySecret: secret 0 has fewer than 16 bytes", "QuerySecret: secret 1 begins or ends with white space, a control character or a byte order mark",
		}},
		"basic": {webhook.BasicAuth("u:x\n", "short\n", strings.Repeat("a", 1025)), []string{
			"BasicAuth: user begins or ends with white space, a control character or a byte order mark", "BasicAuth: user holds a colon",
			"BasicAuth: password 0 has fewer than 16 bytes", "BasicAuth: password 0 begins or ends with white space, a control character or a byte order mark", "BasicAuth: password 1 has more than 1024 bytes",
		}},
		"colon":     {webhook.BasicAuth("u:x", good), []string{"BasicAuth: user holds a colon"}},
		"no user":   {webhook.BasicAuth(""), []string{"BasicAuth: user is required", "BasicAuth: no password"}},
		"long user": {webhook.BasicAuth(strings.Repeat("a", 1025), good), []string{"BasicAuth: user has more than 1024 bytes"}},
		"allow-list": {webhook.AllowList([]string{"10.0.0.1", "shop.example", "fe80::1%eth0", "unix"}, "unix", "proxy", "::ffff:10.0.0.0/104"), []string{
			"AllowList: sender 1 is neither CIDR nor an address", "AllowList: sender 2 is neither CIDR nor an address", "AllowList: sender 3 is neither CIDR nor an address",
			"AllowList: trusted proxy 1 is neither CIDR nor an address", "AllowList: trusted proxy 2 is neither CIDR nor an address",
		}},
		"no sender": {webhook.AllowList(nil, "proxy"), []string{"AllowList: no address", "AllowList: trusted proxy 0 is neither CIDR nor an address"}},
		"bitpesa": {webhook.BitPesaSignature("", webhook.BitPesaKey{Key: "a", Secret: "b"}, webhook.BitPesaKey{Key: "c"}), []string{
			"BitPesaSignature: URL must be an absolute http or https URL without a fragment", "BitPesaSignature: secret 1 is required",
		}},
		"all of": {webhook.AllOf(webhook.PathSecret(), webhook.BasicAuth("kpay")), []string{"PathSecret: no secret", "BasicAuth: no password"}},
	} {
		for i, want := range tc.want {
			tc.want[i] = "webhook: configuration: " + want
		}
		_, err := webhook.Verify(request("/"), nil, tc.auth)
		require.Error(t, err, name)
		assert.Equal(t, strings.Join(tc.want, "\n"), strings.ReplaceAll(err.Error(), webhook.ErrConfiguration.Error(), "webhook: configuration"), name)
	}
}

// What a faulty authenticator would prove is not missed beside its fault.
func TestAFaultOfASignatureNamesNoConsequence(t *testing.T) {
	bad, badKey := webhook.KotaniV3Signature(""), webhook.BitPesaSignature(bitpesaURL)
	handle := func(context.Context, webhook.Event[kotani.V3Event]) error { return nil }
	for name, auth := range map[string]webhook.Authenticator{
		"alone": bad, "any of": webhook.AnyOf(bad, bad), "all of": webhook.AllOf(webhook.PathSecret(pathSecret), bad), "bitpesa": badKey,
	} {
		_, err := webhook.NewKotaniV3(webhook.Config[kotani.V3Event]{Auth: auth, Handle: handle})
		require.ErrorIs(t, err, webhook.ErrConfiguration, name)
		assert.NotContains(t, err.Error(), "must check a signature", name)
	}
	unsigned := webhook.AnyOf(bad, webhook.PathSecret(pathSecret))
	_, err := webhook.NewKotaniV3(webhook.Config[kotani.V3Event]{Auth: unsigned, Handle: handle})
	require.ErrorContains(t, err, "must check a signature", "the path secret signs nothing")
	_, err = webhook.NewKotaniV3(webhook.Config[kotani.V3Event]{Auth: webhook.AnyOf((*webhook.Capabilities)(nil)), Handle: handle})
	require.ErrorContains(t, err, "no authenticator")
}

// The peer of an address with a zone is in the range without it.
func TestAZoneDoesNotHideASender(t *testing.T) {
	list := webhook.AllowList([]string{"fe80::/10"}, "fd00::1")
	for _, peer := range []string{"[fe80::1%eth0]:4711", "[fe80::1]:4711"} {
		r := request("/")
		r.RemoteAddr = peer
		_, err := webhook.Verify(r, nil, list)
		require.NoError(t, err, peer)
	}
}
