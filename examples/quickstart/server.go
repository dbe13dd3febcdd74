package main

import (
	"errors"
	"net/url"
	"os"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// server is where the story takes place.
type server struct {
	name   string
	config kapiten.Config
	phone  string // the mobile money number that pays the top-up
	close  func()
}

// connect gives the embedded fake, ten minutes a second, or the server of
// KAPITEN_BASE_URL. There KAPITEN_TOKEN goes with the first calls, and
// KAPITEN_PHONE, the number a real top-up bills, is required unless the server
// is on this machine.
func connect() (server, error) {
	base, token := os.Getenv("KAPITEN_BASE_URL"), os.Getenv("KAPITEN_TOKEN")
	if base == "" || token == "" {
		embedded := kapitentest.New(kapitentest.Config{Autopilot: true, Options: fake.Options{RealTime: true, Speed: 600}})
		return server{
			name: "embedded fake", phone: "0788123456", close: embedded.Close,
			config: kapiten.Config{BaseURL: embedded.URL(), Options: sdk.Options{HTTPClient: embedded.HTTPClient()}},
		}, nil
	}
	s := server{name: base, phone: os.Getenv("KAPITEN_PHONE"), close: func() {}, config: kapiten.Config{BaseURL: base, Token: token}}
	if s.phone == "" {
		u, err := url.Parse(base)
		if err != nil || u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
			return server{}, errors.New("KAPITEN_PHONE is not set: on a real server somebody pays for the top-up")
		}
		s.phone = "0788123456"
	}
	return s, nil
}
