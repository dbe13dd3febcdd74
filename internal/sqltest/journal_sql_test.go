package sqltest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

func TestJournalSchema(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		_, err := journal.Open(t.Context(), db, dialect, journal.Config{OnlyCheck: true})
		require.ErrorIs(t, err, journal.ErrConfiguration)
		require.ErrorContains(t, err, "call journal.Migrate")

		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() { errs[i] = journal.Migrate(t.Context(), db, dialect) })
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		_, err = journal.Open(t.Context(), db, dialect, journal.Config{OnlyCheck: true})
		require.NoError(t, err)

		_, err = db.ExecContext(t.Context(), `UPDATE journal_schema SET version = 99`)
		require.NoError(t, err)
		_, err = journal.Open(t.Context(), db, dialect, journal.Config{})
		require.ErrorIs(t, err, journal.ErrConfiguration)
		require.ErrorContains(t, err, "update this process")
	})
}

// TestJournalPlansAtTheSameTime: of many plans of a reference one makes the entry, and
// the others find it.
func TestJournalPlansAtTheSameTime(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		m := newMerchant(t, db, dialect, newBank(sdk.Once))
		var all sync.WaitGroup
		errs := make([]error, 16)
		for i := range errs {
			all.Go(func() { errs[i] = m.plan(t.Context(), order{Ref: "a", Amount: decimal.NewFromInt(int64(500 + i%2))}) })
		}
		all.Wait()
		taken := 0
		for _, err := range errs {
			if err != nil {
				require.ErrorIs(t, err, journal.ErrReferenceTaken)
				taken++
			}
		}
		require.Equal(t, 8, taken)
		require.Equal(t, []string{"planned"}, m.history("a"))
	})
}

// TestJournalWorkersShare: two processes work on the same entries, and no entry is
// sent twice or left.
func TestJournalWorkersShare(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		m := newMerchant(t, db, dialect, b)
		other := newMerchant(t, db, dialect, b)
		for i := range 200 {
			m.mustPlan(fmt.Sprint("a-", i))
		}
		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() {
				j := m.j
				if i%2 == 1 {
					j = other.j
				}
				_, errs[i] = j.Work(t.Context())
			})
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		require.Len(t, b.sends, 200)
		for reference, n := range b.sends {
			require.Equal(t, 1, n, reference)
			require.Equal(t, []string{"pending"}, m.changes(reference))
		}
	})
}

// TestJournalSQLiteDeferred: a transaction that has read cannot write once another
// has written, and a busy timeout does not help. Plan says what to do.
func TestJournalSQLiteDeferred(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "shop.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	closeLater(t, db)
	m := newMerchant(t, db, journal.SQLite, newBank(sdk.Once))
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	n := 0
	require.NoError(t, tx.QueryRowContext(t.Context(), `SELECT count(*) FROM told`).Scan(&n))
	m.mustPlan("a")
	err = m.flow.Plan(t.Context(), tx, order{Ref: "b", Amount: decimal.NewFromInt(1)})
	require.ErrorContains(t, err, "BEGIN IMMEDIATE")
}

// TestJournalPostgresRepeatableRead: a concurrent plan at REPEATABLE READ is an error
// that says to run the transaction again, and never a wrong "same entry".
func TestJournalPostgresRepeatableRead(t *testing.T) {
	t.Parallel()
	db, _ := openPostgres(t)
	m := newMerchant(t, db, journal.PostgreSQL, newBank(sdk.Once))
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	n := 0
	require.NoError(t, tx.QueryRowContext(t.Context(), `SELECT count(*) FROM told`).Scan(&n))
	m.mustPlan("a")
	err = m.flow.Plan(t.Context(), tx, order{Ref: "a", Amount: decimal.NewFromInt(1)})
	require.Error(t, err)
	require.NotErrorIs(t, err, journal.ErrReferenceTaken)
	var coded interface{ SQLState() string }
	require.ErrorAs(t, err, &coded)
	require.Equal(t, "40001", coded.SQLState())
}

// TestJournalPostgresPlans: with many finished and many waiting entries every
// statement that a worker repeats reads a few pages, by an index.
func TestJournalPostgresPlans(t *testing.T) {
	t.Parallel()
	db, dsn := openPostgres(t)
	m := newMerchant(t, db, journal.PostgreSQL, newBank(sdk.Once))
	m.mustPlan("a")
	exec := func(statement string) {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	columns := `flow, digest, digest_version, state, standing, resume, owed, step, lane, holder, fence, knocks, tries, attempts, opened, looks,
		contested, approved, resend, since_at, created_at, changed_at, first_sent_at, sent_at, asked_at`
	exec(`INSERT INTO journal_entries (reference, due_at, ` + columns + `) SELECT 'done-' || n, NULL, ` + columns +
		` FROM journal_entries, generate_series(1, 20000) n`)
	exec(`INSERT INTO journal_entries (reference, due_at, ` + columns + `) SELECT 'waits-' || n, 4000000000000000 + n, ` + columns +
		` FROM journal_entries, generate_series(1, 10000) n WHERE reference = 'a'`)
	exec(`INSERT INTO journal_details SELECT id, '1', 'RWF', '', '', '', '' FROM journal_entries WHERE reference <> 'a'`)
	exec(`INSERT INTO journal_history (entry, at, event, state, actor, note) SELECT id, 1, '', '', '', '' FROM journal_entries`)
	exec(`VACUUM ANALYZE`)

	// Run everything once through a driver that keeps the statements.
	kept := &recorder{statements: map[string][]driver.NamedValue{}}
	recorded := sql.OpenDB(recordingConnector{dsn: dsn, recorder: kept})
	closeLater(t, recorded)
	b := newBank(sdk.Referenced, "lost", "refuse", "throttle")
	m = newMerchant(t, recorded, journal.PostgreSQL, b, func(c *journal.Config) {
		c.Flows = map[string]journal.FlowConfig{"pay": {Limit: journal.Limit{PerWindow: decimal.NewFromInt(1_000_000)}}}
	})
	for _, reference := range []string{"x", "y", "z"} {
		m.mustPlan(reference)
	}
	b.set("z", "another")
	for range 3 {
		_, err := m.j.Work(t.Context())
		require.NoError(t, err)
	}
	m.knock("x")
	require.NoError(t, m.j.Pause(t.Context(), "pay", "Ines", "test"))
	require.NoError(t, m.j.Restored(t.Context(), 1, "Ines"))
	for _, f := range []journal.Filter{{State: journal.StateStuck}, {Flow: "pay", State: journal.StatePlanned}, {}} {
		_, err := m.j.List(t.Context(), f)
		require.NoError(t, err)
	}
	_, err := m.j.Stats(t.Context(), "pay")
	require.NoError(t, err)
	_, err = m.j.Purge(t.Context(), journal.Retention{Final: 1, Refused: 1})
	require.NoError(t, err)
	m.history("x")
	_, err = m.flow.Await(t.Context(), "x")
	require.ErrorIs(t, err, journal.ErrRefused)

	require.Greater(t, len(kept.statements), 20)
	for statement, args := range kept.statements {
		if !strings.Contains(statement, "journal_entries") && !strings.Contains(statement, "journal_details") && !strings.Contains(statement, "journal_history") ||
			strings.HasPrefix(statement, "CREATE") {
			continue
		}
		text := explained(t, db, statement, args)
		for _, table := range []string{"journal_entries", "journal_details", "journal_history"} {
			require.NotContains(t, text, "Seq Scan on "+table, "%s:\n%s", statement, text)
		}
	}
}

// explained runs a statement, undoes it, and returns its plan.
func explained(t *testing.T, db *sql.DB, statement string, args []driver.NamedValue) string {
	t.Helper()
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a.Value
	}
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	rows, err := tx.QueryContext(t.Context(), "EXPLAIN (ANALYZE, BUFFERS) "+statement, values...)
	require.NoError(t, err, statement)
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		plan = append(plan, line)
	}
	require.NoError(t, rows.Err())
	return strings.Join(plan, "\n")
}

// recorder keeps one use of each statement.
type recorder struct {
	mu         sync.Mutex
	statements map[string][]driver.NamedValue
}

func (r *recorder) keep(statement string, args []driver.NamedValue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements[statement] = args
}

type recordingConnector struct {
	dsn      string
	recorder *recorder
}

func (c recordingConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := stdlib.GetDefaultDriver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return recordingConn{conn.(*stdlib.Conn), c.recorder}, nil
}

func (recordingConnector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

type recordingConn struct {
	*stdlib.Conn
	recorder *recorder
}

func (c recordingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.recorder.keep(query, args)
	return c.Conn.ExecContext(ctx, query, args)
}

func (c recordingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.recorder.keep(query, args)
	return c.Conn.QueryContext(ctx, query, args)
}
