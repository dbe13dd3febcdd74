package sqltest

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// The tests of this file show what overturns a known end, when, and after how many lookups.

// TestJournalOneReadingOverturnsNothing: a response may be an old one. So a known end
// changes when two clear lookups in succession show the same other end.
func TestJournalOneReadingOverturnsNothing(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		b.set("a", "paid")
		m.work(time.Minute)
		told := []string{"pending", "succeeded"}
		for _, readings := range [][]string{
			{"failed", "paid"}, {"failed", "pending", "failed", "paid"}, {"failed", "reversed", "failed", "paid"},
		} {
			for _, status := range readings {
				b.set("a", status)
				m.knock("a")
				m.work(time.Minute)
			}
			require.Equal(t, told, m.changes("a"), readings)
		}

		// The second lookup comes a second after the first. It is unclear, and made again.
		b.set("a", "reversed")
		m.knock("a")
		m.work(time.Minute)
		b.blind = true
		m.work(time.Second)
		b.blind = false
		require.Equal(t, told, m.changes("a"))
		m.work(10 * time.Second)
		require.Equal(t, append(told, "reversed"), m.changes("a"))

		b.set("a", "paid")
		m.knock("a")
		m.work(time.Minute)
		require.Equal(t, append(told, "reversed"), m.changes("a"))
		m.work(time.Second)
		require.Equal(t, append(told, "reversed", "corrected"), m.changes("a"))
		m.again(5, time.Hour)
		require.Equal(t, append(told, "reversed", "corrected"), m.changes("a"))
	})
}

// TestJournalSecondLookOfAWatchedEnd: while the second lookup is unclear, it is made again
// soon, and not when the next one of Provider.Watch is due.
func TestJournalSecondLookOfAWatchedEnd(t *testing.T) {
	b := newBank(sdk.Referenced)
	m := watchingMerchant(t, b, 7*24*time.Hour)
	m.mustPlan("a")
	m.work(0)
	b.set("a", "paid")
	m.again(30, time.Hour)
	require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"))
	b.set("a", "failed")
	m.knock("a")
	m.work(time.Minute)
	b.blind = true
	m.again(20, time.Minute)
	require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"))
	b.blind = false
	m.work(10 * time.Minute)
	require.Equal(t, []string{"pending", "succeeded", "reversed"}, m.changes("a"))
}

// TestJournalReadingsThatAlternate: an old response between the two readings delays what a
// provider has reversed by a minute, and readings without end cause no lookups without end.
func TestJournalReadingsThatAlternate(t *testing.T) {
	for _, watch := range []time.Duration{0, 7 * 24 * time.Hour} {
		b := newBank(sdk.Referenced)
		m := watchingMerchant(t, b, watch)
		m.mustPlan("a")
		m.work(0)
		b.set("a", "paid")
		m.again(30, time.Hour)
		m.knock("a")
		polls := b.polls
		for range 20 {
			for _, status := range []string{"reversed", "paid"} {
				b.set("a", status)
				m.work(time.Minute)
			}
		}
		require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"))
		if watch == 0 {
			require.LessOrEqual(t, b.polls-polls, 8)
			continue
		}
		b.set("a", "reversed")
		m.again(3, time.Minute)
		require.Equal(t, []string{"pending", "succeeded", "reversed"}, m.changes("a"))
	}
}

// paid is a merchant whose entry a is paid, and is told so.
func paid(t *testing.T, m *merchant, b *bank) (told []string) {
	t.Helper()
	m.mustPlan("a")
	m.work(0)
	b.set("a", "paid")
	m.work(time.Minute)
	told = []string{"pending", "succeeded"}
	require.Equal(t, told, m.changes("a"))
	return told
}

// TestJournalTwoOldReadings: the two responses that overturned an end may both have been
// old. So it is looked up again a minute later, although nothing watches it.
func TestJournalTwoOldReadings(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)
		told := paid(t, m, b)
		b.set("a", "failed")
		m.knock("a")
		m.work(time.Minute)
		m.work(time.Second)
		require.Equal(t, append(told, "reversed"), m.changes("a"))
		b.set("a", "paid")
		m.work(time.Minute)
		m.work(time.Second)
		require.Equal(t, append(told, "reversed", "corrected"), m.changes("a"))

		// What does not change again is looked up three times.
		polls := b.polls
		m.again(6, time.Hour)
		require.Equal(t, polls+3, b.polls)
		require.True(t, m.entry("a").Due.IsZero())
		require.Equal(t, append(told, "reversed", "corrected"), m.changes("a"))
	})
}

// TestJournalEndsThatAlternate: a provider that says one thing twice, and then another
// twice, is asked less and less, and no more in the end. A knock asks again.
func TestJournalEndsThatAlternate(t *testing.T) {
	b := newBank(sdk.Referenced)
	m := newMerchant(t, openImmediate(t), journal.SQLite, b)
	told := paid(t, m, b)
	for range 2 {
		m.knock("a")
		polls, waits := b.polls, []time.Duration{}
		for range 40 {
			b.set("a", map[journal.Kind]string{journal.Succeeded: "reversed", journal.Reversed: "paid"}[m.entry("a").Standing])
			m.again(2, time.Second)
			if due := m.entry("a").Due; !due.IsZero() {
				waits = append(waits, time.Until(due))
				pass(t, m.db, time.Until(due))
			}
		}
		require.Len(t, m.changes("a"), len(told)+9)
		require.Equal(t, polls+18, b.polls)
		require.Len(t, waits, 8)
		for i := range waits {
			require.InDelta(t, time.Minute<<i, waits[i], float64(time.Minute<<i)/8+float64(10*time.Second))
		}
		told = m.changes("a")
	}
}

// TestJournalWatchTellsEachChange: what an end is watched for is told, however often the
// provider says another thing. That is rarely.
func TestJournalWatchTellsEachChange(t *testing.T) {
	b := newBank(sdk.Referenced)
	m := watchingMerchant(t, b, 7*24*time.Hour)
	told, waited := len(paid(t, m, b)), time.Duration(0)
	for i := range 25 {
		b.set("a", map[journal.Kind]string{journal.Succeeded: "reversed", journal.Reversed: "paid"}[m.entry("a").Standing])
		for range 10 {
			if len(m.changes("a")) == told+i+1 {
				break
			}
			due := max(0, time.Until(m.entry("a").Due)) + time.Second
			waited += due
			m.work(due)
		}
		require.Len(t, m.changes("a"), told+i+1, m.history("a"))
	}
	require.Greater(t, waited, 9*time.Hour)
}

// TestJournalSecondLookWaits: callbacks make the second lookup no sooner than a second
// after the first, however short KnockGap is. A longer KnockGap holds.
func TestJournalSecondLookWaits(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for _, knockGap := range []time.Duration{time.Millisecond, time.Minute} {
			clear(t, db)
			b := newBank(sdk.Referenced)
			m := newMerchant(t, db, dialect, b, func(c *journal.Config) { c.KnockGap = knockGap })
			m.mustPlan("a")
			m.work(0)
			b.set("a", "paid")
			m.work(time.Minute)
			gap := func() (gap time.Duration) {
				micros := int64(0)
				require.NoError(t, db.QueryRowContext(t.Context(), `SELECT due_at - asked_at FROM journal_entries`).Scan(&micros))
				return time.Duration(micros) * time.Microsecond
			}
			b.set("a", "failed")
			m.knock("a")
			pass(t, db, time.Minute)
			b.held = func() {
				b.held = nil
				m.knock("a")
			}
			m.work(0)
			require.Nil(t, b.held)
			require.Equal(t, time.Second, gap(), "a knock during the first lookup, KnockGap %v", knockGap)
			pass(t, db, -time.Hour) // however slow the machine is
			m.knock("a")
			require.Equal(t, time.Second, gap(), "a knock after it, KnockGap %v", knockGap)
			m.work(time.Hour + time.Second)
			require.Equal(t, []string{"pending", "succeeded", "reversed"}, m.changes("a"))
		}
	})
}

// TestJournalOldFirstReading: a first reading counts for two days.
func TestJournalOldFirstReading(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, db, dialect, b)
		told := paid(t, m, b)
		b.set("a", "reversed")
		m.knock("a")
		m.work(time.Minute)
		m.work(49 * time.Hour)
		require.Equal(t, told, m.changes("a"), "a first reading again")
		m.work(47 * time.Hour)
		require.Equal(t, append(told, "reversed"), m.changes("a"))
	})
}

// TestJournalSecondLookBacksOff: while the second lookup of a watched end is unclear, it is
// made less and less often, and not at all after DoubtLimit.
func TestJournalSecondLookBacksOff(t *testing.T) {
	b := newBank(sdk.Referenced)
	m := watchingMerchant(t, b, 7*24*time.Hour)
	m.mustPlan("a")
	m.work(0)
	b.set("a", "paid")
	m.again(30, time.Hour)
	b.set("a", "failed")
	m.knock("a")
	m.work(time.Minute)
	b.blind = true
	asked := func(times int, later time.Duration) int {
		polls := b.polls
		m.again(times, later)
		return b.polls - polls
	}
	require.LessOrEqual(t, asked(120, time.Minute), 25, "in two hours")
	require.LessOrEqual(t, asked(150, 10*time.Minute), 150)
	require.LessOrEqual(t, asked(40, 15*time.Minute), 1)
	require.Equal(t, 1, asked(1, 45*time.Hour), "the watch goes on")
	require.Zero(t, asked(40, 15*time.Minute), "the first reading is forgotten")
	b.blind = false
	m.again(5, 47*time.Hour)
	require.Equal(t, []string{"pending", "succeeded", "reversed"}, m.changes("a"))
}

// TestJournalOneReadingCorrectsNoRefusal: a single response that shows what was refused, or
// cancelled, may be another request's.
func TestJournalOneReadingCorrectsNoRefusal(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for _, how := range []string{"refused", "cancelled"} {
			clear(t, db)
			b := newBank(sdk.Referenced, map[string]string{"refused": "refuse", "cancelled": "throttle"}[how])
			m := newMerchant(t, db, dialect, b)
			m.mustPlan("a")
			m.work(0)
			if how == "cancelled" {
				require.NoError(t, m.act("a", journal.Cancel))
			}
			for _, status := range []string{"paid", "", "paid", "another", "paid"} {
				b.set("a", status)
				m.knock("a")
				m.work(time.Minute)
				require.Equal(t, []string{"failed"}, m.changes("a"), how)
			}
			m.work(time.Second)
			require.Equal(t, []string{"failed", "corrected"}, m.changes("a"), how)
			require.Equal(t, journal.StateFinal, m.entry("a").State)
		}
	})
}
