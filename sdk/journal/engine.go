package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

const (
	// pausedDelay is how long an entry waits before it asks again whether its flow is
	// still paused.
	pausedDelay = 30 * time.Second
	// newerDelay is how long an entry that this release does not know whole is left to others.
	newerDelay = time.Minute
)

// send makes the first attempt of a step, or an attempt after others of which nothing
// can have left.
func (j *Journal) send(ctx context.Context, m *machine, e *entry) error {
	if e.since(e.sinceAt) > m.settings.SendWithin {
		note := "nothing left in time"
		if e.attempts > 0 {
			note = "no attempt was accepted in time"
		}
		return j.stick(ctx, m, e, ReasonNotSent, StatePlanned, note)
	}
	if settled, err := j.lookBefore(ctx, m, e); settled || err != nil {
		return err
	}
	prepared, err := j.prepare(ctx, m, e)
	if err != nil {
		return j.unprepared(ctx, m, e, err)
	}
	return j.attempt(ctx, m, e, prepared, "attempt "+m.steps[e.step].name)
}

// lookBefore looks for a request before another attempt, although the attempts before
// were refused for now or not sent: somebody on the way may have sent them twice. As
// long as Restored has asked for it, it also looks before the first attempt, as far
// back as the provider shows, and what it finds is taken for ours.
func (j *Journal) lookBefore(ctx context.Context, m *machine, e *entry) (settled bool, err error) {
	if e.opened > 0 || m.steps[e.step].look == nil {
		return false, nil
	}
	adopts, err := j.adopts(ctx, m)
	if err != nil || !adopts && !e.attempted() {
		return false, err
	}
	probe := *e
	if adopts {
		probe.createdAt, probe.prepared = 0, nil
	}
	a, finding, err := j.look(ctx, m, &probe)
	switch {
	case err != nil, finding == CannotTell:
		note := "no clear response to a lookup before sending"
		if err != nil {
			note += ": " + sdk.SafeText(err)
		}
		return true, j.putOff(ctx, m, e, *e, note, err)
	case finding == Found && adopts:
		return true, j.accept(ctx, m, e, a, "adopted")
	case finding == Found:
		return true, j.taken(ctx, m, e, a.value, "the provider shows it, and no attempt of ours was accepted")
	case finding == Different:
		return true, j.stick(ctx, m, e, ReasonTaken, StatePlanned, "the reference belongs to another request")
	case finding == Several:
		return true, j.stick(ctx, m, e, ReasonSeveral, StatePlanned, "several requests match")
	}
	return false, nil
}

// putOff leaves an entry for later, because of err. Nothing has left.
func (j *Journal) putOff(ctx context.Context, m *machine, e *entry, next entry, note string, err error) error {
	next.tries++
	return j.record(ctx, m, e, next, transition{event: "put-off", note: note, delay: max(sdk.RetryAfter(err), j.backoff(next.tries, time.Second, 10*time.Minute))})
}

func (j *Journal) prepare(ctx context.Context, m *machine, e *entry) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)
	defer cancel()
	return m.steps[e.step].prepare(ctx, e)
}

// unprepared is a request that could not be made. Nothing has left.
func (j *Journal) unprepared(ctx context.Context, m *machine, e *entry, err error) error {
	var known *sdk.Error
	next, note := *e, "not prepared: "+sdk.SafeText(err)
	switch {
	case errors.Is(err, errStored):
		return j.stick(ctx, m, e, ReasonStored, e.state, note)
	case e.opened == 0 && errors.As(err, &known) && sdk.Advise(err) == sdk.Taken:
		return j.taken(ctx, m, e, e.value, note)
	case e.opened == 0 && errors.As(err, &known) && sdk.Advise(err) == sdk.Mend:
		next.state, next.standing = StateRefused, Failed
		return j.record(ctx, m, e, next, transition{event: "refused", note: note, kind: Failed, delay: never})
	}
	return j.putOff(ctx, m, e, next, note, err)
}

// attempt writes down that a request leaves, sends it once, and records what came of
// it.
func (j *Journal) attempt(ctx context.Context, m *machine, e *entry, prepared []byte, note string) error {
	before := *e
	switch {
	case m.newer(e):
		return j.quiet(ctx, m, e, e.tries, e.looks, newerDelay)
	case !m.intact(e):
		return j.stick(ctx, m, e, ReasonStored, e.state, "the stored parameters do not match their digest")
	}
	err := j.mark(ctx, m, e, prepared, note)
	switch {
	case errors.Is(err, errBeyondLimit):
		return j.stick(ctx, m, &before, ReasonLimit, before.state, err.Error())
	case errors.Is(err, errLeaseLost):
		if paused, _, stateErr := j.flowState(ctx, m.name); stateErr == nil && paused {
			return j.quiet(ctx, m, e, e.tries, e.looks, pausedDelay)
		}
		return err
	case err != nil:
		return err
	}
	var a result
	// A machine that slept holds a lease that ended long ago.
	if j.wall().Add(j.cfg.CallTimeout).After(e.lease) {
		err = &sdk.Error{Outcome: sdk.NotSent, Reference: e.reference, Cause: errors.New("the lease was nearly over")}
	} else {
		func() {
			ctx, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)
			defer cancel()
			a, err = m.steps[e.step].send(ctx, e)
		}()
	}
	if err == nil {
		if a.existing && e.opened == 1 {
			return j.taken(ctx, m, e, a.value, "the provider had it before our first attempt")
		}
		return j.accept(ctx, m, e, a, "accepted")
	}
	return j.unaccepted(ctx, m, e, err)
}

// newer reports an entry that a newer release planned. This release may read its
// parameters, and leave out a deciding field that it does not know.
func (m *machine) newer(e *entry) bool { return e.digestVersion > len(m.digests) }

// intact reports that the stored parameters are those that were planned.
func (m *machine) intact(e *entry) bool {
	params, err := m.decode(e.params)
	if err != nil || e.digestVersion < 1 {
		return false
	}
	sum := m.digests[e.digestVersion-1](params)
	return bytes.Equal(sum[:], e.digest)
}

// verdict is what an error of Send says.
type verdict uint8

const (
	unclear verdict = iota // it may have happened
	again                  // nothing happened; later it may
	refused                // nothing happened, and the same would be refused again
	taken                  // nothing happened, because the reference was there
)

func judge(err error) verdict {
	var e *sdk.Error
	if !errors.As(err, &e) || e == nil || e.Outcome != sdk.NotSent && e.Outcome != sdk.Rejected {
		return unclear
	}
	switch sdk.Advise(err) {
	case sdk.Again, sdk.Credentials:
		return again
	case sdk.Mend:
		return refused
	case sdk.Taken:
		return taken
	}
	return unclear
}

// unaccepted records an attempt without success.
func (j *Journal) unaccepted(ctx context.Context, m *machine, e *entry, err error) error {
	next, v, note := *e, judge(err), sdk.SafeText(err)
	if v == unclear {
		s := m.steps[e.step]
		if s.look == nil && s.class != sdk.Keyed {
			return j.stick(ctx, m, e, ReasonUnanswered, StateSending, "no clear response: "+note)
		}
		return j.record(ctx, m, e, next, transition{event: "unanswered", note: note, delay: j.nextLook(m, e, 0)})
	}
	next.opened--
	if next.opened > 0 {
		// An earlier attempt may still be on its way. The refusal of a later attempt
		// says nothing about it.
		next.contested = next.contested || v != again
		delay := j.nextLook(m, e, 0)
		if v == again {
			delay = max(delay, sdk.RetryAfter(err))
		}
		return j.record(ctx, m, e, next, transition{event: "not-accepted", note: note, delay: delay})
	}
	if v == refused && errors.Is(err, sdk.ErrRejected) && m.steps[e.step].look != nil {
		if settled, err := j.lookAfterRefusal(ctx, m, e, note); settled || err != nil {
			return err
		}
	}
	switch v {
	case taken:
		return j.taken(ctx, m, e, e.value, note)
	case refused:
		next.state, next.standing = StateRefused, Failed
		return j.record(ctx, m, e, next, transition{event: "refused", note: note, kind: Failed, delay: never})
	}
	next.state = StatePlanned
	return j.putOff(ctx, m, e, next, note, err)
}

// lookAfterRefusal finds out whether the write is done in spite of a refusal: the refusal
// may mean just that, or be another request's. A first step that is done was done by
// somebody else, as far as anybody knows. A lookup that cannot tell leaves only unclear
// refusals in doubt.
func (j *Journal) lookAfterRefusal(ctx context.Context, m *machine, e *entry, note string) (settled bool, err error) {
	a, finding, err := j.look(ctx, m, e)
	switch {
	case (err != nil || finding == CannotTell) && !m.steps[e.step].unsure:
		return false, nil
	case err != nil, finding == CannotTell, finding == Several:
		return true, j.record(ctx, m, e, *e, transition{event: "unanswered", note: "refused, and no clear response to a lookup: " + note, delay: j.nextLook(m, e, 0)})
	case finding == Found && e.step > 0:
		return true, j.accept(ctx, m, e, a, "found")
	case finding == Found, finding == Different:
		return true, j.taken(ctx, m, e, e.value, note)
	}
	return false, nil
}

// taken is a reference that the provider had before our first attempt. It is another
// request, unless a backup was restored: then it may be ours.
func (j *Journal) taken(ctx context.Context, m *machine, e *entry, value []byte, note string) error {
	_, adopt, err := j.flowState(ctx, m.name)
	if err != nil {
		return err
	}
	if adopt {
		return j.record(ctx, m, e, *e, transition{event: "adopt", note: note, delay: 0})
	}
	next := *e
	next.opened, next.value = 0, value
	return j.stickAs(ctx, m, e, next, ReasonTaken, StatePlanned, note)
}

// accept goes on from what the provider shows.
func (j *Journal) accept(ctx context.Context, m *machine, e *entry, a result, event string) error {
	next := *e
	next.value, next.tries, next.looks, next.contested, next.reason = a.value, 0, 0, false, ""
	if left := m.left(e.step, a); left < len(m.steps) && e.state != StateRefused && e.state != StateCancelled {
		next.step, next.state, next.opened, next.prepared, next.restart = left, StatePlanned, 0, nil, true
		m.rouse()
		return j.record(ctx, m, e, next, transition{event: event, note: "step " + m.steps[e.step].name + " is done", delay: 0})
	}
	next.step = max(e.step, len(m.steps)-1)
	if a.standing == Stuck {
		return j.stickAs(ctx, m, e, next, ReasonAction, StateOpen, "it waits at the provider until you act there")
	}
	if a.standing == Pending && (e.state == StateRefused || e.state == StateCancelled) {
		return j.stickAs(ctx, m, e, next, ReasonContradiction, StateOpen, string(e.state)+", and shown as pending all the same")
	}
	kind := change(e.standing, a.standing)
	next.state, next.standing, next.restart = StateOpen, a.standing, true
	if a.standing != Pending {
		next.state = StateFinal
	}
	fresh := next
	fresh.sinceAt = fresh.now
	delay := j.rest(m, &fresh)
	if overturn(e.standing, a.standing) != 0 {
		next.tries, delay = j.afterOverturn(e, delay)
	}
	return j.record(ctx, m, e, next, transition{event: event, note: string(a.standing), kind: kind, delay: delay})
}

// left is the next step that is to be sent; len(m.steps): none.
func (m *machine) left(step int, a result) int {
	for n := step + 1; n < len(m.steps) && a.standing == Pending; n++ {
		if m.steps[n].done == nil || !m.steps[n].done(a) {
			return n
		}
	}
	return len(m.steps)
}

// change is what your func is told when what it knows becomes something else.
func change(known, now Kind) Kind {
	if known == now {
		return ""
	}
	switch now {
	case Pending:
		if known == "" {
			return Pending
		}
		return "" // stale
	case Succeeded:
		if known == Failed || known == Reversed {
			return Corrected
		}
		return Succeeded
	case Failed:
		switch known {
		case Succeeded:
			return Reversed
		case Reversed:
			return ""
		}
		return Failed
	case Reversed:
		if known == Failed {
			return ""
		}
		return Reversed
	}
	return ""
}

// doubt finds out what became of attempts without a clear response.
func (j *Journal) doubt(ctx context.Context, m *machine, e *entry) error {
	s := m.steps[e.step]
	if e.tries == 0 && e.looks == 0 {
		j.emit(Event{Flow: m.name, What: EventDoubt})
	}
	if s.look == nil {
		switch {
		case e.mayResend:
			return j.resend(ctx, m, e)
		case s.class != sdk.Keyed:
			return j.stick(ctx, m, e, ReasonUnanswered, StateSending, "sent, and no response is recorded")
		}
		return j.byKey(ctx, m, e)
	}
	a, finding, err := j.look(ctx, m, e)
	switch {
	case err != nil, finding == CannotTell:
		note := "no clear response to a lookup"
		if err != nil {
			note = "lookup: " + sdk.SafeText(err)
		}
		if j.doubtedFor(e) > m.settings.DoubtLimit {
			return j.stick(ctx, m, e, ReasonUndecided, StateSending, note)
		}
		return j.quiet(ctx, m, e, e.tries+1, e.looks, max(sdk.RetryAfter(err), j.backoff(e.tries+1, 2*time.Second, 10*time.Minute)))
	case finding == Found:
		return j.accept(ctx, m, e, a, "found")
	case finding == Different:
		return j.stick(ctx, m, e, ReasonTaken, StateSending, "the reference belongs to another request")
	case finding == Several:
		return j.stick(ctx, m, e, ReasonSeveral, StateSending, "several requests match")
	}
	return j.absent(ctx, m, e)
}

func (j *Journal) look(ctx context.Context, m *machine, e *entry) (result, Finding, error) {
	if e.swept != nil && e.step+1 == len(m.steps) {
		return e.swept.result, e.swept.finding, e.swept.err
	}
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)
	defer cancel()
	return m.steps[e.step].look(ctx, e)
}

// absent follows a lookup that did not find the request. A provider may show late what
// it has taken. So the request counts as absent after several lookups, some time apart.
func (j *Journal) absent(ctx context.Context, m *machine, e *entry) error {
	s, looks := m.steps[e.step], e.looks
	if e.mayResend {
		return j.resend(ctx, m, e)
	}
	if looks < len(s.looks) {
		if e.since(e.sentAt) >= s.looks[looks] && e.since(e.askedAt) >= s.gap(looks) {
			looks++
		}
		if looks < len(s.looks) {
			return j.quiet(ctx, m, e, 0, looks, j.nextLook(m, e, looks))
		}
		e.looks = looks
	}
	switch {
	case e.contested:
		return j.stick(ctx, m, e, ReasonContested, StateSending, "a later attempt was refused, and the first is not shown")
	case s.class != sdk.Referenced && s.class != sdk.Keyed && (s.class != sdk.Searched || m.settings.ResendAbsentAfter == 0):
		return j.stick(ctx, m, e, ReasonAbsent, StateSending, fmt.Sprintf("not shown by %d lookups", looks))
	case j.doubtedFor(e) > m.settings.DoubtLimit:
		return j.stick(ctx, m, e, ReasonUndecided, StateSending, fmt.Sprintf("attempts: %d; not shown, and in doubt for too long to be sent again", e.attempts))
	case s.class == sdk.Referenced:
		return j.resend(ctx, m, e)
	case s.class == sdk.Keyed:
		return j.byKey(ctx, m, e)
	}
	if wait := m.settings.ResendAbsentAfter - e.since(e.sentAt); wait > 0 {
		return j.quiet(ctx, m, e, 0, looks, min(wait, 10*time.Minute))
	}
	return j.resend(ctx, m, e)
}

// byKey sends the same bytes under the same key, as long as the provider knows it.
func (j *Journal) byKey(ctx context.Context, m *machine, e *entry) error {
	switch {
	case e.since(e.firstSentAt)+j.cfg.CallTimeout > m.steps[e.step].keyLife:
		return j.stick(ctx, m, e, ReasonKeyExpired, StateSending, "no clear response within the life of the key")
	case e.contested:
		return j.stick(ctx, m, e, ReasonContested, StateSending, "a later attempt with the same key was refused")
	}
	return j.resend(ctx, m, e)
}

// resend makes another attempt with the bytes of the first.
func (j *Journal) resend(ctx context.Context, m *machine, e *entry) error {
	if e.restored() && e.since(e.sinceAt) > m.settings.SendWithin {
		return j.stick(ctx, m, e, ReasonNotSent, StateSending, "it was not sent in time, as far as the backup and the provider show")
	}
	prepared := e.prepared
	if len(prepared) == 0 { // a restored entry: what was sent since the backup is lost
		var err error
		if prepared, err = j.prepare(ctx, m, e); err != nil {
			return j.unprepared(ctx, m, e, err)
		}
	}
	return j.attempt(ctx, m, e, prepared, "another attempt of "+m.steps[e.step].name)
}

// doubtedFor is how long a doubt lasts, or how long since a person looked at it. The
// doubt of a restored entry began with the restore.
func (j *Journal) doubtedFor(e *entry) time.Duration {
	if e.restored() {
		return e.since(max(e.sentAt, e.sinceAt))
	}
	return e.since(max(e.firstSentAt, e.sinceAt))
}

// nextLook is the time until a lookup counts.
func (j *Journal) nextLook(m *machine, e *entry, looks int) time.Duration {
	s := m.steps[e.step]
	if s.look == nil { // keyed: the same again, after a wait
		return j.backoff(e.opened, 2*time.Second, 10*time.Minute)
	}
	return max(s.looks[looks]-e.since(e.sentAt), s.gap(looks))
}

// gap is the least time since the lookup before. After a long stop several lookups are
// due at once, and a callback makes a lookup sooner: neither counts as several.
func (s step) gap(looks int) time.Duration {
	if looks == 0 {
		return 0
	}
	return s.looks[looks] - s.looks[looks-1]
}

// stick hands an entry to a person, and tells your func.
func (j *Journal) stick(ctx context.Context, m *machine, e *entry, reason Reason, resume State, note string) error {
	return j.stickAs(ctx, m, e, *e, reason, resume, note)
}

func (j *Journal) stickAs(ctx context.Context, m *machine, e *entry, next entry, reason Reason, resume State, note string) error {
	// What a person has allowed and could not be done is not done at another act.
	next.state, next.resume, next.reason, next.tries, next.mayResend = StateStuck, resume, reason, 0, false
	return j.record(ctx, m, e, next, transition{event: "stuck", note: note, kind: Stuck, delay: j.rest(m, &next)})
}
