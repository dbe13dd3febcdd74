package sqltest

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

// Two processes share an inbox. 2,000 events arrive at either, up to three times
// each and in any order, while one process is killed again and again.
func TestEveryEventTakesEffectOnceThoughAProcessIsKilled(t *testing.T) {
	for _, mode := range []string{"sync", "background"} {
		t.Run(mode, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			chance := rand.New(rand.NewPCG(seed, 0))
			db, dsn := openPostgres(t)
			overSQL(t, db, webhook.Postgres)
			_, err := db.ExecContext(t.Context(), merchantTables)
			require.NoError(t, err)

			workers := &workers{mode: mode, dsn: dsn}
			t.Cleanup(workers.stop)
			require.NoError(t, workers.start(0))
			require.NoError(t, workers.start(1))

			events := allEvents()
			require.Len(t, events, 2000)
			stopKilling := workers.keepKilling(t, chance)
			deliver(t, workers, shuffled(events, chance))
			if mode == "background" {
				awaitEmptyQueue(t, db)
			}
			kills := stopKilling()
			t.Logf("%d kills", kills)
			assert.GreaterOrEqual(t, kills, 5, "or this test shows nothing")

			// Late copies of everything change nothing.
			before := count(t, db, "SELECT count(*) FROM applied")
			deliver(t, workers, events[:300])
			assert.Equal(t, before, count(t, db, "SELECT count(*) FROM applied"))

			checkEffects(t, db)
		})
	}
}

func checkEffects(t *testing.T, db *sql.DB) {
	assert.Zero(t, count(t, db, `SELECT count(*) FROM (SELECT 1 FROM applied GROUP BY reference, status HAVING count(*) > 1) twice`), "exactly once")
	assert.Equal(t, 2000, count(t, db, `SELECT count(*) FROM webhook_events WHERE status = 'done'`), "none is lost")
	assert.Zero(t, count(t, db, `SELECT count(*) FROM webhook_events WHERE status <> 'done'`))
	assert.Equal(t, 800, count(t, db, `SELECT count(*) FROM applied WHERE reference LIKE 'free%'`), "what has no order is always handed on")

	// Of a parcel's events those that came after a later one are stale: each event
	// was handed on or is on record as stale, never both.
	assert.Zero(t, count(t, db, `SELECT count(*) FROM webhook_events e
		WHERE (e.outcome = 'advanced') <> EXISTS (SELECT 1 FROM applied a WHERE a.reference = e.reference AND a.status = e.event)`))
	assert.Zero(t, count(t, db, `SELECT count(*) FROM webhook_events WHERE outcome NOT IN ('advanced', 'stale')`))
	assert.Positive(t, count(t, db, `SELECT count(*) FROM webhook_events WHERE outcome = 'stale'`), "there was disorder")

	assert.Equal(t, 150, count(t, db, `SELECT count(*) FROM parcels WHERE status = 'COMPLETED'`), "all arrived at the end")
	assert.Zero(t, count(t, db, `SELECT count(*) FROM parcels WHERE backwards > 0`), "statuses never go backwards")
	assert.Greater(t, count(t, db, `SELECT count(DISTINCT worker) FROM applied`), 2, "several processes had a hand in it")
}

func allEvents() []parcel {
	var events []parcel
	for i := range 150 {
		for _, status := range way {
			events = append(events, parcel{fmt.Sprint("parcel-", i), string(status)})
		}
	}
	for i := range 800 {
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

// deliver sends as a patient provider does: until it is acknowledged.
func deliver(t *testing.T, w *workers, events []parcel) {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	deadline := time.Now().Add(2 * time.Minute)
	work := make(chan parcel)
	var senders sync.WaitGroup
	for range 32 {
		senders.Go(func() {
			pause := time.NewTicker(10 * time.Millisecond)
			defer pause.Stop()
			for p := range work {
				for !acknowledged(client, w.address(rand.IntN(2)), p) {
					if !assert.True(t, time.Now().Before(deadline), "not acknowledged in time") {
						break
					}
					<-pause.C
				}
			}
		})
	}
	for _, p := range events {
		work <- p
	}
	close(work)
	senders.Wait()
}

func acknowledged(client *http.Client, address string, p parcel) bool {
	res, err := client.Post("http://"+address+"/"+parcelSecret, "application/json", strings.NewReader(p.body()))
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func awaitEmptyQueue(t *testing.T, db *sql.DB) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(2 * time.Minute)
	for count(t, db, `SELECT count(*) FROM webhook_events WHERE status = 'queued'`) > 0 {
		require.True(t, time.Now().Before(deadline), "the queue does not empty")
		<-tick.C
	}
}

func count(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

// workers are the merchant's two processes.
type workers struct {
	mode, dsn string

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
	cmd.Env = append(os.Environ(), workerVariable+"="+w.mode, dsnVariable+"="+w.dsn)
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

// mostKills bounds the test's time on a machine that has other work.
const mostKills = 20

// keepKilling kills the second process at random moments and starts it again,
// until it is told to stop or did it mostKills times; it then tells how often.
func (w *workers) keepKilling(t *testing.T, chance *rand.Rand) (stop func() int) {
	var kills atomic.Int64
	quit, done := make(chan struct{}), make(chan struct{})
	pauses := make([]time.Duration, mostKills)
	for i := range pauses {
		pauses[i] = time.Duration(150+chance.IntN(500)) * time.Millisecond
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
