package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

const (
	idleConnsPerHost  = 64
	defaultWriteIdle  = 2 * time.Second
	pingAfter         = 10 * time.Second // without a frame from the peer
	pingTimeout       = 5 * time.Second
	dialTimeout       = 30 * time.Second
	keepAliveInterval = 30 * time.Second
)

// connections is the SDK's own transport: two pools, because a write must not
// meet a connection that the peer has just closed.
//
// Writes go over HTTP/1.1 and connections that were idle for a short time only:
// when such a connection dies, nobody can tell whether the peer has read the
// request. Reads may be repeated, so they go over HTTP/2 where the peer has it,
// with pings that find a connection which a NAT has dropped silently.
type connections struct {
	reads, writes *http.Transport
}

func newConnections(writeIdle time.Duration) *connections {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAliveInterval}
	pool := func() *http.Transport {
		t, ok := http.DefaultTransport.(*http.Transport)
		if !ok { // replaced by the program
			t = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second}
		}
		t = t.Clone()
		// The default of 2 makes 64 workers redial over TLS all the time.
		t.MaxIdleConnsPerHost = idleConnsPerHost
		return t
	}
	c := &connections{reads: pool(), writes: pool()}
	c.reads.ForceAttemptHTTP2 = true
	if c.reads.TLSNextProto["h2"] != nil { // it belongs to the copied transport, without pings
		c.reads.TLSNextProto = nil
	}
	c.reads.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout}

	c.writes.ForceAttemptHTTP2 = false
	c.writes.Protocols = new(http.Protocols)
	c.writes.Protocols.SetHTTP1(true)
	// The copied settings offer HTTP/2, which this pool would not understand.
	c.writes.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	if c.writes.TLSClientConfig == nil {
		c.writes.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c.writes.TLSClientConfig.NextProtos = []string{"http/1.1"}
	c.writes.IdleConnTimeout = writeIdle
	dial := c.writes.DialContext
	if dial == nil {
		dial = dialer.DialContext
	}
	c.writes.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: conn}, nil
	}
	return c
}

// countedConn counts the bytes written to the network, so that a connection which
// died unused proves that nothing was sent.
type countedConn struct {
	net.Conn
	written atomic.Int64
}

// Write counts before it writes: bytes can be on their way while it is held up.
func (c *countedConn) Write(p []byte) (int, error) {
	c.written.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n - len(p)))
	return n, err
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	return exchangeOf(req.Context()).followRedirect(req, via)
}

// followRedirect lets a read follow to another place on the same host. Every
// other redirect is handed back as the response: net/http would turn a POST into
// a GET, and would carry our own headers to another host. What is a write
// follows from the operation's class, never from the method.
func (x *exchange) followRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if x.op.Class != sdk.Safe || x.core.cfg.NoRedirects ||
		first.Method != http.MethodGet && first.Method != http.MethodHead ||
		len(via) > maxRedirects ||
		req.URL.Scheme != first.URL.Scheme || origin(req.URL) != origin(first.URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

// origin is the host in small letters and its port. Without a port it is the scheme's own.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// counterOf finds the countedConn behind a connection, below TLS. It returns nil
// for a connection of somebody else's.
func counterOf(conn net.Conn) *countedConn {
	for {
		switch c := conn.(type) {
		case *countedConn:
			return c
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}
