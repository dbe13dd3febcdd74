package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

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

// store is the database of one merchant, for one test after another.
type store struct {
	dialect journal.Dialect
	plain   *sql.DB
	open    func(*gate) *sql.DB // as a process that may die
}

// sqliteStore does without writes to the disk: a process dies, and the machine does not.
func sqliteStore(t *testing.T) store {
	t.Helper()
	plain := openImmediate(t)
	newMerchant(t, plain, journal.SQLite, newBank(sdk.Once))
	dsn := dsnOf(t, plain, journal.SQLite)
	return store{journal.SQLite, plain, func(g *gate) *sql.DB { return sql.OpenDB(gatedConnector{dsn: dsn, gate: g}) }}
}

func postgresStore(t *testing.T) store {
	t.Helper()
	plain, dsn := openPostgres(t)
	newMerchant(t, plain, journal.PostgreSQL, newBank(sdk.Once))
	return store{journal.PostgreSQL, plain, func(g *gate) *sql.DB {
		return sql.OpenDB(gatedConnector{dsn: dsn, gate: g, driver: stdlib.GetDefaultDriver()})
	}}
}

// live is one life of a merchant's process.
func (s store) live(t *testing.T, w outsideWorld, g *gate) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	g.cancel = cancel
	db := s.open(g)
	defer db.Close()
	j, err := journal.Open(ctx, db, s.dialect, journal.Config{OnlyCheck: true})
	if err != nil {
		return
	}
	plan := w.process(j, "pay", func(next http.RoundTripper) http.RoundTripper { return gatedTransport{next, g} })
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return
	}
	defer func() { _ = tx.Rollback() }()
	if plan(ctx, tx, providerReference) == nil && tx.Commit() == nil {
		_, _ = j.Work(ctx)
	}
}

func (s store) later(t *testing.T) (state string) {
	t.Helper()
	pass(t, s.plain, 3*time.Minute)
	require.NoError(t, s.plain.QueryRowContext(t.Context(), `SELECT COALESCE(max(state), '') FROM journal_entries`).Scan(&state))
	return state
}

// recorded is a row of a release, as it stands in the database once the entry was sent.
type recorded struct {
	Version                  int `json:",omitempty"` // of the digest; 0: the first
	Digest, Params, Prepared string
}

// recordedRows are the rows of each version of the digests.
var recordedRows = []string{"../../testdata/journal/recorded-1.json", "../../testdata/journal/recorded-2.json"}

// TestJournalRecordedRows: rows of each release are still the same entries, and
// what is sent again is sent as it was recorded. UPDATE_GOLDEN=1 adds the rows of new
// flows and of new digests. Never change a row there: a newer digest is a version of its own.
func TestJournalRecordedRows(t *testing.T) {
	now := map[string]recorded{}
	for name, flow := range flowWorlds() {
		now[name] = recordRow(t, flow.world())
	}
	for i, file := range recordedRows {
		t.Run(fmt.Sprint("version ", i+1), func(t *testing.T) {
			rows := map[string]recorded{}
			if data, err := os.ReadFile(file); err == nil {
				require.NoError(t, json.Unmarshal(data, &rows))
			}
			if os.Getenv("UPDATE_GOLDEN") != "" {
				for name, row := range now {
					if _, ok := rows[name]; !ok && row.Version == i+1 {
						rows[name] = row
					}
				}
				data, err := json.MarshalIndent(rows, "", "\t")
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(file, append(data, '\n'), 0o600))
			}
			for name, row := range now { // each version that the flow has had
				require.True(t, rows[name].Digest != "" || row.Version <= i, "%s has no recorded row: run the test with UPDATE_GOLDEN=1", name)
			}
			replayRows(t, rows)
		})
	}
}

// replayRows plans, sends and follows recorded entries again.
func replayRows(t *testing.T, rows map[string]recorded) {
	t.Helper()
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for name, row := range rows {
			flow := flowWorlds()[name]
			j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
			require.NoError(t, err)
			createTold(t, db, dialect)
			clear(t, db)
			w, sent := flow.world(), &bodies{}
			plan := w.process(j, "pay", func(next http.RoundTripper) http.RoundTripper { sent.next = next; return sent })
			insertRecorded(t, db, dialect, row)
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, plan(t.Context(), tx, providerReference), "%s: the digest has changed", name)
			require.NoError(t, tx.Commit())
			for range 12 {
				pass(t, db, 5*time.Minute)
				_, err := j.Work(t.Context())
				require.NoError(t, err)
				w.advance(time.Minute)
			}
			switch told := changes(t, db, providerReference); flow.class {
			case sdk.Referenced:
				require.Equal(t, 1, len(w.ledger()), name)
				require.Equal(t, []string{"pending", "succeeded"}, told, name)
				without, _, _ := strings.Cut(row.Prepared, sdk.PlaceholderURL)
				require.Contains(t, strings.Join(sent.seen, "\n"), without, name)
			case sdk.Keyed: // the fake has never seen the quote
				require.Contains(t, strings.Join(sent.seen, "\n"), row.Prepared, name)
				require.Equal(t, []string{"stuck"}, told, name)
			default:
				require.Empty(t, w.ledger(), name)
				require.Equal(t, []string{"stuck"}, told, name)
			}
		}
	})
}

// bodies keeps the bodies of requests.
type bodies struct {
	next http.RoundTripper
	seen []string
}

func (b *bodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		b.seen = append(b.seen, string(body))
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return b.next.RoundTrip(r)
}

// recordRow plans and sends the one request of a world, and reads its row.
func recordRow(t *testing.T, w outsideWorld) recorded {
	t.Helper()
	db := openImmediate(t)
	j, err := journal.Open(t.Context(), db, journal.SQLite, journal.Config{})
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE told (reference text NOT NULL, kind text NOT NULL)`)
	require.NoError(t, err)
	plan := w.process(j, "pay", func(next http.RoundTripper) http.RoundTripper { return next })
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, plan(t.Context(), tx, providerReference))
	require.NoError(t, tx.Commit())
	_, err = db.ExecContext(t.Context(), `CREATE TRIGGER keep AFTER UPDATE ON journal_details WHEN new.prepared <> x'' AND NOT EXISTS (SELECT 1 FROM told)
		BEGIN INSERT INTO told (reference, kind) VALUES (new.prepared, 'prepared'); END`)
	require.NoError(t, err)
	_, err = j.Work(t.Context())
	require.NoError(t, err)
	var digest, params, prepared []byte
	version := 0
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT e.digest_version, e.digest, d.params, (SELECT reference FROM told WHERE kind = 'prepared')
		FROM journal_entries e JOIN journal_details d ON d.entry = e.id`).Scan(&version, &digest, &params, &prepared))
	return recorded{version, hex.EncodeToString(digest), string(params), string(prepared)}
}

// insertRecorded inserts an entry whose first attempt got no response.
func insertRecorded(t *testing.T, db *sql.DB, dialect journal.Dialect, row recorded) {
	t.Helper()
	blob := func(b []byte) string { return "'\\x" + hex.EncodeToString(b) + "'" }
	if dialect != journal.PostgreSQL {
		blob = func(b []byte) string { return "x'" + hex.EncodeToString(b) + "'" }
	}
	digest, err := hex.DecodeString(row.Digest)
	require.NoError(t, err)
	for _, statement := range []string{
		`INSERT INTO journal_entries (flow, reference, digest, digest_version, state, standing, resume, owed, step, lane, due_at, holder, fence,
			knocks, tries, attempts, opened, looks, contested, approved, resend, since_at, created_at, changed_at, first_sent_at, sent_at, asked_at)
			VALUES ('pay', '` + providerReference + `', ` + blob(digest) + `, ` + fmt.Sprint(max(1, row.Version)) + `, 'sending', '', '', '', 0, 0, 1, '', 3, 0, 0, 1, 1, 0, 0, 0, 0, ` +
			strings.Repeat(fmt.Sprint(time.Now().UnixMicro())+", ", 5) + `0)`,
		`INSERT INTO journal_details (entry, amount, currency, params, prepared, value, note)
			SELECT id, '1', 'RWF', ` + blob([]byte(row.Params)) + `, ` + blob([]byte(row.Prepared)) + `, ` + blob(nil) + `, '' FROM journal_entries`,
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
}

// TestJournalPlanKnowsWhoIsPaid: a corrected detail of a recipient under the same reference
// is refused, and never left unused in silence. An entry with the first digest, which knew
// bank accounts only, is compared by what is stored of it.
func TestJournalPlanKnowsWhoIsPaid(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		newMerchant(t, db, dialect, newBank(sdk.Once))
		rows := map[string]recorded{}
		data, err := os.ReadFile(recordedRows[0])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &rows))
		for name, change := range map[string]func(*bitpesa.PayoutDetails){
			"bank account":    func(d *bitpesa.PayoutDetails) { d.BankAccount = "1234567891" },
			"PIX key":         func(d *bitpesa.PayoutDetails) { d.PIXKeyValue = "jane@example.com" },
			"sort code":       func(d *bitpesa.PayoutDetails) { d.SortCode = "200000" },
			"BIC":             func(d *bitpesa.PayoutDetails) { d.BIC = "AAAABBCC" },
			"SWIFT code":      func(d *bitpesa.PayoutDetails) { d.SwiftCode = "AAAABBCC" },
			"branch code":     func(d *bitpesa.PayoutDetails) { d.BranchCode = "1" },
			"routing number":  func(d *bitpesa.PayoutDetails) { d.RoutingNumber = "026009593" },
			"mobile provider": func(d *bitpesa.PayoutDetails) { d.MobileProvider = "mtn" },
			"cash provider":   func(d *bitpesa.PayoutDetails) { d.CashProvider = "wari" },
			"identity card":   func(d *bitpesa.PayoutDetails) { d.IdentityCardID = "AB1" },
			"middle name":     func(d *bitpesa.PayoutDetails) { d.MiddleName = "M." },
			"in Extra":        func(d *bitpesa.PayoutDetails) { d.Extra = map[string]any{"ruc": 7} },
		} {
			for _, version := range []int{1, 2} {
				clear(t, db)
				j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
				require.NoError(t, err)
				flow := journal.BitPesa(j, "pay", bitpesaClient(bitpesatest.New(bitpesatest.Config{}), func(next http.RoundTripper) http.RoundTripper { return next }), nil)
				if version == 1 {
					insertRecorded(t, db, dialect, rows["bitpesa"])
				}
				other := transactionParams(providerReference)
				other.Recipients[0].PayoutMethod.Details.Narration = "another text is the same payout"
				tx, err := db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				require.NoError(t, flow.Plan(t.Context(), tx, transactionParams(providerReference)))
				require.NoError(t, flow.Plan(t.Context(), tx, other))
				change(&other.Recipients[0].PayoutMethod.Details)
				require.ErrorIs(t, flow.Plan(t.Context(), tx, other), journal.ErrReferenceTaken, "%s, digest %d", name, version)
				require.NoError(t, tx.Commit())
				// Of what is purged nothing but the digest is left.
				_, err = db.ExecContext(t.Context(), `DELETE FROM journal_details`)
				require.NoError(t, err)
				tx, err = db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				require.NoError(t, flow.Plan(t.Context(), tx, transactionParams(providerReference)))
				require.NoError(t, tx.Rollback())
			}
		}
	})
}

// laterStatus is KPay after it has changed its mind about a payment.
type laterStatus struct {
	*kpay.Client
	status *kpay.Code
}

func (c laterStatus) Find(ctx context.Context, refID string) (*kpay.Payment, error) {
	p, err := c.Client.Find(ctx, refID)
	if err == nil && *c.status != "" {
		p.Status = *c.status
	}
	return p, err
}

// TestJournalWatchesKPay: KPay has no list to compare with, so that a payment which it
// corrects after its end is found without a callback. That ends after some days.
func TestJournalWatchesKPay(t *testing.T) {
	for _, test := range []struct {
		ended, then kpay.Code
		after       time.Duration
		told        []string
	}{
		{"682", kpay.CodePaid, 0, []string{"pending", "failed", "corrected"}},
		{kpay.CodePaid, kpay.CodeFailed, 0, []string{"pending", "succeeded", "reversed"}},
		{"682", kpay.CodePaid, 16 * 24 * time.Hour, []string{"pending", "failed"}},
	} {
		db := openImmediate(t)
		m := newMerchant(t, db, journal.SQLite, newBank(sdk.Once))
		j, err := journal.Open(t.Context(), db, journal.SQLite, journal.Config{})
		require.NoError(t, err)
		m.j = j
		srv, shown := kpaytest.New(kpaytest.Config{}), kpay.Code("")
		cfg := srv.ClientConfig()
		cfg.CallbackURL = callback
		client, err := kpay.New(cfg)
		require.NoError(t, err)
		flow := journal.KPay(j, "pay", laterStatus{client, &shown}, tell[kpay.Payment]())
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, flow.Plan(t.Context(), tx, kpayParams(providerReference)))
		require.NoError(t, tx.Commit())
		m.work(0)
		require.NoError(t, srv.MovePayment(providerReference, test.ended))
		m.work(time.Minute)
		require.Equal(t, journal.StateFinal, m.entry(providerReference).State, m.history(providerReference))
		for waited := time.Duration(0); waited < test.after; waited += 12 * time.Hour {
			m.work(12 * time.Hour)
		}
		shown = test.then
		m.again(20, 3*time.Hour)
		require.Equal(t, test.told, changes(t, db, providerReference))
	}
}

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
		require.ErrorContains(t, collect.Plan(t.Context(), nil, withURL), "callback_url: must be empty")
		require.ErrorContains(t, pay.Plan(t.Context(), nil, withURL2), "callback_url: must be empty")
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
