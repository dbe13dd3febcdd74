package stage

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
)

// Serve returns a client that speaks real net/http to a handler over in-memory
// pipes, whatever host it names, until the test ends.
func Serve(t interface{ Cleanup(func()) }, h http.Handler) *http.Client {
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	transport := &http.Transport{DialContext: l.dial, MaxIdleConnsPerHost: 64}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // ends with http.ErrServerClosed
	}()
	t.Cleanup(func() {
		_ = server.Close() // closes l once
		transport.CloseIdleConnections()
		<-served
	})
	return &http.Client{Transport: transport}
}

type listener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	close(l.closed)
	return nil
}

func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
