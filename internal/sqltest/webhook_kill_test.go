package sqltest

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/webhook"
)

// Two processes share an inbox. Events arrive at either, up to three times each and in
// any order, while one process is killed again and again, and the database server is
// stopped and killed in the middle. With KAPITEN_FULL there are ten times as many.
func TestEveryEventTakesEffectOnceThoughProcessesAndServersDie(t *testing.T) {
	t.Parallel()
	times := 1
	if os.Getenv("KAPITEN_FULL") != "" {
		times = 10
	}
	for name, server := range map[string]struct {
		init, args func(string) ([]string, error)
		signal     string
		driver     string
		dsn        func(dir string) string
	}{
		"postgres": {initPostgres, postgresArgs, "INT", "pgx", func(dir string) string { return "host=" + dir + " user=merchant dbname=postgres" }},
		"maria":    {initMaria, mariaArgs, "TERM", "mysql", func(dir string) string { return "root@unix(" + dir + "/socket)/mysql" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			chance := rand.New(rand.NewPCG(seed, 0))
			c, err := newCluster(server.init, server.args, server.signal)
			require.NoError(t, err)
			t.Cleanup(c.remove)
			s := target{dialect: dialects[name], driver: server.driver, dsn: server.dsn(c.dir)}
			ready := await(s.driver, s.dsn)
			require.NoError(t, c.start(ready))
			s.db = s.open(t)
			s.SQLInbox, err = webhook.NewSQLInbox(s.db, s.dialect)
			require.NoError(t, err)
			require.NoError(t, s.Migrate(t.Context()))
			s.exec(t, `CREATE TABLE applied (reference varchar(255) NOT NULL, status varchar(255) NOT NULL, worker bigint NOT NULL)`)
			s.exec(t, `CREATE TABLE parcels (reference varchar(255) PRIMARY KEY, status varchar(255) NOT NULL, place bigint NOT NULL, backwards bigint NOT NULL)`)

			w := &workers{mode: name, dsn: s.dsn}
			t.Cleanup(w.stop)
			require.NoError(t, w.start(0))
			require.NoError(t, w.start(1))
			events := allEvents(times)
			stopKilling := w.keepKilling(t, chance, 10*times)
			due := make(chan struct{}, 2*times)
			var restarts sync.WaitGroup
			stops, crashes := 0, 0
			restarts.Go(func() {
				for range due {
					if stops > crashes {
						crashes++
						assert.NoError(t, c.crash())
					} else {
						stops++
					}
					c.stop()
					if !assert.NoError(t, c.start(ready)) {
						return
					}
				}
			})
			sent := shuffled(events, chance)
			every := len(sent) / (2*times + 1) // so that events come before, between and after
			w.deliver(t, sent, time.Duration(times)*2*time.Minute, func(n int) {
				if n%every == 0 && n/every <= 2*times {
					due <- struct{}{}
				}
			})
			underWay := len(due) == 0
			close(due)
			restarts.Wait()
			assert.True(t, underWay, "each restart has begun before the last event was acknowledged")
			assert.GreaterOrEqual(t, stops, 1)
			assert.GreaterOrEqual(t, crashes, 1)
			kills := stopKilling()
			t.Logf("%d events, %d kills, %d stops, %d crashes", len(events), kills, stops, crashes)
			assert.GreaterOrEqual(t, kills, 1, "or this test shows nothing")

			// Late copies of everything change nothing.
			before := s.count(t, "SELECT count(*) FROM applied")
			w.deliver(t, events[:100], time.Minute, func(int) {})
			assert.Equal(t, before, s.count(t, "SELECT count(*) FROM applied"))
			s.checkEffects(t, times)
		})
	}
}

func (s target) checkEffects(t *testing.T, times int) {
	assert.Zero(t, s.count(t, `SELECT count(*) FROM (SELECT 1 FROM applied GROUP BY reference, status HAVING count(*) > 1) twice`), "exactly once")
	assert.Equal(t, 200*times, s.count(t, `SELECT count(*) FROM applied WHERE reference LIKE 'free%'`), "what has no order is always handed on")
	assert.Equal(t, 40*times, s.count(t, `SELECT count(*) FROM parcels WHERE status = 'COMPLETED'`), "all arrived at the end")
	assert.Zero(t, s.count(t, `SELECT count(*) FROM parcels WHERE backwards > 0`), "statuses never go backwards")
	assert.Equal(t, 90*times, s.count(t, `SELECT count(*) FROM webhook_inbox`), "one row per reference")
}

// The same with knocks and from the provider's side: the fake Kapiten posts the status
// callbacks of its rides, some twice and some late, to two processes one of which is
// killed again and again, and retries on its clock. Each process asks the fake.
func TestEveryKnockOfTheFakeTakesEffectOnceThoughAProcessIsKilled(t *testing.T) {
	t.Parallel()
	const rides = 40
	s := inboxOn(t, "postgres")
	w := &workers{mode: "postgres", dsn: s.dsn}
	t.Cleanup(w.stop)
	srv := kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{
		CallbackClient: &http.Client{Transport: &balancer{w, &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}}},
	}})
	api := httptest.NewServer(srv)
	t.Cleanup(api.Close)
	co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(1_000_000), WebhookURL: "http://shop.localhost/" + parcelSecret})
	w.kapiten = co.ID + " " + co.Token + " " + api.URL
	require.NoError(t, w.start(0))
	require.NoError(t, w.start(1))
	client, err := kapiten.New(srv.ClientConfig(co))
	require.NoError(t, err)
	var ids []string
	for i := range rides {
		ride, err := client.Rides.Create(t.Context(), kapiten.CreateRideParams{
			CompanyID: co.ID, ExternalID: fmt.Sprint("ORDER-", i),
			PickupAddress: "Kicukiro, KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
			DropoffAddress: "M. Peace Plaza, Nyarugenge", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
			Sender: kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Customer", Phone: "0789000111"},
		})
		require.NoError(t, err)
		ids = append(ids, ride.ID)
	}
	require.NoError(t, srv.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackHold, Times: 40}))
	require.NoError(t, srv.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackDuplicate, Times: 60}))
	stopKilling := w.keepKilling(t, rand.New(rand.NewPCG(rand.Uint64(), 0)), 20)
	for _, status := range way[2:] {
		for _, id := range ids {
			require.NoError(t, srv.MoveRide(id, status))
		}
		srv.Flush()
	}
	// What was not acknowledged comes again, as long as it takes.
	for end := time.Now().Add(90 * time.Second); !settled(t, srv); {
		require.True(t, time.Now().Before(end), "not delivered in time")
		srv.Advance(time.Hour)
	}
	t.Logf("%d kills, %d deliveries", stopKilling(), len(srv.Deliveries()))

	assert.Zero(t, s.count(t, `SELECT count(*) FROM (SELECT 1 FROM applied GROUP BY reference, status HAVING count(*) > 1) twice`), "exactly once")
	assert.Equal(t, rides, s.count(t, `SELECT count(*) FROM parcels WHERE status = 'COMPLETED'`), "all arrived at the end")
	assert.Zero(t, s.count(t, `SELECT count(*) FROM parcels WHERE backwards > 0`), "statuses never go backwards")
	assert.Equal(t, rides, s.count(t, `SELECT count(*) FROM webhook_inbox`), "one row per ride")
}

// balancer sends each callback to one of the two processes.
type balancer struct {
	workers   *workers
	transport *http.Transport
}

func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = b.workers.address(rand.IntN(2))
	return b.transport.RoundTrip(r)
}

// settled lets go what is held or dead, and reports whether all was delivered.
func settled(t *testing.T, srv *kapitentest.Fake) bool {
	t.Helper()
	srv.Flush()
	all := true
	for _, d := range srv.Deliveries() {
		if d.State == fake.DeliveryDelivered {
			continue
		}
		all = false
		if d.Held || d.State == fake.DeliveryDead {
			require.NoError(t, srv.Redeliver(d.ID))
		}
	}
	return all
}

func allEvents(times int) []parcel {
	var events []parcel
	for i := range 40 * times {
		for _, status := range way {
			events = append(events, parcel{fmt.Sprint("parcel-", i), string(status)})
		}
	}
	for i := range 200 * times {
		events = append(events, parcel{fmt.Sprint("free-", i/4), fmt.Sprint("event-", i%4)})
	}
	return events
}

// shuffled is what arrives: each event once to three times, moved by up to a few
// hundred places.
func shuffled(events []parcel, chance *rand.Rand) []parcel {
	var sent []parcel
	for _, e := range events {
		for range 1 + chance.IntN(3) {
			sent = append(sent, e)
		}
	}
	for i := range sent {
		j := min(i+chance.IntN(300), len(sent)-1)
		sent[i], sent[j] = sent[j], sent[i]
	}
	return sent
}

// crash ends a server without letting it finish: it has to recover. PostgreSQL gets an
// "immediate shutdown", because processes that outlive its first one hinder the next.
func (c *cluster) crash() error {
	text, err := os.ReadFile(c.dir + "/server.pid")
	if err != nil {
		return err
	}
	signal := syscall.SIGKILL
	if c.signal == "INT" {
		signal = syscall.SIGQUIT
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return syscall.Kill(pid, signal)
}

// workers are the merchant's two processes.
type workers struct {
	mode, dsn, kapiten string

	mu   sync.Mutex
	both [2]worker
}

type worker struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	address string
}

func (w *workers) start(i int) error {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerVariable+"="+w.mode, dsnVariable+"="+w.dsn, kapitenVariable+"="+w.kapiten)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	w.mu.Lock()
	defer w.mu.Unlock()
	w.both[i] = worker{cmd, stdin, strings.TrimSpace(address)}
	return err
}

func (w *workers) address(i int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.both[i].address
}

// kill is SIGKILL: the process gets no chance to tidy up.
func (w *workers) kill(i int) {
	w.mu.Lock()
	cmd := w.both[i].cmd
	w.mu.Unlock()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// keepKilling kills the second process at random moments and starts it again, until it
// is told to stop or did it often enough; it then tells how often.
func (w *workers) keepKilling(t *testing.T, chance *rand.Rand, most int) (stop func() int) {
	var kills atomic.Int64
	quit, done := make(chan struct{}), make(chan struct{})
	pauses := make([]time.Duration, most)
	for i := range pauses {
		pauses[i] = time.Duration(100+chance.IntN(400)) * time.Millisecond
	}
	go func() {
		defer close(done)
		for _, pause := range pauses {
			select {
			case <-quit:
				return
			case <-time.After(pause):
			}
			w.kill(1)
			kills.Add(1)
			if !assert.NoError(t, w.start(1)) {
				return
			}
		}
	}()
	return func() int {
		close(quit)
		<-done
		return int(kills.Load())
	}
}

func (w *workers) stop() {
	for i := range w.both {
		if w.both[i].cmd != nil {
			_ = w.both[i].stdin.Close()
			w.kill(i)
		}
	}
}

// deliver sends as a patient provider does: until it is acknowledged. It tells how many
// events were acknowledged, with each of them.
func (w *workers) deliver(t *testing.T, events []parcel, limit time.Duration, acknowledged func(n int)) {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	deadline := time.Now().Add(limit)
	work := make(chan parcel)
	var done atomic.Int64
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() {
			pause := time.NewTicker(10 * time.Millisecond)
			defer pause.Stop()
			for p := range work {
				for !w.acknowledged(client, rand.IntN(2), p) {
					if !assert.True(t, time.Now().Before(deadline), "not acknowledged in time") {
						break
					}
					<-pause.C
				}
				acknowledged(int(done.Add(1)))
			}
		})
	}
	for _, p := range events {
		work <- p
	}
	close(work)
	senders.Wait()
}

func (w *workers) acknowledged(client *http.Client, i int, p parcel) bool {
	r := p.deliver("/")
	r.URL = &url.URL{Scheme: "http", Host: w.address(i), Path: "/"}
	res, err := client.Do(r)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// A worker is a merchant's process: this test binary, started again with these
// variables. It prints its address and runs until its standard input closes.
const (
	workerVariable = "SQLTEST_WORKER" // a name in dialects, or "journal"
	dsnVariable    = "SQLTEST_DSN"
	// company, token and base URL of a Kapiten that posts callbacks; empty for parcels
	kapitenVariable = "SQLTEST_KAPITEN"
)

func work() {
	name := os.Getenv(workerVariable)
	run := func() error { return serve(name, os.Getenv(dsnVariable)) }
	if name == "journal" {
		run = workJournal
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func serve(name, dsn string) error {
	s := target{dialect: dialects[name], driver: map[string]string{"postgres": "pgx", "maria": "mysql"}[name], dsn: dsn}
	db, err := sql.Open(s.driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(12)
	if s.SQLInbox, err = webhook.NewSQLInbox(db, s.dialect); err != nil {
		return err
	}
	// The server may be away just now; the first delivery checks the tables.
	h, err := workerHandler(s)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- http.Serve(listener, h) }() //nolint:gosec // a test
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- errors.Join(err, io.EOF)
	}()
	fmt.Println(listener.Addr())
	if err := <-ended; !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// workerHandler receives parcels, or rides if the environment names a Kapiten.
func workerHandler(s target) (http.Handler, error) {
	company, token, found := strings.Cut(os.Getenv(kapitenVariable), " ")
	if !found {
		return webhook.New(parcels(), webhook.Config[parcel]{Auth: parcelAuth(), Inbox: s.SQLInbox, HandleTx: apply[parcel](s)})
	}
	token, base, _ := strings.Cut(token, " ")
	client, err := kapiten.New(kapiten.Config{BaseURL: base, Token: token})
	if err != nil {
		return nil, err
	}
	return webhook.NewKapiten(client.Rides, company, webhook.Config[kapiten.Ride]{
		Auth: webhook.PathSecret(parcelSecret), Known: func(context.Context, string) (bool, error) { return true, nil },
		Inbox: s.SQLInbox, HandleTx: apply[kapiten.Ride](s), AskRate: 1000,
	})
}

// apply is the merchant's function: two writes with a little time between them, for
// the process to be killed in. Nothing in it stops a second effect: it would show.
func apply[E any](s target) func(ctx context.Context, tx *sql.Tx, ev webhook.Event[E]) error {
	return func(ctx context.Context, tx *sql.Tx, ev webhook.Event[E]) error {
		return s.write(ctx, tx, ev.Reference, ev.Status)
	}
}

func (s target) write(ctx context.Context, tx *sql.Tx, reference, status string) error {
	if _, err := tx.ExecContext(ctx, s.sql(`INSERT INTO applied (reference, status, worker) VALUES (?, ?, ?)`), reference, status, os.Getpid()); err != nil {
		return err
	}
	sleep, place := `SELECT pg_sleep(random() * 0.01)`, rank(status)
	upsert := `INSERT INTO parcels AS p (reference, status, place, backwards) VALUES (?, ?, ?, 0)
		ON CONFLICT (reference) DO UPDATE SET status = excluded.status, place = excluded.place,
			backwards = p.backwards + CASE WHEN excluded.place < p.place THEN 1 ELSE 0 END`
	if s.dialect == webhook.MySQL {
		sleep = `DO SLEEP(RAND() * 0.01)`
		upsert = `INSERT INTO parcels (reference, status, place, backwards) VALUES (?, ?, ?, 0)
			ON DUPLICATE KEY UPDATE backwards = backwards + (VALUES(place) < place), status = VALUES(status), place = VALUES(place)`
	}
	if _, err := tx.ExecContext(ctx, sleep); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, s.sql(upsert), reference, status, place)
	return err
}
