// Package pipe connects net/http clients and servers in memory. No socket is
// opened, so it works inside testing/synctest. Traces, keep-alive, drops and
// truncation are those of net/http.
package pipe

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Serve serves h, whatever host a client dials, over http or https. The request's
// Host tells h which host the client meant. stop ends all connections and waits
// for the server to stop accepting.
func Serve(h http.Handler) (transport *http.Transport, stop func()) {
	l := NewListener()
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 30 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	transport = &http.Transport{DialContext: l.Dial, DialTLSContext: l.Dial, MaxIdleConnsPerHost: 64}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // always ends with http.ErrServerClosed
	}()
	return transport, func() {
		cancel()           // ends requests in work; the server alone would wait for their bodies
		_ = server.Close() // closing a pipe never fails
		_ = l.Close()      // the server does not know it yet if it closes at once
		transport.CloseIdleConnections()
		<-served
	}
}

// Listener accepts the connections that Dial makes.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewListener makes a Listener.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to the listener, whatever the address.
func (l *Listener) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Calls of Dial and Accept end.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
