package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

func (m *merchant) act(reference string, do journal.Do) error {
	m.t.Helper()
	return m.j.Act(m.t.Context(), journal.Act{Flow: "pay", Reference: reference, Do: do, Actor: "Ines", Reason: "asked the bank"})
}

func TestJournalActs(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once, "lost before", "lost before", "lost before", "lost before", "lost before")
		m := newMerchant(t, db, dialect, b)
		for _, reference := range []string{"happened", "did-not", "retry", "resend", "func"} {
			m.mustPlan(reference)
			m.work(0)
			require.Equal(t, journal.ReasonUnanswered, m.entry(reference).Reason)
		}
		require.NoError(t, m.act("happened", journal.Happened))
		require.NoError(t, m.act("did-not", journal.DidNot))
		require.NoError(t, m.act("retry", journal.Retry))
		require.NoError(t, m.act("resend", journal.Resend))
		m.fails = 1
		require.ErrorIs(t, m.act("func", journal.Happened), errFunc)
		m.work(0)
		m.work(time.Minute)
		m.work(time.Minute)

		require.Equal(t, []string{"stuck", "succeeded"}, m.changes("happened"))
		require.Equal(t, []string{"stuck", "failed"}, m.changes("did-not"))
		require.Equal(t, []string{"stuck", "stuck"}, m.changes("retry"), "it is looked at again, and nothing is sent")
		require.Equal(t, 1, b.sends["retry"])
		require.Equal(t, 2, b.sends["resend"])
		require.Equal(t, []string{"stuck", "pending", "succeeded"}, m.changes("resend"))
		require.Equal(t, journal.StateStuck, m.entry("func").State)
		require.Equal(t, []string{"stuck"}, m.changes("func"))

		history, err := m.j.History(t.Context(), "pay", "happened")
		require.NoError(t, err)
		last := history[len(history)-1]
		require.Equal(t, []any{"happened", "Ines", "asked the bank", journal.StateFinal}, []any{last.Event, last.Actor, last.Note, last.State})

		// No act changes a final entry, and nobody acts without a name.
		for _, do := range []journal.Do{journal.Retry, journal.Resend, journal.Approve, journal.Happened, journal.DidNot, journal.Cancel, "pay"} {
			require.ErrorIs(t, m.act("happened", do), journal.ErrNotPossible, do)
		}
		require.Error(t, m.j.Act(t.Context(), journal.Act{Flow: "pay", Reference: "retry", Do: journal.Retry}))
		require.ErrorIs(t, m.act("never-planned", journal.Retry), journal.ErrNotPlanned)

		_, err = m.flow.Await(t.Context(), "retry")
		require.ErrorIs(t, err, journal.ErrStuck)
	})
}

// TestJournalActsWhileFuncFails: a person may act on a stuck entry although the func has not
// taken that it is stuck. The act tells the func what comes of it, and nothing else.
func TestJournalActsWhileFuncFails(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		m := newMerchant(t, db, dialect, newBank(sdk.Once), func(c *journal.Config) {
			c.Flows = map[string]journal.FlowConfig{"pay": {FuncTries: 2, Limit: journal.Limit{PerEntry: decimal.NewFromInt(500)}}}
		})
		for _, tries := range []int{1, 2} { // the journal goes on telling it, or has given up
			for do, told := range map[journal.Do][]string{
				journal.Cancel: {"failed"}, journal.Approve: {"pending"}, journal.Happened: {"succeeded"}, journal.DidNot: {"failed"},
				journal.Resend: {"pending"}, journal.Retry: {"stuck"},
			} {
				clear(t, db)
				reference, amount := fmt.Sprint(do, tries), decimal.NewFromInt(500)
				if do == journal.Cancel || do == journal.Approve {
					amount = decimal.NewFromInt(501)
				}
				m.bank.script = []string{"lost before"}
				m.fails = tries
				require.NoError(t, m.plan(t.Context(), order{Ref: reference, Amount: amount}))
				for range tries {
					m.work(10 * time.Minute)
				}
				require.Equal(t, []any{journal.StateStuck, journal.Stuck}, []any{m.entry(reference).State, m.entry(reference).Owed}, reference)
				m.bank.script, m.fails = nil, 1
				if do == journal.Cancel || do == journal.Happened || do == journal.DidNot {
					require.ErrorIs(t, m.act(reference, do), errFunc, reference)
				}
				m.fails = 0
				require.NoError(t, m.act(reference, do), reference)
				m.work(0)
				require.Equal(t, told, m.changes(reference)[:1], reference)
				require.Empty(t, m.entry(reference).Owed, reference)
			}
		}
	})
}

func TestJournalCancelAndPause(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced, "ok", "lost before")
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("open")
		m.mustPlan("doubt")
		m.work(0)
		require.NoError(t, m.j.Pause(t.Context(), "pay", "Ines", "the bank is down"))
		m.mustPlan("a")
		m.mustPlan("b")
		for range 10 {
			m.work(time.Minute)
		}
		require.Equal(t, map[string]int{"open": 1, "doubt": 1}, b.sends, "nothing is sent or sent again")
		require.Equal(t, journal.StateFinal, m.entry("open").State, "what was sent is followed")
		require.NotZero(t, b.looks)
		stats, err := m.j.Stats(t.Context(), "pay")
		require.NoError(t, err)
		require.True(t, stats.Paused)
		require.Equal(t, []int{2, 1}, []int{stats.ToSend, stats.ToFollow})
		require.GreaterOrEqual(t, stats.SendLate, 10*time.Minute)

		require.NoError(t, m.act("a", journal.Cancel))
		require.ErrorIs(t, m.act("doubt", journal.Cancel), journal.ErrNotPossible)
		require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "the bank is back"))
		for range 5 {
			m.work(time.Minute)
		}
		require.Equal(t, map[string]int{"open": 1, "doubt": 2, "b": 1}, b.sends)
		require.Equal(t, []string{"failed"}, m.changes("a"))
		_, err = m.flow.Await(t.Context(), "a")
		require.ErrorIs(t, err, journal.ErrCancelled)

		// What has waited too long is not sent by surprise.
		require.NoError(t, m.j.Pause(t.Context(), "pay", "Ines", "again"))
		m.mustPlan("late")
		m.work(2 * time.Hour)
		require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "back"))
		m.work(0)
		require.Equal(t, journal.ReasonNotSent, m.entry("late").Reason)
		require.NoError(t, m.act("late", journal.Retry))
		m.work(0)
		require.Equal(t, 1, b.sends["late"])
	})
}

func TestJournalLimit(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced, "not sent")
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) {
			c.Flows = map[string]journal.FlowConfig{"pay": {Limit: journal.Limit{
				PerEntry: decimal.NewFromInt(600), PerWindow: decimal.NewFromInt(1500), Window: 1000 * 24 * time.Hour,
			}}}
		})
		for i := range 5 {
			m.mustPlan(fmt.Sprint("loop-", i))
		}
		require.NoError(t, m.plan(t.Context(), order{Ref: "dear", Amount: decimal.NewFromInt(601)}))
		for range 5 {
			m.work(time.Minute)
		}
		require.Len(t, b.debits, 3, "an attempt that was not sent counts once")
		require.Zero(t, b.sends["dear"])
		require.Equal(t, journal.ReasonLimit, m.entry("dear").Reason)
		stats, err := m.j.Stats(t.Context(), "pay")
		require.NoError(t, err)
		require.Equal(t, map[journal.Reason]int{journal.ReasonLimit: 3}, stats.Stuck)
		require.ErrorIs(t, m.act("dear", journal.Resend), journal.ErrNotPossible, "nothing is in doubt")
		require.NoError(t, m.act("dear", journal.Retry))
		m.work(0)
		require.Equal(t, journal.ReasonLimit, m.entry("dear").Reason)
		require.NoError(t, m.act("dear", journal.Approve))
		m.work(0)
		require.Equal(t, 1, b.debits["dear"])
		require.NoError(t, m.act("loop-4", journal.Cancel))
	})
}

// TestJournalLimitCountsApproved: what a person approved is spent too, and is counted once,
// however many attempts and steps it takes.
func TestJournalLimitCountsApproved(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced, "lost before", "throttle", "not sent")
		b.steps = []string{"-create", "-fund"}
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) {
			c.Flows = map[string]journal.FlowConfig{"pay": {Limit: journal.Limit{
				PerEntry: decimal.NewFromInt(500), PerWindow: decimal.NewFromInt(1500), Window: 1000 * 24 * time.Hour,
			}}}
		})
		require.NoError(t, m.plan(t.Context(), order{Ref: "dear", Amount: decimal.NewFromInt(900)}))
		m.work(0)
		require.Equal(t, journal.ReasonLimit, m.entry("dear").Reason)
		require.Zero(t, count(t, db, `SELECT count(*) FROM journal_spend`), "it was not sent")
		require.NoError(t, m.act("dear", journal.Approve))
		for range 12 {
			m.work(time.Minute)
		}
		require.Equal(t, 5, b.sends["dear"], m.history("dear"))
		spent := `SELECT count(*) FROM journal_spend WHERE amount = '%d'`
		require.Equal(t, 1, count(t, db, fmt.Sprintf(spent, 900)))
		for i := range 3 {
			m.mustPlan(fmt.Sprint("a-", i))
		}
		m.again(3, time.Minute)
		require.Equal(t, map[string]int{"dear-create": 1, "dear-fund": 1, "a-0-create": 1, "a-0-fund": 1}, b.debits)
		require.Equal(t, journal.ReasonLimit, m.entry("a-1").Reason)
		require.NoError(t, m.act("a-1", journal.Approve), "past the limit of the window")
		m.again(3, time.Minute)
		require.Equal(t, 1, b.debits["a-1-fund"])
		require.Equal(t, 1, count(t, db, fmt.Sprintf(spent, 1900)))
	})
}

// TestJournalLimitIsShared: workers of several processes spend no more than the limit.
func TestJournalLimitIsShared(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		set := func(c *journal.Config) {
			c.Workers = 8
			c.Flows = map[string]journal.FlowConfig{"pay": {Limit: journal.Limit{PerWindow: decimal.NewFromInt(500 * 20), Window: 1000 * 24 * time.Hour}}}
		}
		m := newMerchant(t, db, dialect, b, set)
		for i := range 60 {
			m.mustPlan(fmt.Sprint("a-", i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range 3 {
			other := &merchant{t: t, db: db, dialect: dialect, bank: b}
			require.NoError(t, other.open(t.Context(), set))
			running.Go(func() { _ = other.j.Run(ctx) })
		}
		require.Eventually(t, func() bool {
			return count(t, db, `SELECT count(*) FROM journal_entries WHERE state IN ('planned', 'sending')`) == 0
		}, time.Minute, 20*time.Millisecond)
		cancel()
		running.Wait()
		require.Len(t, b.debits, 20)
		require.Equal(t, 40, count(t, db, `SELECT count(*) FROM journal_stuck WHERE reason = 'limit'`))
		require.Equal(t, 1, count(t, db, `SELECT count(*) FROM journal_spend WHERE amount = '10000'`))
	})
}

// TestJournalLimitOfARestoredEntry: an approved entry that may have left before is
// looked up first.
func TestJournalLimitOfARestoredEntry(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) {
			c.Flows = map[string]journal.FlowConfig{"pay": {Limit: journal.Limit{PerEntry: decimal.NewFromInt(100)}}}
		})
		m.mustPlan("a")
		require.NoError(t, m.j.Restored(t.Context(), 0, "Ines"))
		require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "looked"))
		require.ErrorIs(t, m.act("a", journal.Cancel), journal.ErrNotPossible, "nobody has looked yet")
		for range 6 {
			m.work(time.Minute)
		}
		require.Equal(t, journal.ReasonLimit, m.entry("a").Reason)
		b.set("a", "paid")
		require.NoError(t, m.act("a", journal.Approve))
		m.work(0)
		require.Equal(t, journal.StateFinal, m.entry("a").State, m.history("a"))
		require.Empty(t, b.sends)
	})
}

func TestJournalListAndPurge(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		m := newMerchant(t, db, dialect, b)
		for i := range 600 {
			m.mustPlan(fmt.Sprintf("a-%03d", i))
		}
		for range 3 {
			m.work(time.Hour / 4)
		}
		b.script = []string{"lost"}
		m.mustPlan("stuck")
		m.work(0)
		b.script = []string{"throttle"}
		m.mustPlan("waits")
		m.work(0)
		m.mustPlan("planned")

		list := func(f journal.Filter) (out []string) {
			all, err := m.j.List(t.Context(), f)
			require.NoError(t, err)
			for _, e := range all {
				out = append(out, e.Reference)
			}
			return out
		}
		require.Equal(t, []string{"stuck"}, list(journal.Filter{State: journal.StateStuck}))
		require.Equal(t, []string{"stuck"}, list(journal.Filter{Flow: "pay", State: journal.StateStuck}))
		require.Empty(t, list(journal.Filter{Flow: "another", State: journal.StateStuck}))
		require.Equal(t, []string{"planned", "waits"}, list(journal.Filter{Flow: "pay", State: journal.StatePlanned}))
		require.Equal(t, []string{"planned", "waits", "stuck", "a-599"}, list(journal.Filter{Limit: 4}))
		require.Equal(t, []string{"a-599", "a-598"}, list(journal.Filter{OlderThan: time.Minute, Limit: 2}))
		first, err := m.j.List(t.Context(), journal.Filter{Limit: 4})
		require.NoError(t, err)
		require.Equal(t, []string{"a-598"}, list(journal.Filter{Limit: 1, Before: first[3].ID}))

		n, err := m.j.Purge(t.Context(), journal.Retention{Final: 24 * time.Hour})
		require.NoError(t, err)
		require.Zero(t, n)
		pass(t, db, 48*time.Hour)
		n, err = m.j.Purge(t.Context(), journal.Retention{Refused: time.Hour})
		require.NoError(t, err)
		require.Zero(t, n)
		n, err = m.j.Purge(t.Context(), journal.Retention{Final: 24 * time.Hour})
		require.NoError(t, err)
		require.Equal(t, 600, n)
		require.Empty(t, m.history("a-000"))
		require.NotEmpty(t, m.history("stuck"))

		// The reference stays, so it cannot pay twice, and a callback wakes nobody.
		m.mustPlan("a-000")
		require.ErrorIs(t, m.plan(t.Context(), order{Ref: "a-000", Amount: decimal.NewFromInt(1)}), journal.ErrReferenceTaken)
		m.knock("a-000")
		m.work(time.Minute)
		require.Equal(t, 1, b.sends["a-000"])
	})
}

// TestJournalRestored: the backup shows as planned what was sent since.
func TestJournalRestored(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("sent-since")
		m.mustPlan("not-sent")
		b.set("sent-since", "pending")
		b.set("planned-since", "pending")
		require.NoError(t, m.j.Restored(t.Context(), 24*time.Hour, "Ines"))
		m.mustPlan("planned-since")
		for range 5 {
			m.work(time.Minute)
		}
		require.Empty(t, b.sends)
		require.Equal(t, journal.StateFinal, m.entry("sent-since").State, m.history("sent-since"))
		require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "looked at the list"))
		for range 5 {
			m.work(time.Minute)
		}
		for _, reference := range []string{"sent-since", "not-sent", "planned-since"} {
			require.Equal(t, journal.StateFinal, m.entry(reference).State, m.history(reference))
		}
		require.Equal(t, map[string]int{"not-sent": 1}, b.debits)
		require.Empty(t, m.stuck)
	})
}

// TestJournalRestoredLooksBeforeItSends: what was planned and sent since the backup, and
// is planned again, is not sent again, unique reference or not.
func TestJournalRestoredLooksBeforeItSends(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for _, class := range []sdk.Class{sdk.Referenced, sdk.Searched} {
			clear(t, db)
			b := newBank(class)
			m := newMerchant(t, db, dialect, b)
			for _, reference := range []string{"another", "several", "there"} {
				b.set(reference, map[string]string{"there": "pending"}[reference]+map[string]string{"another": "another", "several": "several"}[reference])
			}
			require.NoError(t, m.j.Restored(t.Context(), time.Hour, "Ines"))
			require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "looked at the list"))
			for _, reference := range []string{"another", "several", "there", "new"} {
				m.mustPlan(reference)
			}
			b.blind = true
			m.work(0)
			require.Empty(t, b.sends, "nothing is sent while nobody can tell")
			b.blind = false
			for range 5 {
				m.work(20 * time.Second)
			}
			require.Equal(t, map[string]int{"new": 1}, b.sends, class)
			require.Equal(t, journal.StateFinal, m.entry("there").State, m.history("there"))
			require.Contains(t, m.history("there"), "adopted")
			require.Equal(t, journal.ReasonTaken, m.entry("another").Reason)
			require.Equal(t, journal.ReasonSeveral, m.entry("several").Reason)

			// After the time nobody looks first any more.
			_, err := db.ExecContext(t.Context(), `UPDATE journal_flows SET adopt_until = 1`)
			require.NoError(t, err)
			later := newMerchant(t, db, dialect, b)
			looks := b.looks
			later.mustPlan("later")
			later.work(0)
			require.Equal(t, looks, b.looks)
			require.Equal(t, 1, b.sends["later"])
		}
	})
}

func TestJournalRun(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		m := newMerchant(t, db, dialect, b)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		began := make(chan struct{})
		go func() { done <- m.j.Run(ctx) }()
		require.Eventually(t, func() bool {
			late := journal.New(m.j, fmt.Sprint("late-", time.Now().UnixNano()), b.provider(), nil)
			return errors.Is(late.Plan(t.Context(), nil, order{}), journal.ErrConfiguration)
		}, 10*time.Second, time.Millisecond)

		// The end waits for what has begun, and records it.
		release := make(chan struct{})
		b.hold = func() { close(began); <-release }
		m.mustPlan("a")
		<-began
		stop()
		close(release)
		require.ErrorIs(t, <-done, context.Canceled)
		require.Equal(t, journal.StateOpen, m.entry("a").State)

		// Another process goes on.
		other := newMerchant(t, db, dialect, b)
		other.work(time.Minute)
		other.work(time.Minute)
		require.Equal(t, journal.StateFinal, other.entry("a").State)
	})
}

func TestJournalAlertIsRepeatedUntilItArrives(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b, calls := newBank(sdk.Once, "lost"), 0
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) {
			c.OnStuck = func(context.Context, journal.Entry) error {
				calls++
				if calls < 3 {
					return errors.New("no signal")
				}
				return nil
			}
		})
		m.mustPlan("a")
		for range 6 {
			_, _ = m.j.Work(t.Context())
		}
		require.Equal(t, 3, calls)
	})
}

// TestJournalAlertOfANewReason: OnStuck is told again when an entry is stuck for another
// reason, and not when it stays stuck for the same one.
func TestJournalAlertOfANewReason(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Searched, "lost before")
		m := newMerchant(t, db, dialect, b)
		var alerts []journal.Reason
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{
			KnockGap: time.Millisecond,
			OnStuck:  func(_ context.Context, e journal.Entry) error { alerts = append(alerts, e.Reason); return nil },
		})
		require.NoError(t, err)
		p := b.provider()
		judge := p.Judge
		p.Judge = func(r receipt) journal.Kind {
			if r.Status == "waits" {
				return journal.Stuck
			}
			return judge(r)
		}
		m.j, m.flow = j, journal.New(j, "pay", p, m.told)
		m.mustPlan("a")
		m.work(0)
		m.fails = 1 // so the journal writes down twice that it is stuck
		m.again(12, 10*time.Minute)
		require.Zero(t, m.fails)
		require.Equal(t, []journal.Reason{journal.ReasonAbsent}, alerts)
		b.set("a", "waits")
		m.knock("a")
		m.again(2, time.Minute)
		require.Equal(t, journal.ReasonAction, m.entry("a").Reason, m.history("a"))
		require.Equal(t, []journal.Reason{journal.ReasonAbsent, journal.ReasonAction}, alerts)
	})
}
