package transport

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/kapiteni/kapiten-go/sdk"
)

var jsonType = []string{"application/json"}

// header returns the headers of one attempt, credentials excepted.
func (x *exchange) header() http.Header {
	h := make(http.Header, 6+len(x.extra))
	for name, values := range x.extra {
		h[http.CanonicalHeaderKey(name)] = values
	}
	h["Accept"] = jsonType
	h["User-Agent"] = x.core.userAgent
	if x.body != nil {
		if x.contentType == "" {
			h["Content-Type"] = jsonType
		} else {
			h["Content-Type"] = []string{x.contentType}
		}
	}
	if x.key != "" {
		h["Idempotency-Key"] = []string{x.key}
	}
	return h
}

// repeatsRequest names the headers at which net/http takes a request to be
// repeatable and sends it again by itself when a pooled connection breaks.
func repeatsRequest(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return name == "Idempotency-Key" || name == "X-Idempotency-Key"
}

// checkHeader finds what net/http would refuse before any trace of an attempt
// shows: a secret with a line end, say.
func (c *Core) checkHeader(h http.Header) error {
	for name, values := range h {
		if len(values) == 1 && (&values[0] == &jsonType[0] || &values[0] == &c.userAgent[0]) {
			continue // ours, checked by New
		}
		if !sendable(name, values) {
			return errHeader
		}
	}
	return nil
}

func sendable(name string, values []string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		case strings.IndexByte("!#$%&'*+.^_`|~", c) < 0:
			return false
		}
	}
	for _, v := range values {
		if !validHeaderValue(v) {
			return false
		}
	}
	return true
}

func validHeaderValue(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
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
