// Package sqldb is what webhook's inbox and sdk/journal need of a merchant's database:
// tables that have a version, the errors after which a transaction is run again, and what
// sees that a merchant's function has lost its transaction.
//
// It knows no driver, so it goes by what drivers have in common. [Schema.Migrate] may
// be called by any number of processes at once.
package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Dialect is the SQL of a database.
type Dialect string

// The dialects.
const (
	PostgreSQL Dialect = "postgresql"
	MySQL      Dialect = "mysql" // and MariaDB
	SQLite     Dialect = "sqlite"
)

// Known reports whether d is a dialect.
func (d Dialect) Known() bool { return d == PostgreSQL || d == MySQL || d == SQLite }

// PoolMode says what to set when a statement that a driver has prepared is there already, or is
// gone.
const PoolMode = "a pool such as PgBouncer in transaction mode mixes up prepared statements; set max_prepared_statements in pgbouncer.ini, or add default_query_exec_mode=exec to the DSN of pgx, binary_parameters=yes to that of lib/pq"

// Schema is the tables of one package. Their version is kept in the table Name_schema.
type Schema struct {
	Name string
	Lock int64 // of PostgreSQL: any number, the same in every process
	// Migrations bring the tables from each version to the next. A migration that was
	// released never changes. Its statements end in ";\n". A statement that begins with
	// "-- " is left out.
	Migrations []string
	Words      map[Dialect][]string // pairs: {word}, and what replaces it. They may be nested once.
}

// Querier is a database, a connection or a transaction.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Newest is the version that this release needs.
func (s *Schema) Newest() int { return len(s.Migrations) }

// Version is the version of the tables. Without tables the error is sql.ErrNoRows.
func (s *Schema) Version(ctx context.Context, q Querier, d Dialect) (version int, err error) {
	exists := `SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('` + s.Name + `_schema')`
	switch d {
	case SQLite:
		exists = `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '` + s.Name + `_schema'`
	case MySQL:
		exists = `SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '` + s.Name + `_schema'`
	}
	tables := 0
	if err := QueryRow(ctx, q, exists, nil, &tables); err != nil {
		return 0, err
	}
	if tables == 0 {
		return 0, sql.ErrNoRows
	}
	err = QueryRow(ctx, q, `SELECT version FROM `+s.Name+`_schema WHERE one = 1`, nil, &version)
	return version, err
}

// Check says what to do about tables that this release does not know: migrate names the
// call that creates or updates them. Its error is configuration, unless the version
// could not be read.
func (s *Schema) Check(ctx context.Context, db *sql.DB, d Dialect, configuration error, migrate string) error {
	version, err := s.Version(ctx, db, d)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%w: no table %s_schema in this database: %s", configuration, s.Name, migrate)
	case err != nil:
		return fmt.Errorf("%s: read the version of the tables: %w", s.Name, err)
	case version > s.Newest():
		return fmt.Errorf("%w: the tables have version %d and this release knows %d: update this process, or point it at its own database",
			configuration, version, s.Newest())
	case version < s.Newest():
		return fmt.Errorf("%w: the tables have version %d and this release needs %d: %s", configuration, version, s.Newest(), migrate)
	}
	return nil
}

// Migrate creates the tables, or brings them up to date. It leaves newer tables alone.
func (s *Schema) Migrate(ctx context.Context, db *sql.DB, d Dialect) error {
	if version, err := s.Version(ctx, db, d); err == nil && version >= s.Newest() {
		return nil
	}
	if d == MySQL {
		return s.migrateMySQL(ctx, db)
	}
	return Again(ctx, func() error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // after a commit it does nothing
		if d == PostgreSQL {                 // all others wait
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(`+strconv.FormatInt(s.Lock, 10)+`)`); err != nil {
				return err
			}
		}
		if err := s.migrate(ctx, tx, d); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// migrateMySQL has no transaction, because each DDL statement commits. A lock of the
// connection makes all others wait. It ends with the connection.
func (s *Schema) migrateMySQL(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()                  // back to the pool
	lock := `CONCAT('` + s.Name + `_', MD5(DATABASE()))` // a lock is the server's, and not the database's
	for got := (sql.NullInt64{}); got.Int64 != 1; {
		// A short wait, so that the end of ctx is noticed.
		database := sql.NullString{}
		if err := QueryRow(ctx, conn, `SELECT GET_LOCK(`+lock+`, 5), DATABASE()`, nil, &got, &database); err != nil {
			return err
		}
		switch {
		case !database.Valid:
			return errors.New("the DSN names no database")
		case !got.Valid:
			return errors.New("the server refused the lock of the migration")
		}
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), `DO RELEASE_LOCK(`+lock+`)`) }()
	return s.migrate(ctx, conn, MySQL)
}

func (s *Schema) migrate(ctx context.Context, q Querier, d Dialect) error {
	engine, otherwise := "", "ON CONFLICT DO NOTHING"
	if d == MySQL {
		engine, otherwise = " ENGINE=InnoDB", "ON DUPLICATE KEY UPDATE one = one"
	}
	for _, statement := range []string{
		`CREATE TABLE IF NOT EXISTS ` + s.Name + `_schema (one smallint NOT NULL PRIMARY KEY, version bigint NOT NULL)` + engine,
		`INSERT INTO ` + s.Name + `_schema (one, version) VALUES (1, 0) ` + otherwise,
		`UPDATE ` + s.Name + `_schema SET version = version WHERE one = 1`, // SQLite: all others wait
	} {
		if _, err := q.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	version, err := s.Version(ctx, q, d)
	if err != nil {
		return err
	}
	for ; version < s.Newest(); version++ {
		for _, statement := range s.statements(d, version) {
			const indexExists = 1061 // MySQL has no CREATE INDEX IF NOT EXISTS
			if _, err := q.ExecContext(ctx, statement); err != nil && mysqlNumber(err) != indexExists {
				return fmt.Errorf("to version %d: %w", version+1, err)
			}
		}
		if _, err := q.ExecContext(ctx, `UPDATE `+s.Name+`_schema SET version = `+strconv.Itoa(version+1)+` WHERE one = 1`); err != nil {
			return err
		}
	}
	return nil
}

// statements are those that follow version. On MySQL each one commits, so that a
// migration which was cut off begins again: they can be repeated.
func (s *Schema) statements(d Dialect, version int) (out []string) {
	replacer := strings.NewReplacer(s.Words[d]...)
	for statement := range strings.SplitSeq(replacer.Replace(replacer.Replace(s.Migrations[version])), ";\n") {
		if !strings.HasPrefix(statement, "-- ") {
			out = append(out, statement)
		}
	}
	return out
}

// QueryRow reads the one row of a query. Without a row it returns sql.ErrNoRows.
func QueryRow(ctx context.Context, q Querier, query string, args []any, into ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
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

// Again runs a transaction, and repeats it after a Passing error. It begins no run after a
// minute: MySQL alone waits 50 s for a lock in each, and somebody waits for the end.
func Again(ctx context.Context, do func() error) error {
	pause, began := time.Millisecond, time.Now()
	for {
		err := do()
		if !Passing(err) || time.Since(began) >= time.Minute {
			return err
		}
		timer := time.NewTimer(pause/2 + jitter(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause = min(2*pause, 100*time.Millisecond)
	}
}

// jitter is shorter than d. The clock is its only source, so that a simulated day, which has
// a clock of its own, can be made again.
func jitter(d time.Duration) time.Duration {
	mixed := uint64(time.Now().UnixNano()) * 0x9e3779b97f4a7c15 // of the golden ratio: nearby moments are far apart
	return time.Duration(mixed>>32) * d >> 32
}

// Passing reports an error after which the same transaction may succeed at once: a
// deadlock, a serialization failure, or a lock that another transaction held.
func Passing(err error) bool {
	if err == nil {
		return false
	}
	if state := State(err); state != "" {
		return state == "40001" || state == "40P01"
	}
	var code interface{ Code() int } // modernc.org/sqlite
	if errors.As(err, &code) {
		primary := code.Code() & 0xff
		return primary == 5 || primary == 6 // SQLITE_BUSY, SQLITE_LOCKED
	}
	switch mysqlNumber(err) {
	case 1213, 1205, 1020: // deadlock, lock wait timeout, record has changed since last read
		return true
	}
	// Other SQLite drivers have no code. The text of a provider's error may hold that of
	// the provider's own database.
	var provider *sdk.Error
	if errors.As(err, &provider) {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "database is locked") || strings.Contains(text, "database table is locked")
}

// State is the SQLSTATE that pgx and lib/pq show, and empty for other drivers.
func State(err error) string {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState()
	}
	return ""
}

// mysqlNumber is the number of an error of github.com/go-sql-driver/mysql, which has no
// method that shows it.
func mysqlNumber(err error) uint64 {
	for err != nil {
		v := reflect.Indirect(reflect.ValueOf(err))
		if v.Kind() == reflect.Struct && v.Type().Name() == "MySQLError" {
			if number := v.FieldByName("Number"); number.IsValid() && number.CanUint() {
				return number.Uint()
			}
		}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, each := range joined.Unwrap() {
				if n := mysqlNumber(each); n != 0 {
					return n
				}
			}
		}
		err = errors.Unwrap(err)
	}
	return 0
}

// Beginner is a database or a connection.
type Beginner interface {
	BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error)
}

// Guarded calls use, whose transaction runs a merchant's function, which may ignore an
// error. At a deadlock MySQL rolls back, and then commits each statement by itself. So use
// gets a connection without autocommit: these statements are a transaction too, which is
// rolled back when use fails. limit bounds each statement of Guarded, and its end.
func Guarded(ctx context.Context, db *sql.DB, d Dialect, limit time.Duration, use func(Beginner) error) error {
	if d != MySQL {
		return use(db)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	say := func(ctx context.Context, statement string) error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		_, err := conn.ExecContext(ctx, statement)
		return err
	}
	worked := false
	defer func() {
		ending, cancel := endOf(ctx, limit)
		_ = Until(ending, func() error {
			defer cancel()
			var err error
			if !worked { // SET would commit what is open
				err = say(ending, `ROLLBACK`)
			}
			if err == nil {
				err = say(ending, `SET autocommit = 1`)
			}
			if err != nil { // the connection serves nobody any more
				_ = conn.Raw(func(any) error { return driver.ErrBadConn })
			}
			return conn.Close()
		})
	}()
	if err := say(ctx, `SET autocommit = 0`); err != nil {
		return err
	}
	err = use(conn)
	worked = err == nil
	return err
}

// endOf is a context for what has to be done after ctx was cancelled. It ends at the
// deadline of ctx, or after limit.
func endOf(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	end := time.Now().Add(limit)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

// ErrPanic is the error of a driver that panicked.
var ErrPanic = errors.New("the driver of the database panicked")

// Until ends a transaction, and waits for it until ctx ends. go-sql-driver waits for a
// server or a network that hangs as long as they do.
func Until(ctx context.Context, end func() error) error {
	ended := make(chan error, 1)
	go func() {
		err := ErrPanic // unless end returns
		defer func() {
			_ = recover()
			ended <- err
		}()
		err = end()
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Undone reports an error of a COMMIT, or of a statement without a transaction, which says
// that it took no effect. A code does, but not one of a connection (08, PgBouncer's own),
// of a server that ends (57P), or of an end that nobody knows. So does a constraint of SQLite.
func Undone(err error) bool {
	const (
		unknown    = "40003"
		constraint = 19 // SQLITE_CONSTRAINT
	)
	var code interface{ Code() int }
	if errors.As(err, &code) {
		return code.Code()&0xff == constraint
	}
	if err == nil || strings.Contains(err.Error(), "constraint failed") { // other drivers of SQLite
		return err != nil
	}
	state := State(err)
	return state != "" && state != unknown && !strings.HasPrefix(state, "08") && !strings.HasPrefix(state, "57P")
}

// ErrEnded says of a merchant's function that it has ignored an error.
var ErrEnded = errors.New("its transaction had ended when it returned nil: return each error of a statement")

// Ended reports an error which says that the transaction of a statement, or of a COMMIT,
// had ended before.
func Ended(err error) bool {
	if err == nil {
		return false
	}
	const (
		failedTransaction = "25P02" // PostgreSQL refuses all that follows an error
		noSavepoint       = 1305    // of MySQL
	)
	if errors.Is(err, sql.ErrTxDone) || State(err) == failedTransaction || mysqlNumber(err) == noSavepoint {
		return true
	}
	for _, text := range []string{
		"no such savepoint",                                    // SQLite
		"commit unexpectedly resulted in rollback",             // pgx
		"Could not complete operation in a failed transaction", // lib/pq
	} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}
