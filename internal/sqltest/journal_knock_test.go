package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

const knockSecret = "0123456789abcdefghijkl"

func (m *merchant) post(secret, body string) *httptest.ResponseRecorder {
	m.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(m.t.Context(), http.MethodPost, "/hooks/"+secret, strings.NewReader(body))
	m.flow.Knock(webhook.PathSecret(knockSecret)).ServeHTTP(w, r)
	return w
}

func postTo(t testing.TB, h http.Handler, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/"+knockSecret, strings.NewReader(string(body))))
	return w
}

// knock posts a callback and waits until it is noted.
func (m *merchant) knock(reference string) {
	m.t.Helper()
	before := m.knocks(reference)
	require.Equal(m.t, http.StatusOK, m.post(knockSecret, reference).Code)
	require.Eventually(m.t, func() bool { return m.knocks(reference) > before }, 10*time.Second, time.Millisecond)
}

func (m *merchant) knocks(reference string) (n int) {
	m.t.Helper()
	err := m.db.QueryRowContext(m.t.Context(), `SELECT COALESCE(max(knocks), 0) FROM journal_entries WHERE reference = '`+reference+`'`).Scan(&n)
	require.NoError(m.t, err)
	return n
}

func TestJournalKnock(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Searched)
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) { c.KnockGap = 10 * time.Second })
		m.mustPlan("a")
		m.work(0)
		pass(t, db, -time.Hour) // however slow the machine is, nothing is due by itself

		known, unknown := m.post(knockSecret, "a"), m.post(knockSecret, "never-planned")
		require.Equal(t, known.Result(), unknown.Result())
		require.Equal(t, "OK", known.Body.String())
		require.Equal(t, http.StatusUnauthorized, m.post("another-secret-of-22-c", "a").Code)
		require.Equal(t, http.StatusBadRequest, m.post(knockSecret, "bad").Code)
		require.Eventually(t, func() bool { return m.knocks("a") == 1 }, 10*time.Second, time.Millisecond)

		// A knock brings the next lookup near, and no nearer than the gap.
		m.work(0)
		require.Zero(t, b.polls)
		m.work(time.Hour + 10*time.Second)
		require.Equal(t, 1, b.polls)
		pass(t, db, -time.Hour)

		// Forged knocks leave no row, and cost no more lookups than the gap allows.
		for i := range 10_000 {
			require.Equal(t, http.StatusOK, m.post(knockSecret, fmt.Sprint("forged-", i)).Code)
			m.post(knockSecret, "a")
		}
		require.Eventually(t, func() bool { return m.knocks("a") > 1 }, 10*time.Second, time.Millisecond)
		m.work(0)
		require.Equal(t, 1, b.polls)
		rows := 0
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM journal_entries`).Scan(&rows))
		require.Equal(t, 1, rows)

		// What a knock says is not believed.
		require.Equal(t, []string{"pending"}, m.changes("a"))
	})
}

// TestJournalKnockHastensNoResend: callbacks make lookups sooner, and a lookup that
// comes too soon does not count as absence.
func TestJournalKnockHastensNoResend(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Searched, "lost before")
		m := newMerchant(t, db, dialect, b)
		m.mustPlan("a")
		m.work(0)
		for range 20 {
			m.knock("a")
			m.work(time.Second)
		}
		require.Greater(t, b.looks, 10)
		require.Equal(t, journal.StateSending, m.entry("a").State)

		// A knock wakes a stuck entry. It is adopted once it is found, and not before.
		for range 40 {
			m.work(time.Minute)
		}
		require.Equal(t, journal.ReasonAbsent, m.entry("a").Reason)
		m.knock("a")
		m.work(time.Minute)
		require.Equal(t, journal.StateStuck, m.entry("a").State)
		b.set("a", "paid")
		m.knock("a")
		m.work(time.Minute)
		require.Equal(t, []string{"stuck", "succeeded"}, m.changes("a"))
		require.Equal(t, 1, b.sends["a"])
	})
}

// TestJournalKnockDuringACall: a callback that comes while a worker has the entry
// leaves the lease alone, and the next lookup follows soon.
func TestJournalKnockDuringACall(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b := newBank(sdk.Once)
		m := newMerchant(t, db, dialect, b, func(c *journal.Config) { c.KnockGap = time.Second })
		m.mustPlan("a")
		b.hold = func() {
			m.knock("a")
			require.Greater(t, time.Until(m.entry("a").Due), time.Minute, "the lease")
		}
		m.work(0)
		require.Zero(t, b.polls)
		m.work(time.Second)
		require.Equal(t, 1, b.polls)
		m.work(time.Second)
		require.Equal(t, 1, b.polls, "a knock counts once")
	})
}

// TestJournalKnockLooksOn: a correction is told although the first lookups after its
// callback fail or lag. The lookups end.
func TestJournalKnockLooksOn(t *testing.T) {
	for _, how := range []string{"blind", "lags", "silent for ever", "forged"} {
		t.Run(how, func(t *testing.T) {
			b := newBank(sdk.Referenced)
			m := newMerchant(t, openImmediate(t), journal.SQLite, b)
			m.mustPlan("a")
			m.work(0)
			b.set("a", "failed")
			m.again(2, time.Minute)
			require.Equal(t, journal.StateFinal, m.entry("a").State)
			polls := b.polls
			b.blind = how == "blind" || how == "silent for ever"
			m.knock("a")
			m.work(time.Minute)
			require.Equal(t, polls+1, b.polls)
			switch how {
			case "silent for ever":
				m.again(400, 15*time.Minute)
				require.Less(t, b.polls-polls, 200)
				require.True(t, m.entry("a").Due.IsZero())
				return
			case "forged":
				m.again(20, time.Hour)
				require.Equal(t, polls+3, b.polls)
				require.True(t, m.entry("a").Due.IsZero())
				return
			}
			b.blind = false
			b.set("a", "paid")
			m.again(20, time.Hour)
			require.Equal(t, []string{"pending", "failed", "corrected"}, m.changes("a"))
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		b := newBank(sdk.Referenced, "throttled and done")
		m := newMerchant(t, openImmediate(t), journal.SQLite, b)
		m.mustPlan("a")
		m.work(0)
		require.NoError(t, m.act("a", journal.Cancel))
		b.blind = true
		m.work(0)
		b.blind = false
		b.set("a", "paid")
		m.again(20, time.Hour)
		require.Equal(t, []string{"failed", "corrected"}, m.changes("a"))
		require.Equal(t, 1, b.debits["a"])
	})
}

// TestJournalKnockAtAWatchedEnd: the lookup after a callback may fail or lag, days after the
// end, too. It is made again soon, and not only when the watch comes to it; and so it is
// after two old responses overturned the end.
func TestJournalKnockAtAWatchedEnd(t *testing.T) {
	for _, how := range []string{"blind", "lags", "knocked during the lookup", "overturned"} {
		for _, days := range []int{0, 3} {
			t.Run(fmt.Sprint(how, days), func(t *testing.T) {
				b := newBank(sdk.Referenced)
				m := watchingMerchant(t, b, 7*24*time.Hour)
				m.mustPlan("a")
				m.work(0)
				b.set("a", "paid")
				m.again(2, time.Minute)
				m.again(24*days, time.Hour)
				truth, want := "reversed", []string{"pending", "succeeded", "reversed"}
				switch how {
				case "knocked during the lookup": // of the watch
					pass(t, m.db, time.Until(m.entry("a").Due))
					b.held = func() { b.held = nil; m.knock("a") }
					m.work(time.Second)
					require.Nil(t, b.held)
				case "overturned":
					b.set("a", "reversed")
					m.knock("a")
					m.again(3, time.Second)
					truth, want = "paid", append(want, "corrected")
				default:
					m.knock("a")
				}
				b.blind = how == "blind"
				if polls := b.polls; how != "overturned" {
					m.work(30 * time.Second)
					require.Equal(t, polls+1, b.polls)
				}
				b.blind = false
				b.set("a", truth)
				m.again(6, 20*time.Second)
				require.Equal(t, want, m.changes("a"))
				polls := b.polls
				m.again(60, time.Minute)
				require.LessOrEqual(t, b.polls, polls+4, "then it is left to the watch")
				require.False(t, m.entry("a").Due.IsZero())
			})
		}
	}
}

// TestJournalWatchAfterAct: what a person ends is watched, and only with Provider.Watch.
func TestJournalWatchAfterAct(t *testing.T) {
	for _, test := range []struct {
		watch time.Duration
		do    journal.Do
		shown string
		told  []string
	}{
		{7 * 24 * time.Hour, journal.DidNot, "paid", []string{"stuck", "failed", "corrected"}},
		{7 * 24 * time.Hour, journal.Happened, "reversed", []string{"stuck", "succeeded", "reversed"}},
		{0, journal.DidNot, "paid", []string{"stuck", "failed"}},
	} {
		t.Run(string(test.do)+test.watch.String(), func(t *testing.T) {
			b := newBank(sdk.Searched, "lost")
			m := watchingMerchant(t, b, test.watch)
			m.mustPlan("a")
			b.lag = 1 << 30
			m.again(60, time.Minute)
			require.Equal(t, journal.StateStuck, m.entry("a").State)
			require.NoError(t, m.act("a", test.do))
			b.lag = 0
			b.set("a", test.shown)
			m.again(20, 3*time.Hour)
			require.Equal(t, test.told, m.changes("a"))
		})
	}
}

// TestJournalDoubtAfterOutage: the reason and the note tell what happened, after all
// processes were down for longer than DoubtLimit.
func TestJournalDoubtAfterOutage(t *testing.T) {
	for class, reason := range map[sdk.Class]journal.Reason{sdk.Searched: journal.ReasonAbsent, sdk.Referenced: journal.ReasonUndecided} {
		b := newBank(class, "lost before")
		m := newMerchant(t, openImmediate(t), journal.SQLite, b)
		m.mustPlan("a")
		m.work(0)
		m.work(25 * time.Hour)
		m.again(60, time.Minute)
		e := m.entry("a")
		require.Equal(t, reason, e.Reason)
		require.NotContains(t, e.Note, "again and again")
		require.Contains(t, e.Note, "not shown")
		require.Equal(t, 1, b.sends["a"])
	}
}

// TestJournalDoubtLimitBindsResend: a ResendAbsentAfter that DoubtLimit makes void is
// refused; a shorter one is taken.
func TestJournalDoubtLimitBindsResend(t *testing.T) {
	for _, test := range []struct {
		after, limit time.Duration
		refused      bool
	}{{36 * time.Hour, 0, true}, {24 * time.Hour, 0, true}, {23 * time.Hour, 0, false}, {36 * time.Hour, 48 * time.Hour, false}} {
		db := openImmediate(t)
		newMerchant(t, db, journal.SQLite, newBank(sdk.Once)) // makes the tables
		j, err := journal.Open(t.Context(), db, journal.SQLite, journal.Config{
			Flows: map[string]journal.FlowConfig{"pay": {ResendAbsentAfter: test.after, DoubtLimit: test.limit}}})
		require.NoError(t, err)
		journal.New(j, "pay", newBank(sdk.Searched).provider(), nil)
		_, err = j.Work(t.Context())
		if test.refused {
			require.ErrorIs(t, err, journal.ErrConfiguration)
		} else {
			require.NoError(t, err)
		}
	}
}

// TestJournalActOnNewerDigest: a worker sends only what it can read as a whole.
func TestJournalActOnNewerDigest(t *testing.T) {
	for change, state := range map[string]journal.State{"digest_version = 99": journal.StatePlanned, "digest = x'00'": journal.StateStuck, "digest_version = 1": journal.StateOpen} {
		b := newBank(sdk.Referenced)
		m := newMerchant(t, openImmediate(t), journal.SQLite, b)
		m.mustPlan("a")
		_, err := m.db.ExecContext(t.Context(), `UPDATE journal_entries SET `+change)
		require.NoError(t, err)
		m.work(0)
		require.Equal(t, state, m.entry("a").State, change)
		require.Equal(t, state == journal.StateOpen, b.sends["a"] == 1, change)
	}
}

// signedMerchant is a merchant whose bank signs that everything is paid.
func signedMerchant(t *testing.T, db *sql.DB, dialect journal.Dialect, b *bank, tell func(context.Context, journal.Tx, journal.Change[receipt]) error) *merchant {
	t.Helper()
	createTold(t, db, dialect)
	j, err := journal.Open(t.Context(), db, dialect, journal.Config{KnockGap: time.Hour})
	require.NoError(t, err)
	p := b.provider()
	p.Fact = func(r journal.Request[order, receipt], _ []byte) (receipt, bool) {
		return receipt{Ref: r.Reference, Status: "paid"}, true
	}
	return &merchant{t: t, db: db, dialect: dialect, bank: b, j: j, flow: journal.New(j, "pay", p, tell)}
}

// signed posts a signed callback and waits until it is noted.
func (m *merchant) signed(reference string) {
	m.t.Helper()
	require.Equal(m.t, http.StatusOK, postTo(m.t, m.flow.Knock(signed{}), []byte(reference)).Code)
	require.Eventually(m.t, func() bool { return m.entry(reference).State == journal.StateFinal }, 10*time.Second, time.Millisecond)
}

// TestJournalSignedKnockIsToldByAWorker: whoever notes a signed callback does not wait for
// the func, which has as long as any other, and is tried again.
func TestJournalSignedKnockIsToldByAWorker(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		b, left := newBank(sdk.Referenced), time.Duration(0)
		var m *merchant
		m = signedMerchant(t, db, dialect, b, func(ctx context.Context, tx journal.Tx, c journal.Change[receipt]) error {
			if c.Kind == journal.Succeeded {
				until, _ := ctx.Deadline()
				left = time.Until(until)
			}
			return m.told(ctx, tx, c)
		})
		for _, reference := range []string{"a", "b"} {
			m.mustPlan(reference)
			m.work(0)
			m.signed(reference)
			require.Equal(t, journal.Succeeded, m.entry(reference).Owed)
			require.Equal(t, []string{"pending"}, m.changes(reference))
			if reference == "b" {
				m.refuses = errors.New("not now")
			}
			m.work(0)
			if reference == "b" {
				require.Equal(t, []string{"pending"}, m.changes(reference))
				m.work(time.Minute)
				require.Contains(t, m.history(reference), "func-failed")
			}
			require.Equal(t, []string{"pending", "succeeded"}, m.changes(reference))
			require.Contains(t, m.history(reference), "signed")
			require.Greater(t, left, 9*time.Minute)
			if reference == "a" {
				m.again(10, 2*time.Hour)
				require.Zero(t, b.polls, "a fact needs no lookup")
			}
		}
	})
}

// TestJournalKnockAfterASignedOne: news that comes before the func has heard of the end is
// looked up afterwards, however often the func failed. It counts for no failure itself.
func TestJournalKnockAfterASignedOne(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for name, failures := range map[string]int{"told at once": 0, "told at last": 9, "told when a person has mended the func": 10} {
			b := newBank(sdk.Referenced)
			var m *merchant
			left := failures
			m = signedMerchant(t, db, dialect, b, func(ctx context.Context, tx journal.Tx, c journal.Change[receipt]) error {
				if left--; c.Kind == journal.Succeeded && left >= 0 {
					return errors.New("not now")
				}
				return m.told(ctx, tx, c)
			})
			reference := "a" + strconv.Itoa(failures)
			m.mustPlan(reference)
			m.work(0)
			left = failures
			m.signed(reference)
			knock := func() {
				b.set(reference, "reversed")
				m.knock(reference)
			}
			if failures < 10 {
				knock()
			}
			m.again(12, time.Hour)
			if failures == 10 {
				require.Equal(t, journal.ReasonFunc, m.entry(reference).Reason, name)
				require.Zero(t, b.polls, name)
				knock()
				require.NoError(t, m.act(reference, journal.Retry))
			}
			m.again(10, 2*time.Hour)
			require.Equal(t, []string{"pending", "succeeded", "reversed"}, m.changes(reference), name)
		}
	})
}

// TestJournalSignedKnockWithoutAFunc: there is nobody to tell, and nothing is left to do.
func TestJournalSignedKnockWithoutAFunc(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		m := signedMerchant(t, db, dialect, newBank(sdk.Referenced), nil)
		m.mustPlan("a")
		m.work(0)
		m.signed("a")
		require.Empty(t, m.entry("a").Owed)
		require.Zero(t, m.entry("a").Due)
	})
}

// TestJournalKnockAtABusyDatabase: what a database refuses for a moment is tried again, and
// any other error loses the knock alone. A signed callback that cannot be noted is a knock.
func TestJournalKnockAtABusyDatabase(t *testing.T) {
	onGated(t, func(t *testing.T, _, gated *sql.DB, dialect journal.Dialect, g *gate) {
		m := newMerchant(t, gated, dialect, newBank(sdk.Referenced))
		for _, reference := range []string{"a", "b"} {
			m.mustPlan(reference)
		}
		m.work(0)
		refuse := func(words string, times int, says error) {
			var again func()
			again = func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				if times--; times > 0 {
					g.lost = again
				}
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			g.loses, g.says, g.lost = words, says, again
		}
		const knock = "knocks = knocks + 1"
		refuse(knock, 3, errors.New("database is locked"))
		m.knock("a")
		refuse(knock, 1, errors.New("no such table"))
		require.Equal(t, http.StatusOK, m.post(knockSecret, "a").Code)
		m.knock("b")
		require.Equal(t, 1, m.knocks("a"))

		s := signedMerchant(t, gated, dialect, newBank(sdk.Referenced), nil)
		refuse("changed_at = CASE", 6, errors.New("no such table"))
		require.Equal(t, http.StatusOK, postTo(t, s.flow.Knock(signed{}), []byte("b")).Code)
		require.Eventually(t, func() bool { return s.knocks("b") == 2 }, 10*time.Second, time.Millisecond)
		require.Equal(t, journal.StateOpen, s.entry("b").State)
	})
}
