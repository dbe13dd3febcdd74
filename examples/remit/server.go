package main

import (
	"errors"
	"net/url"
	"os"
	"strings"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// server is where the story takes place.
type server struct {
	name   string
	config bitpesa.Config
	listen string // where webhooks are received
	hook   string // the URL they are sent to; empty: http and the address listened on
	close  func()
}

// connect gives the embedded fake, ten minutes a second, or the server of
// BITPESA_BASE_URL with BITPESA_KEY and BITPESA_SECRET. A sandbox that cannot
// reach this machine needs a tunnel: BITPESA_WEBHOOK_URL is its address, and
// BITPESA_LISTEN where it leads to. Live servers are refused.
func connect() (server, error) {
	base, key, secret := os.Getenv("BITPESA_BASE_URL"), os.Getenv("BITPESA_KEY"), os.Getenv("BITPESA_SECRET")
	if base == "" {
		embedded := bitpesatest.New(bitpesatest.Config{Options: fake.Options{RealTime: true, Speed: 600}})
		return server{
			name: "embedded fake", close: embedded.Close, listen: "127.0.0.1:0",
			config: bitpesa.Config{BaseURL: embedded.URL(), Options: sdk.Options{HTTPClient: embedded.HTTPClient()}, Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret},
		}, nil
	}
	if key == "" || secret == "" {
		return server{}, errors.New("BITPESA_BASE_URL needs BITPESA_KEY and BITPESA_SECRET")
	}
	if live(base) {
		return server{}, errors.New("BITPESA_BASE_URL is live: this example would pay strangers")
	}
	s := server{
		name: base, close: func() {}, hook: os.Getenv("BITPESA_WEBHOOK_URL"), listen: os.Getenv("BITPESA_LISTEN"),
		config: bitpesa.Config{BaseURL: base, Key: key, Secret: secret},
	}
	if s.listen == "" {
		s.listen = "127.0.0.1:0"
	}
	return s, nil
}

// live tells whether a base URL, in whatever spelling, has a host that moves
// real money. One that cannot be read is left to bitpesa.New to refuse.
func live(base string) bool {
	given, err := url.Parse(base)
	if err != nil {
		return false
	}
	host := strings.TrimSuffix(given.Hostname(), ".")
	for _, known := range []string{bitpesa.ProductionURL, bitpesa.BitPesaProductionURL} {
		if strings.EqualFold("https://"+host, known) {
			return true
		}
	}
	return false
}
