package sqltest

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/webhook"
)

// What webhook/README.md shows. It stands here, so that it compiles, and runs on a database.

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
	case e.Data.Status.Paid(): // e.Transition is Advanced, or Corrected after a failure or a reversal
		return setStatus(ctx, tx, "reference", e.Reference, "paid")
	case e.Transition == webhook.Reversed: // a success was taken back
		return setStatus(ctx, tx, "reference", e.Reference, "cancelled")
	case e.Data.Status.Failed():
		return setStatus(ctx, tx, "reference", e.Reference, "failed")
	}
	return nil
}

func setStatus(ctx context.Context, tx *sql.Tx, column, name, status string) error {
	result, err := tx.ExecContext(ctx, `UPDATE orders SET status = $1 WHERE `+column+` = $2`, status, name)
	if err != nil {
		return err
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 {
		return cmp.Or(err, fmt.Errorf("no order has the %s %q", column, name))
	}
	return nil
}

func changed[E any](ctx context.Context, tx *sql.Tx, e webhook.Event[E]) error {
	return setStatus(ctx, tx, "reference", e.Reference, e.Status)
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

func kotaniHandler(cfg kotani.Config, kind kotani.TransactionType, baseURL, key string, inbox *webhook.SQLInbox) (*kotani.Client, *webhook.Handler[kotani.Transaction], error) {
	urls, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kotani", BaseURL: baseURL}, key)
	if err != nil {
		return nil, nil, err
	}
	cfg.CallbackURL = urls.Mint // use this client for this kind only
	client, err := kotani.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	handler, err := webhook.NewKotani(client.Fiat, kind, webhook.Config[kotani.Transaction]{
		Auth: urls, Inbox: inbox, HandleTx: changed[kotani.Transaction],
	})
	return client, handler, err
}

func rideChanged(ctx context.Context, tx *sql.Tx, e webhook.Event[kapiten.Ride]) error {
	return setStatus(ctx, tx, "ride_id", e.Reference, e.Status) // the reference is Kapiten's id
}

func kapitenHandler(client *kapiten.Client, companyID, secret string, db *sql.DB, inbox *webhook.SQLInbox) (*webhook.Handler[kapiten.Ride], error) {
	return webhook.NewKapiten(client.Rides, companyID, webhook.Config[kapiten.Ride]{
		Auth: webhook.PathSecret(secret),
		Known: func(ctx context.Context, rideID string) (ours bool, err error) {
			err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM orders WHERE ride_id = $1)`, rideID).Scan(&ours)
			return ours, err
		},
		Inbox: inbox, HandleTx: rideChanged,
	})
}

func transactionChanged(ctx context.Context, tx *sql.Tx, e webhook.Event[bitpesa.Event]) error {
	if e.Data.Transaction == nil {
		return nil // about a recipient, a sender or a document
	}
	return setStatus(ctx, tx, "transaction_id", e.Reference, e.Status) // BitPesa's id
}

func bitpesaHandler(key, apiSecret string, inbox *webhook.SQLInbox) (*webhook.Handler[bitpesa.Event], error) {
	// The URL exactly as it was registered: it is part of what is signed.
	signature := webhook.BitPesaSignature("https://shop.example/hooks/bitpesa", webhook.BitPesaKey{Key: key, Secret: apiSecret})
	return webhook.NewBitPesa(webhook.Config[bitpesa.Event]{
		Auth: signature, Inbox: inbox, HandleTx: transactionChanged,
	})
}

func v3Changed(ctx context.Context, tx *sql.Tx, e webhook.Event[kotani.V3Event]) error {
	if !strings.HasPrefix(e.Data.Event, "transaction.") {
		return nil // about a customer, a refund or the system
	}
	return changed(ctx, tx, e)
}

func kotaniV3Handler(whsec string, inbox *webhook.SQLInbox) (*webhook.Handler[kotani.V3Event], error) {
	return webhook.NewKotaniV3(webhook.Config[kotani.V3Event]{
		Auth: webhook.KotaniV3Signature(whsec), Inbox: inbox, HandleTx: v3Changed,
	})
}

func transferChanged(ctx context.Context, tx *sql.Tx, e webhook.Event[kotani.FiatConnectEvent]) error {
	if e.Data.Transfer == nil {
		return nil // about the KYC of a wallet
	}
	return setStatus(ctx, tx, "transfer_id", e.Reference, e.Status) // the server's id
}

func fiatConnectHandler(whsec string, inbox *webhook.SQLInbox) (*webhook.Handler[kotani.FiatConnectEvent], error) {
	return webhook.NewFiatConnect(webhook.Config[kotani.FiatConnectEvent]{
		Auth: webhook.FiatConnectSignature(webhook.SignatureConfig{}, whsec), Inbox: inbox, HandleTx: transferChanged,
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
		Open:    unpaid, // the references you wait for, and final ones that may still change
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

const recipeSecret = "f3T9xkQ0zLw2Vb7YpR5sHn" // of a path, a capability or a signature

func TestTheRecipesWork(t *testing.T) {
	db := new(sql.DB)
	inbox, err := webhook.NewSQLInbox(db, webhook.PostgreSQL)
	require.NoError(t, err)
	ended, end := context.WithCancel(t.Context())
	end()
	_, err = openInbox(ended, nil)
	require.ErrorIs(t, err, webhook.ErrConfiguration)
	require.ErrorIs(t, purgeDaily(ended, inbox), context.Canceled)

	h, err := kpayHandler(kpay.Config{BaseURL: "https://pay.example", Username: "u", Password: "p", RetailerID: "01"}, recipeSecret, inbox)
	require.NoError(t, err)
	kasa, err1 := kasapay.New(kasapay.Config{BaseURL: "https://kasa.example", ConsumerKey: "k", ConsumerSecret: "s"})
	kasaURLs, err3 := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kasapay", BaseURL: "https://shop.example/hooks"}, recipeSecret)
	require.NoError(t, errors.Join(err1, err3))
	_, err1 = kasapayHandler(kasa, kasaURLs, inbox)
	_, err2 := webhook.NewBitPesa(webhook.Config[bitpesa.Event]{
		Auth:   onlyFromBitPesa(webhook.BitPesaSignature("https://shop.example/hooks/bitpesa", webhook.BitPesaKey{Key: "key", Secret: "secret"})),
		Handle: func(context.Context, webhook.Event[bitpesa.Event]) error { return nil },
	})
	require.NoError(t, errors.Join(err1, err2))
	w := httptest.NewRecorder()
	mount(h).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/kpay/guess", nil))
	assert.Equal(t, 401, w.Code)
	mountOnChi(routes{}, h)
	require.ErrorIs(t, reconcile(ended, h, func(context.Context) iter.Seq2[string, error] { return func(func(string, error) bool) {} }), context.Canceled)
	require.NoError(t, paymentChanged(t.Context(), nil, webhook.Event[kpay.Payment]{}))
}

type routes map[string]http.HandlerFunc

func (r routes) Post(pattern string, h http.HandlerFunc) {
	if r[pattern] == nil && h == nil {
		panic(pattern)
	}
}

// orders is a shop's table as the recipes use it, with one new order.
func (s target) orders(t *testing.T) {
	t.Helper()
	s.exec(t, `CREATE TABLE orders (reference varchar(255), ride_id varchar(255), transaction_id varchar(255), transfer_id varchar(255), status varchar(255))`)
	s.exec(t, `INSERT INTO orders VALUES ('order-1', '', 't-1', 'f-1', 'new')`)
}

func (s target) orderStatus(t *testing.T) (status string) {
	t.Helper()
	require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT status FROM orders WHERE reference = 'order-1'`).Scan(&status))
	return status
}

// The recipe of Kapiten, as it is printed, brings an order to the end of its ride.
func TestTheKapitenRecipeFollowsAnOrder(t *testing.T) {
	for _, name := range []string{"sqlite", "postgres"} {
		s := inboxOn(t, name)
		s.orders(t)
		var handler http.Handler
		srv := kapitentest.New(kapitentest.Config{Options: fake.Options{
			Callbacks: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }),
		}})
		defer srv.Close()
		co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(5000), WebhookURL: "https://shop.example/hooks/" + recipeSecret})
		client, err := kapiten.New(srv.ClientConfig(co))
		require.NoError(t, err)
		handler, err = kapitenHandler(client, co.ID, recipeSecret, s.db, s.SQLInbox)
		require.NoError(t, err)
		ride, err := client.Rides.CreateOnce(t.Context(), kapiten.CreateRideParams{
			CompanyID: co.ID, ExternalID: "order-1",
			PickupAddress: "Kicukiro, KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
			DropoffAddress: "M. Peace Plaza", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
			Sender: kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Ama", Phone: "0789000111"},
		})
		require.NoError(t, err)
		s.exec(t, `UPDATE orders SET ride_id = ? WHERE reference = 'order-1'`, ride.ID)
		for _, status := range way[2:] {
			require.NoError(t, srv.MoveRide(ride.ID, status))
			srv.Flush()
			assert.Equal(t, string(status), s.orderStatus(t), name)
		}
	}
}

// Deposits and payouts may have the same external id: each kind's callbacks ask about its own.
func TestTheKotaniRecipeFollowsBothKinds(t *testing.T) {
	s := inboxOn(t, "sqlite")
	s.orders(t)
	mux := http.NewServeMux()
	var codes []int
	srv := kotanitest.New(kotanitest.Config{Options: fake.Options{
		Callbacks: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			mux.ServeHTTP(answer, r)
			codes = append(codes, answer.Code)
			w.WriteHeader(answer.Code)
		}),
	}})
	defer srv.Close()
	clients := map[kotani.TransactionType]*kotani.Client{}
	for kind, path := range map[kotani.TransactionType]string{kotani.Payouts: "/hooks/kotani/payouts/", kotani.Collections: "/hooks/kotani/deposits/"} {
		client, handler, err := kotaniHandler(srv.ClientConfig(), kind, "https://shop.example"+path, recipeSecret, s.SQLInbox)
		require.NoError(t, err)
		clients[kind] = client
		mux.Handle("POST "+path, handler)
	}
	ten := decimal.NewFromInt(10)
	_, err := clients[kotani.Collections].Fiat.Deposit(t.Context(), kotani.DepositParams{Amount: ten, PhoneNumber: "254712345678", ExternalID: "order-1"})
	require.NoError(t, err)
	srv.Advance(time.Minute)
	srv.Flush()
	assert.Equal(t, "SUCCESSFUL", s.orderStatus(t))
	s.exec(t, `UPDATE orders SET status = 'new'`)
	_, err = clients[kotani.Payouts].Fiat.Withdraw(t.Context(), kotani.WithdrawParams{Amount: ten, PhoneNumber: "254712340001", ExternalID: "order-1"})
	require.NoError(t, err)
	srv.Advance(time.Minute)
	srv.Flush()
	assert.Equal(t, "FAILED", s.orderStatus(t), "0001 fails")
	require.NotEmpty(t, codes)
	for _, code := range codes {
		assert.Equal(t, 200, code)
	}
}

// The signed events name the provider's own id: the recipes find the order by it, leave
// other objects alone, and give back the event of an order that is not there.
func TestTheRecipesOfSignedEventsFollowAnOrder(t *testing.T) {
	for _, name := range []string{"sqlite", "postgres"} {
		s := inboxOn(t, name)
		s.orders(t)
		pesa, err1 := bitpesaHandler("key", "secret", s.SQLInbox)
		v3, err2 := kotaniV3Handler("whsec", s.SQLInbox)
		fiat, err3 := fiatConnectHandler("whsec", s.SQLInbox)
		require.NoError(t, errors.Join(err1, err2, err3))
		v3Delivery := func(body string) (*http.Request, error) {
			return webhook.NewKotaniV3TestDelivery("https://shop.example/hooks/kotani", "whsec", kotani.V3DepositUpdated, []byte(body))
		}
		customer := func(body string) (*http.Request, error) {
			return webhook.NewKotaniV3TestDelivery("https://shop.example/hooks/kotani", "whsec", kotani.V3KYCChanged, []byte(body))
		}
		fiatDelivery := func(body string) (*http.Request, error) {
			return webhook.NewFiatConnectTestDelivery("https://shop.example/hooks/fiatconnect", "whsec", time.Now(), []byte(body))
		}
		fiatEvent := func(kind, id, payload string) string {
			return fmt.Sprintf(`{"eventType":%q,"provider":"kotani","eventId":%q,"timestamp":"%d","address":"0x52908400098527886E0F7030069857D2E4169EE7","payload":%s}`,
				kind, id, time.Now().Unix(), payload)
		}
		transferOut := func(id string) string {
			return fiatEvent("WebhookTransferOutStatusEvent", "e-"+id, `{"transferId":"`+id+`","status":"TransferComplete","transferType":"TransferOut","fiatType":"KES","cryptoType":"cUSD","amountProvided":"10","amountReceived":"1290.00"}`)
		}
		kyc := fiatEvent("WebhookKycStatusEvent", "e-kyc", `{"kycStatus":"KycApproved","kycSchema":"PersonalDataAndDocuments"}`)
		for _, sent := range []struct {
			handler http.Handler
			deliver func(string) (*http.Request, error)
			body    string
			code    int
			status  string
		}{
			{pesa, bitpesaDelivery, `{"event":"transaction.paid","object":{"id":"t-1","state":"paid"}}`, 200, "paid"},
			{pesa, bitpesaDelivery, `{"event":"sender.approved","object":{"id":"s-1","state":"approved"}}`, 200, "paid"},
			{pesa, bitpesaDelivery, `{"event":"transaction.paid","object":{"id":"t-2","state":"paid"}}`, 500, "paid"},
			{v3, v3Delivery, `{"reference_id":"order-1","status":"SUCCESSFUL"}`, 200, "SUCCESSFUL"},
			{v3, customer, `{"reference_id":"customer-1","status":"VERIFIED"}`, 200, "SUCCESSFUL"},
			{v3, v3Delivery, `{"reference_id":"order-2","status":"SUCCESSFUL"}`, 500, "SUCCESSFUL"},
			{fiat, fiatDelivery, transferOut("f-1"), 200, "TransferComplete"},
			{fiat, fiatDelivery, kyc, 200, "TransferComplete"},
			{fiat, fiatDelivery, transferOut("f-2"), 500, "TransferComplete"},
		} {
			r, err := sent.deliver(sent.body)
			require.NoError(t, err)
			w := httptest.NewRecorder()
			sent.handler.ServeHTTP(w, r)
			assert.Equal(t, sent.code, w.Code, sent.body)
			assert.Equal(t, sent.status, s.orderStatus(t), sent.body)
		}
	}
}

// With the DSN that README.md prints, transactions which read before they write wait for
// each other: each plan of sdk/journal is such a transaction.
func TestTheSQLiteDSNOfTheRecipesWaits(t *testing.T) {
	page, err := os.ReadFile("../../webhook/README.md")
	require.NoError(t, err)
	printed := regexp.MustCompile("\\| SQLite \\| `([^`]+)`").FindSubmatch(page)
	require.NotNil(t, printed)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "shop.db")+string(printed[1]))
	require.NoError(t, err)
	closeLater(t, db)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE numbers (n integer)`)
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			tx, err := db.BeginTx(t.Context(), nil)
			if !assert.NoError(t, err) {
				return
			}
			defer func() { _ = tx.Rollback() }() // after a commit it does nothing
			var n int
			assert.NoError(t, tx.QueryRowContext(t.Context(), `SELECT count(*) FROM numbers`).Scan(&n))
			_, err = tx.ExecContext(t.Context(), `INSERT INTO numbers VALUES ($1)`, n)
			assert.NoError(t, err)
			assert.NoError(t, tx.Commit())
		})
	}
	all.Wait()
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(DISTINCT n) FROM numbers`).Scan(&n))
	assert.Equal(t, 40, n)
}
