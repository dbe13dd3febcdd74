package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
)

type sqlState string

func (s sqlState) Error() string    { return "refused" }
func (s sqlState) SQLState() string { return string(s) }

type sqliteCode int

func (c sqliteCode) Error() string { return "refused" }
func (c sqliteCode) Code() int     { return int(c) }

// MySQLError looks like that of github.com/go-sql-driver/mysql.
type MySQLError struct{ Number uint16 }

func (e *MySQLError) Error() string { return fmt.Sprintf("Error %d: refused", e.Number) }

func TestPassingErrorsOfEachDriver(t *testing.T) {
	for _, err := range []error{
		sqlState("40001"), sqlState("40P01"), sqliteCode(5), sqliteCode(6), sqliteCode(517),
		&MySQLError{1213}, &MySQLError{1205}, &MySQLError{1020},
		errors.New("database is locked"), errors.New("database table is locked: parcels"),
		fmt.Errorf("func: %w", sqlState("40001")), &sdk.Error{Cause: sqlState("40001")}, errors.Join(errors.New("x"), &MySQLError{1213}),
	} {
		require.True(t, Passing(err), "%v", err)
	}
	for _, err := range []error{
		nil, errors.New("40001"), errors.New("Error 1213: a text alone"), sqlState("23505"), sqlState("25P02"), sqliteCode(19), &MySQLError{1062},
		&sdk.Error{Message: "database is locked", Cause: errors.New("database is locked")},
		fmt.Errorf("func: database is locked: %w", &sdk.Error{}),
	} {
		require.False(t, Passing(err), "%v", err)
	}
}

func TestAgainEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		runs := 0
		require.ErrorIs(t, Again(ctx, func() error { runs++; return sqlState("40001") }), sqlState("40001"))
		require.Greater(t, runs, 3)
		require.Less(t, runs, 100, "the context ends it, not the bound")

		runs = 0
		require.NoError(t, Again(t.Context(), func() error {
			if runs++; runs < 3 {
				return sqlState("40001")
			}
			return nil
		}))
		require.Equal(t, 3, runs)
		require.ErrorIs(t, Again(t.Context(), func() error { runs++; return sqlState("23505") }), sqlState("23505"))
		require.Equal(t, 4, runs, "what will not pass is not repeated")

		// MySQL waits 50 s for a lock, and then says so.
		began := time.Now()
		runs = 0
		locked := &MySQLError{1205}
		require.ErrorIs(t, Again(t.Context(), func() error { runs++; time.Sleep(50 * time.Second); return locked }), locked)
		require.Equal(t, 2, runs)
		require.Less(t, time.Since(began), 2*time.Minute, "somebody waits for it")
	})
}

// COMMIT and ROLLBACK run beside their caller, which guards them against nothing.
func TestADriverThatPanicsAtTheEndEndsNoProcess(t *testing.T) {
	require.ErrorIs(t, Until(t.Context(), func() error { panic("password=hunter2") }), ErrPanic)
	require.NoError(t, Until(t.Context(), func() error { return nil }))
	require.ErrorIs(t, Until(t.Context(), func() error { return context.Canceled }), context.Canceled)
}

func TestWhatSaysThatATransactionHasEnded(t *testing.T) {
	for _, err := range []error{
		sql.ErrTxDone, sqlState("25P02"), &MySQLError{1305}, errors.New("SQL logic error: no such savepoint: webhook_handle_tx (1)"),
		errors.New("commit unexpectedly resulted in rollback"), errors.New("pq: Could not complete operation in a failed transaction"),
		fmt.Errorf("commit: %w", sqlState("25P02")),
	} {
		require.True(t, Ended(err), "%v", err)
	}
	for _, err := range []error{nil, sqlState("23505"), sqlState("40001"), &MySQLError{1213}, sqliteCode(5), context.Canceled} {
		require.False(t, Ended(err), "%v", err)
	}
}

func TestJitterIsShorterAndOfTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[time.Duration]bool{}
		for range 1000 {
			at := jitter(time.Second)
			if at < 0 || at >= time.Second || at != jitter(time.Second) {
				t.Fatal(at)
			}
			seen[at/(100*time.Millisecond)] = true
			time.Sleep(time.Microsecond)
		}
		if len(seen) != 10 {
			t.Error("not spread:", seen)
		}
	})
}
