package fakeserver

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Package net keeps a channel of the first bubble that looks up a name, and the second
// bubble would end the whole process.
func TestTwoBubblesOfAFakeWithoutAReceiver(t *testing.T) {
	type fakeWithCallbacks interface {
		World() *fake.World
		Deliveries() []fake.Delivery
		Flush()
	}
	fakes := map[string]func(t *testing.T) fakeWithCallbacks{
		"bitpesa": func(t *testing.T) fakeWithCallbacks { return bitpesatest.NewServer(t) },
		"kapiten": func(t *testing.T) fakeWithCallbacks { return kapitentest.NewServer(t) },
		"kasapay": func(t *testing.T) fakeWithCallbacks { return kasapaytest.NewServer(t) },
		"kotani":  func(t *testing.T) fakeWithCallbacks { return kotanitest.NewServer(t) },
		"fiatconnect": func(t *testing.T) fakeWithCallbacks {
			return kotanitest.NewServer(t).FiatConnect
		},
		"kpay": func(t *testing.T) fakeWithCallbacks { return kpaytest.NewServer(t) },
	}
	for provider, newFake := range fakes {
		for _, bubble := range []string{"first", "second"} {
			t.Run(provider+"/"+bubble, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFake(t)
					for _, url := range []string{"https://shop.example/hook", "http://localhost:1/hook"} {
						w := f.World()
						w.Lock()
						w.Send(fake.Callback{Provider: provider, Event: "status_update", Identity: "order-1", URL: url, Body: []byte("{}")})
						w.Unlock()
						f.Flush()
					}
					time.Sleep(48 * time.Hour) // all retries
					all := f.Deliveries()
					require.Len(t, all, 2)
					for _, d := range all {
						require.NotEmpty(t, d.Attempts)
						assert.Equal(t, fake.DeliveryDead, d.State)
						for _, a := range d.Attempts {
							assert.Contains(t, a.Error, "no receiver")
						}
					}
				})
			})
		}
	}
}
