package fakeserver

import (
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// mount is one fake of the server.
type mount struct {
	prefix string
	// bases are the base URLs a client is given, behind the server's address,
	// by the provider's name.
	bases map[string]string
	// credentials are the default ones, by the provider's name.
	credentials map[string]any
	open        func(*fake.World, Options) http.Handler
}

var mounts = []mount{
	{
		prefix: "/kapiten", bases: map[string]string{"kapiten": "/kapiten"},
		credentials: map[string]any{"kapiten": map[string]any{"note": "none to start with: create a company"}},
		open: func(w *fake.World, _ Options) http.Handler {
			return kapitentest.NewIn(w, kapitentest.Config{Autopilot: true})
		},
	},
	{
		prefix: "/kpay", bases: map[string]string{"kpay": "/kpay"},
		credentials: map[string]any{"kpay": map[string]any{"username": "test-user", "password": "test-pass", "retailerid": "02"}},
		open:        func(w *fake.World, _ Options) http.Handler { return kpaytest.NewIn(w, kpaytest.Config{}) },
	},
	{
		prefix: "/kasapay", bases: map[string]string{"kasapay": "/kasapay"},
		credentials: map[string]any{"kasapay": map[string]any{
			"consumer_key": "test-key", "consumer_secret": "test-secret", "service_code": "12346", "float": "1000000.00 KES",
		}},
		open: func(w *fake.World, _ Options) http.Handler { return kasapaytest.NewIn(w, kasapaytest.Config{}) },
	},
	{
		prefix: "/kotani", bases: map[string]string{"kotani": "/kotani", "fiatconnect": "/kotani/fiatconnect"},
		credentials: map[string]any{
			"kotani":      map[string]any{"phoneNumber": "254700000000", "countryCode": "KEN", "password": "test-password"},
			"fiatconnect": map[string]any{"note": "SIWE with any wallet; an API key is optional"},
		},
		open: func(w *fake.World, o Options) http.Handler {
			return kotanitest.NewIn(w, kotanitest.Config{FiatConnect: kotanitest.FiatConnectConfig{VerifySignature: o.VerifySignature}})
		},
	},
	{
		prefix: "/bitpesa", bases: map[string]string{"bitpesa": "/bitpesa/v1"},
		credentials: map[string]any{"bitpesa": map[string]any{
			"key": bitpesatest.TestKey, "secret": bitpesatest.TestSecret, "balances": "1000000.00 each of USD, EUR, GBP, NGN, KES, UGX, GHS",
		}},
		open: func(w *fake.World, _ Options) http.Handler { return bitpesatest.NewIn(w, bitpesatest.Config{}) },
	},
}

// newHandler routes each fake, the admin API and the console. No ServeMux stands
// before the fakes: it would clean paths, and what a provider answers to an
// unclean one is the fake's business.
func newHandler(world *fake.World, o Options) http.Handler {
	opened := make([]http.Handler, len(mounts))
	for i, m := range mounts {
		opened[i] = strip(m.prefix, m.open(world, o))
	}
	own := http.NewServeMux()
	own.Handle("/_fake/", world.Admin())
	own.HandleFunc("GET /{$}", console)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i, m := range mounts {
			if r.URL.Path == m.prefix || strings.HasPrefix(r.URL.Path, m.prefix+"/") {
				opened[i].ServeHTTP(w, r)
				return
			}
		}
		own.ServeHTTP(w, r)
	})
}

// strip takes the mount off the path. A base URL without a path behind it means
// the fake's root: a client whose API is one endpoint posts there.
func strip(prefix string, h http.Handler) http.Handler {
	stripped := http.StripPrefix(prefix, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == prefix {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = prefix+"/", ""
		}
		stripped.ServeHTTP(w, r)
	})
}
