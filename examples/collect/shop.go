package main

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/webhook"
)

// shop is the merchant's side: it mints a postback URL for each payment and
// receives what KPay posts there. As an http.Handler it can be mounted on any
// server; here the fake calls it in memory.
type shop struct {
	urls    *webhook.Capabilities
	handler *webhook.Handler[kpay.Payment]
	events  chan webhook.Event[kpay.Payment]
}

func openShop() (*shop, error) {
	urls, err := webhook.NewCapabilities(webhook.CapabilityConfig{
		Provider: "kpay", BaseURL: "https://shop.example/hooks/kpay",
	}, rand.Text())
	return &shop{urls: urls, events: make(chan webhook.Event[kpay.Payment], 16)}, err
}

// receive starts believing postbacks that came by a minted URL, once KPay
// confirms them.
func (s *shop) receive(client *kpay.Client) (err error) {
	s.handler, err = webhook.NewKPay(client, webhook.Config[kpay.Payment]{
		Auth: s.urls,
		Handle: func(_ context.Context, ev webhook.Event[kpay.Payment]) error {
			s.events <- ev
			return nil
		},
	})
	return err
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// next waits for the next event.
func (s *shop) next(ctx context.Context) (webhook.Event[kpay.Payment], error) {
	select {
	case ev := <-s.events:
		return ev, nil
	case <-ctx.Done():
		return webhook.Event[kpay.Payment]{}, ctx.Err()
	}
}
