package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// TestJournalRestoredAdoptsADuplicate: after Restored a reference that the provider has
// already is ours, also where no lookup has shown it before. Otherwise it is another's.
func TestJournalRestoredAdoptsADuplicate(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for _, how := range []string{"refused as a duplicate", "existing"} {
			for adopt, reason := range map[time.Duration]journal.Reason{time.Hour: "", 0: journal.ReasonTaken} {
				clear(t, db)
				b := newBank(sdk.Referenced)
				m := newMerchant(t, db, dialect, b)
				require.NoError(t, m.j.Restored(t.Context(), adopt, "Ines"))
				require.NoError(t, m.j.Resume(t.Context(), "pay", "Ines", "looked at the list"))
				m.mustPlan("a")
				if adopt > 0 {
					b.lag = 1 // the lookup before the attempt does not show it
				}
				if b.status["a"] = "pending"; how == "existing" {
					b.script = []string{how}
				}
				m.again(3, time.Minute)
				require.Equal(t, reason, m.entry("a").Reason, how)
				require.Equal(t, reason == "", m.entry("a").State == journal.StateFinal, m.history("a"))
				require.Equal(t, 1, b.sends["a"], how)
				require.Empty(t, b.debits, how)
			}
		}
	})
}

// TestJournalRestoredLooksBackWithoutLimit: what is planned again after a restore may have
// been sent before it was planned again, and with other bytes. Any other lookup goes back to
// the plan, with the bytes of the last attempt.
func TestJournalRestoredLooksBackWithoutLimit(t *testing.T) {
	for _, adopt := range []time.Duration{time.Hour, 0} {
		b := newBank(sdk.Searched, "throttle", "lost before")
		m := newMerchant(t, openImmediate(t), journal.SQLite, b)
		j, err := journal.Open(t.Context(), m.db, journal.SQLite, journal.Config{})
		require.NoError(t, err)
		p := b.provider()
		var looked []string
		look := p.Steps[0].Look
		p.Steps[0].Look = func(ctx context.Context, r journal.Request[order, receipt]) (receipt, journal.Finding, error) {
			looked = append(looked, fmt.Sprint(time.Since(r.Planned) > 24*time.Hour, " ", string(r.Prepared)))
			return look(ctx, r)
		}
		m.j, m.flow = j, journal.New(j, "pay", p, m.told)
		require.NoError(t, j.Restored(t.Context(), adopt, "Ines"))
		require.NoError(t, j.Resume(t.Context(), "pay", "Ines", "looked at the list"))
		m.mustPlan("a")
		m.again(3, time.Minute)
		require.Equal(t, map[bool][]string{true: {"true ", "true ", "false pay a 500"}, false: {"false pay a 500", "false pay a 500"}}[adopt > 0], looked)
	}
}
