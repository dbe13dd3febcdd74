package sqltest

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

// TestHandleTxIgnoresWhatEndsItsTransaction: a function that ignores an error which has
// ended its transaction has failed, whatever it returns. The sender comes again, and the
// event takes effect once.
func TestHandleTxIgnoresWhatEndsItsTransaction(t *testing.T) {
	for name, test := range map[string]struct {
		before []parcel
		event  parcel
	}{
		"the first event": {nil, parcel{"o1", "PENDING"}},
		"a later event":   {[]parcel{{"o1", "PENDING"}}, parcel{"o1", "ACCEPTED"}},
		// Its state is stored after the function has run.
		"a status of next year": {[]parcel{{"o1", "PENDING"}}, parcel{"o1", "A STATUS OF NEXT YEAR"}},
	} {
		for _, twin := range []bool{false, true} {
			if twin {
				name += ", which another process gets too"
			}
			t.Run(name, func(t *testing.T) {
				onEachSQL(t, func(t *testing.T, s target) { s.ignores(t, test.before, test.event, twin) })
			})
		}
	}
}

func (s target) ignores(t *testing.T, before []parcel, event parcel, twin bool) {
	s.exec(t, `CREATE TABLE crossing (id int PRIMARY KEY, n int)`)
	s.exec(t, `INSERT INTO crossing VALUES (1, 0), (2, 0)`)
	for _, p := range before {
		require.Equal(t, 200, post(s.handler(t, nil), p))
	}
	effects := func() int { return s.count(t, `SELECT count(*) FROM applied WHERE status = ?`, event.Status) }
	var reported error
	ignoring := s.handler(t, func(c *webhook.Config[parcel]) {
		c.Report = func(_ context.Context, err error) { reported = err }
		c.HandleTx = func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
			require.NoError(t, s.record(ctx, tx, ev))
			require.Error(t, endTransaction(ctx, t, s.db, journal.Dialect(s.dialect), tx))
			if twin { // it waits for the row no longer
				other, err := webhook.NewSQLInbox(s.db, s.dialect)
				require.NoError(t, err)
				require.Equal(t, 200, post(s.handler(t, func(c *webhook.Config[parcel]) { c.Inbox = other }), event))
			}
			// The function goes on all the same. SQLite keeps what it does then.
			if s.dialect != webhook.SQLite {
				_ = s.record(ctx, tx, ev)
			}
			return nil
		}
	})
	tries, effect := 3, 0
	if twin {
		tries, effect = 1, 1 // of the other process; the event is a duplicate then
	}
	for range tries {
		require.Equal(t, 500, post(ignoring, event))
		require.Equal(t, effect, effects())
		require.ErrorContains(t, reported, "its transaction had ended")
		require.NotErrorIs(t, reported, webhook.ErrUnavailable)
	}
	for range 3 {
		require.Equal(t, 200, post(s.handler(t, nil), event))
		require.Equal(t, 1, effects())
	}
	s.poolIsAsItWas(t)
}

// poolIsAsItWas: no connection of the merchant's keeps what the inbox has set.
func (s target) poolIsAsItWas(t *testing.T) {
	t.Helper()
	for range 5 {
		if s.dialect == webhook.MySQL {
			conn, err := s.db.Conn(t.Context())
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			autocommit := 0
			require.NoError(t, conn.QueryRowContext(t.Context(), `SELECT @@autocommit`).Scan(&autocommit))
			require.Equal(t, 1, autocommit)
		}
	}
}

// TestHandleTxIgnoresWhatEndsNothing: an error that leaves the transaction as it is may be
// ignored, as that of a row which is there already.
func TestHandleTxIgnoresWhatEndsNothing(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		s.exec(t, `CREATE TABLE crossing (id int PRIMARY KEY)`)
		s.db.SetMaxOpenConns(1)
		h := s.handler(t, func(c *webhook.Config[parcel]) {
			c.HandleTx = func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
				for i, statement := range []string{`SAVEPOINT mine`, `INSERT INTO crossing VALUES (1)`, `INSERT INTO crossing VALUES (1)`, `ROLLBACK TO SAVEPOINT mine`} {
					_, err := tx.ExecContext(ctx, statement)
					require.Equal(t, i == 2, err != nil, "%s: %v", statement, err)
				}
				return s.record(ctx, tx, ev)
			}
		})
		for i, status := range []string{"PENDING", "ACCEPTED", "A STATUS OF NEXT YEAR"} {
			for range 2 {
				assert.Equal(t, 200, post(h, parcel{"o1", status}))
				assert.Equal(t, i+1, s.count(t, `SELECT count(*) FROM applied`))
			}
		}
		s.db.SetMaxOpenConns(0)
		s.poolIsAsItWas(t)
	})
}
