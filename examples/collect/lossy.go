package main

import (
	"io"
	"net/http"
	"sync/atomic"
)

// lossy is a network that delivers the first request and loses its response: the
// sender waits until it gives up.
type lossy struct {
	next http.RoundTripper
	lost atomic.Int32
}

func (l *lossy) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err != nil || !l.lost.CompareAndSwap(0, 1) {
		return resp, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	<-req.Context().Done()
	return nil, req.Context().Err()
}
