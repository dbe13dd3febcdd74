package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// TestJournalCompare holds the journal against the providers' own lists.
func TestJournalCompare(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		plain := func(next http.RoundTripper) http.RoundTripper { return next }
		srv, company := newKapiten()
		payouts := bitpesatest.New(bitpesatest.Config{Options: fake.Options{Start: time.Now()}})
		momo := kotanitest.New(kotanitest.Config{UniqueExternalID: true, Options: fake.Options{Start: time.Now()}})
		kotaniClient, err := kotani.New(momo.ClientConfig())
		require.NoError(t, err)
		client, transfers := kapitenClient(srv, company, plain), bitpesaClient(payouts, plain)
		rides := journal.KapitenRides(j, "rides", client, company.ID, nil)
		topUps := journal.KapitenTopUp(j, "top-ups", client, company.ID, nil)
		pays := journal.BitPesa(j, "bitpesa", transfers, nil)
		withdraws := journal.KotaniWithdraw(j, "withdraws", kotaniClient, nil)
		none := journal.KotaniClaim(j, "none", kotaniClient, nil)
		topUp := func(reference string) kapiten.TopUpParams {
			return kapiten.TopUpParams{Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: reference, CompanyID: company.ID}
		}
		withdraw := func(reference string) kotani.WithdrawParams {
			return kotani.WithdrawParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: reference}
		}
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		for _, reference := range []string{"a", "b"} {
			require.NoError(t, rides.Plan(t.Context(), tx, rideParams(reference)))
			require.NoError(t, topUps.Plan(t.Context(), tx, topUp(reference)))
			require.NoError(t, pays.Plan(t.Context(), tx, transactionParams(reference)))
			require.NoError(t, withdraws.Plan(t.Context(), tx, withdraw(reference)))
		}
		require.NoError(t, tx.Commit())
		window := journal.Window{From: time.Now().Add(-10 * time.Minute), To: time.Now().Add(10 * time.Minute)}
		for range 8 {
			_, err := j.Work(t.Context())
			require.NoError(t, err)
			srv.Advance(5 * time.Second)
			payouts.Advance(30 * time.Second)
			momo.Advance(10 * time.Second)
			_, err = db.ExecContext(t.Context(), `UPDATE journal_entries SET due_at = 1 WHERE due_at IS NOT NULL`)
			require.NoError(t, err)
		}
		found := func(list iter.Seq2[journal.Mismatch, error]) (all []string) {
			for m, err := range list {
				require.NoError(t, err)
				all = append(all, string(m.What)+" "+m.Reference)
			}
			slices.Sort(all)
			return all
		}
		require.Empty(t, found(rides.Compare(t.Context(), window)))
		require.Empty(t, found(topUps.Compare(t.Context(), window)))
		require.Empty(t, found(pays.Compare(t.Context(), window)))
		require.Empty(t, found(withdraws.Compare(t.Context(), window)))

		// Each kind of difference.
		extra := rideParams("c")
		extra.CompanyID = company.ID
		_, err1 := client.Rides.Create(t.Context(), extra)
		_, err2 := client.Wallet.TopUp(t.Context(), topUp("c"))
		_, err3 := transfers.Transactions.Create(t.Context(), transactionParams("c"))
		_, err4 := kotaniClient.Fiat.Withdraw(t.Context(), withdraw("c"))
		must(err1, err2, err3, err4)
		for _, statement := range []string{
			`UPDATE journal_details SET amount = '1' WHERE entry IN (SELECT id FROM journal_entries WHERE reference = 'a')`,
			`UPDATE journal_entries SET standing = 'failed' WHERE reference = 'b'`,
			`INSERT INTO journal_entries (` + allColumns + `) SELECT ` + strings.Replace(allColumns, "reference", "'lost'", 1) + ` FROM journal_entries WHERE reference = 'a'`,
		} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		want := []string{"amount-differs a", "extra c", "missing lost", "status-differs b"}
		require.Equal(t, want[1:], found(rides.Compare(t.Context(), window)), "a list of rides shows no money")
		require.Equal(t, want, found(topUps.Compare(t.Context(), window)))
		require.Equal(t, want, found(pays.Compare(t.Context(), window)))
		require.Equal(t, want, found(withdraws.Compare(t.Context(), window)))
		// More rows than Kotani lists by itself. A list that tells of yet more is not whole.
		for i := range 60 {
			_, err := kotaniClient.Fiat.Withdraw(t.Context(), withdraw("more-"+strconv.Itoa(i)))
			require.NoError(t, err)
		}
		all := found(withdraws.Compare(t.Context(), window))
		require.Len(t, all, len(want)+60)
		for _, mismatch := range want {
			require.Contains(t, all, mismatch)
		}
		cut := momo.ClientConfig()
		inner := cut.HTTPClient.Transport
		cut.HTTPClient = &http.Client{Transport: rewriting(func(r *http.Request) (*http.Response, error) {
			response, err := inner.RoundTrip(r)
			if err == nil && r.URL.Query().Has("transactionType") {
				response.Body, response.ContentLength = io.NopCloser(strings.NewReader(`{"result":[],"total":62}`)), -1
			}
			return response, err
		})}
		cutClient, err := kotani.New(cut)
		require.NoError(t, err)
		j2, err := journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		told := 0
		for m, err := range journal.KotaniWithdraw(j2, "withdraws", cutClient, nil).Compare(t.Context(), window) {
			told++
			require.ErrorContains(t, err, "not whole", m)
		}
		require.Equal(t, 1, told)
		for _, err := range none.Compare(t.Context(), window) {
			require.ErrorIs(t, err, journal.ErrNotPossible)
		}
		for _, err := range pays.Compare(canceled(t), window) {
			require.Error(t, err)
		}
		for range pays.Compare(t.Context(), window) {
			break // nothing more is asked for
		}
	})
}

// TestJournalCompareShowsASecondRow holds two rows of a provider against one entry.
func TestJournalCompareShowsASecondRow(t *testing.T) {
	c := newComparing(t)
	rides := journal.KapitenRides(c.j, "rides", c.kapiten, c.company.ID, nil)
	topUps := journal.KapitenTopUp(c.j, "top-ups", c.kapiten, c.company.ID, nil)
	topUp := kapiten.TopUpParams{Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: "a", CompanyID: c.company.ID}
	scripted := c.scripted(&[]journal.Row{
		{Reference: "a", ID: "1", Standing: journal.Succeeded}, {Reference: "a", ID: "1", Standing: journal.Succeeded},
		{Reference: "a", Standing: journal.Succeeded}, {Reference: "b", Standing: journal.Succeeded},
		{Reference: "b", Standing: journal.Succeeded}, {Reference: "b", ID: "2", Standing: journal.Succeeded},
	})
	c.plan(func(tx journal.Tx) error {
		return errors.Join(rides.Plan(t.Context(), tx, rideParams("a")), topUps.Plan(t.Context(), tx, topUp))
	})
	window := around(0, 10*time.Minute)
	require.Empty(t, mismatches(t, rides.Compare(t.Context(), window)))
	require.Empty(t, mismatches(t, topUps.Compare(t.Context(), window)))
	again := rideParams("a")
	again.CompanyID = c.company.ID
	_, err1 := c.kapiten.Rides.Create(t.Context(), again)
	_, err2 := c.kapiten.Wallet.TopUp(t.Context(), topUp)
	must(err1, err2)
	c.advance(time.Minute)
	require.Equal(t, []string{"extra a: a second under this reference"}, mismatches(t, rides.Compare(t.Context(), window)))
	require.Equal(t, []string{"extra a: a second under this reference"}, mismatches(t, topUps.Compare(t.Context(), window)))

	// A row that a moving list shows again is no second. Two rows without an id may be the same.
	c.paid("a", "b")
	require.Empty(t, mismatches(t, scripted.Compare(t.Context(), window)))
}

// TestJournalCompareCallsNoFalseDifference has both sides of each rule.
func TestJournalCompareCallsNoFalseDifference(t *testing.T) {
	window := around(0, 10*time.Minute)
	withdrawal := func(reference string) kotani.WithdrawParams {
		return kotani.WithdrawParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: reference}
	}
	t.Run("a list that begins with its oldest rows", func(t *testing.T) {
		const older = 240
		for _, test := range []struct {
			name  string
			pages int // of 20
			step  time.Duration
			turn  bool
		}{
			{"newest first", 6, time.Minute, false},
			{"oldest first", 13, time.Minute, true},
			{"of one time, and then the newest", 13, 0, true},
		} {
			t.Run(test.name, func(t *testing.T) {
				c := newComparing(t)
				c.paid("a")
				c.exec(`UPDATE journal_entries SET flow = 'rides'`)
				row := func(reference string, at time.Time) string {
					return `{"id":"` + reference + `","external_id":"` + reference + `","status":"COMPLETED","created_at":"` + at.UTC().Format(time.RFC3339) + `"}`
				}
				list := []string{row("a", time.Now())}
				for i := range older {
					list = append(list, row("old-"+strconv.Itoa(i), time.Now().Add(-48*time.Hour-time.Duration(i)*test.step)))
				}
				if test.turn {
					slices.Reverse(list)
				}
				pages := 0
				cfg := c.rides.ClientConfig(c.company)
				cfg.HTTPClient = &http.Client{Transport: rewriting(func(r *http.Request) (*http.Response, error) {
					next := "null"
					if pages++; pages*20 < len(list) {
						next = `"https://kapiten.example/?page=` + strconv.Itoa(pages+1) + `"`
					}
					body := `{"count":` + strconv.Itoa(len(list)) + `,"next":` + next + `,"previous":null,"results":[` + strings.Join(list[(pages-1)*20:min(pages*20, len(list))], ",") + `]}`
					return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
				})}
				client, err := kapiten.New(cfg)
				require.NoError(t, err)
				require.Empty(t, mismatches(t, journal.KapitenRides(c.j, "rides", client, c.company.ID, nil).Compare(t.Context(), window)))
				require.Equal(t, test.pages, pages)
			})
		}
	})
	t.Run("a list of Kotani's in any order", func(t *testing.T) {
		c := newComparing(t)
		c.momo = kotanitest.New(kotanitest.Config{UniqueExternalID: true, Options: fake.Options{Start: time.Now().Add(-48 * time.Hour)}})
		cfg := c.momo.ClientConfig()
		inner := cfg.HTTPClient.Transport
		cfg.HTTPClient = &http.Client{Transport: rewriting(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Has("transactionType") {
				r = r.Clone(r.Context())
				r.URL.RawQuery += "&orderBy=asc"
			}
			return inner.RoundTrip(r)
		})}
		client, err := kotani.New(cfg)
		require.NoError(t, err)
		for i := range 120 {
			_, err := client.Fiat.Withdraw(t.Context(), withdrawal("old-"+strconv.Itoa(i)))
			require.NoError(t, err)
		}
		c.momo.Advance(48 * time.Hour)
		withdraws := journal.KotaniWithdraw(c.j, "withdraws", client, nil)
		c.plan(func(tx journal.Tx) error { return withdraws.Plan(t.Context(), tx, withdrawal("a")) })
		require.Empty(t, mismatches(t, withdraws.Compare(t.Context(), window)))
		c.exec(`UPDATE journal_entries SET reference = 'lost'`)
		require.Equal(t, []string{"extra a", "missing lost"}, mismatches(t, withdraws.Compare(t.Context(), window)))
	})
	t.Run("an entry that failed may be in no list", func(t *testing.T) {
		c := newComparing(t)
		pays := c.scripted(new([]journal.Row))
		c.paid("a", "b", "c")
		c.exec(`UPDATE journal_entries SET standing = 'failed' WHERE reference = 'a'`)
		c.exec(`UPDATE journal_entries SET standing = 'reversed' WHERE reference = 'b'`)
		require.Equal(t, []string{"missing b", "missing c"}, mismatches(t, pays.Compare(t.Context(), window)))
	})
	t.Run("a top-up that failed shows a reason", func(t *testing.T) {
		c := newComparing(t)
		topUps := journal.KapitenTopUp(c.j, "top-ups", c.kapiten, c.company.ID, nil)
		topUp := func(reference string) kapiten.TopUpParams {
			return kapiten.TopUpParams{Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: reference, CompanyID: c.company.ID}
		}
		references := []string{"a", "a: b", "c: d: e"}
		tx, err := c.db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		for _, reference := range references {
			require.NoError(t, topUps.Plan(t.Context(), tx, topUp(reference)))
		}
		require.NoError(t, tx.Commit())
		_, err = c.j.Work(t.Context())
		require.NoError(t, err)
		fail := func() {
			for _, transaction := range c.rides.Transactions(c.company.ID) {
				if transaction.Status == kapiten.TransactionPending {
					require.NoError(t, c.rides.MoveTopUp(transaction.ID, kapiten.TransactionFailed, "the payer: said no"))
				}
			}
		}
		fail()
		c.settle()
		require.Empty(t, mismatches(t, topUps.Compare(t.Context(), window)))
		c.exec(`UPDATE journal_entries SET standing = 'succeeded' WHERE reference = 'a: b'`)
		require.Equal(t, []string{"status-differs a: b"}, mismatches(t, topUps.Compare(t.Context(), window)))
		// An entry that nobody has made, and a deposit that did not fail.
		_, err = c.kapiten.Wallet.TopUp(t.Context(), topUp("x"))
		require.NoError(t, err)
		fail()
		_, err = c.kapiten.Wallet.TopUp(t.Context(), topUp("a: z"))
		require.NoError(t, err)
		require.Equal(t, []string{"extra a: z", "extra x: the payer: said no", "status-differs a: b"}, mismatches(t, topUps.Compare(t.Context(), window)))
	})
	t.Run("another flow of the account", func(t *testing.T) {
		c := newComparing(t)
		withdraws := journal.KotaniWithdraw(c.j, "withdraws", c.kotani, nil)
		banks := journal.KotaniWithdrawToBank(c.j, "banks", c.kotani, nil)
		deposits := journal.KotaniDeposit(c.j, "deposits", c.kotani, nil)
		c.plan(func(tx journal.Tx) error {
			return errors.Join(withdraws.Plan(t.Context(), tx, withdrawal("a")),
				banks.Plan(t.Context(), tx, kotani.BankWithdrawParams{Amount: twenty, AccountNumber: "0123456789", AccountName: "Jane", Bank: kotani.BankEquity, ExternalID: "bank"}),
				deposits.Plan(t.Context(), tx, kotani.DepositParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: "deposit"}))
		})
		require.Empty(t, mismatches(t, withdraws.Compare(t.Context(), window)))
		require.Empty(t, mismatches(t, banks.Compare(t.Context(), window)))
		require.Empty(t, mismatches(t, deposits.Compare(t.Context(), window)))
		_, err := c.kotani.Fiat.Withdraw(t.Context(), withdrawal("deposit")) // no flow of withdrawals has it
		require.NoError(t, err)
		require.Equal(t, []string{"extra deposit"}, mismatches(t, withdraws.Compare(t.Context(), window)))
		require.Equal(t, []string{"extra deposit"}, mismatches(t, banks.Compare(t.Context(), window)))
	})
	t.Run("an entry and its row outside of the window", func(t *testing.T) {
		c := newComparing(t)
		rows := []journal.Row{{Reference: "a", ID: "1", Standing: journal.Succeeded, At: time.Now()}, {Reference: "b", ID: "2", Standing: journal.Succeeded}}
		pays := c.scripted(&rows)
		c.paid("a", "b")
		c.exec(`UPDATE journal_entries SET standing = 'failed'`)
		require.Equal(t, []string{"status-differs a", "status-differs b"}, mismatches(t, pays.Compare(t.Context(), window)))
		before := around(time.Hour, 30*time.Minute)
		require.Empty(t, mismatches(t, pays.Compare(t.Context(), before)))
		rows[0].At = time.Now().Add(-time.Hour)
		require.Equal(t, []string{"status-differs a"}, mismatches(t, pays.Compare(t.Context(), before)), "its row is in the window")
		require.Equal(t, []string{"status-differs a", "status-differs b"}, mismatches(t, pays.Compare(t.Context(), window)), "the entry is in the window")
	})
	t.Run("rows without an id", func(t *testing.T) {
		c := newComparing(t)
		pays := c.scripted(&[]journal.Row{{Reference: "x"}, {Reference: "y"}, {Reference: "x"}})
		require.Equal(t, []string{"extra x", "extra y"}, mismatches(t, pays.Compare(t.Context(), window)))
	})
}

// comparing is a journal beside Kapiten's and Kotani's fakes.
type comparing struct {
	t       *testing.T
	db      *sql.DB
	m       *merchant
	j       *journal.Journal
	kapiten *kapiten.Client
	kotani  *kotani.Client
	company kapitentest.Company
	rides   *kapitentest.Fake
	momo    *kotanitest.Fake
}

func newComparing(t *testing.T) *comparing {
	c := &comparing{t: t, db: openImmediate(t)}
	c.m = newMerchant(t, c.db, journal.SQLite, newBank(sdk.Searched))
	var err error
	c.j, err = journal.Open(t.Context(), c.db, journal.SQLite, journal.Config{})
	require.NoError(t, err)
	srv, company := newKapiten()
	c.rides, c.company = srv, company
	c.kapiten = kapitenClient(srv, company, func(next http.RoundTripper) http.RoundTripper { return next })
	c.momo = kotanitest.New(kotanitest.Config{UniqueExternalID: true, Options: fake.Options{Start: time.Now()}})
	c.kotani, err = kotani.New(c.momo.ClientConfig())
	require.NoError(t, err)
	return c
}

func (c *comparing) advance(by time.Duration) {
	c.rides.Advance(by)
	c.momo.Advance(by)
}

// plan commits, and works until all is final.
func (c *comparing) plan(plan func(journal.Tx) error) {
	tx, err := c.db.BeginTx(c.t.Context(), nil)
	require.NoError(c.t, err)
	require.NoError(c.t, plan(tx))
	require.NoError(c.t, tx.Commit())
	c.settle()
}

func (c *comparing) settle() {
	for range 8 {
		_, err := c.j.Work(c.t.Context())
		require.NoError(c.t, err)
		c.advance(10 * time.Second)
		c.exec(`UPDATE journal_entries SET due_at = 1 WHERE due_at IS NOT NULL`)
	}
}

func (c *comparing) exec(statement string) {
	_, err := c.db.ExecContext(c.t.Context(), statement)
	require.NoError(c.t, err)
}

// scripted is the bank's flow with a list.
func (c *comparing) scripted(rows *[]journal.Row) *journal.Flow[order, receipt] {
	p := c.m.bank.provider()
	p.Ledger = func(context.Context, journal.Window) iter.Seq2[journal.Row, error] {
		return func(yield func(journal.Row, error) bool) {
			for _, row := range *rows {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
	return journal.New(c.j, "pay", p, nil)
}

// paid makes entries of the bank's flow that are final.
func (c *comparing) paid(references ...string) {
	for _, reference := range references {
		c.m.mustPlan(reference)
		c.m.work(0)
		c.m.bank.set(reference, "paid")
	}
	c.m.again(2, time.Minute)
}

// around is a window in the middle of which lies a time some time ago.
func around(ago, half time.Duration) journal.Window {
	middle := time.Now().Add(-ago)
	return journal.Window{From: middle.Add(-half), To: middle.Add(half)}
}

// mismatches lists differences, and the notes of those whose entry is known and extra.
func mismatches(t *testing.T, list iter.Seq2[journal.Mismatch, error]) (all []string) {
	for m, err := range list {
		require.NoError(t, err)
		text := string(m.What) + " " + m.Reference
		if m.What == journal.Extra && m.Entry != nil {
			text += ": " + m.Note
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

type rewriting func(*http.Request) (*http.Response, error)

func (f rewriting) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

const allColumns = `flow, reference, digest, digest_version, state, standing, resume, owed, step, lane, due_at, holder, fence,
	knocks, tries, attempts, opened, looks, contested, approved, resend, since_at, created_at, changed_at, first_sent_at, sent_at, asked_at`
