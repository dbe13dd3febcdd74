package sqltest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

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

		// Tables of an older version are refused, and then brought up to date.
		drop := `DROP INDEX journal_stuck_alerted`
		if dialect == journal.MySQL {
			drop += ` ON journal_stuck`
		}
		restore := []string{drop, `UPDATE journal_schema SET version = 1`}
		if dialect != journal.MySQL { // which goes on where a migration was cut off
			restore = append(restore, `DROP INDEX journal_stuck_reason`)
		}
		for _, statement := range restore {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		_, err = journal.Open(t.Context(), db, dialect, journal.Config{OnlyCheck: true})
		require.ErrorIs(t, err, journal.ErrConfiguration)
		require.ErrorContains(t, err, "this release needs")
		_, err = journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), drop)
		require.NoError(t, err, "the index is there again")

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

// TestJournalBatches: entries that are recorded at the same time share a transaction. A
// lease that is lost among them changes nothing about the others.
func TestJournalBatches(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		const all = 16
		b, marked, proceed := newBank(sdk.Once), make(chan struct{}, all), make(chan struct{})
		b.hold = func() { marked <- struct{}{}; <-proceed }
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) { c.Workers = all })
		for i := range all {
			m.mustPlan(fmt.Sprint("a-", i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = m.j.Run(ctx) })
		for range all {
			<-marked
		}
		_, err := db.ExecContext(t.Context(), `UPDATE journal_entries SET fence = fence + 1, holder = 'another' WHERE reference = 'a-5'`)
		require.NoError(t, err)
		close(proceed)
		require.Eventually(t, func() bool {
			return count(t, db, `SELECT count(DISTINCT reference) FROM told`) == all-1
		}, time.Minute, 5*time.Millisecond)
		cancel()
		running.Wait()
		for i := range all {
			reference := fmt.Sprint("a-", i)
			require.Equal(t, 1, b.sends[reference])
			if i == 5 {
				require.Empty(t, m.changes(reference))
				require.Equal(t, journal.StateSending, m.entry(reference).State)
				require.Equal(t, []string{"planned", "sending"}, m.history(reference))
			} else {
				require.Equal(t, "pending", m.changes(reference)[0])
			}
		}
	})
}

// TestJournalBatchHasAnEntryTwice: a worker whose lease has ended and the worker that
// took the entry after it, in the same process, record in the same batch. The late one
// changes nothing, and its func does not run.
func TestJournalBatchHasAnEntryTwice(t *testing.T) {
	t.Parallel()
	db, _ := openPostgres(t)
	m := newMerchant(t, db, journal.PostgreSQL, newBank(sdk.Once))
	j, err := journal.Open(t.Context(), db, journal.PostgreSQL, journal.Config{Every: 5 * time.Millisecond})
	require.NoError(t, err)
	sent, answer, busy, proceed := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	provider := m.bank.provider()
	provider.Steps[0].Send = func(_ context.Context, r journal.Request[order, receipt]) (receipt, error) {
		if r.Reference == "a" {
			close(sent)
			<-answer
		}
		return receipt{Ref: r.Reference, Status: "paid"}, nil
	}
	m.flow = journal.New(j, "pay", provider, func(ctx context.Context, tx journal.Tx, c journal.Change[receipt]) error {
		if c.Reference == "b" { // what comes meanwhile is the next batch
			close(busy)
			<-proceed
		}
		return m.told(ctx, tx, c)
	})
	m.mustPlan("a")
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = j.Run(ctx) })
	<-sent
	m.mustPlan("b")
	<-busy
	_, err = db.ExecContext(t.Context(), `UPDATE journal_entries SET due_at = 1, lane = 0 WHERE reference = 'a'`)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return count(t, db, `SELECT count(*) FROM journal_entries WHERE reference = 'a' AND due_at > 1`) == 1
	}, time.Minute, time.Millisecond)
	close(answer)
	<-time.After(50 * time.Millisecond) // both wait for the batch; if not yet, nothing is shown
	close(proceed)
	require.Eventually(t, func() bool { return len(m.changes("a")) > 0 && len(m.changes("b")) > 0 }, time.Minute, time.Millisecond)
	cancel()
	running.Wait()
	require.Equal(t, []string{"stuck"}, m.changes("a"))
	require.Equal(t, []string{"planned", "sending", "stuck"}, m.history("a"))
}

// TestJournalStatementsOfAnEntry: on PostgreSQL an entry is marked in one trip, and its
// end takes the trips of BEGIN, the record, the func's own statement, whether the func has
// kept the transaction, and COMMIT.
func TestJournalStatementsOfAnEntry(t *testing.T) {
	t.Parallel()
	db, dsn := openPostgres(t)
	newMerchant(t, db, journal.PostgreSQL, newBank(sdk.Once))
	var said []string
	spied := sql.OpenDB(spyConnector{db.Driver(), dsn, func(statement string, _ []driver.NamedValue) { said = append(said, statement) }})
	closeLater(t, spied)
	m := newMerchant(t, spied, journal.PostgreSQL, newBank(sdk.Once))
	said = nil
	m.mustPlan("a")
	require.Len(t, said, 2, "the plan and your COMMIT")
	said = nil
	_, err := m.j.Work(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"pending"}, m.changes("a"))
	var kinds []string
	for _, statement := range said {
		switch {
		case strings.Contains(statement, "SKIP LOCKED") && !strings.Contains(statement, "json_to_recordset"):
			kinds = append(kinds, "take")
		case strings.Contains(statement, "json_to_recordset") && strings.Contains(statement, "'sending'"):
			kinds = append(kinds, "mark")
		case strings.Contains(statement, "json_to_recordset"):
			kinds = append(kinds, "record")
		case strings.Contains(statement, "INSERT INTO told"):
			kinds = append(kinds, "func")
		case strings.HasPrefix(statement, "SELECT fence, holder"):
			kinds = append(kinds, "kept")
		case statement == "COMMIT":
			kinds = append(kinds, "commit")
		}
	}
	require.Equal(t, []string{"take", "take", "mark", "record", "func", "kept", "commit", "take", "take"}, kinds)
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

// TestJournalStatements runs every statement with many finished and many waiting entries,
// and reads how the database finds its rows: by an index, and few of them. The sizes
// are larger with KAPITEN_FULL=1.
func TestJournalStatements(t *testing.T) {
	finished, waiting := sizes()
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		newMerchant(t, db, dialect, newBank(sdk.Once))
		fill(t, db, dialect, finished, waiting)
		kept := &recorder{statements: map[string][]driver.NamedValue{}}
		recorded := sql.OpenDB(spyConnector{db.Driver(), dsnOf(t, db, dialect), kept.keep})
		closeLater(t, recorded)
		story(t, newMerchant(t, recorded, dialect, newBank(sdk.Referenced, "lost", "refuse", "throttle"), storySettings))
		require.Greater(t, len(kept.statements), 20)
		big := regexp.MustCompile(`journal_(entries|details|history)`)
		for statement, args := range kept.statements {
			if big.MatchString(statement) && !strings.HasPrefix(statement, "CREATE") && !strings.Contains(statement, "max(knocks)") {
				explain[dialect](t, db, statement, args, waiting)
			}
		}
	})
}

func sizes() (finished, waiting int) {
	if full() {
		return 1_000_000, 200_000
	}
	return 20_000, 10_000
}

// dsnOf is where the database of a test is.
func dsnOf(t *testing.T, db *sql.DB, dialect journal.Dialect) (out string) {
	t.Helper()
	query := map[journal.Dialect]string{
		journal.PostgreSQL: `SELECT current_schema()`, journal.MySQL: `SELECT DATABASE()`,
		journal.SQLite: `SELECT file FROM pragma_database_list`,
	}[dialect]
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&out))
	switch dialect {
	case journal.PostgreSQL:
		return dsn(out)
	case journal.MySQL:
		return mariaDSN(out)
	}
	return "file:" + out + immediate + quick
}

// fill makes entries that are finished, and entries that wait for later.
func fill(t testing.TB, db *sql.DB, dialect journal.Dialect, finished, waiting int) {
	t.Helper()
	const digits = `(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
		UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)`
	numbers := `(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 100000 * g.d AS n FROM ` +
		strings.Join([]string{digits + " a", digits + " b", digits + " c", digits + " e", digits + " f", digits + " g"}, ", ") + `) numbers`
	name := func(kind string) string { return "'" + kind + "-' || n" }
	if dialect == journal.MySQL {
		name = func(kind string) string { return "CONCAT('" + kind + "-', n)" }
	}
	blob := `''`
	if dialect == journal.SQLite {
		blob = `x''`
	}
	insert := `INSERT INTO journal_entries (reference, due_at, state, lane, flow, digest, digest_version, standing, resume, owed, step, holder, fence, knocks,
		tries, attempts, opened, looks, contested, approved, resend, since_at, created_at, changed_at, first_sent_at, sent_at, asked_at) SELECT `
	rest := `, 'pay', ` + blob + `, 1, 'succeeded', '', '', 0, '', 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1 FROM ` + numbers + ` WHERE n < `
	for _, statement := range []string{
		insert + name("done") + `, NULL, 'final', 0` + rest + strconv.Itoa(finished),
		insert + name("waits") + `, 4000000000000000 + n, 'open', 0` + rest + strconv.Itoa(waiting/2),
		insert + name("new") + `, 4000000000000000 + n, 'planned', 1` + rest + strconv.Itoa(waiting/2),
		`INSERT INTO journal_details SELECT id, '1', 'RWF', ` + blob + `, ` + blob + `, ` + blob + `, '' FROM journal_entries`,
		`INSERT INTO journal_history (entry, at, event, state, actor, note) SELECT id, 1, '', '', '', '' FROM journal_entries`,
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	analyze := map[journal.Dialect]string{
		journal.PostgreSQL: `VACUUM ANALYZE`, journal.SQLite: `ANALYZE`, journal.MySQL: `ANALYZE TABLE journal_entries, journal_details, journal_history`,
	}[dialect]
	_, err := db.ExecContext(t.Context(), analyze)
	require.NoError(t, err)
}

func storySettings(c *journal.Config) {
	c.Flows = map[string]journal.FlowConfig{"pay": {Limit: journal.Limit{PerWindow: decimal.NewFromInt(1_000_000)}}}
}

// story uses each statement of the journal at least once. The bank of m meets "lost",
// "refuse" and "throttle".
func story(t *testing.T, m *merchant) {
	t.Helper()
	for _, reference := range []string{"x", "y", "z"} {
		m.mustPlan(reference)
		m.mustPlan(reference) // the same again
		require.ErrorIs(t, m.plan(t.Context(), order{Ref: reference, Amount: decimal.NewFromInt(7)}), journal.ErrReferenceTaken)
	}
	_, err := m.db.ExecContext(t.Context(), `UPDATE journal_entries SET digest_version = 1 WHERE flow = 'pay' AND reference = 'x'`)
	require.NoError(t, err)
	m.mustPlan("x") // of an older release
	m.bank.set("z", "another")
	for range 3 {
		_, err := m.j.Work(t.Context())
		require.NoError(t, err)
	}
	m.knock("x")
	for _, f := range []journal.Filter{
		{State: journal.StateStuck}, {Flow: "pay", State: journal.StatePlanned}, {},
		{Flow: "pay", State: journal.StateStuck, OlderThan: 1, Before: 1 << 40, Limit: 10},
	} {
		_, err := m.j.List(t.Context(), f)
		require.NoError(t, err)
	}
	require.NoError(t, m.j.Pause(t.Context(), "pay", "Ines", "test"))
	stats, err := m.j.Stats(t.Context(), "pay")
	require.NoError(t, err)
	require.True(t, stats.Paused)
	require.NotEmpty(t, m.history("x"))
	_, err = m.flow.Await(t.Context(), "y")
	require.Error(t, err)
	purged, err := m.j.Purge(t.Context(), journal.Retention{Refused: 1})
	require.NoError(t, err)
	require.Positive(t, purged)
	require.NoError(t, m.j.Restored(t.Context(), 1, "Ines"))
}

// explain fails if a statement reads too much.
var explain = map[journal.Dialect]func(*testing.T, *sql.DB, string, []driver.NamedValue, int){
	journal.PostgreSQL: func(t *testing.T, db *sql.DB, statement string, args []driver.NamedValue, _ int) {
		t.Helper()
		rows, _ := explained(t, db, "EXPLAIN (ANALYZE, BUFFERS) ", statement, args)
		text := fmt.Sprint(rows)
		require.NotRegexp(t, `Seq Scan on journal_(entries|details|history)`, text, statement)
	},
	journal.SQLite: func(t *testing.T, db *sql.DB, statement string, args []driver.NamedValue, _ int) {
		t.Helper()
		if strings.Contains(statement, "ON s.entry = id ORDER BY id") && !strings.Contains(statement, "WHERE") {
			return // the list of all, which ends at its limit
		}
		rows, _ := explained(t, db, "EXPLAIN QUERY PLAN ", statement, args)
		require.NotRegexp(t, `SCAN (journal_(entries|details|history)|[edh])\b`, fmt.Sprint(rows), statement)
	},
	// Handler_read is the number of rows that were read: at most a batch of Purge.
	journal.MySQL: func(t *testing.T, db *sql.DB, statement string, args []driver.NamedValue, waiting int) {
		t.Helper()
		rows, read := explained(t, db, "EXPLAIN ", statement, args)
		most := 1100
		switch {
		case strings.Contains(statement, "LIMIT 10001"):
			most = 2 * 10_003 // the count, which ends there
		case strings.Contains(statement, "lane IN (0, 1)"):
			most = 2 * waiting // a list sorts what is unfinished, and Restored changes it
		}
		require.LessOrEqual(t, read, most, "%s: %v", statement, rows)
		if strings.Contains(statement, "ORDER BY id + 0") {
			return
		}
		for _, row := range rows {
			require.NotContains(t, fmt.Sprint(row), "Using filesort", "%s: %v", statement, rows)
		}
	},
}

// explained runs a statement, undoes it, and returns its plan, and on MySQL how many
// rows it read.
func explained(t *testing.T, db *sql.DB, how, statement string, args []driver.NamedValue) (plan [][]string, read int) {
	t.Helper()
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a.Value
	}
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	list := func(query string, values ...any) (out [][]string) {
		rows, err := tx.QueryContext(t.Context(), query, values...)
		require.NoError(t, err, query)
		defer rows.Close()
		columns, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			cells, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
			for i := range cells {
				into[i] = &cells[i]
			}
			require.NoError(t, rows.Scan(into...))
			row := make([]string, len(columns))
			for i, c := range cells {
				row[i] = c.String
			}
			out = append(out, row)
		}
		require.NoError(t, rows.Err())
		return out
	}
	if how == "EXPLAIN " {
		if strings.HasPrefix(statement, "INSERT INTO journal_details") { // it was run before
			_, err := tx.ExecContext(t.Context(), `DELETE FROM journal_details WHERE entry = ?`, values[0])
			require.NoError(t, err)
		}
		count := func() (n int) {
			for _, row := range list(`SHOW SESSION STATUS LIKE 'Handler_read%'`) {
				c, err := strconv.Atoi(row[1])
				require.NoError(t, err)
				n += c
			}
			return n
		}
		before := count()
		list(statement, values...)
		read = count() - before
	}
	return list(how+statement, values...), read
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

// spyConnector opens connections that show each statement before it runs.
type spyConnector struct {
	driver driver.Driver
	dsn    string
	see    func(statement string, args []driver.NamedValue)
}

func (c spyConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	return spyConn{conn, c.see}, err
}

func (c spyConnector) Driver() driver.Driver { return c.driver }

type spyConn struct {
	driver.Conn
	see func(statement string, args []driver.NamedValue)
}

func (c spyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.see(query, args)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c spyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.see(query, args)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c spyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return spyTx{tx, c.see}, err
}

func (c spyConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type spyTx struct {
	driver.Tx
	see func(statement string, args []driver.NamedValue)
}

func (t spyTx) Commit() error {
	t.see("COMMIT", nil)
	return t.Tx.Commit()
}
