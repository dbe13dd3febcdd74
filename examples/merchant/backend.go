package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"time"

	_ "modernc.org/sqlite"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// backend is the merchant's program.
type backend struct {
	settings
	db     *sql.DB
	client *kapiten.Client
	hook   *webhook.Handler[kapiten.Ride]
	log    *slog.Logger
}

func serveBackend(ctx context.Context) error {
	b, err := newBackend(ctx)
	if err != nil {
		return err
	}
	defer b.db.Close()
	reconciler, err := webhook.NewReconciler(webhook.ReconcilerConfig[kapiten.Ride]{
		Handler:    b.hook,
		Open:       b.openRides,
		Every:      500 * time.Millisecond, // the fake's clock is fast; in earnest leave the defaults
		FirstDelay: time.Second,
		MaxDelay:   4 * time.Second,
		Logger:     b.log,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{Addr: b.Address, Handler: b.routes(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 3)
	go func() { ended <- server.ListenAndServe() }()
	go func() { ended <- reconciler.Run(ctx) }()
	go func() { ended <- b.placeOpenOrders(ctx) }()
	for range 3 {
		err := <-ended
		switch {
		case err == nil:
			continue // the open orders are placed
		case ctx.Err() != nil:
			return b.shutdown(server)
		default:
			return err
		}
	}
	return nil
}

func newBackend(ctx context.Context) (*backend, error) {
	s, err := readSettings()
	if err != nil {
		return nil, err
	}
	b := &backend{settings: s, log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	if b.db, err = openDatabase(ctx, s.Database); err != nil {
		return nil, err
	}
	b.client, err = kapiten.New(kapiten.Config{BaseURL: s.KapitenURL, Token: s.Token, Options: sdk.Options{Logger: b.log}})
	if err != nil {
		return nil, err
	}
	inbox, err := openInbox(ctx, b.db)
	if err != nil {
		return nil, err
	}
	b.hook, err = webhook.NewKapiten(b.client.Rides, s.CompanyID, webhook.Config[kapiten.Ride]{
		Auth:     webhook.PathSecret(s.HookSecret),
		Known:    b.ourRide,
		Inbox:    inbox,
		HandleTx: rideChanged,
		Logger:   b.log,
	})
	return b, err
}

// shutdown finishes what has begun.
func (b *backend) shutdown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}

func (b *backend) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/hooks/kapiten/", b.hook)
	mux.HandleFunc("POST /orders/{id}", b.postOrder)
	mux.HandleFunc("GET /orders", b.getOrders)
	return mux
}

// postOrder writes the order down before a rider is asked for: a process that
// dies in between finds it when it starts again.
func (b *backend) postOrder(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if err := b.addOrder(r.Context(), id); err != nil {
		b.fail(w, r, err)
		return
	}
	if err := b.place(r.Context(), id); err != nil {
		b.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (b *backend) getOrders(w http.ResponseWriter, r *http.Request) {
	orders, err := b.orders(r.Context())
	if err != nil {
		b.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(orders) // the reader may have hung up
}

func (b *backend) fail(w http.ResponseWriter, r *http.Request, err error) {
	b.log.ErrorContext(r.Context(), "request", "error", err)
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

// placeOpenOrders is for the orders an earlier process wrote down and did not
// live to place.
func (b *backend) placeOpenOrders(ctx context.Context) error {
	orders, err := b.orders(ctx)
	if err != nil {
		return err
	}
	for _, o := range orders {
		if o.RideID == "" {
			if err := b.place(ctx, o.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// place orders the delivery, unless it was ordered before.
func (b *backend) place(ctx context.Context, id string) error {
	ride, err := b.client.Rides.CreateOnce(ctx, kapiten.CreateRideParams{
		CompanyID:      b.CompanyID,
		ExternalID:     id,
		PickupAddress:  "KK 12 Ave, Kigali",
		Pickup:         kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
		DropoffAddress: "KG 7 Ave, Kigali",
		Dropoff:        kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
		Sender:         kapiten.Contact{Name: "The shop", Phone: "0788000001"},
		Receiver:       kapiten.Contact{Name: "Ama", Phone: "0788000002"},
	})
	if err != nil {
		return err
	}
	_, err = b.db.ExecContext(ctx, `UPDATE orders SET ride_id = ?1 WHERE id = ?2`, ride.ID, id)
	return err
}
