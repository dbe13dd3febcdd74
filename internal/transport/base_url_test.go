package transport_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

func TestBaseURL(t *testing.T) {
	const plainHTTP = "plain http is refused for anything but loopback, because it shows credentials to the network"
	for url, fault := range map[string]string{
		"https://api.example.com":          "",
		"https://api.example.com/":         "",
		"https://api.example.com/v2/":      "",
		"HTTPS://API.example.com:8443/v2":  "",
		"http://localhost":                 "",
		"http://LOCALHOST.:8080":           "",
		"http://kapiten.localhost/api":     "",
		"http://127.0.0.1:8080":            "",
		"http://127.8.9.10":                "",
		"http://[::1]:8080":                "",
		"http://[::ffff:127.0.0.1]":        "",
		"http://api.example.com":           plainHTTP,
		"http://localhost.example.com":     plainHTTP,
		"http://127.0.0.1.example.com":     plainHTTP,
		"http://notlocalhost":              plainHTTP,
		"http://10.0.0.1":                  plainHTTP,
		"http://0.0.0.0":                   plainHTTP,
		"http://[fe80::1%25lo]":            plainHTTP,
		"http://2130706433":                plainHTTP, // 127.0.0.1 as one number
		"":                                 "is required",
		"://":                              "is not a URL",
		"https://[::1":                     "is not a URL",
		"https://api.example.com:port":     "is not a URL",
		"https://api.example.com/%zz":      "is not a URL",
		"api.example.com":                  "must start with https:// (or http:// on loopback)",
		"ftp://api.example.com":            "must start with https:// (or http:// on loopback)",
		"//api.example.com":                "must start with https:// (or http:// on loopback)",
		"https:api.example.com":            "has no host",
		"https:///api":                     "has no host",
		"https://:443":                     "has no host",
		"https://user:secret@example.com":  "must not hold credentials",
		"https://user@example.com":         "must not hold credentials",
		"https://api.example.com?key=s":    "must not hold a query or fragment",
		"https://api.example.com/?":        "must not hold a query or fragment",
		"https://api.example.com/#top":     "must not hold a query or fragment",
		"https://api.example.com/a/../b":   "holds an empty or a dot segment, or is not well escaped",
		"https://api.example.com/%2e%2e/b": "holds an empty or a dot segment, or is not well escaped",
		"https://api.example.com//b":       "holds an empty or a dot segment, or is not well escaped",
	} {
		_, err := transport.New(transport.Config{Provider: "acme", BaseURL: url, Interpret: interpret})
		if fault == "" {
			assert.NoError(t, err, url)
		} else {
			assert.EqualError(t, err, "acme: BaseURL: "+fault, url)
		}
	}
	_, err := transport.New(transport.Config{Provider: "acme", BaseURL: "http://api.example.com", AllowHTTP: true, Interpret: interpret})
	assert.NoError(t, err, "allowed by the caller")
}

func TestBasePathIsAPrefix(t *testing.T) {
	for base, want := range map[string]string{
		"http://provider.localhost":              "/shops/s1/items/i1/",
		"http://provider.localhost/":             "/shops/s1/items/i1/",
		"http://provider.localhost/gateway/v2":   "/gateway/v2/shops/s1/items/i1/",
		"http://provider.localhost/gateway/v2/":  "/gateway/v2/shops/s1/items/i1/",
		"http://provider.localhost/a%2Fb/c%20d/": "/a%2Fb/c%20d/shops/s1/items/i1/",
	} {
		s := newFixture(t, accept)
		core := s.core(func(cfg *transport.Config) { cfg.BaseURL = base })
		require.NoError(t, core.Do(t.Context(), callOf("item")))
		assert.Equal(t, want, s.seen()[0].URI)
		assert.Equal(t, base, core.BaseURL())
	}
}

func TestDerivedCoreSharesConnections(t *testing.T) {
	s := newFixture(t, accept, accept)
	core := s.core()
	other, err := core.Derive(func(cfg *transport.Config) { cfg.BaseURL += "/section" })
	require.NoError(t, err)
	require.NoError(t, core.Do(t.Context(), callOf("safe")))
	require.NoError(t, other.Do(t.Context(), callOf("safe")))
	assert.Equal(t, "GET /safe\nGET /section/safe\n", lines(s.seen()))
	assert.Equal(t, 1, s.dialled())

	_, err = core.Derive(func(cfg *transport.Config) { cfg.BaseURL = "http://api.example.com" })
	assert.Error(t, err, "checked like any other")
}

func TestOwnPoolKeeps64IdleConnectionsPerHost(t *testing.T) {
	before := http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost
	own, _ := transport.OwnTransport(newCore(t))
	assert.Equal(t, 64, own.MaxIdleConnsPerHost)
	assert.NotSame(t, http.DefaultTransport, own)
	assert.Equal(t, before, http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost, "the global one is left alone")
	assert.NotNil(t, own.Proxy)
}
