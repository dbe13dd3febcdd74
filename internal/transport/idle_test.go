package transport_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/internal/pipe"
	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// forgetful is a connection whose server has forgotten it after an idle time, while the
// client cannot know it yet: the next bytes get no response.
type forgetful struct {
	net.Conn
	idle time.Duration
	last atomic.Int64 // when the last response was written
}

func (c *forgetful) Write(p []byte) (int, error) {
	defer func() { c.last.Store(time.Now().UnixNano()) }()
	return c.Conn.Write(p)
}

func (c *forgetful) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if last := c.last.Load(); n > 0 && last != 0 && time.Since(time.Unix(0, last)) >= c.idle {
		_ = c.Close()
		return 0, io.EOF
	}
	return n, err
}

type forgetfulListener struct {
	*pipe.Listener
	idle time.Duration
}

func (l forgetfulListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &forgetful{Conn: conn, idle: l.idle}, nil
}

// 6,000 writes around the idle time of a server lose none, on virtual time: neither over
// the own pool, nor over a caller's with the setting that the docs name. With a pool that
// keeps connections for longer than the server, the same writes lose some, and say so.
func TestWritesOverConnectionsThatTheServerForgetsLoseNone(t *testing.T) {
	const each, serverIdle = 24, 5 * time.Second
	callers := clienttest.Times(250, 50)
	callersOwn := func(idle time.Duration) func(pipe *pipe.Listener) *http.Client {
		return func(pipe *pipe.Listener) *http.Client {
			return &http.Client{Transport: &http.Transport{
				DialContext: pipe.Dial, IdleConnTimeout: idle, MaxIdleConnsPerHost: callers,
				TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1 only
			}}
		}
	}
	for name, tc := range map[string]struct {
		client func(*pipe.Listener) *http.Client
		loses  bool
	}{
		"own pool":                    {nil, false},
		"the caller's, as documented": {callersOwn(2 * time.Second), false},
		"the caller's, otherwise":     {callersOwn(90 * time.Second), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := pipe.NewListener()
				var served, dialled atomic.Int64
				server := &http.Server{
					ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Hour,
					Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body)
						served.Add(1)
						accept(w, r)
					}),
					ConnState: func(_ net.Conn, state http.ConnState) {
						if state == http.StateNew {
							dialled.Add(1)
						}
					},
				}
				var serving sync.WaitGroup
				serving.Go(func() { _ = server.Serve(forgetfulListener{listener, serverIdle}) })
				core := newCore(t, func(cfg *transport.Config) {
					cfg.BaseURL, cfg.AllowHTTP = "http://acme.example", true
					if tc.client != nil {
						cfg.HTTPClient = tc.client(listener)
					}
				})
				if tc.client == nil {
					_, writes := transport.OwnTransport(core)
					writes.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
						conn, err := listener.Dial(ctx, network, address)
						if err != nil {
							return nil, err
						}
						return transport.Count(conn), nil
					}
				}
				var all sync.WaitGroup
				var lost atomic.Int64
				for i := range callers {
					all.Go(func() {
						for j := range each {
							if err := core.Do(t.Context(), callOf("once")); err != nil {
								lost.Add(1)
								assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
							}
							switch (i + j) % 8 {
							case 0, 1, 2: // a connection used again
							case 3, 4:
								wait(time.Second)
							default:
								wait(serverIdle + time.Duration((i*7+j*13)%40-20)*time.Millisecond)
							}
						}
					})
				}
				all.Wait()
				assert.Equal(t, tc.loses, lost.Load() > 0, "%d lost", lost.Load())
				assert.Equal(t, int64(callers*each), served.Load()+lost.Load(), "no write is made twice")
				assert.Less(t, dialled.Load(), int64(callers*each), "connections are used again")
				_ = server.Close()
				_ = listener.Close()
				serving.Wait()
				wait(2 * time.Minute) // the pools close what is idle
			})
		})
	}
}
