package journal

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Tx is the transaction in which you plan, and in which your func writes. *sql.Tx is
// one, and so is a transaction of sqlx. With pgx alone use package pgxtx. *sql.DB is none, so that no plan is recorded
// without your own rows.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	Rollback() error
}

// Config sets up a Journal. The zero value is useful.
type Config struct {
	// OnStuck is told about every entry that waits for a person. It may be told
	// twice about an entry, after a crash or when it returns an error.
	OnStuck func(context.Context, Entry) error
	// Observe is told what a metric needs. Several goroutines call it, and it must
	// return at once.
	Observe func(Event)
	// Logger gets a warning where the journal goes on but somebody should look. It
	// never gets a parameter, a response or a phone number. Default: silent.
	Logger *slog.Logger

	// CallTimeout bounds each call of a provider. Default: 45 s.
	CallTimeout time.Duration
	// Lease is how long an entry belongs to the worker that took it. It must exceed
	// CallTimeout by ten seconds. Default: CallTimeout and one minute.
	Lease time.Duration
	// Every is the time between two looks for work that is due. Default: 1 s.
	Every time.Duration
	// Workers is how many entries of a flow one process sends at the same time, and
	// as many again are followed. Default: 4.
	Workers int
	// KnockGap is the time between two lookups of an entry because of callbacks. Between
	// two that overturn a known end it is at least a second. Default: 5 s.
	KnockGap time.Duration
	// Jitter chooses a random part of a wait, below bound. A simulation sets it to make
	// runs repeatable. Default: random.
	Jitter func(bound time.Duration) time.Duration
	// OnlyCheck has Open check the tables and change nothing. Call Migrate from a
	// process that may create tables.
	OnlyCheck bool

	// Now is the wall clock of this process. A process whose clock says that its lease
	// is nearly over sends nothing. Default: time.Now.
	Now func() time.Time

	// Flows holds settings by the name of the flow.
	Flows map[string]FlowConfig
}

// FlowConfig has the settings of one flow. The zero value is useful.
type FlowConfig struct {
	// SendWithin is how long after Plan an entry may be sent, while no attempt was accepted
	// and none can have left. After that it is stuck, because an old order should not be paid
	// by surprise. Act with Retry begins it anew. Default: 1 h.
	SendWithin time.Duration
	// DoubtLimit is how long a doubt may last while the provider gives no clear
	// response. After that the entry is stuck. Default: 24 h.
	DoubtLimit time.Duration
	// OpenLimit is how long the provider may call an entry pending. After that the
	// entry is stuck, and never failed. Default: 7 days.
	OpenLimit time.Duration
	// ResendAbsentAfter sends a searched write again when the provider does not show
	// it for so long. It gives up the promise of one debit at most, because a write
	// that is not shown may still arrive. It must be less than DoubtLimit. Default: never.
	ResendAbsentAfter time.Duration
	// FuncTries is how often your func is tried for one change. Default: 10.
	FuncTries int
	// Limit stops a loop gone wrong. Default: none.
	Limit Limit
}

// Errors for errors.Is.
var (
	ErrReferenceTaken = error(sdk.ErrReferenceTaken)                    // Plan: other parameters stand under the reference
	ErrNotPlanned     = errors.New("journal: no such entry")            // nothing was planned under the reference
	ErrStuck          = errors.New("journal: waits for a person")       // Await: see List and Act
	ErrRefused        = errors.New("journal: refused")                  // Await: the provider refused, and nothing happened
	ErrCancelled      = errors.New("journal: cancelled")                // Await: cancelled before anything was sent
	ErrNotPossible    = errors.New("journal: not possible now")         // Act: the state of the entry forbids it
	ErrConfiguration  = fmt.Errorf("journal: %w", sdk.ErrConfiguration) // Open, Run, Plan
)

var errLeaseLost = errors.New("journal: lease lost")

// Journal records what flows ask of providers and sees it through. Make it with Open.
// It is safe for concurrent use.
type Journal struct {
	db     *database
	sql    *statements
	cfg    Config
	holder string

	mu      sync.Mutex
	flows   map[string]*machine
	running bool
	faults  []error
	alerted unalerted // the last of a full round

	knocks knocks
}

// Open checks the tables in db, and creates or updates them first unless
// Config.OnlyCheck is set. Several processes may do so at once. It never closes db.
func Open(ctx context.Context, db *sql.DB, dialect Dialect, cfg Config) (*Journal, error) {
	cfg.CallTimeout = cmp.Or(cfg.CallTimeout, 45*time.Second)
	cfg.Lease = cmp.Or(cfg.Lease, cfg.CallTimeout+time.Minute)
	cfg.Every = cmp.Or(cfg.Every, time.Second)
	cfg.Workers = cmp.Or(cfg.Workers, 4)
	cfg.KnockGap = cmp.Or(cfg.KnockGap, 5*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case db == nil:
		return nil, fmt.Errorf("%w: no database", ErrConfiguration)
	case !sqldb.Dialect(dialect).Known():
		return nil, fmt.Errorf("%w: unknown dialect %q", ErrConfiguration, dialect)
	case cfg.CallTimeout < 0 || cfg.Every < 0 || cfg.Workers < 0 || cfg.KnockGap < 0:
		return nil, fmt.Errorf("%w: a negative setting", ErrConfiguration)
	case cfg.Lease < cfg.CallTimeout+leaseMargin:
		return nil, fmt.Errorf("%w: Lease must exceed CallTimeout by %v", ErrConfiguration, leaseMargin)
	}
	if !cfg.OnlyCheck {
		if err := Migrate(ctx, db, dialect); err != nil {
			return nil, err
		}
	}
	const migrate = "call journal.Migrate, or Open without OnlyCheck"
	if err := tables().Check(ctx, db, sqldb.Dialect(dialect), ErrConfiguration, migrate); err != nil {
		return nil, pooled(err)
	}
	return &Journal{db: &database{db, dialect}, sql: newStatements(dialect), cfg: cfg, holder: rand.Text(), flows: map[string]*machine{}}, nil
}

// wall is the wall clock: the monotonic clock stops while a machine sleeps.
func (j *Journal) wall() time.Time { return j.cfg.Now().Round(0) }

// leaseMargin is what a lease has left when the longest call ends: time to record.
const leaseMargin = 10 * time.Second

// add registers a flow. What is wrong with it comes out of its Plan, and out of Run.
func (j *Journal) add(m *machine) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := m.fault
	switch {
	case err != nil:
	case j.flows[m.name] != nil:
		err = errors.New("there are two flows of this name")
	case j.running:
		err = errors.New("the flow was added after Run: no worker of this process would send it")
	}
	if err != nil {
		err = fmt.Errorf("%w: flow %q: %w", ErrConfiguration, m.name, err)
		j.faults = append(j.faults, err)
		return err
	}
	m.settings = j.cfg.Flows[m.name].withDefaults()
	leaders := max(2, j.cfg.Workers/maxBatch)
	if j.db.dialect == SQLite { // which has one writer
		leaders = 1
	}
	m.records.most, m.records.size = leaders, maxBatch
	m.records.many, m.records.single = j.sql.writeMany, j.sql.writeMany
	m.marks.most, m.marks.size = leaders, maxBatch
	m.marks.many, m.marks.single = j.sql.markMany, j.sql.markOne
	if j.sql.markMany != "" {
		m.marks.most, m.marks.size = 1, manyBatch
	}
	j.flows[m.name] = m
	return nil
}

func (c FlowConfig) withDefaults() FlowConfig {
	c.SendWithin = cmp.Or(c.SendWithin, time.Hour)
	c.DoubtLimit = cmp.Or(c.DoubtLimit, 24*time.Hour)
	c.OpenLimit = cmp.Or(c.OpenLimit, 7*24*time.Hour)
	c.FuncTries = cmp.Or(c.FuncTries, 10)
	c.Limit.Window = cmp.Or(c.Limit.Window, 24*time.Hour)
	return c
}

// start refuses to run with flows that cannot work.
func (j *Journal) start() ([]*machine, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	faults := slices.Clone(j.faults)
	for name, c := range j.cfg.Flows {
		if j.flows[name] == nil {
			faults = append(faults, fmt.Errorf("%w: Config.Flows names %q, and there is no such flow", ErrConfiguration, name))
		}
		if c.SendWithin < 0 || c.DoubtLimit < 0 || c.OpenLimit < 0 || c.ResendAbsentAfter < 0 || c.FuncTries < 0 || c.Limit.Window < 0 ||
			c.Limit.PerEntry.IsNegative() || c.Limit.PerWindow.IsNegative() {
			faults = append(faults, fmt.Errorf("%w: Config.Flows: a negative setting of %q", ErrConfiguration, name))
		}
		if filled := c.withDefaults(); filled.ResendAbsentAfter >= filled.DoubtLimit {
			faults = append(faults, fmt.Errorf("%w: Config.Flows: ResendAbsentAfter of %q must be less than DoubtLimit, which ends the doubt first", ErrConfiguration, name))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	j.running = true
	all := make([]*machine, 0, len(j.flows))
	for _, name := range slices.Sorted(maps.Keys(j.flows)) {
		all = append(all, j.flows[name])
	}
	return all, nil
}

func (j *Journal) flow(name string) (*machine, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if m := j.flows[name]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("%w: this process has no flow %q", ErrConfiguration, name)
}

func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return pooled(fmt.Errorf("journal: %s: %w", what, err))
}

// pooled says what to set when two connections have the same session of PostgreSQL, whose
// prepared statements are then not what the driver believes.
func pooled(err error) error {
	if state := sqldb.State(err); state == "42P05" || state == "26000" {
		return fmt.Errorf("%w: %s: %w", ErrConfiguration, sqldb.PoolMode, err)
	}
	return err
}
