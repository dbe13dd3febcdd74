package clienttest

import (
	"net/http"

	"github.com/kapiteni/kapiten-go/internal/pipe"
)

// Serve returns a client that speaks real net/http to a handler over in-memory
// pipes, whatever host it names, until the test ends.
func Serve(t interface{ Cleanup(func()) }, h http.Handler) *http.Client {
	transport, stop := pipe.Serve(h)
	t.Cleanup(stop)
	return &http.Client{Transport: transport}
}
