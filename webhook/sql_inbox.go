package webhook

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
)

// SQLInbox is an Inbox in your own database, shared by all your processes. While
// your function runs, the reference is locked by its row, so a process that dies
// leaves nothing behind. A process uses one connection for a reference at a time.
type SQLInbox struct {
	db      *sql.DB
	dialect Dialect
	do      sqlStatements
	locks
	checked  atomic.Bool
	checking chan struct{}
}

// NewSQLInbox uses db and never closes it. Call Migrate and Check before you serve.
func NewSQLInbox(db *sql.DB, dialect Dialect) (*SQLInbox, error) {
	f := faults{of: "SQLInbox: "}
	f.must(db != nil, "no database")
	f.must(sqldb.Dialect(dialect).Known(), "unknown dialect %q", string(dialect))
	if err := f.err(); err != nil {
		return nil, err
	}
	return &SQLInbox{db: db, dialect: dialect, do: newSQLStatements(dialect), checking: make(chan struct{}, 1)}, nil
}

// Do implements Inbox, in one transaction. After a deadlock or a serialization
// failure it rolls back and tries again.
func (s *SQLInbox) Do(ctx context.Context, claim Claim, work Work) error {
	ctx, cancel := context.WithTimeout(ctx, claim.Timeout)
	defer cancel()
	key := lockKey{claim.Provider, claim.Reference}
	if err := s.lock(ctx, key, claim.Wait); err != nil {
		return err
	}
	defer s.unlock(key)
	if !s.checked.Load() {
		// Nobody called Check. Without it, a table that fits badly could repeat effects.
		if err := s.Check(ctx); err != nil {
			return err
		}
	}
	return sqldb.Again(ctx, func() error {
		return sqldb.Guarded(ctx, s.db, sqldb.Dialect(s.dialect), claim.Timeout, func(on sqldb.Beginner) error {
			return s.attempt(ctx, on, claim, work)
		})
	})
}

func (s *SQLInbox) attempt(ctx context.Context, on sqldb.Beginner, claim Claim, work Work) error {
	tx, err := on.BeginTx(ctx, nil)
	if err != nil {
		return failed("begin", err)
	}
	open := true
	defer func() {
		if open {
			_ = sqldb.Until(ctx, tx.Rollback)
		}
	}()
	row, err := s.claim(ctx, tx, claim)
	if err != nil {
		return err
	}
	if err := s.savepoint(ctx, tx, s.do.savepoint); err != nil {
		return failed("savepoint", err)
	}
	next, err := work(ctx, tx, row.known)
	switch {
	case err != nil:
		return err
	case next == row.known && !row.idle:
		return nil
	}
	if err := s.savepoint(ctx, tx, s.do.release); err != nil {
		return ended(ctx, "savepoint", err)
	}
	if next != row.stored || row.idle {
		if _, err := tx.ExecContext(ctx, s.do.store, next.State, next.Seen, today(), claim.Provider, claim.Reference); err != nil {
			return ended(ctx, "store", err)
		}
	}
	open = false
	// A COMMIT that is given up may still take effect: the delivery comes again, and is then
	// a duplicate.
	return ended(ctx, "commit", sqldb.Until(ctx, tx.Commit))
}

// savepoint runs a statement about the savepoint that work finds. Only the end of the
// transaction takes it away. PostgreSQL needs none: it refuses to store and to commit.
func (s *SQLInbox) savepoint(ctx context.Context, tx *sql.Tx, statement string) error {
	if s.dialect == PostgreSQL {
		return nil
	}
	_, err := tx.ExecContext(ctx, statement)
	return err
}

// ended is failed after work, which may have ignored an error that ended the transaction.
func ended(ctx context.Context, what string, err error) error {
	if ctx.Err() == nil && sqldb.Ended(err) {
		return fmt.Errorf("HandleTx: %w", sqldb.ErrEnded)
	}
	return failed(what, err)
}

// claimed is a row that is locked.
type claimed struct {
	known, stored Record // what it held, and what it holds now
	idle          bool   // nothing has touched it today
}

// claim locks the row of the reference. A reference without a row gets one with
// claim.First. What comes after a state in claim.From is stored as well, which saves a
// statement.
func (s *SQLInbox) claim(ctx context.Context, tx *sql.Tx, claim Claim) (row claimed, err error) {
	// The wait for the row has a bound of its own.
	waiting, cancel := context.WithTimeout(ctx, claim.Wait)
	defer cancel()
	args := []any{claim.Provider, claim.Reference, claim.First.State, claim.First.Seen, today(), tab + strings.Join(claim.From, tab) + tab}
	var was sql.NullString
	insert := func() error {
		if s.dialect != MySQL {
			row.stored = claim.First
			return tx.QueryRowContext(waiting, s.do.claim, args...).Scan(&was, &row.stored.Seen)
		}
		result, err := tx.ExecContext(waiting, s.do.claim, args...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			row.stored = claim.First
			return err
		}
		return sql.ErrNoRows
	}
	read := func() error {
		var touched int64
		err := tx.QueryRowContext(waiting, s.do.read, claim.Provider, claim.Reference).Scan(&was, &row.stored.State, &row.stored.Seen, &touched)
		row.idle = err == nil && touched < today()
		return err
	}
	steps := []func() error{insert, read}
	if s.dialect == PostgreSQL && len(claim.From) == 0 {
		steps = []func() error{read, insert, read} // there is nothing to store yet
	}
	err = sql.ErrNoRows
	for ; errors.Is(err, sql.ErrNoRows) && len(steps) > 0; steps = steps[1:] {
		err = steps[0]()
	}
	switch {
	case err != nil && waiting.Err() != nil && ctx.Err() == nil:
		return claimed{}, ErrBusy
	case err != nil:
		return claimed{}, failed("claim", err)
	case !was.Valid: // a new row
	case strings.HasPrefix(was.String, tab):
		row.known = row.stored
	default:
		row.known = Record{State: was.String, Seen: strings.TrimSuffix(row.stored.Seen, claim.First.Seen)}
	}
	return row, nil
}

// Migrate creates the inbox's tables, webhook_inbox and webhook_schema, or brings them
// up to date. Any number of processes may call it at once.
func (s *SQLInbox) Migrate(ctx context.Context) error {
	return failed("migrate", tables().Migrate(ctx, s.db, sqldb.Dialect(s.dialect)))
}

// Check looks for what would go wrong later: tables that are missing, foreign, older
// or newer, a pool of connections that cannot prepare statements, and SQLite without
// a busy timeout. Its error wraps ErrConfiguration and says what to do. If you do
// not call it, the first delivery does.
func (s *SQLInbox) Check(ctx context.Context) error {
	// It holds two connections at once, so one check at a time, or checks could wait
	// for each other's.
	select {
	case s.checking <- struct{}{}:
		defer func() { <-s.checking }()
	case <-ctx.Done():
		return failed("check", ctx.Err())
	}
	f := faults{of: "SQLInbox: "}
	if err := s.checkPool(ctx); err != nil {
		return err
	}
	err := tables().Check(ctx, s.db, sqldb.Dialect(s.dialect), fmt.Errorf("%w: SQLInbox", ErrConfiguration), "call SQLInbox.Migrate")
	switch {
	case ctx.Err() != nil:
		return failed("check", ctx.Err())
	case errors.Is(err, ErrConfiguration):
		f.all = append(f.all, err)
	case err != nil:
		return failed("check", err)
	default:
		err := s.probe(ctx)
		if err != nil && s.db.PingContext(ctx) != nil { // the server went away
			return failed("check", err)
		}
		f.must(err == nil, "table webhook_inbox is not ours: %v", err)
	}
	if s.dialect == SQLite {
		var timeout int
		err := s.db.QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&timeout)
		f.must(err == nil && timeout > 0, "SQLite without a busy timeout; add ?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate to its name")
	}
	if f.err() == nil {
		s.checked.Store(true)
	}
	return f.err()
}

// checkPool runs a prepared statement on two connections. PgBouncer in transaction
// mode gives both the same session, which then knows the statement already.
func (s *SQLInbox) checkPool(ctx context.Context) error {
	if s.db.Stats().MaxOpenConnections == 1 || s.dialect != PostgreSQL {
		return nil
	}
	for range 2 {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return failed("check", err)
		}
		defer func() { _ = conn.Close() }()
		for range 2 {
			var one int
			err = conn.QueryRowContext(ctx, `SELECT CAST($1 AS int)`, 1).Scan(&one)
			if state := sqldb.State(err); state == "42P05" || state == "26000" || state == "08P01" {
				return fmt.Errorf("%w: SQLInbox: %s: %w", ErrConfiguration, sqldb.PoolMode, err)
			}
		}
		if err != nil {
			return failed("check", err)
		}
	}
	return nil
}

// probe claims a reference three times and rolls back: each claim must find what the
// one before has stored.
func (s *SQLInbox) probe(ctx context.Context) error {
	return sqldb.Again(ctx, func() error {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = sqldb.Until(ctx, tx.Rollback) }()
		claim := Claim{Provider: "webhook.Check", Reference: rand.Text(), First: Record{State: "é", Seen: "0123456789abcdef"}, Wait: time.Minute}
		row, err := s.claim(ctx, tx, claim)
		if err == nil && row.stored != claim.First {
			err = errors.New("a new reference is not new")
		}
		for range 2 {
			if err != nil {
				return err
			}
			before := row.stored
			claim.From, claim.First.Seen = []string{"", "é"}, "fedcba9876543210"
			if row, err = s.claim(ctx, tx, claim); err == nil && row.known != before {
				err = errors.New("a reference comes twice, or not as it was stored")
			}
		}
		return err
	})
}

// purgeBatch keeps each DELETE short, so that deliveries do not wait for it.
const purgeBatch = 1000

// Purge forgets references that had no event for as long as keep, in days rounded up, and
// returns their number. A duplicate is an event, too. A delivery that comes later is handed on again. So
// keep them for longer than a provider retries, and for BitPesa and Kotani v3, whose
// signatures hold no time, for as long as anybody could hold a copy of a delivery.
func (s *SQLInbox) Purge(ctx context.Context, keep time.Duration) (purged int64, err error) {
	if keep <= 0 {
		return 0, fmt.Errorf("%w: Purge: nothing to keep", ErrConfiguration)
	}
	before := today() - int64((keep+day-1)/day)
	for {
		var n int64
		err := sqldb.Again(ctx, func() error {
			result, err := s.db.ExecContext(ctx, s.do.purge, before, purgeBatch)
			if err == nil {
				n, err = result.RowsAffected()
			}
			return err
		})
		purged += n
		if err != nil || n < purgeBatch {
			return purged, failed("purge", err)
		}
	}
}

const day = 24 * time.Hour

// today is a whole number of days, so that most updates change no index.
func today() int64 { return time.Now().Unix() / int64(day/time.Second) }

func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("inbox: %s: %w", what, err)
}

// Dialect is the SQL a SQLInbox speaks.
type Dialect string

const (
	// PostgreSQL is PostgreSQL 12 or later.
	PostgreSQL Dialect = "postgresql"
	// MySQL is MySQL 8 or MariaDB 10.5, or later.
	MySQL Dialect = "mysql"
	// SQLite is SQLite 3.35 or later. Open it with a busy timeout and WAL: for
	// modernc.org/sqlite "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate".
	SQLite Dialect = "sqlite"
)

// tables has one row per reference. was is the state before the last; null in a new row,
// and a tab after a claim that left the state as it was. touched_day is in days since
// 1970 and only serves Purge.
func tables() *sqldb.Schema {
	return &sqldb.Schema{
		Name: "webhook", Lock: 7306920436,
		Migrations: []string{`CREATE TABLE IF NOT EXISTS webhook_inbox (
	provider    {key}  NOT NULL,
	reference   {key}  NOT NULL,
	state       {text} NOT NULL,
	seen        {text} NOT NULL,
	was         {text} NULL,
	touched_day bigint NOT NULL,
	PRIMARY KEY (provider, reference){touched}
){options};
{index}webhook_inbox_touched ON webhook_inbox (touched_day)`},
		Words: map[sqldb.Dialect][]string{
			sqldb.PostgreSQL: {"{key}", "text", "{text}", "text", "{touched}", "", "{options}", " WITH (fillfactor = 80)", "{index}", "CREATE INDEX IF NOT EXISTS "},
			sqldb.SQLite:     {"{key}", "text", "{text}", "text", "{touched}", "", "{options}", "", "{index}", "CREATE INDEX IF NOT EXISTS "},
			// Bytes are compared as they are: no letter equals another, no space is cut.
			sqldb.MySQL: {
				"{key}", "varbinary(255)", "{text}", "varchar(4000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
				"{touched}", ",\n\tINDEX webhook_inbox_touched (touched_day)", "{options}", " ENGINE = InnoDB", "{index}", "-- ",
			},
		},
	}
}

const tab = "\t" // no state holds one

// sqlStatements are a SQLInbox's statements in its dialect.
type sqlStatements struct {
	claim, read, store, purge string
	savepoint, release        string
}

func newSQLStatements(d Dialect) sqlStatements {
	s := sqlStatements{
		// It returns no row, and has locked the row, if the state is not to change.
		claim: `INSERT INTO webhook_inbox AS i (provider, reference, state, seen, touched_day) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (provider, reference) DO UPDATE SET was = i.state, state = $3, seen = substr(i.seen || $4, greatest(1, length(i.seen || $4) - 2047)), touched_day = $5
			WHERE strpos($6, chr(9) || i.state || chr(9)) > 0 AND ($4 = '' OR strpos(i.seen, $4) = 0) RETURNING was, seen`,
		read:  `SELECT chr(9), state, seen, touched_day FROM webhook_inbox WHERE provider = $1 AND reference = $2 FOR UPDATE`,
		store: `UPDATE webhook_inbox SET state = $1, seen = $2, touched_day = $3 WHERE provider = $4 AND reference = $5`,

		savepoint: `SAVEPOINT webhook_handle_tx`, release: `RELEASE SAVEPOINT webhook_handle_tx`,
	}
	switch d {
	case PostgreSQL:
		s.purge = `DELETE FROM webhook_inbox WHERE ctid = ANY (ARRAY(
			SELECT ctid FROM webhook_inbox WHERE touched_day < $1 ORDER BY touched_day LIMIT $2 FOR UPDATE SKIP LOCKED))`
	case SQLite:
		s.claim = strings.NewReplacer("greatest", "max", "strpos", "instr", "chr", "char").Replace(s.claim)
		s.read = `SELECT char(9), state, seen, touched_day FROM webhook_inbox WHERE provider = $1 AND reference = $2`
		s.purge = `DELETE FROM webhook_inbox WHERE rowid IN (SELECT rowid FROM webhook_inbox WHERE touched_day < $1 ORDER BY touched_day LIMIT $2)`
	case MySQL:
		// Assignments take effect from left to right. was always changes, so that one
		// affected row means a new row, whatever the driver's clientFoundRows says.
		s.claim = `INSERT INTO webhook_inbox (provider, reference, state, seen, touched_day) VALUES ($1, $2, $3, $4, $5)
			ON DUPLICATE KEY UPDATE was = IF(INSTR($6, CONCAT(CHAR(9), state, CHAR(9))) > 0 AND (VALUES(seen) = '' OR INSTR(seen, VALUES(seen)) = 0), state, IF(was = CHAR(9), CHAR(9, 9), CHAR(9))),
			state = IF(LEFT(was, 1) = CHAR(9), state, VALUES(state)), seen = IF(LEFT(was, 1) = CHAR(9), seen, RIGHT(CONCAT(seen, VALUES(seen)), 2048)), touched_day = IF(LEFT(was, 1) = CHAR(9), touched_day, VALUES(touched_day))`
		s.read = `SELECT was, state, seen, touched_day FROM webhook_inbox WHERE provider = $1 AND reference = $2 FOR UPDATE`
		s.purge = `DELETE FROM webhook_inbox WHERE touched_day < $1 ORDER BY touched_day LIMIT $2`
	}
	for _, text := range []*string{&s.claim, &s.read, &s.store, &s.purge} {
		switch d {
		case SQLite:
			*text = strings.ReplaceAll(*text, "$", "?")
		case MySQL: // its parameters are in order in every statement
			*text = regexp.MustCompile(`\$\d`).ReplaceAllString(*text, "?")
		}
	}
	return s
}
