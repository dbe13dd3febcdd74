package sqltest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/webhook"
)

// baseline is what a merchant writes by hand for one provider: the event's key, the
// effect, and nothing that orders, compares or retries.
func (s target) baseline(t testing.TB) http.Handler {
	s.exec(t, `CREATE TABLE seen (reference varchar(255), status varchar(255), PRIMARY KEY (reference, status))`)
	auth := parcelAuth()
	handle := func(r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		if _, err := webhook.Verify(r, body, auth); err != nil {
			return err
		}
		var p parcel
		if err := json.Unmarshal(body, &p); err != nil {
			return err
		}
		tx, err := s.db.BeginTx(r.Context(), nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		result, err := tx.ExecContext(r.Context(), s.sql(`INSERT INTO seen (reference, status) VALUES (?, ?) ON CONFLICT DO NOTHING`), p.Reference, p.Status)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); n == 0 || err != nil {
			return err
		}
		ev := webhook.Event[parcel]{Identity: webhook.Identity{Reference: p.Reference, Status: p.Status}}
		if err := s.record(r.Context(), tx, ev); err != nil {
			return err
		}
		return tx.Commit()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(r); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
}

// round is how long a handler takes for n events of a status, sixteen at a time, each of
// a reference of its own.
func round(t testing.TB, h http.Handler, n, from int, status string) time.Duration {
	began := time.Now()
	var senders sync.WaitGroup
	for sender := range 16 {
		senders.Go(func() {
			for i := sender; i < n; i += 16 {
				// As net/http: the context of a request ends with it.
				ctx, end := context.WithCancel(t.Context())
				w := httptest.NewRecorder()
				h.ServeHTTP(w, parcel{fmt.Sprint("parcel-", from+i), status}.deliver("/").WithContext(ctx))
				if end(); w.Code != http.StatusOK {
					t.Errorf("answered %d", w.Code)
				}
			}
		})
	}
	senders.Wait()
	return time.Since(began)
}

// BenchmarkInboxBesideABaseline holds the inbox against code written by hand, side by side:
// for the first event of a reference, and for a later one, which the baseline does not compare
// with the first. The aim is 0.85 of the baseline for the first, by the time of the processors,
// ours and the server's. The clock would tell what else the machine does.
func BenchmarkInboxBesideABaseline(b *testing.B) {
	const rounds, n = 15, 1600
	s := inboxOn(b, "postgres")
	s.dsn += " synchronous_commit=on"
	s.db = s.open(b)
	sqlInbox, err := webhook.NewSQLInbox(s.db, s.dialect)
	require.NoError(b, err)
	s.SQLInbox = sqlInbox
	s.db.SetMaxOpenConns(16)
	s.db.SetMaxIdleConns(16)
	var inbox http.Handler = s.handler(b, nil)
	baseline := s.baseline(b)
	spent, took := map[string]*[2]time.Duration{}, map[string]*[2]time.Duration{}
	for i := range rounds + 1 {
		for _, status := range []string{"PENDING", "ACCEPTED"} {
			if i == 0 { // warms up
				spent[status], took[status] = new([2]time.Duration), new([2]time.Duration)
			}
			for turn, side := range []int{0, 1, 0} { // baseline, inbox, baseline
				h, events, from := baseline, n/2, (2*i+turn/2)*n
				if side == 1 {
					h, events = inbox, n
				}
				ours, servers := used()
				wall := round(b, h, events, from, status)
				if i > 0 {
					oursAfter, serversAfter := used()
					spent[status][side] += oursAfter - ours + serversAfter - servers
					took[status][side] += wall
				}
			}
		}
	}
	for status, cpu := range spent {
		b.ReportMetric(cpu[0].Seconds()/cpu[1].Seconds(), status+"-of-baseline")
		b.ReportMetric(took[status][0].Seconds()/took[status][1].Seconds(), status+"-of-baseline-by-the-clock")
	}
}

// BenchmarkSQLInbox is one event from HTTP request to committed transaction, the
// merchant's own write included, 16 at a time. fsync is on.
func BenchmarkSQLInbox(b *testing.B) {
	for name := range dialects {
		b.Run(name, func(b *testing.B) {
			s := inboxOn(b, name)
			s.db.SetMaxOpenConns(16)
			s.db.SetMaxIdleConns(16)
			h := s.handler(b, nil)
			b.ResetTimer()
			round(b, h, b.N, 0, "PENDING")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// payments is an API that knows one payment, which is pending.
type payments struct{ asked *atomic.Int64 }

func (p payments) Find(_ context.Context, refID string) (*kpay.Payment, error) {
	p.asked.Add(1)
	if refID != "leaked" {
		return nil, fmt.Errorf("asked about %q", refID)
	}
	return &kpay.Payment{RefID: refID, Status: kpay.CodePending}, nil
}

// Ten thousand forgeries of each kind, by one who knows the URLs, leave no row but that
// of the payment which is real, and no request beyond the budget.
func TestForgeriesLeaveNoRow(t *testing.T) {
	t.Parallel()
	s := inboxOn(t, "postgres")
	caps, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kpay", BaseURL: "https://shop.example/kpay"}, parcelSecret)
	require.NoError(t, err)
	leaked, err := caps.Mint("leaked", decimal.NewFromInt(4200), "RWF")
	require.NoError(t, err)
	var asked, handed atomic.Int64
	h, err := webhook.NewKPay(payments{&asked}, webhook.Config[kpay.Payment]{
		Auth:  webhook.AnyOf(webhook.PathSecret(parcelSecret), caps),
		Known: func(_ context.Context, reference string) (bool, error) { return reference == "leaked", nil },
		Inbox: s.SQLInbox,
		HandleTx: func(_ context.Context, _ *sql.Tx, ev webhook.Event[kpay.Payment]) error {
			handed.Add(1)
			assert.Equal(t, string(kpay.CodePending), ev.Status)
			return nil
		},
		Timeout: 10 * time.Second,
	})
	require.NoError(t, err)
	began := time.Now()
	for name, forge := range map[string]func(i int) (target, body string){
		"secret, invented reference": func(i int) (string, string) {
			return "/kpay/" + parcelSecret, fmt.Sprintf(`{"refid":"invented-%d","statusid":"01"}`, i)
		},
		"secret, known reference": func(int) (string, string) {
			return "/kpay/" + parcelSecret, `{"refid":"leaked","statusid":"01"}`
		},
		"capability, its reference": func(i int) (string, string) {
			return leaked, fmt.Sprintf(`{"refid":"leaked","statusid":"%02d","tid":"%d"}`, i%100, i)
		},
		"capability, another reference": func(i int) (string, string) {
			return leaked, fmt.Sprintf(`{"refid":"invented-%d","statusid":"01"}`, i)
		},
		"capability, no reference": func(int) (string, string) { return leaked, `{"statusid":"01"}` },
	} {
		var flood sync.WaitGroup
		for i := range 10_000 {
			flood.Go(func() {
				to, body := forge(i)
				h.ServeHTTP(httptest.NewRecorder(), request(to, body))
			})
		}
		flood.Wait()
		assert.LessOrEqual(t, s.count(t, "SELECT count(*) FROM webhook_inbox"), 1, name)
	}
	assert.LessOrEqual(t, handed.Load(), int64(1))
	// Two lines of questions, one for each way in: eight at once, then one a second.
	assert.LessOrEqual(t, asked.Load(), 2*(8+int64(time.Since(began)/time.Second)+1))
	t.Logf("%d questions in %v", asked.Load(), time.Since(began))
}

// Senders that hang up leave no reference behind that others wait for.
func TestSendersThatHangUpHoldNothing(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		s.db.SetMaxOpenConns(16)
		h := s.handler(t, func(c *webhook.Config[parcel]) {
			c.Report = func(_ context.Context, err error) { t.Error(err) }
		})
		var senders sync.WaitGroup
		for i := range 100 {
			senders.Go(func() {
				ctx, hangUp := context.WithCancel(t.Context())
				hangUp()
				h.ServeHTTP(httptest.NewRecorder(), parcel{fmt.Sprint("o", i), "PENDING"}.deliver("/").WithContext(ctx))
			})
		}
		senders.Wait()
		assert.Equal(t, 100, s.count(t, "SELECT count(*) FROM applied"), "the work goes on")
		for i := range 100 {
			assert.Equal(t, 200, post(h, parcel{fmt.Sprint("o", i), "ACCEPTED"}))
		}
	})
}
