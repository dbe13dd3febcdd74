package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

// order is the request of the scripted provider, and receipt is what it shows.
type order struct {
	Ref    string
	Amount decimal.Decimal
	Memo   string // decides nothing
}

type receipt struct {
	Ref, Status string
	Existing    bool
}

// bank is a provider in memory. It outlives the processes of a test.
type bank struct {
	mu         sync.Mutex
	class      sdk.Class
	gate       *gate
	first      string   // the name of the test
	script     []string // what the next attempts meet; after it they go well
	status     map[string]string
	debits     map[string]int
	sends      map[string]int
	looks      int
	polls      int
	steps      []string // the names of the steps; nil: one step
	lag        int      // so many lookups do not show what is there
	blind      bool     // lookups get no clear response
	bytes      []string // as they were sent
	nonces     bool     // each request is made with another number
	prepared   int
	unprepared error
	retryAfter time.Duration
	// hold, if set, is called while an attempt is under way, and held while a lookup is.
	hold, held func()
}

func newBank(class sdk.Class, script ...string) *bank {
	return &bank{class: class, script: script, status: map[string]string{}, debits: map[string]int{}, sends: map[string]int{}}
}

func fault(outcome sdk.Outcome, reasons ...error) error {
	return &sdk.Error{Provider: "bank", Operation: "pay", Outcome: outcome, Reasons: reasons}
}

func (b *bank) send(r journal.Request[order, receipt], step string) (receipt, error) {
	if err := b.gate.step(); err != nil {
		return receipt{}, err
	}
	b.mu.Lock()
	if b.hold != nil {
		b.mu.Unlock()
		b.hold()
		b.mu.Lock()
	}
	defer b.mu.Unlock()
	b.sends[r.Reference]++
	b.bytes = append(b.bytes, string(r.Prepared))
	how := "ok"
	if len(b.script) > 0 {
		how, b.script = b.script[0], b.script[1:]
	}
	value, err := b.act(r.Reference, step, how)
	if gateErr := b.gate.step(); gateErr != nil {
		return receipt{}, gateErr
	}
	return value, err
}

func (b *bank) act(reference, step, how string) (receipt, error) {
	key := reference + step
	switch how {
	case "lost before":
		return receipt{}, fault(sdk.Unknown)
	case "refuse":
		return receipt{}, fault(sdk.Rejected, sdk.ErrInsufficientFunds)
	case "throttle":
		return receipt{}, &sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrRateLimited}, RetryAfter: b.retryAfter}
	case "not sent":
		return receipt{}, fault(sdk.NotSent)
	case "credentials":
		return receipt{}, fault(sdk.Rejected, sdk.ErrUnauthorized)
	case "throttled and done", "credentials and done": // somebody on the way sent it twice
		b.debits[key]++
		b.status[key] = "pending"
		return receipt{}, fault(sdk.Rejected, map[bool]error{true: sdk.ErrRateLimited, false: sdk.ErrUnauthorized}[how == "throttled and done"])
	case "refused and done": // the response is another request's
		b.debits[key]++
		b.status[key] = "pending"
		return receipt{}, fault(sdk.Rejected, sdk.ErrInsufficientFunds)
	case "existing":
		b.status[key] = "pending"
		return receipt{Ref: reference, Status: "pending", Existing: true}, nil
	}
	if b.status[key] != "" && (b.class == sdk.Referenced || b.class == sdk.Keyed) {
		if b.class == sdk.Keyed {
			return receipt{Ref: reference, Status: b.status[key]}, nil
		}
		return receipt{}, fault(sdk.Rejected, sdk.ErrDuplicate)
	}
	b.debits[key]++
	b.status[key] = "pending"
	if how == "lost" {
		return receipt{}, fault(sdk.Unknown)
	}
	return receipt{Ref: reference, Status: "pending"}, nil
}

func (b *bank) look(reference, step string) (receipt, journal.Finding, error) {
	if err := b.gate.step(); err != nil {
		return receipt{}, journal.CannotTell, err
	}
	if b.held != nil {
		b.held()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	status := b.status[reference+step]
	switch {
	case b.blind:
		return receipt{}, journal.CannotTell, fault(sdk.NoEffect)
	case status == "another":
		return receipt{}, journal.Different, nil
	case status == "several":
		return receipt{}, journal.Several, nil
	case status == "" || b.lag > 0:
		b.lag = max(b.lag-1, 0)
		return receipt{}, journal.Absent, nil
	}
	return receipt{Ref: reference, Status: status}, journal.Found, nil
}

// poll shows the state. A pending payment is paid by the next poll.
func (b *bank) poll(reference, step string) (receipt, error) {
	if err := b.gate.step(); err != nil {
		return receipt{}, err
	}
	if b.held != nil {
		b.held()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.polls++
	if b.blind {
		return receipt{}, fault(sdk.NoEffect)
	}
	status := b.status[reference+step]
	if status == "pending" {
		b.status[reference+step] = "paid"
	}
	return receipt{Ref: reference, Status: status}, nil
}

func (b *bank) set(reference, status string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status[reference] = status
}

func decidesOrder(o order) []string { return []string{o.Ref, o.Amount.String()} }

func (b *bank) provider() journal.Provider[order, receipt] {
	p := journal.Provider[order, receipt]{
		Identify: func(o order) (journal.Identity, error) {
			return journal.Identity{Reference: o.Ref, Amount: o.Amount, Currency: "RWF"}, nil
		},
		Deciding: []func(order) []string{decidesOrder, decidesOrder}, // in two releases
		Judge: func(r receipt) journal.Kind {
			switch r.Status {
			case "paid":
				return journal.Succeeded
			case "failed":
				return journal.Failed
			case "reversed":
				return journal.Reversed
			}
			return journal.Pending
		},
		Existing: func(r receipt) bool { return r.Existing },
		Knocked: func(body []byte) (string, webhook.Response, error) {
			if strings.HasPrefix(string(body), "bad") {
				return "", webhook.Response{}, errors.New("malformed")
			}
			return string(body), webhook.Response{Status: 200, ContentType: "text/plain", Body: []byte("OK")}, nil
		},
	}
	steps := b.steps
	if steps == nil {
		steps = []string{""}
	}
	last := steps[len(steps)-1]
	p.Poll = func(_ context.Context, r journal.Request[order, receipt]) (receipt, error) {
		return b.poll(r.Reference, last)
	}
	for _, name := range steps {
		s := journal.Step[order, receipt]{
			Name: "pay" + name, Class: b.class, KeyLife: 20 * time.Hour,
			Prepare: func(_ context.Context, r journal.Request[order, receipt]) ([]byte, error) {
				if b.unprepared != nil {
					return nil, b.unprepared
				}
				text := "pay" + name + " " + r.Reference + " " + r.Params.Amount.String()
				if b.nonces {
					b.prepared++
					text += " " + strconv.Itoa(b.prepared)
				}
				return []byte(text), nil
			},
			Send: func(_ context.Context, r journal.Request[order, receipt]) (receipt, error) { return b.send(r, name) },
		}
		if b.class == sdk.Referenced || b.class == sdk.Searched {
			s.Look = func(_ context.Context, r journal.Request[order, receipt]) (receipt, journal.Finding, error) {
				return b.look(r.Reference, name)
			}
		}
		p.Steps = append(p.Steps, s)
	}
	return p
}

// merchant is a process: a journal with one flow, and the merchant's own table.
type merchant struct {
	t       testing.TB
	db      *sql.DB
	dialect journal.Dialect
	bank    *bank
	j       *journal.Journal
	flow    *journal.Flow[order, receipt]
	// fails is how often the func fails from now on.
	fails  int
	panics bool
	exits  bool // the func ends its goroutine, once
	// refuses is the next error of the func.
	refuses error
	// also, if set, is what the func does besides, and its error is ignored.
	also   func(ctx context.Context, tx journal.Tx, reference string)
	stuck  []journal.Entry
	mu     sync.Mutex // of the events
	events []journal.Event
}

func newMerchant(t testing.TB, db *sql.DB, dialect journal.Dialect, b *bank, settings ...func(*journal.Config)) *merchant {
	t.Helper()
	m := &merchant{t: t, db: db, dialect: dialect, bank: b}
	require.NoError(t, m.open(t.Context(), settings...))
	createTold(t, db, dialect)
	return m
}

// createTold creates the merchant's own table. A column numbers the rows, because a table
// of PostgreSQL keeps no order.
func createTold(t testing.TB, db *sql.DB, dialect journal.Dialect) {
	t.Helper()
	number := map[journal.Dialect]string{
		journal.PostgreSQL: "bigint GENERATED ALWAYS AS IDENTITY", journal.SQLite: "integer PRIMARY KEY AUTOINCREMENT", journal.MySQL: "bigint NOT NULL AUTO_INCREMENT PRIMARY KEY",
	}[dialect]
	_, err := db.ExecContext(t.Context(), `CREATE TABLE IF NOT EXISTS told (n `+number+`, reference text NOT NULL, kind text NOT NULL)`)
	require.NoError(t, err)
}

// watchingMerchant has a provider whose ends are watched for so long, on SQLite.
func watchingMerchant(t testing.TB, b *bank, watch time.Duration) *merchant {
	t.Helper()
	m := newMerchant(t, openImmediate(t), journal.SQLite, b)
	j, err := journal.Open(t.Context(), m.db, journal.SQLite, journal.Config{})
	require.NoError(t, err)
	p := b.provider()
	p.Watch = watch
	m.j, m.flow = j, journal.New(j, "pay", p, m.told)
	return m
}

func (m *merchant) open(ctx context.Context, settings ...func(*journal.Config)) (err error) {
	cfg := journal.Config{
		Every: 5 * time.Millisecond, KnockGap: time.Millisecond,
		OnStuck: func(_ context.Context, e journal.Entry) error { m.stuck = append(m.stuck, e); return nil },
		Observe: func(e journal.Event) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.events = append(m.events, e)
		},
	}
	for _, set := range settings {
		set(&cfg)
	}
	if m.j, err = journal.Open(ctx, m.db, m.dialect, cfg); err != nil {
		return err
	}
	m.flow = journal.New(m.j, "pay", m.bank.provider(), m.told)
	return nil
}

var errFunc = errors.New("the merchant's own table is locked")

func (m *merchant) told(ctx context.Context, tx journal.Tx, c journal.Change[receipt]) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO told (reference, kind) VALUES ('`+c.Reference+`', '`+string(c.Kind)+`')`); err != nil {
		return err
	}
	if m.also != nil {
		m.also(ctx, tx, c.Reference)
	}
	if err := m.refuses; err != nil {
		m.refuses = nil
		return err
	}
	if m.panics {
		panic("a nil order")
	}
	if m.exits {
		m.exits = false
		runtime.Goexit()
	}
	if m.fails > 0 {
		m.fails--
		return errFunc
	}
	return nil
}

func (m *merchant) plan(ctx context.Context, o order) error {
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := m.flow.Plan(ctx, tx, o); err != nil {
		return err
	}
	return tx.Commit()
}

func (m *merchant) mustPlan(reference string) {
	m.t.Helper()
	require.NoError(m.t, m.plan(m.t.Context(), order{Ref: reference, Amount: decimal.NewFromInt(500)}))
}

// work works on what is due, after so much time has passed.
func (m *merchant) work(later time.Duration) {
	m.t.Helper()
	pass(m.t, m.db, later)
	_, err := m.j.Work(m.t.Context())
	require.NoError(m.t, err)
}

// pass lets time pass: it moves all times into the past.
func pass(t testing.TB, db *sql.DB, by time.Duration) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), passing(by))
	require.NoError(t, err)
}

func passing(by time.Duration) string {
	var moves []string
	for _, column := range []string{"due_at", "since_at", "created_at", "changed_at", "first_sent_at", "sent_at", "asked_at"} {
		moves = append(moves, column+" = "+column+" - "+decimal.NewFromInt(by.Microseconds()).String())
	}
	minutes := strconv.Itoa(int(by / time.Minute))
	moves = append(moves, "looks = CASE WHEN looks > 1000000 THEN looks - 4 * ("+minutes+") ELSE looks END") // when a first reading was read
	return "UPDATE journal_entries SET " + strings.Join(moves, ", ")
}

func (m *merchant) entry(reference string) journal.Entry {
	m.t.Helper()
	e, err := m.j.Find(m.t.Context(), "pay", reference)
	require.NoError(m.t, err)
	return e
}

// changes lists what the func was told and has committed.
func (m *merchant) changes(reference string) []string {
	m.t.Helper()
	return changes(m.t, m.db, reference)
}

func changes(t testing.TB, db *sql.DB, reference string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT kind FROM told WHERE reference = '`+reference+`' ORDER BY n`)
	require.NoError(t, err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var kind string
		require.NoError(t, rows.Scan(&kind))
		out = append(out, kind)
	}
	require.NoError(t, rows.Err())
	return out
}

func (m *merchant) history(reference string) (events []string) {
	m.t.Helper()
	all, err := m.j.History(m.t.Context(), "pay", reference)
	require.NoError(m.t, err)
	for _, r := range all {
		events = append(events, r.Event)
	}
	return events
}

// onJournals runs a test on every database.
func onJournals(t *testing.T, test func(t *testing.T, db *sql.DB, dialect journal.Dialect)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, openImmediate(t), journal.SQLite) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		db, _ := openPostgres(t)
		test(t, db, journal.PostgreSQL)
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		db, _ := openMaria(t)
		test(t, db, journal.MySQL)
	})
}

// newBatch plans so many payments, named a-0 and so on. run sends all at once, so that their
// responses are recorded in one batch, and returns when nothing is being sent any more.
func newBatch(t *testing.T, db *sql.DB, dialect journal.Dialect, all int) (m *merchant, run func()) {
	t.Helper()
	b, marked, proceed := newBank(sdk.Once), make(chan struct{}, all), make(chan struct{})
	b.hold = func() { marked <- struct{}{}; <-proceed }
	m = newMerchant(t, db, dialect, b, func(c *journal.Config) { c.Workers = all })
	for i := range all {
		m.mustPlan(fmt.Sprint("a-", i))
	}
	return m, func() {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = m.j.Run(ctx) })
		for range all {
			<-marked
		}
		close(proceed)
		require.Eventually(t, func() bool {
			return count(t, db, `SELECT count(*) FROM journal_entries WHERE state = 'sending'`) == 0
		}, time.Minute, 5*time.Millisecond)
		cancel()
		running.Wait()
	}
}
