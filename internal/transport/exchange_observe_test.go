package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

func observer(see func(sdk.Attempt)) func(context.Context, sdk.Attempt) {
	return func(_ context.Context, a sdk.Attempt) { see(a) }
}

func TestHookSeesEveryAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(w http.ResponseWriter, r *http.Request) {
			wait(3 * time.Second)
			with("X-Request-Id", "req-9", accept)(w, r)
		}
		s := newFixture(t, drop, nil, html(503), slow)
		var seen []sdk.Attempt
		core := s.core(func(cfg *transport.Config) {
			cfg.OnAttempt = observer(func(a sdk.Attempt) { seen = append(seen, a) })
		})
		require.NoError(t, core.Do(t.Context(), callOf("item")))
		require.Len(t, seen, 4)
		for i, a := range seen {
			assert.Equal(t, "acme item GET /shops/{shop_id}/items/{item_id}/", strings.Join([]string{a.Provider, a.Operation, a.Method, a.Path}, " "))
			assert.Equal(t, i+1, a.Number)
		}
		assert.Equal(t, []sdk.Outcome{sdk.NoEffect, sdk.NotSent, sdk.NoEffect},
			[]sdk.Outcome{seen[0].Outcome, seen[1].Outcome, seen[2].Outcome})
		assert.Equal(t, []bool{false, false, false, true},
			[]bool{seen[0].Succeeded, seen[1].Succeeded, seen[2].Succeeded, seen[3].Succeeded})
		assert.Equal(t, []int{0, 0, 503, 200}, []int{seen[0].StatusCode, seen[1].StatusCode, seen[2].StatusCode, seen[3].StatusCode})
		assert.Error(t, seen[0].Err)
		assert.Error(t, seen[1].Err)
		assert.NoError(t, seen[2].Err)
		assert.NoError(t, seen[3].Err)
		assert.Equal(t, 3*time.Second, seen[3].Duration)
		assert.Equal(t, "req-9", seen[3].RequestID)
	})
}

func TestHookAndLogGetTheCallersContext(t *testing.T) {
	type key struct{}
	s := newFixture(t, accept)
	var fromHook, fromLog any
	core := s.core(func(cfg *transport.Config) {
		cfg.OnAttempt = func(ctx context.Context, _ sdk.Attempt) { fromHook = ctx.Value(key{}) }
		cfg.Logger = slog.New(handler(func(ctx context.Context, _ slog.Record) { fromLog = ctx.Value(key{}) }))
	})
	require.NoError(t, core.Do(context.WithValue(t.Context(), key{}, "trace-1"), callOf("safe")))
	assert.Equal(t, "trace-1", fromHook)
	assert.Equal(t, "trace-1", fromLog)
}

// handler is a slog.Handler from a function.
type handler func(context.Context, slog.Record)

func (h handler) Enabled(context.Context, slog.Level) bool { return true }
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	h(ctx, r)
	return nil
}
func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h handler) WithGroup(string) slog.Handler      { return h }

func TestLogHasOneEventPerAttemptAndOnlyTheAllowedAttributes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, drop, with("X-Request-Id", "req-1", html(503)), with("X-Request-Id", "req-2", accept))
		var records []slog.Record
		core := s.core(authorized, func(cfg *transport.Config) {
			cfg.Logger = slog.New(handler(func(_ context.Context, r slog.Record) { records = append(records, r) }))
		})
		require.NoError(t, core.Do(t.Context(), callOf("quote")))
		require.Len(t, records, 3)
		allowed := []string{"provider", "operation", "method", "path", "attempt", "status", "duration", "outcome", "request_id", "cause"}
		var got [3]map[string]string
		for i, r := range records {
			got[i] = map[string]string{}
			r.Attrs(func(a slog.Attr) bool {
				assert.Contains(t, allowed, a.Key)
				got[i][a.Key] = a.Value.String()
				return true
			})
		}
		assert.Equal(t, []slog.Level{slog.LevelWarn, slog.LevelWarn, slog.LevelDebug}, []slog.Level{records[0].Level, records[1].Level, records[2].Level})
		assert.Equal(t, "connection closed without a response", got[0]["cause"])
		assert.Equal(t, "503", got[1]["status"])
		assert.Equal(t, map[string]string{
			"provider": "acme", "operation": "quote", "method": "POST", "path": "/quote",
			"attempt": "3", "status": "200", "duration": "0s", "request_id": "req-2",
		}, got[2])
	})
}

func TestLogBelowItsLevelIsNotMade(t *testing.T) {
	var out bytes.Buffer
	s := newFixture(t, accept)
	core := s.core(func(cfg *transport.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&out, nil)) })
	require.NoError(t, core.Do(t.Context(), callOf("safe")))
	assert.Empty(t, out.String())
}

// Secrets are planted wherever a call has room for one, and looked for in all
// that the package can print.
func TestSecretsAppearNowhere(t *testing.T) {
	secrets := map[string]string{
		"token": "S3CRET-TOKEN", "authorization": "S3CRET-AUTH", "query": "S3CRET-QUERY", "sent": "S3CRET-SENT",
		"answered": "S3CRET-ANSWER", "path": "S3CRET-PATH", "raw path": "S3CRET-RAW", "header": "S3CRET-HEADER",
		"key": "S3CRET-KEY", "answer's header": "S3CRET-COOKIE", "location": "S3CRET-LOCATION", "message": "S3CRET-MESSAGE", "field": "S3CRET FIELD",
	}
	leaky := func(status int, then func(http.ResponseWriter)) step {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", secrets["answer's header"])
			w.Header().Set("Location", "http://evil.localhost/"+secrets["location"])
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"say":"refused","message":%q,"x":%q}`, secrets["message"], secrets["answered"])
			if then != nil {
				then(w)
			}
		}
	}
	for name, answer := range map[string]step{
		"refused":                leaky(400, nil),
		"clear as mud":           leaky(500, func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") }),
		"redirected":             leaky(302, nil),
		"dropped":                drop,
		"truncated":              truncate,
		"never sent":             nil,
		"accepted, not decoded":  accept,
		"throttled for too long": with("Retry-After", "9999", say(429, "throttled")),
		"expired":                say(401, "expired"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				s := newFixture(t)
				s.always = answer
				if answer == nil {
					s.script = make([]step, 16)
				}
				if name == "expired" { // and the renewal fails, in words
					s.always = say(401, "expired")
				}
				hooked := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
				core := s.core(func(cfg *transport.Config) {
					cfg.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
					cfg.OnAttempt = observer(func(a sdk.Attempt) {
						a.Err = nil // documented: the network's own error
						fmt.Fprintf(&out, "%v %+v %#v\n", a, a, a)
						hooked.Info("attempt", "attempt", a)
					})
					cfg.Tokens = transport.NewTokenSource(func(context.Context) (transport.Token, error) {
						return transport.Token{Value: secrets["token"]}, nil
					})
					cfg.Authorize = func(r *http.Request, _ sdk.Operation, _ []byte, token string) error {
						r.Header["Authorization"] = []string{secrets["authorization"] + token}
						return nil
					}
					cfg.Interpret = func(op sdk.Operation, r *transport.Response) transport.Verdict {
						v := interpret(op, r)
						if v.Kind == transport.Refused {
							v.Fields = transport.Fields{secrets["field"]: {secrets["message"]}}
							v.Code = "1 " + secrets["message"]
						}
						return v
					}
				})
				call := transport.Call{
					Op: "item", Path: []string{secrets["path"], secrets["path"]},
					Query: url.Values{"api_key": {secrets["query"]}}, Header: http.Header{"X-Secret": {secrets["header"]}},
					Body: map[string]string{"pin": secrets["sent"]}, Reference: "ref-1",
					Decode: func(r *transport.Response) error { return fmt.Errorf("cannot read %s", secrets["answered"]) },
				}
				errs := []error{core.Do(t.Context(), call)}
				call.Op, call.Path = "once", nil
				errs = append(errs, core.Do(t.Context(), call))
				errs = append(errs, core.DoRaw(t.Context(), transport.Raw{Method: "POST", Path: "/" + secrets["raw path"], Class: sdk.Once, Call: call}))
				call.Key = secrets["key"]
				errs = append(errs, core.DoRaw(t.Context(), transport.Raw{Method: "POST", Path: "/x", Class: sdk.Keyed, Call: call}))

				text := slog.New(slog.NewTextHandler(&out, nil))
				for _, err := range errs {
					f := failure(t, err)
					fmt.Fprintf(&out, "%v|%+v|%s|%q|%#v|%v\n", f, f, f, f, f, f.LogValue())
					for _, l := range []*slog.Logger{text, hooked} {
						l.Error("failed", "err", f)
						l.Error("failed", "err", fmt.Errorf("pay: %w", f))
						l.Error("failed", "errs", []error{f})
						l.Error("failed", "err", errors.Join(f, f))
					}
					encoded, marshalErr := json.Marshal(f)
					require.NoError(t, marshalErr)
					out.Write(encoded)
				}
				for _, where := range slices.Sorted(maps.Keys(secrets)) {
					assert.NotContains(t, out.String(), secrets[where], where)
				}
				assert.Contains(t, out.String(), "ref-1", "the reference is what to ask about")
				assert.NotContains(t, out.String(), "10.1.2.3", "addresses split groups of alerts")
			})
		})
	}
}
