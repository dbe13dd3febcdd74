package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// TestJournalCrashAtEveryStep stops a merchant's process at each statement, each
// commit and each call of the provider, and again in its second life. Whatever the
// first attempt meets: the provider debits at most once, the entry comes to an end,
// and the func runs once per change.
func TestJournalCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, class := range []sdk.Class{sdk.Referenced, sdk.Keyed, sdk.Searched, sdk.Once} {
		for _, first := range []string{"ok", "lost", "lost before", "refuse", "throttle", "not sent", "func fails"} {
			for _, steps := range [][]string{nil, {"-create", "-fund"}} {
				if steps != nil && first != "ok" && first != "lost" {
					continue
				}
				t.Run(fmt.Sprintf("%v/%s/%d", class, first, len(steps)), func(t *testing.T) {
					t.Parallel()
					s, k, ends := sqliteStore(t), 0, map[journal.State]int{}
					for ; ; k++ {
						clear(t, s.plain)
						b := newBank(class, first)
						b.first = first
						b.steps = steps
						end, died := s.crashAt(t, b, k)
						ends[end]++
						if !died {
							break
						}
					}
					require.Greater(t, k, 20, "the process has more steps than these")
					t.Log(k, "steps", ends)
				})
			}
		}
	}
}

// crashAt runs a merchant through several lives. The first ends at step k, the second
// at a step that depends on k, and the rest end in peace.
func (s store) crashAt(t *testing.T, b *bank, k int) (end journal.State, died bool) {
	t.Helper()
	const reference = "order-1"
	for life := range 40 {
		g := &gate{left: -1}
		switch life {
		case 0:
			g.left = k
		case 1:
			g.left = 3 + k*7%41
		}
		ctx, cancel := context.WithCancel(t.Context())
		g.cancel, b.gate = cancel, g
		db := s.open(g)
		m := &merchant{t: t, db: db, dialect: s.dialect, bank: b}
		if b.first == "func fails" && life < 4 {
			m.fails = 1
		}
		if m.open(ctx, func(c *journal.Config) { c.OnlyCheck = true }) == nil &&
			m.plan(ctx, order{Ref: reference, Amount: decimal.NewFromInt(500)}) == nil {
			_, _ = m.j.Work(ctx)
		}
		cancel()
		require.NoError(t, db.Close())
		if life == 0 {
			died = g.died()
		}
		b.gate = nil
		checkRest(t, s.plain)
		pass(t, s.plain, 3*time.Minute)
		var state, owed string
		var reason journal.Reason
		if life > 1 {
			require.NoError(t, s.plain.QueryRowContext(t.Context(),
				`SELECT state, owed, COALESCE((SELECT reason FROM journal_stuck), '') FROM journal_entries`).Scan(&state, &owed, &reason))
		}
		end = journal.State(state)
		if owed != "" || end != journal.StateFinal && end != journal.StateRefused && end != journal.StateStuck {
			continue
		}
		check(t, b, k, end, reason, changes(t, s.plain, reference))
		return end, died
	}
	t.Fatalf("k=%d: the entry came to no end", k)
	return end, died
}

// TestJournalCrashOnPostgres is the same on PostgreSQL, for the scripts that differ.
func TestJournalCrashOnPostgres(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		class sdk.Class
		first string
	}{{sdk.Referenced, "ok"}, {sdk.Referenced, "lost"}, {sdk.Keyed, "lost"}, {sdk.Searched, "lost"}, {sdk.Once, "ok"}, {sdk.Once, "func fails"}} {
		t.Run(fmt.Sprintf("%v/%s", test.class, test.first), func(t *testing.T) {
			t.Parallel()
			s, k := postgresStore(t), 0
			for died := true; died; k++ {
				clear(t, s.plain)
				b := newBank(test.class, test.first)
				b.first = test.first
				_, died = s.crashAt(t, b, k)
			}
			require.Greater(t, k, 20, "the process has more steps than these")
		})
	}
}

// TestJournalCrashOnMaria is the same on MariaDB, at every third step, and with
// KAPITEN_FULL=1 at each.
func TestJournalCrashOnMaria(t *testing.T) {
	t.Parallel()
	for _, class := range []sdk.Class{sdk.Referenced, sdk.Once} {
		t.Run(fmt.Sprint(class), func(t *testing.T) {
			t.Parallel()
			plain, dsn := openMaria(t)
			newMerchant(t, plain, journal.MySQL, newBank(class))
			s := store{journal.MySQL, plain, func(g *gate) *sql.DB {
				// The driver puts the parameters into the text: nothing is prepared past the gate.
				return sql.OpenDB(gatedConnector{dsn: dsn + "?interpolateParams=true", gate: g, driver: &mysql.MySQLDriver{}})
			}}
			k, stride := 0, 3
			if full() {
				stride = 1
			}
			for died := true; died; k += stride {
				clear(t, plain)
				_, died = s.crashAt(t, newBank(class, "lost"), k)
			}
			require.Greater(t, k, 30, "the process has more steps than these")
		})
	}
}

func check(t *testing.T, b *bank, k int, end journal.State, reason journal.Reason, told []string) {
	t.Helper()
	steps := b.steps
	if steps == nil {
		steps = []string{""}
	}
	for _, step := range steps {
		require.LessOrEqual(t, b.debits["order-1"+step], 1, "k=%d: debits", k)
	}
	last := b.debits["order-1"+steps[len(steps)-1]]
	var want []string
	switch end {
	case journal.StateFinal:
		require.Equal(t, 1, last, "k=%d: final without a debit", k)
		want = []string{"pending", "succeeded"}
	case journal.StateRefused:
		require.Zero(t, last, "k=%d: refused with a debit", k)
		want = []string{"failed"}
	case journal.StateStuck:
		if b.class == sdk.Referenced {
			// The crash hid the refusal of the first attempt, or whether there was one.
			require.Equal(t, journal.ReasonContested, reason, "k=%d: a unique reference is always settled", k)
			require.Zero(t, last, "k=%d", k)
		}
		want = []string{"stuck"}
	}
	if end == journal.StateFinal && !slices.Contains(told, "pending") {
		want = want[1:] // found when it was paid already
	}
	require.Equal(t, want, told, "k=%d", k)
}
