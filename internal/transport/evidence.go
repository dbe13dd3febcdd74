package transport

import (
	"bytes"
	"io"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// evidence is what the hooks of net/http have seen. They run on other goroutines,
// late ones too. What was seen stays seen: a late hook can only make an attempt
// look more sent than it was, which is the safe side.
type evidence struct {
	hooks httptrace.ClientTrace
	asked atomic.Bool // a connection was asked for
	got   atomic.Bool // ... and obtained
	wrote atomic.Bool // request headers may have left

	mu     sync.Mutex
	conn   *countedConn // the latest connection, if it is the SDK's own
	before int64        // bytes written on it before this attempt
}

func (e *evidence) getConn(string) { e.asked.Store(true) }

func (e *evidence) wroteHeaders() { e.wrote.Store(true) }

// untouched reports that not one byte was written on the latest connection. The
// lock is held.
func (e *evidence) untouched() bool { return e.conn != nil && e.conn.written.Load() == e.before }

// body is a request body that cannot be rewound. It remembers whether somebody has
// read it. Once it is sealed nobody can.
type body struct {
	bytes bytes.Reader
	state atomic.Int32 // 0, bodyOpened or bodySealed
}

const bodyOpened, bodySealed = 1, 2

func (b *body) open() bool {
	return b.state.CompareAndSwap(0, bodyOpened) || b.state.Load() == bodyOpened
}

// seal reports that nobody has read the body, and that nobody will.
func (b *body) seal() bool {
	return b.state.CompareAndSwap(0, bodySealed) || b.state.Load() == bodySealed
}

func (b *body) Read(p []byte) (int, error) {
	if !b.open() {
		return 0, errBodySealed
	}
	return b.bytes.Read(p)
}

func (b *body) WriteTo(to io.Writer) (int64, error) {
	if !b.open() {
		return 0, errBodySealed
	}
	return b.bytes.WriteTo(to)
}

func (b *body) Close() error { return nil }

func (e *evidence) gotReadConn(httptrace.GotConnInfo) { e.got.Store(true) }

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
