package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"time"
)

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
