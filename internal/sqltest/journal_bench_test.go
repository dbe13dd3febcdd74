package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

const (
	benchWorkers = 16
	benchEntries = 2000
	benchRounds  = 5
	riverWorkers = 64
)

// contestant plans entries, each in a transaction of its own, works on them without a
// network until all are final, and inserts one row per entry when it is.
type contestant struct {
	name  string
	start func() (stop func()) // the workers, for a round: nobody polls while others run
	round func(b *testing.B, round, entries int)
}

// BenchmarkJournalThroughput holds the journal against a baseline written by hand with
// equal batches, and against River's transactional shape. The sides take turns, so
// that the noise of the machine meets all. Run it with -bench Throughput -benchtime 1x.
func BenchmarkJournalThroughput(b *testing.B) {
	b.Run("postgres", func(b *testing.B) {
		for range b.N {
			table(b, "postgres", benchEntries, []contestant{floorPostgres(b), journalSide(b, journal.PostgreSQL, benchWorkers, 0, 0), riverSide(b), journalSide(b, journal.PostgreSQL, riverWorkers, 0, 0)})
		}
	})
	b.Run("mariadb", func(b *testing.B) {
		for range b.N {
			table(b, "mariadb", benchEntries, []contestant{journalSide(b, journal.MySQL, benchWorkers, 0, 0)})
		}
	})
	b.Run("sqlite", func(b *testing.B) {
		for range b.N {
			table(b, "sqlite", benchEntries, []contestant{journalSide(b, journal.SQLite, benchWorkers, 0, 0)})
		}
	})
}

// BenchmarkJournalFlat compares a journal with 1,000 finished entries with full ones.
// KAPITEN_FULL=1 makes the large sizes.
func BenchmarkJournalFlat(b *testing.B) {
	finished, waiting := sizes()
	for name, dialect := range map[string]journal.Dialect{"postgres": journal.PostgreSQL, "mariadb": journal.MySQL, "sqlite": journal.SQLite} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				table(b, name, benchEntries/2, []contestant{
					journalSide(b, dialect, benchWorkers, 1000, 0), journalSide(b, dialect, benchWorkers, finished, 0), journalSide(b, dialect, benchWorkers, finished, waiting),
				})
			}
		})
	}
}

// BenchmarkJournalReplicas shows how a merchant's throughput grows with replicas, each
// with its own connections and benchWorkers calls at a time, while a provider takes
// 50 ms to answer: 320 entries a second are what one replica can send.
func BenchmarkJournalReplicas(b *testing.B) {
	for range b.N {
		var sides []contestant
		for _, replicas := range []int{1, 2, 4} {
			sides = append(sides, replicasSide(b, replicas))
		}
		table(b, "postgres, a provider that takes 50 ms", benchEntries/2, sides)
	}
}

func replicasSide(b *testing.B, replicas int) contestant {
	b.Helper()
	db, dsn := openPostgres(b)
	m := newMerchant(b, db, journal.PostgreSQL, newBank(sdk.Once))
	_, err := db.ExecContext(b.Context(), `CREATE TABLE effects (reference varchar(64) NOT NULL)`)
	require.NoError(b, err)
	var journals []*journal.Journal
	for range replicas {
		own, err := sql.Open("pgx", dsn)
		require.NoError(b, err)
		closeLater(b, own)
		own.SetMaxOpenConns(benchWorkers)
		own.SetMaxIdleConns(benchWorkers)
		j, err := journal.Open(b.Context(), own, journal.PostgreSQL, journal.Config{Workers: benchWorkers, Every: 10 * time.Millisecond})
		require.NoError(b, err)
		provider := m.bank.provider()
		provider.Steps[0].Send = func(_ context.Context, r journal.Request[order, receipt]) (receipt, error) {
			timer := time.NewTimer(50 * time.Millisecond)
			<-timer.C
			return receipt{Ref: r.Reference, Status: "paid"}, nil
		}
		m.flow = journal.New(j, "pay", provider, func(ctx context.Context, tx journal.Tx, c journal.Change[receipt]) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO effects (reference) VALUES ($1)`, c.Reference)
			return err
		})
		journals = append(journals, j)
	}
	start := func() func() {
		ctx, cancel := context.WithCancel(b.Context())
		var running sync.WaitGroup
		for _, j := range journals {
			running.Go(func() { _ = j.Run(ctx) })
		}
		return func() { cancel(); running.Wait() }
	}
	return contestant{fmt.Sprintf("%d replicas", replicas), start, func(b *testing.B, round, entries int) {
		b.Helper()
		each(b, entries, func(i int) error {
			return m.plan(b.Context(), order{Ref: fmt.Sprintf("r-%d-%d", round, i), Amount: decimal.NewFromInt(500)})
		})
		awaitCount(b, db, entries*(round+1))
	}}
}

func table(b *testing.B, title string, entries int, sides []contestant) {
	b.Helper()
	rates, cpu := make([][]float64, len(sides)), make([][2]time.Duration, len(sides))
	counting := os.Getenv(countVariable) != "" && title == "postgres"
	for round := range benchRounds + 1 {
		for i, side := range sides {
			if counting && round == benchRounds {
				countStatements(b, "")
			}
			stop := side.start()
			began := time.Now()
			oursBefore, serversBefore := used()
			side.round(b, round, entries)
			if counting && round == benchRounds {
				countStatements(b, fmt.Sprintf("%s, %d entries", side.name, entries))
			}
			took := time.Since(began)
			ours, servers := used()
			stop()
			if round > 0 { // the first warms up
				cpu[i][0] += ours - oursBefore
				cpu[i][1] += servers - serversBefore
				rates[i] = append(rates[i], float64(entries)/took.Seconds())
			}
		}
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tentries/s\tfrom\tto\tratio to the first\tCPU us per entry\tof it the server\tratio to the first\n", title)
	for i, side := range sides {
		ratio := 1.0 // the geometric mean of the rounds' ratios
		for r := range rates[i] {
			ratio *= math.Pow(rates[i][r]/rates[0][r], 1/float64(len(rates[i])))
		}
		sorted := slices.Sorted(slices.Values(rates[i]))
		all, n := cpu[i][0]+cpu[i][1], int64(entries*benchRounds)
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.2f\t%d\t%d\t%.2f\n", side.name, sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1], ratio,
			all.Microseconds()/n, cpu[i][1].Microseconds()/n, float64(cpu[0][0]+cpu[0][1])/float64(all))
	}
	_ = w.Flush()
	fmt.Println("\n" + out.String())
}

// countStatements begins to count, or says what was counted.
func countStatements(b *testing.B, title string) {
	b.Helper()
	db, err := sql.Open("pgx", dsn("public"))
	require.NoError(b, err)
	defer db.Close()
	if title == "" {
		_, err = db.ExecContext(b.Context(), `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`)
		require.NoError(b, err)
		_, err = db.ExecContext(b.Context(), `SELECT pg_stat_statements_reset()`)
		require.NoError(b, err)
		return
	}
	fmt.Println(title)
	rows, err := db.QueryContext(b.Context(), `SELECT calls, rows, round(total_exec_time / calls * 1000), round(total_plan_time / calls * 1000), round(total_exec_time + total_plan_time), wal_bytes / calls, left(regexp_replace(query, '\s+', ' ', 'g'), 110)
		FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%' AND calls > 0 ORDER BY total_exec_time + total_plan_time DESC LIMIT 16`)
	require.NoError(b, err)
	defer rows.Close()
	fmt.Println("  calls   rows  us each  us plan  ms all  WAL each")
	for rows.Next() {
		var (
			calls, changed       int
			each, plan, all, wal float64
			text                 string
		)
		require.NoError(b, rows.Scan(&calls, &changed, &each, &plan, &all, &wal, &text))
		fmt.Printf("%7d %6d %8.0f %8.0f %7.0f %9.0f  %s\n", calls, changed, each, plan, all, wal, text)
	}
	require.NoError(b, rows.Err())
}

// used is the processor time of this process, and of its database servers. It says more
// than the clock does on a machine that has other work.
func used() (ours, servers time.Duration) {
	pids := []string{strconv.Itoa(os.Getpid())}
	for _, dir := range []string{*server, strings.TrimSuffix(strings.TrimPrefix(*mariaServer, "root@unix("), "/socket)/")} {
		pid, _ := os.ReadFile(filepath.Join(dir, "server.pid"))
		pids = append(pids, strings.TrimSpace(string(pid)))
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, _ := os.ReadFile(path)
		before, rest, _ := strings.Cut(string(text), ") ")
		pid, _, _ := strings.Cut(before, " ")
		fields := strings.Fields(rest)
		if len(fields) < 15 || !slices.Contains(pids, pid) && !slices.Contains(pids[1:], fields[1]) {
			continue
		}
		ticks := time.Duration(0)
		for _, i := range []int{11, 12, 13, 14} { // user and system, and of children that ended
			n, _ := strconv.ParseInt(fields[i], 10, 64)
			ticks += time.Duration(n) * 10 * time.Millisecond
		}
		if pid == pids[0] {
			ours += ticks
		} else {
			servers += ticks
		}
	}
	return ours, servers
}

// each runs work for so many entries, benchWorkers at a time.
func each(b *testing.B, entries int, work func(i int) error) {
	b.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	for range benchWorkers {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= entries {
					return
				}
				if err := work(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
}

func journalSide(b *testing.B, dialect journal.Dialect, workers, finished, waiting int) contestant {
	b.Helper()
	var db *sql.DB
	switch dialect {
	case journal.PostgreSQL:
		db, _ = openPostgres(b)
	case journal.MySQL:
		_, dsn := openMaria(b)
		var err error
		db, err = sql.Open("mysql", dsn+"?interpolateParams=true")
		require.NoError(b, err)
		closeLater(b, db)
	default:
		db = openImmediate(b)
	}
	db.SetMaxOpenConns(2 * benchWorkers)
	db.SetMaxIdleConns(2 * benchWorkers)
	m := newMerchant(b, db, dialect, newBank(sdk.Once))
	if finished > 0 {
		fill(b, db, dialect, finished, waiting)
	}
	insert := `INSERT INTO effects (reference) VALUES ($1)`
	if dialect == journal.MySQL {
		insert = `INSERT INTO effects (reference) VALUES (?)`
	}
	_, err := db.ExecContext(b.Context(), `CREATE TABLE effects (reference varchar(64) NOT NULL)`)
	require.NoError(b, err)
	j, err := journal.Open(b.Context(), db, dialect, journal.Config{Workers: workers, Every: 10 * time.Millisecond})
	require.NoError(b, err)
	provider := m.bank.provider()
	provider.Steps[0].Send = func(_ context.Context, r journal.Request[order, receipt]) (receipt, error) {
		return receipt{Ref: r.Reference, Status: "paid"}, nil
	}
	m.flow = journal.New(j, "pay", provider, func(ctx context.Context, tx journal.Tx, c journal.Change[receipt]) error {
		_, err := tx.ExecContext(ctx, insert, c.Reference)
		return err
	})
	start := func() func() {
		ctx, cancel := context.WithCancel(b.Context())
		running := make(chan error, 1)
		go func() { running <- j.Run(ctx) }()
		return func() {
			cancel()
			if err := <-running; err != nil && !errors.Is(err, context.Canceled) {
				b.Error(err)
			}
		}
	}
	return contestant{fmt.Sprintf("journal, %d workers, %d finished, %d waiting", workers, finished, waiting), start, func(b *testing.B, round, entries int) {
		b.Helper()
		each(b, entries, func(i int) error {
			return m.plan(b.Context(), order{Ref: fmt.Sprintf("r-%d-%d", round, i), Amount: decimal.NewFromInt(500)})
		})
		awaitCount(b, db, entries*(round+1))
	}}
}

// awaitCount returns when so many rows have taken effect.
func awaitCount(b *testing.B, db *sql.DB, want int) {
	b.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		n := 0
		require.NoError(b, db.QueryRowContext(b.Context(), `SELECT count(*) FROM effects`).Scan(&n))
		if n >= want {
			require.Equal(b, want, n)
			return
		}
		<-tick.C
	}
}

// floorPostgres is what a merchant who knows the promises writes by hand: a row before
// anything is sent, a lease with a fence, "sending" before the request, and the effect
// in the transaction of the result. It keeps no history and knows no doubts.
func floorPostgres(b *testing.B) contestant {
	b.Helper()
	db, _ := openPostgres(b)
	db.SetMaxOpenConns(2 * benchWorkers)
	db.SetMaxIdleConns(2 * benchWorkers)
	for _, statement := range []string{
		`CREATE TABLE intents (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reference text NOT NULL UNIQUE, params bytea NOT NULL, value bytea,
			state text NOT NULL, due_at bigint, fence bigint NOT NULL) WITH (fillfactor = 80)`,
		`CREATE INDEX ON intents (due_at) WHERE due_at IS NOT NULL`,
		`CREATE TABLE effects (reference text NOT NULL)`,
	} {
		_, err := db.ExecContext(b.Context(), statement)
		require.NoError(b, err)
	}
	const now = `CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS bigint)`
	type intent struct {
		id, fence int64
		reference string
		params    []byte
	}
	take := func(ctx context.Context) (out []intent, err error) {
		rows, err := db.QueryContext(ctx, `UPDATE intents SET due_at = `+now+` + 60000000, fence = fence + 1 WHERE id = ANY (ARRAY(
			SELECT id FROM intents WHERE due_at <= `+now+` ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING id, fence, reference, params`, benchWorkers)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var i intent
			if err := rows.Scan(&i.id, &i.fence, &i.reference, &i.params); err != nil {
				return nil, err
			}
			out = append(out, i)
		}
		return out, rows.Err()
	}
	record := func(ctx context.Context, batch []intent) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		for _, i := range batch {
			if _, err := tx.ExecContext(ctx, `UPDATE intents SET state = 'final', due_at = NULL, value = $3 WHERE id = $1 AND fence = $2`, i.id, i.fence, i.params); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO effects (reference) VALUES ($1)`, i.reference); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
	work := func(ctx context.Context, batch []intent) error {
		var sending sync.WaitGroup
		errs := make([]error, len(batch))
		for n, i := range batch {
			sending.Go(func() {
				_, errs[n] = db.ExecContext(ctx, `UPDATE intents SET state = 'sending' WHERE id = $1 AND fence = $2`, i.id, i.fence)
			})
		}
		sending.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return record(ctx, batch)
	}
	start := func() func() {
		ctx, cancel := context.WithCancel(b.Context())
		var loops sync.WaitGroup
		loops.Go(func() {
			for ctx.Err() == nil {
				batch, err := take(ctx)
				if err == nil && len(batch) > 0 {
					err = work(ctx, batch)
				}
				if err != nil && ctx.Err() == nil {
					b.Error(err)
					return
				}
				if len(batch) == 0 {
					timer := time.NewTimer(10 * time.Millisecond)
					<-timer.C
				}
			}
		})
		return func() { cancel(); loops.Wait() }
	}
	return contestant{"baseline by hand", start, func(b *testing.B, round, entries int) {
		b.Helper()
		each(b, entries, func(i int) error {
			tx, err := db.BeginTx(b.Context(), nil)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback() }()
			if _, err := tx.ExecContext(b.Context(), `INSERT INTO intents (reference, params, state, due_at, fence) VALUES ($1, $2, 'planned', `+now+`, 0)
				ON CONFLICT (reference) DO NOTHING`, fmt.Sprintf("r-%d-%d", round, i), []byte(`{"Ref":"r","Amount":"500"}`)); err != nil {
				return err
			}
			return tx.Commit()
		})
		awaitCount(b, db, entries*(round+1))
	}}
}

// payArgs is River's job.
type payArgs struct {
	Reference string `json:"reference"`
	Amount    string `json:"amount"`
}

func (payArgs) Kind() string { return "pay" }

type payWorker struct {
	river.WorkerDefaults[payArgs]
	pool *pgxpool.Pool
}

// Work completes the job in the transaction of its effect.
func (w *payWorker) Work(ctx context.Context, job *river.Job[payArgs]) error {
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO effects (reference) VALUES ($1)`, job.Args.Reference); err != nil {
			return err
		}
		_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
}

func riverSide(b *testing.B) contestant {
	b.Helper()
	db, dsn := openPostgres(b)
	pool, err := pgxpool.New(b.Context(), dsn+fmt.Sprintf(" pool_max_conns=%d", 2*benchWorkers))
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, nil)
	require.NoError(b, err)
	_, err = migrator.Migrate(b.Context(), rivermigrate.DirectionUp, nil)
	require.NoError(b, err)
	_, err = db.ExecContext(b.Context(), `CREATE TABLE effects (reference text NOT NULL)`)
	require.NoError(b, err)
	workers := river.NewWorkers()
	river.AddWorker(workers, &payWorker{pool: pool})
	var client *river.Client[pgx.Tx]
	start := func() func() {
		client, err = river.NewClient(driver, &river.Config{Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: riverWorkers}}, Workers: workers,
			FetchCooldown: 10 * time.Millisecond, FetchPollInterval: 10 * time.Millisecond, // the defaults would make it slower
		})
		require.NoError(b, err)
		require.NoError(b, client.Start(b.Context()))
		return func() { _ = client.StopAndCancel(context.WithoutCancel(b.Context())) }
	}
	return contestant{"River, completed in the transaction", start, func(b *testing.B, round, entries int) {
		b.Helper()
		each(b, entries, func(i int) error {
			return pgx.BeginFunc(b.Context(), pool, func(tx pgx.Tx) error {
				_, err := client.InsertTx(b.Context(), tx, payArgs{fmt.Sprintf("r-%d-%d", round, i), "500"}, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}})
				return err
			})
		})
		awaitCount(b, db, entries*(round+1))
	}}
}
