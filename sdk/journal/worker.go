package journal

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
	"github.com/kapiteni/kapiten-go/internal/transport"
)

// The lanes of a flow: what was sent is followed, and what is new is sent. A crowd in
// one does not hold up the other.
const (
	laneFollow = 0
	laneSend   = 1
)

// Run works until ctx ends, and returns its error. Then it takes nothing more, and
// returns when the calls that it has begun are recorded: at the latest after twice
// Config.Lease, if your func and the provider's calls end with their ctx. Run it in every process that
// has the flows; add the flows first.
func (j *Journal) Run(ctx context.Context) error {
	machines, err := j.start()
	if err != nil {
		return err
	}
	// What has begun is seen through, and ends in any case.
	through, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(2*j.cfg.Lease, cancel) })()
	var loops sync.WaitGroup
	for _, m := range machines {
		for _, lane := range []int{laneFollow, laneSend} {
			if lane == laneFollow && m.sweep != nil {
				loops.Go(func() { j.sweepLoop(ctx, through, m) })
				continue
			}
			loops.Go(func() { j.loop(ctx, through, m, lane) })
		}
	}
	loops.Go(func() {
		for {
			if err := j.alert(ctx); err != nil && ctx.Err() == nil {
				j.cfg.Logger.WarnContext(ctx, "journal: alert", "error", err)
			}
			if transport.Pause(ctx, j.cfg.Every) != nil {
				return
			}
		}
	})
	loops.Wait()
	return ctx.Err()
}

// Work does once all that is due now, for a process that does not Run, such as a cron
// job. It returns how many entries it took.
func (j *Journal) Work(ctx context.Context) (int, error) {
	machines, err := j.start()
	if err != nil {
		return 0, err
	}
	taken := 0
	for _, m := range machines {
		for _, lane := range []int{laneFollow, laneSend, laneFollow} {
			for lane == laneFollow && m.sweep != nil {
				n, err := j.sweep(ctx, m)
				if taken += n; n == 0 || err != nil {
					break
				}
			}
			for {
				entries, err := j.take(ctx, m, lane, 1)
				if err != nil {
					return taken, err
				}
				if len(entries) == 0 {
					break
				}
				taken++
				j.work(ctx, m, entries[0])
			}
		}
	}
	return taken, j.alert(ctx)
}

// loop takes the entries of one lane until ctx ends, and works on them at the same time
// until through ends.
func (j *Journal) loop(ctx, through context.Context, m *machine, lane int) {
	slots := make(chan struct{}, j.cfg.Workers)
	var working sync.WaitGroup
	defer working.Wait()
	crowd := false // more is due than there were slots for
	for ctx.Err() == nil {
		wanted := 0
		select {
		case slots <- struct{}{}:
			wanted = 1
		case <-ctx.Done():
			return
		}
		wanted += free(slots)
		if crowd { // those that finish now are one batch, and so is what takes their place
			wanted += gather(ctx, slots, cap(slots)/2-wanted)
		}
		entries, err := j.take(ctx, m, lane, wanted)
		if err != nil && ctx.Err() == nil {
			j.cfg.Logger.WarnContext(ctx, "journal: take", "flow", m.name, "error", err)
		}
		for range wanted - len(entries) {
			<-slots
		}
		for _, e := range entries {
			working.Go(func() {
				defer func() { <-slots }()
				j.work(through, m, e)
			})
		}
		if crowd = len(entries) == wanted; !crowd {
			j.idle(ctx, m, lane)
		}
	}
}

// free takes all slots that are free now.
func free(slots chan struct{}) (n int) {
	for {
		select {
		case slots <- struct{}{}:
			n++
		default:
			return n
		}
	}
}

// gathering is how long a crowd waits for slots that finish together.
const gathering = 2 * time.Millisecond

// gather takes so many slots as they come free, and no more once they are late.
func gather(ctx context.Context, slots chan struct{}, wanted int) (n int) {
	if wanted <= 0 {
		return 0
	}
	late := time.NewTimer(gathering)
	defer late.Stop()
	for ; n < wanted; n++ {
		select {
		case slots <- struct{}{}:
		case <-late.C:
			return n
		case <-ctx.Done():
			return n
		}
	}
	return n + free(slots)
}

// idle waits until there may be something due.
func (j *Journal) idle(ctx context.Context, m *machine, lane int) {
	timer := time.NewTimer(j.cfg.Every/2 + j.random(j.cfg.Every))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.wake[lane]:
	case <-ctx.Done():
	}
}

// sweepMost is how many entries one sweep serves.
const sweepMost = 200

// sweepLoop follows the entries of a flow that asks for many at once.
func (j *Journal) sweepLoop(ctx, through context.Context, m *machine) {
	for ctx.Err() == nil {
		n, err := j.sweep(through, m)
		if err != nil && ctx.Err() == nil {
			j.cfg.Logger.WarnContext(ctx, "journal: sweep", "flow", m.name, "error", err)
		}
		if n < sweepMost || err != nil {
			j.idle(ctx, m, laneFollow)
		}
	}
}

// sweep takes what is due, asks once for all of it, and works on each entry.
func (j *Journal) sweep(ctx context.Context, m *machine) (int, error) {
	entries, err := j.take(ctx, m, laneFollow, sweepMost)
	if err != nil {
		return 0, err
	}
	var asked []*entry
	for _, e := range entries {
		if e.owed != "" || e.state == StatePlanned || e.state == StateCancelled || e.step+1 != len(m.steps) {
			continue
		}
		if e.loaded {
			asked = append(asked, e)
		}
	}
	if len(asked) > 0 {
		callCtx, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)
		_ = m.sweep(callCtx, asked) // each entry has the error
		cancel()
	}
	slots := make(chan struct{}, j.cfg.Workers)
	var working sync.WaitGroup
	for _, e := range entries {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			j.work(ctx, m, e)
		})
	}
	working.Wait()
	return len(entries), nil
}

// rouse ends the wait of this process's loops, when it knows of something due.
func (m *machine) rouse() {
	for _, wake := range m.wake {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// take leases entries that are due.
func (j *Journal) take(ctx context.Context, m *machine, lane, limit int) ([]*entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Seen through, or a process that stops would leave leases behind.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.cfg.CallTimeout)
	defer cancel()
	for try := 1; ; try++ {
		taken, err := j.takeOnce(ctx, m, lane, limit)
		if err == nil || !sqldb.Passing(err) || try == recordTries {
			return taken, err
		}
		if err := transport.Pause(ctx, j.backoff(try, 5*time.Millisecond, time.Second)); err != nil {
			return nil, err
		}
	}
}

func (j *Journal) takeOnce(ctx context.Context, m *machine, lane, limit int) (taken []*entry, err error) {
	began := j.wall()
	args := []any{m.name, lane, lane, limit, j.cfg.Lease.Microseconds(), j.holder}
	if j.sql.lease == "" {
		taken, err = readEntries(ctx, j.db, j.sql.take, args, j.db.dialect == PostgreSQL)
	} else {
		err = inTxWithin(ctx, j.db, statementLimit, func(tx *transaction) error {
			if taken, err = readEntries(ctx, tx, j.sql.take, args, false); err != nil || len(taken) == 0 {
				return err
			}
			ids := make([]int64, len(taken))
			for i, e := range taken {
				e.fence++
				ids[i] = e.id
			}
			_, err := tx.ExecContext(ctx, j.sql.lease+listOf(ids), args[4:]...)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	for _, e := range taken {
		e.lease = began.Add(j.cfg.Lease)
	}
	if j.db.dialect == PostgreSQL {
		return taken, nil
	}
	if err := j.loadAll(ctx, taken); err != nil {
		return nil, err // their lease ends, and the next worker reads them
	}
	return taken, nil
}

// loadAll reads the details of entries. What is purged has none.
func (j *Journal) loadAll(ctx context.Context, entries []*entry) error {
	if len(entries) == 0 {
		return nil
	}
	byID, ids := make(map[int64]*entry, len(entries)), make([]int64, len(entries))
	for i, e := range entries {
		byID[e.id], ids[i] = e, e.id
	}
	rows, err := j.db.QueryContext(ctx, j.sql.loadAll+listOf(ids))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			e  entry
			id int64
		)
		if err := rows.Scan(&id, &e.amount, &e.currency, &e.params, &e.prepared, &e.value, &e.note, &e.reason); err != nil {
			return err
		}
		if to := byID[id]; to != nil {
			to.amount, to.currency, to.params, to.prepared, to.value, to.note, to.reason, to.loaded = e.amount, e.currency, e.params, e.prepared, e.value, e.note, e.reason, true
		}
	}
	return rows.Err()
}

// readEntries reads entries, with or without their details.
func readEntries(ctx context.Context, q sqldb.Querier, query string, args []any, detailed bool) (out []*entry, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var amount, currency, note, reason sql.NullString
		e := &entry{}
		into := e.columns()
		if detailed {
			into = append(into, &amount, &currency, &e.params, &e.prepared, &e.value, &note, &reason)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		e.amount, e.currency, e.note, e.reason, e.loaded = amount.String, currency.String, note.String, Reason(reason.String), amount.Valid
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return out, rows.Close()
}

// work does the next thing about an entry.
func (j *Journal) work(ctx context.Context, m *machine, e *entry) {
	err := j.see(ctx, m, e)
	switch {
	case err == nil:
	case errors.Is(err, errLeaseLost):
		j.emit(Event{Flow: m.name, What: EventLeaseLost})
	default: // the lease ends, and the next worker goes on from what is recorded
		j.cfg.Logger.WarnContext(ctx, "journal: work", "flow", e.flow, "reference", e.reference, "error", err)
	}
}

func (j *Journal) see(ctx context.Context, m *machine, e *entry) error {
	if !e.loaded {
		e.note = "its details are gone"
		if e.state == StateStuck {
			e.reason = ReasonStored
		}
	}
	ended, _ := e.state.end()
	switch {
	case !e.loaded && e.owed == "" && ended: // purged, or stuck already
		return j.quiet(ctx, m, e, 0, 0, never)
	case !e.loaded && e.owed == "" && e.state.known():
		return j.stick(ctx, m, e, ReasonStored, e.state, e.note)
	case e.step >= len(m.steps) && !ended:
		return j.stick(ctx, m, e, ReasonStored, e.state, "this release has fewer steps than the entry")
	case e.owed != "" && e.state.known():
		return j.deliver(ctx, m, e)
	case e.step >= len(m.steps): // nothing is left to send, and a newer process may look
		return j.quiet(ctx, m, e, e.tries, e.looks, newerDelay)
	}
	switch e.state {
	case StatePlanned:
		return j.send(ctx, m, e)
	case StateSending:
		return j.doubt(ctx, m, e)
	}
	return j.follow(ctx, m, e)
}

// deliver tells your func what it could not take before.
func (j *Journal) deliver(ctx context.Context, m *machine, e *entry) error {
	next := *e
	next.owed, next.tries = "", 0
	err := j.write(ctx, m, e, next, transition{event: "told", note: e.note, kind: e.owed, delay: j.rest(m, &next)})
	var own *funcError
	if errors.As(err, &own) {
		next = *e
		next.tries++
		return j.owe(ctx, m, e, next, transition{event: "func-failed"}, own)
	}
	return err
}

// rest is how long an entry can be left alone.
func (j *Journal) rest(m *machine, e *entry) time.Duration {
	switch e.state {
	case StatePlanned, StateSending:
		return 0
	case StateOpen:
		return j.jitter(min(max(e.since(e.sinceAt)/4, 3*time.Second), 15*time.Minute))
	case StateStuck:
		if e.reason == ReasonAction {
			return j.jitter(min(max(e.since(e.sinceAt)/4, time.Minute), time.Hour))
		}
	case StateFinal:
		if age := e.since(e.sinceAt); age < m.watch {
			return j.jitter(max(age, time.Hour))
		}
	}
	return never
}

// backoff grows from lo by doubling up to hi.
func (j *Journal) backoff(tries int, lo, hi time.Duration) time.Duration {
	return j.jitter(min(lo<<min(max(tries-1, 0), 20), hi))
}

// jitter takes up to a tenth off, so that entries do not stay in step.
func (j *Journal) jitter(d time.Duration) time.Duration { return d - j.random(d/10+1) }

// random is a wait below bound.
func (j *Journal) random(bound time.Duration) time.Duration {
	if j.cfg.Jitter != nil {
		return min(max(j.cfg.Jitter(bound), 0), bound-1)
	}
	return rand.N(bound)
}

// alertMost is how many entries one round of alerts reads.
const alertMost = 50

// alert tells OnStuck about entries that wait for a person. An alert that is lost
// with its process, or that failed, is given again. The others do not wait for it.
func (j *Journal) alert(ctx context.Context) error {
	if j.cfg.OnStuck == nil {
		return nil
	}
	j.mu.Lock()
	flows, after := slices.Sorted(maps.Keys(j.flows)), j.alerted
	j.mu.Unlock()
	if len(flows) == 0 {
		return nil
	}
	all, err := j.unalerted(ctx, flows, after)
	if err != nil {
		return err
	}
	var errs []error
	next := unalerted{} // from the beginning
	for _, u := range all {
		if ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
		if err := j.alertOne(ctx, u); err != nil {
			errs = append(errs, err)
		}
	}
	if len(all) == alertMost {
		next = all[len(all)-1]
	}
	j.mu.Lock()
	j.alerted = next
	j.mu.Unlock()
	return errors.Join(errs...)
}

// unalerted is an entry that waits for a person who may not know.
type unalerted struct {
	entry, since    int64
	flow, reference string
}

func (j *Journal) alertOne(ctx context.Context, u unalerted) error {
	entry, err := j.Find(ctx, u.flow, u.reference)
	if err != nil {
		return err
	}
	if entry.State == StateStuck {
		if err := j.cfg.OnStuck(ctx, entry); err != nil {
			return err
		}
	}
	_, err = execute(ctx, j.db, j.sql.alerted, u.entry)
	return err
}

// unalerted reads those of flows, from where the last round ended.
func (j *Journal) unalerted(ctx context.Context, flows []string, after unalerted) (all []unalerted, err error) {
	args, names := []any{after.since, after.entry, alertMost}, ""
	for _, flow := range flows {
		args = append(args, flow)
		names += ", $" + strconv.Itoa(len(args))
	}
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	rows, err := j.db.QueryContext(ctx, j.sql.text(strings.Replace(j.sql.unalerted, "{flows}", names[2:], 1)), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u unalerted
		if err := rows.Scan(&u.entry, &u.since, &u.flow, &u.reference); err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, rows.Err()
}
