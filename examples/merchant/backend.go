package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

// settingsVariable holds the backend's settings, as JSON. A real backend would read its
// secrets from where it keeps them.
const settingsVariable = "MERCHANT_SETTINGS"

type settings struct {
	Address    string // where this process listens
	Hooks      string // where callbacks go to
	Database   string // a PostgreSQL URL, or a file
	HookSecret string // last segment of the callback URLs

	KPayURL, KPayUser, KPayPassword, KPayRetailer, KPayKey string
	KasapayURL, KasapayKey, KasapaySecret, KasapayService  string
	KapitenURL, KapitenToken, CompanyID                    string
}

// newShop opens the database and makes the flows, as each process does.
func newShop(ctx context.Context, s settings) (*shop, error) {
	db, err := openDatabase(s.Database)
	if err != nil {
		return nil, err
	}
	shop := &shop{db: db}
	shop.journal, err = journal.Open(ctx, db.DB, db.dialect, journal.Config{
		// The fakes' clock is fast, and processes die often; in earnest leave the defaults.
		CallTimeout: 2 * time.Second, Lease: 12*time.Second + 100*time.Millisecond, Every: 100 * time.Millisecond, KnockGap: 100 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return nil, err
	}
	hook := func(path string) func(string, decimal.Decimal, string) (string, error) {
		return func(string, decimal.Decimal, string) (string, error) {
			return "http://" + s.Hooks + path + s.HookSecret, nil
		}
	}
	pays, err1 := kpay.New(kpay.Config{
		BaseURL: s.KPayURL, Username: s.KPayUser, Password: s.KPayPassword, RetailerID: s.KPayRetailer, APIKey: s.KPayKey, CallbackURL: hook("/hooks/kpay/"),
	})
	supplier, err2 := kasapay.New(kasapay.Config{
		BaseURL: s.KasapayURL, ConsumerKey: s.KasapayKey, ConsumerSecret: s.KasapaySecret, ServiceCode: s.KasapayService, CallbackURL: hook("/hooks/kasapay/"),
	})
	riders, err3 := kapiten.New(kapiten.Config{BaseURL: s.KapitenURL, Token: s.KapitenToken})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	shop.addFlows(pays, riders, s.CompanyID, supplier)
	return shop, nil
}

// serveBackend is one process of the shop.
func serveBackend(ctx context.Context) error {
	var s settings
	if err := json.Unmarshal([]byte(os.Getenv(settingsVariable)), &s); err != nil {
		return err
	}
	shop, err := newShop(ctx, s)
	if err != nil {
		return err
	}
	defer shop.db.Close()
	secret := webhook.PathSecret(s.HookSecret)
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/kpay/{secret}", shop.collect.Knock(secret))
	mux.Handle("POST /hooks/kasapay/{secret}", shop.payouts.Knock(secret))
	mux.Handle("POST /hooks/kapiten/{secret}", shop.rides.Knock(secret))
	mux.HandleFunc("POST /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := shop.order(r.Context(), r.PathValue("id")); err != nil {
			slog.ErrorContext(r.Context(), "order", "error", err)
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	server := &http.Server{Addr: s.Address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 2)
	go func() { ended <- server.ListenAndServe() }()
	go func() { ended <- shop.journal.Run(ctx) }()
	if err := <-ended; ctx.Err() == nil {
		return err
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(stopping)
}
