package main

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/webhook"
)

// books is the payer's side: it mints a callback URL for each payout and receives
// what Kasapay posts there. As an http.Handler it can be mounted on any server;
// here the fake calls it in memory.
type books struct {
	urls    *webhook.Capabilities
	handler *webhook.Handler[kasapay.Payout]
	events  chan webhook.Event[kasapay.Payout]
}

func openBooks() (*books, error) {
	urls, err := webhook.NewCapabilities(webhook.CapabilityConfig{
		Provider: "kasapay", BaseURL: "https://bakery.example/hooks/kasapay",
	}, rand.Text())
	return &books{urls: urls, events: make(chan webhook.Event[kasapay.Payout], 16)}, err
}

// receive starts believing callbacks that came by a minted URL, once Kasapay
// confirms them.
func (b *books) receive(client *kasapay.Client) (err error) {
	b.handler, err = webhook.NewKasapay(client.Payouts, webhook.Config[kasapay.Payout]{
		Auth: b.urls,
		Handle: func(_ context.Context, ev webhook.Event[kasapay.Payout]) error {
			b.events <- ev
			return nil
		},
	})
	return err
}

func (b *books) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.handler.ServeHTTP(w, r) }

// next waits for the next event.
func (b *books) next(ctx context.Context) (webhook.Event[kasapay.Payout], error) {
	select {
	case ev := <-b.events:
		return ev, nil
	case <-ctx.Done():
		return webhook.Event[kasapay.Payout]{}, ctx.Err()
	}
}

// closed reports whether every payout has ended as it must.
func (b *books) closed(ended map[string]kasapay.PaymentStatus) bool {
	for _, s := range suppliers {
		if ended[s.reference] != s.ends {
			return false
		}
	}
	return true
}
