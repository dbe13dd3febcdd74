package fake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// pipeDomain follows the provider's name in the host of Control.URL. Names below
// localhost are loopback, so clients may speak plain http to them.
const pipeDomain = ".localhost"

func (w *World) httpClient() *http.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pipes == nil {
		w.pipes = newPipes(http.HandlerFunc(w.route))
		select {
		case <-w.closed: // too late: every call of this client fails
			w.pipes.close()
		default:
		}
	}
	return &http.Client{Transport: w.pipes.transport}
}

// route finds the fake by the request's host.
func (w *World) route(rw http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	name, ok := strings.CutSuffix(host, pipeDomain)
	w.mu.Lock()
	c := w.byName[name]
	w.mu.Unlock()
	if !ok || c == nil {
		http.Error(rw, fmt.Sprintf("no fake serves %q", host), http.StatusMisdirectedRequest)
		return
	}
	c.ServeHTTP(rw, r)
}

// pipes is a real http.Server and a real http.Transport with net.Pipe between
// them. So traces, keep-alive, drops and truncation are those of net/http, but no
// socket is opened. It works inside testing/synctest.
type pipes struct {
	server    *http.Server
	transport *http.Transport
	listener  *pipeListener
	cancel    context.CancelFunc // ends requests in work; the server alone would wait for their bodies
	served    chan struct{}
}

// newPipes serves h, whatever host a client dials, over http or https. The
// request's Host tells h which host the client meant.
func newPipes(h http.Handler) *pipes {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	p := &pipes{
		listener: l,
		cancel:   cancel,
		server: &http.Server{
			Handler:           h,
			ReadHeaderTimeout: 30 * time.Second,
			BaseContext:       func(net.Listener) context.Context { return ctx },
			ErrorLog:          log.New(io.Discard, "", 0),
		},
		transport: &http.Transport{
			DialContext:         l.dial,
			DialTLSContext:      l.dial,
			MaxIdleConnsPerHost: 64,
		},
		served: make(chan struct{}),
	}
	go func() {
		defer close(p.served)
		_ = p.server.Serve(l) // always ends with http.ErrServerClosed
	}()
	return p
}

// close ends all connections and waits for the server to stop accepting.
func (p *pipes) close() {
	p.cancel()
	_ = p.server.Close() // closing a pipe never fails
	_ = p.listener.Close()
	p.transport.CloseIdleConnections()
	<-p.served
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

var errPipesClosed = errors.New("fake: closed")

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, errPipesClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
