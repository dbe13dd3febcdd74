package http2test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

var operations = transport.Table{
	{Name: "warm", Method: "GET", Path: "/warm", Class: sdk.Safe},
	{Name: "safe", Method: "GET", Path: "/safe", Class: sdk.Safe},
	{Name: "quote", Method: "POST", Path: "/quote", Class: sdk.Safe},
	{Name: "keyed", Method: "POST", Path: "/keyed", Class: sdk.Keyed, MovesMoney: true},
	{Name: "referenced", Method: "POST", Path: "/referenced", Class: sdk.Referenced, MovesMoney: true},
	{Name: "searched", Method: "POST", Path: "/searched", Class: sdk.Searched, MovesMoney: true},
	{Name: "once", Method: "POST", Path: "/once", Class: sdk.Once, MovesMoney: true},
	{Name: "once.get", Method: "GET", Path: "/once", Class: sdk.Once, MovesMoney: true},
}

// core returns a Core over the caller's own transport with HTTP/2.
func (p *peer) core(t testing.TB, change ...func(*transport.Config)) *transport.Core {
	own := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots}, ForceAttemptHTTP2: true}
	t.Cleanup(own.CloseIdleConnections)
	cfg := transport.Config{
		Provider: "acme", BaseURL: p.url, Operations: operations,
		Options: sdk.Options{HTTPClient: &http.Client{Transport: own}, MaxAttempts: 1, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond},
		Interpret: func(_ sdk.Operation, r *transport.Response) transport.Verdict {
			var said struct{ Say string }
			if json.Unmarshal(r.Body, &said) == nil && said.Say == "accepted" {
				return transport.Verdict{Kind: transport.Accepted}
			}
			return transport.Verdict{}
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	core, err := transport.New(cfg)
	require.NoError(t, err)
	return core
}

func call(op string, body any) transport.Call {
	c := transport.Call{Op: op, Body: body}
	if op == "keyed" {
		c.Key = "key-1"
	}
	return c
}

// faults come in threes, because net/http sends a request up to seven times.
var faults = map[string][]fault{
	"PROTOCOL_ERROR":           {reset(http2.ErrCodeProtocol)},
	"PROTOCOL_ERROR, thrice":   {reset(http2.ErrCodeProtocol), reset(http2.ErrCodeProtocol), reset(http2.ErrCodeProtocol)},
	"REFUSED_STREAM":           {reset(http2.ErrCodeRefusedStream)},
	"REFUSED_STREAM, thrice":   {reset(http2.ErrCodeRefusedStream), reset(http2.ErrCodeRefusedStream), reset(http2.ErrCodeRefusedStream)},
	"GOAWAY, no error":         {goAway(http2.ErrCodeNo)},
	"GOAWAY, with an error":    {goAway(http2.ErrCodeEnhanceYourCalm)},
	"GOAWAY, then REFUSED":     {goAway(http2.ErrCodeNo), reset(http2.ErrCodeRefusedStream)},
	"CANCEL":                   {reset(http2.ErrCodeCancel)},
	"INTERNAL_ERROR":           {reset(http2.ErrCodeInternal)},
	"HTTP_1_1_REQUIRED":        {reset(http2.ErrCodeHTTP11Required)},
	"the connection is closed": {func(f *http2.Framer, _ uint32) { _ = f.WriteRawFrame(http2.FrameData, 0, 0, nil) }},
}

// A peer does the work and then says that it did not, in frames at which net/http
// sends the request again by itself. The work is done once, and nobody claims to know.
func TestAWriteIsCarriedOutOnceWhateverThePeerSays(t *testing.T) {
	for name, script := range faults {
		for _, op := range []string{"once", "once.get", "searched", "referenced", "keyed"} {
			for _, body := range []any{nil, map[string]string{"amount": "7"}} {
				for _, traced := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, %s, body %v, traced %v", name, op, body != nil, traced), func(t *testing.T) {
						for _, warm := range []bool{true, false} {
							p := newPeer(t)
							core, ctx := p.core(t), t.Context()
							if warm {
								require.NoError(t, core.Do(ctx, call("warm", nil)))
							}
							if traced {
								ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {}})
							}
							p.mu.Lock()
							p.script, p.work = script, 0
							p.mu.Unlock()
							err := core.Do(ctx, call(op, body))
							assert.Equal(t, 1, p.worked(), "warm: %v", warm)
							assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
							assert.NotErrorIs(t, err, sdk.ErrNotSent)
						}
					})
				}
			}
		}
	}
}

// Other calls on the same connection are not disturbed.
func TestARefusedStreamLeavesTheConnectionToOthers(t *testing.T) {
	p := newPeer(t)
	core := p.core(t)
	require.NoError(t, core.Do(t.Context(), call("warm", nil)))
	p.mu.Lock()
	p.script = []fault{reset(http2.ErrCodeRefusedStream)}
	p.mu.Unlock()
	assert.ErrorIs(t, core.Do(t.Context(), call("once", nil)), sdk.ErrOutcomeUnknown)
	require.NoError(t, core.Do(t.Context(), call("once", nil)))
	assert.Equal(t, 1, p.conns)
}

// Reads may be repeated, by net/http or by the Core.
func TestAReadIsRepeated(t *testing.T) {
	for name, script := range faults {
		if strings.HasPrefix(name, "HTTP_1_1") {
			continue // there is no HTTP/1 here
		}
		for op, body := range map[string]any{"safe": nil, "quote": map[string]string{"amount": "7"}} {
			t.Run(name+", "+op, func(t *testing.T) {
				p := newPeer(t, script...)
				core := p.core(t, func(cfg *transport.Config) { cfg.MaxAttempts = 8 })
				require.NoError(t, core.Do(t.Context(), call(op, body)))
				assert.Equal(t, len(script)+1, p.worked())
			})
		}
	}
}

// A keyed write is repeated with its key, by the Core alone: each attempt shows.
func TestAKeyedWriteIsRepeatedByTheCoreAlone(t *testing.T) {
	for name, script := range faults {
		if len(script) != 3 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, script...)
			seen := 0
			core := p.core(t, func(cfg *transport.Config) {
				cfg.MaxAttempts = 4
				cfg.OnAttempt = func(context.Context, sdk.Attempt) { seen++ }
			})
			require.NoError(t, core.Do(t.Context(), call("keyed", map[string]string{"amount": "7"})))
			assert.Equal(t, seen, p.worked())
			assert.Equal(t, 4, seen)
		})
	}
}
