package transport

import (
	"net/http"

	"github.com/kapiteni/kapiten-go/sdk"
)

// followRedirect lets a read follow to another place on the same host. Every
// other redirect is handed back as the answer: net/http would turn a POST into
// a GET, and would carry our own headers to another host. What is a write
// follows from the operation's class, never from the method.
func (x *exchange) followRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if x.op.Class != sdk.Safe || x.core.cfg.NoRedirects ||
		first.Method != http.MethodGet && first.Method != http.MethodHead ||
		len(via) > maxRedirects ||
		req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host {
		return http.ErrUseLastResponse
	}
	return nil
}
