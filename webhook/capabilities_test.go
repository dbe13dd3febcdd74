package webhook_test

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

const (
	oldKey = "capability-key-of-last-year"
	newKey = "capability-key-of-this-year"
)

func capabilities(t testing.TB, now func() time.Time, keys ...string) *webhook.Capabilities {
	t.Helper()
	c, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "shop", BaseURL: "https://shop.example/hooks/", Lifetime: time.Hour, Now: now}, keys...)
	require.NoError(t, err)
	return c
}

func mint(t testing.TB, c *webhook.Capabilities, b webhook.Bound) string {
	t.Helper()
	u, err := c.URL(b)
	require.NoError(t, err)
	parsed, err := url.Parse(u)
	require.NoError(t, err)
	return parsed.Path
}

func TestCapabilityURLTellsWhatItWasMintedFor(t *testing.T) {
	c := capabilities(t, atNoon, newKey)
	for _, b := range []webhook.Bound{
		{Reference: "15947234071471114", Amount: money("4200"), Currency: "RWF"},
		{Reference: "ms83-367839", Amount: money("100.00"), Currency: "KES"},
		{Reference: "721e54a2-0000-4000-8000-000000000001"},
		{Reference: "o/1 ü?#"},
		{Reference: "o", Amount: money("0"), Currency: "RWF"},
		{Reference: strings.Repeat("o", 255), Amount: money("-0.000000000000000001")},
	} {
		full, err := c.URL(b)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(full, "https://shop.example/hooks/"))
		assert.NotContains(t, strings.TrimPrefix(full, "https://shop.example/hooks/"), "/")
		assert.Equal(t, full, (&url.URL{Scheme: "https", Host: "shop.example", Path: strings.TrimPrefix(full, "https://shop.example")}).String(), "needs no escaping")
		got, err := c.Check(strings.TrimPrefix(full, "https://shop.example"))
		require.NoError(t, err)
		assert.Equal(t, b.Reference, got.Reference)
		assert.Equal(t, b.Currency, got.Currency)
		assert.Equal(t, b.Amount.Valid, got.Amount.Valid)
		assert.True(t, b.Amount.Decimal.Equal(got.Amount.Decimal))
		assert.True(t, noon.Add(time.Hour).Equal(got.Expires))
	}
	full, err := c.URL(webhook.Bound{Reference: "15947234071471114", Amount: money("4200"), Currency: "RWF"})
	require.NoError(t, err)
	assert.Less(t, len(full), 100, "compact")
}

func TestCapabilityURLIsRefused(t *testing.T) {
	now := noon
	c := capabilities(t, func() time.Time { return now }, newKey, oldKey)
	path := mint(t, c, webhook.Bound{Reference: "o1", Amount: money("100"), Currency: "RWF"})
	token := strings.TrimPrefix(path, "/hooks/")
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	changed := func(i int) string {
		other := append([]byte(nil), raw...)
		other[i] ^= 1
		return "/hooks/" + base64.RawURLEncoding.EncodeToString(other)
	}
	for i := range raw {
		_, err := c.Check(changed(i))
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, "byte %d", i)
	}
	for name, path := range map[string]string{
		"empty":      "/hooks/",
		"cut":        path[:len(path)-2],
		"padded":     path + "=",
		"longer":     path + "AA",
		"not base64": "/hooks/!!!!",
		"only a MAC": "/hooks/" + base64.RawURLEncoding.EncodeToString(raw[len(raw)-16:]),
		"endless":    "/hooks/" + strings.Repeat("A", 1<<16),
	} {
		_, err := c.Check(path)
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, name)
	}

	_, err = c.Check(path)
	require.NoError(t, err)
	now = noon.Add(time.Hour - time.Second)
	_, err = c.Check(path)
	require.NoError(t, err, "not yet")
	now = noon.Add(time.Hour)
	_, err = c.Check(path)
	require.ErrorIs(t, err, webhook.ErrUnauthenticated, "expired")
}

func TestCapabilityHasOneSpelling(t *testing.T) {
	c := capabilities(t, atNoon, newKey)
	accepted := 0
	// One of these lengths leaves unused bits in the last character.
	for _, reference := range []string{"o", "oo", "ooo"} {
		path := mint(t, c, webhook.Bound{Reference: reference})
		for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			if _, err := c.Check(path[:len(path)-1] + string(last)); err == nil {
				accepted++
			}
		}
	}
	assert.Equal(t, 3, accepted)
}

func TestCapabilityKeysRotate(t *testing.T) {
	before, during, after := capabilities(t, atNoon, oldKey), capabilities(t, atNoon, newKey, oldKey), capabilities(t, atNoon, newKey)
	b := webhook.Bound{Reference: "o1"}
	old, fresh := mint(t, before, b), mint(t, during, b)
	for path, secret := range map[string]int{fresh: 0, old: 1} {
		proof, err := during.Authenticate(&webhook.Delivery{Request: request(path)})
		require.NoError(t, err)
		assert.Equal(t, secret, proof.Secret)
	}
	_, err := after.Check(fresh)
	require.NoError(t, err)
	_, err = after.Check(old)
	require.ErrorIs(t, err, webhook.ErrUnauthenticated)
	_, err = before.Check(fresh)
	require.ErrorIs(t, err, webhook.ErrUnauthenticated)
}

func TestCapabilityOfOneProviderDoesNotOpenAnother(t *testing.T) {
	other, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "shop2", BaseURL: "https://shop.example", Now: atNoon}, newKey)
	require.NoError(t, err)
	_, err = capabilities(t, atNoon, newKey).Check(mint(t, other, webhook.Bound{Reference: "o1"}))
	require.ErrorIs(t, err, webhook.ErrUnauthenticated)
}

func TestCapabilityURLSpeaksOfOneTransactionOnly(t *testing.T) {
	c := capabilities(t, atNoon, newKey)
	path := mint(t, c, webhook.Bound{Reference: "o1", Amount: money("100"), Currency: "RWF"})
	for _, k := range []struct {
		name, body string
		says       order
		want       int
	}{
		{"its own", paid("o1"), order{Reference: "o1", Status: "PAID"}, 201},
		{"its own with the amount", paid("o1"), order{Reference: "o1", Status: "PAID", Amount: money("100.00"), Currency: "RWF"}, 201},
		{"without a reference: the URL knows", `{"status":"PAID"}`, order{Reference: "o1", Status: "PAID"}, 201},
		{"another one", paid("o2"), order{Reference: "o2", Status: "PAID"}, 422},
		{"someone paid less", paid("o1"), order{Reference: "o1", Status: "PAID", Amount: money("1"), Currency: "RWF"}, 422},
		{"other currency", paid("o1"), order{Reference: "o1", Status: "PAID", Currency: "KES"}, 422},
	} {
		t.Run(k.name, func(t *testing.T) {
			r, b := &reports{}, &bank{}
			b.set(k.says)
			h, l := merchant(t, func(cfg *setup) {
				cfg.Auth, cfg.Report, cfg.Source.Ask = c, r.add, b.ask
				cfg.Known = func(context.Context, string) (bool, error) { return false, nil }
			})
			assert.Equal(t, k.want, postTo(h, path, k.body).Code)
			if k.want == 201 {
				assert.Equal(t, []string{"o1 PAID"}, l.told())
				assert.NoError(t, r.last())
				return
			}
			assert.Empty(t, l.told())
			require.ErrorIs(t, r.last(), webhook.ErrMismatch)
			assert.NotContains(t, r.last().Error(), path[7:])
		})
	}
}

func TestNewCapabilitiesRefusesWhatCannotWork(t *testing.T) {
	good := webhook.CapabilityConfig{Provider: "shop", BaseURL: "https://shop.example/hooks"}
	for name, c := range map[string]struct {
		change func(*webhook.CapabilityConfig)
		keys   []string
	}{
		"no key":            {nil, nil},
		"empty key":         {nil, []string{newKey, ""}},
		"short key":         {nil, []string{"0123456789abcde"}},
		"key with newline":  {nil, []string{newKey + "\n"}},
		"no provider":       {func(c *webhook.CapabilityConfig) { c.Provider = "" }, []string{newKey}},
		"no base":           {func(c *webhook.CapabilityConfig) { c.BaseURL = "" }, []string{newKey}},
		"plain http":        {func(c *webhook.CapabilityConfig) { c.BaseURL = "http://shop.example" }, []string{newKey}},
		"relative":          {func(c *webhook.CapabilityConfig) { c.BaseURL = "/hooks" }, []string{newKey}},
		"with query":        {func(c *webhook.CapabilityConfig) { c.BaseURL = "https://shop.example/?a=b" }, []string{newKey}},
		"negative lifetime": {func(c *webhook.CapabilityConfig) { c.Lifetime = -time.Hour }, []string{newKey}},
	} {
		cfg := good
		if c.change != nil {
			c.change(&cfg)
		}
		_, err := webhook.NewCapabilities(cfg, c.keys...)
		assert.ErrorIs(t, err, webhook.ErrConfiguration, name)
	}
	local := good
	local.BaseURL = "http://127.0.0.1:8080"
	_, err := webhook.NewCapabilities(local, newKey)
	require.NoError(t, err)
}

func TestCapabilityIsNotMintedForWhatItCannotHold(t *testing.T) {
	c := capabilities(t, atNoon, newKey)
	for name, b := range map[string]webhook.Bound{
		"no reference":        {},
		"endless reference":   {Reference: strings.Repeat("o", 256)},
		"control character":   {Reference: "o\n1"},
		"endless currency":    {Reference: "o1", Currency: strings.Repeat("K", 17)},
		"amount out of range": {Reference: "o1", Amount: decimal.NewNullDecimal(decimal.New(1, 60))},
	} {
		_, err := c.URL(b)
		assert.ErrorIs(t, err, webhook.ErrConfiguration, name)
	}
}
