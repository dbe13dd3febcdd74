package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is a driver that writes down what it is told, and refuses one statement.
type server struct {
	said    []string
	refuses string
}

func (s *server) Connect(context.Context) (driver.Conn, error) { return s, nil }
func (s *server) Driver() driver.Driver                        { return nil }
func (s *server) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("not here") }
func (s *server) Begin() (driver.Tx, error)                    { return s, s.say("begin") }
func (s *server) Commit() error                                { return s.say("commit") }
func (s *server) Rollback() error                              { return s.say("rollback") }
func (s *server) Close() error                                 { return s.say("close") }

func (s *server) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(0), s.say(query)
}

func (s *server) say(what string) error {
	s.said = append(s.said, what)
	if what == s.refuses {
		return errors.New("refused")
	}
	return nil
}

// A connection goes back to its pool as it was, or is closed. Turning autocommit on would
// commit what is open, so ROLLBACK comes first unless all went well.
func TestGuardedGivesTheConnectionBackAsItWas(t *testing.T) {
	const off, on = "SET autocommit = 0", "SET autocommit = 1"
	failing := errors.New("no such order")
	for name, test := range map[string]struct {
		dialect Dialect
		refuses string
		result  error
		said    []string
	}{
		"all is well":               {MySQL, "", nil, []string{off, "begin", "commit", on}},
		"the function fails":        {MySQL, "", failing, []string{off, "begin", "rollback", "ROLLBACK", on}},
		"the COMMIT fails":          {MySQL, "commit", nil, []string{off, "begin", "commit", "ROLLBACK", on}},
		"the ROLLBACK fails":        {MySQL, "ROLLBACK", failing, []string{off, "begin", "rollback", "ROLLBACK", "close"}},
		"autocommit cannot be off":  {MySQL, off, nil, []string{off, "ROLLBACK", on}},
		"autocommit cannot be on":   {MySQL, on, nil, []string{off, "begin", "commit", on, "close"}},
		"PostgreSQL needs no guard": {PostgreSQL, "", nil, []string{"begin", "commit"}},
		"SQLite needs no guard":     {SQLite, "", failing, []string{"begin", "rollback"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{refuses: test.refuses}
			db := sql.OpenDB(s)
			err := Guarded(t.Context(), db, test.dialect, time.Minute, func(on Beginner) error {
				tx, err := on.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				if test.result != nil {
					require.NoError(t, tx.Rollback())
					return test.result
				}
				return tx.Commit()
			})
			require.Equal(t, test.said, s.said)
			require.Equal(t, test.result != nil || test.refuses == off || test.refuses == "commit", err != nil, "%v", err)
			require.NoError(t, db.Close())
		})
	}
}

// Whoever has hung up leaves the connection as it was. A deadline bounds the end too.
func TestGuardedEndsWithTheDeadlineAndNotWithTheCaller(t *testing.T) {
	ctx, hangUp := context.WithCancel(t.Context())
	s := &server{}
	db := sql.OpenDB(s)
	require.NoError(t, Guarded(ctx, db, MySQL, time.Minute, func(Beginner) error { hangUp(); return nil }))
	require.Equal(t, []string{"SET autocommit = 0", "SET autocommit = 1"}, s.said)
	require.NoError(t, db.Close())

	for _, within := range []time.Duration{time.Second, time.Hour} {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		ending, cancel := endOf(ctx, time.Minute)
		defer cancel()
		deadline, ok := ending.Deadline()
		require.True(t, ok)
		require.LessOrEqual(t, time.Until(deadline), min(within, time.Minute))
	}
}
