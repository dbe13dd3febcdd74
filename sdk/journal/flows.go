package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
	"github.com/shopspring/decimal"
)

// Pause stops sending of a flow, in all processes. A request that is on its way is
// not called back, and what was sent is followed. Plan goes on recording.
func (j *Journal) Pause(ctx context.Context, flow, actor, reason string) error {
	return j.setFlow(ctx, flow, 1, actor, reason)
}

// Resume sends again what waits in a flow. What has waited for longer than
// FlowConfig.SendWithin becomes stuck instead.
func (j *Journal) Resume(ctx context.Context, flow, actor, reason string) error {
	return j.setFlow(ctx, flow, 0, actor, reason)
}

func (j *Journal) setFlow(ctx context.Context, flow string, paused int, actor, reason string) error {
	if actor == "" {
		return errors.New("journal: who is the actor?")
	}
	_, err := j.db.ExecContext(ctx, j.sql.setFlow, flow, paused, actor, reason)
	return failed("pause or resume", err)
}

// flowState says whether sending is paused, and whether requests that the provider
// has already are adopted.
func (j *Journal) flowState(ctx context.Context, flow string) (paused, adopt bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	err = sqldb.QueryRow(ctx, j.db, j.sql.flow, []any{flow}, &paused, &adopt)
	if errors.Is(err, sql.ErrNoRows) {
		return false, false, nil
	}
	return paused, adopt, err
}

// adoptFor is how long the result of adopts is believed, so that not each attempt asks.
const adoptFor = 5 * time.Second

// adopts says whether requests are looked for before their first attempt.
func (j *Journal) adopts(ctx context.Context, m *machine) (bool, error) {
	m.adopting.mu.Lock()
	on, asked := m.adopting.on, m.adopting.asked
	m.adopting.mu.Unlock()
	if !asked.IsZero() && time.Since(asked) < adoptFor {
		return on, nil
	}
	asked = time.Now()
	_, on, err := j.flowState(ctx, m.name) // unlocked: a slow database holds up this entry alone
	if err != nil {
		return false, err
	}
	m.adopting.mu.Lock()
	defer m.adopting.mu.Unlock()
	if asked.After(m.adopting.asked) {
		m.adopting.on, m.adopting.asked = on, asked
	}
	return on, nil
}

// Restored tells the journal that its database was restored from a backup. Call it
// before Run, once, in one process. It pauses all flows of this process. It looks up
// each entry that the backup shows as planned, because the entry may have been sent
// since. For adopt it also looks for each entry before its first attempt, and takes
// as yours what a provider already has and is the same: for entries which you plan
// again. Then look at List, and call Resume.
//
// A flow without a lookup, such as KotaniPayBill, cannot know. Do not plan again there
// what you may have planned since the backup.
func (j *Journal) Restored(ctx context.Context, adopt time.Duration, actor string) error {
	if actor == "" {
		return errors.New("journal: who is the actor?")
	}
	machines, err := j.start()
	if err != nil {
		return err
	}
	for _, m := range machines {
		err := inTx(ctx, j.db, func(tx *transaction) error {
			if _, err := tx.ExecContext(ctx, j.sql.setFlow, m.name, 1, actor, "restored from a backup"); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, j.sql.adopt, m.name, adopt.Microseconds()); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, j.sql.restore, m.name); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, j.sql.restoreStuck, m.name)
			return err
		})
		if err != nil {
			return failed("restored", err)
		}
		m.adopting.mu.Lock() // a result from before does not count
		m.adopting.on, m.adopting.asked = adopt > 0, time.Now()
		m.adopting.mu.Unlock()
	}
	return nil
}

// Limit bounds what a flow spends in each currency. An entry beyond it is stuck until
// a person approves it. An approved entry counts for those that come after it.
type Limit struct {
	PerEntry  decimal.Decimal // most of one entry; zero: no limit
	PerWindow decimal.Decimal // most of all entries of a Window; zero: no limit
	Window    time.Duration   // default 24 h; windows begin at multiples of it since 1970
}

func (l Limit) bounds() bool { return !l.PerEntry.IsZero() || !l.PerWindow.IsZero() }

var errBeyondLimit = errors.New("beyond the limit of the flow")

// reserve counts what an entry costs before its first byte leaves. The row of the
// window is locked until the end of the transaction, so that replicas share it.
// What is exempt is counted, and never refused. What the provider refuses stays counted:
// the limit errs on the safe side.
func (j *Journal) reserve(ctx context.Context, tx *transaction, m *machine, e *entry) error {
	limit := m.settings.Limit
	amount, err := e.cost()
	if err != nil || amount.IsZero() {
		return err
	}
	if !e.exempt && !limit.PerEntry.IsZero() && amount.GreaterThan(limit.PerEntry) {
		return fmt.Errorf("%w: more than one entry may cost", errBeyondLimit)
	}
	if limit.PerWindow.IsZero() {
		return nil
	}
	var (
		begins int64
		spent  string
	)
	if err := j.window(ctx, tx, []any{e.flow, e.currency, limit.Window.Microseconds()}, &begins, &spent); err != nil {
		return err
	}
	sum, err := decimal.NewFromString(spent)
	if err != nil {
		return err
	}
	if sum = sum.Add(amount); !e.exempt && sum.GreaterThan(limit.PerWindow) {
		return fmt.Errorf("%w: more than all entries of a window may cost", errBeyondLimit)
	}
	_, err = execute(ctx, tx, j.sql.reserve, e.flow, e.currency, begins, sum.String())
	return err
}

// window locks the window of a limit, and reads what is spent in it.
func (j *Journal) window(ctx context.Context, tx *transaction, args []any, into ...any) error {
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	if j.sql.spent == "" {
		return sqldb.QueryRow(ctx, tx, j.sql.spend, args, into...)
	}
	if _, err := tx.ExecContext(ctx, j.sql.spend, args...); err != nil {
		return err
	}
	return sqldb.QueryRow(ctx, tx, j.sql.spent, args[:2], into...)
}
