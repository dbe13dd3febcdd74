package fake

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// pipeDomain follows the provider's name in the host of a socketless URL.
// Names below localhost are loopback, so clients may speak plain http to them.
const pipeDomain = ".localhost"

func (w *World) httpClient() *http.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pipes == nil {
		w.pipes = newPipes(http.HandlerFunc(w.route))
		select {
		case <-w.closed: // too late: a client that finds nobody
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
