package sqltest

import (
	"database/sql"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// The tests of this file each show a way to pay twice, or to lie about money, and that
// it is closed.

// again works on what is due, so many times.
func (m *merchant) again(times int, later time.Duration) {
	m.t.Helper()
	for range times {
		m.work(later)
	}
}

// TestJournalLostMark: a worker that cannot know whether it wrote down its attempt does
// not take another worker's lease, of the same process, for its own record.
func TestJournalLostMark(t *testing.T) {
	onGated(t, func(t *testing.T, plain, gated *sql.DB, dialect journal.Dialect, g *gate) {
		b := newBank(sdk.Once)
		m := newMerchant(t, gated, dialect, b)
		m.mustPlan("a")
		g.loses, g.lost = "state = 'sending'", func() { // the lease has ended meanwhile
			_, err := plain.ExecContext(t.Context(), `UPDATE journal_entries SET fence = fence + 1, due_at = due_at + 60000000`)
			require.NoError(t, err)
		}
		m.work(0)
		require.Nil(t, g.lost, "the mark was lost")
		require.Zero(t, b.sends["a"], "the other worker sends it")
		require.Contains(t, m.events, journal.Event{Flow: "pay", What: journal.EventLeaseLost})
		m.again(3, 5*time.Minute)
		require.Equal(t, 1, b.debits["a"])
		require.Equal(t, journal.StateFinal, m.entry("a").State)

		// A mark that took place, or that took no place and met nobody, is seen through.
		m.mustPlan("b")
		g.lost = func() {}
		m.work(0)
		require.Nil(t, g.lost)
		require.Equal(t, 1, b.sends["b"])
	})
}

// TestJournalLostRecord: a person's act is not taken for the record of a worker.
func TestJournalLostRecord(t *testing.T) {
	onGated(t, func(t *testing.T, plain, gated *sql.DB, dialect journal.Dialect, g *gate) {
		b := newBank(sdk.Searched, "lost before")
		m, desk := newMerchant(t, gated, dialect, b), newMerchant(t, plain, dialect, b)
		m.mustPlan("a")
		m.work(0)
		m.again(8, time.Hour)
		require.Equal(t, journal.ReasonAbsent, m.entry("a").Reason)
		b.set("a", "paid")
		m.knock("a")
		g.loses, g.lost = "INSERT INTO told", func() { require.NoError(t, desk.act("a", journal.DidNot)) }
		m.work(time.Minute)
		require.Nil(t, g.lost)
		require.Equal(t, journal.Failed, m.entry("a").Standing)
		require.Contains(t, m.events, journal.Event{Flow: "pay", What: journal.EventLeaseLost})
		m.knock("a")
		m.again(2, time.Minute)
		require.Equal(t, []string{"stuck", "failed", "corrected"}, m.changes("a"))
	})
}

// TestJournalRestoredKey: the key of an entry which the backup shows as planned is as old
// as the plan, at the most.
func TestJournalRestoredKey(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for age, reason := range map[time.Duration]journal.Reason{10 * time.Minute: "", 2 * time.Hour: journal.ReasonNotSent, 21 * time.Hour: journal.ReasonKeyExpired} {
			clear(t, db)
			b := newBank(sdk.Keyed)
			m := newMerchant(t, db, dialect, b)
			m.mustPlan("a")
			pass(t, db, age)
			require.NoError(t, m.j.Restored(t.Context(), 0, "Ines"))
			require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "looked"))
			m.again(3, time.Minute)
			require.Equal(t, reason, m.entry("a").Reason, age)
			require.Equal(t, map[bool]int{true: 1}[reason == ""], b.sends["a"], age)
		}
	})
}

// TestJournalRestoredLate: an old order is not paid by surprise after a restore, and a
// person can cancel it once the lookups have said that nothing left.
func TestJournalRestoredLate(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("cancel")
		m.mustPlan("retry")
		b.set("there", "pending")
		m.mustPlan("there")
		pass(t, db, 2*time.Hour)
		m.mustPlan("young")
		require.NoError(t, m.j.Restored(t.Context(), 0, "Ines"))
		for _, reference := range []string{"cancel", "young"} {
			require.ErrorIs(t, m.act(reference, journal.Cancel), journal.ErrNotPossible, "nobody has looked yet")
		}
		b.blind = true
		m.again(6, time.Minute)
		require.ErrorIs(t, m.act("young", journal.Cancel), journal.ErrNotPossible, "nobody can tell")
		b.blind = false
		m.again(6, time.Minute)
		require.NoError(t, m.act("young", journal.Cancel), "its flow is paused, and it is not there")
		require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "looked"))
		m.again(6, time.Minute)
		require.Empty(t, b.sends)
		require.Equal(t, journal.StateFinal, m.entry("there").State)
		require.Equal(t, journal.ReasonNotSent, m.entry("cancel").Reason)
		require.NoError(t, m.act("cancel", journal.Cancel))
		require.NoError(t, m.act("retry", journal.Retry))
		m.again(6, time.Minute)
		require.Equal(t, []string{"stuck", "failed"}, m.changes("cancel"))
		require.Equal(t, []string{"failed"}, m.changes("young"))
		require.Equal(t, journal.StateFinal, m.entry("retry").State)
		require.Equal(t, map[string]int{"retry": 1}, b.sends)

		// What was sent cannot be cancelled, whatever the lookups say.
		b.script = []string{"refuse"}
		b.set("lost", "")
		m.mustPlan("lost")
		b.script = []string{"lost before", "refuse"}
		m.again(10, time.Minute)
		require.Equal(t, journal.ReasonContested, m.entry("lost").Reason)
		require.ErrorIs(t, m.act("lost", journal.Cancel), journal.ErrNotPossible)
	})
}

// TestJournalRestoredStuck: the backup shows an entry on a person's desk, which was let go
// and sent since. It is looked for when it is let go again.
func TestJournalRestoredStuck(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for class, reason := range map[sdk.Class]journal.Reason{sdk.Searched: "", sdk.Once: journal.ReasonUnanswered} {
			clear(t, db)
			b := newBank(class)
			m := newMerchant(t, db, dialect, b)
			m.mustPlan("sent-since")
			m.work(2 * time.Hour)
			require.Equal(t, journal.ReasonNotSent, m.entry("sent-since").Reason)
			b.debits["sent-since"]++
			b.set("sent-since", "pending")
			require.NoError(t, m.j.Restored(t.Context(), 0, "Ines"))
			require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "looked"))
			require.NoError(t, m.act("sent-since", journal.Retry))
			m.again(5, time.Minute)
			require.Empty(t, b.sends, class)
			require.Equal(t, reason, m.entry("sent-since").Reason, m.history("sent-since"))
		}

		// What was stuck as another's stays another's.
		clear(t, db)
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)
		b.set("a", "pending")
		m.mustPlan("a")
		m.work(0)
		require.Equal(t, journal.ReasonTaken, m.entry("a").Reason)
		require.NoError(t, m.j.Restored(t.Context(), 0, "Ines"))
		require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "looked"))
		require.NoError(t, m.act("a", journal.Retry))
		m.again(5, time.Minute)
		require.Equal(t, journal.ReasonTaken, m.entry("a").Reason)
	})
}

// TestJournalLooksAfterAThrottle: an attempt that was refused for now may have been sent
// twice by somebody on the way. It is looked for before another attempt.
func TestJournalLooksAfterAThrottle(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for _, class := range []sdk.Class{sdk.Referenced, sdk.Searched} {
			for _, how := range []string{"throttled and done", "credentials and done"} {
				clear(t, db)
				b := newBank(class, how, "throttle", "not sent")
				m := newMerchant(t, db, dialect, b)
				m.mustPlan("a")
				m.work(0)
				require.Equal(t, journal.StatePlanned, m.entry("a").State)
				b.blind = true
				m.again(3, 2*time.Minute)
				require.Equal(t, 1, b.sends["a"], "nothing is sent while nobody can tell")
				b.blind = false
				m.again(3, 2*time.Minute)
				require.Equal(t, 1, b.debits["a"], "%v %s", class, how)
				require.Equal(t, journal.ReasonTaken, m.entry("a").Reason)
				require.NoError(t, m.act("a", journal.Retry))
				m.again(3, 2*time.Minute)
				require.Equal(t, 1, b.sends["a"], "a retry looks as well")

				looks := b.looks
				m.mustPlan("b")
				m.again(6, 2*time.Minute)
				require.Equal(t, looks+2, b.looks, "a lookup before each attempt but the first")
				require.Equal(t, journal.StateFinal, m.entry("b").State)
			}
		}
	})
}

// TestJournalStuckBeforeTheLastStep: what a person has on the desk sends nothing by itself,
// whatever the provider shows. It goes on when the person says so.
func TestJournalStuckBeforeTheLastStep(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced, "lost")
		b.steps, b.blind = []string{"-create", "-fund"}, true
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		m.again(2, 20*time.Hour)
		require.Equal(t, journal.ReasonUndecided, m.entry("a").Reason, m.history("a"))
		b.blind = false
		m.knock("a")
		m.again(3, time.Minute)
		require.Equal(t, journal.StateStuck, m.entry("a").State)
		require.Zero(t, b.debits["a-fund"])
		require.NoError(t, m.act("a", journal.Retry))
		m.again(4, time.Minute)
		require.Equal(t, map[string]int{"a-create": 1, "a-fund": 1}, b.debits)
		require.Equal(t, []string{"stuck", "pending", "succeeded"}, m.changes("a"))

		// What has come to its end meanwhile is news, at any step.
		b.script, b.blind = []string{"lost"}, true
		m.mustPlan("b")
		m.work(0)
		m.again(2, 20*time.Hour)
		require.Equal(t, journal.ReasonUndecided, m.entry("b").Reason, m.history("b"))
		b.blind = false
		b.set("b-create", "failed")
		m.knock("b")
		m.work(time.Minute)
		require.Equal(t, []string{"stuck", "failed"}, m.changes("b"))
	})
}

// TestJournalExistingOfEachFlow: what a provider has before the first attempt is nobody's
// success, and is not paid again. Only a write without any reference cannot be known.
func TestJournalExistingOfEachFlow(t *testing.T) {
	t.Parallel()
	worlds := map[string]func() outsideWorld{}
	for name, flow := range flowWorlds() {
		worlds[name] = flow.world
	}
	// No document says that Kotani's external id is unique.
	repeat := kotanitest.Config{}
	worlds["kotani deposit, ids repeat"] = depositWorld(repeat)
	worlds["kotani withdraw, ids repeat"] = withdrawWorld(repeat)
	unknowable := map[string]journal.Kind{
		"kotani paybill": journal.Succeeded, "kotani till": journal.Succeeded, "kotani cash-in": journal.Succeeded, "kotani celo": journal.Succeeded,
		"kotani claim": journal.Failed, // the beneficiary has had it
	}
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world()
			run := func() (journal.Entry, []string) {
				db := openImmediate(t)
				m := newMerchant(t, db, journal.SQLite, newBank(sdk.Once))
				j, err := journal.Open(t.Context(), db, journal.SQLite, journal.Config{})
				require.NoError(t, err)
				m.j = j
				plan := w.process(j, "pay", func(next http.RoundTripper) http.RoundTripper { return next })
				tx, err := db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				require.NoError(t, plan(t.Context(), tx, providerReference))
				require.NoError(t, tx.Commit())
				for range 8 {
					m.work(30 * time.Second)
					w.advance(30 * time.Second)
				}
				m.again(8, 5*time.Hour)
				return m.entry(providerReference), m.changes(providerReference)
			}
			first, _ := run()
			require.Equal(t, journal.Succeeded, first.Standing)
			again, told := run()
			if standing, ok := unknowable[name]; ok {
				require.Equal(t, standing, again.Standing)
				return
			}
			require.Equal(t, 1, len(w.ledger()))
			require.Equal(t, []string{"stuck"}, told)
			require.Equal(t, journal.ReasonTaken, again.Reason)
		})
	}
}

// TestJournalActOnce: an act whose end is not known is not carried out again on what came
// after it.
func TestJournalActOnce(t *testing.T) {
	onGated(t, func(t *testing.T, plain, gated *sql.DB, dialect journal.Dialect, g *gate) {
		b := newBank(sdk.Once, "lost", "lost before", "lost before")
		desk, m := newMerchant(t, gated, dialect, b), newMerchant(t, plain, dialect, b)
		m.mustPlan("a")
		m.work(0)
		require.Equal(t, journal.ReasonUnanswered, m.entry("a").Reason)
		g.loses, g.took, g.lost = "UPDATE journal_entries", true, func() { m.again(2, time.Minute) }
		require.Error(t, desk.act("a", journal.Resend), "nobody knows whether it took place")
		require.Nil(t, g.lost)
		m.again(3, time.Minute)
		require.Equal(t, 2, b.sends["a"], m.history("a"))

		// Seen to take place it is no error, and a lost act is carried out.
		b.script = []string{"lost", "lost"}
		for i, took := range []bool{true, false} {
			reference := []string{"b", "c"}[i]
			m.mustPlan(reference)
			m.work(0)
			g.took, g.lost = took, func() {}
			require.NoError(t, desk.act(reference, journal.DidNot))
			require.Equal(t, journal.StateFinal, m.entry(reference).State)
			require.Equal(t, []string{"stuck", "failed"}, m.changes(reference))
		}
	})
}

// TestJournalResendIsForgotten: what a person allowed once, and could not be done, is not
// done at another act.
func TestJournalResendIsForgotten(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Searched, "lost before")
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		m.again(8, time.Hour)
		require.Equal(t, journal.ReasonAbsent, m.entry("a").Reason)
		b.blind = true
		require.NoError(t, m.act("a", journal.Resend))
		m.again(3, 20*time.Hour)
		require.Equal(t, journal.ReasonUndecided, m.entry("a").Reason)
		b.blind = false
		require.NoError(t, m.act("a", journal.Retry))
		m.again(8, time.Hour)
		require.Equal(t, journal.ReasonAbsent, m.entry("a").Reason)
		require.Equal(t, 1, b.sends["a"])
		require.NoError(t, m.act("a", journal.Resend))
		m.again(3, time.Minute)
		require.Equal(t, 2, b.sends["a"])
	})
}

// TestJournalFuncEndsItsGoroutine: a func that ends its goroutine, as t.FailNow does, is
// tried again, and nobody else's transaction waits for ever.
func TestJournalFuncEndsItsGoroutine(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		m := newMerchant(t, db, dialect, b)
		m.exits = true
		m.mustPlan("a")
		m.mustPlan("b")
		done := make(chan error, 1)
		go func() {
			_, err := m.j.Work(t.Context())
			done <- err
		}()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(20 * time.Second):
			t.Fatal("the journal hangs")
		}
		m.again(3, 5*time.Minute)
		for _, reference := range []string{"a", "b"} {
			require.Equal(t, []string{"pending", "succeeded"}, m.changes(reference), m.history(reference))
			require.Equal(t, 1, b.sends[reference])
		}
	})
}

// TestJournalAcceptanceOfAnother: an acceptance that names another payout is confirmed by a
// lookup; what the lookup does not show is in doubt, and never open.
func TestJournalAcceptanceOfAnother(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		srv := kasapaytest.New(kasapaytest.Config{})
		m := newMerchant(t, db, dialect, newBank(sdk.Once))
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		m.j = j
		cfg := srv.ClientConfig()
		cfg.CallbackURL = callback
		lost := &swallowing{next: cfg.HTTPClient.Transport, body: `{"payout_reference":"order-9","response_code":720}`}
		cfg.HTTPClient = &http.Client{Transport: lost}
		client, err := kasapay.New(cfg)
		require.NoError(t, err)
		flow := journal.Kasapay(j, "pay", client.Payouts, tell[kasapay.Payout]())
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, flow.Plan(t.Context(), tx, kasapayParams(providerReference)))
		require.NoError(t, tx.Commit())
		m.work(0)
		require.Equal(t, journal.StateSending, m.entry(providerReference).State, "the payout never arrived")
		require.Empty(t, m.changes(providerReference))
		for range 8 {
			m.work(30 * time.Second)
			srv.Advance(30 * time.Second)
		}
		require.Equal(t, []string{"pending", "succeeded"}, m.changes(providerReference))
		require.Len(t, srv.Debits(providerReference), 1)
	})
}

// swallowing keeps the first payout to itself, and responds with body.
type swallowing struct {
	next http.RoundTripper
	body string
	done bool
}

func (s *swallowing) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.done || !strings.HasSuffix(r.URL.Path, "/initiate") {
		return s.next.RoundTrip(r)
	}
	s.done = true
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(s.body)), Request: r}, nil
}

// TestJournalRefusalOfAnother: a refusal may be another request's. What the provider shows
// all the same is not told as failed.
func TestJournalRefusalOfAnother(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for _, class := range []sdk.Class{sdk.Referenced, sdk.Searched} {
			clear(t, db)
			b := newBank(class, "refused and done", "refuse")
			m := newMerchant(t, db, dialect, b)
			m.mustPlan("a")
			m.work(0)
			require.Equal(t, journal.ReasonTaken, m.entry("a").Reason, m.history("a"))
			require.Equal(t, []string{"stuck"}, m.changes("a"))

			// What is not shown is refused, and so is what no lookup can tell.
			m.mustPlan("b")
			m.work(0)
			require.Equal(t, journal.StateRefused, m.entry("b").State)
			b.blind, b.script = true, []string{"refuse"}
			m.mustPlan("c")
			m.work(0)
			require.Equal(t, journal.StateRefused, m.entry("c").State)
		}
	})
}

// TestJournalCancelAfterAnAttempt: an attempt that was refused for now may be carried out
// all the same. A cancelled entry tells it, and what the provider shows is not cancelled.
func TestJournalCancelAfterAnAttempt(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced, "throttled and done", "throttled and done", "throttle", "not sent", "throttled and done")
		m := newMerchant(t, db, dialect, b)
		for _, reference := range []string{"pending", "paid", "throttled", "not-sent"} {
			m.mustPlan(reference)
			m.work(0)
			require.NoError(t, m.act(reference, journal.Cancel))
			if reference == "paid" {
				b.set("paid", "paid")
			}
			m.work(0)
			for range 2 { // lookups lag
				m.work(2 * time.Minute)
			}
			require.Equal(t, reference != "paid", m.entry(reference).Due.IsZero(), "three lookups are enough, unless they overturn the end")
		}
		require.Equal(t, []string{"failed", "stuck"}, m.changes("pending"))
		require.Equal(t, journal.ReasonContradiction, m.entry("pending").Reason)
		require.Equal(t, []string{"failed", "corrected"}, m.changes("paid"))
		for _, reference := range []string{"throttled", "not-sent"} {
			require.Equal(t, journal.StateCancelled, m.entry(reference).State)
			b.set(reference, "paid") // the copy comes late
			m.knock(reference)
			m.again(2, time.Minute)
			require.Equal(t, []string{"failed", "corrected"}, m.changes(reference))
		}

		m.mustPlan("shown")
		m.again(2, time.Minute)
		require.Equal(t, journal.ReasonTaken, m.entry("shown").Reason)
		require.ErrorIs(t, m.act("shown", journal.Cancel), journal.ErrNotPossible)

		// What waits too long says that it was tried.
		b.script = []string{"throttle"}
		m.mustPlan("late")
		m.work(0)
		m.work(2 * time.Hour)
		require.Equal(t, journal.ReasonNotSent, m.entry("late").Reason)
		require.Equal(t, "no attempt was accepted in time", m.entry("late").Note)

		// A backup may lack the attempt whose result the provider shows.
		require.NoError(t, m.j.Restored(t.Context(), time.Hour, "Ines"))
		require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "looked"))
		b.set("several", "several")
		m.mustPlan("several")
		m.work(0)
		require.Equal(t, journal.ReasonSeveral, m.entry("several").Reason)
		require.Zero(t, m.entry("several").Attempts)
		require.ErrorIs(t, m.act("several", journal.Cancel), journal.ErrNotPossible)

		// Of what was never tried nothing can come.
		looks, polls := b.looks, b.polls
		m.mustPlan("never-left")
		require.NoError(t, m.act("never-left", journal.Cancel))
		b.set("never-left", "paid")
		m.knock("never-left")
		m.again(2, time.Minute)
		require.Equal(t, []string{"failed"}, m.changes("never-left"))
		require.Equal(t, []int{looks, polls}, []int{b.looks, b.polls})
	})
}

// TestJournalCancelledStep: a cancelled entry sends no further step, whatever is shown.
func TestJournalCancelledStep(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced, "throttled and done")
		b.steps = []string{"-create", "-fund"}
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		require.NoError(t, m.act("a", journal.Cancel))
		m.again(3, time.Minute)
		require.Equal(t, map[string]int{"a-create": 1}, b.debits)
		require.Equal(t, []string{"failed", "stuck"}, m.changes("a"))
	})
}

// TestJournalCorrectionWhileFuncFails: a callback that comes while the func has not taken
// the change before it is not forgotten.
func TestJournalCorrectionWhileFuncFails(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) { c.KnockGap = 10 * time.Second })
		m.mustPlan("a")
		m.work(0)
		b.set("a", "failed")
		m.fails = 2
		m.work(time.Minute)
		require.Equal(t, journal.Failed, m.entry("a").Owed)
		b.set("a", "paid")
		m.knock("a")
		m.work(time.Minute)
		require.Equal(t, journal.Failed, m.entry("a").Owed)
		m.work(time.Minute)
		require.Equal(t, []string{"pending", "failed"}, m.changes("a"))
		m.work(10 * time.Second)
		m.work(time.Second)
		require.Equal(t, []string{"pending", "failed", "corrected"}, m.changes("a"))
		m.again(3, time.Hour)
		require.True(t, m.entry("a").Due.IsZero(), "two lookups are enough, and three after the correction")

		// A refusal is corrected too.
		b.script = []string{"refuse"}
		m.fails = 1
		m.mustPlan("refused")
		m.work(0)
		require.Equal(t, journal.Failed, m.entry("refused").Owed)
		b.set("refused", "paid")
		m.knock("refused")
		m.again(3, time.Minute)
		require.Equal(t, []string{"failed", "corrected"}, m.changes("refused"))
		m.again(3, time.Hour)

		// Nothing asks again for what the func takes at once.
		b.script = nil
		m.mustPlan("b")
		m.again(3, time.Minute)
		polls := b.polls
		m.again(3, time.Hour)
		require.Equal(t, polls, b.polls)
	})
}

// TestJournalStateOfANewerRelease: what this release does not know is left to others, and
// is not forgotten.
func TestJournalStateOfANewerRelease(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		set := func(state string) {
			_, err := db.ExecContext(t.Context(), `UPDATE journal_entries SET state = '`+state+`'`)
			require.NoError(t, err)
		}
		set("resting")
		m.work(0)
		require.Equal(t, journal.State("resting"), m.entry("a").State)
		require.False(t, m.entry("a").Due.IsZero(), "somebody looks at it again")
		require.Empty(t, m.changes("a"))
		require.Zero(t, b.polls+b.looks+b.sends["a"])
		set("resting', owed = 'failed") // nor is your func told on its behalf
		m.work(time.Minute)
		require.False(t, m.entry("a").Due.IsZero())
		require.Empty(t, m.changes("a"))
		set("planned', owed = '") // as the newer release does
		m.again(3, time.Minute)
		require.Equal(t, journal.StateFinal, m.entry("a").State)
	})
}

// TestJournalKnockDuringALookup: a callback that comes while a finished entry is looked up
// asks for another lookup, because the first may have been too early.
func TestJournalKnockDuringALookup(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced, "refuse")
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) { c.KnockGap = 10 * time.Second })
		m.mustPlan("a")
		m.work(0)
		require.Equal(t, journal.StateRefused, m.entry("a").State)
		b.held = func() {
			b.held = nil
			m.knock("a")
		}
		m.knock("a")
		m.work(time.Minute)
		require.Nil(t, b.held)
		b.set("a", "paid")
		m.work(10 * time.Second)
		m.work(time.Second)
		require.Equal(t, []string{"failed", "corrected"}, m.changes("a"))
	})
}
