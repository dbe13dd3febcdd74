package sqltest

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

// planner plans the one request of a provider's test.
type planner func(ctx context.Context, tx journal.Tx) error

// outsideWorld is a provider's fake and how a new process of a merchant uses it.
type outsideWorld struct {
	process func(j *journal.Journal, wrap func(http.RoundTripper) http.RoundTripper) planner
	advance func(time.Duration)
	debits  func() int
}

func callback(string, decimal.Decimal, string) (string, error) {
	return "http://127.0.0.1:1/hooks", nil
}

func telling(reference string) func(ctx context.Context, tx journal.Tx, kind journal.Kind) error {
	return func(ctx context.Context, tx journal.Tx, kind journal.Kind) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO told (reference, kind) VALUES ('`+reference+`', '`+string(kind)+`')`)
		return err
	}
}

func kpayParams(reference string) kpay.PayParams {
	return kpay.PayParams{
		RefID: reference, Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300000",
		Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "0783300000", Details: "Order #123",
		RedirectURL: "https://shop.example/thanks",
	}
}

func kasapayParams(reference string) kasapay.CreatePayoutParams {
	return kasapay.CreatePayoutParams{
		Reference: reference, RecipientType: kasapay.Paybill, RecipientAccountNumber: "565601", RecipientName: "Unga Mills",
		AccountReference: "bakery", Amount: decimal.RequireFromString("1500.00"), Currency: "KES", Country: "KEN", Description: "Delivery 7",
	}
}

const providerReference = "order-1"

func kpayWorld() outsideWorld {
	srv := kpaytest.New(kpaytest.Config{})
	return outsideWorld{
		process: func(j *journal.Journal, wrap func(http.RoundTripper) http.RoundTripper) planner {
			cfg := srv.ClientConfig()
			cfg.CallbackURL, cfg.MaxAttempts = callback, 1
			cfg.HTTPClient = &http.Client{Transport: wrap(cfg.HTTPClient.Transport)}
			client, err := kpay.New(cfg)
			must(err)
			told := telling(providerReference)
			flow := journal.KPay(j, "pay", client, func(ctx context.Context, tx journal.Tx, c journal.Change[kpay.Payment]) error {
				return told(ctx, tx, c.Kind)
			})
			return func(ctx context.Context, tx journal.Tx) error {
				return flow.Plan(ctx, tx, kpayParams(providerReference))
			}
		},
		advance: func(d time.Duration) { srv.Advance(d) },
		debits:  func() int { return len(srv.Debits(providerReference)) },
	}
}

func kasapayWorld() outsideWorld {
	srv := kasapaytest.New(kasapaytest.Config{})
	return outsideWorld{
		process: func(j *journal.Journal, wrap func(http.RoundTripper) http.RoundTripper) planner {
			cfg := srv.ClientConfig()
			cfg.CallbackURL, cfg.MaxAttempts = callback, 1
			cfg.HTTPClient = &http.Client{Transport: wrap(cfg.HTTPClient.Transport)}
			client, err := kasapay.New(cfg)
			must(err)
			told := telling(providerReference)
			flow := journal.Kasapay(j, "pay", client.Payouts, func(ctx context.Context, tx journal.Tx, c journal.Change[kasapay.Payout]) error {
				return told(ctx, tx, c.Kind)
			})
			return func(ctx context.Context, tx journal.Tx) error {
				return flow.Plan(ctx, tx, kasapayParams(providerReference))
			}
		},
		advance: func(d time.Duration) { srv.Advance(d) },
		debits:  func() int { return len(srv.Debits(providerReference)) },
	}
}

// gatedTransport is two steps per request: the process may die before it leaves, or
// after the provider has worked and before the response arrives.
type gatedTransport struct {
	next http.RoundTripper
	gate *gate
}

func (g gatedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.gate.step(); err != nil {
		return nil, err
	}
	response, err := g.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	if gateErr := g.gate.step(); gateErr != nil {
		return nil, gateErr
	}
	return response, err
}

// TestJournalCrashOfProviders is the crash test with the real clients and the fakes.
func TestJournalCrashOfProviders(t *testing.T) {
	t.Parallel()
	template := filepath.Join(t.TempDir(), "template.db")
	db, err := sql.Open("sqlite", "file:"+template)
	require.NoError(t, err)
	newMerchant(t, db, journal.SQLite, newBank(0))
	require.NoError(t, db.Close())
	tables, err := os.ReadFile(template)
	require.NoError(t, err)
	for name, world := range map[string]func() outsideWorld{"kpay": kpayWorld, "kasapay": kasapayWorld} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for k, died := 0, true; died; k++ {
				path := filepath.Join(t.TempDir(), "shop.db")
				require.NoError(t, os.WriteFile(path, tables, 0o600))
				w := world()
				var state string
				for life := 0; life < 20 && (life < 2 || state != "final"); life++ {
					g := &gate{left: -1}
					switch life {
					case 0:
						g.left = k
					case 1:
						g.left = 3 + k*7%41
					}
					live(t, path, w, g)
					if life == 0 {
						died = g.died()
					}
					w.advance(10 * time.Second)
					state = later(t, path)
				}
				plain, err := sql.Open("sqlite", "file:"+path+immediate)
				require.NoError(t, err)
				told := changes(t, plain, providerReference)
				require.NoError(t, plain.Close())
				require.Equal(t, "final", state, "k=%d", k)
				require.Equal(t, 1, w.debits(), "k=%d", k)
				require.Equal(t, "succeeded", told[len(told)-1], "k=%d", k)
				require.LessOrEqual(t, len(told), 2, "k=%d: %v", k, told)
			}
		})
	}
}

// live is one life of a merchant's process.
func live(t *testing.T, path string, w outsideWorld, g *gate) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	g.cancel = cancel
	db := sql.OpenDB(gatedConnector{dsn: "file:" + path + immediate + "&_pragma=synchronous(off)", gate: g})
	defer db.Close()
	j, err := journal.Open(ctx, db, journal.SQLite, journal.Config{OnlyCheck: true})
	if err != nil {
		return
	}
	plan := w.process(j, func(next http.RoundTripper) http.RoundTripper { return gatedTransport{next, g} })
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return
	}
	defer func() { _ = tx.Rollback() }()
	if plan(ctx, tx) == nil && tx.Commit() == nil {
		_, _ = j.Work(ctx)
	}
}

func later(t *testing.T, path string) (state string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+immediate)
	require.NoError(t, err)
	defer db.Close()
	pass(t, db, 3*time.Minute)
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT COALESCE(max(state), '') FROM journal_entries`).Scan(&state))
	return state
}

// TestJournalRecordedRows: rows of the first release are still the same entries, and
// are sent as they were recorded. Never change a row here: add the rows of a newer
// release.
func TestJournalRecordedRows(t *testing.T) {
	rows := []struct {
		name, digest, params string
		world                func() outsideWorld
	}{
		{"kpay", recordedKPayDigest, recordedKPay, kpayWorld},
		{"kasapay", recordedKasapayDigest, recordedKasapay, kasapayWorld},
	}
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for _, row := range rows {
			j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), `CREATE TABLE IF NOT EXISTS told (reference text NOT NULL, kind text NOT NULL)`)
			require.NoError(t, err)
			clear(t, db)
			w := row.world()
			plan := w.process(j, func(next http.RoundTripper) http.RoundTripper { return next })
			blob := func(b []byte) string { return "'\\x" + hex.EncodeToString(b) + "'" }
			if dialect != journal.PostgreSQL {
				blob = func(b []byte) string { return "x'" + hex.EncodeToString(b) + "'" }
			}
			digest, err := hex.DecodeString(row.digest)
			require.NoError(t, err)
			for _, statement := range []string{
				`INSERT INTO journal_entries (flow, reference, digest, digest_version, state, standing, resume, owed, step, lane, due_at, holder, fence,
					knocks, tries, attempts, opened, looks, contested, approved, resend, since_at, created_at, changed_at, first_sent_at, sent_at, asked_at)
					VALUES ('pay', 'order-1', ` + blob(digest) + `, 1, 'sending', '', '', '', 0, 0, 1, '', 3, 0, 0, 1, 1, 0, 0, 0, 0, ` +
					strings.Repeat(fmt.Sprint(time.Now().Add(-time.Hour).UnixMicro())+", ", 5) + `0)`,
				`INSERT INTO journal_details (entry, amount, currency, params, prepared, value, note)
					SELECT id, '1', 'RWF', ` + blob([]byte(row.params)) + `, ` + blob([]byte(row.params)) + `, ` + blob(nil) + `, '' FROM journal_entries`,
			} {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, plan(t.Context(), tx), "the digest has changed")
			require.NoError(t, tx.Commit())
			for range 8 {
				pass(t, db, time.Minute)
				_, err := j.Work(t.Context())
				require.NoError(t, err)
				w.advance(10 * time.Second)
			}
			require.Equal(t, 1, w.debits(), row.name)
			require.Equal(t, []string{"pending", "succeeded"}, changes(t, db, "order-1"))
		}
	})
}

const (
	recordedKPayDigest = "aba0c0a75d463b32f5aa446983a455245292ca42d7179662b79aac36d6e4b51b"
	recordedKPay       = `{"RefID":"order-1","Amount":"4200","Currency":"","Method":"momo","BankID":"","MSISDN":"0783300000",` +
		`"Email":"customer@example.com","CustomerName":"John Doe","CustomerNumber":"0783300000","Details":"Order #123","RetailerID":"",` +
		`"ReturnURL":"","RedirectURL":"https://shop.example/thanks","LogoURL":""}`
	recordedKasapayDigest = "5e300a3dc12aa01030b8d0d5b78e4f3243067ad8df14da6f596984c064b1ad9f"
	recordedKasapay       = `{"Reference":"order-1","ServiceCode":"","RecipientType":"PAYBILL","RecipientAccountNumber":"565601",` +
		`"RecipientName":"Unga Mills","AccountReference":"bakery","Amount":"1500","Currency":"KES","Country":"KEN","Method":"",` +
		`"Description":"Delivery 7","CallbackURL":""}`
)

// TestJournalCallbacksOfProviders: the fakes' own callbacks wake an entry, and no
// secret of a callback URL is stored.
func TestJournalCallbacksOfProviders(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{KnockGap: time.Millisecond})
		require.NoError(t, err)
		pays, payouts := kpaytest.New(kpaytest.Config{}), kasapaytest.New(kasapaytest.Config{})
		kpayConfig, kasapayConfig := pays.ClientConfig(), payouts.ClientConfig()
		kpayConfig.CallbackURL, kasapayConfig.CallbackURL = callback, callback
		kpayClient, err1 := kpay.New(kpayConfig)
		kasapayClient, err2 := kasapay.New(kasapayConfig)
		must(err1, err2)
		collect := journal.KPay(j, "collect", kpayClient, nil)
		pay := journal.Kasapay(j, "pay", kasapayClient.Payouts, nil)

		withURL, withURL2 := kpayParams("a"), kasapayParams("b")
		withURL.ReturnURL, withURL2.CallbackURL = "https://shop.example/hooks/secret", "https://shop.example/hooks/secret"
		require.ErrorContains(t, collect.Plan(t.Context(), nil, withURL), "callback URL")
		require.ErrorContains(t, pay.Plan(t.Context(), nil, withURL2), "callback URL")
		var none *kpay.Client
		require.ErrorIs(t, journal.KPay(j, "none", none, nil).Plan(t.Context(), nil, kpayParams("a")), journal.ErrConfiguration)
		_, err = j.Work(t.Context())
		require.ErrorIs(t, err, journal.ErrConfiguration)

		j, err = journal.Open(t.Context(), db, dialect, journal.Config{KnockGap: time.Millisecond})
		require.NoError(t, err)
		collect = journal.KPay(j, "collect", kpayClient, nil)
		pay = journal.Kasapay(j, "pay", kasapayClient.Payouts, nil)
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, collect.Plan(t.Context(), tx, kpayParams("a")))
		again := kpayParams("a")
		again.MSISDN, again.Currency, again.CustomerName = "+250 783 300 000", kpay.RWF, "J. Doe"
		require.NoError(t, collect.Plan(t.Context(), tx, again))
		again.MSISDN = "0783300001"
		require.ErrorIs(t, collect.Plan(t.Context(), tx, again), journal.ErrReferenceTaken)
		require.NoError(t, pay.Plan(t.Context(), tx, kasapayParams("b")))
		require.NoError(t, tx.Commit())
		_, err = j.Work(t.Context())
		require.NoError(t, err)
		pays.Advance(10 * time.Second)
		payouts.Advance(10 * time.Second)
		for _, sent := range []struct {
			handler http.Handler
			body    []byte
			flow    string
			ref     string
		}{
			{collect.Knock(webhook.PathSecret(knockSecret)), []byte(`{"tid":"A1","refid":"a","statusid":"01"}`), "collect", "a"},
			{pay.Knock(webhook.PathSecret(knockSecret)), []byte(`{"payout_reference":"b","payment_status":"700"}`), "pay", "b"},
		} {
			m := &merchant{t: t, db: db}
			require.Equal(t, http.StatusOK, postTo(t, sent.handler, sent.body).Code)
			require.Eventually(t, func() bool { return m.knocks(sent.ref) == 1 }, 10*time.Second, time.Millisecond)
			pass(t, db, time.Second)
			_, err = j.Work(t.Context())
			require.NoError(t, err)
			e, err := j.Find(t.Context(), sent.flow, sent.ref)
			require.NoError(t, err)
			require.Equal(t, journal.Succeeded, e.Standing, sent.flow)
		}
		for _, column := range []string{"params", "prepared", "value"} {
			var all []byte
			require.NoError(t, db.QueryRowContext(t.Context(), `SELECT `+column+` FROM journal_details ORDER BY entry LIMIT 1`).Scan(&all))
			require.NotContains(t, string(all), "/hooks")
		}
	})
}
