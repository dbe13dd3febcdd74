package kotani_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Planted in the credentials, the parameters and the responses; none of it may
// come out again by any way of printing.
func TestPlantedSecretsAppearNowhere(t *testing.T) {
	var out bytes.Buffer
	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, debug)), slog.New(slog.NewJSONHandler(&out, debug))} {
		synctest.Test(t, func(t *testing.T) { printEverything(t, &out, logger) })
	}
	printed := out.String()
	require.NotEmpty(t, printed)
	for _, secret := range []string{"planted", walletAddress, "abababab", "wants you to sign in"} {
		if at := strings.Index(printed, secret); at >= 0 {
			t.Errorf("a secret got out: ...%s...", printed[max(0, at-200):min(len(printed), at+60)])
		}
	}
}

func printEverything(t *testing.T, out *bytes.Buffer, logger *slog.Logger) {
	printed := func(values ...any) {
		for _, v := range values {
			fmt.Fprintf(out, "%v|%+v|%#v|%s|%q\n", v, v, v, v, v)
			if text, err := json.Marshal(v); assert.NoError(t, err) {
				out.Write(text)
			}
			logger.Error("printed", "value", v)
		}
	}
	for _, status := range []int{200, 301, 400, 401, 403, 409, 422, 429, 500} {
		s := newScript(respond(status, `{"desc":"planted-detail","error":"plantedCode","status":"planted-status","result":"planted"}`))
		client := newClient(t, s, func(c *kotani.Config) {
			c.Logger, c.MaxAttempts = logger, 1
			c.FiatConnect.APIKey = "planted-api-key"
			c.OnAttempt = func(_ context.Context, a sdk.Attempt) { fmt.Fprintf(out, "%v %+v\n", a, a) }
			printed(*c, c, c.FiatConnect, &c.FiatConnect)
			if text, err := json.Marshal(struct{ Error error }{failureOf(t, *c)}); assert.NoError(t, err) {
				out.Write(text)
			}
		})
		for method, want := range wireCalls {
			if strings.Contains(method, "Wait") {
				continue
			}
			err := want.call(t.Context(), client)
			for inner := err; inner != nil; inner = errors.Unwrap(inner) {
				// The code of a response may be printed; what is planted in it is none.
				text := strings.ReplaceAll(fmt.Sprintf("%v|%+v|%#v|%s", inner, inner, inner, inner), "plantedCode", "")
				out.WriteString(text)
			}
		}
		_, err := client.Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/planted-path"})
		printed(err, client, client.FiatConnect)
	}
	c, err := newClient(t, newScript(respond(200, `{"apiKey":"planted-key","webhookSecret":"planted-secret"}`))).FiatConnect.CreateCredentials(t.Context(), "https://merchant.example/")
	require.NoError(t, err)
	printed(c, *c)
}

// failureOf is an error that a login with planted credentials gives.
func failureOf(t *testing.T, cfg kotani.Config) error {
	s := newScript(nil)
	s.aside[loginPath] = []step{respond(200, `{"status":400,"desc":"planted"}`)}
	return newClient(t, s, func(c *kotani.Config) { c.Password = cfg.Password }).Login(t.Context())
}

func TestDoReachesAnyEndpointOfTheConfiguredHost(t *testing.T) {
	s := newScript(respond(200, `{"status":201,"ok":true}`))
	client := newClient(t, s)
	raw, err := client.Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/user/resetPin", Body: map[string]string{"newUserPin": "1"}})
	require.NoError(t, err)
	assert.Equal(t, `{"status":201,"ok":true}`, string(raw))
	got := s.requests()[0]
	assert.Equal(t, "POST kotani.example/api_v2/user/resetPin", got.Method+" "+got.Host+got.Path)
	assert.Equal(t, "Bearer "+token, got.Header.Get("Authorization"))
	assert.Equal(t, `{"newUserPin":"1"}`, got.Body)
	_, err = client.FiatConnect.Do(t.Context(), sdk.RawCall{Method: "GET", Path: "/fiatconnect/new", ReadOnly: true})
	require.NoError(t, err)
	assert.Equal(t, "/api_v2/fiatconnect/new", s.requests()[1].Path)
	assert.Equal(t, sessionPair, s.requests()[1].Header.Get("Cookie"))
	for _, path := range []string{"", "https://elsewhere.example/", "x", "/a/../b", "/a?b=c"} {
		_, err := client.Do(t.Context(), sdk.RawCall{Method: "GET", Path: path})
		assert.ErrorIs(t, err, sdk.ErrValidation, path)
	}
	for desc, outcome := range map[string]error{"no": sdk.ErrOutcomeUnknown, "b is required": sdk.ErrOutcomeUnknown, "a is required": sdk.ErrRejected} {
		_, err = newClient(t, newScript(respond(200, `{"status":400,"desc":"`+desc+`"}`))).Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/x", Body: map[string]string{"a": ""}})
		assert.ErrorIs(t, err, outcome, desc)
	}

	s = newScript(gateway)
	_, err = newClient(t, s).Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/x"})
	assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
	assert.Len(t, s.requests(), 1)
	s = newScript(gateway, respond(200, `{}`))
	_, err = newClient(t, s, func(c *kotani.Config) { c.MinBackoff, c.MaxBackoff = 1, 1 }).Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/x", ReadOnly: true})
	assert.NoError(t, err)
	assert.Len(t, s.requests(), 2)
}

func TestNoCredentialLeavesForAnotherHost(t *testing.T) {
	s := newScript(respond(307, ``, "Location", "https://thief.example/"))
	client := newClient(t, s, func(c *kotani.Config) { c.MaxAttempts = 1 })
	synctest.Test(t, func(t *testing.T) {
		for method, want := range wireCalls {
			if method == "Login" || method == "FiatConnect.Login" || method == "FiatConnect.Clock" || strings.Contains(method, "Wait") {
				continue
			}
			assert.ErrorIs(t, want.call(t.Context(), client), sdk.ErrRedirected, method)
		}
	})
	for _, r := range s.requests() {
		assert.Equal(t, "kotani.example", r.Host)
	}
}
