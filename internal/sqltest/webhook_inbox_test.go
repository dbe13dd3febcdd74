package sqltest

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

func TestYourWritesAndTheMarkCommitTogether(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		h := s.handler(t, nil)
		for range 3 {
			assert.Equal(t, 200, post(h, parcel{"o1", "PENDING"}))
		}
		assert.Equal(t, 1, s.count(t, "SELECT count(*) FROM applied"))
		assert.Equal(t, 200, post(h, parcel{"o1", "ACCEPTED"}))
		assert.Equal(t, 200, post(h, parcel{"o1", "PENDING"}), "comes again, late")
		assert.Equal(t, 200, post(h, parcel{"o1", "WAITING_PAYMENT"}), "is stale")
		assert.Equal(t, 200, post(h, parcel{"O1 ", "PENDING"}), "another reference")
		assert.Equal(t, 3, s.count(t, "SELECT count(*) FROM applied"))
		assert.Equal(t, 2, s.count(t, "SELECT count(*) FROM webhook_inbox"))
	})
}

// Two accounts of one provider use references of their own, which may be equal.
func TestTwoAccountsShareATable(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		for i, account := range []string{"", "north", "south", strings.Repeat("a", 255-len("shop/"))} {
			h := s.handler(t, func(c *webhook.Config[parcel]) { c.Account = account })
			for range 2 {
				assert.Equal(t, 200, post(h, parcel{"order-1", "COMPLETED"}))
			}
			assert.Equal(t, i+1, s.count(t, "SELECT count(*) FROM applied"), "an account of %d letters", len(account))
		}
		assert.Equal(t, 1, s.count(t, "SELECT count(*) FROM webhook_inbox WHERE provider = 'shop'"), "rows from before there were accounts")
		assert.Equal(t, 1, s.count(t, "SELECT count(*) FROM webhook_inbox WHERE provider = 'shop/north'"))
	})
}

// Whatever comes, in whatever order, each database hands on what the memory inbox does.
func TestTheInboxesAgree(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		var inSQL, inMemory []string
		note := func(ev webhook.Event[parcel]) string {
			return fmt.Sprintf("%s %s -> %s: %s", ev.Reference, ev.Previous, ev.Status, ev.Transition)
		}
		h := s.handler(t, func(c *webhook.Config[parcel]) {
			c.HandleTx = func(_ context.Context, _ *sql.Tx, ev webhook.Event[parcel]) error {
				inSQL = append(inSQL, note(ev))
				return nil
			}
		})
		memory, err := webhook.New(parcels(), webhook.Config[parcel]{Auth: parcelAuth(), Handle: func(_ context.Context, ev webhook.Event[parcel]) error {
			inMemory = append(inMemory, note(ev))
			return nil
		}})
		require.NoError(t, err)
		both := func(p parcel) {
			require.Equal(t, post(memory, p), post(h, p))
			require.Equal(t, inMemory, inSQL)
		}
		feed := func(p parcel) {
			want, err := memory.Feed(t.Context(), p)
			require.NoError(t, err)
			got, err := h.Feed(t.Context(), p)
			require.NoError(t, err)
			require.Equal(t, want, got, p)
		}
		random := rand.New(rand.NewPCG(13, 13))
		statuses := append([]string{"REJECTED", "CANCELLED", "NEW", "NEWER", "é ☎"}, names(way)...)
		for range 400 {
			p := parcel{[]string{"o1", "o2", "o3", "o4", "o5", "o6", "free-1"}[random.IntN(7)], statuses[random.IntN(len(statuses))]}
			if random.IntN(3) == 0 {
				feed(p)
			} else {
				both(p)
			}
		}
		for i := range 150 { // more than are remembered
			both(parcel{"free-2", fmt.Sprint("event-", i)})
		}
		for _, i := range []int{149, 21, 23, 30, 0, 22, 23} {
			both(parcel{"free-2", fmt.Sprint("event-", i)})
		}
		assert.Greater(t, len(inSQL), 200)
	})
}

func names(statuses []kapiten.RideStatus) (texts []string) {
	for _, s := range statuses {
		texts = append(texts, string(s))
	}
	return texts
}

func TestYourWritesGoWhenYourFunctionFails(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		out := errors.New("out of stock")
		for _, fail := range []func() error{func() error { return out }, func() error { panic("out of range") }} {
			h := s.handler(t, func(c *webhook.Config[parcel]) {
				c.HandleTx = func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
					return errors.Join(s.record(ctx, tx, ev), fail())
				}
			})
			assert.Equal(t, 500, post(h, parcel{"o1", "PENDING"}))
			assert.Zero(t, s.count(t, "SELECT count(*) FROM applied"))
			assert.Zero(t, s.count(t, "SELECT count(*) FROM webhook_inbox"))
		}
		assert.Equal(t, 200, post(s.handler(t, nil), parcel{"o1", "PENDING"}), "nothing stands in its way")
		assert.Equal(t, 1, s.count(t, "SELECT count(*) FROM applied"))
	})
}

// With clientFoundRows, MySQL counts a row that stays as it is, too.
func TestADuplicateIsNoNewRowWithClientFoundRows(t *testing.T) {
	t.Parallel()
	s := inboxOn(t, "maria")
	s.dsn += "?clientFoundRows=true"
	s.db = s.open(t)
	inbox, err := webhook.NewSQLInbox(s.db, s.dialect)
	require.NoError(t, err)
	s.SQLInbox = inbox
	h := s.handler(t, nil)
	for range 4 {
		assert.Equal(t, 200, post(h, parcel{"o1", "PENDING"}))
		assert.Equal(t, 200, post(h, parcel{"o1", "WAITING_PAYMENT"}), "is stale")
	}
	assert.Equal(t, 1, s.count(t, "SELECT count(*) FROM applied"))
}

// Eight processes, each event to each of them, ten references at once.
func TestEveryEventTakesEffectOnceWithManyWriters(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		var writers sync.WaitGroup
		for range 8 {
			other := s
			other.db = s.open(t)
			inbox, err := webhook.NewSQLInbox(other.db, s.dialect)
			require.NoError(t, err)
			other.SQLInbox = inbox
			h := other.handler(t, nil)
			writers.Go(func() {
				for i := range 60 {
					for post(h, parcel{fmt.Sprint("free-", i%10), fmt.Sprint("event-", i/10)}) != 200 {
						if t.Context().Err() != nil {
							return
						}
					}
				}
			})
		}
		writers.Wait()
		assert.Equal(t, 60, s.count(t, "SELECT count(*) FROM applied"))
		assert.Equal(t, 60, s.count(t, "SELECT count(*) FROM (SELECT DISTINCT reference, status FROM applied) once"))
	})
}

// Any number of replicas may migrate at once, and again.
func TestMigrationsOfManyReplicasAtOnce(t *testing.T) {
	t.Parallel()
	for name := range dialects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := bare(t, name)
			require.ErrorIs(t, s.Check(t.Context()), webhook.ErrConfiguration, "no tables yet")
			var replicas sync.WaitGroup
			for range 8 {
				inbox, err := webhook.NewSQLInbox(s.open(t), s.dialect)
				require.NoError(t, err)
				replicas.Go(func() {
					assert.NoError(t, inbox.Migrate(t.Context()))
					assert.NoError(t, inbox.Check(t.Context()))
					assert.NoError(t, inbox.Migrate(t.Context()))
				})
			}
			replicas.Wait()
			assert.Equal(t, 1, s.count(t, "SELECT version FROM webhook_schema"))
		})
	}
}

// MySQL commits with each CREATE TABLE, so nothing but the lock keeps replicas apart.
func TestAMigrationOnMySQLWaitsForTheLock(t *testing.T) {
	t.Parallel()
	const lock = "CONCAT('webhook_', MD5(DATABASE()))"
	s, other := bare(t, "maria"), bare(t, "maria")
	hold := func(s target) *sql.Conn {
		conn, err := s.db.Conn(t.Context())
		require.NoError(t, err)
		var got int
		require.NoError(t, conn.QueryRowContext(t.Context(), "SELECT GET_LOCK("+lock+", 60)").Scan(&got))
		require.Equal(t, 1, got)
		return conn
	}
	elsewhere := hold(other) // another shop on the same server holds up nobody
	defer func() { _ = elsewhere.Close() }()
	conn := hold(s)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Migrate(ctx), context.DeadlineExceeded)
	assert.Zero(t, s.count(t, "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()"))
	_, err := conn.ExecContext(t.Context(), "DO RELEASE_LOCK("+lock+")")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	s.db.SetMaxOpenConns(1)
	require.NoError(t, s.Migrate(t.Context()))
	assert.Zero(t, s.count(t, "SELECT COALESCE(IS_USED_LOCK("+lock+") = CONNECTION_ID(), 0)"), "it has released the lock")
}

// The lock is named after the database: without one there is none to wait for.
func TestMigrateOnMySQLNeedsADatabase(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("mysql", mariaDSN(""))
	require.NoError(t, err)
	closeLater(t, db)
	inbox, err := webhook.NewSQLInbox(db, webhook.MySQL)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.ErrorContains(t, inbox.Migrate(ctx), "names no database")
	require.ErrorContains(t, journal.Migrate(ctx, db, journal.MySQL), "names no database")
}

func TestCheckRefusesWhatWouldRepeatEffects(t *testing.T) {
	t.Parallel()
	for name := range dialects {
		for what, spoil := range map[string][]string{
			"no tables":      {`DROP TABLE webhook_inbox`, `DROP TABLE webhook_schema`},
			"an older table": {`UPDATE webhook_schema SET version = 0`},
			"a newer table":  {`UPDATE webhook_schema SET version = 99`},
			"a foreign table": {`DROP TABLE webhook_inbox`,
				`CREATE TABLE webhook_inbox (provider varchar(50), reference varchar(50), state varchar(50), seen varchar(50), revision bigint, touched_day bigint)`},
			"a table of another shape": {`DROP TABLE webhook_inbox`, `CREATE TABLE webhook_inbox (id bigint PRIMARY KEY)`},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				s := inboxOn(t, name)
				for _, statement := range spoil {
					s.exec(t, statement)
				}
				err := s.Check(t.Context())
				require.ErrorIs(t, err, webhook.ErrConfiguration)
				t.Log(err)

				// Who forgets to check is told by the first delivery, and nothing happens.
				inbox, err := webhook.NewSQLInbox(s.db, s.dialect)
				require.NoError(t, err)
				s.SQLInbox = inbox
				var said atomic.Value
				h := s.handler(t, func(c *webhook.Config[parcel]) {
					c.Report = func(_ context.Context, err error) { said.Store(err.Error()) }
				})
				assert.Equal(t, 503, post(h, parcel{"o1", "PENDING"}))
				assert.Contains(t, said.Load(), "SQLInbox")
				assert.Zero(t, s.count(t, "SELECT count(*) FROM applied"))
			})
		}
	}
}

func TestCheckRefusesSQLiteWithoutABusyTimeout(t *testing.T) {
	t.Parallel()
	s := inboxOn(t, "sqlite")
	s.dsn, _, _ = strings.Cut(s.dsn, "?")
	inbox, err := webhook.NewSQLInbox(s.open(t), webhook.SQLite)
	require.NoError(t, err)
	require.ErrorContains(t, inbox.Check(t.Context()), "busy_timeout")
}

func TestPgBouncerInTransactionModeWorksOrCheckSaysWhatToSet(t *testing.T) {
	t.Parallel()
	s := inboxOn(t, "postgres")
	schema := s.dsn[strings.LastIndex(s.dsn, "=")+1:]
	bouncer, err := newCluster(func(dir string) ([]string, error) {
		text := "[databases]\npostgres = host=" + *server + " user=merchant connect_query='SET search_path = " + schema + "'\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = " + dir +
			"\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n"
		return []string{"true"}, os.WriteFile(filepath.Join(dir, "inbox.ini"), []byte(text), 0o644) //nolint:gosec // another user reads it
	}, func(dir string) ([]string, error) {
		path, err := installed("pgbouncer")
		return []string{path, filepath.Join(dir, "inbox.ini")}, err
	}, "INT")
	require.NoError(t, err)
	t.Cleanup(bouncer.remove)
	dsn := fmt.Sprintf("host=%s port=6432 user=merchant dbname=postgres sslmode=disable", bouncer.dir)
	require.NoError(t, bouncer.start(await("pgx", dsn+" default_query_exec_mode=exec")))

	s.dsn = dsn
	inbox, err := webhook.NewSQLInbox(s.open(t), webhook.PostgreSQL)
	require.NoError(t, err)
	err = inbox.Check(t.Context())
	require.ErrorIs(t, err, webhook.ErrConfiguration)
	require.ErrorContains(t, err, "default_query_exec_mode=exec")

	s.dsn += " default_query_exec_mode=exec"
	s.db = s.open(t)
	s.SQLInbox, err = webhook.NewSQLInbox(s.db, webhook.PostgreSQL)
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.Check(t.Context()))
	h := s.handler(t, nil)
	var senders sync.WaitGroup
	for i := range 16 {
		senders.Go(func() {
			for n := range 25 {
				assert.Equal(t, 200, post(h, parcel{fmt.Sprint("free-", i), fmt.Sprint("event-", n)}))
			}
		})
	}
	senders.Wait()
	assert.Equal(t, 400, s.count(t, "SELECT count(*) FROM applied"))
}

// A database that makes all transactions serializable, or that kills one of two in a
// deadlock, asks for a repetition. The sender does not notice.
func TestSerializationFailuresAndDeadlocksAreRepeatedInside(t *testing.T) {
	t.Parallel()
	t.Run("serializable by default", func(t *testing.T) {
		t.Parallel()
		s := inboxOn(t, "postgres")
		s.dsn += " default_transaction_isolation=serializable"
		s.db = s.open(t)
		inbox, err := webhook.NewSQLInbox(s.db, webhook.PostgreSQL)
		require.NoError(t, err)
		s.SQLInbox = inbox
		var runs atomic.Int32
		both := make(chan struct{})
		h := s.handler(t, func(c *webhook.Config[parcel]) {
			c.HandleTx = func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
				run := runs.Add(1)
				var n int
				if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM applied").Scan(&n); err != nil {
					return err
				}
				// The first two have both read before one writes, so one must be repeated.
				if run == 2 {
					close(both)
				}
				if run <= 2 {
					<-both
				}
				return s.record(ctx, tx, ev)
			}
		})
		var senders sync.WaitGroup
		for i := range 8 {
			senders.Go(func() {
				for n := range 10 {
					assert.Equal(t, 200, post(h, parcel{fmt.Sprint("free-", i), fmt.Sprint("event-", n)}))
				}
			})
		}
		senders.Wait()
		assert.Equal(t, 80, s.count(t, "SELECT count(*) FROM applied"))
		assert.Greater(t, runs.Load(), int32(80))
	})
	for _, name := range []string{"postgres", "maria"} {
		t.Run("deadlocks on "+name, func(t *testing.T) {
			t.Parallel()
			s := inboxOn(t, name)
			s.exec(t, "INSERT INTO parcels (reference, status, place, backwards) VALUES ('a', '', 0, 0), ('b', '', 0, 0)")
			var runs atomic.Int32
			h := s.handler(t, func(c *webhook.Config[parcel]) {
				c.Timeout = 5 * time.Minute // each deadlock costs PostgreSQL a second
				c.HandleTx = func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
					runs.Add(1)
					order := []string{"a", "b"}
					if strings.HasSuffix(ev.Reference, "1") {
						slices.Reverse(order)
					}
					for _, reference := range order {
						if _, err := tx.ExecContext(ctx, s.sql("UPDATE parcels SET place = place + 1 WHERE reference = ?"), reference); err != nil {
							return err
						}
						// Whoever is second has time to take the other row.
						if _, err := tx.ExecContext(ctx, "SELECT count(*) FROM applied, applied x"); err != nil {
							return err
						}
					}
					return nil
				}
			})
			var senders sync.WaitGroup
			for i := range 4 {
				senders.Go(func() {
					for n := range 8 {
						status := 0 // who lost too often hears 503, and delivers again
						for tries := 0; tries < 10 && status != 200; tries++ {
							status = post(h, parcel{fmt.Sprint("free-", n, i%2), fmt.Sprint("event-", i)})
						}
						assert.Equal(t, 200, status)
					}
				})
			}
			senders.Wait()
			assert.Equal(t, 32, s.count(t, "SELECT place FROM parcels WHERE reference = 'a'"))
		})
	}
}

// says is an error as drivers show it, which may ask to repeat the transaction.
type says struct{ text, state string }

func (e says) Error() string    { return e.text }
func (e says) SQLState() string { return e.state }

// coded is an error as modernc.org/sqlite shows it.
type coded int

func (c coded) Error() string { return fmt.Sprintf("sqlite: %d", int(c)) }
func (c coded) Code() int     { return int(c) }

func TestWhatDriversAskToRepeatIsRepeated(t *testing.T) {
	t.Parallel()
	s := inboxOn(t, "sqlite")
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"PostgreSQL, serialization": {says{"could not serialize", "40001"}, 200},
		"PostgreSQL, deadlock":      {says{"deadlock detected", "40P01"}, 200},
		"PostgreSQL, unique":        {says{"duplicate key", "23505"}, 500},
		"MySQL, deadlock":           {&mysql.MySQLError{Number: 1213, Message: "Deadlock found"}, 200},
		"MySQL, lock wait":          {&mysql.MySQLError{Number: 1205, Message: "Lock wait timeout exceeded"}, 200},
		"MySQL, duplicate":          {&mysql.MySQLError{Number: 1062, Message: "Duplicate entry"}, 500},
		"SQLite, busy":              {coded(5), 200},
		"SQLite, an old snapshot":   {coded(5 | 2<<8), 200},
		"SQLite, locked":            {coded(6), 200},
		"SQLite, constraint":        {coded(19), 500},
		"another SQLite driver":     {errors.New("database is locked"), 200},
		"the same, a table":         {errors.New("database table is locked: parcels"), 200},
	} {
		t.Run(name, func(t *testing.T) {
			runs := 0
			h := s.handler(t, func(cfg *webhook.Config[parcel]) {
				cfg.HandleTx = func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
					if runs++; runs < 3 {
						return fmt.Errorf("shop: %w", c.err)
					}
					return s.record(ctx, tx, ev)
				}
			})
			assert.Equal(t, c.want, post(h, parcel{"free-" + name, "PAID"}))
			assert.Equal(t, map[int]int{200: 3, 500: 1}[c.want], runs)
		})
	}
}

// A claim has a bound in time, whatever holds the table or the row, and leaves nothing
// behind when it is reached.
func TestALockedTableIsAnswered(t *testing.T) {
	t.Parallel()
	for name, lock := range map[string]string{
		"postgres": "LOCK TABLE webhook_inbox IN ACCESS EXCLUSIVE MODE",
		"maria":    "LOCK TABLES webhook_inbox WRITE",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inboxOn(t, name)
			conn, err := s.open(t).Conn(t.Context())
			require.NoError(t, err)
			_, err = conn.ExecContext(t.Context(), "BEGIN")
			require.NoError(t, err)
			_, err = conn.ExecContext(t.Context(), lock)
			require.NoError(t, err)
			h := s.handler(t, func(c *webhook.Config[parcel]) { c.Wait = 300 * time.Millisecond })
			began := time.Now()
			var senders sync.WaitGroup
			for i := range 8 {
				senders.Go(func() { assert.Equal(t, 503, post(h, parcel{fmt.Sprint("o", i), "PENDING"})) })
			}
			senders.Wait()
			assert.Less(t, time.Since(began), 15*time.Second)
			require.NoError(t, conn.Close())
			if name == "maria" {
				s.exec(t, "UNLOCK TABLES")
			}
		})
	}
}

// A status that the API takes back at the second question leaves no trace, and a status
// that it repeats is handed on, on every database.
func TestWhatTheAPIDoesNotRepeatIsRolledBack(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		var says []kapiten.RideStatus
		source := parcels()
		source.Ask = func(_ context.Context, about webhook.Identity) (parcel, error) {
			p := parcel{about.Reference, string(says[0])}
			says = says[1:]
			return p, nil
		}
		h, err := webhook.New(source, webhook.Config[parcel]{
			Auth: parcelAuth(), Inbox: s.SQLInbox, HandleTx: s.record,
			Known: func(context.Context, string) (bool, error) { return true, nil },
		})
		require.NoError(t, err)
		for _, step := range []struct {
			says  []kapiten.RideStatus
			state kapiten.RideStatus
			told  int
		}{
			{[]kapiten.RideStatus{kapiten.RideCompleted}, kapiten.RideCompleted, 1},
			{[]kapiten.RideStatus{kapiten.RideCancelled, kapiten.RideCompleted}, kapiten.RideCompleted, 1},
			{[]kapiten.RideStatus{kapiten.RideCancelled, kapiten.RideCancelled}, kapiten.RideCancelled, 2},
			{[]kapiten.RideStatus{kapiten.RideCompleted, kapiten.RideCancelled}, kapiten.RideCancelled, 2},
			{[]kapiten.RideStatus{kapiten.RideCompleted, kapiten.RideCompleted}, kapiten.RideCompleted, 3},
		} {
			says = step.says
			assert.Equal(t, 200, post(h, parcel{"o1", string(kapiten.RidePending)}))
			assert.Empty(t, says)
			assert.Equal(t, 1, s.count(t, "SELECT count(*) FROM webhook_inbox WHERE state = ?", string(step.state)), step.state)
			assert.Equal(t, step.told, s.count(t, "SELECT count(*) FROM applied"))
		}
	})
}

// A delivery is answered although its COMMIT or ROLLBACK is not: by a server that a
// backup holds, or over a network that died.
func TestAnEndOfATransactionThatHangsIsAnswered(t *testing.T) {
	t.Parallel()
	answered := func(t *testing.T, s target, end error, hang func()) {
		t.Helper()
		h := s.handler(t, func(c *webhook.Config[parcel]) {
			c.Timeout = time.Second
			c.HandleTx = func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
				err := s.record(ctx, tx, ev)
				hang()
				return cmp.Or(end, err)
			}
		})
		code := make(chan int, 1)
		go func() { code <- post(h, parcel{"o1", "PENDING"}) }()
		select {
		case got := <-code:
			assert.Contains(t, []int{500, 503}, got)
		case <-time.After(15 * time.Second):
			t.Error("no response, at a Timeout of one second")
		}
	}
	t.Run("a backup of maria", func(t *testing.T) {
		t.Parallel()
		c, err := newCluster(initMaria, mariaArgs, "TERM")
		require.NoError(t, err)
		t.Cleanup(c.remove)
		s := target{dialect: webhook.MySQL, driver: "mysql", dsn: "root@unix(" + c.dir + "/socket)/mysql"}
		require.NoError(t, c.start(await(s.driver, s.dsn)))
		s.db = s.open(t)
		s.SQLInbox, err = webhook.NewSQLInbox(s.db, s.dialect)
		require.NoError(t, err)
		require.NoError(t, s.Migrate(t.Context()))
		s.exec(t, `CREATE TABLE applied (reference varchar(255) NOT NULL, status varchar(255) NOT NULL, worker bigint NOT NULL) ENGINE = InnoDB`)
		backup, err := s.open(t).Conn(t.Context())
		require.NoError(t, err)
		answered(t, s, nil, func() {
			_, err := backup.ExecContext(t.Context(), "FLUSH TABLES WITH READ LOCK")
			assert.NoError(t, err)
		})
		_, err = backup.ExecContext(t.Context(), "UNLOCK TABLES")
		require.NoError(t, err)
		assert.Equal(t, 200, post(s.handler(t, nil), parcel{"o1", "PENDING"}), "comes again")
		assert.Equal(t, 1, s.count(t, "SELECT count(*) FROM applied"), "whether or not the COMMIT went on")
	})
	for _, name := range []string{"postgres", "maria"} {
		for how, end := range map[string]error{"commit": nil, "rollback": errors.New("no such order")} {
			t.Run("a dead network to "+name+" at "+how, func(t *testing.T) {
				t.Parallel()
				s := inboxOn(t, name)
				plain, network := s.db, &mortal{}
				t.Cleanup(network.close)
				s.db = network.open(t, s)
				inbox, err := webhook.NewSQLInbox(s.db, s.dialect)
				require.NoError(t, err)
				s.SQLInbox = inbox
				require.NoError(t, s.Check(t.Context()))
				answered(t, s, end, network.die)
				s.db = plain
				assert.Zero(t, s.count(t, "SELECT count(*) FROM applied"))
			})
		}
	}
}

// mortal is a network that dies: it takes what is written, and nothing comes back.
type mortal struct {
	mu    sync.Mutex
	dead  bool
	conns []net.Conn
}

func (m *mortal) open(t *testing.T, s target) *sql.DB {
	t.Helper()
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.conns = append(m.conns, conn)
		return mortalConn{conn, m}, nil
	}
	var db *sql.DB
	if s.driver == "pgx" {
		cfg, err := pgx.ParseConfig(s.dsn)
		require.NoError(t, err)
		cfg.DialFunc = dial
		db = stdlib.OpenDB(*cfg)
	} else {
		cfg, err := mysql.ParseDSN(s.dsn)
		require.NoError(t, err)
		network := cfg.Net
		cfg.DialFunc = func(ctx context.Context, _, address string) (net.Conn, error) { return dial(ctx, network, address) }
		connector, err := mysql.NewConnector(cfg)
		require.NoError(t, err)
		db = sql.OpenDB(connector)
	}
	closeLater(t, db)
	return db
}

func (m *mortal) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
}

func (m *mortal) isDead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

func (m *mortal) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		_ = c.Close()
	}
}

type mortalConn struct {
	net.Conn
	network *mortal
}

func (c mortalConn) Write(p []byte) (int, error) {
	if c.network.isDead() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// While one process works on an event, another's copy waits, gets 503, and then the
// same acknowledgement. A flood of copies takes one connection per process.
func TestACopyElsewhereWaitsAndIsThenADuplicate(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postgres", "maria"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inboxOn(t, name)
			other := s
			other.db = s.open(t)
			inbox, err := webhook.NewSQLInbox(other.db, s.dialect)
			require.NoError(t, err)
			other.SQLInbox = inbox
			begun, proceed := make(chan struct{}), make(chan struct{})
			h := s.handler(t, func(c *webhook.Config[parcel]) {
				c.HandleTx = func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
					close(begun)
					<-proceed
					return s.record(ctx, tx, ev)
				}
			})
			hasty := other.handler(t, func(c *webhook.Config[parcel]) { c.Wait = 200 * time.Millisecond })
			patient := other.handler(t, nil)
			var senders sync.WaitGroup
			senders.Go(func() { assert.Equal(t, 200, post(h, parcel{"o1", "PENDING"})) })
			<-begun
			assert.Equal(t, 503, post(hasty, parcel{"o1", "PENDING"}))
			for range 20 {
				senders.Go(func() { assert.Equal(t, 200, post(patient, parcel{"o1", "PENDING"})) })
			}
			assert.LessOrEqual(t, other.db.Stats().InUse, 1)
			assert.Equal(t, 200, post(patient, parcel{"o2", "PENDING"}), "others are free")
			close(proceed)
			senders.Wait()
			assert.Equal(t, 1, s.count(t, "SELECT count(*) FROM applied WHERE reference = 'o1'"))
		})
	}
}

// Copies that wait for one another in a process hold no connection and ask nothing.
func TestACopyInOneProcessWaitsOutsideTheDatabase(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		var said tap
		s = said.inbox(t, s)
		begun, proceed := make(chan struct{}), make(chan struct{})
		h := s.handler(t, func(c *webhook.Config[parcel]) {
			c.HandleTx = func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
				close(begun)
				<-proceed
				return s.record(ctx, tx, ev)
			}
		})
		hasty := s.handler(t, func(c *webhook.Config[parcel]) { c.Wait = 100 * time.Millisecond })
		var sender sync.WaitGroup
		sender.Go(func() { assert.Equal(t, 200, post(h, parcel{"o1", "PENDING"})) })
		<-begun
		said.take()
		var copies sync.WaitGroup
		for range 5 {
			copies.Go(func() { assert.Equal(t, 503, post(hasty, parcel{"o1", "PENDING"})) })
		}
		copies.Wait()
		assert.Empty(t, said.take())
		assert.Equal(t, 1, s.db.Stats().InUse)
		close(proceed)
		sender.Wait()
	})
}

func TestPurgeForgetsOnlyWhatIsOld(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		h := s.handler(t, nil)
		for i := range 5 {
			require.Equal(t, 200, post(h, parcel{fmt.Sprint("o", i), "PENDING"}))
		}
		n, err := s.Purge(t.Context(), 24*time.Hour)
		require.NoError(t, err)
		assert.Zero(t, n, "nothing is old")
		s.exec(t, "UPDATE webhook_inbox SET touched_day = touched_day - 3 WHERE reference <> 'o0'")
		n, err = s.Purge(t.Context(), 72*time.Hour)
		require.NoError(t, err)
		assert.Zero(t, n)
		n, err = s.Purge(t.Context(), 48*time.Hour)
		require.NoError(t, err)
		assert.EqualValues(t, 4, n)
		assert.Equal(t, 1, s.count(t, "SELECT count(*) FROM webhook_inbox"))
		_, err = s.Purge(t.Context(), 0)
		require.ErrorIs(t, err, webhook.ErrConfiguration)

		s.fill(t, 2500) // more than two batches
		n, err = s.Purge(t.Context(), 24*time.Hour)
		require.NoError(t, err)
		assert.EqualValues(t, 2500, n)
	})
}

// A duplicate keeps its reference from being forgotten, and writes once a day at most.
// A reference that is asked about every day takes effect once, however old it is.
func TestADuplicateRenewsItsReference(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		var said tap
		watched := said.inbox(t, s)
		h := watched.handler(t, nil)
		require.Equal(t, 200, post(h, parcel{"asked", "COMPLETED"}))
		require.Equal(t, 200, post(h, parcel{"left", "COMPLETED"}))
		touched := func(reference string) int {
			return s.count(t, "SELECT touched_day FROM webhook_inbox WHERE reference = ?", reference)
		}
		now := touched("asked")
		for name, again := range map[string]func(status string){
			"the API": func(status string) {
				_, err := h.Feed(t.Context(), parcel{"asked", status})
				require.NoError(t, err)
			},
			"a delivery": func(status string) { require.Equal(t, 200, post(h, parcel{"asked", status})) },
		} {
			for _, status := range []string{"COMPLETED", "PENDING"} {
				s.exec(t, "UPDATE webhook_inbox SET touched_day = touched_day - 1")
				again(status)
				assert.Equal(t, now, touched("asked"), "%s says %s", name, status)
				said.take()
				again(status)
				for _, each := range said.take() {
					assert.NotEqual(t, "COMMIT", each.text, "%s says %s again on that day", name, status)
				}
			}
		}
		n, err := watched.Purge(t.Context(), 48*time.Hour)
		require.NoError(t, err)
		assert.EqualValues(t, 1, n, "nobody asked about it")
		assert.Equal(t, 2, s.count(t, "SELECT count(*) FROM applied"))
		require.Equal(t, 200, post(h, parcel{"left", "COMPLETED"}))
		require.Equal(t, 200, post(h, parcel{"asked", "COMPLETED"}))
		assert.Equal(t, 1, s.count(t, "SELECT count(*) FROM applied WHERE reference = 'asked'"))
		assert.Equal(t, 2, s.count(t, "SELECT count(*) FROM applied WHERE reference = 'left'"))
	})
}

// A claim cuts what was seen as the memory does, so that no later event costs a
// statement more.
func TestAnEventCostsTheSameHoweverManyWereSeen(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		var said tap
		s = said.inbox(t, s)
		h := s.handler(t, nil)
		var cost []int
		for i := range 140 { // more than are remembered
			said.take()
			require.Equal(t, 200, post(h, parcel{"free-1", fmt.Sprint("event-", i)}))
			cost = append(cost, len(said.take()))
		}
		assert.Equal(t, cost[10], cost[139])
	})
}

// fill adds references that were finished long ago.
func (s target) fill(t testing.TB, n int) {
	t.Helper()
	series := map[webhook.Dialect]string{
		webhook.PostgreSQL: "SELECT g FROM generate_series(1, ?::int) g",
		webhook.MySQL:      "SELECT seq AS g FROM seq_1_to_" + fmt.Sprint(n) + " WHERE seq <= ?",
		webhook.SQLite:     "WITH RECURSIVE c (g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM c WHERE g < ?) SELECT g FROM c",
	}[s.dialect]
	number := map[webhook.Dialect]string{webhook.PostgreSQL: "'old-' || g", webhook.SQLite: "'old-' || g", webhook.MySQL: "concat('old-', g)"}[s.dialect]
	s.exec(t, "INSERT INTO webhook_inbox (provider, reference, state, seen, touched_day) SELECT 'shop', "+number+", 'COMPLETED', '0123456789abcdef', 1 + g % 20000 FROM ("+series+") s", n)
	s.exec(t, map[webhook.Dialect]string{webhook.PostgreSQL: "ANALYZE webhook_inbox", webhook.SQLite: "ANALYZE", webhook.MySQL: "ANALYZE TABLE webhook_inbox"}[s.dialect])
}

// Every statement is explained: none reads the table from one end to the other. On
// PostgreSQL an event takes at most five statements, your function's one and BEGIN and
// COMMIT included. SQLite has two more, which see whether your function has kept the
// transaction. MySQL has four more: two turn autocommit off and on.
func TestEveryStatementHasAnIndexAndAnEventHasFew(t *testing.T) {
	rows := 20_000
	if os.Getenv("KAPITEN_FULL") != "" {
		rows = 1_000_000
	}
	onEachSQL(t, func(t *testing.T, s target) {
		s.fill(t, rows)
		sp := &tap{}
		watched := sp.inbox(t, s)
		h := watched.handler(t, nil)
		kinds := map[string]statement{}
		for _, p := range []struct {
			parcel
			postgres, mysql, sqlite int
		}{
			{parcel{"o1", "PENDING"}, 4, 8, 6},
			{parcel{"o1", "ACCEPTED"}, 4, 9, 6}, // MySQL says in a second statement what it has stored
			{parcel{"o1", "ACCEPTED"}, 4, 7, 5},
			{parcel{"o1", "PENDING"}, 4, 7, 5},
			{parcel{"free-1", "PENDING"}, 4, 8, 6},
			{parcel{"free-1", "ACCEPTED"}, 4, 9, 6},
			// A status that the table of states does not name has to be compared first.
			{parcel{"o1", "A STATUS OF NEXT YEAR"}, 5, 10, 8},
		} {
			require.Equal(t, 200, post(h, p.parcel))
			said := sp.take()
			most := map[webhook.Dialect]int{webhook.PostgreSQL: p.postgres, webhook.MySQL: p.mysql, webhook.SQLite: p.sqlite}[s.dialect]
			assert.LessOrEqual(t, len(said), most, "%v", said)
			for _, each := range said {
				kinds[each.text] = each
			}
		}
		_, err := watched.Purge(t.Context(), 20_000*24*time.Hour)
		require.NoError(t, err)
		for _, each := range sp.take() {
			kinds[each.text] = each
		}
		explained := 0
		for text, each := range kinds {
			if !strings.Contains(text, "webhook_inbox") {
				continue
			}
			explained++
			if s.dialect == webhook.MySQL && strings.HasPrefix(text, "INSERT") {
				// EXPLAIN says ALL of every INSERT. What is read shows that it finds its row by the key.
				assert.LessOrEqual(t, s.reads(t, each), 3, text)
				continue
			}
			plan := s.explain(t, each)
			for _, scan := range []string{"Seq Scan", "SCAN webhook_inbox", "SCAN i", "|ALL|"} {
				assert.NotContains(t, plan, scan, text)
			}
		}
		assert.Equal(t, 4, explained, "claim, read, store and purge")
	})
}

// reads is how many rows MariaDB reads for a statement, which is undone.
func (s target) reads(t testing.TB, each statement) int {
	t.Helper()
	tx, err := s.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	read := func() (n int) {
		rows, err := tx.QueryContext(t.Context(), `SHOW SESSION STATUS LIKE 'Handler_read%'`)
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var (
				name  string
				count int
			)
			require.NoError(t, rows.Scan(&name, &count))
			n += count
		}
		require.NoError(t, rows.Err())
		return n
	}
	first, second := read(), read() // asking reads rows too
	_, err = tx.ExecContext(t.Context(), each.text, each.args...)
	require.NoError(t, err)
	return read() - second - (second - first)
}

func (s target) explain(t testing.TB, each statement) string {
	t.Helper()
	word := map[webhook.Dialect]string{webhook.PostgreSQL: "EXPLAIN ", webhook.MySQL: "EXPLAIN ", webhook.SQLite: "EXPLAIN QUERY PLAN "}[s.dialect]
	rows, err := s.db.QueryContext(t.Context(), word+each.text, each.args...)
	require.NoError(t, err, each.text)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var plan strings.Builder
	for rows.Next() {
		cells, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		require.NoError(t, rows.Scan(into...))
		for _, cell := range cells {
			plan.WriteString("|" + cell.String)
		}
		plan.WriteString("|\n")
	}
	require.NoError(t, rows.Err())
	return plan.String()
}

func TestADatabaseThatIsAwayIsAnErrorNotALoss(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		h := s.handler(t, nil)
		require.NoError(t, s.db.Close())
		assert.Equal(t, 503, post(h, parcel{"o1", "PENDING"}))
		_, err := s.Purge(t.Context(), time.Hour)
		require.Error(t, err)
		require.Error(t, s.Migrate(t.Context()))
		err = s.Check(t.Context())
		require.Error(t, err)
		t.Log(err)
		require.NotErrorIs(t, err, webhook.ErrConfiguration, "the tables may well be there")
		_, err = journal.Open(t.Context(), s.db, journal.Dialect(s.dialect), journal.Config{OnlyCheck: true})
		require.Error(t, err)
		require.NotErrorIs(t, err, journal.ErrConfiguration)
	})
}

func TestNewSQLInboxRefusesWhatCannotWork(t *testing.T) {
	_, err := webhook.NewSQLInbox(nil, webhook.PostgreSQL)
	require.ErrorIs(t, err, webhook.ErrConfiguration)
	_, err = webhook.NewSQLInbox(new(sql.DB), "oracle")
	require.ErrorIs(t, err, webhook.ErrConfiguration)
}
