package journal

import (
	"context"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
)

// Event is what Config.Observe is told.
type Event struct {
	Flow   string
	What   string        // a constant such as EventStuck
	Reason Reason        // of EventStuck
	Age    time.Duration // since Plan, of EventFinal, EventRefused and EventStuck
}

// What an Event reports.
const (
	EventFinal      = "final"       // an entry has come to its end
	EventRefused    = "refused"     // the provider refused
	EventStuck      = "stuck"       // an entry waits for a person
	EventDoubt      = "doubt"       // nobody knows whether a request arrived, and a lookup begins
	EventFuncFailed = "func-failed" // your func returned an error
	EventLeaseLost  = "lease-lost"  // a worker was slower than its lease, and changed nothing
)

func (j *Journal) emit(e Event) {
	if j.cfg.Observe != nil {
		j.cfg.Observe(e)
	}
}

// observe reports a transition that was committed.
func (j *Journal) observe(m *machine, before, after *entry) {
	event := Event{Flow: m.name, Age: after.since(after.createdAt)}
	if after.owed != "" && after.failures() > 0 {
		event.What = EventFuncFailed
		j.emit(event)
	}
	switch {
	case before.state == after.state:
		return
	case after.state == StateFinal:
		event.What = EventFinal
	case after.state == StateRefused:
		event.What = EventRefused
	case after.state == StateStuck:
		event.What, event.Reason = EventStuck, after.reason
	default:
		return
	}
	j.emit(event)
}

// Stats are the numbers of a flow. They cost a few index reads, however many entries
// are finished. All stuck entries are counted: the more are stuck, the longer it takes.
type Stats struct {
	Flow string
	// ToSend and ToFollow count unfinished entries up to 10,001, which means more.
	ToSend, ToFollow int
	// SendLate and FollowLate are how long the oldest due entry has waited. They grow
	// when no worker has the flow.
	SendLate, FollowLate time.Duration
	Stuck                map[Reason]int
	Paused               bool
}

// Stats returns the numbers of a flow.
func (j *Journal) Stats(ctx context.Context, flow string) (Stats, error) {
	s := Stats{Flow: flow, Stuck: map[Reason]int{}}
	for lane, into := range map[int]struct {
		count *int
		late  *time.Duration
	}{laneSend: {&s.ToSend, &s.SendLate}, laneFollow: {&s.ToFollow, &s.FollowLate}} {
		late := int64(0)
		if err := sqldb.QueryRow(ctx, j.db, j.sql.overdue, []any{flow, lane}, &late); err != nil {
			return s, failed("stats", err)
		}
		*into.late = time.Duration(late) * time.Microsecond
		if err := sqldb.QueryRow(ctx, j.db, j.sql.unfinished, []any{flow, lane}, into.count); err != nil {
			return s, failed("stats", err)
		}
	}
	rows, err := j.db.QueryContext(ctx, j.sql.stuckCounts, flow)
	if err != nil {
		return s, failed("stats", err)
	}
	defer rows.Close()
	for rows.Next() {
		var (
			reason Reason
			count  int
		)
		if err := rows.Scan(&reason, &count); err != nil {
			return s, failed("stats", err)
		}
		s.Stuck[reason] = count
	}
	if err := rows.Err(); err != nil {
		return s, failed("stats", err)
	}
	_ = rows.Close()
	s.Paused, _, err = j.flowState(ctx, flow)
	return s, failed("stats", err)
}
