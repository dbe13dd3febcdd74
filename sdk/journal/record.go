package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
	"github.com/kapiteni/kapiten-go/internal/transport"
)

// never as a delay leaves nothing to do.
const never = time.Duration(-1)

// transition is what a worker records about an entry, besides the entry's new fields.
type transition struct {
	event string // in the history
	note  string
	actor string
	delay time.Duration // until the next look at the entry; never: none
	kind  Kind          // what your func is told; empty: nothing
}

// eventSigned is the event of what a signed callback says.
const eventSigned = "signed"

// record writes a transition, and runs your func in the same transaction. If the func
// fails, the result is recorded alone and the func is owed the change. So it is after a
// signed callback: who notes callbacks has no time for a func.
func (j *Journal) record(ctx context.Context, m *machine, e *entry, next entry, t transition) error {
	if t.event == eventSigned && m.tell != nil {
		next.owed, t.kind, t.delay = t.kind, "", 0
	}
	next.note = t.note
	err := j.write(ctx, m, e, next, t)
	var own *funcError
	if !errors.As(err, &own) {
		if err == nil {
			j.observe(m, e, &next)
		}
		return err
	}
	next.owed, next.tries = t.kind, 1
	return j.owe(ctx, m, e, next, t, own)
}

// owe records that your func has failed next.failures() times to take a change.
func (j *Journal) owe(ctx context.Context, m *machine, e *entry, next entry, t transition, own *funcError) error {
	note := "your func failed: " + fmt.Sprintf("%.200s", own.err)
	j.cfg.Logger.WarnContext(ctx, "journal: func failed", "flow", e.flow, "reference", e.reference, "change", string(next.owed), "error", own.err)
	t = transition{event: t.event, note: t.note, actor: t.actor, delay: j.backoff(next.failures(), time.Second, 5*time.Minute)}
	if next.failures() < m.settings.FuncTries {
		if e.owed != "" {
			t.event, t.note = "func-failed", note
		}
	} else {
		if next.state != StateStuck { // else it is stuck already, and only your func does not know
			next.resume, next.state, next.reason = next.state, StateStuck, ReasonFunc
		}
		t.event, t.note, t.delay = "stuck", note, never
	}
	err := j.write(ctx, m, e, next, t)
	if err == nil {
		j.observe(m, e, &next)
	}
	return err
}

// funcError is an error of your func.
type funcError struct{ err error }

func (e *funcError) Error() string { return "journal: func: " + e.err.Error() }
func (e *funcError) Unwrap() error { return e.err }

// funcLimit ends the context of a func, whose own statements may hang too.
const funcLimit = 10 * time.Minute

// recordTries is how often a transaction that failed is tried again. The result stays
// in memory meanwhile.
const recordTries = 6

// write is the transaction of a transition. It tries again what a database refuses
// for a moment, and finds out whether a COMMIT without a response took place.
func (j *Journal) write(ctx context.Context, m *machine, e *entry, next entry, t transition) error {
	var unclear *commitError
	for try := 1; ; try++ {
		p, began := j.transitionPart(ctx, m, e, next, t), j.wall()
		var err error
		if t.actor != "" { // a person's act waits for nobody, and ends with its ctx
			err = p.commit(ctx, j.db, m.records.single)
		} else {
			err = m.records.commit(ctx, j.db, p)
		}
		var own *funcError
		switch {
		case errors.Is(err, errLeaseLost) && t.actor != "" && unclear != nil:
			// It took place, and a worker has gone on; or it did not.
			return failed("act", fmt.Errorf("it may have taken place, so look at the entry before you act again: %w", unclear))
		case err == nil, errors.Is(err, errLeaseLost), errors.Is(err, ErrNotPossible):
			return err
		case errors.As(err, &own) && (!sqldb.Passing(own.err) || j.late(e, began)):
			return err
		case try == recordTries || ctx.Err() != nil:
			return failed("record", err)
		}
		if transport.Pause(ctx, j.backoff(try, 10*time.Millisecond, time.Second)) != nil {
			return failed("record", err)
		}
		if errors.As(err, &unclear) {
			if j.wrote(ctx, e, func(now *entry, holder string) bool { return holder == "" && now.stands(&next) }) {
				return nil
			}
		}
	}
}

// late reports that another try, as long as the last, would leave no time to record what
// your func does not take: on MySQL each wait for a lock is long.
func (j *Journal) late(e *entry, began time.Time) bool {
	now := j.wall()
	return !e.lease.IsZero() && now.Add(now.Sub(began)+leaseMargin/2).After(e.lease)
}

// transitionPart is a transition as a part of a transaction.
func (j *Journal) transitionPart(ctx context.Context, m *machine, e *entry, next entry, t transition) part {
	t.note, next.note = cleaned(t.note), cleaned(next.note)
	if m.tell == nil {
		t.kind = ""
	}
	p := j.part(ctx, j.sql.write, []any{e.id, micros(t.delay), micros(j.knockedDelay(m, &next, next.looks, t.delay)), e.knocks, e.fence,
		string(next.state), string(next.standing), string(next.resume), string(next.owed), next.step, next.lane(), next.tries, next.opened, next.looks,
		flag(next.contested), flag(next.exempt), flag(next.mayResend), flag(next.restart)},
		[]any{blob(next.prepared), blob(next.value), next.note}, []any{t.event, string(next.state), t.actor, t.note})
	if t.kind == "" && next.state != StateStuck && e.state != StateStuck {
		return p
	}
	p.after = func(tx *transaction) (err error) {
		switch {
		case next.state == StateStuck:
			_, err = execute(ctx, tx, j.sql.stuck, e.id, e.flow, string(next.reason), t.note)
		case e.state == StateStuck:
			_, err = execute(ctx, tx, j.sql.unstuck, e.id)
		}
		if err != nil || t.kind == "" {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, tx.patience)
		defer cancel()
		if err := m.tell(ctx, tx.Tx, &next, t.kind, next.note); err != nil {
			return &funcError{err}
		}
		return nil
	}
	if t.kind != "" {
		p.kept = func(tx *transaction) error { return j.kept(ctx, tx, e) }
	}
	return p
}

// kept fails if the transaction that told a func has ended: the func may have ignored an
// error that ended it. Only the end of the transaction takes its savepoint away.
// PostgreSQL needs none: it refuses to read.
func (j *Journal) kept(ctx context.Context, tx *transaction, e *entry) (err error) {
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	fence, holder := e.fence+1, ""
	if j.db.dialect == PostgreSQL {
		err = sqldb.QueryRow(ctx, tx, j.sql.kept, []any{e.id}, &fence, &holder)
	} else {
		_, err = tx.Tx.ExecContext(ctx, `RELEASE SAVEPOINT journal_func`)
	}
	if err == nil && (fence != e.fence+1 || holder != "") || sqldb.Ended(err) {
		return &funcError{sqldb.ErrEnded}
	}
	return err
}

// quiet gives an entry back about which there is nothing new.
func (j *Journal) quiet(ctx context.Context, m *machine, e *entry, tries, looks int, delay time.Duration) error {
	return changedOne(execute(ctx, j.db, j.sql.quiet, e.id, micros(delay), micros(j.knockedDelay(m, e, looks, delay)), e.knocks, e.fence, tries, looks))
}

// knockedDelay is the delay of an entry about which a callback came meanwhile. What was
// not sent, and what your func has not taken, is not hastened. A finished entry is looked
// up only where that may correct it. looks are those that the entry has then.
func (j *Journal) knockedDelay(m *machine, e *entry, looks int, delay time.Duration) time.Duration {
	gap := j.cfg.KnockGap
	if hasReading(looks) {
		gap = max(gap, secondLook)
	}
	switch {
	case e.state == StatePlanned, e.owed != "":
		return delay
	case delay >= 0:
		return min(delay, gap)
	case m.reads() && (e.state == StateFinal || e.state == StateRefused || e.doubtfullyCancelled() ||
		e.state == StateStuck && (e.resume == StateSending || e.resume == StateOpen)):
		return gap
	}
	return delay
}

// mark writes down that a request leaves now, and counts what it costs. After it e is
// the entry as it stands.
func (j *Journal) mark(ctx context.Context, m *machine, e *entry, prepared []byte, note string) error {
	leased, extend := j.wall(), int64(0)
	if leased.Add(j.cfg.CallTimeout + leaseMargin/2).After(e.lease) { // making the request took long
		extend = j.cfg.Lease.Microseconds()
	}
	for try := 1; ; try++ {
		p := j.part(ctx, j.sql.mark, []any{e.id, extend, e.fence},
			[]any{blob(prepared), blob(e.value), e.note}, []any{"sending", string(StateSending), "", note})
		var err error
		if e.attempts == 0 && m.settings.Limit.bounds() { // later attempts, and steps, are counted with the first
			p.after = func(tx *transaction) error { return j.reserve(ctx, tx, m, e) }
			err = p.commit(ctx, j.db, m.marks.single)
		} else {
			err = m.marks.commit(ctx, j.db, p)
		}
		var unclear *commitError
		if errors.As(err, &unclear) {
			if j.wrote(ctx, e, func(now *entry, holder string) bool {
				return holder == j.holder && now.state == StateSending && now.attempts == e.attempts+1
			}) {
				err = nil
			}
		}
		if err == nil {
			e.state, e.prepared, e.looks, e.exempt, e.mayResend = StateSending, prepared, 0, true, false
			if e.opened == 0 {
				e.firstSentAt = e.now
			}
			e.fence, e.attempts, e.opened, e.sentAt = e.fence+1, e.attempts+1, e.opened+1, e.now
			if extend > 0 {
				e.lease = leased.Add(j.cfg.Lease)
			}
			return nil
		}
		if errors.Is(err, errLeaseLost) || errors.Is(err, errBeyondLimit) || try == recordTries || ctx.Err() != nil {
			return err
		}
		if transport.Pause(ctx, j.backoff(try, 10*time.Millisecond, time.Second)) != nil {
			return err
		}
	}
}

// wrote finds out whether a write took place whose COMMIT got no response. Each write
// moves the fence by one, and so do another worker's lease and a person's act, which
// may have come in its place: is tells whether the row is as the write leaves it. What
// cannot be read has not been seen to take place.
func (j *Journal) wrote(ctx context.Context, e *entry, is func(now *entry, holder string) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	now, listed, err := j.find(ctx, e.flow, e.reference)
	return err == nil && now.fence == e.fence+1 && is(now, listed.Holder)
}

// stands reports whether an entry stands as a transition leaves it.
func (e *entry) stands(next *entry) bool {
	return e.state == next.state && e.standing == next.standing && e.resume == next.resume && e.owed == next.owed && e.step == next.step &&
		e.tries == next.tries && e.attempts == next.attempts && e.opened == next.opened && e.looks == next.looks &&
		e.contested == next.contested && e.exempt == next.exempt && e.mayResend == next.mayResend
}

// changedOne turns a statement that changed no row into errLeaseLost.
func changedOne(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n != 1 {
		return errLeaseLost
	}
	return err
}

// cleaned is a text as every database takes it. An error of your func may hold anything.
func cleaned(note string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, note) // which makes invalid bytes the same
}

func micros(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Microseconds()
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// blob is never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
