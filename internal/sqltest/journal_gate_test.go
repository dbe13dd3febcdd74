package sqltest

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	modernc "modernc.org/sqlite"

	"github.com/kapiteni/kapiten-go/sdk/journal"
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
	bytes  *bytesLeft // until the process dies, on the wire; nil: it lives
	// lost, if set, is called in the place of the next statement or transaction that holds
	// the words of loses. Nothing of it takes effect, or with took all of it, and the
	// process cannot know.
	lost  func()
	loses string
	took  bool
	says  error // what the process hears; nil: errNoResponse
	// hangs is in each statement that gets no response before its context ends, or hung.
	hangs string
	hung  chan struct{}
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
	return gatedConn{conn, c.gate, &doings{}}, nil
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
	work *doings
}

// doings are the statements of a connection in its transaction.
type doings struct {
	open bool
	text strings.Builder
}

func (c gatedConn) lost(query string, take func()) error {
	if c.work.open {
		c.work.text.WriteString(query)
		return nil
	}
	if lost := c.gate.loss(query); lost != nil {
		if c.gate.took {
			take()
		}
		lost()
		return cmp.Or(c.gate.says, errNoResponse)
	}
	return nil
}

var errNoResponse = errors.New("the connection broke: nobody knows whether it took place")

// loss returns what to call once these statements are lost; nil: they take place.
func (g *gate) loss(statements string) (lost func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lost != nil && strings.Contains(statements, g.loses) {
		lost, g.lost = g.lost, nil
	}
	return lost
}

func (g *gate) hang(words string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hangs = words
}

// response waits as long as there is none to a statement.
func (g *gate) response(ctx context.Context, statement string) error {
	g.mu.Lock()
	hangs := g.hangs != "" && strings.Contains(statement, g.hangs)
	g.mu.Unlock()
	if !hangs {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-g.hung:
		return errNoResponse
	}
}

func (c gatedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.gate.step(); err != nil {
		return nil, err
	}
	take := func() { _, _ = c.Conn.(driver.ExecerContext).ExecContext(context.Background(), query, args) }
	if err := cmp.Or(c.gate.response(ctx, query), c.lost(query, take)); err != nil {
		return nil, err
	}
	// Without the caller's context: a dying process does not interrupt a statement.
	result, err := c.Conn.(driver.ExecerContext).ExecContext(context.Background(), query, args)
	if gateErr := c.gate.step(); gateErr != nil {
		return nil, gateErr
	}
	return result, err
}

func (c gatedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.gate.step(); err != nil {
		return nil, err
	}
	take := func() {
		if rows, err := c.Conn.(driver.QueryerContext).QueryContext(context.Background(), query, args); err == nil {
			_ = rows.Close()
		}
	}
	if err := cmp.Or(c.gate.response(ctx, query), c.lost(query, take)); err != nil {
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

func (c gatedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := cmp.Or(c.gate.step(), c.gate.response(ctx, "BEGIN")); err != nil {
		return nil, err
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(context.Background(), opts)
	c.work.open = true
	c.work.text.Reset()
	return gatedTx{tx, c}, err
}

type gatedTx struct {
	driver.Tx
	conn gatedConn
}

func (t gatedTx) Rollback() error {
	t.conn.work.open = false
	return t.Tx.Rollback()
}

func (t gatedTx) Commit() error {
	if err := t.conn.gate.step(); err != nil {
		_ = t.Rollback()
		return err
	}
	if err := t.conn.gate.response(context.Background(), "COMMIT"); err != nil {
		_ = t.Rollback()
		return err
	}
	t.conn.work.open = false
	if lost := t.conn.gate.loss(t.conn.work.text.String()); lost != nil {
		if t.conn.gate.took { // first, so that others find the rows free
			_ = t.Tx.Commit()
		} else {
			_ = t.Tx.Rollback()
		}
		lost()
		return cmp.Or(t.conn.gate.says, errNoResponse)
	}
	err := t.Tx.Commit()
	if gateErr := t.conn.gate.step(); gateErr != nil {
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

// onGated runs a test on every database, with a plain connection and a gated one.
func onGated(t *testing.T, test func(t *testing.T, plain, gated *sql.DB, dialect journal.Dialect, g *gate)) {
	open := func(t *testing.T, c gatedConnector) *sql.DB {
		db := sql.OpenDB(c)
		closeLater(t, db)
		return db
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		g, dsn := &gate{left: -1}, "file:"+filepath.Join(t.TempDir(), "shop.db")+immediate
		plain, err := sql.Open("sqlite", dsn)
		require.NoError(t, err)
		closeLater(t, plain)
		test(t, plain, open(t, gatedConnector{dsn: dsn, gate: g}), journal.SQLite, g)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		plain, dsn := openPostgres(t)
		g := &gate{left: -1}
		test(t, plain, open(t, gatedConnector{dsn: dsn, gate: g, driver: stdlib.GetDefaultDriver()}), journal.PostgreSQL, g)
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		plain, dsn := openMaria(t)
		g := &gate{left: -1}
		test(t, plain, open(t, gatedConnector{dsn: dsn + "?interpolateParams=true", gate: g, driver: &mysql.MySQLDriver{}}), journal.MySQL, g)
	})
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
