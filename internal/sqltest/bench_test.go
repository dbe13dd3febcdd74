package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

// BenchmarkSQLInbox is one event from HTTP request to committed transaction, the
// merchant's own write included, 16 at a time. fsync is on.
func BenchmarkSQLInbox(b *testing.B) {
	for name, open := range map[string]func(testing.TB) target{"postgres": postgres, "sqlite": sqlite} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			_, err := s.db.ExecContext(b.Context(), "CREATE TABLE applied (reference text, status text)")
			require.NoError(b, err)
			s.db.SetMaxOpenConns(16)
			s.db.SetMaxIdleConns(16)
			h, err := webhook.New(webhook.Config[parcel]{
				Source: parcels(), Auth: []webhook.Authenticator{webhook.PathSecret(parcelSecret)}, Inbox: s.sql(),
				HandleTx: func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
					_, err := tx.ExecContext(ctx, "INSERT INTO applied (reference, status) VALUES ($1, $2)", ev.Reference, ev.Status)
					return err
				},
			})
			require.NoError(b, err)
			var n atomic.Int64
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					p := parcel{fmt.Sprint("parcel-", n.Add(1)), "PENDING"}
					r := httptest.NewRequest(http.MethodPost, "/"+parcelSecret, strings.NewReader(p.body()))
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					if w.Code != http.StatusOK {
						b.Errorf("answered %d", w.Code)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkSQLQueue is one event from HTTP request to acknowledgement, and then
// from the queue to the committed transaction, by eight workers.
func BenchmarkSQLQueue(b *testing.B) {
	for name, open := range map[string]func(testing.TB) target{"postgres": postgres, "sqlite": sqlite} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			s.db.SetMaxOpenConns(16)
			s.db.SetMaxIdleConns(16)
			var left atomic.Int64
			left.Store(int64(b.N))
			ctx, finish := context.WithCancel(b.Context())
			defer finish()
			h, err := webhook.New(webhook.Config[parcel]{
				Source: parcels(), Auth: []webhook.Authenticator{webhook.PathSecret(parcelSecret)}, Inbox: s.sql(),
				Background: &webhook.Background{Workers: 8},
				HandleTx: func(context.Context, *sql.Tx, webhook.Event[parcel]) error {
					if left.Add(-1) == 0 {
						finish()
					}
					return nil
				},
			})
			require.NoError(b, err)
			for i := range b.N {
				require.Equal(b, http.StatusOK, post(h, parcel{fmt.Sprint("parcel-", i), "PENDING"}))
			}
			b.ResetTimer()
			require.NoError(b, h.Run(ctx))
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
