package sqltest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/sdk/journal/pgxtx"
)

// TestJournalDrivers: each driver, and PgBouncer in transaction mode, runs every
// statement, and a payment whose response is lost is followed to its end.
func TestJournalDrivers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		dialect        journal.Dialect
		server         func(t testing.TB) (db *sql.DB, dsn string)
		driver, option string // none: as the server's own db
	}{
		"pgx":                    {journal.PostgreSQL, openPostgres, "", ""},
		"pq":                     {journal.PostgreSQL, openPostgres, "postgres", " sslmode=disable"},
		"pgx, pgbouncer":         {journal.PostgreSQL, openBouncer, "pgx", " default_query_exec_mode=exec"},
		"pq, pgbouncer":          {journal.PostgreSQL, openBouncer, "postgres", " binary_parameters=yes"},
		"mysql, clientFoundRows": {journal.MySQL, openMaria, "mysql", "?clientFoundRows=true"},
		"mysql, interpolateParams, parseTime": {journal.MySQL, openMaria, "mysql",
			"?interpolateParams=true&parseTime=true&loc=Local&time_zone=%27%2B02%3A00%27"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, dsn := test.server(t)
			if test.driver != "" {
				var err error
				db, err = sql.Open(test.driver, dsn+test.option)
				require.NoError(t, err)
				closeLater(t, db)
			}
			var all sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				all.Go(func() { errs[i] = journal.Migrate(t.Context(), db, test.dialect) })
			}
			all.Wait()
			require.NoError(t, errors.Join(errs...))
			b := newBank(sdk.Referenced, "lost")
			m := newMerchant(t, db, test.dialect, b)
			m.mustPlan("a")
			require.ErrorIs(t, m.plan(t.Context(), order{Ref: "a", Amount: decimal.NewFromInt(1)}), journal.ErrReferenceTaken)
			m.work(0)
			m.work(time.Minute)
			m.work(time.Minute)
			require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"))
			require.Equal(t, 1, b.debits["a"])
			require.Equal(t, []string{"planned", "sending", "unanswered", "found", "changed"}, m.history("a"))
			require.WithinDuration(t, time.Now(), m.entry("a").Created.Add(2*time.Minute), time.Minute, "the time zone of a session changes nothing")
			story(t, newMerchant(t, db, test.dialect, newBank(sdk.Referenced, "lost", "refuse", "throttle"), storySettings))
		})
	}
}

// TestJournalBouncerSetting: with pgx's default the journal and Plan say what to set.
func TestJournalBouncerSetting(t *testing.T) {
	t.Parallel()
	_, dsn := openBouncer(t)
	open := func(option string) *sql.DB {
		db, err := sql.Open("pgx", dsn+option)
		require.NoError(t, err)
		closeLater(t, db)
		return db
	}
	const right = " default_query_exec_mode=exec"
	m := newMerchant(t, open(right), journal.PostgreSQL, newBank(sdk.Once))
	wrong := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, journal.ErrConfiguration)
		require.ErrorContains(t, err, strings.TrimSpace(right))
	}
	var openErr, checkErr, planErr error
	for i := range 3 { // the first prepares the statements in the one session
		_, err := journal.Open(t.Context(), open(""), journal.PostgreSQL, journal.Config{})
		openErr = errors.Join(openErr, err)
		_, err = journal.Open(t.Context(), open(""), journal.PostgreSQL, journal.Config{OnlyCheck: true})
		checkErr = errors.Join(checkErr, err)
		m.db = open("")
		planErr = errors.Join(planErr, m.plan(t.Context(), order{Ref: fmt.Sprint("a-", i), Amount: decimal.NewFromInt(1)}))
	}
	wrong(openErr)
	wrong(checkErr)
	wrong(planErr)
}

// TestJournalErrorCodes: what a database refuses for a moment is tried again as a whole
// transaction, whichever driver tells it. The func is told once, and nothing is owed.
// Another error of the same driver is the func's own.
func TestJournalErrorCodes(t *testing.T) {
	t.Parallel()
	maria := func(query string) func(*testing.T, *sql.DB, *sql.DB) error {
		return func(t *testing.T, db, _ *sql.DB) error {
			t.Helper()
			_, err := db.ExecContext(t.Context(), query)
			return err
		}
	}
	postgres := func(number string) func(*testing.T, *sql.DB, *sql.DB) error {
		return func(t *testing.T, db, _ *sql.DB) error {
			t.Helper()
			_, err := db.ExecContext(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'test' USING ERRCODE = '`+number+`'; END $$`)
			return err
		}
	}
	pq := func(t *testing.T) (*sql.DB, journal.Dialect) {
		t.Helper()
		_, dsn := openPostgres(t)
		db, err := sql.Open("postgres", dsn+" sslmode=disable")
		require.NoError(t, err)
		closeLater(t, db)
		return db, journal.PostgreSQL
	}
	pgx := func(t *testing.T) (*sql.DB, journal.Dialect) {
		t.Helper()
		db, _ := openPostgres(t)
		return db, journal.PostgreSQL
	}
	mysql := func(t *testing.T) (*sql.DB, journal.Dialect) {
		t.Helper()
		db, _ := openMaria(t)
		return db, journal.MySQL
	}
	sqlite := func(t *testing.T) (*sql.DB, journal.Dialect) { t.Helper(); return openImmediate(t), journal.SQLite }
	for name, test := range map[string]struct {
		open    func(*testing.T) (*sql.DB, journal.Dialect)
		provoke func(t *testing.T, db, other *sql.DB) error
		passing bool
	}{
		"pgx 40P01":  {pgx, deadlock, true},
		"pgx 40001":  {pgx, postgres("40001"), true},
		"pgx 23505":  {pgx, postgres("23505"), false},
		"pq 40P01":   {pq, deadlock, true},
		"pq 40001":   {pq, postgres("40001"), true},
		"pq 23505":   {pq, postgres("23505"), false},
		"mysql 1213": {mysql, deadlock, true},
		"mysql 1205": {mysql, lockWait, true},
		"mysql 1020": {mysql, maria(`SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1020, MESSAGE_TEXT = 'Record has changed'`), true},
		"mysql 1062": {mysql, maria(`SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 1062, MESSAGE_TEXT = 'Duplicate entry'`), false},
		"sqlite 5":   {sqlite, busy, true},
		"sqlite 1":   {sqlite, maria(`SELECT nothing`), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, dialect := test.open(t)
			m := newMerchant(t, db, dialect, newBank(sdk.Once))
			m.mustPlan("a")
			m.refuses = fmt.Errorf("ship: %w", test.provoke(t, db, db))
			require.Error(t, errors.Unwrap(m.refuses))
			m.work(0)
			require.NoError(t, m.refuses, "the func was called")
			if test.passing {
				require.Equal(t, []string{"pending"}, m.changes("a"))
				require.Empty(t, m.entry("a").Owed)
			} else {
				require.Empty(t, m.changes("a"))
				require.Equal(t, journal.Pending, m.entry("a").Owed)
			}
		})
	}
}

// TestJournalErrorsThatLeaveItOpen: PgBouncer tells of a lost server with a code of class 08,
// and a server that ends may have committed. Neither says that the statement took no effect.
func TestJournalErrorsThatLeaveItOpen(t *testing.T) {
	t.Parallel()
	plain, dsn := openPostgres(t)
	g := &gate{left: -1}
	gated := sql.OpenDB(gatedConnector{dsn: dsn, gate: g, driver: stdlib.GetDefaultDriver()})
	closeLater(t, gated)
	newMerchant(t, plain, journal.PostgreSQL, newBank(sdk.Once))
	for _, code := range []string{"08P01", "08006", "08007", "57P01", "57P02", "40003"} {
		for driver, says := range map[string]error{"pgx": &pgconn.PgError{Code: code}, "pq": &pq.Error{Code: pqerror.Code(code)}} {
			for _, took := range []bool{true, false} {
				clear(t, plain)
				b := newBank(sdk.Once)
				m := newMerchant(t, gated, journal.PostgreSQL, b)
				m.mustPlan("a")
				g.loses, g.took, g.says, g.lost = "state = 'sending'", took, says, func() {}
				m.work(0)
				require.Nil(t, g.lost)
				require.Equal(t, 1, b.sends["a"], "%s %s, took %v: %v", driver, code, took, m.history("a"))
				require.Equal(t, []string{"planned", "sending", "accepted"}, m.history("a"))
			}
		}
	}
}

// deadlock makes two transactions wait for each other, and returns what the loser
// hears.
func deadlock(t *testing.T, db, _ *sql.DB) error {
	t.Helper()
	for _, statement := range []string{`CREATE TABLE crossing (id int PRIMARY KEY, n int)`, `INSERT INTO crossing VALUES (1, 0), (2, 0)`} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	var txs [2]*sql.Tx
	for i := range txs {
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer func() { _ = tx.Rollback() }()
		_, err = tx.ExecContext(t.Context(), fmt.Sprintf(`UPDATE crossing SET n = 1 WHERE id = %d`, i+1))
		require.NoError(t, err)
		txs[i] = tx
	}
	errs := make(chan error, 2)
	for i, tx := range txs {
		go func() {
			_, err := tx.ExecContext(context.WithoutCancel(t.Context()), fmt.Sprintf(`UPDATE crossing SET n = 1 WHERE id = %d`, 2-i))
			if err == nil {
				err = tx.Rollback()
			}
			errs <- err
		}()
	}
	return errors.Join(<-errs, <-errs) // of the loser
}

// lockWait is the error of a lock that another transaction holds for too long. It ends
// the statement alone: a COMMIT would keep the rest.
func lockWait(t *testing.T, db, _ *sql.DB) error {
	t.Helper()
	for _, statement := range []string{`CREATE TABLE held (id int PRIMARY KEY)`, `INSERT INTO held VALUES (1)`} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), `DELETE FROM held`)
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = conn.ExecContext(t.Context(), `SET innodb_lock_wait_timeout = 1`)
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), `DELETE FROM held`)
	return err
}

// busy is the error of a database that another transaction writes.
func busy(t *testing.T, db, _ *sql.DB) error {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = conn.ExecContext(t.Context(), `PRAGMA busy_timeout = 1`)
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
	return err
}

// TestJournalMariaHoldsUpNobody: between a worker's statements others plan beside what
// it has taken, although a session is REPEATABLE READ: the locks of gaps would hold
// them up until 1205.
func TestJournalMariaHoldsUpNobody(t *testing.T) {
	t.Parallel()
	db, dsn := openMaria(t)
	quick, err := sql.Open("mysql", dsn+"?innodb_lock_wait_timeout=1")
	require.NoError(t, err)
	closeLater(t, quick)
	other := newMerchant(t, quick, journal.MySQL, newBank(sdk.Once))
	for i := range 3 {
		other.mustPlan(fmt.Sprint("a-", i))
	}
	n, commits := 0, 0
	spied := sql.OpenDB(spyConnector{&mysql.MySQLDriver{}, dsn + "?interpolateParams=true", func(statement string, _ []driver.NamedValue) {
		if statement == "COMMIT" {
			commits++
			n++
			require.NoError(t, other.plan(t.Context(), order{Ref: fmt.Sprint("b-", n)}))
		}
	}})
	closeLater(t, spied)
	b := newBank(sdk.Once)
	m := newMerchant(t, db, journal.MySQL, b)
	m.db = spied
	require.NoError(t, m.open(t.Context(), func(c *journal.Config) { c.OnlyCheck = true }))
	require.NoError(t, m.j.Pause(t.Context(), "none", "Ines", "test"))
	ctx, cancel := context.WithCancel(t.Context())
	b.hold = func() {
		if commits > 12 {
			cancel()
		}
	}
	_, _ = m.j.Work(ctx)
	require.Greater(t, commits, 12)
}

// TestJournalReferencesAreBytes: no collation makes two references the same.
func TestJournalReferencesAreBytes(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		m := newMerchant(t, db, dialect, newBank(sdk.Once))
		references := []string{"a", "A", "\u00e9", "e", "e\u0301", "ss", "\u00df", strings.Repeat("\u20ac", 85), "\U0001f6f5"}
		for i, reference := range references {
			require.NoError(t, m.plan(t.Context(), order{Ref: reference, Amount: decimal.NewFromInt(int64(i))}), reference)
		}
		for _, reference := range references {
			require.Equal(t, reference, m.entry(reference).Reference)
		}
		require.Error(t, m.plan(t.Context(), order{Ref: strings.Repeat("\u20ac", 86)}), "more than 255 bytes")
	})
}

// TestJournalKeepsLongParameters: a blob of MySQL ends at 65,535 bytes, silently outside
// strict mode.
func TestJournalKeepsLongParameters(t *testing.T) {
	t.Parallel()
	_, dsn := openMaria(t)
	db, err := sql.Open("mysql", dsn+"?sql_mode=%27%27")
	require.NoError(t, err)
	closeLater(t, db)
	m := newMerchant(t, db, journal.MySQL, newBank(sdk.Once))
	require.NoError(t, m.plan(t.Context(), order{Ref: "a", Memo: strings.Repeat("m", 100_000)}))
	m.work(0)
	require.Equal(t, []string{"pending"}, m.changes("a"), "the parameters can be read")
}

// TestJournalMigrationCutOff: each DDL statement of MySQL commits. A migration that was
// cut off after any of them begins again.
func TestJournalMigrationCutOff(t *testing.T) {
	t.Parallel()
	for k := 0; ; k++ {
		db, dsn := openMaria(t)
		g := &gate{left: k, cancel: func() {}}
		gated := sql.OpenDB(gatedConnector{dsn: dsn + "?interpolateParams=true", gate: g, driver: &mysql.MySQLDriver{}})
		err := journal.Migrate(t.Context(), gated, journal.MySQL)
		require.NoError(t, gated.Close())
		story(t, newMerchant(t, db, journal.MySQL, newBank(sdk.Referenced, "lost", "refuse", "throttle"), storySettings))
		if !g.died() {
			require.NoError(t, err)
			require.Greater(t, k, 15)
			return
		}
		k += 2 // all steps would take long, and each statement has two
	}
}

// TestJournalPgx plans in a transaction of pgx.
func TestJournalPgx(t *testing.T) {
	t.Parallel()
	db, dsn := openPostgres(t)
	m := newMerchant(t, db, journal.PostgreSQL, newBank(sdk.Once))
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	plan := func(reference string, amount int64) error {
		return pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `INSERT INTO told (reference, kind) VALUES ($1, 'ordered')`, reference); err != nil {
				return err
			}
			return pgxtx.Plan(t.Context(), m.flow, tx, order{Ref: reference, Amount: decimal.NewFromInt(amount)})
		})
	}
	require.NoError(t, plan("a", 1))
	require.NoError(t, plan("a", 1))
	require.ErrorIs(t, plan("a", 2), journal.ErrReferenceTaken)
	require.Equal(t, []string{"ordered", "ordered"}, m.changes("a"), "what was refused is rolled back")
	m.work(0)
	require.Equal(t, []string{"ordered", "ordered", "pending"}, m.changes("a"))

	// The adapter rolls back, runs more than one statement, and reads each kind of column.
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, pgxtx.Use(tx, func(adapted journal.Tx) error {
		r, err := adapted.ExecContext(t.Context(), `DELETE FROM told WHERE reference = $1`, "a")
		require.NoError(t, err)
		n, err := r.RowsAffected()
		require.NoError(t, err)
		require.EqualValues(t, 3, n)
		rows, err := adapted.QueryContext(t.Context(), `SELECT 1::smallint, 2::int, 3::bigint, 'x', '\x01'::bytea, true, 1.5::numeric, NULL::text`)
		require.NoError(t, err)
		defer rows.Close()
		require.True(t, rows.Next())
		var (
			a, b, c int
			d, n1   string
			e       []byte
			f       bool
			null    *string
		)
		require.NoError(t, rows.Scan(&a, &b, &c, &d, &e, &f, &n1, &null))
		require.Equal(t, []any{1, 2, 3, "x", []byte{1}, true, "1.5"}, []any{a, b, c, d, e, f, n1})
		require.Nil(t, null)
		require.False(t, rows.Next())
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
		return adapted.Rollback()
	}))
	require.Len(t, m.changes("a"), 3)
}
