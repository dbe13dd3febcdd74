package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// full is the long run.
func full() bool { return os.Getenv("KAPITEN_FULL") != "" }

// TestJournalCrashOfEachFlow stops the process at each statement and each call of each
// flow, and again in its second life. The provider acts at most once, the entry ends
// final or waits for a person, and the func runs once per change. KAPITEN_FULL=1 does
// the same on PostgreSQL.
func TestJournalCrashOfEachFlow(t *testing.T) {
	t.Parallel()
	for name, flow := range flowWorlds() {
		stores := map[string]func(*testing.T) store{"": sqliteStore}
		if full() {
			stores[" on postgres"] = postgresStore
		}
		for on, open := range stores {
			t.Run(name+on, func(t *testing.T) {
				t.Parallel()
				s, ends := open(t), map[string]int{}
				k := 0
				for died := true; died; k++ {
					clear(t, s.plain)
					w := flow.world()
					var state string
					state, died = s.lives(t, w, k)
					s.check(t, w, flow.class, state, k)
					ends[state]++
				}
				require.Greater(t, k, 25, "the process has more steps than these")
				require.Greater(t, ends["final"], k/3, "only a death between the first byte and the record of the response leaves it to a person")
				t.Log(k, "steps", ends)
			})
		}
	}
}

// lives runs a process that dies at step k, and again in its second life, until its
// entry has come to an end.
func (s store) lives(t *testing.T, w outsideWorld, k int) (state string, died bool) {
	t.Helper()
	for life := 0; life < 30 && (life < 2 || state != "final" && state != "stuck"); life++ {
		g := &gate{left: -1}
		switch life {
		case 0:
			g.left = k
		case 1:
			g.left = 3 + k*7%41
		}
		s.live(t, w, g)
		checkRest(t, s.plain)
		if life == 0 {
			died = g.died()
		}
		w.advance(10 * time.Second)
		state = s.later(t)
	}
	return state, died
}

func (s store) check(t *testing.T, w outsideWorld, class sdk.Class, state string, k int) {
	t.Helper()
	told := changes(t, s.plain, providerReference)
	require.LessOrEqual(t, len(w.ledger()), 1, "k=%d: %v", k, told)
	var reason string
	require.NoError(t, s.plain.QueryRowContext(t.Context(), `SELECT COALESCE((SELECT reason || ': ' || note FROM journal_stuck), '')`).Scan(&reason))
	switch state {
	case "final":
		require.Equal(t, 1, len(w.ledger()), "k=%d: %v", k, told)
		require.Equal(t, "succeeded", told[len(told)-1], "k=%d: %v", k, told)
		require.LessOrEqual(t, len(told), 2, "k=%d: %v", k, told)
	case "stuck":
		require.NotEqual(t, sdk.Referenced, class, "k=%d: a unique reference is always settled: %s", k, reason)
		require.Equal(t, "stuck", told[len(told)-1], "k=%d: %v", k, told)
		require.Len(t, told, 1, "k=%d: %v %s", k, told, reason)
	default:
		t.Fatalf("k=%d: it ended %s, %v", k, state, told)
	}
}

// byteTransport stops the process once so many bytes have gone over the wire: in the
// middle of a request, or of a response whose request was carried out.
type byteTransport struct {
	next http.RoundTripper
	gate *gate
}

type bytesLeft struct {
	mu sync.Mutex
	n  int
}

// take returns how many of the wanted bytes may still go over the wire.
func (b *bytesLeft) take(wanted int) int {
	if b == nil {
		return wanted
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(wanted, b.n)
	b.n -= n
	return n
}

// rest is how many are left. A killed process may still be on its way to a request.
func (b *bytesLeft) rest() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

func (b byteTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.gate.bytes.take(1) == 0 {
		b.gate.kill()
	}
	if b.gate.died() {
		return nil, errDead
	}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(context.WithoutCancel(r.Context()))
		r.Body = io.NopCloser(&countedReader{bytes.NewReader(body), b})
	}
	response, err := b.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	if err == nil && b.gate.bytes.take(1) == 0 {
		b.gate.kill()
	}
	if b.gate.died() || err != nil {
		return nil, errDead
	}
	response.Body = io.NopCloser(&countedReader{response.Body, b})
	return response, nil
}

type countedReader struct {
	io.Reader
	b byteTransport
}

func (c *countedReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.b.gate.bytes.take(1) == 0 {
		c.b.gate.kill()
		return 0, errDead
	}
	return c.Reader.Read(p[:1])
}

// wire is a connection to the database of a process that may die in the middle of a
// message. The server acts on what is whole, and nobody hears of it.
type wire struct {
	net.Conn
	gate *gate
}

func (w wire) Write(p []byte) (int, error) {
	if w.gate.died() {
		return 0, w.die()
	}
	n := w.gate.bytes.take(len(p))
	sent, err := w.Conn.Write(p[:n])
	if err == nil && n < len(p) {
		err = w.die()
	}
	return sent, err
}

func (w wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.gate.died() {
		return 0, w.die()
	}
	if heard := w.gate.bytes.take(n); heard < n {
		return heard, w.die()
	}
	return n, err
}

func (w wire) die() error {
	w.gate.kill()
	_ = w.Conn.Close()
	return errDead
}

// wiredStore is a PostgreSQL of which each byte is counted, in both directions.
func wiredStore(t *testing.T) store {
	t.Helper()
	plain, dsn := openPostgres(t)
	newMerchant(t, plain, journal.PostgreSQL, newBank(sdk.Once))
	return store{journal.PostgreSQL, plain, func(g *gate) *sql.DB {
		cfg, err := pgx.ParseConfig(dsn)
		must(err)
		cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			if g.died() { // also for pgx's request to cancel a statement
				return nil, errDead
			}
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return wire{conn, g}, err
		}
		return stdlib.OpenDB(*cfg)
	}}
}

// boundaries is how many bytes of each flow the normal run tries, and wireBoundaries how many
// the long run tries of a flow with its database on the wire.
const boundaries, wireBoundaries = 14, 500

// TestJournalCrashAtEachByte stops the process within each request and each response of
// each flow: with KAPITEN_FULL=1 after every byte, otherwise at equal distances. The head
// of a request or response is one byte here, because the fakes stand in one process.
//
// On PostgreSQL the bytes to the server and from it count, too. Most of them are the texts
// of statements, so that the long run tries each byte of KPay only, and equal distances of
// the other flows. They begin at another byte in each flow.
func TestJournalCrashAtEachByte(t *testing.T) {
	t.Parallel()
	for i, name := range slices.Sorted(maps.Keys(flowWorlds())) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			most := 0
			if !full() {
				most = boundaries
			}
			sqliteStore(t).crashAtBytes(t, name, 0, most)
		})
		t.Run(name+" on postgres", func(t *testing.T) {
			t.Parallel()
			most := wireBoundaries
			switch {
			case !full():
				most = boundaries
			case name == "kpay":
				most = 0
			}
			require.Greater(t, wiredStore(t).crashAtBytes(t, name, i, most), 10_000, "the statements are among the bytes")
		})
	}
}

// crashAtBytes runs processes of a flow that die after more and more bytes, at about so
// many boundaries; 0: at all. It returns how many bytes a process needs.
func (s store) crashAtBytes(t *testing.T, name string, first, most int) (all int) {
	t.Helper()
	flow, ends := flowWorlds()[name], map[string]int{}
	// dies runs a process that dies after k bytes, and says how many went over the wire.
	dies := func(k int) (int, bool) {
		clear(t, s.plain)
		w, g, state := flow.world(), &gate{left: -1, bytes: &bytesLeft{n: k}}, ""
		process := w.process
		w.process = func(j *journal.Journal, name string, _ transportWrap) planner {
			return process(j, name, func(next http.RoundTripper) http.RoundTripper { return byteTransport{next, g} })
		}
		s.live(t, w, g)
		w.process = process
		for life := 0; life < 30 && (life == 0 || state != "final" && state != "stuck"); life++ {
			w.advance(10 * time.Second)
			s.later(t)
			s.live(t, w, &gate{left: -1})
			state = s.later(t)
		}
		s.check(t, w, flow.class, state, k)
		ends[state]++
		return k - g.bytes.rest(), g.died()
	}
	all, died := dies(1 << 30)
	require.False(t, died)
	stride := 1
	if most > 0 {
		stride = max(1, all/most)
	}
	tried := 0
	for k := first % stride; ; k += stride {
		if _, died = dies(k); !died {
			break
		}
		tried++
	}
	require.GreaterOrEqual(t, tried, boundaries)
	t.Logf("%d bytes, %d boundaries, stride %d: %v", all, tried, stride, ends)
	return all
}
