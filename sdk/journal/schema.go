package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Dialect is the SQL of your database.
type Dialect string

const (
	// PostgreSQL is PostgreSQL 12 or later, also behind PgBouncer in transaction mode.
	PostgreSQL Dialect = "postgresql"
	// SQLite is SQLite 3.35 or later. Open the database with a busy timeout, with WAL
	// and with immediate transactions: for modernc.org/sqlite
	// "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate".
	SQLite Dialect = "sqlite"
)

func (d Dialect) known() bool { return d == PostgreSQL || d == SQLite }

// migrations bring the tables from each version to the next. A migration that was
// released never changes. Times are microseconds since 1970 by the database's clock,
// which all processes share.
//
// due_at serves sending, retries, polls and dead workers alike, and is NULL when
// nothing is to do. It is the only column that decides what a worker takes. lane
// keeps new entries (1) from starving those that were sent (0).
var migrations = []string{
	1: `CREATE TABLE journal_entries (
	id             {id},
	flow           text     NOT NULL,
	reference      text     NOT NULL,
	digest         {bytes}  NOT NULL,
	digest_version smallint NOT NULL,
	state          text     NOT NULL,
	standing       text     NOT NULL,
	resume         text     NOT NULL,
	owed           text     NOT NULL,
	step           smallint NOT NULL,
	lane           smallint NOT NULL,
	due_at         bigint,
	holder         text     NOT NULL,
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
	UNIQUE (flow, reference)
){fill};
CREATE INDEX journal_entries_due ON journal_entries (flow, lane, due_at) WHERE due_at IS NOT NULL;
CREATE TABLE journal_details (
	entry    bigint  NOT NULL PRIMARY KEY,
	amount   text    NOT NULL,
	currency text    NOT NULL,
	params   {bytes} NOT NULL,
	prepared {bytes} NOT NULL,
	value    {bytes} NOT NULL,
	note     text    NOT NULL
);
CREATE TABLE journal_history (
	id     {id},
	entry  bigint NOT NULL,
	at     bigint NOT NULL,
	event  text   NOT NULL,
	state  text   NOT NULL,
	actor  text   NOT NULL,
	note   text   NOT NULL
);
CREATE INDEX journal_history_entry ON journal_history (entry);
CREATE TABLE journal_stuck (
	entry   bigint   NOT NULL PRIMARY KEY,
	flow    text     NOT NULL,
	reason  text     NOT NULL,
	note    text     NOT NULL,
	since   bigint   NOT NULL,
	alerted smallint NOT NULL
);
CREATE TABLE journal_flows (
	flow        text     NOT NULL PRIMARY KEY,
	paused      smallint NOT NULL,
	adopt_until bigint   NOT NULL,
	actor       text     NOT NULL,
	note        text     NOT NULL,
	changed_at  bigint   NOT NULL
);
CREATE TABLE journal_spend (
	flow     text   NOT NULL,
	currency text   NOT NULL,
	begins   bigint NOT NULL,
	amount   text   NOT NULL,
	PRIMARY KEY (flow, currency, begins)
)`,
}

var newestSchema = len(migrations) - 1

func (d Dialect) ddl(text string) string {
	words := strings.NewReplacer("{id}", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "{bytes}", "bytea", "{fill}", " WITH (fillfactor = 80)")
	if d == SQLite {
		words = strings.NewReplacer("{id}", "integer PRIMARY KEY AUTOINCREMENT", "{bytes}", "blob", "{fill}", "")
	}
	return words.Replace(text)
}

// Migrate creates the tables, or brings them up to date. Several processes may call
// it at once. Open calls it unless Config.OnlyCheck is set.
func Migrate(ctx context.Context, db *sql.DB, dialect Dialect) error {
	if !dialect.known() {
		return fmt.Errorf("%w: unknown dialect %q", ErrConfiguration, dialect)
	}
	if version, err := readSchema(ctx, db, dialect); err == nil && version >= newestSchema {
		return nil // checkSchema refuses what is newer
	}
	return failed("migrate", inTx(ctx, db, func(tx *sql.Tx) error {
		// Each dialect begins with a statement that makes all others wait.
		first := []string{
			`SELECT pg_advisory_xact_lock(7306920435)`, // any number, the same in every process
			`CREATE TABLE IF NOT EXISTS journal_schema (one smallint NOT NULL PRIMARY KEY, version bigint NOT NULL)`,
			`INSERT INTO journal_schema (one, version) VALUES (1, 0) ON CONFLICT DO NOTHING`,
			`UPDATE journal_schema SET version = version WHERE one = 1`,
		}
		if dialect == SQLite {
			first = first[1:]
		}
		for _, statement := range first {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		version, err := readSchema(ctx, tx, dialect)
		if err != nil {
			return err
		}
		for ; version < newestSchema; version++ {
			for statement := range strings.SplitSeq(dialect.ddl(migrations[version+1]), ";\n") {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("to version %d: %w", version+1, err)
				}
			}
			if _, err := tx.ExecContext(ctx, `UPDATE journal_schema SET version = `+strconv.Itoa(version+1)+` WHERE one = 1`); err != nil {
				return err
			}
		}
		return nil
	}))
}

// checkSchema says what to do about tables that this release does not know.
func checkSchema(ctx context.Context, db *sql.DB, dialect Dialect) error {
	version, err := readSchema(ctx, db, dialect)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%w: the journal has no tables in this database: call journal.Migrate, or Open without OnlyCheck", ErrConfiguration)
	case err != nil:
		return failed("read the version of the tables", err)
	case version > newestSchema:
		return fmt.Errorf("%w: the tables are at version %d and this release knows %d: update this process, or point it at its own database",
			ErrConfiguration, version, newestSchema)
	case version < newestSchema:
		return fmt.Errorf("%w: the tables are at version %d and this release needs %d: call journal.Migrate, or Open without OnlyCheck",
			ErrConfiguration, version, newestSchema)
	}
	return nil
}

// querier is a database or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// readSchema returns sql.ErrNoRows when there are no tables.
func readSchema(ctx context.Context, q querier, dialect Dialect) (version int, err error) {
	exists := `SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('journal_schema')`
	if dialect == SQLite {
		exists = `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'journal_schema'`
	}
	tables := 0
	if err := queryRow(ctx, q, exists, nil, &tables); err != nil {
		return 0, err
	}
	if tables == 0 {
		return 0, sql.ErrNoRows
	}
	err = queryRow(ctx, q, `SELECT version FROM journal_schema WHERE one = 1`, nil, &version)
	return version, err
}

// queryRow reads the one row of a query. Without a row it returns sql.ErrNoRows.
func queryRow(ctx context.Context, q querier, query string, args []any, into ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	return rows.Close()
}

func inTx(ctx context.Context, db *sql.DB, work func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := work(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return &commitError{err}
	}
	return nil
}

// commitError is an error of COMMIT: the transaction may have been committed.
type commitError struct{ err error }

func (e *commitError) Error() string { return "commit: " + e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }
