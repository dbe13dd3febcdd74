package journal

import (
	"database/sql"
	"errors"
	"time"

	"github.com/shopspring/decimal"
)

// State is where an entry stands.
type State string

const (
	StatePlanned   State = "planned"   // recorded; nothing has left
	StateSending   State = "sending"   // a request may have left, and no response is recorded
	StateOpen      State = "open"      // the provider has it, and it is not final
	StateFinal     State = "final"     // succeeded, failed or reversed: see Entry.Standing
	StateRefused   State = "refused"   // the provider refused it: as far as its response can be trusted, no money moved
	StateCancelled State = "cancelled" // a person cancelled it before anything left, as far as anybody knew
	StateStuck     State = "stuck"     // waits for a person: see Entry.Reason
)

// known is false for a state of a newer release.
func (s State) known() bool {
	done, _ := s.end()
	return done || s == StatePlanned || s == StateSending || s == StateOpen
}

// end says whether nothing more is expected, and with which error.
func (s State) end() (done bool, err error) {
	switch s {
	case StateFinal:
		return true, nil
	case StateRefused:
		return true, ErrRefused
	case StateCancelled:
		return true, ErrCancelled
	case StateStuck:
		return true, ErrStuck
	}
	return false, nil
}

// Reason says why an entry is stuck.
type Reason string

const (
	ReasonUnanswered    Reason = "unanswered"    // sent without a clear response, and the provider has no lookup
	ReasonAbsent        Reason = "absent"        // sent, and the provider does not show it: it may still arrive
	ReasonUndecided     Reason = "undecided"     // sent, and no lookup got a clear response for too long
	ReasonTaken         Reason = "taken"         // the provider has another request under the reference
	ReasonSeveral       Reason = "several"       // the provider shows several requests that match
	ReasonContested     Reason = "contested"     // a second attempt was refused, and the first is not shown
	ReasonKeyExpired    Reason = "key-expired"   // the provider may have forgotten the key of the first attempt
	ReasonNotSent       Reason = "not-sent"      // no attempt was accepted in time, or none was made: FlowConfig.SendWithin
	ReasonOpenTooLong   Reason = "open-too-long" // the provider calls it pending: FlowConfig.OpenLimit
	ReasonFunc          Reason = "func"          // your func failed too often
	ReasonLimit         Reason = "limit"         // beyond FlowConfig.Limit
	ReasonContradiction Reason = "contradiction" // the provider shows a state that cannot follow the recorded state
	ReasonStored        Reason = "stored"        // what is stored is gone, or this release cannot read it or has fewer steps
	ReasonAction        Reason = "action"        // it waits at the provider until you act there
)

// entry is an entry as a worker has it.
type entry struct {
	id              int64
	flow, reference string
	state           State
	standing        Kind  // what was told last, as far as it decides something
	resume          State // where a stuck entry goes on
	owed            Kind  // a recorded change that your func has not taken yet
	step            int
	fence, knocks   int64
	tries           int // of what is tried again and again: sending, polling, your func; of an end: see oneClear
	attempts        int // of all steps
	opened          int // attempts of this step that left, or may have left
	looks           int // lookups since the last attempt that said absent; of an end: see kindsOfReading
	contested       bool
	exempt          bool // from the limit: it was sent before, and is counted, or a person approved it
	mayResend       bool // a person allowed another attempt
	restart         bool // a new phase begins: set sinceAt

	sinceAt, createdAt, changedAt, firstSentAt, sentAt, askedAt, now int64

	digest        []byte // of the deciding parameters, as they were planned
	digestVersion int

	amount, currency        string
	params, prepared, value []byte
	note                    string
	reason                  Reason
	loaded                  bool      // the fields above and the reason are read; else they are purged
	lease                   time.Time // by this process's wall clock
	swept                   *swept    // what a sweep has found; nil: nobody has asked
}

func (e *entry) columns() []any {
	return []any{&e.id, &e.flow, &e.reference, &e.state, &e.standing, &e.resume, &e.owed, &e.step, &e.fence, &e.knocks, &e.tries,
		&e.attempts, &e.opened, &e.looks, &e.contested, &e.exempt, &e.mayResend, &e.sinceAt, &e.createdAt, &e.changedAt, &e.firstSentAt, &e.sentAt, &e.askedAt,
		&e.digest, &e.digestVersion, &e.now}
}

func (e *entry) since(at int64) time.Duration { return time.Duration(e.now-at) * time.Microsecond }

// restored reports an entry which a backup shows as planned, and of which nobody knows
// an attempt since. Restored dates its first attempt before its plan.
func (e *entry) restored() bool { return e.opened == 1 && e.firstSentAt < e.createdAt }

// attempted reports that a request of this step was about to leave before.
func (e *entry) attempted() bool { return e.step == 0 && e.attempts > 0 || len(e.prepared) > 0 }

// doubtfullyCancelled reports a cancelled entry of which something may have left all the
// same: a copy of an attempt that was refused for now, or what a backup lacks.
func (e *entry) doubtfullyCancelled() bool {
	return e.state == StateCancelled && e.attempts+e.opened > 0
}

func (e *entry) cost() (decimal.Decimal, error) { return decimal.NewFromString(e.amount) }

// lane is 1 for entries of which nothing has left, so that pausing and a crowd of new
// entries do not hold up the others.
func (e *entry) lane() int {
	if e.state == StatePlanned && e.owed == "" {
		return 1
	}
	return 0
}

// Entry is an entry as an operator sees it.
type Entry struct {
	Flow, Reference string
	State           State
	Standing        Kind   // Succeeded, Failed, Reversed or Pending; empty before the first response
	Reason          Reason // of a stuck entry
	Note            string // what is known about it, in words
	Owed            Kind   // a change that your func has not taken yet
	Step            int    // counted from 0
	Attempts        int    // how often a request was about to leave, of all steps: attempts that were not sent count
	Created         time.Time
	Changed         time.Time
	Due             time.Time // when a worker looks at it again; zero: never
	Holder          string    // the worker that has it
}

func (e *entry) shown(holder string, due int64, note string) Entry {
	out := Entry{
		Flow: e.flow, Reference: e.reference, State: e.state, Standing: e.standing, Reason: e.reason, Note: note, Owed: e.owed, Step: e.step,
		Attempts: e.attempts, Created: time.UnixMicro(e.createdAt), Changed: time.UnixMicro(e.changedAt), Holder: holder,
	}
	if due != 0 {
		out.Due = time.UnixMicro(due)
	}
	return out
}

// noRows turns the absence of an entry into ErrNotPlanned.
func noRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotPlanned
	}
	return err
}
