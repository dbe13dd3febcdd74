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

// TestJournalFuncIgnoresWhatEndsItsTransaction: a func that ignores an error which has ended
// its transaction has failed, whatever it returns. The provider's response is kept, nothing
// of the batch is lost, and each change is told once.
func TestJournalFuncIgnoresWhatEndsItsTransaction(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		const all, most = 8, 9 // more often than a transaction is tried again
		for _, statement := range []string{`CREATE TABLE crossing (id int PRIMARY KEY, n int)`, `INSERT INTO crossing VALUES (1, 0), (2, 0)`} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		m, runBatch := newBatch(t, db, dialect, all)
		ignored := 0
		m.also = func(ctx context.Context, tx journal.Tx, reference string) {
			if reference != "a-3" || ignored == most {
				return
			}
			ignored++
			err := endTransaction(ctx, t, db, dialect, tx)
			if err == nil {
				t.Error("the statement failed") // this is not the test's goroutine
			}
			// The func goes on all the same. SQLite keeps what it does then.
			if dialect != journal.SQLite {
				_, _ = tx.ExecContext(ctx, `INSERT INTO told (reference, kind) VALUES ('`+reference+`', 'and more')`)
			}
		}
		runBatch()
		for range most + 4 {
			m.work(10 * time.Minute) // longer than any wait
		}
		for i := range all {
			reference := fmt.Sprint("a-", i)
			require.Equal(t, 1, m.bank.sends[reference])
			require.Equal(t, []string{"pending", "succeeded"}, m.changes(reference), "%s: %v", reference, m.history(reference))
		}
		require.Equal(t, most, ignored)
		lines, err := m.j.History(t.Context(), "pay", "a-3")
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(lines), "your func failed: ")
		require.Contains(t, fmt.Sprint(lines), "had ended")

		// The connections go back as they were.
		for range 3 * all {
			if dialect == journal.MySQL {
				conn, err := db.Conn(t.Context())
				require.NoError(t, err)
				defer func() { _ = conn.Close() }()
				autocommit := 0
				require.NoError(t, conn.QueryRowContext(t.Context(), `SELECT @@autocommit`).Scan(&autocommit))
				require.Equal(t, 1, autocommit)
			}
		}
	})
}

// TestJournalFuncIgnoresWhatEndsNothing: an error that leaves the transaction as it is may be
// ignored, as that of a row which is there already.
func TestJournalFuncIgnoresWhatEndsNothing(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		m := newMerchant(t, db, dialect, newBank(sdk.Once))
		_, err := db.ExecContext(t.Context(), `CREATE TABLE crossing (id int PRIMARY KEY)`)
		require.NoError(t, err)
		m.also = func(ctx context.Context, tx journal.Tx, _ string) {
			for i, statement := range []string{`SAVEPOINT mine`, `INSERT INTO crossing VALUES (1)`, `INSERT INTO crossing VALUES (1)`, `ROLLBACK TO SAVEPOINT mine`} {
				_, err := tx.ExecContext(ctx, statement)
				require.Equal(t, i == 2, err != nil, "%s: %v", statement, err)
			}
		}
		m.mustPlan("a")
		m.again(3, time.Minute)
		require.Equal(t, []string{"planned", "sending", "accepted", "changed"}, m.history("a"))
		require.Equal(t, []string{"pending", "succeeded"}, m.changes("a"))
	})
}

// endTransaction runs a statement in a transaction that fails, and ends the transaction.
func endTransaction(ctx context.Context, t *testing.T, db *sql.DB, dialect journal.Dialect, tx journal.Tx) error {
	switch dialect {
	case journal.SQLite:
		_, err := tx.ExecContext(ctx, `INSERT OR ROLLBACK INTO crossing VALUES (1, 0)`)
		return err
	case journal.PostgreSQL:
		_, err := tx.ExecContext(ctx, `INSERT INTO crossing VALUES (1, 0)`)
		return err
	}
	// The other transaction has written more, so that it is not the one that gives way.
	other, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer func() { _ = other.Rollback() }()
	for i := range 100 {
		if _, err := other.ExecContext(ctx, fmt.Sprint(`INSERT INTO crossing VALUES (`, i+100, `, 0)`)); err != nil {
			t.Error(err)
		}
	}
	lock := func(tx journal.Tx, id int) error {
		_, err := tx.ExecContext(ctx, fmt.Sprint(`UPDATE crossing SET n = n + 1 WHERE id = `, id))
		return err
	}
	if err := lock(other, 1); err != nil {
		t.Error(err)
	}
	if err := lock(tx, 2); err != nil {
		t.Error(err)
	}
	crossed := make(chan error, 1)
	go func() { crossed <- lock(other, 2) }()
	err = lock(tx, 1)
	if err := <-crossed; err != nil {
		t.Error(err)
	}
	return err
}

// TestJournalDetailsAreGone: Purge takes the details of what is finished alone. Where those
// of another entry are gone all the same, what is owed is told, and what cannot go on is
// stuck with a reason. A person can act on it.
func TestJournalDetailsAreGone(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for name, test := range map[string]struct {
			script []string
			works  int // before the details go
			fails  int // in which of them the func fails; -1: in none
			state  journal.State
			told   []string
			act    journal.Do
			acted  string
		}{
			"planned":                     {nil, 0, -1, journal.StateStuck, []string{"stuck"}, journal.Cancel, "failed"},
			"open":                        {nil, 1, -1, journal.StateStuck, []string{"pending", "stuck"}, journal.Happened, "succeeded"},
			"open, and owed":              {nil, 1, 0, journal.StateStuck, []string{"pending", "stuck"}, journal.DidNot, "failed"},
			"final, and owed":             {nil, 3, 2, journal.StateFinal, []string{"pending", "succeeded"}, "", ""},
			"final":                       {nil, 3, -1, journal.StateFinal, []string{"pending", "succeeded"}, "", ""},
			"refused, and owed":           {[]string{"refuse"}, 1, 0, journal.StateRefused, []string{"failed"}, "", ""},
			"stuck, and owed":             {[]string{"lost"}, 1, 0, journal.StateStuck, []string{"stuck"}, journal.Happened, "succeeded"},
			"of a state of a new release": {nil, 1, -1, "paused", []string{"pending"}, "", ""},
		} {
			clear(t, db)
			m := newMerchant(t, db, dialect, newBank(sdk.Once, test.script...))
			m.mustPlan("a")
			for n := range test.works {
				if n == test.fails {
					m.fails = 1
				}
				m.work(time.Minute)
			}
			require.Zero(t, m.fails, name)
			if test.state == "paused" {
				_, err := db.ExecContext(t.Context(), `UPDATE journal_entries SET state = 'paused'`)
				require.NoError(t, err)
			}
			_, err := db.ExecContext(t.Context(), `DELETE FROM journal_details`)
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), `UPDATE journal_entries SET due_at = 1 WHERE due_at IS NULL`)
			require.NoError(t, err)
			for range 3 {
				m.work(time.Hour)
			}
			e := m.entry("a")
			require.Equal(t, test.state, e.State, "%s: %v", name, m.history("a"))
			require.Empty(t, e.Owed, name)
			require.Equal(t, test.told, m.changes("a"), name)
			if e.State == journal.StateStuck {
				require.Equal(t, journal.ReasonStored, e.Reason, name)
				require.Contains(t, e.Note, "gone", name)
				require.NoError(t, m.act("a", test.act), name)
				m.work(time.Hour)
				require.Equal(t, append(test.told, test.acted), m.changes("a"), name)
			} else {
				require.ErrorIs(t, m.act("a", journal.Retry), journal.ErrNotPossible, name)
			}
		}
	})
}
