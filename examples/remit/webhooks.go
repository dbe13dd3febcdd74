package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/webhook"
)

// hook is the merchant's side: a server that receives webhooks.
type hook struct {
	client  *bitpesa.Client
	server  *http.Server
	webhook *bitpesa.Webhook
	news    chan struct{} // something was told

	mu   sync.Mutex
	told []webhook.Event[bitpesa.Event]
}

// listen opens the receiver and registers it with BitPesa, for the events of
// transactions and recipients. The signature is checked over the URL as it was
// registered.
func listen(ctx context.Context, srv server, client *bitpesa.Client) (*hook, error) {
	l, err := net.Listen("tcp", srv.listen)
	if err != nil {
		return nil, err
	}
	url := srv.hook
	if url == "" {
		url = "http://" + l.Addr().String() + "/bitpesa?shop=remit"
	}
	h := &hook{client: client, news: make(chan struct{}, 1)}
	handler, err := webhook.NewBitPesa(webhook.Config[bitpesa.Event]{
		Auth:   webhook.BitPesaSignature(url, webhook.BitPesaKey{Key: srv.config.Key, Secret: srv.config.Secret}),
		Handle: h.handle,
	})
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	h.server = &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = h.server.Serve(l) }()
	if err := h.register(ctx, url); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *hook) register(ctx context.Context, url string) error {
	names, err := h.client.Webhooks.Events(ctx)
	if err != nil {
		return err
	}
	var wanted []bitpesa.EventName
	for _, name := range names.Items {
		if kind := name.Kind(); kind == "transaction" || kind == "recipient" {
			wanted = append(wanted, name)
		}
	}
	h.webhook, err = h.client.Webhooks.Create(ctx, bitpesa.WebhookParams{URL: url, Events: wanted})
	return err
}

func (h *hook) close() {
	if h.webhook != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, _ = h.client.Webhooks.Delete(ctx, h.webhook.ID)
	}
	_ = h.server.Close()
}

func (h *hook) handle(_ context.Context, ev webhook.Event[bitpesa.Event]) error {
	h.mu.Lock()
	h.told = append(h.told, ev)
	h.mu.Unlock()
	select {
	case h.news <- struct{}{}:
	default:
	}
	return nil
}

// follow returns the transaction once it is final or needs action. It looks when
// a webhook tells something new, and every now and then without one.
func (h *hook) follow(ctx context.Context, id string) (*bitpesa.Transaction, error) {
	for {
		t, err := h.client.Transactions.Get(ctx, id)
		if err != nil || t.Final() || t.NeedsAction() {
			return t, err
		}
		timer := time.NewTimer(20 * time.Second)
		select {
		case <-h.news:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// story waits for the webhook that tells of the payment, and returns all that
// was told.
func (h *hook) story(ctx context.Context, id string) ([]string, error) {
	for {
		var lines []string
		paid := false
		h.mu.Lock()
		for _, ev := range h.told {
			lines = append(lines, strings.Join([]string{ev.Trust.String(), string(ev.Data.Name), ev.Status}, " "))
			paid = paid || ev.Reference == id && ev.Status == string(bitpesa.TransactionPaid)
		}
		h.mu.Unlock()
		if paid {
			return lines, nil
		}
		select {
		case <-h.news:
		case <-ctx.Done():
			return lines, ctx.Err()
		}
	}
}
