package sim

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Database opens a connector to a database file. For SQLite switch the busy timeout
// as low as the program allows, because it waits in real time: the simulation waits
// instead. Have the database ask now for the time: it is the clock of the simulation,
// and jumps at times. modernc.org/sqlite keeps a registered function for ever: let the
// function hold now weakly, as examples/prove does, or no day leaves the memory.
type Database func(file string, now func() time.Time) driver.Connector

var (
	errSerialize = errors.New("sim: could not serialize access, try again")
	errCommit    = errors.New("sim: the connection was lost during COMMIT")
	errGone      = errors.New("sim: the connection is closed")
)

// DB is the merchant's database as this process has it. What was committed outlives
// the process. Statements may fail, and a COMMIT may be lost before or after its work.
func (p *Process) DB() *sql.DB {
	if p.w.cfg.Database == nil {
		panic("sim: Process.DB needs a Config.Database")
	}
	c := &connector{p: p, to: p.w.cfg.Database(p.w.file("merchant.db"), p.w.databaseNow)}
	db := sql.OpenDB(c)
	p.w.mu.Lock()
	p.closes = append(p.closes, c.close, func() { _ = db.Close() })
	p.w.mu.Unlock()
	return db
}

// Books opens the merchant's database as an auditor does, without trouble, for a Check.
func (w *World) Books(look func(*sql.DB) error) error {
	db := sql.OpenDB(w.cfg.Database(w.file("merchant.db"), w.databaseNow))
	defer db.Close()
	return look(db)
}

type connector struct {
	p  *Process
	to driver.Connector

	mu    sync.Mutex
	conns []*conn
}

func (c *connector) Driver() driver.Driver { return c.to.Driver() }

// Connect takes no turn: whether the pool has a connection again, or makes one, may depend on
// a goroutine of database/sql.
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	if c.p.gone() {
		runtime.Goexit()
	}
	raw, err := c.to.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	made := &conn{p: c.p, raw: raw, kept: map[string]driver.Stmt{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, made)
	return made, nil
}

// close ends the connections of a dead process. Open transactions vanish.
func (c *connector) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// conn has a gate before each statement, and behind each that changes something.
type conn struct {
	p      *Process
	mu     sync.Mutex
	raw    driver.Conn
	closed bool
	within context.Context        // of a transaction; nil outside
	kept   map[string]driver.Stmt // prepared, because a day asks the same again and again
}

// prepared is a statement of the real connection; nil if it does not prepare such.
func (c *conn) prepared(query string) driver.Stmt {
	s, ok := c.kept[query]
	if !ok && repeated.MatchString(query) {
		made, err := c.raw.Prepare(query)
		if err != nil { // a table that is not there yet; the error comes again when it runs
			return nil
		}
		s, c.kept[query] = made, made
	}
	return s
}

// repeated is what a program asks again and again, unlike the making of tables.
var repeated = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE)\b`)

func (c *conn) exec(query string, args []driver.NamedValue) (driver.Result, error) {
	if s, ok := c.prepared(query).(driver.StmtExecContext); ok {
		return s.ExecContext(context.Background(), args)
	}
	return c.raw.(driver.ExecerContext).ExecContext(context.Background(), query, args)
}

func (c *conn) query(query string, args []driver.NamedValue) (driver.Rows, error) {
	if s, ok := c.prepared(query).(driver.StmtQueryContext); ok {
		return s.QueryContext(context.Background(), args)
	}
	return c.raw.(driver.QueryerContext).QueryContext(context.Background(), query, args)
}

// do uses the real connection, in turn.
func (c *conn) do(f func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errGone
	}
	return f()
}

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return nil, fmt.Errorf("sim: prepared statements are not simulated: %s", query)
}

func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	for _, s := range c.kept {
		_ = s.Close()
	}
	return c.raw.Close()
}

func (c *conn) Begin() (driver.Tx, error) { return c.BeginTx(context.Background(), driver.TxOptions{}) }

func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	actor := c.p.actor(ctx)
	if !c.p.step(actor, "db BEGIN", c.until(ctx)) {
		return nil, errGone // database/sql would keep a lock of a *sql.Conn, as in QueryContext
	}
	if err := c.refuses(ctx, actor, "BEGIN"); err != nil {
		return nil, err
	}
	var tx driver.Tx
	err := c.patiently(ctx, actor, "BEGIN", func() (err error) {
		tx, err = c.raw.(driver.ConnBeginTx).BeginTx(context.Background(), o)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.within = ctx
	return &transaction{c, tx, actor}, nil
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	actor, step := c.p.actor(ctx), statement(query, args)
	if err := c.before(ctx, actor, step); err != nil {
		return nil, err
	}
	var result driver.Result
	err := c.patiently(ctx, actor, step, func() (err error) {
		result, err = c.exec(query, args)
		return err
	})
	if c.within == nil {
		c.p.gate(actor, "after "+step, ctx.Done())
	}
	return result, err
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	actor, step := c.p.actor(ctx), statement(query, args)
	if !c.p.step(actor, "db "+step, c.until(ctx)) {
		// database/sql would keep its mutex for ever if the goroutine ended here. The
		// error takes it to another gate.
		return nil, errGone
	}
	if err := c.refuses(ctx, actor, step); err != nil {
		return nil, err
	}
	held := &heldRows{}
	err := c.patiently(ctx, actor, step, func() error {
		rows, err := c.query(query, args)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		held.columns, held.rows = rows.Columns(), nil
		for {
			row := make([]driver.Value, len(held.columns))
			switch err := rows.Next(row); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
			for i, v := range row {
				if b, ok := v.([]byte); ok {
					row[i] = append([]byte{}, b...)
				}
			}
			held.rows = append(held.rows, row)
		}
	})
	if err != nil {
		return nil, err
	}
	if c.within == nil && !strings.HasPrefix(strings.TrimSpace(query), "SELECT") && !c.p.step(actor, "after "+step, ctx.Done()) {
		return nil, errGone
	}
	return held, nil
}

// before is the gate of a statement, which may fail.
func (c *conn) before(ctx context.Context, actor, step string) error {
	c.p.gate(actor, "db "+step, c.until(ctx))
	return c.refuses(ctx, actor, step)
}

// until says when a statement must not wait any more. database/sql holds a mutex
// meanwhile, and whoever waits for a mutex stops the clock.
func (c *conn) until(ctx context.Context) <-chan struct{} {
	if c.within == nil {
		return ctx.Done()
	}
	both, cancel := context.WithCancel(ctx)
	context.AfterFunc(c.within, cancel)
	return both.Done()
}

func (c *conn) refuses(ctx context.Context, actor, step string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := c.p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if off, jumps := w.adversary.jump(); jumps {
		w.off = off
		w.faultLocked(FaultClock, "database", fmt.Sprintf("its clock jumps, and is %s off", off))
	}
	if w.adversary.statement() {
		w.faultLocked(FaultDatabase, actor, "the database refuses "+step[:min(len(step), 60)])
		return errSerialize
	}
	return nil
}

// databaseNow is the clock of the database.
func (w *World) databaseNow() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.off)
}

// patiently is the busy timeout of the database, in the time of the simulation. A
// transaction that has begun gets the error at once.
func (c *conn) patiently(ctx context.Context, actor, step string, f func() error) error {
	for wait, waited := 20*time.Millisecond, time.Duration(0); ; wait = min(2*wait, time.Second) {
		err := c.do(f)
		if err == nil || c.within != nil || waited > 10*time.Second || !strings.Contains(err.Error(), "locked") {
			return err
		}
		sleep(ctx, wait)
		waited += wait
		if !c.p.step(actor, "db again "+step, ctx.Done()) {
			return errGone
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

type transaction struct {
	c     *conn
	raw   driver.Tx
	actor string
}

func (t *transaction) Commit() error {
	if !t.c.p.step(t.actor, "db COMMIT") {
		return errGone
	}
	w, lost, done := t.c.p.w, false, false
	w.mu.Lock()
	if lost = w.adversary.statement(); lost {
		done = w.choices.choose(2) == 1
		what := "before its work"
		if done {
			what = "after its work"
			w.metLocked(MetCommitLost)
		}
		w.faultLocked(FaultDatabase, t.actor, "a COMMIT is lost "+what)
	}
	w.mu.Unlock()
	end := t.raw.Commit
	if lost && !done {
		end = t.raw.Rollback
	}
	err := t.c.do(end)
	t.c.within = nil
	switch alive := t.c.p.step(t.actor, "after COMMIT"); {
	case !alive:
		err = errGone
	case err == nil && lost:
		err = errCommit
	}
	return err
}

// Rollback has no gate: the database does it for a dead process.
func (t *transaction) Rollback() error {
	err := t.c.do(t.raw.Rollback)
	t.c.within = nil
	return err
}

// random is a name that a process has drawn for itself.
var random = regexp.MustCompile("^[A-Z2-7]{26}$")

// statement names a statement with its arguments, for the order of turns.
func statement(query string, args []driver.NamedValue) string {
	var text strings.Builder
	text.WriteString(strings.Join(strings.Fields(query), " "))
	for _, a := range args {
		if s, ok := a.Value.(string); !ok || !random.MatchString(s) {
			text.WriteString(fmt.Sprintf(" %v", a.Value))
		}
	}
	return text.String()
}

type heldRows struct {
	columns []string
	rows    [][]driver.Value
}

func (r *heldRows) Columns() []string { return r.columns }
func (r *heldRows) Close() error      { return nil }
func (r *heldRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}
