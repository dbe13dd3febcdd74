package fake

import (
	"net/http"
	"net/url"
	"strings"
)

// ExternalURL is the URL a client used for a request: with the mount the fake
// sits under, the host the client named, and Options.PublicURL instead where
// that is set. Links in answers are made with it.
func (w *World) ExternalURL(r *http.Request) *url.URL {
	u := *r.URL
	if full, err := url.ParseRequestURI(r.RequestURI); err == nil { // as it came in, before a mount was stripped
		u = *full
	}
	scheme, host, prefix := w.origin(r)
	u.Scheme, u.Host = scheme, host
	if prefix != "" {
		u.RawPath = (&url.URL{Path: prefix}).EscapedPath() + u.EscapedPath()
		u.Path = prefix + u.Path
	}
	return &u
}

// WireURL is ExternalURL as a text with path and query byte for byte as they
// came over the wire: what a signature over the URL is checked against.
func (w *World) WireURL(r *http.Request) string {
	target := r.RequestURI
	if target == "" { // a request no server has read
		target = r.URL.RequestURI()
	}
	if _, rest, absolute := strings.Cut(target, "://"); absolute && !strings.HasPrefix(target, "/") {
		target = "/"
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			target = rest[i:]
		}
	}
	scheme, host, prefix := w.origin(r)
	return scheme + "://" + host + (&url.URL{Path: prefix}).EscapedPath() + target
}

// origin is what clients put before the path of a request.
func (w *World) origin(r *http.Request) (scheme, host, prefix string) {
	if public, err := url.Parse(w.opts.PublicURL); err == nil && public.Host != "" {
		return public.Scheme, public.Host, strings.TrimSuffix(public.Path, "/")
	}
	if r.TLS != nil {
		return "https", r.Host, ""
	}
	return "http", r.Host, ""
}
