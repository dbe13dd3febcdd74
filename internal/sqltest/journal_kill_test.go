package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

const (
	bankVariable    = "SQLTEST_BANK"
	dialectVariable = "SQLTEST_DIALECT"
)

// TestJournalProcesses: four processes share the entries of four flows, one per class,
// while processes and the database are killed, and the provider loses requests and
// responses, is slow, refuses, and shows late what it has. Then the books are held
// against the provider's ledger. KAPITEN_FULL=1 makes 20,000 entries.
func TestJournalProcesses(t *testing.T) {
	t.Parallel()
	entries := 1_200
	if os.Getenv("KAPITEN_FULL") != "" {
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
			_, err = db.ExecContext(t.Context(), `CREATE TABLE told (reference varchar(64) NOT NULL, kind varchar(64) NOT NULL, worker bigint NOT NULL)`)
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), `CREATE INDEX told_reference ON told (reference)`)
			require.NoError(t, err)
			provider := &remote{paid: map[string]*remotePayment{}}
			bank := httptest.NewServer(provider)
			defer bank.Close()
			j, flows, err := remoteFlows(t.Context(), db, test.dialect, bank.URL)
			require.NoError(t, err)

			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			chance := rand.New(rand.NewPCG(seed, 0))
			var crowd [4]*exec.Cmd
			for i := range crowd {
				crowd[i] = startWorker(t, dsn, test.dialect, bank.URL)
			}
			t.Cleanup(func() {
				for _, cmd := range crowd {
					_ = cmd.Process.Kill()
					_ = cmd.Wait()
				}
			})
			// Plan, kill and restart by turns.
			const turns = 8
			for turn := range turns {
				for i := range test.entries / turns {
					planSurely(t, db, flows[i%len(flows)], fmt.Sprintf("order-%d-%d", turn, i))
				}
				i := chance.IntN(len(crowd))
				_ = crowd[i].Process.Kill()
				_ = crowd[i].Wait()
				if turn%4 == 2 {
					c.kill(t)
					require.NoError(t, c.restart(awaitFor(test.driver, dsn, 3*time.Second)))
				}
				crowd[i] = startWorker(t, dsn, test.dialect, bank.URL)
			}
			planned := test.entries / turns * turns
			awaitEnd(t, j, db, planned)
			checkBooks(t, db, provider, planned)
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

func startWorker(t *testing.T, dsn string, dialect journal.Dialect, bank string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	cmd.Env = append(os.Environ(), workerVariable+"=journal", dsnVariable+"="+dsn, dialectVariable+"="+string(dialect), bankVariable+"="+bank)
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe() // closes when this process ends, and the worker with it
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
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var j *journal.Journal
	for {
		if j, _, err = remoteFlows(ctx, db, dialect, os.Getenv(bankVariable)); err == nil {
			break
		}
		timer := time.NewTimer(50 * time.Millisecond) // the database comes back
		<-timer.C
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := j.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func planSurely(t *testing.T, db *sql.DB, flow *journal.Flow[order, receipt], reference string) {
	t.Helper()
	tick, late := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		err := func() error {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback() }()
			if err := flow.Plan(t.Context(), tx, order{Ref: reference, Amount: decimal.NewFromInt(500)}); err != nil {
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

// remoteClasses are the flows: one per class.
var remoteClasses = [...]sdk.Class{sdk.Referenced, sdk.Keyed, sdk.Searched, sdk.Once}

func remoteFlows(ctx context.Context, db *sql.DB, dialect journal.Dialect, address string) (*journal.Journal, []*journal.Flow[order, receipt], error) {
	j, err := journal.Open(ctx, db, dialect, journal.Config{
		Every: 20 * time.Millisecond, CallTimeout: time.Second, Lease: 11 * time.Second, Workers: 8, KnockGap: 100 * time.Millisecond,
	})
	if err != nil {
		return nil, nil, err
	}
	var flows []*journal.Flow[order, receipt]
	client := &http.Client{Timeout: 900 * time.Millisecond, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	for _, class := range remoteClasses {
		p := (&bank{class: class}).provider()
		name := fmt.Sprint(class)
		ask := func(ctx context.Context, what, reference string) (int, string, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/"+what+"?"+url.Values{"class": {name}, "reference": {reference}}.Encode(), nil)
			if err != nil {
				return 0, "", err
			}
			response, err := client.Do(r)
			if err != nil {
				return 0, "", err
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			return response.StatusCode, string(body), err
		}
		step := &p.Steps[0]
		step.Send = func(ctx context.Context, r journal.Request[order, receipt]) (receipt, error) {
			code, body, err := ask(ctx, "pay", r.Reference)
			switch {
			case err == nil && code == http.StatusOK:
				return receipt{Ref: r.Reference, Status: body}, nil
			case err == nil && code == http.StatusConflict:
				return receipt{}, fault(sdk.Rejected, sdk.ErrDuplicate)
			case err == nil && code == http.StatusPaymentRequired:
				return receipt{}, fault(sdk.Rejected, sdk.ErrInsufficientFunds)
			}
			return receipt{}, fault(sdk.Unknown)
		}
		if step.Look != nil {
			step.Looks = []time.Duration{0, 400 * time.Millisecond, 1500 * time.Millisecond}
			step.Look = func(ctx context.Context, r journal.Request[order, receipt]) (receipt, journal.Finding, error) {
				code, body, err := ask(ctx, "look", r.Reference)
				switch {
				case err == nil && code == http.StatusOK:
					return receipt{Ref: r.Reference, Status: body}, journal.Found, nil
				case err == nil && code == http.StatusNotFound:
					return receipt{}, journal.Absent, nil
				}
				return receipt{}, journal.CannotTell, fault(sdk.NoEffect)
			}
		}
		p.Poll = func(ctx context.Context, r journal.Request[order, receipt]) (receipt, error) {
			code, body, err := ask(ctx, "look", r.Reference)
			if err != nil || code != http.StatusOK {
				return receipt{}, fault(sdk.NoEffect)
			}
			return receipt{Ref: r.Reference, Status: body}, nil
		}
		insert := `INSERT INTO told (reference, kind, worker) VALUES ('%s', '%s', %d)`
		flows = append(flows, journal.New(j, name, p, func(ctx context.Context, tx journal.Tx, c journal.Change[receipt]) error {
			_, err := tx.ExecContext(ctx, fmt.Sprintf(insert, c.Reference, c.Kind, os.Getpid()))
			return err
		}))
	}
	return j, flows, nil
}

// remote is the provider: it has faults, lag and a ledger.
type remote struct {
	mu   sync.Mutex
	paid map[string]*remotePayment // by class and reference
	lost int
}

type remotePayment struct {
	debits int
	at     time.Time
	status string
}

func (p *remote) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	class, reference := r.FormValue("class"), r.FormValue("reference")
	luck := rand.IntN(100)
	if luck < 3 { // the request is lost
		panic(http.ErrAbortHandler)
	}
	p.mu.Lock()
	status, code := p.answer(r.URL.Path, class, reference)
	if code == http.StatusOK && luck < 8 && r.URL.Path == "/pay" {
		p.lost++
	}
	p.mu.Unlock()
	if luck < 8 { // the response is lost
		panic(http.ErrAbortHandler)
	}
	timer := time.NewTimer(time.Duration(luck/4) * time.Millisecond)
	defer timer.Stop()
	<-timer.C
	w.WriteHeader(code)
	_, _ = io.WriteString(w, status)
}

func (p *remote) answer(path, class, reference string) (string, int) {
	const lag = 200 * time.Millisecond
	found := p.paid[class+" "+reference]
	if path == "/look" {
		if found == nil || time.Since(found.at) < lag {
			return "", http.StatusNotFound
		}
		return found.status, http.StatusOK
	}
	refused := strings.HasSuffix(reference, "7") // never any money
	switch {
	case refused:
		return "", http.StatusPaymentRequired
	case found != nil && class == fmt.Sprint(sdk.Referenced):
		return "", http.StatusConflict
	case found != nil && class == fmt.Sprint(sdk.Keyed):
		return found.status, http.StatusOK
	case found == nil:
		found = &remotePayment{at: time.Now(), status: "paid"}
		if strings.HasSuffix(reference, "3") {
			found.status = "failed"
		}
		p.paid[class+" "+reference] = found
	}
	found.debits++
	return found.status, http.StatusOK
}

// awaitEnd returns when every entry is final, refused or stuck, and told.
func awaitEnd(t *testing.T, j *journal.Journal, db *sql.DB, planned int) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Minute)
	for {
		ended := count(t, db, `SELECT count(*) FROM journal_entries WHERE state IN ('final', 'refused', 'stuck') AND owed = ''`)
		if ended == planned {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			left, err := j.List(t.Context(), journal.Filter{})
			require.NoError(t, err)
			t.Fatalf("%d of %d came to an end: %+v", ended, planned, left)
		}
	}
}

func checkBooks(t *testing.T, db *sql.DB, provider *remote, planned int) {
	t.Helper()
	require.Equal(t, planned, count(t, db, `SELECT count(*) FROM journal_entries`), "nothing is lost")
	require.Zero(t, count(t, db, `SELECT count(*) FROM (SELECT 1 FROM told GROUP BY reference, kind HAVING count(*) > 1) twice`), "nothing is told twice")
	rows, err := db.QueryContext(t.Context(), `SELECT e.flow, e.reference, e.state, e.standing, COALESCE(s.reason, ''),
		(SELECT count(*) FROM told WHERE told.reference = e.reference AND told.kind = 'succeeded'),
		(SELECT count(*) FROM told WHERE told.reference = e.reference AND told.kind = 'failed'),
		(SELECT count(*) FROM told WHERE told.reference = e.reference AND told.kind = 'stuck')
		FROM journal_entries e LEFT JOIN journal_stuck s ON s.entry = e.id`)
	require.NoError(t, err)
	defer rows.Close()
	provider.mu.Lock()
	defer provider.mu.Unlock()
	states, booked := map[string]int{}, map[string]bool{}
	for rows.Next() {
		var (
			flow, reference, state, standing, reason string
			succeeded, failed, stuck                 int
		)
		require.NoError(t, rows.Scan(&flow, &reference, &state, &standing, &reason, &succeeded, &failed, &stuck))
		states[flow+" "+state+" "+reason]++
		key, told := flow+" "+reference, []int{succeeded, failed, stuck}
		payment := provider.paid[key]
		if payment != nil {
			require.Equal(t, 1, payment.debits, "%s: debits", key)
			booked[key] = true
		}
		switch journal.State(state) {
		case journal.StateFinal:
			require.NotNil(t, payment, "%s: final without a debit", key)
			want := []int{1, 0, 0}
			if payment.status == "failed" {
				want = []int{0, 1, 0}
			}
			require.Equal(t, want, told, key)
		case journal.StateRefused:
			require.Nil(t, payment, "%s: refused with a debit", key)
			require.Equal(t, []int{0, 1, 0}, told, key)
		default:
			// A reference that is unique, or a key, is settled, unless a crash hid whether
			// the first attempt was refused.
			if flow == fmt.Sprint(sdk.Referenced) || flow == fmt.Sprint(sdk.Keyed) {
				require.Equal(t, string(journal.ReasonContested), reason, key)
			}
			require.Equal(t, []int{0, 0, 1}, told, key)
		}
	}
	require.NoError(t, rows.Err())
	require.Len(t, booked, len(provider.paid), "no debit without an entry")
	require.Positive(t, provider.lost, "responses were lost")
	require.Greater(t, count(t, db, `SELECT count(DISTINCT worker) FROM told`), 4, "killed processes had a hand in it")
	t.Log(states)
}

func count(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}
