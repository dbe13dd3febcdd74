package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
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
