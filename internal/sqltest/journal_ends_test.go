package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// deferred creates a table of the merchant whose constraint fails at COMMIT.
func deferred(t *testing.T, db *sql.DB) (violate string) {
	t.Helper()
	for _, statement := range []string{`CREATE TABLE account (id integer PRIMARY KEY)`, `CREATE TABLE posting (account integer REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED)`} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	return `INSERT INTO posting VALUES (7)`
}

// onDeferrable runs a test where constraints can wait for COMMIT.
func onDeferrable(t *testing.T, test func(t *testing.T, db *sql.DB, dialect journal.Dialect)) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		switch dialect {
		case journal.MySQL:
			return // has no deferred constraints
		case journal.SQLite:
			checked, err := sql.Open("sqlite", dsnOf(t, db, dialect)+"&_pragma=foreign_keys(1)")
			require.NoError(t, err)
			closeLater(t, checked)
			db = checked
		}
		test(t, db, dialect)
	})
}

// TestJournalFuncFailsAtCommit: what a func writes may be refused at COMMIT alone. The
// response is kept, only the func is tried again, and then a person is told.
func TestJournalFuncFailsAtCommit(t *testing.T) {
	onDeferrable(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		violate, calls := deferred(t, db), 0
		m := newMerchant(t, db, dialect, newBank(sdk.Once))
		m.also = func(ctx context.Context, tx journal.Tx, _ string) {
			calls++
			_, err := tx.ExecContext(ctx, violate)
			require.NoError(t, err)
		}
		m.mustPlan("a")
		m.work(0)
		e := m.entry("a")
		require.Equal(t, []any{journal.StateOpen, journal.Pending}, []any{e.State, e.Owed}, "%v", m.history("a"))
		for range 12 {
			m.work(10 * time.Minute)
		}
		e = m.entry("a")
		require.Equal(t, []any{journal.StateStuck, journal.ReasonFunc, journal.Pending}, []any{e.State, e.Reason, e.Owed}, "%v", m.history("a"))
		require.Equal(t, 10, calls)
		require.Equal(t, 1, m.bank.sends["a"])
		require.Empty(t, m.changes("a"))
		require.Len(t, m.stuck, 1)

		m.also = nil
		require.NoError(t, m.act("a", journal.Retry))
		m.again(3, time.Hour)
		require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"))
	})
}

// TestJournalFuncFailsAtCommitOfABatch: the others of the batch are recorded.
func TestJournalFuncFailsAtCommitOfABatch(t *testing.T) {
	onDeferrable(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		const all = 8
		violate := deferred(t, db)
		m, runBatch := newBatch(t, db, dialect, all)
		m.also = func(ctx context.Context, tx journal.Tx, reference string) {
			if reference == "a-3" {
				_, _ = tx.ExecContext(ctx, violate)
			}
		}
		runBatch()
		for i := range all {
			reference := fmt.Sprint("a-", i)
			require.Equal(t, 1, m.bank.sends[reference])
			require.Equal(t, i == 3, m.entry(reference).Owed != "", reference)
			require.Equal(t, i == 3, len(m.changes(reference)) == 0, reference)
		}
	})
}

// TestJournalFuncLosesItsTransactionAndTheLease: after a func has lost its transaction,
// somebody else may act on the entry, and moves its fence as the lost record did.
func TestJournalFuncLosesItsTransactionAndTheLease(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for _, holder := range []string{"another worker", ""} { // a person leaves no holder
			clear(t, db)
			for _, statement := range []string{`DROP TABLE IF EXISTS crossing`, `CREATE TABLE crossing (id int PRIMARY KEY, n int)`, `INSERT INTO crossing VALUES (1, 0), (2, 0)`} {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
			m := newMerchant(t, db, dialect, newBank(sdk.Once))
			m.mustPlan("a")
			m.again(2, time.Minute)
			require.Equal(t, []string{"pending"}, m.changes("a"))
			lost := false
			m.also = func(ctx context.Context, tx journal.Tx, reference string) {
				if lost {
					return
				}
				lost = true
				if endTransaction(ctx, t, db, dialect, tx) == nil {
					t.Error("the statement failed")
				}
				if _, err := db.ExecContext(ctx, `UPDATE journal_entries SET fence = fence + 1, holder = '`+holder+`'`); err != nil {
					t.Error(err)
				}
				if dialect != journal.SQLite { // which keeps it
					_, _ = tx.ExecContext(ctx, `INSERT INTO told (reference, kind) VALUES ('`+reference+`', 'and more')`)
				}
			}
			for range 3 {
				m.work(time.Hour)
			}
			require.True(t, lost)
			require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"), "%v", m.history("a"))
		}
	})
}

// TestJournalAwaitTellsHowItEnded: a person's decision and Purge leave no value that shows
// how an entry ended. An error does.
func TestJournalAwaitTellsHowItEnded(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		m := newMerchant(t, db, dialect, newBank(sdk.Once, "lost", "lost", "ok", "refuse"))
		for _, reference := range []string{"happened", "did-not", "paid", "refused"} {
			m.mustPlan(reference)
			m.work(0)
		}
		for range 3 {
			m.work(time.Minute)
		}
		require.NoError(t, m.act("happened", journal.Happened))
		require.NoError(t, m.act("did-not", journal.DidNot))
		ends := func(reference string, standing journal.Kind, purged bool) {
			t.Helper()
			value, err := m.flow.Await(t.Context(), reference)
			require.Empty(t, value)
			var end *journal.EndError
			require.ErrorAs(t, err, &end)
			require.Equal(t, journal.EndError{Standing: standing, Purged: purged}, *end)
			require.Equal(t, sdk.Look, sdk.Advise(err))
			require.ErrorContains(t, err, string(standing))
		}
		ends("happened", journal.Succeeded, false)
		ends("did-not", journal.Failed, false)
		value, err := m.flow.Await(t.Context(), "paid")
		require.NoError(t, err)
		require.Equal(t, "paid", value.Status)

		pass(t, db, time.Minute)
		_, err = m.j.Purge(t.Context(), journal.Retention{Final: time.Microsecond, Refused: time.Microsecond})
		require.NoError(t, err)
		ends("happened", journal.Succeeded, true)
		ends("did-not", journal.Failed, true)
		ends("paid", journal.Succeeded, true)
		_, err = m.flow.Await(t.Context(), "refused")
		require.ErrorIs(t, err, journal.ErrRefused)
	})
}

// TestJournalAwaitOfAnotherEnd: what the provider showed before a person's decision is not
// how the entry ended.
func TestJournalAwaitOfAnotherEnd(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, openImmediate(t), journal.SQLite, newBank(sdk.Once))
	m.mustPlan("a")
	m.work(0)
	m.bank.blind = true
	for range 3 {
		m.work(8 * 24 * time.Hour)
	}
	m.bank.blind = false
	m.bank.set("a", "pending")
	m.work(8 * 24 * time.Hour)
	require.Equal(t, journal.StateStuck, m.entry("a").State, "%v", m.history("a"))
	require.NoError(t, m.act("a", journal.Happened))
	value, err := m.flow.Await(t.Context(), "a")
	var end *journal.EndError
	require.ErrorAs(t, err, &end)
	require.Equal(t, journal.EndError{Standing: journal.Succeeded}, *end)
	require.Equal(t, "pending", value.Status)
}

// TestJournalFuncWaitsForALock: the responses of other entries are recorded meanwhile, those
// of the same batch and those that come later. SQLite has one writer, and no such lock.
func TestJournalFuncWaitsForALock(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		if dialect == journal.SQLite {
			return
		}
		const all = 8
		db.SetMaxIdleConns(3 * all)
		report := lockedStock(t, db)
		b, marked, proceed := newBank(sdk.Once), make(chan struct{}, 2*all), make(chan struct{})
		b.hold = func() { marked <- struct{}{}; <-proceed }
		m := newMerchant(t, db, dialect, b)
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{Workers: all, Every: 5 * time.Millisecond})
		require.NoError(t, err)
		journal.New(j, "pay", b.provider(), func(ctx context.Context, tx journal.Tx, c journal.Change[receipt]) error {
			if c.Reference == "a-3" {
				if _, err := tx.ExecContext(ctx, takeStock); err != nil {
					return err
				}
			}
			return m.told(ctx, tx, c)
		})
		for i := range all {
			m.mustPlan(fmt.Sprint("a-", i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = j.Run(ctx) })
		for range all {
			<-marked
		}
		close(proceed)
		recorded := func(n int) {
			t.Helper()
			for began := time.Now(); count(t, db, `SELECT count(*) FROM journal_entries WHERE state = 'open'`) != n; {
				if time.Since(began) > 40*time.Second { // MySQL waits 50 s for a lock
					all, err := j.List(t.Context(), journal.Filter{})
					require.NoError(t, err)
					require.Fail(t, "not recorded", "%d: %+v", n, all)
				}
				<-time.After(5 * time.Millisecond)
			}
		}
		recorded(all - 1)
		m.mustPlan("b")
		m.mustPlan("c")
		recorded(all + 1)
		require.Equal(t, journal.StateSending, m.entry("a-3").State)
		require.NoError(t, report.Rollback())
		recorded(all + 2)
		cancel()
		running.Wait()
		if dialect == journal.MySQL { // the connections go back as they were
			for range 2 * all {
				conn, err := db.Conn(t.Context())
				require.NoError(t, err)
				defer func() { _ = conn.Close() }()
				same := false
				require.NoError(t, conn.QueryRowContext(t.Context(), `SELECT @@innodb_lock_wait_timeout = @@GLOBAL.innodb_lock_wait_timeout`).Scan(&same))
				require.True(t, same)
			}
		}
		require.Equal(t, []string{"pending"}, m.changes("a-3"))
		require.Equal(t, 1, b.sends["a-3"])
	})
}

// TestJournalFuncReturnsLockTimeouts: the response is recorded before the lease ends.
func TestJournalFuncReturnsLockTimeouts(t *testing.T) {
	t.Parallel()
	_, dsn := openMaria(t)
	db, err := sql.Open("mysql", dsn+"?innodb_lock_wait_timeout=3")
	require.NoError(t, err)
	closeLater(t, db)
	report := lockedStock(t, db)
	b := newBank(sdk.Once)
	m := newMerchant(t, db, journal.MySQL, b)
	j, err := journal.Open(t.Context(), db, journal.MySQL, journal.Config{CallTimeout: time.Second, Lease: 11 * time.Second, Every: 5 * time.Millisecond})
	require.NoError(t, err)
	journal.New(j, "pay", b.provider(), func(ctx context.Context, tx journal.Tx, _ journal.Change[receipt]) error {
		_, err := tx.ExecContext(ctx, takeStock)
		return err
	})
	m.mustPlan("a")
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = j.Run(ctx) })
	require.Eventually(t, func() bool {
		return count(t, db, `SELECT count(*) FROM journal_entries WHERE state IN ('planned', 'sending')`) == 0
	}, time.Minute, 5*time.Millisecond)
	e := m.entry("a")
	require.Equal(t, []any{journal.StateOpen, journal.Pending}, []any{e.State, e.Owed}, "%v", m.history("a"))
	require.NoError(t, report.Rollback())
	require.Eventually(t, func() bool { return m.entry("a").Owed == "" }, time.Minute, 5*time.Millisecond)
	cancel()
	running.Wait()
	require.Equal(t, journal.StateOpen, m.entry("a").State)
	require.Equal(t, 1, b.sends["a"])
}

const takeStock = `UPDATE stock SET n = n + 1`

// lockedStock creates a table of the merchant, of which a transaction holds the row.
func lockedStock(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	for _, statement := range []string{`CREATE TABLE stock (id int PRIMARY KEY, n int)`, `INSERT INTO stock VALUES (1, 0)`} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	report, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = report.ExecContext(t.Context(), takeStock)
	require.NoError(t, err)
	return report
}

// TestJournalFuncRollsBack: a func that ends its transaction has failed.
func TestJournalFuncRollsBack(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		m := newMerchant(t, db, dialect, newBank(sdk.Once))
		m.also = func(_ context.Context, tx journal.Tx, _ string) { require.NoError(t, tx.Rollback()) }
		m.mustPlan("a")
		m.work(0)
		e := m.entry("a")
		require.Equal(t, []any{journal.StateOpen, journal.Pending}, []any{e.State, e.Owed}, "%v", m.history("a"))
		m.also = nil
		m.again(3, time.Hour)
		require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"))
		require.Equal(t, 1, m.bank.sends["a"])
	})
}

// TestJournalOlderReleaseOfAnEnd: an older release leaves a finished entry with more steps
// as it is, and a newer one looks.
func TestJournalOlderReleaseOfAnEnd(t *testing.T) {
	t.Parallel()
	db, b := openImmediate(t), newBank(sdk.Referenced)
	b.steps = []string{"1", "2"}
	newer := newMerchant(t, db, journal.SQLite, b)
	newer.mustPlan("a")
	newer.again(6, time.Minute)
	require.Equal(t, []string{"pending", "succeeded"}, newer.changes("a"), "%v", newer.history("a"))
	old := newBank(sdk.Referenced)
	older := newMerchant(t, db, journal.SQLite, old)
	older.knock("a")
	older.again(2, time.Minute)
	require.Equal(t, journal.StateFinal, older.entry("a").State, "%v", older.history("a"))
	b.set("a2", "reversed")
	newer.again(3, time.Minute)
	require.Equal(t, []string{"pending", "succeeded", "reversed"}, newer.changes("a"), "%v", newer.history("a"))
}
