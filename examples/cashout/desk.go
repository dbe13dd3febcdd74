package main

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/webhook"
)

// desk is the payer's side: it mints a callback URL for each payout and receives
// what Kotani posts there. As an http.Handler it can be mounted on any server;
// here the fake calls it in memory.
type desk struct {
	urls    *webhook.Capabilities
	handler *webhook.Handler[kotani.Transaction]
	events  chan webhook.Event[kotani.Transaction]
}

func openDesk() (*desk, error) {
	urls, err := webhook.NewCapabilities(webhook.CapabilityConfig{
		Provider: "kotani", BaseURL: "https://payer.example/hooks/kotani",
	}, rand.Text())
	return &desk{urls: urls, events: make(chan webhook.Event[kotani.Transaction], 16)}, err
}

// receive starts believing callbacks that came by a minted URL, once Kotani
// confirms them.
func (d *desk) receive(client *kotani.Client) (err error) {
	d.handler, err = webhook.NewKotani(client.Fiat, kotani.Payouts, webhook.Config[kotani.Transaction]{
		Auth: d.urls,
		Handle: func(_ context.Context, ev webhook.Event[kotani.Transaction]) error {
			d.events <- ev
			return nil
		},
	})
	return err
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// next waits for the next event.
func (d *desk) next(ctx context.Context) (webhook.Event[kotani.Transaction], error) {
	select {
	case ev := <-d.events:
		return ev, nil
	case <-ctx.Done():
		return webhook.Event[kotani.Transaction]{}, ctx.Err()
	}
}
