package sim

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Ledgers are the books of all providers at the end of a day.
type Ledgers struct{ payments []Payment }

// LedgersOf makes ledgers for the test of a check.
func LedgersOf(payments ...Payment) Ledgers { return Ledgers{slices.Clone(payments)} }

// Payments are what a provider has under a reference of the merchant. An empty
// reference asks for all.
func (l Ledgers) Payments(provider, reference string) (found []Payment) {
	for _, p := range l.payments {
		if p.Provider == provider && (reference == "" || p.Reference == reference) {
			found = append(found, p)
		}
	}
	return found
}

// Differs says where a payment is not what was asked for; it is empty if it is.
// Phone numbers are compared without the prefix of a country.
func (p Payment) Differs(a Ask) string {
	switch {
	case !a.Amount.IsZero() && !p.Amount.Equal(a.Amount), a.Currency != "" && p.Currency != a.Currency:
		return fmt.Sprintf("the provider has %s %s, and asked was %s %s", p.Amount, p.Currency, a.Amount, a.Currency)
	case a.Account != "" && p.Account != "" && !sameAccount(p.Account, a.Account):
		return fmt.Sprintf("the provider has the account %s, and asked was %s", p.Account, a.Account)
	}
	return ""
}

// sameAccount compares two accounts as they are, but phone numbers without the prefix of a
// country: 0783300000 is +250783300000.
func sameAccount(a, b string) bool {
	long, short := strings.TrimPrefix(a, "+"), strings.TrimPrefix(b, "+")
	if len(long) < len(short) {
		long, short = short, long
	}
	if long == short {
		return true
	}
	number := strings.TrimPrefix(short, "0")
	prefix, ok := strings.CutSuffix(long, number)
	phone := len(number) == 9 || len(number) == 10 && number != short
	if !ok || !phone || strings.Trim(long, "0123456789") != "" {
		return false
	}
	return prefix == "0" || len(prefix) >= 2 && len(prefix) <= 3 && prefix[0] != '0'
}

// Debits is how often money moved under a reference.
func (l Ledgers) Debits(provider, reference string) (n int) {
	for _, p := range l.Payments(provider, reference) {
		n += p.Debits
	}
	return n
}

// Violation is a promise that a day has broken.
type Violation struct {
	Kind string // the promise: two days with the same Kind failed in the same way
	Text string
}

// The promises of the simulation itself.
const (
	TwiceDebited    = "debited twice"          // more than one debit under a reference, or of one call
	RejectedDebited = "refused, yet paid"      // "rejected" or "not sent", and an attempt of that call was paid, or could be seen to be paid before
	OwnTaken        = "taken by itself"        // "the reference is another payment's", and it is this payment's
	SentRefused     = "sent, yet refused here" // the client says that it sent nothing, because the parameters are wrong
	SuccessWithout  = "success of nothing"
	MadeOtherwise   = "made otherwise"   // a call has made a payment that nobody asked for under this reference
	AbsentDebited   = "absent, yet paid" // "not found", although the trouble is long over
	NotSettled      = "not settled"      // neither final nor refused nor handed to a person in the end
)

// Situations that a run should have met: one which never did proves little. See
// Report.Missing.
const (
	MetFound              = "an unknown write found by a lookup"
	MetResent             = "an absent write sent again"
	MetHeldDone           = "a request that its caller took for lost, carried out later"
	MetHeldRefused        = "a request that its caller took for lost, refused later"
	MetRefusedInFlight    = "a repeat refused while the first request is on its way"
	MetOvertaken          = "a repeat carried out while the first request is on its way"
	MetUnknownPaid        = "an unknown outcome of a payment that was made"
	MetUnknownUnpaid      = "an unknown outcome of a payment that was not made"
	MetTwoProcesses       = "two processes at once"
	MetKilledWithResponse = "a process killed between a response and its record"
	MetCommitLost         = "a COMMIT that was carried out, and reported as failed"
	MetForgedRefused      = "a forged or replayed callback refused"
	MetForgedAcknowledged = "a forged or replayed callback acknowledged"
	MetCallbackDown       = "a callback while nobody listens"
)

func (w *World) violate(kind, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := Violation{kind, fmt.Sprintf(format, args...)}
	w.broken = append(w.broken, v)
	w.lines = append(w.lines, line{w.sinceLocked(), broken, v.Kind + ": " + v.Text, true})
}

// judge holds the ledgers against what the merchant was told.
func (w *World) judge() {
	var l Ledgers
	for _, b := range w.banksNow() {
		l.payments = append(l.payments, b.all()...)
		if err := b.check(); err != nil {
			w.violate("ledger", "%s: %v", b.name, err)
		}
	}
	debits, byCall := map[string]int{}, map[*call]int{}
	for _, p := range l.payments {
		if p.Reference != "" {
			debits[p.Provider+" "+p.Reference] += p.Debits
		}
		if c := w.owners[p.Provider+" "+p.ID]; c != nil {
			byCall[c] += p.Debits
		}
		w.report.Debits += p.Debits
	}
	for _, reference := range slices.Sorted(maps.Keys(debits)) {
		if n := debits[reference]; n > 1 {
			w.violate(TwiceDebited, "%s has %d debits", reference, n)
		}
	}
	for _, c := range w.calls {
		if name := c.Provider + " " + c.Reference; byCall[c] > 1 && debits[name] <= 1 {
			w.violate(TwiceDebited, "one call of %s for %s has %d debits, under other references", c.actor, name, byCall[c])
		}
	}
	last, heard := map[string]*call{}, map[string]bool{} // heard: of which some call was told a success
	for _, c := range w.calls {
		name := c.Provider + " " + c.Reference
		heard[name] = heard[name] || c.over && c.err == nil
		if prior := last[name]; prior == nil || prior.number < c.number {
			last[name] = c
		}
		if !c.over {
			continue
		}
		w.report.Calls++
		w.report.Outcomes[outcome(c.err)]++
		if errors.Is(c.err, sdk.ErrReferenceTaken) {
			w.judgeTaken(l, c, name)
		}
		switch outcome(c.err) {
		case "rejected", "not sent":
			for _, p := range l.payments {
				// Of a request that somebody between repeats, one copy may be refused.
				if w.owners[p.Provider+" "+p.ID] == c && p.Debits > 0 && !w.profile.Repeats {
					w.violate(RejectedDebited, "%s was told %q of %s, and an attempt of this call has %d debit%s", c.actor, outcome(c.err), name, p.Debits, c.guess())
				}
			}
			// Of a call with several steps, an error other than sdk.ErrValidation speaks of the last step alone.
			if outcome(c.err) == "not sent" && c.writes > 0 && errors.Is(c.err, sdk.ErrValidation) {
				w.violate(SentRefused, "%s was told %q of %s, and this call has sent %d writes%s: %s", c.actor, outcome(c.err), name, c.writes, c.guess(), told(c.err))
			}
		case "success":
			w.judgeSuccess(l, c, name)
			switch {
			case c.writes > 1 && c.unclear > 0:
				w.Met(MetResent)
			case c.writes == 1 && c.unclear == 1:
				w.Met(MetFound)
			}
		case "unknown":
			if debits[name] > 0 {
				w.Met(MetUnknownPaid)
			} else {
				w.Met(MetUnknownUnpaid)
			}
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(last), cmp.Compare[string]) {
		if c := last[name]; w.stuck[name] == "" && c.open() && !w.known(c) {
			w.violate(NotSettled, "the last that was told of %s: %s", name, c.told())
		}
	}
	w.judgeRefused(debits, last, heard)
	w.judgeAbsent(l)
	w.judgeMade(l)
	for _, f := range w.checks {
		if err := f(l); err != nil {
			w.violate("check", "%v", err)
		}
	}
	settled := map[string]bool{}
	for _, c := range w.calls {
		if name := c.Provider + " " + c.Reference; outcome(c.err) == "unknown" && c.over && !settled[name] {
			settled[name] = true
			w.report.Doubts++
			switch {
			case !last[name].open() || w.known(last[name]):
				w.report.Settled++
			case w.stuck[name] != "":
				w.report.Handed++
			}
		}
	}
}

// open reports that what the merchant was told leaves something to do.
func (c *call) open() bool {
	advice := sdk.Advise(c.err)
	return !c.over || advice == sdk.Look || advice == sdk.Again
}

// known reports that the merchant knows a success of what a call has asked for. What an earlier
// life of the same process was told does not count: it may have died before it wrote that down.
func (w *World) known(c *call) bool {
	return slices.ContainsFunc(w.calls, func(told *call) bool {
		died := told.process != c.process && told.process.s == c.process.s
		return told.over && told.err == nil && told.Ask.same(c.Ask) && !died
	})
}

// judgeRefused finds payments that were made, and of which the merchant heard only that
// their reference is taken: the same call again must find them. Other refusals are true
// of their own call, also if an earlier call's request is carried out later.
func (w *World) judgeRefused(debits map[string]int, last map[string]*call, heard map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(last)) {
		c := last[name]
		duplicate := c.over && outcome(c.err) == "rejected" && errors.Is(c.err, sdk.ErrDuplicate) && !errors.Is(c.err, sdk.ErrReferenceTaken)
		if duplicate && debits[name] > 0 && !heard[name] && w.stuck[name] == "" && !w.profile.Repeats {
			w.violate(RejectedDebited, "the last that was told of %s: %s; and it has %d debit", name, told(c.err), debits[name])
		}
	}
}

// judgeRefusal finds a payment which a refusal hides: an earlier call had made it, no request
// at the provider has met a fault during this call, and the same call again must find what is
// there. Of a payment that has failed, and took no money, the refusal is true.
func (w *World) judgeRefusal(c *call) {
	w.mu.Lock()
	b, profile := w.bank(c.Provider), w.profile
	w.mu.Unlock()
	switch {
	case b == nil, !b.looks, profile.Repeats, profile.Forgetful, outcome(c.err) != "rejected":
		return
	case errors.Is(c.err, sdk.ErrUnauthorized):
		return
	case couldNotLook(c.err) && !errors.Is(c.err, sdk.ErrInsufficientFunds): // the caller was in a hurry, say
		return
	case errors.Is(c.err, sdk.ErrReferenceTaken): // see judgeTaken
		return
	}
	for _, p := range b.payments() {
		w.mu.Lock()
		sure := b.faultAt < c.began && w.made[b.name+" "+p.ID] < c.began
		w.mu.Unlock()
		if sure && p.Reference == c.Reference && p.Debits > 0 && c.shows(p) && p.Differs(c.Ask) == "" {
			w.violate(RejectedDebited, "%s was told of %s %s: %s; and an earlier call has made it", c.actor, c.Provider, c.Reference, told(c.err))
		}
	}
}

// couldNotLook reports a refusal which says that nobody could look whether it is true.
func couldNotLook(err error) bool {
	var e *sdk.Error
	return errors.As(err, &e) && e.Cause != nil && strings.Contains(e.Cause.Error(), "lookup by reference failed")
}

// shows reports that both sides show an amount, a currency and an account.
func (c *call) shows(p Payment) bool {
	return !c.Amount.IsZero() && c.Currency != "" && c.Account != "" && p.Account != ""
}

const longOver = 2 * time.Minute // since the trouble or a payment: what lags shows, and what was slow has arrived

// judgeAbsent finds payments of which a lookup said that they are not there. A lookup that
// began before the payment, or soon after it, was right. A payment also belongs to the
// reference of the call that made it: the provider may have changed the reference.
func (w *World) judgeAbsent(l Ledgers) {
	told := map[string]bool{}
	for _, a := range w.absent {
		name := a.Provider + " " + a.Reference
		if a.began < w.quiet+longOver || w.quiet == 0 || told[name] {
			continue
		}
		for _, p := range l.Payments(a.Provider, "") {
			id := p.Provider + " " + p.ID
			c := w.owners[id]
			if p.Debits > 0 && a.began >= w.made[id]+longOver && (p.Reference == a.Reference || c != nil && c.Reference == a.Reference) {
				told[name] = true
				w.violate(AbsentDebited, "%s was told that %s is not there, and the provider has it as %q", a.actor, name, p.Reference)
				break
			}
		}
	}
}

// judgeMade finds payments that calls have made with another amount, currency or account
// than any call asked for under their reference.
func (w *World) judgeMade(l Ledgers) {
	for _, p := range l.payments {
		c := w.owners[p.Provider+" "+p.ID]
		if c == nil || c.Reference != p.Reference || slices.ContainsFunc(w.calls, func(other *call) bool {
			return other.Provider == p.Provider && other.Reference == p.Reference && p.Differs(other.Ask) == ""
		}) {
			continue
		}
		w.violate(MadeOtherwise, "%s asked for %s %s, and %s", c.actor, c.Provider, c.Reference, p.Differs(c.Ask))
	}
}

// judgeTaken finds payments of which the merchant was told that they are others: each
// payment under the reference is what this call asks for. It judges only what shows an
// amount, a currency and an account on both sides.
func (w *World) judgeTaken(l Ledgers, c *call, name string) {
	found := l.Payments(c.Provider, c.Reference)
	if len(found) == 0 || slices.ContainsFunc(found, func(p Payment) bool { return !c.shows(p) || p.Differs(c.Ask) != "" }) {
		return
	}
	w.violate(OwnTaken, "%s was told that the reference of %s is another payment's, and the provider has just this one: %s", c.actor, name, told(c.err))
}

func (w *World) judgeSuccess(l Ledgers, c *call, name string) {
	found := l.Payments(c.Provider, c.Reference)
	if len(found) == 0 {
		w.violate(SuccessWithout, "%s was told success of %s, which the provider does not have", c.actor, name)
		return
	}
	for _, p := range found {
		if p.Differs(c.Ask) == "" {
			return
		}
	}
	w.violate(SuccessWithout, "%s was told success of %s, and %s", c.actor, name, found[0].Differs(c.Ask))
}

// outcome is what the merchant was told, in a word.
func outcome(err error) string {
	var e *sdk.Error
	switch {
	case err == nil:
		return "success"
	case errors.As(err, &e):
		return e.Outcome.String()
	}
	return "another error"
}

// guess says that a violation rests on a guess.
func (c *call) guess() string {
	if c.guessed {
		return " (a write without the context of a call was taken for this call's)"
	}
	return ""
}

// told is what the merchant was told of a call.
func (c *call) told() string {
	if !c.over {
		return "nothing, because its process ended"
	}
	return told(c.err)
}

func told(err error) string {
	if err == nil {
		return "success"
	}
	return err.Error()
}
