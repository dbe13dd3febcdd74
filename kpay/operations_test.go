package kpay_test

import (
	"context"
	"encoding/base64"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// wireCalls has one entry per exported method that sends a request.
var wireCalls = map[string]struct {
	op     string
	action string
	call   func(context.Context, *kpay.Client) error
}{
	"Pay": {kpay.OpPay, "pay", func(ctx context.Context, c *kpay.Client) error { _, err := c.Pay(ctx, validPay()); return err }},
	"Prepare": {kpay.OpPay, "pay", func(ctx context.Context, c *kpay.Client) error {
		p, err := c.Prepare(validPay())
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Find": {kpay.OpStatus, "checkstatus", func(ctx context.Context, c *kpay.Client) error { _, err := c.Find(ctx, "order-1"); return err }},
	"Get":  {kpay.OpStatus, "checkstatus", func(ctx context.Context, c *kpay.Client) error { _, err := c.Get(ctx, "A1"); return err }},
	"Wait": {kpay.OpStatus, "checkstatus", func(ctx context.Context, c *kpay.Client) error { _, err := c.Wait(ctx, "order-1"); return err }},
	"Do": {"do", "", func(ctx context.Context, c *kpay.Client) error {
		_, err := c.Do(ctx, sdk.RawCall{Method: "POST", Path: "/", Body: map[string]string{"action": "refund"}})
		return err
	}},
}

func TestEveryMethodSendsItsRow(t *testing.T) {
	rows := map[string]sdk.Operation{}
	for _, op := range kpay.Operations() {
		rows[op.Name] = op
	}
	rows["do"] = sdk.Operation{Method: "POST", Path: "/"}
	client := reflect.TypeFor[*kpay.Client]()
	used := map[string]bool{"do": true}
	for i := range client.NumMethod() {
		method := client.Method(i).Name
		want, ok := wireCalls[method]
		if !assert.True(t, ok, "%s is exported, and no test says which row it sends", method) {
			continue
		}
		t.Run(method, func(t *testing.T) {
			// A refusal ends every method after its first request.
			c, s := newClient(t, []step{respond(200, `{"reply":"Invalid PIN","retcode":600}`)})
			err := want.call(t.Context(), c)
			require.ErrorIs(t, err, sdk.ErrUnauthorized)
			var e *sdk.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, want.op, e.Operation)
			seen := s.Requests()
			require.Len(t, seen, 1)
			assert.Equal(t, rows[want.op].Method, seen[0].Method)
			assert.Equal(t, kpay.SandboxURL+rows[want.op].Path, seen[0].URL)
			assert.Equal(t, "application/json", seen[0].Header.Get("Content-Type"))
			assert.Equal(t, "application/json", seen[0].Header.Get("Accept"))
			assert.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte("shop:"+planted)), seen[0].Header.Get("Authorization"))
			assert.NotContains(t, seen[0].Header, "Kpay-Key")
			assert.NotContains(t, seen[0].Header, "Idempotency-Key")
			if want.action != "" {
				assert.Contains(t, seen[0].Body, `"action":"`+want.action+`"`)
			}
		})
		used[want.op] = true
	}
	for name := range rows {
		assert.True(t, used[name], "no method sends row %s", name)
	}
	assert.True(t, rows[kpay.OpPay].MovesMoney)
	assert.False(t, rows[kpay.OpStatus].MovesMoney)
}

func TestThePathIsConfigurable(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*kpay.Config)
		url    string
	}{
		"the root":            {func(c *kpay.Config) {}, "https://pay.esicia.com/"},
		"the live host":       {func(c *kpay.Config) { c.BaseURL = kpay.LiveURL }, "https://pay.esicia.rw/"},
		"a slash at the end":  {func(c *kpay.Config) { c.BaseURL += "/" }, "https://pay.esicia.com/"},
		"the document's curl": {func(c *kpay.Config) { c.BaseURL += "/api" }, "https://pay.esicia.com/api/"},
		"as it is printed":    {func(c *kpay.Config) { c.BaseURL += "/api/" }, "https://pay.esicia.com/api/"},
		"a route of its own": {func(c *kpay.Config) {
			c.Routes = map[string]sdk.Route{kpay.OpPay: {Path: "/v2/pay"}}
		}, "https://pay.esicia.com/v2/pay"},
	} {
		t.Run(name, func(t *testing.T) {
			client, s := newClient(t, []step{respond(200, pending)}, tc.change)
			_, err := client.Pay(t.Context(), validPay())
			require.NoError(t, err)
			assert.Equal(t, tc.url, s.Requests()[0].URL)
		})
	}
}

func TestTheAPIKeyIsSentWhenThereIsOne(t *testing.T) {
	client, s := newClient(t, []step{respond(200, pending)}, func(c *kpay.Config) { c.APIKey = "key-1" })
	_, err := client.Pay(t.Context(), validPay())
	require.NoError(t, err)
	assert.Equal(t, "key-1", s.Requests()[0].Header.Get("Kpay-Key"))
	assert.True(t, strings.HasPrefix(s.Requests()[0].Header.Get("Authorization"), "Basic "), "basic auth goes along all the same")
}

func TestDoReturnsTheResponseAsItCame(t *testing.T) {
	client, _ := newClient(t, []step{respond(200, `{"retcode":0,"balance":"12"}`)})
	raw, err := client.Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/reports/", ReadOnly: true})
	require.NoError(t, err)
	assert.Equal(t, `{"retcode":0,"balance":"12"}`, string(raw))
}

func TestConfigurationIsRefusedByFieldAndWithoutItsValue(t *testing.T) {
	for name, tc := range map[string]struct {
		field  string
		change func(*kpay.Config)
	}{
		"no host":                    {"BaseURL", func(c *kpay.Config) { c.BaseURL = "" }},
		"plain http":                 {"BaseURL", func(c *kpay.Config) { c.BaseURL = "http://planted.example" }},
		"credentials in the URL":     {"BaseURL", func(c *kpay.Config) { c.BaseURL = "https://planted:planted@pay.esicia.rw" }},
		"no username":                {"Username", func(c *kpay.Config) { c.Username = "" }},
		"a colon in the username":    {"Username", func(c *kpay.Config) { c.Username = "planted:x" }},
		"a line break in it":         {"Username", func(c *kpay.Config) { c.Username = "planted\n" }},
		"no password":                {"Password", func(c *kpay.Config) { c.Password = "" }},
		"a line break in a password": {"Password", func(c *kpay.Config) { c.Password = "planted\r\n" }},
		"a file's end":               {"Password", func(c *kpay.Config) { c.Password = "planted\n" }},
		"a space behind a password":  {"Password", func(c *kpay.Config) { c.Password = "planted " }},
		"NBSP behind a username":     {"Username", func(c *kpay.Config) { c.Username = "planted\u00a0" }},
		"a key with a file's end":    {"APIKey", func(c *kpay.Config) { c.APIKey = "planted\n" }},
		"a space in the key":         {"APIKey", func(c *kpay.Config) { c.APIKey = "planted key" }},
		"a route nobody has":         {"Routes", func(c *kpay.Config) { c.Routes = map[string]sdk.Route{"refund": {}} }},
		"waits the wrong way round":  {"MinBackoff", func(c *kpay.Config) { c.MinBackoff, c.MaxBackoff = 2, 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := kpay.Config{BaseURL: kpay.SandboxURL, Username: "u", Password: "p"}
			tc.change(&cfg)
			_, err := kpay.New(cfg)
			require.Error(t, err)
			assert.True(t, strings.HasPrefix(err.Error(), "kpay: "+tc.field), err.Error())
			assert.NotContains(t, err.Error(), "planted")
		})
	}
	_, all := kpay.New(kpay.Config{APIKey: "planted\n"})
	for _, field := range []string{"BaseURL", "Username", "Password", "APIKey"} {
		assert.ErrorContains(t, all, "kpay: "+field, "all at once")
	}
	for name, change := range map[string]func(*kpay.Config){
		"loopback":             func(c *kpay.Config) { c.BaseURL = "http://127.0.0.1:8099/kpay" },
		"plain http on demand": func(c *kpay.Config) { c.BaseURL, c.AllowPlainHTTP = "http://fake:8099/kpay", true },
	} {
		cfg := kpay.Config{Username: "u", Password: "p"}
		change(&cfg)
		_, err := kpay.New(cfg)
		assert.NoError(t, err, name)
	}
}

func TestNoIDOrReferenceHasWhiteSpaceAtItsEnds(t *testing.T) {
	client, err := kpay.New(kpay.Config{BaseURL: "https://a.example", Username: "u", Password: "p"})
	require.NoError(t, err)
	clienttest.CheckEdges(t, client, kpay.Operations())
}

func TestWithoutAContextNothingIsSent(t *testing.T) {
	client, s := newClient(t, []step{respond(500, "")})
	clienttest.CheckNilContexts(t, slices.Sorted(maps.Keys(wireCalls)), func() int { return len(s.Requests()) }, func(method string, ctx context.Context) error {
		return wireCalls[method].call(ctx, client)
	})
}
