package transport_test

import (
	"bytes"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// A source of jitter makes every wait of a run the same.
func TestJitterChoosesTheWaits(t *testing.T) {
	for name, row := range map[string]struct {
		jitter func(time.Duration) time.Duration
		want   []time.Duration
	}{
		"the bound":    {func(bound time.Duration) time.Duration { return bound }, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}},
		"a half":       {func(bound time.Duration) time.Duration { return bound / 2 }, []time.Duration{500 * time.Millisecond, time.Second, 1500 * time.Millisecond}},
		"beyond it":    {func(bound time.Duration) time.Duration { return 2 * bound }, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}},
		"zero":         {func(time.Duration) time.Duration { return 0 }, []time.Duration{1, 1, 1}},
		"less than it": {func(time.Duration) time.Duration { return -time.Hour }, []time.Duration{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, html(503), html(503), html(503), accept)
				core := s.core(func(cfg *transport.Config) {
					cfg.Jitter, cfg.MinBackoff, cfg.MaxBackoff = row.jitter, time.Second, 3*time.Second
				})
				require.NoError(t, core.Do(t.Context(), callOf("safe")))
				seen, waits := s.seen(), []time.Duration{}
				for i := range len(seen) - 1 {
					waits = append(waits, seen[i+1].At.Sub(seen[i].At))
				}
				assert.Equal(t, row.want, waits)
			})
		})
	}
}

func TestTheSizeOfAResponseCanBeSet(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		for size, fits := range map[int]bool{99: true, 100: true, 101: false} {
			s := newFixture(t, answer(bytes.Repeat([]byte("x"), size), chunked))
			var raw []byte
			err := s.core(func(cfg *transport.Config) { cfg.MaxResponseBytes = 100 }).Do(t.Context(), keep("once", &raw))
			if fits {
				require.NoError(t, err)
				assert.Len(t, raw, size)
				continue
			}
			assert.EqualError(t, err, "acme: once: HTTP 200, response too large (outcome: unknown)")
		}
	}
	s := newFixture(t, answer(bytes.Repeat([]byte("x"), 5<<20), false))
	var raw []byte
	require.NoError(t, s.core(func(cfg *transport.Config) { cfg.MaxResponseBytes = 6 << 20 }).Do(t.Context(), keep("once", &raw)))
	assert.Len(t, raw, 5<<20)
}

func TestTheUserAgentNamesProgramModuleAndGo(t *testing.T) {
	sdkAndGo := "kapiten-go/devel Go/" + strings.TrimPrefix(runtime.Version(), "go")
	for app, want := range map[string]string{"": sdkAndGo, "shop/1.4": "shop/1.4 " + sdkAndGo} {
		s := newFixture(t, accept)
		require.NoError(t, s.core(func(cfg *transport.Config) { cfg.App = app }).Do(t.Context(), callOf("once")))
		assert.Equal(t, want, s.seen()[0].Header.Get("User-Agent"))
	}
}

func TestAnAppThatCannotBeAHeaderIsRefused(t *testing.T) {
	_, err := transport.New(transport.Config{
		Provider: "acme", Options: sdk.Options{App: "shop\r\nX-Evil: 1"}, BaseURL: "https://acme.example", Operations: operations, Interpret: interpret,
	})
	assert.ErrorContains(t, err, "App")
}

func TestNegativeLimitsAreRefused(t *testing.T) {
	for field, options := range map[string]sdk.Options{
		"WriteIdleTimeout": {WriteIdleTimeout: -1},
		"MaxResponseBytes": {MaxResponseBytes: -1},
		"MaxAttempts":      {MaxAttempts: -1},
		"MinBackoff":       {MinBackoff: -1},
		"MaxBackoff":       {MaxBackoff: -1},
		"MaxRetryAfter":    {MaxRetryAfter: -1},
	} {
		_, err := transport.New(transport.Config{Provider: "acme", Options: options, BaseURL: "https://acme.example", Operations: operations, Interpret: interpret})
		assert.EqualError(t, err, "acme: "+field+" must not be negative")
	}
}

// The own pools keep the settings of http.DefaultTransport, such as its proxy, and
// differ from it where the promise needs it.
func TestTheOwnPools(t *testing.T) {
	reads, writes := transport.OwnTransport(newCore(t))
	assert.NotNil(t, reads.Proxy)
	assert.NotNil(t, writes.Proxy)
	assert.Equal(t, &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}, reads.HTTP2)
	assert.Equal(t, 90*time.Second, reads.IdleConnTimeout)
	assert.Equal(t, 2*time.Second, writes.IdleConnTimeout)
	assert.False(t, writes.Protocols.HTTP2())
	_, writes = transport.OwnTransport(newCore(t, func(cfg *transport.Config) { cfg.WriteIdleTimeout = time.Minute }))
	assert.Equal(t, time.Minute, writes.IdleConnTimeout)
}

func TestAConstructorReportsEveryFaultAtOnce(t *testing.T) {
	_, err := transport.New(transport.Config{
		Provider: "acme", BaseURL: "ftp://acme.example", Operations: operations, Interpret: interpret,
		Routes:  map[string]sdk.Route{"no such operation": {}, "safe": {Path: "no slash"}},
		Options: sdk.Options{App: "a\nb", MaxAttempts: -1, MinBackoff: -1, MaxBackoff: -1},
	})
	for _, field := range []string{"BaseURL", "App", "MaxAttempts", "MinBackoff", "MaxBackoff", `Routes: route for unknown operation "no such operation"`, "Routes: route for safe"} {
		assert.ErrorContains(t, err, "acme: "+field)
	}
}
