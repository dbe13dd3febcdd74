package journal

import (
	"context"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// follow asks for the present state of an entry. It reads only.
func (j *Journal) follow(ctx context.Context, m *machine, e *entry) error {
	if !e.state.known() { // of a newer release
		return j.quiet(ctx, m, e, e.tries, e.looks, newerDelay)
	}
	if e.state == StateRefused || e.doubtfullyCancelled() || e.state == StateStuck && e.resume == StateSending {
		if m.steps[e.step].look == nil {
			return j.quiet(ctx, m, e, 0, e.looks, never)
		}
		a, finding, err := j.look(ctx, m, e)
		unclear := err != nil || finding == CannotTell
		// What would send the next step waits for the person: see Retry.
		if unclear || finding != Found || e.state == StateStuck && m.left(e.step, a) < len(m.steps) {
			if !unclear {
				e.forgetReading()
			}
			return j.lookMore(ctx, m, e, err, unclear, never)
		}
		if first := e.reading(a.standing); first != 0 && !e.repeats(first) {
			return j.quiet(ctx, m, e, e.tries, first, secondLook)
		}
		return j.accept(ctx, m, e, a, "found")
	}
	if e.state == StateCancelled || e.state == StateStuck && e.resume != StateOpen {
		return j.quiet(ctx, m, e, 0, e.looks, never)
	}
	a, err := j.ask(ctx, m, e)
	if err == nil && isNews(e, a.standing) {
		if first := e.reading(a.standing); first != 0 && !e.repeats(first) {
			return j.quiet(ctx, m, e, e.tries, first, secondLook)
		}
		return j.accept(ctx, m, e, a, "changed")
	}
	unsure := hasReading(e.looks) // which this response does not repeat
	if err == nil {
		e.forgetReading()
	}
	if e.state == StateOpen && e.since(e.sinceAt) > m.settings.OpenLimit {
		return j.stick(ctx, m, e, ReasonOpenTooLong, StateOpen, "the provider does not end it")
	}
	rest := j.rest(m, e)
	switch {
	case rest < 0 || unsure && err != nil || !unsure && e.knocked():
		return j.lookMore(ctx, m, e, err, err != nil, rest)
	case unsure:
		return j.quiet(ctx, m, e, e.tries, e.looks, min(rest, time.Minute))
	case err != nil:
		rest = max(rest, sdk.RetryAfter(err))
	}
	return j.quiet(ctx, m, e, 0, e.looks, rest)
}

// A single response may be an old one. So your func is told that an end is overturned when
// two clear lookups in succession say the same.
const (
	// secondLook is the least time between the two.
	secondLook = time.Second
	// readingLife is the most time between them, in which a process that works once a day
	// makes both. What was read before says nothing any more.
	readingLife = 48 * time.Hour
)

// Two numbers of an entry mean something else once it has an end.
//
// looks counts lookups that said absent, while an entry is in doubt. Of a known end it holds
// the first reading that overturns it: kindsOfReading times the minute since 1970 in which
// it was read, and what it says.
//
// tries counts what is tried again and again. Of a known end it counts lookups after a knock
// or after what overturned the end: without a clear response, and clear (times oneClear).
// oneKnock says that there was a knock or an overturn, which an end that is watched has to
// know. Above it is how often the end was overturned (times oneOverturn). Of a change that
// your func has not taken tries counts its failures, and oneKnock says that there may have
// been a knock before the first.
const (
	kindsOfReading = 4
	// noReading is more than all lookups of a doubt, and less than any reading.
	noReading = 1_000_000

	oneClear    = 1_000_000
	oneKnock    = 10_000_000
	oneOverturn = 100_000_000
)

// knocked reports that lookups are due after a knock or an overturn.
func (e *entry) knocked() bool { return e.tries%oneOverturn >= oneKnock }

// failures is how often your func has failed to take what it is owed.
func (e *entry) failures() int { return e.tries % oneKnock }

// overturn names the way in which a response overturns a known end, or shows as taken back
// what was never shown as done. 0: neither.
func overturn(known, now Kind) int {
	switch change(known, now) {
	case Corrected:
		return 1
	case Reversed:
		if now == Failed {
			return 2
		}
		return 3
	}
	return 0
}

// reading is what looks holds after a first reading that overturns a known end. 0: this one
// overturns nothing.
func (e *entry) reading(now Kind) int {
	how := overturn(e.standing, now)
	if how == 0 {
		return 0
	}
	return int(e.now/time.Minute.Microseconds())*kindsOfReading + how
}

// repeats reports that a reading says the same as the one before, and soon enough.
func (e *entry) repeats(reading int) bool {
	return e.looks%kindsOfReading == reading%kindsOfReading && reading-e.looks <= int(readingLife/time.Minute)*kindsOfReading
}

// hasReading reports that the looks of an entry hold a first reading.
func hasReading(looks int) bool { return looks > noReading }

func (e *entry) forgetReading() {
	if hasReading(e.looks) {
		e.looks = 0
	}
}

const (
	// clearLooks is how many clear lookups without news follow a knock at a finished entry.
	clearLooks = 3
	// mostOverturns bounds the lookups at a provider that says one thing and then another.
	mostOverturns = 8
)

// afterOverturn has an end looked up again after it was overturned, sooner than after its
// rest: both responses may have been old ones.
func (j *Journal) afterOverturn(e *entry, rest time.Duration) (tries int, delay time.Duration) {
	overturns := e.tries/oneOverturn + 1
	if overturns > mostOverturns {
		return 0, rest
	}
	delay = j.backoff(overturns, time.Minute, 24*time.Hour)
	if rest >= 0 {
		delay = min(delay, rest)
	}
	return overturns*oneOverturn + oneKnock, delay
}

// lookMore looks again at an entry after a knock, or after a reading that overturns its end,
// and then leaves it alone for rest. The knock was acknowledged, so the provider may not repeat
// it, and the lookup may have failed or lagged.
func (j *Journal) lookMore(ctx context.Context, m *machine, e *entry, err error, unclear bool, rest time.Duration) error {
	if unclear {
		failures := e.tries%oneClear + 1
		if failures > 8+int(m.settings.DoubtLimit/(10*time.Minute)) {
			e.forgetReading()
			return j.quiet(ctx, m, e, 0, e.looks, rest)
		}
		delay := max(sdk.RetryAfter(err), j.backoff(failures, 2*time.Second, 10*time.Minute))
		return j.quiet(ctx, m, e, e.tries+1, e.looks, delay)
	}
	clears := e.tries%oneKnock/oneClear + 1
	if clears >= clearLooks {
		return j.quiet(ctx, m, e, 0, e.looks, rest)
	}
	return j.quiet(ctx, m, e, e.tries+oneClear, e.looks, time.Duration(clears)*time.Minute)
}

// ask asks for the present state, unless a sweep has just done so.
func (j *Journal) ask(ctx context.Context, m *machine, e *entry) (result, error) {
	if e.swept == nil {
		ctx, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)
		defer cancel()
		return m.poll(ctx, e)
	}
	if e.swept.err == nil && e.swept.finding != Found {
		return result{}, errNotShown
	}
	return e.swept.result, e.swept.err
}

// isNews reports whether what the provider shows changes an entry.
func isNews(e *entry, now Kind) bool {
	waits := e.state == StateStuck && e.reason == ReasonAction
	switch {
	case now == Stuck:
		return e.state == StateOpen
	case waits && now == Pending: // a person has acted there
		return true
	}
	return change(e.standing, now) != ""
}
