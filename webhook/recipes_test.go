package webhook_test

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/webhook"
)

// What README.md shows. It stands here, so that it compiles.

func openInbox(ctx context.Context, db *sql.DB) (*webhook.SQLInbox, error) {
	inbox, err := webhook.NewSQLInbox(db, webhook.PostgreSQL) // or MySQL, SQLite
	if err != nil {
		return nil, err
	}
	if err := inbox.Migrate(ctx); err != nil { // any number of replicas may call it at once
		return nil, err
	}
	return inbox, inbox.Check(ctx) // says what would go wrong later: do not serve with an error
}

func purgeDaily(ctx context.Context, inbox *webhook.SQLInbox) error {
	for day := time.Tick(24 * time.Hour); ; {
		select {
		case <-day:
			if _, err := inbox.Purge(ctx, 90*24*time.Hour); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func paymentChanged(ctx context.Context, tx *sql.Tx, e webhook.Event[kpay.Payment]) error {
	switch {
	case e.Data.Status.Paid(): // e.Transition is Advanced, or Corrected after a failure
		return setStatus(ctx, tx, e.Reference, "paid")
	case e.Transition == webhook.Reversed: // a success was taken back
		return setStatus(ctx, tx, e.Reference, "cancelled")
	case e.Data.Status.Failed():
		return setStatus(ctx, tx, e.Reference, "failed")
	}
	return nil
}

func setStatus(ctx context.Context, tx *sql.Tx, reference, status string) error {
	_, err := tx.ExecContext(ctx, `UPDATE orders SET status = $1 WHERE reference = $2`, status, reference)
	return err
}

func changed[E any](ctx context.Context, tx *sql.Tx, e webhook.Event[E]) error {
	return setStatus(ctx, tx, e.Reference, e.Status)
}

func kpayHandler(cfg kpay.Config, key string, inbox *webhook.SQLInbox) (*webhook.Handler[kpay.Payment], error) {
	urls, err := webhook.NewCapabilities(webhook.CapabilityConfig{
		Provider: "kpay", BaseURL: "https://shop.example/hooks/kpay",
	}, key) // at least 16 bytes, from your secret store
	if err != nil {
		return nil, err
	}
	cfg.CallbackURL = urls.Mint // each payment gets a URL
	client, err := kpay.New(cfg)
	if err != nil {
		return nil, err
	}
	return webhook.NewKPay(client, webhook.Config[kpay.Payment]{Auth: urls, Inbox: inbox, HandleTx: paymentChanged})
}

func kasapayHandler(client *kasapay.Client, urls *webhook.Capabilities, inbox *webhook.SQLInbox) (*webhook.Handler[kasapay.Payout], error) {
	return webhook.NewKasapay(client.Payouts, webhook.Config[kasapay.Payout]{
		Auth: urls, Inbox: inbox, HandleTx: changed[kasapay.Payout],
	})
}

func kotaniHandler(client *kotani.Client, urls *webhook.Capabilities, inbox *webhook.SQLInbox) (*webhook.Handler[kotani.Transaction], error) {
	return webhook.NewKotani(client.Fiat, kotani.Payouts, webhook.Config[kotani.Transaction]{
		Auth: urls, Inbox: inbox, HandleTx: changed[kotani.Transaction],
	})
}

func kapitenHandler(client *kapiten.Client, companyID, secret string, db *sql.DB, inbox *webhook.SQLInbox) (*webhook.Handler[kapiten.Ride], error) {
	return webhook.NewKapiten(client.Rides, companyID, webhook.Config[kapiten.Ride]{
		Auth: webhook.PathSecret(secret),
		Known: func(ctx context.Context, rideID string) (ours bool, err error) {
			err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM orders WHERE ride_id = $1)`, rideID).Scan(&ours)
			return ours, err
		},
		Inbox: inbox, HandleTx: changed[kapiten.Ride],
	})
}

func bitpesaHandler(key, apiSecret string, inbox *webhook.SQLInbox) (*webhook.Handler[bitpesa.Event], error) {
	// The URL exactly as it was registered: it is part of what is signed.
	signature := webhook.BitPesaSignature("https://shop.example/hooks/bitpesa", webhook.BitPesaKey{Key: key, Secret: apiSecret})
	return webhook.NewBitPesa(webhook.Config[bitpesa.Event]{
		Auth: signature, Inbox: inbox, HandleTx: changed[bitpesa.Event],
	})
}

func kotaniV3Handler(whsec string, inbox *webhook.SQLInbox) (*webhook.Handler[kotani.V3Event], error) {
	return webhook.NewKotaniV3(webhook.Config[kotani.V3Event]{
		Auth: webhook.KotaniV3Signature(whsec), Inbox: inbox, HandleTx: changed[kotani.V3Event],
	})
}

func fiatConnectHandler(whsec string, inbox *webhook.SQLInbox) (*webhook.Handler[kotani.FiatConnectEvent], error) {
	return webhook.NewFiatConnect(webhook.Config[kotani.FiatConnectEvent]{
		Auth: webhook.FiatConnectSignature(webhook.SignatureConfig{}, whsec), Inbox: inbox, HandleTx: changed[kotani.FiatConnectEvent],
	})
}

func mount(handler http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/kpay/", handler) // the slash: the last segment is the secret
	return mux
}

// chiRouter is what the recipe uses of a *chi.Mux.
type chiRouter interface {
	Post(pattern string, h http.HandlerFunc)
}

func mountOnChi(r chiRouter, handler http.Handler) {
	r.Post("/hooks/kpay/{secret}", handler.ServeHTTP)
}

func onlyFromBitPesa(signature webhook.Authenticator) webhook.Authenticator {
	return webhook.AllOf(webhook.AllowList([]string{"52.50.88.9"}, "127.0.0.1"), signature)
}

func reconcile(ctx context.Context, h *webhook.Handler[kpay.Payment], unpaid func(context.Context) iter.Seq2[string, error]) error {
	r, err := webhook.NewReconciler(webhook.ReconcilerConfig[kpay.Payment]{
		Handler: h,
		Open:    unpaid, // the references you wait for
	})
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

func bitpesaDelivery(body string) (*http.Request, error) {
	key := webhook.BitPesaKey{Key: "key", Secret: "secret"} // those of the handler
	return webhook.NewBitPesaTestDelivery("https://shop.example/hooks/bitpesa", key, []byte(body))
}

// The end of what README.md shows.

func TestTheRecipesWork(t *testing.T) {
	db := new(sql.DB)
	inbox, err := webhook.NewSQLInbox(db, webhook.PostgreSQL)
	require.NoError(t, err)
	ended, end := context.WithCancel(t.Context())
	end()
	_, err = openInbox(ended, nil)
	require.ErrorIs(t, err, webhook.ErrConfiguration)
	require.ErrorIs(t, purgeDaily(ended, inbox), context.Canceled)

	h, err := kpayHandler(kpay.Config{BaseURL: "https://pay.example", Username: "u", Password: "p", RetailerID: "01"}, capabilityKey, inbox)
	require.NoError(t, err)
	kasa, err1 := kasapay.New(kasapay.Config{BaseURL: "https://kasa.example", ConsumerKey: "k", ConsumerSecret: "s"})
	kot, err2 := kotani.New(kotani.Config{BaseURL: "https://kotani.example", PhoneNumber: "+254712345678", CountryCode: "KE", Password: "p"})
	ride, err3 := kapiten.New(kapiten.Config{BaseURL: "https://kapiten.example", Token: "t"})
	require.NoError(t, errors.Join(err1, err2, err3))
	require.NoError(t, errors.Join(
		second(kasapayHandler(kasa, capsOf(t, "kasapay"), inbox)), second(kotaniHandler(kot, capsOf(t, "kotani"), inbox)),
		second(kapitenHandler(ride, "c1", pathSecret, db, inbox)), second(bitpesaHandler("key", "secret", inbox)),
		second(kotaniV3Handler("whsec", inbox)), second(fiatConnectHandler("whsec", inbox)),
		second(webhook.NewBitPesa(with(goodConfig[bitpesa.Event](), func(c *webhook.Config[bitpesa.Event]) {
			c.Auth = onlyFromBitPesa(webhook.BitPesaSignature(bitpesaURL, testKeys()...))
		}))),
	))
	w := httptest.NewRecorder()
	mount(h).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/kpay/guess", nil))
	assert.Equal(t, 401, w.Code)
	mountOnChi(routes{}, h)
	require.ErrorIs(t, reconcile(ended, h, open()), context.Canceled)
	require.NoError(t, paymentChanged(t.Context(), nil, webhook.Event[kpay.Payment]{}))
}

func TestTheRecipesDeliveryIsHandedOn(t *testing.T) {
	told := ""
	h, err := webhook.NewBitPesa(webhook.Config[bitpesa.Event]{
		Auth:   webhook.BitPesaSignature("https://shop.example/hooks/bitpesa", webhook.BitPesaKey{Key: "key", Secret: "secret"}),
		Handle: func(_ context.Context, e webhook.Event[bitpesa.Event]) error { told = e.Status; return nil },
	})
	require.NoError(t, err)
	r, err := bitpesaDelivery(`{"event":"transaction.paid","object":{"id":"t-1","state":"paid"}}`)
	require.NoError(t, err)
	assert.Equal(t, 200, send(h, r).Code)
	assert.Equal(t, "paid", told)
}

type routes map[string]http.HandlerFunc

func (r routes) Post(pattern string, h http.HandlerFunc) {
	if r[pattern] == nil && h == nil {
		panic(pattern)
	}
}
