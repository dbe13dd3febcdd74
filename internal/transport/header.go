package transport

import (
	"net/http"
	"strings"
)

var jsonType = []string{"application/json"}

// header returns the headers of one attempt, credentials excepted.
func (c *Core) header(call *Call, body []byte) http.Header {
	h := make(http.Header, 6+len(call.Header))
	for name, values := range call.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	h["Accept"] = jsonType
	h["User-Agent"] = c.userAgent
	if body != nil {
		if call.ContentType == "" {
			h["Content-Type"] = jsonType
		} else {
			h["Content-Type"] = []string{call.ContentType}
		}
	}
	if call.Key != "" {
		h["Idempotency-Key"] = []string{call.Key}
	}
	return h
}

// repeatsRequest names the headers at which net/http takes a request to be
// repeatable and sends it again by itself when a pooled connection breaks.
func repeatsRequest(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return name == "Idempotency-Key" || name == "X-Idempotency-Key"
}

// repeatsMethod names the methods at which it does the same.
func repeatsMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// checkHeader finds what net/http would refuse before any trace of an attempt
// shows: a secret with a line end, say.
func checkHeader(h http.Header) error {
	for name, values := range h {
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
		c := name[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
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
