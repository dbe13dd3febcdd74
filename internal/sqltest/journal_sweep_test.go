package sqltest

import (
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// asked counts requests by method and path.
type asked struct {
	next http.RoundTripper
	n    map[string]int
}

func (a asked) RoundTrip(r *http.Request) (*http.Response, error) {
	a.n[r.Method+" "+r.URL.Path]++
	return a.next.RoundTrip(r)
}

// TestJournalOneSweepForAllRides: however many rides are open, one sweep answers for all
// that are due, and it ends at the rides that were there before.
func TestJournalOneSweepForAllRides(t *testing.T) {
	const open = 50
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		srv, company := newKapiten()
		require.NoError(t, srv.Deposit(company.ID, decimal.NewFromInt(10_000_000)))
		plain := kapitenClient(srv, company, func(next http.RoundTripper) http.RoundTripper { return next })
		for i := range 100 { // pages that nobody need read again
			old := rideParams(fmt.Sprint("old-", i))
			old.CompanyID = company.ID
			_, err := plain.Rides.Create(t.Context(), old)
			require.NoError(t, err)
		}
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{Workers: 2})
		require.NoError(t, err)
		counts := map[string]int{}
		flow := journal.KapitenRides(j, "pay", kapitenClient(srv, company, func(next http.RoundTripper) http.RoundTripper { return asked{next, counts} }), company.ID, nil)
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		for i := range open {
			require.NoError(t, flow.Plan(t.Context(), tx, rideParams(fmt.Sprint("new-", i))))
		}
		require.NoError(t, tx.Commit())
		_, err = j.Work(t.Context())
		require.NoError(t, err)
		require.Equal(t, open, counts["POST /api/rides/"])
		maps.DeleteFunc(counts, func(string, int) bool { return true })
		pass(t, db, time.Minute)
		_, err = j.Work(t.Context())
		require.NoError(t, err)
		list := counts["GET /api/companies/"+company.ID+"/rides/"]
		require.Positive(t, list)
		require.LessOrEqual(t, list, open/20+1, "the pages of the new rides, and the page with what was there before")
		srv.Advance(time.Minute)
		pass(t, db, time.Hour)
		_, err = j.Work(t.Context())
		require.NoError(t, err)
		m := &merchant{t: t, db: db, j: j}
		for i := range open {
			require.Equal(t, journal.Succeeded, m.entry(fmt.Sprint("new-", i)).Standing)
		}
	})
}

// TestJournalRideThatWasThere: a ride which has the external id before the first attempt
// is another request.
func TestJournalRideThatWasThere(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		srv, company := newKapiten()
		client := kapitenClient(srv, company, func(next http.RoundTripper) http.RoundTripper { return next })
		there := rideParams("a")
		there.CompanyID = company.ID
		_, err := client.Rides.Create(t.Context(), there)
		require.NoError(t, err)
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		flow := journal.KapitenRides(j, "pay", client, company.ID, nil)
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, flow.Plan(t.Context(), tx, rideParams("a")))
		elsewhere := rideParams("b")
		elsewhere.CompanyID = "another"
		require.ErrorContains(t, flow.Plan(t.Context(), tx, elsewhere), "another company")
		require.NoError(t, tx.Commit())
		_, err = j.Work(t.Context())
		require.NoError(t, err)
		m := &merchant{t: t, db: db, j: j}
		require.Equal(t, journal.ReasonTaken, m.entry("a").Reason, m.history("a"))
		require.Len(t, srv.Rides(company.ID), 1)
	})
}

// TestJournalQuotes: a quote beyond the limits sends nothing, a new quote is asked for
// each time, and nothing is sent after FlowConfig.SendWithin.
func TestJournalQuotes(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		srv := kotanitest.New(kotanitest.Config{FiatConnect: kotanitest.FiatConnectConfig{KYCNotRequired: true}})
		counts := map[string]int{}
		cfg := srv.ClientConfig()
		cfg.FiatConnect.Signer, cfg.FiatConnect.APIKey = kotanitest.NewSigner("shop"), srv.FiatConnect.AddClient("http://127.0.0.1:1/nobody").APIKey
		cfg.HTTPClient = &http.Client{Transport: asked{cfg.HTTPClient.Transport, counts}}
		client, err := kotani.New(cfg)
		require.NoError(t, err)
		account, err := client.FiatConnect.AddAccount(t.Context(), fiatAccount)
		require.NoError(t, err)
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		deposits := journal.KotaniDepositQuoted(j, "deposits", client, nil)
		in := journal.FiatConnectIn(j, "in", client.FiatConnect, nil)
		out := journal.FiatConnectOut(j, "out", client.FiatConnect, nil)
		one, many := decimal.NewFromInt(1), decimal.NewFromInt(1_000_000)
		deposit := func(reference string, limits journal.QuoteLimits) journal.KotaniQuotedDeposit {
			return journal.KotaniQuotedDeposit{PhoneNumber: kenyan, ExternalID: reference, Limits: limits,
				Quote: kotani.QuoteParams{Amount: decimal.NewFromInt(1000), Currency: "KES", CryptoType: "cUSD"}}
		}
		transfer := func(reference string, limits journal.QuoteLimits, q kotani.TransferQuoteParams) journal.FiatConnectTransfer {
			q.FiatType, q.CryptoType, q.Country = kotani.FiatKES, kotani.CryptoCUSD, "KE"
			return journal.FiatConnectTransfer{Reference: reference, FiatAccountID: account.ID, Limits: limits, Quote: q}
		}
		fiat, coins := kotani.TransferQuoteParams{FiatAmount: decimal.NewFromInt(2500)}, kotani.TransferQuoteParams{CryptoAmount: decimal.NewFromInt(25)}
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		for name, limits := range map[string]journal.QuoteLimits{
			"good": {LeastReceived: one, MostPaid: many}, "too-little": {LeastReceived: many}, "too-much": {MostPaid: one}, "no-limits": {},
		} {
			require.NoError(t, deposits.Plan(t.Context(), tx, deposit(name, limits)))
			require.NoError(t, in.Plan(t.Context(), tx, transfer(name, limits, fiat)))
			require.NoError(t, out.Plan(t.Context(), tx, transfer(name+"-out", limits, coins)))
		}
		require.NoError(t, tx.Commit())
		for range 5 {
			_, err := j.Work(t.Context())
			require.NoError(t, err)
			pass(t, db, 10*time.Minute)
		}
		require.GreaterOrEqual(t, counts["POST /quotes/in"], 8, "each attempt asks anew: %v", counts)
		require.Len(t, srv.Transactions(), 2)
		require.Len(t, srv.FiatConnect.Transfers(), 4)
		pass(t, db, time.Hour)
		_, err = j.Work(t.Context())
		require.NoError(t, err)
		for _, flow := range []string{"deposits", "in", "out"} {
			for name, limit := range map[string]string{"too-little": "LeastReceived", "too-much": "MostPaid"} {
				if flow == "out" {
					name += "-out"
				}
				e, err := j.Find(t.Context(), flow, name)
				require.NoError(t, err)
				require.Equal(t, journal.ReasonNotSent, e.Reason, flow+" "+name)
				records, err := j.History(t.Context(), flow, name)
				require.NoError(t, err)
				require.Contains(t, records[1].Note, limit)
			}
		}
		require.Len(t, srv.Transactions(), 2)
	})
}

// TestJournalReferenceFitsEachProvider: each provider takes what journal.Reference makes,
// and Plan refuses what a provider would refuse.
func TestJournalReferenceFitsEachProvider(t *testing.T) {
	reference := journal.Reference("order-1", "pay")
	db := openImmediate(t)
	for name, flow := range flowWorlds() {
		j, err := journal.Open(t.Context(), db, journal.SQLite, journal.Config{})
		require.NoError(t, err)
		w := flow.world()
		plan := w.process(j, "pay", func(next http.RoundTripper) http.RoundTripper { return next })
		_, err = db.ExecContext(t.Context(), "DELETE FROM journal_entries")
		require.NoError(t, err)
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, plan(t.Context(), tx, providerReference), name)
		require.NoError(t, tx.Rollback())
	}
	srv, company := newKapiten()
	j, err := journal.Open(t.Context(), db, journal.SQLite, journal.Config{})
	require.NoError(t, err)
	plain := func(next http.RoundTripper) http.RoundTripper { return next }
	momo, err := kotani.New(kotanitest.New(kotanitest.Config{}).ClientConfig())
	require.NoError(t, err)
	rides := journal.KapitenRides(j, "rides", kapitenClient(srv, company, plain), company.ID, nil)
	withdraws := journal.KotaniWithdraw(j, "withdraws", momo, nil)
	bills := journal.KotaniPayBill(j, "bills", momo, nil)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	require.NoError(t, rides.Plan(t.Context(), tx, rideParams(reference)))
	require.NoError(t, withdraws.Plan(t.Context(), tx, kotani.WithdrawParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: reference}))
	for name, err := range map[string]error{
		"no external id":  withdraws.Plan(t.Context(), tx, kotani.WithdrawParams{Amount: twenty, PhoneNumber: kenyan, AllowNoExternalID: true}),
		"a slash":         withdraws.Plan(t.Context(), tx, kotani.WithdrawParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: "a/b"}),
		"too long":        withdraws.Plan(t.Context(), tx, kotani.WithdrawParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: strings.Repeat("a", 256)}),
		"no phone":        withdraws.Plan(t.Context(), tx, kotani.WithdrawParams{Amount: twenty, ExternalID: reference}),
		"no pickup":       rides.Plan(t.Context(), tx, kapiten.CreateRideParams{ExternalID: reference}),
		"no name":         bills.Plan(t.Context(), tx, journal.Named[kotani.PayBillParams]{Params: kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: twenty}}),
		"a callback URL":  bills.Plan(t.Context(), tx, journal.Named[kotani.PayBillParams]{Reference: reference, Params: kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: twenty, CallbackURL: "https://shop.example/secret"}}),
		"no such payment": bills.Plan(t.Context(), tx, journal.Named[kotani.PayBillParams]{Reference: reference}),
	} {
		require.Error(t, err, name)
		if name == "no phone" || name == "too long" {
			require.ErrorIs(t, err, sdk.ErrValidation, name)
		}
	}
}

// TestJournalWorkersTakeOnlyTheirFlows: an older and a newer release run side by side.
func TestJournalWorkersTakeOnlyTheirFlows(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		older := newMerchant(t, db, dialect, b)
		newer, err := journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		journal.New(newer, "pay", b.provider(), nil)
		flow := journal.New(newer, "another", b.provider(), nil)
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, flow.Plan(t.Context(), tx, order{Ref: "new", Amount: twenty}))
		require.NoError(t, tx.Commit())
		older.mustPlan("old")
		for range 3 {
			older.work(time.Minute)
		}
		e, err := older.j.Find(t.Context(), "another", "new")
		require.NoError(t, err)
		require.Equal(t, journal.StatePlanned, e.State)
		require.Equal(t, journal.StateFinal, older.entry("old").State)
		for range 3 {
			_, err = newer.Work(t.Context())
			require.NoError(t, err)
			pass(t, db, time.Minute)
		}
		e, err = newer.Find(t.Context(), "another", "new")
		require.NoError(t, err)
		require.Equal(t, journal.StateFinal, e.State)
	})
}

// before calls a function before the first request of a path.
type before struct {
	next http.RoundTripper
	path string
	call func()
}

func (b *before) RoundTrip(r *http.Request) (*http.Response, error) {
	if call := b.call; r.Method == http.MethodPost && r.URL.Path == b.path && call != nil {
		b.call = nil
		call()
	}
	return b.next.RoundTrip(r)
}

// TestJournalBitPesaRefusals: a refused debit of a funded transaction is no end as
// refused: the money has moved. A refused debit without funds is.
func TestJournalBitPesaRefusals(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for name, test := range map[string]struct {
			meanwhile func(*testing.T, *bitpesatest.Fake, *bitpesa.Client)
			path      string
			state     journal.State
			reason    journal.Reason
			debits    int
		}{
			"funded by somebody else": {func(t *testing.T, srv *bitpesatest.Fake, c *bitpesa.Client) {
				_, err := c.Debits.Create(t.Context(), bitpesa.DebitParams{ToID: srv.Transactions(bitpesatest.TestKey)[0].ID})
				require.NoError(t, err)
			}, "/v1/accounts/debits", journal.StateFinal, "", 1},
			"no funds": {func(t *testing.T, srv *bitpesatest.Fake, _ *bitpesa.Client) {
				require.NoError(t, srv.Withdraw(bitpesatest.TestKey, "USD", srv.Balance(bitpesatest.TestKey, "USD")))
			}, "/v1/accounts/debits", journal.StateRefused, "", 0},
			"created by somebody else": {func(t *testing.T, _ *bitpesatest.Fake, c *bitpesa.Client) {
				_, err := c.Transactions.Create(t.Context(), transactionParams(providerReference))
				require.NoError(t, err)
			}, "/v1/transactions", journal.StateStuck, journal.ReasonTaken, 0},
		} {
			t.Run(name, func(t *testing.T) {
				newMerchant(t, db, dialect, newBank(sdk.Once))
				clear(t, db)
				srv := bitpesatest.New(bitpesatest.Config{})
				plain := bitpesaClient(srv, func(next http.RoundTripper) http.RoundTripper { return next })
				j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
				require.NoError(t, err)
				flow := journal.BitPesa(j, "pay", bitpesaClient(srv, func(next http.RoundTripper) http.RoundTripper {
					return &before{next, test.path, func() { test.meanwhile(t, srv, plain) }}
				}), nil)
				tx, err := db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				require.NoError(t, flow.Plan(t.Context(), tx, transactionParams(providerReference)))
				require.NoError(t, tx.Commit())
				m := &merchant{t: t, db: db, j: j}
				for range 6 {
					m.work(time.Minute)
					srv.Advance(time.Minute)
				}
				e := m.entry(providerReference)
				require.Equal(t, test.state, e.State, m.history(providerReference))
				require.Equal(t, test.reason, e.Reason)
				require.Len(t, srv.Debits(providerReference), test.debits)
			})
		}
	})
}

// TestJournalLimitCountsRides: a loop gone wrong stops at the limit, also where the price
// is not known before.
func TestJournalLimitCountsRides(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		srv, company := newKapiten()
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{Flows: map[string]journal.FlowConfig{
			"pay": {Limit: journal.Limit{PerWindow: decimal.NewFromInt(2)}},
		}})
		require.NoError(t, err)
		flow := journal.KapitenRides(j, "pay", kapitenClient(srv, company, func(next http.RoundTripper) http.RoundTripper { return next }), company.ID, nil)
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		for i := range 5 {
			require.NoError(t, flow.Plan(t.Context(), tx, rideParams(fmt.Sprint("new-", i))))
		}
		require.NoError(t, tx.Commit())
		_, err = j.Work(t.Context())
		require.NoError(t, err)
		require.Len(t, srv.Rides(company.ID), 2)
		stuck, err := j.List(t.Context(), journal.Filter{State: journal.StateStuck})
		require.NoError(t, err)
		require.Len(t, stuck, 3)
		require.Equal(t, journal.ReasonLimit, stuck[0].Reason)
	})
}
