package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	modernc "modernc.org/sqlite"
)

// gate stops a process at its step k: from then on nothing of it has an effect.
// Rolling back is the exception, because that is what the database does with the
// transaction of a dead process.
type gate struct {
	mu     sync.Mutex
	left   int // steps until the process dies; negative: it lives
	dead   bool
	count  int
	cancel context.CancelFunc
}

var errDead = errors.New("the process is dead")

func (g *gate) step() error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead {
		return errDead
	}
	if g.left == 0 {
		g.dead = true
		g.cancel()
		return errDead
	}
	g.left--
	g.count++
	return nil
}

// kill ends the process between two steps.
func (g *gate) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.dead {
		g.dead = true
		g.cancel()
	}
}

func (g *gate) died() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dead
}

// gatedConnector opens connections of which each statement is two steps: the process
// may die before the statement, or after it and before it hears of it.
type gatedConnector struct {
	dsn    string
	gate   *gate
	driver driver.Driver // nil: SQLite
}

func (c gatedConnector) Connect(context.Context) (driver.Conn, error) {
	if c.gate.died() {
		return nil, errDead
	}
	conn, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return gatedConn{conn, c.gate}, nil
}

func (c gatedConnector) Driver() driver.Driver {
	if c.driver != nil {
		return c.driver
	}
	return &modernc.Driver{}
}

type gatedConn struct {
	driver.Conn
	gate *gate
}

func (c gatedConn) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.gate.step(); err != nil {
		return nil, err
	}
	// Without the caller's context: a dying process does not interrupt a statement.
	result, err := c.Conn.(driver.ExecerContext).ExecContext(context.Background(), query, args)
	if gateErr := c.gate.step(); gateErr != nil {
		return nil, gateErr
	}
	return result, err
}

func (c gatedConn) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.gate.step(); err != nil {
		return nil, err
	}
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(context.Background(), query, args)
	if err != nil {
		return nil, err
	}
	held := &heldRows{columns: rows.Columns()}
	for {
		row := make([]driver.Value, len(held.columns))
		if err := rows.Next(row); err != nil {
			break
		}
		for i, v := range row {
			if b, ok := v.([]byte); ok {
				row[i] = bytes.Clone(b) // the driver's own until the next row
			}
		}
		held.rows = append(held.rows, row)
	}
	err = rows.Close()
	if gateErr := c.gate.step(); gateErr != nil {
		return nil, gateErr
	}
	return held, err
}

func (c gatedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c gatedConn) BeginTx(_ context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.gate.step(); err != nil {
		return nil, err
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(context.Background(), opts)
	return gatedTx{tx, c.gate}, err
}

type gatedTx struct {
	driver.Tx
	gate *gate
}

func (t gatedTx) Commit() error {
	if err := t.gate.step(); err != nil {
		_ = t.Tx.Rollback()
		return err
	}
	err := t.Tx.Commit()
	if gateErr := t.gate.step(); gateErr != nil {
		return gateErr
	}
	return err
}

type heldRows struct {
	columns []string
	rows    [][]driver.Value
}

func (h *heldRows) Columns() []string { return h.columns }
func (h *heldRows) Close() error      { return nil }
func (h *heldRows) Next(dest []driver.Value) error {
	if len(h.rows) == 0 {
		return io.EOF
	}
	copy(dest, h.rows[0])
	h.rows = h.rows[1:]
	return nil
}

const immediate = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate"

const quick = "&_pragma=synchronous(off)"

// openImmediate writes to the disk in benchmarks only: no test stops the machine.
func openImmediate(t testing.TB) *sql.DB {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "shop.db") + immediate
	if _, measured := t.(*testing.B); !measured {
		dsn += quick
	}
	db, err := sql.Open("sqlite", dsn)
	require.NoError(t, err)
	closeLater(t, db)
	return db
}
