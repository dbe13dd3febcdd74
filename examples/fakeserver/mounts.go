package main

import (
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/fake"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
)

// mount is one fake of the server.
type mount struct {
	prefix string
	// bases are the base URLs a client is given, behind the server's address,
	// by the provider's name.
	bases map[string]string
	// credentials are the default ones, by the provider's name.
	credentials map[string]any
	open        func(*fake.World) http.Handler
}

var mounts = []mount{
	{
		prefix: "/kapiten", bases: map[string]string{"kapiten": "/kapiten"},
		credentials: map[string]any{"kapiten": map[string]string{"note": "none to start with: create a company"}},
		open: func(w *fake.World) http.Handler {
			return kapitentest.NewIn(w, kapitentest.Config{Autopilot: true})
		},
	},
}

// newHandler routes each fake, the admin API and the console. No ServeMux stands
// before the fakes: it would clean paths, and what a provider answers to an
// unclean one is the fake's business.
func newHandler(world *fake.World) http.Handler {
	opened := make([]http.Handler, len(mounts))
	for i, m := range mounts {
		opened[i] = http.StripPrefix(m.prefix, m.open(world))
	}
	own := http.NewServeMux()
	own.Handle("/_fake/", world.Admin())
	own.HandleFunc("GET /{$}", console)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i, m := range mounts {
			if strings.HasPrefix(r.URL.Path, m.prefix+"/") {
				opened[i].ServeHTTP(w, r)
				return
			}
		}
		own.ServeHTTP(w, r)
	})
}
