package kasapay_test

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// wireCalls has one entry per exported method that sends a request.
var wireCalls = map[string]struct {
	op   string
	uri  string
	call func(context.Context, *kasapay.Client) error
}{
	"Payouts.Create": {kasapay.OpInitiate, "/v1/payouts/b2b/initiate", func(ctx context.Context, c *kasapay.Client) error {
		_, err := c.Payouts.Create(ctx, validPayout())
		return err
	}},
	"Payouts.Prepare": {kasapay.OpInitiate, "/v1/payouts/b2b/initiate", func(ctx context.Context, c *kasapay.Client) error {
		p, err := c.Payouts.Prepare(validPayout())
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Payouts.Find": {kasapay.OpStatus, "/v1/payouts/b2b/ms83%2F1%20a/status", func(ctx context.Context, c *kasapay.Client) error {
		_, err := c.Payouts.Find(ctx, "ms83/1 a")
		return err
	}},
	"Payouts.Get": {kasapay.OpStatus, "/v1/payouts/b2b/a99658d5/status", func(ctx context.Context, c *kasapay.Client) error {
		_, err := c.Payouts.Get(ctx, "a99658d5")
		return err
	}},
	"Payouts.Wait": {kasapay.OpStatus, "/v1/payouts/b2b/ms83-1/status", func(ctx context.Context, c *kasapay.Client) error {
		_, err := c.Payouts.Wait(ctx, "ms83-1")
		return err
	}},
	"Do": {"do", "/v1/statement?offset=10", func(ctx context.Context, c *kasapay.Client) error {
		_, err := c.Do(ctx, sdk.RawCall{Method: "POST", Path: "/v1/statement", Query: map[string][]string{"offset": {"10"}}, Body: struct{}{}})
		return err
	}},
}

func TestEveryMethodSendsItsRow(t *testing.T) {
	rows := map[string]sdk.Operation{"do": {Method: "POST"}}
	for _, op := range kasapay.Operations() {
		rows[op.Name] = op
	}
	used := map[string]bool{"do": true}
	for _, method := range exportedMethods() {
		want, ok := wireCalls[method]
		if !assert.True(t, ok, "%s is exported, and no test says which row it sends", method) {
			continue
		}
		t.Run(method, func(t *testing.T) {
			// A refusal ends every method after its first request. Create looks it up.
			c, s := newClient(t, []step{respond(400, `{"response_code":721,"response_description":"Invalid Service","error_code":"SERVICE_NOT_ALLOWED"}`)})
			err := want.call(t.Context(), c)
			require.ErrorIs(t, err, sdk.ErrConfiguration)
			var e *sdk.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, want.op, e.Operation)
			seen := s.Requests()
			require.Len(t, seen, 2+strings.Count(method, "Create"))
			login, call := seen[0], seen[1]
			assert.Equal(t, rows[kasapay.OpAuth].Method+" "+kasapay.SandboxURL+rows[kasapay.OpAuth].Path, login.Method+" "+login.URL)
			assert.Equal(t, rows[want.op].Method+" "+kasapay.SandboxURL+want.uri, call.Method+" "+call.URL)
			assert.Equal(t, "planted-token", call.Header.Get("X-Access-Token"))
			assert.Equal(t, "application/json", call.Header.Get("Accept"))
			assert.NotContains(t, call.Header, "Authorization")
			assert.NotContains(t, call.Header, "Idempotency-Key")
			if call.Method == "POST" {
				assert.Equal(t, "application/json", call.Header.Get("Content-Type"))
			} else {
				assert.Empty(t, call.Body)
			}
		})
		used[want.op], used[kasapay.OpAuth] = true, true
	}
	for name := range rows {
		assert.True(t, used[name], "no method sends row %s", name)
	}
	assert.True(t, rows[kasapay.OpInitiate].MovesMoney)
	assert.False(t, rows[kasapay.OpStatus].MovesMoney)
}

func exportedMethods() []string {
	var methods []string
	client := reflect.TypeFor[*kasapay.Client]()
	for i := range client.NumMethod() {
		methods = append(methods, client.Method(i).Name)
	}
	for i := range client.Elem().NumField() {
		field := client.Elem().Field(i)
		if !field.IsExported() {
			continue
		}
		for j := range field.Type.NumMethod() {
			methods = append(methods, field.Name+"."+field.Type.Method(j).Name)
		}
	}
	return methods
}

func TestRoutesCanBeOverridden(t *testing.T) {
	client, s := newClient(t, []step{respond(200, processed)}, func(c *kasapay.Config) {
		c.BaseURL = "https://gateway.example/kasapay/"
		c.Routes = map[string]sdk.Route{kasapay.OpAuth: {Path: "/v2/login"}, kasapay.OpStatus: {Path: "/v2/payouts/{payout_reference}"}}
	})
	_, err := client.Payouts.Find(t.Context(), "ms83-1")
	require.NoError(t, err)
	assert.Equal(t, "https://gateway.example/kasapay/v2/login", s.Requests()[0].URL)
	assert.Equal(t, "https://gateway.example/kasapay/v2/payouts/ms83-1", s.Requests()[1].URL)
}

func TestStatusNeedsAReferenceThatFitsAPath(t *testing.T) {
	client, s := newClient(t, []step{respond(200, processed)})
	for _, reference := range []string{"", ".", "..", " ms83-1", "ms83\n1"} {
		_, err := client.Payouts.Find(t.Context(), reference)
		require.ErrorIs(t, err, sdk.ErrValidation, "%q", reference)
		_, err = client.Payouts.Get(t.Context(), reference)
		require.ErrorIs(t, err, sdk.ErrValidation, "%q", reference)
	}
	assert.Empty(t, s.Requests())
}

func TestDoReturnsTheResponseAsItCame(t *testing.T) {
	for _, body := range []string{`{"rates":{"KES":"1.0"}}`, `[{"payment_id":"0000"}]`} {
		client, _ := newClient(t, []step{respond(200, body)})
		raw, err := client.Do(t.Context(), sdk.RawCall{Method: "GET", Path: "/v1/fx", ReadOnly: true})
		require.NoError(t, err)
		assert.Equal(t, body, string(raw))
	}
}

func TestConfigurationIsRefusedByFieldAndWithoutItsValue(t *testing.T) {
	for name, tc := range map[string]struct {
		field  string
		change func(*kasapay.Config)
	}{
		"no host, as production is not documented": {"BaseURL", func(c *kasapay.Config) { c.BaseURL = "" }},
		"plain http":                {"BaseURL", func(c *kasapay.Config) { c.BaseURL = "http://planted.example" }},
		"no key":                    {"ConsumerKey", func(c *kasapay.Config) { c.ConsumerKey = " " }},
		"no secret":                 {"ConsumerSecret", func(c *kasapay.Config) { c.ConsumerSecret = "" }},
		"a route nobody has":        {"Routes", func(c *kasapay.Config) { c.Routes = map[string]sdk.Route{"payouts.cancel": {}} }},
		"fewer attempts than none":  {"MaxAttempts", func(c *kasapay.Config) { c.MaxAttempts = -1 }},
		"waits the wrong way round": {"MinBackoff", func(c *kasapay.Config) { c.MinBackoff, c.MaxBackoff = 2, 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := kasapay.Config{BaseURL: kasapay.SandboxURL, ConsumerKey: "planted", ConsumerSecret: "planted"}
			tc.change(&cfg)
			_, err := kasapay.New(cfg)
			require.Error(t, err)
			assert.True(t, strings.HasPrefix(err.Error(), "kasapay: "+tc.field), err.Error())
			assert.NotContains(t, err.Error(), "planted")
		})
	}
	for name, change := range map[string]func(*kasapay.Config){
		"loopback":             func(c *kasapay.Config) { c.BaseURL = "http://127.0.0.1:8099/kasapay" },
		"plain http on demand": func(c *kasapay.Config) { c.BaseURL, c.AllowPlainHTTP = "http://fake:8099/kasapay", true },
	} {
		cfg := kasapay.Config{ConsumerKey: "k", ConsumerSecret: "s"}
		change(&cfg)
		_, err := kasapay.New(cfg)
		assert.NoError(t, err, name)
	}
}

func TestNoIDOrReferenceHasWhiteSpaceAtItsEnds(t *testing.T) {
	client, err := kasapay.New(kasapay.Config{BaseURL: "https://a.example", ConsumerKey: "u", ConsumerSecret: "p"})
	require.NoError(t, err)
	clienttest.CheckEdges(t, client, kasapay.Operations())
}

func TestWithoutAContextNothingIsSent(t *testing.T) {
	client, s := newClient(t, nil)
	clienttest.CheckNilContexts(t, slices.Sorted(maps.Keys(wireCalls)), func() int { return len(s.Requests()) }, func(method string, ctx context.Context) error {
		return wireCalls[method].call(ctx, client)
	})
}
