package fakeserver

import (
	"net/http"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// provider is a row of the table of providers. A new provider is named here.
// Tests hold the module's folders and the README against the table; .ci/run takes
// its list from the folders.
type provider struct {
	name      string // of the client's package; the fake is mounted at "/" + name
	title     string // for people
	endpoints []endpoint
	open      func(*fake.World, Options) http.Handler
}

// endpoint is an API that a fake serves. Most fakes serve one.
type endpoint struct {
	name        string // in the greeting and in admin calls
	base        string // the base URL behind the server's address
	credentials map[string]string
}

func (p provider) mount() string { return "/" + p.name }

// providers returns the table of providers.
func providers() []provider {
	return []provider{
		{
			name: "kapiten", title: "Kapiten",
			endpoints: []endpoint{{"kapiten", "/kapiten", map[string]string{"note": "none to start with: create a company"}}},
			open: func(w *fake.World, _ Options) http.Handler {
				return kapitentest.NewIn(w, kapitentest.Config{Autopilot: true})
			},
		},
		{
			name: "kpay", title: "KPay",
			endpoints: []endpoint{{"kpay", "/kpay", map[string]string{
				"username": "test-user", "password": "test-pass", "retailerid": "02",
			}}},
			open: func(w *fake.World, _ Options) http.Handler { return kpaytest.NewIn(w, kpaytest.Config{}) },
		},
		{
			name: "kasapay", title: "Kasapay",
			endpoints: []endpoint{{"kasapay", "/kasapay", map[string]string{
				"consumer_key": "test-key", "consumer_secret": "test-secret", "service_code": "12346", "float": "1000000.00 KES",
			}}},
			open: func(w *fake.World, _ Options) http.Handler { return kasapaytest.NewIn(w, kasapaytest.Config{}) },
		},
		{
			name: "kotani", title: "Kotani Pay",
			endpoints: []endpoint{
				{"kotani", "/kotani", map[string]string{"phoneNumber": "254700000000", "countryCode": "KEN", "password": "test-password"}},
				{"fiatconnect", "/kotani/fiatconnect", map[string]string{"note": "SIWE with any wallet; an API key is optional"}},
			},
			open: func(w *fake.World, o Options) http.Handler {
				return kotanitest.NewIn(w, kotanitest.Config{FiatConnect: kotanitest.FiatConnectConfig{VerifySignature: o.VerifySignature}})
			},
		},
		{
			name: "bitpesa", title: "BitPesa",
			endpoints: []endpoint{{"bitpesa", "/bitpesa/v1", map[string]string{
				"key": bitpesatest.TestKey, "secret": bitpesatest.TestSecret, "balances": "1000000.00 each of USD, EUR, GBP, NGN, KES, UGX, GHS",
			}}},
			open: func(w *fake.World, _ Options) http.Handler { return bitpesatest.NewIn(w, bitpesatest.Config{}) },
		},
	}
}
