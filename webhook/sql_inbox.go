package webhook

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
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
	f.must(dialect == PostgreSQL || dialect == MySQL || dialect == SQLite, "unknown dialect %q", string(dialect))
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
	return again(ctx, func() error { return s.attempt(ctx, claim, work) })
}

func (s *SQLInbox) attempt(ctx context.Context, claim Claim, work Work) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return failed("begin", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	known, stored, err := s.claim(ctx, tx, claim)
	if err != nil {
		return err
	}
	next, err := work(ctx, tx, known)
	switch {
	case err != nil:
		return err
	case next == known:
		return nil
	case next != stored:
		if _, err := tx.ExecContext(ctx, s.do.store, next.State, next.Seen, today(), claim.Provider, claim.Reference); err != nil {
			return failed("store", err)
		}
	}
	return failed("commit", tx.Commit())
}

// claim locks the row of the reference, and returns what it held and what it holds now.
// A reference without a row gets one with claim.First. What comes after a state in
// claim.From is stored as well, which saves a statement.
func (s *SQLInbox) claim(ctx context.Context, tx *sql.Tx, claim Claim) (known, stored Record, err error) {
	// The wait for the row has a bound of its own.
	waiting, cancel := context.WithTimeout(ctx, claim.Wait)
	defer cancel()
	args := []any{claim.Provider, claim.Reference, claim.First.State, claim.First.Seen, today(), tab + strings.Join(claim.From, tab) + tab}
	var was sql.NullString
	insert := func() error {
		if s.dialect != MySQL {
			stored = claim.First
			return tx.QueryRowContext(waiting, s.do.claim, args...).Scan(&was, &stored.Seen)
		}
		result, err := tx.ExecContext(waiting, s.do.claim, args...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			stored = claim.First
			return err
		}
		return sql.ErrNoRows
	}
	read := func() error {
		return tx.QueryRowContext(waiting, s.do.read, claim.Provider, claim.Reference).Scan(&was, &stored.State, &stored.Seen)
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
		return Record{}, Record{}, ErrBusy
	case err != nil:
		return Record{}, Record{}, failed("claim", err)
	case !was.Valid: // a new row
		return Record{}, stored, nil
	case strings.HasPrefix(was.String, tab):
		return stored, stored, nil
	}
	return Record{State: was.String, Seen: strings.TrimSuffix(stored.Seen, claim.First.Seen)}, stored, nil
}

// Migrate creates the inbox's tables, webhook_inbox and webhook_schema, or brings
// them up to date. Any number of processes may call it at once.
func (s *SQLInbox) Migrate(ctx context.Context) error {
	if version, err := s.version(ctx, s.db); err == nil && version >= len(migrations) {
		return nil // Check refuses what is newer
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return failed("migrate", err)
	}
	defer func() { _ = conn.Close() }() // back to the pool
	if s.dialect != MySQL {
		return failed("migrate", again(ctx, func() error {
			tx, err := conn.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback() }()
			if err := s.migrate(ctx, tx); err != nil {
				return err
			}
			return tx.Commit()
		}))
	}
	// MySQL commits with each CREATE TABLE, so a lock of the connection makes the
	// others wait, and a migration that died half way runs again.
	const lock = `CONCAT('webhook_', MD5(DATABASE()))` // a lock is the server's, and not the database's
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(`+lock+`, 60)`).Scan(&got); err != nil || got.Int64 != 1 {
		return failed("migrate", cmp.Or(err, ErrBusy))
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), `DO RELEASE_LOCK(`+lock+`)`) }()
	return failed("migrate", s.migrate(ctx, conn))
}

// querier is a database, a connection or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (s *SQLInbox) migrate(ctx context.Context, q querier) error {
	for _, statement := range s.do.schema {
		if _, err := q.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	version, err := s.version(ctx, q)
	for ; err == nil && version < len(migrations); version++ {
		for statement := range strings.SplitSeq(s.dialect.ddl(migrations[version]), ";\n") {
			if _, err := q.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		_, err = q.ExecContext(ctx, s.do.migrated, version+1)
	}
	return err
}

func (s *SQLInbox) version(ctx context.Context, q querier) (version int, err error) {
	err = q.QueryRowContext(ctx, s.do.version, 1).Scan(&version)
	return version, err
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
	version, err := s.version(ctx, s.db)
	switch {
	case ctx.Err() != nil:
		return failed("check", ctx.Err())
	case err != nil:
		f.must(false, "no table webhook_schema; call Migrate: %v", err)
	case version != len(migrations):
		f.must(false, "the tables have version %d, and this program needs %d; call Migrate, or deploy the newer program", version, len(migrations))
	default:
		err := s.probe(ctx)
		f.must(err == nil, "table webhook_inbox is not ours: %v", err)
	}
	if s.dialect == SQLite {
		var timeout int
		err := s.db.QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&timeout)
		f.must(err == nil && timeout > 0, "SQLite without a busy timeout; add ?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL) to its name")
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
			if state := sqlState(err); state == "42P05" || state == "26000" || state == "08P01" {
				return fmt.Errorf("%w: SQLInbox: a pool such as PgBouncer in transaction mode mixes up prepared statements; for pgx add default_query_exec_mode=exec to the DSN, or set max_prepared_statements in pgbouncer.ini: %w", ErrConfiguration, err)
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
	return again(ctx, func() error {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		claim := Claim{Provider: "webhook.Check", Reference: rand.Text(), First: Record{State: "é", Seen: "0123456789abcdef"}, Wait: time.Minute}
		_, stored, err := s.claim(ctx, tx, claim)
		if err == nil && stored != claim.First {
			err = errors.New("a new reference is not new")
		}
		for range 2 {
			if err != nil {
				return err
			}
			before := stored
			claim.From, claim.First.Seen = []string{"", "é"}, "fedcba9876543210"
			var known Record
			if known, stored, err = s.claim(ctx, tx, claim); err == nil && known != before {
				err = errors.New("a reference comes twice, or not as it was stored")
			}
		}
		return err
	})
}

// purgeBatch keeps each DELETE short, so that deliveries do not wait for it.
const purgeBatch = 1000

// Purge forgets references that were not touched for as long as keep, in days rounded
// up, and returns their number. A delivery that comes later is handed on again. So
// keep them for longer than a provider retries, and for BitPesa and Kotani v3, whose
// signatures hold no time, for as long as anybody could hold a copy of a delivery.
func (s *SQLInbox) Purge(ctx context.Context, keep time.Duration) (purged int64, err error) {
	if keep <= 0 {
		return 0, fmt.Errorf("%w: Purge: nothing to keep", ErrConfiguration)
	}
	before := today() - int64((keep+day-1)/day)
	for {
		var n int64
		err := again(ctx, func() error {
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

// again repeats what a database asks to repeat.
func again(ctx context.Context, do func() error) error {
	pause := time.Millisecond
	for n := 1; ; n++ {
		err := do()
		if !passing(err) || n == maxAttempts {
			return err
		}
		if sleep(ctx, pause/2+mathrand.N(pause)) != nil {
			return err
		}
		pause = min(2*pause, 100*time.Millisecond)
	}
}

const maxAttempts = 100 // of a transaction; the context usually ends before

// passing reports a failure that the same transaction may not meet again. The root
// module knows no driver, so it goes by what drivers have in common.
func passing(err error) bool {
	if err == nil {
		return false
	}
	if state := sqlState(err); state == "40001" || state == "40P01" {
		return true
	}
	var code interface{ Code() int } // modernc.org/sqlite
	if errors.As(err, &code) && (code.Code()&0xff == 5 || code.Code()&0xff == 6) {
		return true
	}
	text := err.Error()
	return strings.Contains(text, "Error 1213") || strings.Contains(text, "Error 1205") || // go-sql-driver/mysql
		strings.Contains(text, "database is locked") || strings.Contains(text, "database table is locked") // other SQLite drivers
}

// sqlState is the code that pgx and lib/pq show; empty for others.
func sqlState(err error) string {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState()
	}
	return ""
}

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
	// modernc.org/sqlite "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)".
	SQLite Dialect = "sqlite"
)

// migrations bring the tables from each version to the next. A migration that was
// released never changes, and each may run again after it died half way.
//
// There is one row per reference. was is the state before the last; null in a new row,
// and a tab after a claim that left the state as it was. touched_day is in days since
// 1970 and only serves Purge.
var migrations = []string{
	`CREATE TABLE IF NOT EXISTS webhook_inbox (
	provider    {key}  NOT NULL,
	reference   {key}  NOT NULL,
	state       {text} NOT NULL,
	seen        {text} NOT NULL,
	was         {text} NULL,
	touched_day bigint NOT NULL,
	PRIMARY KEY (provider, reference){index}
){options}{then}`,
}

func (d Dialect) ddl(text string) string {
	const index = ";\nCREATE INDEX IF NOT EXISTS webhook_inbox_touched ON webhook_inbox (touched_day)"
	words := map[Dialect][]string{
		PostgreSQL: {"{key}", "text", "{text}", "text", "{index}", "", "{options}", " WITH (fillfactor = 80)", "{then}", index},
		SQLite:     {"{key}", "text", "{text}", "text", "{index}", "", "{options}", "", "{then}", index},
		// Bytes are compared as they are: no letter equals another, no space is cut.
		MySQL: {"{key}", "varbinary(255)", "{text}", "varchar(4000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
			"{index}", ",\n\tINDEX webhook_inbox_touched (touched_day)", "{options}", " ENGINE = InnoDB", "{then}", ""},
	}
	return strings.NewReplacer(words[d]...).Replace(text)
}

const tab = "\t" // no state holds one

// sqlStatements are a SQLInbox's statements in its dialect.
type sqlStatements struct {
	claim, read, store, purge string
	schema                    []string // begins a migration, and makes others wait
	version, migrated         string
}

func newSQLStatements(d Dialect) sqlStatements {
	s := sqlStatements{
		// It returns no row, and has locked the row, if the state is not to change.
		claim: `INSERT INTO webhook_inbox AS i (provider, reference, state, seen, touched_day) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (provider, reference) DO UPDATE SET was = i.state, state = $3, seen = substr(i.seen || $4, greatest(1, length(i.seen || $4) - 2047)), touched_day = $5
			WHERE strpos($6, chr(9) || i.state || chr(9)) > 0 AND ($4 = '' OR strpos(i.seen, $4) = 0) RETURNING was, seen`,
		read:     `SELECT chr(9), state, seen FROM webhook_inbox WHERE provider = $1 AND reference = $2 FOR UPDATE`,
		store:    `UPDATE webhook_inbox SET state = $1, seen = $2, touched_day = $3 WHERE provider = $4 AND reference = $5`,
		version:  `SELECT version FROM webhook_schema WHERE one = $1`,
		migrated: `UPDATE webhook_schema SET version = $1 WHERE one = 1`,
		schema: []string{
			`CREATE TABLE IF NOT EXISTS webhook_schema (one int NOT NULL PRIMARY KEY, version bigint NOT NULL)`,
			`INSERT INTO webhook_schema (one, version) VALUES (1, 0) ON CONFLICT DO NOTHING`,
			`UPDATE webhook_schema SET version = version WHERE one = 1`,
		},
	}
	switch d {
	case PostgreSQL:
		s.schema = append([]string{`SELECT pg_advisory_xact_lock(7306920436)`}, s.schema...) // any number, the same in every process
		s.purge = `DELETE FROM webhook_inbox WHERE ctid = ANY (ARRAY(
			SELECT ctid FROM webhook_inbox WHERE touched_day < $1 ORDER BY touched_day LIMIT $2 FOR UPDATE SKIP LOCKED))`
	case SQLite:
		s.claim = strings.NewReplacer("greatest", "max", "strpos", "instr", "chr", "char").Replace(s.claim)
		s.read = `SELECT char(9), state, seen FROM webhook_inbox WHERE provider = $1 AND reference = $2`
		s.purge = `DELETE FROM webhook_inbox WHERE rowid IN (SELECT rowid FROM webhook_inbox WHERE touched_day < $1 ORDER BY touched_day LIMIT $2)`
	case MySQL:
		// Assignments take effect from left to right. was always changes, so that one
		// affected row means a new row, whatever the driver's clientFoundRows says.
		s.claim = `INSERT INTO webhook_inbox (provider, reference, state, seen, touched_day) VALUES ($1, $2, $3, $4, $5)
			ON DUPLICATE KEY UPDATE was = IF(INSTR($6, CONCAT(CHAR(9), state, CHAR(9))) > 0 AND (VALUES(seen) = '' OR INSTR(seen, VALUES(seen)) = 0), state, IF(was = CHAR(9), CHAR(9, 9), CHAR(9))),
			state = IF(LEFT(was, 1) = CHAR(9), state, VALUES(state)), seen = IF(LEFT(was, 1) = CHAR(9), seen, RIGHT(CONCAT(seen, VALUES(seen)), 2048)), touched_day = IF(LEFT(was, 1) = CHAR(9), touched_day, VALUES(touched_day))`
		s.read = `SELECT was, state, seen FROM webhook_inbox WHERE provider = $1 AND reference = $2 FOR UPDATE`
		s.purge = `DELETE FROM webhook_inbox WHERE touched_day < $1 ORDER BY touched_day LIMIT $2`
		s.schema[1] = `INSERT IGNORE INTO webhook_schema (one, version) VALUES (1, 0)`
	}
	for _, text := range []*string{&s.claim, &s.read, &s.store, &s.purge, &s.version, &s.migrated} {
		switch d {
		case SQLite:
			*text = strings.ReplaceAll(*text, "$", "?")
		case MySQL: // its parameters are in order in every statement
			*text = regexp.MustCompile(`\$\d`).ReplaceAllString(*text, "?")
		}
	}
	return s
}
