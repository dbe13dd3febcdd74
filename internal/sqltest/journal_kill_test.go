package sqltest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

const (
	providersVariable = "SQLTEST_PROVIDERS" // addresses by flow, as JSON
	dialectVariable   = "SQLTEST_DIALECT"
)

// TestJournalProcesses: four processes share the entries of every flow, while processes and
// the database are killed, and the providers lose requests and responses, are slow, refuse,
// fail, and show late what they have. Then the merchant's books are held against the
// providers' ledgers. KAPITEN_FULL=1 makes 20,000 entries.
func TestJournalProcesses(t *testing.T) {
	t.Parallel()
	entries := 320
	if full() {
		entries = 20_000
	}
	for name, test := range map[string]struct {
		dialect          journal.Dialect
		initialise, args func(string) ([]string, error)
		signal, driver   string
		dsn              func(dir string) string
		entries          int
	}{
		"postgres": {journal.PostgreSQL, initPostgres, postgresArgs, "INT", "pgx",
			func(dir string) string { return "host=" + dir + " user=merchant dbname=postgres" }, entries},
		"mariadb": {journal.MySQL, initMaria, mariaArgs, "TERM", "mysql",
			func(dir string) string { return "root@unix(" + filepath.Join(dir, "socket") + ")/mysql" }, entries / 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := newCluster(test.initialise, test.args, test.signal)
			require.NoError(t, err)
			t.Cleanup(c.remove)
			dsn := test.dsn(c.dir)
			require.NoError(t, c.start(await(test.driver, dsn)))
			if test.dialect == journal.MySQL {
				admin, err := sql.Open(test.driver, dsn)
				require.NoError(t, err)
				_, err = admin.ExecContext(t.Context(), `CREATE DATABASE shop`)
				require.NoError(t, err)
				require.NoError(t, admin.Close())
				dsn = strings.TrimSuffix(dsn, "mysql") + "shop"
			}
			db, err := sql.Open(test.driver, dsn)
			require.NoError(t, err)
			closeLater(t, db)
			createTold(t, db, test.dialect)
			part := map[journal.Dialect]string{journal.MySQL: "(64)"}[test.dialect] // of a text
			_, err = db.ExecContext(t.Context(), `CREATE INDEX told_reference ON told (reference`+part+`)`)
			require.NoError(t, err)
			market := newMarket(t)
			j, err := openCrowded(t.Context(), db, test.dialect)
			require.NoError(t, err)
			plans := market.flows(j, func(string) transportWrap { return direct })

			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			chance := rand.New(rand.NewPCG(seed, 0))
			var crowd [4]*exec.Cmd
			for i := range crowd {
				crowd[i] = startWorker(t, dsn, test.dialect, market)
			}
			t.Cleanup(func() {
				for _, cmd := range crowd {
					_ = cmd.Process.Kill()
					_ = cmd.Wait()
				}
			})
			stopPurge := purging(t, j)
			// Plan, kill and restart by turns.
			const turns = 8
			planned := 0
			for turn := range turns {
				for range test.entries / turns {
					market.planSurely(t, db, plans, planned)
					planned++
				}
				i := chance.IntN(len(crowd))
				_ = crowd[i].Process.Kill()
				_ = crowd[i].Wait()
				if turn%4 == 2 {
					c.kill(t)
					require.NoError(t, c.restart(awaitFor(test.driver, dsn, 30*time.Second)))
				}
				crowd[i] = startWorker(t, dsn, test.dialect, market)
			}
			market.awaitEnd(t, j, db, planned)
			require.Positive(t, stopPurge(), "details were purged meanwhile")
			market.checkBooks(t, db, planned)
		})
	}
}

// kill is SIGKILL to the server.
func (c *cluster) kill(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "server.pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	c.stop()
}

// restart tries again while processes of the killed server still go.
func (c *cluster) restart(ready func() error) (err error) {
	for range 20 {
		if err = c.start(ready); err == nil {
			return nil
		}
		c.stop()
	}
	return err
}

func startWorker(t *testing.T, dsn string, dialect journal.Dialect, m *market) *exec.Cmd {
	t.Helper()
	addresses, err := json.Marshal(m.addresses)
	require.NoError(t, err)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	cmd.Env = append(os.Environ(), workerVariable+"=journal", dsnVariable+"="+dsn, dialectVariable+"="+string(dialect), providersVariable+"="+string(addresses))
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe() // closes when this process ends, and the worker with it
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd
}

// workJournal is a merchant's process.
func workJournal() error {
	dialect := journal.Dialect(os.Getenv(dialectVariable))
	driver := map[journal.Dialect]string{journal.PostgreSQL: "pgx", journal.MySQL: "mysql"}[dialect]
	db, err := sql.Open(driver, os.Getenv(dsnVariable))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(12)
	db.SetMaxIdleConns(12)
	addresses := map[string]string{}
	if err := json.Unmarshal([]byte(os.Getenv(providersVariable)), &addresses); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var j *journal.Journal
	for {
		if j, err = openCrowded(ctx, db, dialect); err == nil {
			break
		}
		timer := time.NewTimer(50 * time.Millisecond) // the database comes back
		<-timer.C
	}
	pool := &http.Transport{MaxIdleConnsPerHost: 64}
	newWorlds().flows(j, func(flow string) transportWrap {
		return func(http.RoundTripper) http.RoundTripper { return overWire{addresses[flow], pool} }
	})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := j.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func openCrowded(ctx context.Context, db *sql.DB, dialect journal.Dialect) (*journal.Journal, error) {
	return journal.Open(ctx, db, dialect, journal.Config{
		Every: 20 * time.Millisecond, CallTimeout: 2 * time.Second, Lease: 12*time.Second + time.Millisecond, Workers: 8, KnockGap: 100 * time.Millisecond,
	})
}

// overWire sends a process's requests to the fakes, which stand in another process.
type overWire struct {
	address string
	pool    http.RoundTripper
}

const processHeader = "Test-Process"

func (o overWire) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Host
	r = r.Clone(r.Context())
	r.Host, r.URL.Scheme, r.URL.Host = host, "http", o.address // a signature knows the host
	r.Header.Set(processHeader, strconv.Itoa(os.Getpid()))
	return o.pool.RoundTrip(r)
}

// worlds are one world of each flow.
type worlds map[string]outsideWorld

func newWorlds() worlds {
	all := worlds{}
	for name, flow := range flowWorlds() {
		all[name] = flow.world()
	}
	return all
}

// flows adds each flow to a process.
func (all worlds) flows(j *journal.Journal, wrap func(flow string) transportWrap) map[string]planner {
	plans := map[string]planner{}
	for name, w := range all {
		plans[name] = w.process(j, name, wrap(name))
	}
	return plans
}

// market is the providers' side. It outlives the merchant's processes.
type market struct {
	worlds
	names     []string
	addresses map[string]string

	mu        sync.Mutex
	lost      int
	processes map[string]bool
}

func newMarket(t *testing.T) *market {
	m := &market{worlds: newWorlds(), addresses: map[string]string{}, processes: map[string]bool{}}
	m.names = slices.Sorted(maps.Keys(m.worlds))
	for name, w := range m.worlds {
		srv := httptest.NewServer(m.faulty(w.fake))
		t.Cleanup(srv.Close)
		m.addresses[name] = srv.Listener.Addr().String()
	}
	m.keepTime(t)
	return m
}

// faulty loses requests and responses, and takes its time.
func (m *market) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		luck := rand.IntN(100)
		m.mu.Lock()
		m.processes[r.Header.Get(processHeader)] = true
		if luck < 6 && r.Method == http.MethodPost {
			m.lost++
		}
		m.mu.Unlock()
		if luck < 3 { // the request is lost
			panic(http.ErrAbortHandler)
		}
		response := httptest.NewRecorder()
		next.ServeHTTP(response, r)
		if luck < 6 { // the response is lost
			panic(http.ErrAbortHandler)
		}
		timer := time.NewTimer(time.Duration(luck/4) * time.Millisecond)
		defer timer.Stop()
		<-timer.C
		maps.Copy(w.Header(), response.Header())
		w.WriteHeader(response.Code)
		_, _ = w.Write(response.Body.Bytes())
	})
}

// keepTime lets time pass at the providers as it does here.
func (m *market) keepTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	t.Cleanup(func() { cancel(); <-ended })
	go func() {
		defer close(ended)
		const pace = 100 * time.Millisecond
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				m.advance(pace)
			case <-ctx.Done():
				return
			}
		}
	}()
}

// advance lets time pass at the providers.
func (m *market) advance(by time.Duration) {
	for _, w := range m.worlds {
		w.advance(by)
	}
}

// referenceOf is the reference of the nth entry, and of which flow it is.
func (m *market) referenceOf(n int) (flow, reference string) {
	return m.names[n%len(m.names)], referencePrefix + strconv.Itoa(n+1)
}

func (m *market) planSurely(t *testing.T, db *sql.DB, plans map[string]planner, n int) {
	t.Helper()
	tick, late := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	flow, reference := m.referenceOf(n)
	if enrol := m.worlds[flow].enrol; enrol != nil && reference != providerReference {
		enrol(reference)
	}
	for {
		err := func() error {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback() }()
			if err := plans[flow](t.Context(), tx, reference); err != nil {
				return err
			}
			return tx.Commit()
		}()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatal(err)
		}
	}
}

// awaitEnd returns when every entry has ended: it is final, refused or stuck, and told.
// Meanwhile time passes at the providers and for the other entries that no process holds: an
// update of all rows would be in the way of the workers' SKIP LOCKED. Time passes faster
// while no worker is late with a request or its lookup, because a provider cancels what is
// not funded in an hour.
func (m *market) awaitEnd(t *testing.T, j *journal.Journal, db *sql.DB, planned int) {
	t.Helper()
	const ended = `state IN ('final', 'refused', 'stuck') AND owed = ''`
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Duration(3+planned/500) * time.Minute)
	for {
		done := count(t, db, `SELECT count(*) FROM journal_entries WHERE `+ended)
		if done == planned {
			return
		}
		by := time.Minute
		if count(t, db, `SELECT count(*) FROM journal_entries WHERE state = 'planned' OR state = 'sending' AND (holder <> '' OR due_at <= `+strconv.FormatInt(time.Now().UnixMicro(), 10)+`)`) > 0 {
			by = time.Second
		}
		m.advance(by)
		_, _ = db.ExecContext(t.Context(), passing(by)+` WHERE holder = '' AND due_at IS NOT NULL AND NOT (`+ended+`)`) // a worker may be in the way
		select {
		case <-tick.C:
		case <-late:
			left, err := j.List(t.Context(), journal.Filter{})
			require.NoError(t, err)
			t.Fatalf("%d of %d came to an end: %+v", done, planned, left)
		}
	}
}

// purging takes the details of finished entries all the time, until it is stopped. Then it
// returns of how many.
func purging(t *testing.T, j *journal.Journal) (stop func() int) {
	ctx, cancel := context.WithCancel(t.Context())
	var (
		running sync.WaitGroup
		purged  int
	)
	running.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			n, _ := j.Purge(ctx, journal.Retention{Final: time.Second, Refused: time.Second}) // its server is killed, too
			purged += n
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	stop = func() int {
		cancel()
		running.Wait()
		return purged
	}
	t.Cleanup(func() { stop() })
	return stop
}

// checkRest fails if nobody comes back to an entry that is not finished, or if a person who
// must decide about one lacks the reason or the details.
func checkRest(t *testing.T, db *sql.DB) {
	t.Helper()
	for what, query := range map[string]string{
		"left alone and not finished": `SELECT count(*) FROM journal_entries WHERE due_at IS NULL AND (owed <> '' AND state <> 'stuck' OR state NOT IN ('final', 'refused', 'cancelled', 'stuck'))`,
		"stuck without a reason":      `SELECT count(*) FROM journal_entries e LEFT JOIN journal_stuck s ON s.entry = e.id AND s.reason <> '' WHERE e.state = 'stuck' AND s.entry IS NULL`,
		"a reason without a stuck":    `SELECT count(*) FROM journal_stuck s JOIN journal_entries e ON e.id = s.entry WHERE e.state <> 'stuck'`,
		"without the details":         `SELECT count(*) FROM journal_entries e LEFT JOIN journal_details d ON d.entry = e.id WHERE d.entry IS NULL AND (e.owed <> '' OR e.state NOT IN ('final', 'refused', 'cancelled'))`,
		"without a history":           `SELECT count(*) FROM journal_details d LEFT JOIN journal_history h ON h.entry = d.entry WHERE h.entry IS NULL`,
	} {
		require.Zero(t, count(t, db, query), what)
	}
}

func (m *market) checkBooks(t *testing.T, db *sql.DB, planned int) {
	t.Helper()
	checkRest(t, db)
	require.Equal(t, planned, count(t, db, `SELECT count(*) FROM journal_entries`), "nothing is lost")
	require.Zero(t, count(t, db, `SELECT count(*) FROM (SELECT 1 FROM told GROUP BY reference, kind HAVING count(*) > 1) twice`), "nothing is told twice")
	ledgers := map[string]map[string][]booked{}
	for name, w := range m.worlds {
		require.NoError(t, w.fake.CheckLedger(), name)
		ledgers[name] = map[string][]booked{}
		for _, line := range w.ledger() {
			ledgers[name][line.what] = append(ledgers[name][line.what], line)
		}
	}
	rows, err := db.QueryContext(t.Context(), `SELECT e.flow, e.reference, e.state, COALESCE(s.reason, ''),
		(SELECT count(*) FROM told WHERE told.reference = e.reference AND told.kind = 'succeeded'),
		(SELECT count(*) FROM told WHERE told.reference = e.reference AND told.kind = 'failed'),
		(SELECT count(*) FROM told WHERE told.reference = e.reference AND told.kind = 'stuck')
		FROM journal_entries e LEFT JOIN journal_stuck s ON s.entry = e.id`)
	require.NoError(t, err)
	defer rows.Close()
	ends, finals := map[string]int{}, map[string]int{}
	for rows.Next() {
		var (
			flow, reference, state, reason string
			succeeded, failed, stuck       int
		)
		require.NoError(t, rows.Scan(&flow, &reference, &state, &reason, &succeeded, &failed, &stuck))
		what := m.worlds[flow].books(reference)
		lines, key := ledgers[flow][what], flow+": "+what
		delete(ledgers[flow], what)
		require.LessOrEqual(t, len(lines), 1, "%s: debits", key)
		told := []int{succeeded, failed, stuck}
		ends[strings.TrimSpace(flow+" "+state+" "+reason)]++
		switch journal.State(state) {
		case journal.StateFinal:
			want := []int{1, 0, 0}
			if len(lines) == 0 || lines[0].failed { // a lookup may be what tells of a refusal
				want = []int{0, 1, 0}
			}
			require.Equal(t, want, told, key)
			finals[flow]++
		case journal.StateRefused:
			require.Empty(t, lines, "%s: refused with a debit", key)
			require.Equal(t, []int{0, 1, 0}, told, key)
		default:
			// A unique reference is settled, unless a crash hid whether the first attempt
			// was refused.
			if flowWorlds()[flow].class == sdk.Referenced {
				require.Equal(t, string(journal.ReasonContested), reason, key)
			}
			require.Equal(t, []int{0, 0, 1}, told, key)
		}
	}
	require.NoError(t, rows.Err())
	for flow, left := range ledgers {
		require.Empty(t, left, "%s: no debit without an entry", flow)
		require.Positive(t, finals[flow], "%s: %v", flow, ends)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	require.Positive(t, m.lost, "requests and responses were lost")
	require.Greater(t, len(m.processes), 4, "killed processes had a hand in it")
	t.Log(ends)
}

func count(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}
