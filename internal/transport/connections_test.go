package transport_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// secureServer speaks TLS and, where it is told so, HTTP/2 as well.
func secureServer(t testing.TB, http2 bool, handler http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = http2
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server, roots
}

// ownCore returns a Core over the SDK's own pools, which trust the roots.
func ownCore(t testing.TB, url string, roots *x509.CertPool, change ...func(*transport.Config)) *transport.Core {
	core := newCore(t, append([]func(*transport.Config){func(cfg *transport.Config) { cfg.BaseURL = url }}, change...)...)
	reads, writes := transport.OwnTransport(core)
	for _, pool := range []*http.Transport{reads, writes} {
		if pool.TLSClientConfig == nil {
			pool.TLSClientConfig = &tls.Config{}
		}
		pool.TLSClientConfig.RootCAs = roots
		t.Cleanup(pool.CloseIdleConnections)
	}
	return core
}

// Reads use HTTP/2 where the server has it. Writes never do.
func TestTheOwnPoolsChooseTheirProtocol(t *testing.T) {
	for name, http2 := range map[string]bool{"a server with HTTP/2": true, "a server without": false} {
		t.Run(name, func(t *testing.T) {
			var seen sync.Map
			server, roots := secureServer(t, http2, func(w http.ResponseWriter, r *http.Request) {
				seen.Store(r.URL.Path, r.Proto)
				accept(w, r)
			})
			core := ownCore(t, server.URL, roots, noRetry)
			for _, op := range []string{"safe", "quote", "keyed", "referenced", "once"} {
				require.NoError(t, core.Do(t.Context(), callOf(op)), op)
				want := "HTTP/1.1"
				if http2 && (op == "safe" || op == "quote") {
					want = "HTTP/2.0"
				}
				proto, _ := seen.Load("/" + op)
				assert.Equal(t, want, proto, op)
			}
		})
	}
}

// relay stands between a client and a server. Once it is told to, it swallows what
// the connections that it has send, as a NAT does that has forgotten them.
type relay struct {
	url string

	mu    sync.Mutex
	conns []*swallowed
}

type swallowed struct{ dead atomic.Bool }

func newRelay(t testing.TB, server *httptest.Server) *relay {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	scheme, _, _ := strings.Cut(server.URL, ":")
	r := &relay{url: scheme + "://" + listener.Addr().String()}
	var all sync.WaitGroup
	var open []net.Conn
	all.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				_ = near.Close()
				continue
			}
			s := &swallowed{}
			r.mu.Lock()
			r.conns, open = append(r.conns, s), append(open, near, far)
			r.mu.Unlock()
			all.Go(func() { s.pass(far, near) })
			all.Go(func() { s.pass(near, far) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.mu.Lock()
		for _, conn := range open {
			_ = conn.Close()
		}
		r.mu.Unlock()
		all.Wait()
	})
	return r
}

func (s *swallowed) pass(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			if !s.dead.Load() {
				_ = to.Close()
			}
			return
		}
		if !s.dead.Load() {
			_, _ = to.Write(buf[:n])
		}
	}
}

func (r *relay) dialled() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns)
}

func (r *relay) swallow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.conns {
		s.dead.Store(true)
	}
}

// A NAT drops the connection silently. Over HTTP/2 pings find out, so that a read
// works within their time although nothing else ends it.
func TestAReadOutlivesADeadConnection(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/2": true, "HTTP/1": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, roots := secureServer(t, http2, accept)
			r := newRelay(t, server)
			core := ownCore(t, r.url, roots, func(cfg *transport.Config) {
				cfg.MinBackoff, cfg.MaxBackoff = time.Millisecond, time.Millisecond
				if cfg.AttemptTimeout = time.Minute; !http2 { // which has no pings
					cfg.AttemptTimeout = 2 * time.Second
				}
			})
			reads, _ := transport.OwnTransport(core)
			reads.HTTP2 = &http.HTTP2Config{SendPingTimeout: 100 * time.Millisecond, PingTimeout: 100 * time.Millisecond}
			require.NoError(t, core.Do(t.Context(), callOf("safe")))
			r.swallow()
			start := time.Now()
			require.NoError(t, core.Do(t.Context(), callOf("safe")))
			assert.Less(t, time.Since(start), 30*time.Second, "and not the minute of an attempt")
			assert.Equal(t, 2, r.dialled())
		})
	}
}

// A write does not meet a connection that was idle for longer than WriteIdleTimeout,
// dead or not. On one that dies sooner its outcome is unknown, and the next works.
func TestAWriteAvoidsADeadConnection(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/2": true, "HTTP/1": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, roots := secureServer(t, http2, accept)
			r := newRelay(t, server)
			core := ownCore(t, r.url, roots, func(cfg *transport.Config) {
				cfg.WriteIdleTimeout, cfg.AttemptTimeout = time.Second, 2*time.Second // a busy machine takes its time
			})
			require.NoError(t, core.Do(t.Context(), callOf("once")))
			r.swallow()
			wait(1100 * time.Millisecond)
			require.NoError(t, core.Do(t.Context(), callOf("once")))
			assert.Equal(t, 2, r.dialled())
			r.swallow()
			assert.ErrorIs(t, core.Do(t.Context(), callOf("once")), sdk.ErrOutcomeUnknown)
			require.NoError(t, core.Do(t.Context(), callOf("once")))
			assert.Equal(t, 3, r.dialled())
		})
	}
}

// ownCore sends the own pools through the fixture. Counted connections are the SDK's own.
func (s *fixture) ownCore(counted bool, change ...func(*transport.Config)) *transport.Core {
	core := newCore(s.t, append([]func(*transport.Config){func(cfg *transport.Config) { cfg.BaseURL = "http://provider.localhost" }}, change...)...)
	reads, writes := transport.OwnTransport(core)
	reads.DialContext, writes.DialContext = s.dial, s.dial
	if counted {
		writes.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := s.dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return transport.Count(&mortal{Conn: conn, s: s}), nil
		}
	}
	s.t.Cleanup(func() {
		reads.CloseIdleConnections()
		writes.CloseIdleConnections()
	})
	return core
}

// mortal is a connection that fails once its fixture says so, after a few more bytes.
type mortal struct {
	net.Conn
	s *fixture
}

func (m *mortal) Write(p []byte) (int, error) {
	m.s.mu.Lock()
	left, dies := m.s.left, m.s.dies
	m.s.dies = false
	m.s.mu.Unlock()
	if !dies {
		return m.Conn.Write(p)
	}
	n := 0
	if left > 0 {
		n, _ = m.Conn.Write(p[:left])
	}
	return n, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}
}

// dieAfter lets the connection of the next write die after some bytes.
func (s *fixture) dieAfter(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dies, s.left = true, bytes
}

func TestTheIdleTimeOfWritesIsKept(t *testing.T) {
	for _, limit := range []time.Duration{0, 500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := newFixture(t)
			s.always = accept
			core := s.ownCore(true, func(cfg *transport.Config) { cfg.WriteIdleTimeout = limit })
			idle := limit
			if idle == 0 {
				idle = 2 * time.Second
			}
			for i, pause := range []time.Duration{0, idle - time.Millisecond, idle / 2, idle + time.Millisecond} {
				wait(pause)
				require.NoError(t, core.Do(t.Context(), callOf("once")))
				assert.Equal(t, 1+i/3, s.dialled())
			}
		})
	}
}

// A connection of the SDK's own that dies unused proves that nothing was sent. A
// byte on it proves nothing, and neither does a connection of somebody else's.
func TestAConnectionThatDiesUnusedIsNotSent(t *testing.T) {
	for name, row := range map[string]struct {
		left    int
		class   sdk.Class
		body    any
		unknown bool
	}{
		"unused":                 {0, sdk.Once, "x", false},
		"unused, without a body": {0, sdk.Once, nil, false},
		"unused, referenced":     {0, sdk.Referenced, "x", false},
		"one byte":               {1, sdk.Once, "x", true},
		"one byte, without body": {1, sdk.Once, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t)
				s.always = accept
				core := s.ownCore(true)
				require.NoError(t, core.Do(t.Context(), callOf("once")))
				synctest.Wait()
				s.dieAfter(row.left)
				start := time.Now()
				err := core.DoRaw(t.Context(), transport.Raw{Method: "POST", Path: "/x", Class: row.class, Call: transport.Call{Body: row.body}})
				assert.Zero(t, time.Since(start), "at once")
				synctest.Wait()
				if row.unknown {
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					assert.Len(t, s.seen(), 1)
					return
				}
				assert.NoError(t, err)
				assert.Len(t, s.seen(), 2)
				assert.Equal(t, 2, s.dialled())
			})
		})
	}
}

func TestAConnectionThatDiesUnusedIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, accept)
		core := s.ownCore(true, noRetry)
		require.NoError(t, core.Do(t.Context(), callOf("once")))
		synctest.Wait()
		s.dieAfter(0)
		err := core.Do(t.Context(), callOf("once"))
		assert.EqualError(t, err, "acme: once: connection closed before anything was sent (outcome: not sent)")
	})
}

// Bytes may be on their way while a write is held up.
func TestACountedConnectionCountsBeforeItWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := transport.Count(near)
		go func() { _, _ = conn.Write([]byte("held up")) }()
		synctest.Wait()
		assert.EqualValues(t, 7, transport.Written(conn))
		_, err := io.ReadFull(far, make([]byte, 3))
		require.NoError(t, err)
		_ = far.Close()
		synctest.Wait()
		assert.EqualValues(t, 3, transport.Written(conn), "what was not taken is taken back")
	})
}

// The server does the work and the connection ends, in order or by a reset. net/http
// must not send the write again.
func TestNetHTTPDoesNotReplayAWriteOverAnyPool(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"} {
		for _, body := range []any{nil, "x"} {
			for pool, open := range map[string]func(*fixture) *transport.Core{
				"the caller's":  func(s *fixture) *transport.Core { return s.core(noRetry) },
				"the SDK's own": func(s *fixture) *transport.Core { return s.ownCore(true, noRetry) },
			} {
				for _, class := range []sdk.Class{sdk.Once, sdk.Searched, sdk.Referenced} {
					synctest.Test(t, func(t *testing.T) {
						name := strings.Join([]string{method, pool, class.String()}, " ")
						s := newFixture(t, accept, drop)
						s.always = accept
						core := open(s)
						require.NoError(t, core.Do(t.Context(), callOf("once")), "fills the pool")
						err := core.DoRaw(t.Context(), transport.Raw{Method: method, Path: "/x", Class: class, Call: transport.Call{Body: body}})
						assert.Len(t, s.seen(), 2, name)
						assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, name)
					})
				}
			}
		}
	}
}

// resetting is a server on loopback that does the work of each connection's second
// request and then resets it.
func TestNetHTTPDoesNotReplayAWriteAfterAReset(t *testing.T) {
	for _, own := range []bool{true, false} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			for _, body := range []any{nil, "x"} {
				var work atomic.Int64
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if r.URL.Path == "/warm" || work.Add(1) > 1 {
						accept(w, r)
						return
					}
					conn, _, err := w.(http.Hijacker).Hijack()
					if assert.NoError(t, err) {
						_ = conn.(*net.TCPConn).SetLinger(0)
						_ = conn.Close()
					}
				}))
				core := newCore(t, noRetry, func(cfg *transport.Config) {
					if cfg.BaseURL = server.URL; !own {
						cfg.HTTPClient = &http.Client{Transport: &http.Transport{}}
					}
				})
				require.NoError(t, core.DoRaw(t.Context(), transport.Raw{Method: "POST", Path: "/warm"}))
				err := core.DoRaw(t.Context(), transport.Raw{Method: method, Path: "/x", Call: transport.Call{Body: body}})
				assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				assert.EqualValues(t, 1, work.Load(), "own %v, %s, body %v", own, method, body)
				server.Close()
			}
		}
	}
}

// Writes spaced around the time at which the server closes idle connections lose
// none: neither over the own pool, nor over a caller's with the setting that the docs
// name. KAPITEN_FULL=1 makes 6,000 of them, on a quiet machine. Otherwise the machine may
// stall for longer than the server waits: then a write may be lost, but it says so.
func TestWritesAroundTheServersIdleTimeAreNotLost(t *testing.T) {
	// The two times are so far apart because a busy machine can stall.
	const callers, serverIdle, clientIdle = 250, 500 * time.Millisecond, 80 * time.Millisecond
	full := os.Getenv("KAPITEN_FULL") == "1"
	writes := 2000
	if full {
		writes = 6000
	}
	for name, client := range map[string]*http.Client{
		"own pool": nil,
		"the caller's, as documented": {Transport: &http.Transport{
			IdleConnTimeout: clientIdle, MaxIdleConnsPerHost: callers,
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1 only
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var served, dialled atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				served.Add(1)
				accept(w, r)
			}))
			server.Config.IdleTimeout = serverIdle
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					dialled.Add(1)
				}
			}
			server.Start()
			t.Cleanup(server.Close)
			core := newCore(t, func(cfg *transport.Config) {
				cfg.BaseURL, cfg.HTTPClient, cfg.WriteIdleTimeout = server.URL, client, clientIdle
			})
			var all sync.WaitGroup
			var lost, made atomic.Int64
			for i := range callers {
				all.Go(func() {
					for j := range (writes + callers - 1) / callers {
						made.Add(1)
						if err := core.Do(t.Context(), callOf("once")); err != nil {
							lost.Add(1) // by the own pool proven not to have left, perhaps
							assert.True(t, errors.Is(err, sdk.ErrOutcomeUnknown) || errors.Is(err, sdk.ErrNotSent), "%v", err)
						}
						switch (i + j) % 8 {
						case 0, 1, 2: // a connection used again
						case 3, 4:
							wait(clientIdle / 2)
						default:
							wait(serverIdle + time.Duration((i*7+j*13)%40-20)*100*time.Microsecond)
						}
					}
				})
			}
			all.Wait()
			if full {
				assert.Zero(t, lost.Load(), "of %d", made.Load())
			}
			assert.Less(t, lost.Load(), made.Load()/4)
			assert.LessOrEqual(t, served.Load(), made.Load(), "no write is made twice")
			assert.GreaterOrEqual(t, served.Load(), made.Load()-lost.Load())
			assert.Less(t, dialled.Load(), made.Load(), "connections are used again")
		})
	}
}

// What a dialler of the own pool returns is counted, below TLS too.
func TestConnectionsForWritesAreCounted(t *testing.T) {
	secure, roots := secureServer(t, true, accept)
	plain := httptest.NewServer(http.HandlerFunc(accept))
	t.Cleanup(plain.Close)
	for _, url := range []string{plain.URL, secure.URL} {
		var conns []net.Conn
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { conns = append(conns, info.Conn) }})
		require.NoError(t, ownCore(t, url, roots).Do(ctx, callOf("once")))
		require.Len(t, conns, 1)
		assert.Positive(t, transport.Written(conns[0]), url)
	}
}
