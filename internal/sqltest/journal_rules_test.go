package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// TestJournalRules shows, per class and per script of the provider, where an entry
// ends, what the func was told, and how often a request left.
func TestJournalRules(t *testing.T) {
	final := []string{"pending", "succeeded"}
	stuck := []string{"stuck"}
	tests := []struct {
		name   string
		class  sdk.Class
		script []string
		change func(*bank, *journal.Config)
		state  journal.State
		reason journal.Reason
		told   []string
		sends  int
		debits int
	}{
		{"a good response", sdk.Once, nil, nil, journal.StateFinal, "", final, 1, 1},
		{"a refusal", sdk.Referenced, []string{"refuse"}, nil, journal.StateRefused, "", []string{"failed"}, 1, 0},
		{"a throttle", sdk.Once, []string{"throttle", "throttle"}, nil, journal.StateFinal, "", final, 3, 1},
		{"credentials", sdk.Searched, []string{"credentials"}, nil, journal.StateFinal, "", final, 2, 1},
		{"never sent", sdk.Once, []string{"not sent", "not sent"}, nil, journal.StateFinal, "", final, 3, 1},
		{"referenced, arrived", sdk.Referenced, []string{"lost"}, nil, journal.StateFinal, "", final, 1, 1},
		{"referenced, did not arrive", sdk.Referenced, []string{"lost before"}, nil, journal.StateFinal, "", final, 2, 1},
		{"referenced, arrived and shown late", sdk.Referenced, []string{"lost"}, func(b *bank, _ *journal.Config) { b.lag = 4 },
			journal.StateFinal, "", final, 2, 1},
		{"referenced, resent and refused", sdk.Referenced, []string{"lost before", "refuse"}, nil, journal.StateStuck, journal.ReasonContested, stuck, 2, 0},
		{"referenced, resent and throttled", sdk.Referenced, []string{"lost before", "throttle"}, nil, journal.StateFinal, "", final, 3, 1},
		{"referenced, resent and never sent", sdk.Referenced, []string{"lost before", "not sent"}, nil, journal.StateFinal, "", final, 3, 1},
		{"referenced, no lookup", sdk.Referenced, []string{"lost"}, func(b *bank, _ *journal.Config) { b.blind = true },
			journal.StateStuck, journal.ReasonUndecided, stuck, 1, 1},
		{"searched, arrived", sdk.Searched, []string{"lost"}, nil, journal.StateFinal, "", final, 1, 1},
		{"searched, did not arrive", sdk.Searched, []string{"lost before"}, nil, journal.StateStuck, journal.ReasonAbsent, stuck, 1, 0},
		{"searched, resent on request of the settings", sdk.Searched, []string{"lost before"}, func(_ *bank, c *journal.Config) {
			c.Flows = map[string]journal.FlowConfig{"pay": {ResendAbsentAfter: 2 * time.Hour}}
		}, journal.StateFinal, "", final, 2, 1},
		{"searched, cannot tell, in spite of the settings", sdk.Searched, []string{"lost before"}, func(b *bank, c *journal.Config) {
			b.blind = true
			c.Flows = map[string]journal.FlowConfig{"pay": {ResendAbsentAfter: 2 * time.Hour}}
		}, journal.StateStuck, journal.ReasonUndecided, stuck, 1, 0},
		{"keyed, arrived", sdk.Keyed, []string{"lost"}, nil, journal.StateFinal, "", final, 2, 1},
		{"keyed, resent and refused", sdk.Keyed, []string{"lost before", "refuse"}, nil, journal.StateStuck, journal.ReasonContested, stuck, 2, 0},
		{"once, no response", sdk.Once, []string{"lost"}, nil, journal.StateStuck, journal.ReasonUnanswered, stuck, 1, 1},
		{"there before our first attempt", sdk.Referenced, []string{"existing"}, nil, journal.StateStuck, journal.ReasonTaken, stuck, 1, 0},
		{"a duplicate at our first attempt", sdk.Referenced, nil, func(b *bank, _ *journal.Config) { b.status["a"] = "pending" },
			journal.StateStuck, journal.ReasonTaken, stuck, 1, 0},
		{"another request found", sdk.Referenced, []string{"lost before"}, func(b *bank, _ *journal.Config) { b.status["a"] = "another" },
			journal.StateStuck, journal.ReasonTaken, stuck, 1, 0},
		{"several requests found", sdk.Searched, []string{"lost before"}, func(b *bank, _ *journal.Config) { b.status["a"] = "several" },
			journal.StateStuck, journal.ReasonSeveral, stuck, 1, 0},
	}
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				clear(t, db)
				b := newBank(test.class, test.script...)
				m := newMerchant(t, db, dialect, b, func(c *journal.Config) {
					if test.change != nil {
						test.change(b, c)
					}
				})
				m.mustPlan("a")
				for range 60 {
					// An hour in all at first, so that what was not sent is not late.
					m.work(time.Minute)
				}
				m.work(10 * time.Hour)
				m.work(20 * time.Hour)
				m.work(time.Hour)
				e := m.entry("a")
				require.Equal(t, test.state, e.State, m.history("a"))
				require.Equal(t, test.reason, e.Reason)
				require.Equal(t, test.told, m.changes("a"))
				require.Equal(t, test.sends, b.sends["a"])
				require.Equal(t, test.debits, b.debits["a"])
				if e.State == journal.StateStuck {
					require.Len(t, m.stuck, 1, "the alert")
					require.Equal(t, test.reason, m.stuck[0].Reason)
				}
				for _, bytes := range b.bytes {
					require.Equal(t, "pay a 500", bytes)
				}
			})
		}
	})
}

func clear(t testing.TB, db *sql.DB) {
	t.Helper()
	for _, table := range []string{"journal_entries", "journal_details", "journal_history", "journal_stuck", "journal_flows", "journal_spend", "told"} {
		_, _ = db.ExecContext(t.Context(), "DELETE FROM "+table) // there are no tables before the first test
	}
}

func TestJournalPlan(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)

		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, m.flow.Plan(t.Context(), tx, order{Ref: "rolled-back", Amount: decimal.NewFromInt(1)}))
		require.NoError(t, tx.Rollback())
		_, err = m.j.Find(t.Context(), "pay", "rolled-back")
		require.ErrorIs(t, err, journal.ErrNotPlanned)

		// The same again is the same entry, also in one transaction, and a digit that
		// decides nothing changes nothing. The transaction stays usable.
		tx, err = db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, m.flow.Plan(t.Context(), tx, order{Ref: "a", Amount: decimal.NewFromInt(500)}))
		require.NoError(t, m.flow.Plan(t.Context(), tx, order{Ref: "a", Amount: decimal.NewFromInt(500), Memo: "again"}))
		err = m.flow.Plan(t.Context(), tx, order{Ref: "a", Amount: decimal.NewFromInt(501)})
		require.ErrorIs(t, err, journal.ErrReferenceTaken)
		require.ErrorIs(t, err, sdk.ErrReferenceTaken)
		require.NoError(t, m.flow.Plan(t.Context(), tx, order{Ref: "b", Amount: decimal.NewFromInt(1)}))
		require.NoError(t, tx.Commit())
		m.mustPlan("a")
		require.ErrorIs(t, m.plan(t.Context(), order{Ref: "a", Amount: decimal.NewFromInt(501)}), journal.ErrReferenceTaken)

		for _, reference := range []string{"", " a", "a\u00a0", "a\x00b", "\xff", "a\u2028"} {
			require.Error(t, m.plan(t.Context(), order{Ref: reference, Amount: decimal.NewFromInt(1)}), "%q", reference)
		}
		for range 5 {
			m.work(time.Minute)
		}
		require.Equal(t, []string{"planned", "sending", "accepted", "changed"}, m.history("a"))
		require.Equal(t, map[string]int{"a": 1, "b": 1}, b.debits)

		// After the end it still is the same entry.
		m.mustPlan("a")
		value, err := m.flow.Await(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, "paid", value.Status)
		_, err = m.flow.Await(t.Context(), "never planned")
		require.ErrorIs(t, err, journal.ErrNotPlanned)
	})
}

// TestJournalFuncFails: the answer is kept, the provider is left alone, and only the
// func is tried again, until a person must look.
func TestJournalFuncFails(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) { c.Flows = map[string]journal.FlowConfig{"pay": {FuncTries: 4}} })
		m.mustPlan("a")
		m.fails = 3
		for range 4 {
			m.work(time.Minute)
			require.Zero(t, b.polls, "nothing else happens until the func has taken the change")
		}
		require.Equal(t, []string{"pending"}, m.changes("a"))
		m.fails = 4
		for range 5 {
			m.work(time.Hour)
		}
		e := m.entry("a")
		require.Equal(t, journal.StateStuck, e.State, m.history("a"))
		require.Equal(t, journal.ReasonFunc, e.Reason)
		require.Equal(t, journal.Succeeded, e.Owed)
		require.Contains(t, e.Note, errFunc.Error())
		require.Equal(t, []string{"pending"}, m.changes("a"))
		act := journal.Act{Flow: "pay", Reference: "a", Do: journal.DidNot, Actor: "Ines", Reason: "checked"}
		require.ErrorIs(t, m.j.Act(t.Context(), act), journal.ErrNotPossible, "what happened is known")
		act.Do = journal.Retry
		require.NoError(t, m.j.Act(t.Context(), act))
		m.work(0)
		require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"), "%v %+v", m.history("a"), m.entry("a"))
		require.Equal(t, journal.StateFinal, m.entry("a").State)
		require.Equal(t, 1, b.sends["a"])
	})
}

// TestJournalLateWorker: a worker whose lease has ended changes nothing.
func TestJournalLateWorker(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)
		other := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		first := true
		b.hold = func() {
			if !first {
				return
			}
			first = false
			pass(t, db, time.Hour) // the machine slept
			_, err := other.j.Work(t.Context())
			require.NoError(t, err)
			pass(t, db, time.Hour)
			_, err = other.j.Work(t.Context())
			require.NoError(t, err)
		}
		m.work(0)
		require.Contains(t, m.events, journal.Event{Flow: "pay", What: journal.EventLeaseLost})
		for range 10 {
			m.work(time.Hour)
		}
		require.Equal(t, 1, b.debits["a"])
		require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"))
	})
}

// TestJournalSleptBeforeSending: a machine that slept between the record and the request
// sends nothing. The monotonic clock, which stops meanwhile, would not tell.
func TestJournalSleptBeforeSending(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b, asked := newBank(sdk.Once), 0
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) {
			c.Now = func() time.Time {
				if asked++; asked == 4 { // two takes, the record, and then the request
					return time.Now().Add(time.Hour)
				}
				return time.Now()
			}
		})
		m.mustPlan("a")
		m.work(0)
		require.GreaterOrEqual(t, asked, 4)
		require.Zero(t, b.sends["a"], m.history("a"))
		require.Equal(t, journal.StatePlanned, m.entry("a").State)
		m.work(time.Minute)
		require.Equal(t, 1, b.sends["a"])
	})
}

// TestJournalCorrections: the func is told each change of a final entry once.
func TestJournalCorrections(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		for range 3 {
			m.work(time.Minute)
		}
		for _, status := range []string{"paid", "reversed", "reversed", "paid", "failed", "paid", "pending"} {
			b.set("a", status)
			m.knock("a")
			m.again(2, time.Minute)
		}
		require.Equal(t, []string{"pending", "succeeded", "reversed", "corrected", "reversed", "corrected"}, m.changes("a"))
		require.Equal(t, journal.StateFinal, m.entry("a").State)

		// A refusal that turns out to be none.
		b.script = []string{"refuse"}
		m.mustPlan("b")
		m.work(time.Minute)
		require.Equal(t, journal.StateRefused, m.entry("b").State)
		_, err := m.flow.Await(t.Context(), "b")
		require.ErrorIs(t, err, journal.ErrRefused)
		b.set("b", "paid")
		m.knock("b")
		m.again(2, time.Minute)
		require.Equal(t, []string{"failed", "corrected"}, m.changes("b"))
	})
}

// TestJournalBytes: an attempt in doubt is repeated with the bytes of the first
// attempt. As long as nothing can have left, they are made anew: a quote may be old.
func TestJournalBytes(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced, "not sent", "lost before", "lost before")
		b.nonces = true
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		for range 20 {
			m.work(time.Minute)
		}
		require.Equal(t, []string{"pay a 500 1", "pay a 500 2", "pay a 500 2", "pay a 500 2"}, b.bytes)
	})
}

// TestJournalOpenTooLong: an entry that the provider never ends is stuck, and never
// failed. A callback wakes it.
func TestJournalOpenTooLong(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		b.blind = true
		m.work(6 * 24 * time.Hour)
		require.Equal(t, journal.StateOpen, m.entry("a").State)
		m.work(2 * 24 * time.Hour)
		require.Equal(t, journal.ReasonOpenTooLong, m.entry("a").Reason)
		require.Equal(t, []string{"pending", "stuck"}, m.changes("a"))
		b.blind = false
		b.set("a", "paid")
		require.NoError(t, m.act("a", journal.Retry))
		m.work(0)
		require.Equal(t, []string{"pending", "stuck", "succeeded"}, m.changes("a"))
	})
}

// TestJournalKeyLife: a key that the provider may have forgotten is not used again.
func TestJournalKeyLife(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Keyed, "lost", "lost before")
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		m.work(19 * time.Hour)
		require.Equal(t, 2, b.sends["a"])
		m.work(2 * time.Hour)
		require.Equal(t, journal.ReasonKeyExpired, m.entry("a").Reason)
		require.Equal(t, 2, b.sends["a"])
	})
}

// TestJournalPanickingFunc: a func that panics is a func that fails.
func TestJournalPanickingFunc(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		m := newMerchant(t, db, dialect, b)
		m.panics = true
		m.mustPlan("a")
		m.work(0)
		require.Equal(t, journal.Pending, m.entry("a").Owed)
		m.panics = false
		m.work(time.Minute)
		require.Equal(t, []string{"pending"}, m.changes("a"))
		require.Equal(t, 1, b.sends["a"])
	})
}

// TestJournalLateLookups: after a long stop the lookups that are late together do not
// all count at once.
func TestJournalLateLookups(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Searched, "lost")
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		b.lag = 1
		m.work(10 * time.Hour)
		require.Equal(t, journal.StateSending, m.entry("a").State)
		m.work(10 * time.Hour)
		require.Equal(t, journal.StateOpen, m.entry("a").State)
	})
}

// TestJournalBackoffStays: a callback does not hasten what the provider throttles.
func TestJournalBackoffStays(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once, "throttle")
		b.retryAfter = time.Hour / 2
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		m.knock("a")
		m.work(10 * time.Minute)
		require.Equal(t, 1, b.sends["a"])
		m.work(20 * time.Minute)
		require.Equal(t, 2, b.sends["a"])
	})
}

// TestJournalSteps: each step has attempts and doubts of its own.
func TestJournalSteps(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced, "ok", "refuse", "ok", "lost before", "throttle")
		b.steps = []string{"-create", "-fund"}
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		require.Equal(t, journal.StateRefused, m.entry("a").State, m.history("a"))
		require.Equal(t, []string{"failed"}, m.changes("a"))
		m.mustPlan("b")
		for range 10 {
			m.work(time.Minute)
		}
		require.Equal(t, []string{"pending", "succeeded"}, m.changes("b"))
		require.Equal(t, map[string]int{"a-create": 1, "b-create": 1, "b-fund": 1}, b.debits)
		require.Equal(t, []string{"pay-create a 500", "pay-fund a 500", "pay-create b 500", "pay-fund b 500", "pay-fund b 500", "pay-fund b 500"}, b.bytes)
	})
}

// TestJournalPrepare: a request that cannot be made is refused or put off, and never
// sent. When an attempt may have left before, it is not refused.
func TestJournalPrepare(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)
		b.unprepared = fault(sdk.NoEffect)
		m.mustPlan("a")
		m.work(0)
		require.Equal(t, []string{"planned", "put-off"}, m.history("a"))
		b.unprepared = nil
		m.work(time.Minute)
		require.Equal(t, 1, b.sends["a"])
		b.unprepared = &sdk.Error{Outcome: sdk.NotSent, Reasons: []error{sdk.ErrValidation}}
		m.mustPlan("b")
		m.work(0)
		require.Equal(t, []string{"failed"}, m.changes("b"))
		m.mustPlan("c")
		require.NoError(t, m.j.Restored(t.Context(), 0, "Ines"))
		require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "looked"))
		for range 5 {
			m.work(time.Minute)
		}
		require.Equal(t, journal.StateSending, m.entry("c").State)
		require.Empty(t, b.sends["c"])
	})
}

// TestJournalPurgeKeepsWhatIsOwed: a change that the func has not taken is not purged.
func TestJournalPurgeKeepsWhatIsOwed(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		m.work(time.Minute)
		m.fails = 1
		m.work(time.Minute)
		require.Equal(t, journal.Succeeded, m.entry("a").Owed)
		pass(t, db, time.Hour)
		n, err := m.j.Purge(t.Context(), journal.Retention{Final: time.Minute})
		require.NoError(t, err)
		require.Zero(t, n)
		m.work(0)
		require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"))
		require.ErrorIs(t, m.act("a", journal.Resend), journal.ErrNotPossible)
	})
}

// TestJournalSerializationFailure: what the database refuses for a moment is tried
// again at once, with the response kept in memory, and counts as no failure of the func.
func TestJournalSerializationFailure(t *testing.T) {
	t.Parallel()
	db, _ := openPostgres(t)
	b := newBank(sdk.Once)
	m := newMerchant(t, db, journal.PostgreSQL, b)
	m.refuses = &pgconn.PgError{Code: "40001"}
	m.mustPlan("a")
	m.work(0)
	require.NoError(t, m.refuses)
	require.Equal(t, []string{"planned", "sending", "accepted"}, m.history("a"))
	require.Equal(t, []string{"pending"}, m.changes("a"))
	require.Equal(t, 1, b.sends["a"])
}

// TestJournalSlowQuestionHoldsUpOneEntry: a database that takes long to say whether
// requests are looked for first holds up the entry that asked, and no other.
func TestJournalSlowQuestionHoldsUpOneEntry(t *testing.T) {
	onGated(t, func(t *testing.T, _, gated *sql.DB, dialect journal.Dialect, g *gate) {
		b, sent := newBank(sdk.Referenced), make(chan struct{})
		b.hold = sync.OnceFunc(func() { close(sent) })
		m := newMerchant(t, gated, dialect, b)
		m.mustPlan("a")
		m.mustPlan("b")
		asked := make(chan bool, 1)
		g.loses, g.lost = "adopt_until", func() {
			select {
			case <-sent:
				asked <- true
			case <-time.After(20 * time.Second):
				asked <- false
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.j.Run(ctx) }()
		require.True(t, <-asked, "the other entry is sent meanwhile")
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

// What a database or a merchant's code does wrong holds up nothing else, and loses nothing.

// TestJournalUnreadDetailsLoseNothing: an entry whose details cannot be read is worked on
// later. Details that are gone are TestJournalDetailsAreGone's.
func TestJournalUnreadDetailsLoseNothing(t *testing.T) {
	onGated(t, func(t *testing.T, _, gated *sql.DB, dialect journal.Dialect, g *gate) {
		if dialect == journal.PostgreSQL { // which reads them with the entry
			return
		}
		b := newBank(sdk.Referenced)
		m := newMerchant(t, gated, dialect, b)
		m.mustPlan("a")
		ctx, cancel := context.WithCancel(t.Context())
		g.loses, g.lost = "WHERE d.entry IN", cancel
		require.ErrorIs(t, m.j.Run(ctx), context.Canceled)
		require.Empty(t, b.sends)
		m.work(10 * time.Minute)
		require.Equal(t, 1, b.sends["a"])
	})
}

// TestJournalFuncErrorsOfAnyText: the text of a func's error is stored as far as a
// database takes it.
func TestJournalFuncErrorsOfAnyText(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) {
			c.Flows = map[string]journal.FlowConfig{"pay": {FuncTries: 3}}
		})
		for _, text := range []string{"row \x00 locked", "row \xff locked", "row \x1b[31m locked"} {
			reference := strconv.QuoteToASCII(text)[5:8]
			m.mustPlan(reference)
			for range 3 {
				m.refuses = errors.New(text)
				m.work(10 * time.Minute)
			}
			e := m.entry(reference)
			require.Equal(t, journal.StateStuck, e.State, text)
			require.Equal(t, journal.ReasonFunc, e.Reason, text)
			require.Regexp(t, `^your func failed: row .{1,6} locked$`, e.Note)
			require.NotContains(t, e.Note, text[4:5])
			require.Equal(t, []string{"planned", "sending", "accepted", "func-failed", "stuck"}, m.history(reference), text)
		}
	})
}

// TestJournalAlertsGoOn: an alert that fails, and entries of flows that this process does
// not have, keep no other alert back.
func TestJournalAlertsGoOn(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b, many := newBank(sdk.Once), 60
		b.script = slices.Repeat([]string{"lost"}, many+3)
		var told []string
		pager := func(_ context.Context, e journal.Entry) error {
			told = append(told, e.Reference)
			if strings.HasPrefix(e.Reference, "old-") {
				return errors.New("the pager refuses " + e.Reference)
			}
			return nil
		}
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) { c.OnStuck = pager })
		for i := range many {
			m.mustPlan("old-" + strconv.Itoa(i))
		}
		_, err := m.j.Work(t.Context())
		require.ErrorContains(t, err, "the pager refuses old-")
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(told))), 50, "all of a round")
		m.mustPlan("a")
		_, err = m.j.Work(t.Context())
		require.ErrorContains(t, err, "the pager refuses old-")
		require.Contains(t, told, "a")
		told = nil
		_, err = m.j.Work(t.Context())
		require.Error(t, err)
		require.Contains(t, told, "old-0", "it is tried again")
		require.NotContains(t, told, "a")

		for _, table := range []string{"journal_stuck", "journal_entries"} {
			_, err := db.ExecContext(t.Context(), `UPDATE `+table+` SET flow = 'another' WHERE flow = 'pay'`)
			require.NoError(t, err)
		}
		told = nil
		m.mustPlan("b")
		for range 2 {
			m.work(0)
		}
		require.Equal(t, []string{"b"}, told)
	})
}

// TestJournalMarksWaitForNoFunc: while a func of an operator's act holds the row of an
// entry, the requests of others leave.
func TestJournalMarksWaitForNoFunc(t *testing.T) {
	t.Parallel()
	db, _ := openPostgres(t)
	j, err := journal.Open(t.Context(), db, journal.PostgreSQL, journal.Config{Every: 5 * time.Millisecond, Workers: 8})
	require.NoError(t, err)
	p, sent := newBank(sdk.Referenced).provider(), make(chan string, 10)
	prepared, goOn := make(chan struct{}), make(chan struct{})
	prepare, send := p.Steps[0].Prepare, p.Steps[0].Send
	p.Steps[0].Prepare = func(ctx context.Context, r journal.Request[order, receipt]) ([]byte, error) {
		if r.Reference == "held" {
			close(prepared)
			<-goOn
		}
		return prepare(ctx, r)
	}
	p.Steps[0].Send = func(ctx context.Context, r journal.Request[order, receipt]) (receipt, error) {
		sent <- r.Reference
		return send(ctx, r)
	}
	told, tell := make(chan struct{}), make(chan struct{})
	flow := journal.New(j, "pay", p, func(_ context.Context, _ journal.Tx, c journal.Change[receipt]) error {
		if c.Reference == "held" {
			close(told)
			<-tell
		}
		return nil
	})
	m := &merchant{t: t, db: db, flow: flow, j: j}
	m.mustPlan("held")
	ctx, cancel := context.WithCancel(t.Context())
	ended, acted := make(chan error, 1), make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	<-prepared
	go func() { acted <- m.act("held", journal.Cancel) }()
	<-told
	close(goOn)
	require.Eventually(t, func() bool { // its mark waits for the row
		var n int
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%json_to_recordset%'`).Scan(&n)
		return err == nil && n > 0
	}, 20*time.Second, time.Millisecond)
	for _, reference := range []string{"a", "b"} {
		m.mustPlan(reference)
		select {
		case other := <-sent:
			require.Equal(t, reference, other)
		case <-time.After(5 * time.Second):
			require.Fail(t, "the mark of another waits")
		}
	}
	close(tell)
	require.NoError(t, <-acted)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, journal.StateCancelled, m.entry("held").State)
	require.Empty(t, sent)
}

// TestJournalHangingDatabase: Run ends although the database does not respond, and what
// was under way goes on later.
func TestJournalHangingDatabase(t *testing.T) {
	for name, words := range map[string]string{
		"a mark": "attempts = attempts + 1", "its details": "SET prepared", "a record": "resume = ", "a begin": "BEGIN", "a commit": "COMMIT",
		"a quiet": "looks = ?7", "a question": "adopt_until", "the func": "INSERT INTO told",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gate{left: -1, hung: make(chan struct{})}
				db := sql.OpenDB(gatedConnector{dsn: "file:" + filepath.Join(t.TempDir(), "shop.db") + strings.Replace(immediate, "10000", "0", 1) + quick, gate: g}) // it would wait in real time
				defer db.Close()
				m := newMerchant(t, db, journal.SQLite, newBank(sdk.Referenced), func(c *journal.Config) { c.Every = time.Second })
				m.mustPlan("a")
				g.hang(words)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				require.ErrorIs(t, m.j.Run(ctx), context.DeadlineExceeded)
				within := 4 * time.Minute // each try has its limit
				if name == "the func" {
					within = 10 * time.Minute // it ends with Run
				}
				require.Less(t, time.Since(began), within)
				g.hang("")
				close(g.hung)
				synctest.Wait()
				for range 3 {
					m.work(20 * time.Minute)
				}
				require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"))
			})
		})
	}
}
