package main

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/webhook"
)

// inbox receives the provider's signed webhooks. As an http.Handler it can be
// mounted on any server; here the fake calls it in memory.
type inbox struct {
	handler atomic.Pointer[webhook.Handler[kotani.FiatConnectEvent]]
	events  chan webhook.Event[kotani.FiatConnectEvent]
}

func newInbox() *inbox { return &inbox{events: make(chan webhook.Event[kotani.FiatConnectEvent], 64)} }

// receive starts believing what is signed with the secret. now is the sender's
// clock: the fake's runs ahead of ours.
func (i *inbox) receive(secret string, now func() time.Time) error {
	handler, err := webhook.NewFiatConnect(webhook.Config[kotani.FiatConnectEvent]{
		Auth: webhook.FiatConnectSignature(webhook.SignatureConfig{Now: now}, secret),
		Handle: func(_ context.Context, ev webhook.Event[kotani.FiatConnectEvent]) error {
			i.events <- ev
			return nil
		},
	})
	if err == nil {
		i.handler.Store(handler)
	}
	return err
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if handler := i.handler.Load(); handler != nil {
		handler.ServeHTTP(w, r)
		return
	}
	http.Error(w, "not yet", http.StatusServiceUnavailable)
}

// next waits for the next event.
func (i *inbox) next(ctx context.Context) (webhook.Event[kotani.FiatConnectEvent], error) {
	select {
	case ev := <-i.events:
		return ev, nil
	case <-ctx.Done():
		return webhook.Event[kotani.FiatConnectEvent]{}, ctx.Err()
	}
}
