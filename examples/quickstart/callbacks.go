package main

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/webhook"
)

// hook is the merchant's side: a server that receives status callbacks.
type hook struct {
	url     string
	secret  string
	server  *http.Server
	handler atomic.Pointer[webhook.Handler[kapiten.Ride]]
	rides   sync.Map // the ids of our rides; a shop has them in its database
}

// ours tells the handler which callbacks are worth asking Kapiten about.
func (h *hook) ours(_ context.Context, rideID string) (bool, error) {
	_, known := h.rides.Load(rideID)
	return known, nil
}

// listen opens the receiver on this machine. Its URL ends in a secret, because
// Kapiten does not sign what it posts.
func listen() (*hook, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &hook{secret: rand.Text()}
	h.url = "http://" + l.Addr().String() + "/kapiten/" + h.secret
	h.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler := h.handler.Load(); handler != nil {
			handler.ServeHTTP(w, r)
			return
		}
		http.Error(w, "not yet", http.StatusServiceUnavailable)
	})}
	go func() { _ = h.server.Serve(l) }()
	return h, nil
}

func (h *hook) close() { _ = h.server.Close() }

// follow starts believing callbacks, once the API confirms them, and returns a
// function that waits for a ride's final status. Should the server not reach
// this machine, the API is asked: both go through the same handler, so that
// each status is seen once.
func (h *hook) follow(client *kapiten.Client, companyID string) (wait func(ctx context.Context, rideID string, seen func(kapiten.RideStatus)) (kapiten.RideStatus, error), err error) {
	events := make(chan kapiten.RideStatus, 16)
	secret := h.secret
	handler, err := webhook.NewKapiten(client.Rides, companyID, webhook.Config[kapiten.Ride]{
		Auth:  webhook.PathSecret(secret),
		Known: h.ours,
		Handle: func(_ context.Context, ev webhook.Event[kapiten.Ride]) error {
			events <- ev.Data.Status
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	h.handler.Store(handler)
	return func(ctx context.Context, rideID string, seen func(kapiten.RideStatus)) (kapiten.RideStatus, error) {
		h.rides.Store(rideID, true)
		asked := make(chan error, 1)
		go func() {
			ride, err := client.Rides.Wait(ctx, companyID, rideID)
			if err == nil {
				_, err = handler.Feed(ctx, *ride)
			}
			if err != nil {
				asked <- err
			}
		}()
		for {
			select {
			case status := <-events:
				seen(status)
				if status.Final() {
					return status, nil
				}
			case err := <-asked:
				return "", err
			}
		}
	}, nil
}
