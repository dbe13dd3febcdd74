package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Filter chooses entries for List.
type Filter struct {
	Flow  string // empty: all flows
	State State  // empty: all states
	// OlderThan leaves out entries that were planned later than so long ago.
	OlderThan time.Duration
	Limit     int // default 100, at most 1,000
	// Before is the ID of the last entry of the page before. Zero: the first page.
	Before int64
}

// Listed is an entry in a list.
type Listed struct {
	ID int64
	Entry
}

// List returns entries, the newest first. Stuck and unfinished entries are found by
// an index, however many are finished.
func (j *Journal) List(ctx context.Context, f Filter) ([]Listed, error) {
	var (
		where []string
		args  []any
	)
	add := func(condition string, value any) {
		args = append(args, value)
		where = append(where, strings.ReplaceAll(condition, "$n", "$"+strconv.Itoa(len(args))))
	}
	from, id, order := "journal_entries LEFT JOIN journal_stuck s ON s.entry = id", "id", "id"
	switch f.State {
	case StateStuck:
		// A cross join is read in this order by SQLite too.
		from, id, order, where = "journal_stuck s CROSS JOIN journal_entries", "s.entry", "s.entry", []string{"id = s.entry"}
	case StatePlanned, StateSending, StateOpen:
		where = append(where, "due_at IS NOT NULL")
		order = "id + 0" // sorts the unfinished entries, instead of reading the finished ones in order
	}
	if f.State != "" {
		add("state = $n", string(f.State))
	}
	if f.Flow != "" {
		add("journal_entries.flow = $n", f.Flow)
		if f.State == StatePlanned || f.State == StateSending || f.State == StateOpen {
			where = append(where, "lane IN (0, 1)")
		}
	}
	if f.OlderThan > 0 {
		add("created_at <= {now} - CAST($n AS {bigint})", f.OlderThan.Microseconds())
	}
	if f.Before > 0 {
		add(id+" < $n", f.Before)
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	args = append(args, min(f.Limit, 1000))
	query := `SELECT ` + strings.Replace(entryColumns, "flow,", "journal_entries.flow,", 1) +
		`, holder, COALESCE(due_at, 0), COALESCE(s.reason, ''), COALESCE(s.note, '') FROM ` + from
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, " AND ")
	}
	rows, err := j.db.QueryContext(ctx, j.sql.text(query+` ORDER BY `+order+` DESC LIMIT $`+strconv.Itoa(len(args))), args...)
	if err != nil {
		return nil, failed("list", err)
	}
	defer rows.Close()
	var out []Listed
	for rows.Next() {
		var (
			e            entry
			holder, note string
			due          int64
		)
		if err := rows.Scan(append(e.columns(), &holder, &due, &e.reason, &note)...); err != nil {
			return nil, failed("list", err)
		}
		out = append(out, Listed{ID: e.id, Entry: e.shown(holder, due, note)})
	}
	return out, failed("list", rows.Err())
}

// Find returns one entry. ErrNotPlanned means that nothing is committed under the
// reference.
func (j *Journal) Find(ctx context.Context, flow, reference string) (Entry, error) {
	_, out, err := j.find(ctx, flow, reference)
	return out, err
}

func (j *Journal) find(ctx context.Context, flow, reference string) (*entry, Entry, error) {
	var (
		e            = &entry{}
		holder, note string
		due          int64
	)
	err := sqldb.QueryRow(ctx, j.db, j.sql.find, []any{flow, reference}, append(e.columns(), &holder, &due, &e.reason, &note)...)
	if err != nil {
		return nil, Entry{}, failed("find", noRows(err))
	}
	return e, e.shown(holder, due, note), nil
}

// Record is one line of an entry's history.
type Record struct {
	At    time.Time
	Event string // "planned", "sending", "found", ...
	State State
	Actor string // who did it; empty for the journal
	Note  string
}

// History returns all that happened to an entry, in order. Nothing is ever changed in
// it; Purge removes it as a whole.
func (j *Journal) History(ctx context.Context, flow, reference string) ([]Record, error) {
	rows, err := j.db.QueryContext(ctx, j.sql.listHistory, flow, reference)
	if err != nil {
		return nil, failed("history", err)
	}
	defer rows.Close()
	var out []Record
	for rows.Next() {
		var (
			r  Record
			at int64
		)
		if err := rows.Scan(&at, &r.Event, &r.State, &r.Actor, &r.Note); err != nil {
			return nil, failed("history", err)
		}
		r.At = time.UnixMicro(at)
		out = append(out, r)
	}
	return out, failed("history", rows.Err())
}

// Do is what a person decides about an entry.
type Do string

const (
	// Retry has a stuck entry go on where it stopped. What was not sent is sent. What may
	// have left is looked up. If the provider does not show it, the entry is sent again where
	// its reference is unique, or where FlowConfig.ResendAbsentAfter allows it. A keyed write
	// is sent again under its key.
	// Once writes, and what was contested, are stuck again.
	Retry Do = "retry"
	// Resend allows one more attempt of a stuck entry after a last lookup. It can pay
	// twice: first make sure that no attempt arrived.
	Resend Do = "resend"
	// Approve lets a stuck entry past the limit of its flow. What it costs counts all the same.
	Approve Do = "approve"
	// Happened ends a stuck entry as succeeded. It is watched like others: see Provider.Watch.
	Happened Do = "happened"
	// DidNot ends a stuck entry as failed.
	DidNot Do = "did-not"
	// Cancel ends an entry of which nothing has left, as far as anybody knows: a planned
	// entry, and a restored entry that no process has sent since and that the provider does
	// not show. After an attempt that was refused for now, or not sent, the journal looks
	// once more, because a copy of it may be carried out: then your func is told so.
	Cancel Do = "cancel"
)

// Act is one decision of a person.
type Act struct {
	Flow, Reference string
	Do              Do
	Actor, Reason   string // both are required, and stand in the history
}

// Act carries out a decision. Your func is told in the same transaction; if it fails,
// so does Act. ErrNotPossible means that the state of the entry forbids it: no act
// changes a final entry. After any other error the act may have taken place: look at the
// entry before you act again.
func (j *Journal) Act(ctx context.Context, a Act) error {
	if a.Actor == "" || a.Reason == "" {
		return errors.New("journal: who is the actor, and what is the reason?")
	}
	m, err := j.flow(a.Flow)
	if err != nil {
		return err
	}
	for {
		e, _, err := j.find(ctx, a.Flow, a.Reference)
		if err != nil {
			return err
		}
		err = sqldb.QueryRow(ctx, j.db, j.sql.load, []any{e.id}, &e.amount, &e.currency, &e.params, &e.prepared, &e.value, &e.note, &e.reason)
		if err != nil && !errors.Is(err, sql.ErrNoRows) { // purged: its state says what is possible
			return failed("act", err)
		}
		next, kind, err := a.apply(m, *e)
		if err != nil {
			return err
		}
		next.note = a.Reason
		fresh := next
		fresh.sinceAt = fresh.now
		delay := j.rest(m, &fresh) // what a person ends is watched like what a lookup ends
		if next.owed != "" || next.state != StateFinal && next.state != StateCancelled || next.doubtfullyCancelled() {
			delay = 0
		}
		err = j.write(ctx, m, e, next, transition{event: string(a.Do), note: a.Reason, actor: a.Actor, kind: kind, delay: delay})
		if errors.Is(err, errLeaseLost) { // a worker wrote meanwhile: decide again
			if pauseErr := transport.Pause(ctx, 20*time.Millisecond); pauseErr != nil {
				return pauseErr
			}
			continue
		}
		if err == nil {
			j.observe(m, e, &next)
			m.rouse()
		}
		return err
	}
}

// shownAbsent reports a restored entry that no process has sent since, and that the
// provider does not show either, in all spaced lookups.
func (m *machine) shownAbsent(e *entry) bool {
	return e.restored() && e.attempts == 0 && e.step < len(m.steps) && m.steps[e.step].look != nil && e.looks >= len(m.steps[e.step].looks)
}

// apply returns the entry as the act leaves it, and what your func is told.
func (a Act) apply(m *machine, e entry) (entry, Kind, error) {
	no := func(why string) (entry, Kind, error) {
		return e, "", fmt.Errorf("%w: %s: %s", ErrNotPossible, a.Do, why)
	}
	if e.state == StateStuck && e.owed == Stuck {
		e.owed = "" // the person knows
	}
	if a.Do == Cancel {
		at := e.state
		if at == StateStuck {
			at = e.resume
		}
		unsent := at == StatePlanned && e.opened == 0 || at == StateSending && m.shownAbsent(&e)
		shown := e.reason == ReasonTaken || e.reason == ReasonSeveral // a backup may lack our attempt
		if !unsent || shown || e.step > 0 || e.owed != "" {
			return no("something may have left, or the entry is finished")
		}
		e.state, e.standing, e.reason, e.tries = StateCancelled, Failed, "", 0
		return e, Failed, nil
	}
	if e.state != StateStuck {
		return no("the entry is " + string(e.state))
	}
	funcFailed, reason := e.owed != "", e.reason
	e.tries, e.looks, e.restart, e.reason = 0, 0, true, ""
	if funcFailed {
		e.tries = oneKnock // there may have been one
	}
	switch a.Do {
	case Retry:
		e.state = e.resume
		return e, "", nil
	case Approve:
		if reason != ReasonLimit {
			return no("it is not the limit that holds it")
		}
		e.state, e.exempt = e.resume, true
		return e, "", nil
	case Resend:
		if e.resume != StateSending || funcFailed {
			return no("no attempt is in doubt")
		}
		e.state, e.mayResend, e.contested = e.resume, true, false
		return e, "", nil
	case Happened, DidNot:
		if funcFailed {
			return no("what happened is known, and your func has not taken it: retry")
		}
		standing := Succeeded
		if a.Do == DidNot {
			standing = Failed
		}
		kind := change(e.standing, standing)
		e.state, e.standing = StateFinal, standing
		return e, kind, nil
	}
	return no("there is no such act")
}
