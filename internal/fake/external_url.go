package fake

import (
	"net/http"
	"net/url"
	"strings"
)

// ExternalURL is the URL a client used for a request: with the mount the fake
// sits under, the host the client named, and Options.PublicURL instead where
// that is set. Links in answers and signatures over URLs are made with it.
func (w *World) ExternalURL(r *http.Request) *url.URL {
	u := *r.URL
	if full, err := url.ParseRequestURI(r.RequestURI); err == nil { // as it came in, before a mount was stripped
		u = *full
	}
	if public, err := url.Parse(w.opts.PublicURL); err == nil && public.Host != "" {
		u.Scheme, u.Host = public.Scheme, public.Host
		if prefix := strings.TrimSuffix(public.Path, "/"); prefix != "" {
			u.RawPath = (&url.URL{Path: prefix}).EscapedPath() + u.EscapedPath()
			u.Path = prefix + u.Path
		}
		return &u
	}
	u.Host = r.Host
	u.Scheme = "http"
	if r.TLS != nil {
		u.Scheme = "https"
	}
	return &u
}
