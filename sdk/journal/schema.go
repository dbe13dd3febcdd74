package journal

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
)

// Dialect is the SQL of your database.
type Dialect string

const (
	// PostgreSQL is PostgreSQL 12 or later. Behind PgBouncer in transaction mode add
	// default_query_exec_mode=exec to the DSN of pgx, of the transactions in which you plan
	// too, and binary_parameters=yes to that of lib/pq; or set max_prepared_statements in
	// PgBouncer 1.21.
	PostgreSQL Dialect = "postgresql"
	// SQLite is SQLite 3.35 or later. Open the database with a busy timeout, with WAL
	// and with immediate transactions: for modernc.org/sqlite
	// "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate".
	SQLite Dialect = "sqlite"
	// MySQL is MySQL 8.0.1 or later and MariaDB 10.6 or later, through a driver that takes
	// "?" for parameters. The journal's own transactions, in which your func writes, are
	// READ COMMITTED. For github.com/go-sql-driver/mysql "?interpolateParams=true" saves
	// a trip per statement.
	MySQL Dialect = "mysql"
)

// tables are the journal's. Times are microseconds since 1970 by the database's clock,
// which all processes share.
//
// due_at serves sending, retries, polls and dead workers alike, and is NULL when
// nothing is to do. It is the only column that decides what a worker takes. lane
// keeps new entries (1) from starving those that were sent (0).
func tables() *sqldb.Schema {
	return &sqldb.Schema{Name: "journal", Lock: 7306920435, Migrations: []string{toVersion1, toVersion2}, Words: words()}
}

const toVersion1 = `CREATE TABLE {new}journal_entries (
	id             {id},
	flow           {key}    NOT NULL,
	reference      {key}    NOT NULL,
	digest         {bytes}  NOT NULL,
	digest_version smallint NOT NULL,
	state          {word}   NOT NULL,
	standing       {word}   NOT NULL,
	resume         {word}   NOT NULL,
	owed           {word}   NOT NULL,
	step           smallint NOT NULL,
	lane           smallint NOT NULL,
	due_at         bigint,
	holder         {word}   NOT NULL,
	fence          bigint   NOT NULL,
	knocks         bigint   NOT NULL,
	tries          bigint   NOT NULL,
	attempts       bigint   NOT NULL,
	opened         bigint   NOT NULL,
	looks          bigint   NOT NULL,
	contested      smallint NOT NULL,
	approved       smallint NOT NULL,
	resend         smallint NOT NULL,
	since_at       bigint   NOT NULL,
	created_at     bigint   NOT NULL,
	changed_at     bigint   NOT NULL,
	first_sent_at  bigint   NOT NULL,
	sent_at        bigint   NOT NULL,
	asked_at       bigint   NOT NULL,
	UNIQUE (flow, reference){due}
){fill};
{index}journal_entries_due ON journal_entries (flow, lane, due_at) WHERE due_at IS NOT NULL;
CREATE TABLE {new}journal_details (
	entry    bigint  NOT NULL PRIMARY KEY,
	amount   {text}  NOT NULL,
	currency {key}   NOT NULL,
	params   {bytes} NOT NULL,
	prepared {bytes} NOT NULL,
	value    {bytes} NOT NULL,
	note     {text}  NOT NULL
){engine};
CREATE TABLE {new}journal_history (
	id    {line},
	entry bigint NOT NULL,
	at    bigint NOT NULL,
	event {text} NOT NULL,
	state {word} NOT NULL,
	actor {text} NOT NULL,
	note  {text} NOT NULL{of}
){engine};
{lines}journal_history_entry ON journal_history (entry);
CREATE TABLE {new}journal_stuck (
	entry   bigint   NOT NULL PRIMARY KEY,
	flow    {key}    NOT NULL,
	reason  {word}   NOT NULL,
	note    {text}   NOT NULL,
	since   bigint   NOT NULL,
	alerted smallint NOT NULL
){engine};
CREATE TABLE {new}journal_flows (
	flow        {key}    NOT NULL PRIMARY KEY,
	paused      smallint NOT NULL,
	adopt_until bigint   NOT NULL,
	actor       {text}   NOT NULL,
	note        {text}   NOT NULL,
	changed_at  bigint   NOT NULL
){engine};
CREATE TABLE {new}journal_spend (
	flow     {key}  NOT NULL,
	currency {key}  NOT NULL,
	begins   bigint NOT NULL,
	amount   {text} NOT NULL,
	PRIMARY KEY (flow, currency, begins)
){engine}`

// toVersion2: many stuck entries cost no worker anything.
const toVersion2 = `CREATE INDEX journal_stuck_alerted ON journal_stuck (alerted, since);
CREATE INDEX journal_stuck_reason ON journal_stuck (flow, reason)`

// words are what the migrations' words stand for.
func words() map[sqldb.Dialect][]string {
	return map[sqldb.Dialect][]string{
		sqldb.PostgreSQL: {
			"{id}", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "{bytes}", "bytea", "{fill}", " WITH (fillfactor = 80)",
			"{key}", "text", "{word}", "text", "{text}", "text", "{index}", "CREATE INDEX ", "{new}", "", "{due}", "", "{engine}", "",
			"{line}", "bigint GENERATED ALWAYS AS IDENTITY", "{of}", ",\n\tPRIMARY KEY (entry, id)", "{lines}", "-- ",
		},
		sqldb.SQLite: {
			"{id}", "integer PRIMARY KEY AUTOINCREMENT", "{bytes}", "blob", "{fill}", "",
			"{key}", "text", "{word}", "text", "{text}", "text", "{index}", "CREATE INDEX ", "{new}", "", "{due}", "", "{engine}", "",
			"{line}", "{id}", "{of}", "", "{lines}", "CREATE INDEX ",
		},
		// Keys are bytes, because a collation ignores spaces at the end. A blob would end
		// at 65,535 bytes, without an error outside strict mode.
		sqldb.MySQL: {
			"{id}", "bigint NOT NULL AUTO_INCREMENT PRIMARY KEY", "{bytes}", "mediumblob", "{fill}", "{engine}",
			"{key}", "varbinary(255)", "{word}", "varbinary(64)", "{text}", "mediumtext", "{index}", "-- ", "{new}", "IF NOT EXISTS ",
			"{due}", ",\n\tINDEX journal_entries_due (flow, lane, due_at)", "{of}", ",\n\tINDEX journal_history_entry (entry)",
			"{line}", "{id}", "{lines}", "-- ",
			"{engine}", " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		},
	}
}

// Migrate creates the tables, or brings them up to date. Several processes may call
// it at once. Open calls it unless Config.OnlyCheck is set.
func Migrate(ctx context.Context, db *sql.DB, dialect Dialect) error {
	if !sqldb.Dialect(dialect).Known() {
		return fmt.Errorf("%w: unknown dialect %q", ErrConfiguration, dialect)
	}
	return failed("migrate", tables().Migrate(ctx, db, sqldb.Dialect(dialect)))
}

// database is the merchant's database, spoken to in its dialect.
type database struct {
	*sql.DB
	dialect Dialect
}

func (d *database) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	query, args = d.dialect.bind(query, args)
	return d.DB.ExecContext(ctx, query, args...)
}

func (d *database) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	query, args = d.dialect.bind(query, args)
	return d.DB.QueryContext(ctx, query, args...)
}

// transaction is a transaction, spoken to in the dialect of its database.
type transaction struct {
	Tx
	dialect  Dialect
	patience time.Duration // with a func
}

func (t *transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	query, args = t.dialect.bind(query, args)
	return t.Tx.ExecContext(ctx, query, args...)
}

func (t *transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	query, args = t.dialect.bind(query, args)
	return t.Tx.QueryContext(ctx, query, args...)
}

// savepoint begins what a func does: see kept.
func (t *transaction) savepoint(ctx context.Context) error {
	if t.dialect == PostgreSQL {
		return nil
	}
	_, err := execute(ctx, t.Tx, `SAVEPOINT journal_func`)
	return err
}

// impatient has MySQL give up a wait for a lock within companyLimit, until restore. It goes
// on waiting, and holds the locks of the transaction, for a client that has gone.
func (t *transaction) impatient(ctx context.Context) (restore func(), err error) {
	_, err = execute(ctx, t.Tx, `SET @journal_wait = @@innodb_lock_wait_timeout, innodb_lock_wait_timeout = 2`)
	return func() {
		_, _ = execute(ctx, t.Tx, `SET innodb_lock_wait_timeout = @journal_wait`)
	}, err
}

// bind gives each parameter of a statement its place. MySQL counts "?" from the left,
// and the statements number their parameters.
func (d Dialect) bind(query string, args []any) (string, []any) {
	if d != MySQL || len(args) == 0 {
		return query, args
	}
	var (
		text  strings.Builder
		bound []any
	)
	for {
		before, rest, found := strings.Cut(query, "$")
		text.WriteString(before)
		if !found {
			return text.String(), bound
		}
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, _ := strconv.Atoi(rest[:digits])
		bound = append(bound, args[n-1])
		text.WriteByte('?')
		query = rest[digits:]
	}
}

// statementLimit is how long a worker waits for the response to a statement, a BEGIN or
// a COMMIT. A database that hangs holds up no worker for ever.
const statementLimit = leaseMargin

// execute runs a worker's statement.
func execute(ctx context.Context, q sqldb.Querier, query string, args ...any) (sql.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	return q.ExecContext(ctx, query, args...)
}

func inTx(ctx context.Context, db *database, work func(*transaction) error) error {
	return inTxWithin(ctx, db, math.MaxInt64, work)
}

// inTxWithin is inTx with a limit of its BEGIN and of its end, and none of the work.
func inTxWithin(ctx context.Context, db *database, limit time.Duration, work func(*transaction) error) error {
	return inTxOn(ctx, db, db.DB, limit, work)
}

// inGuardedTx is inTxWithin for the work of a func, which may ignore an error.
func inGuardedTx(ctx context.Context, db *database, limit time.Duration, work func(*transaction) error) error {
	return sqldb.Guarded(ctx, db.DB, sqldb.Dialect(db.dialect), limit, func(on sqldb.Beginner) error {
		return inTxOn(ctx, db, on, limit, work)
	})
}

// within waits for the end of a transaction, but not longer than a limit.
func within(limit time.Duration, end func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return sqldb.Until(ctx, end)
}

func inTxOn(ctx context.Context, db *database, on sqldb.Beginner, limit time.Duration, work func(*transaction) error) error {
	var options *sql.TxOptions
	if db.dialect == MySQL {
		// At REPEATABLE READ the locks of a worker hold up the plans of others.
		options = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(limit, cancel)
	tx, err := on.BeginTx(ctx, options)
	late.Stop()
	if err != nil {
		return err
	}
	committing := false
	defer func() {
		if !committing {
			_ = within(limit, tx.Rollback)
		}
	}()
	if err := work(&transaction{tx, db.dialect, funcLimit}); err != nil {
		return err
	}
	committing = true
	err = within(limit, tx.Commit)
	switch {
	case err == nil:
		return nil
	case sqldb.Undone(err):
		return &undoneError{err}
	}
	return &commitError{err}
}

// undoneError is an error of COMMIT with which the database undid the transaction: a
// deferred constraint does not hold, say.
type undoneError struct{ err error }

func (e *undoneError) Error() string { return "commit: " + e.err.Error() }
func (e *undoneError) Unwrap() error { return e.err }

// commitError is an error of COMMIT: the transaction may have been committed.
type commitError struct{ err error }

func (e *commitError) Error() string { return "commit: " + e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }
