package sqltest

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/kapiteni/kapiten-go/webhook"
)

// target is an inbox under test and the power over its time.
type target struct {
	webhook.Queue
	db *sql.DB // nil for memory
	// lapse ends all leases and makes all that is queued due.
	lapse func()
}

func (s target) sql() *webhook.SQLInbox { return s.Queue.(*webhook.SQLInbox) }

// onEach runs a test on every inbox there is.
func onEach(t *testing.T, test func(t *testing.T, s target)) {
	t.Run("memory", func(t *testing.T) { t.Parallel(); test(t, memory()) })
	onEachSQL(t, test)
}

func onEachSQL(t *testing.T, test func(t *testing.T, s target)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, sqlite(t)) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, postgres(t)) })
}

func memory() target {
	var mu sync.Mutex
	now := time.Now()
	return target{
		Queue: webhook.NewMemoryInbox(webhook.MemoryInboxConfig{Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}}),
		lapse: func() {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(time.Hour)
		},
	}
}

func postgres(t testing.TB) target {
	db, _ := openPostgres(t)
	return overSQL(t, db, webhook.Postgres)
}

func sqlite(t testing.TB) target {
	return overSQL(t, openSQLite(t), webhook.SQLite)
}

func openSQLite(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "shop.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	closeLater(t, db)
	return db
}

func overSQL(t testing.TB, db *sql.DB, dialect webhook.Dialect) target {
	t.Helper()
	for range 2 { // again changes nothing
		_, err := db.ExecContext(t.Context(), dialect.Migration())
		require.NoError(t, err)
	}
	inbox, err := webhook.NewSQLInbox(db, dialect)
	require.NoError(t, err)
	return target{Queue: inbox, db: db, lapse: func() {
		for _, statement := range []string{
			"UPDATE webhook_references SET leased_until = 1 WHERE leased_until > 0",
			"UPDATE webhook_events SET due_at = 1 WHERE status = 'queued'",
		} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
	}}
}
