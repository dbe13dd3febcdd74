package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

func record(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO applied (reference, status) VALUES ($1, $2)", ev.Reference, ev.Status)
	return err
}

func recording(t *testing.T, s target, handle func(context.Context, *sql.Tx, webhook.Event[parcel]) error) *webhook.Handler[parcel] {
	t.Helper()
	_, err := s.db.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS applied (reference text, status text)")
	require.NoError(t, err)
	h, err := webhook.New(webhook.Config[parcel]{
		Source: parcels(), Auth: []webhook.Authenticator{webhook.PathSecret(parcelSecret)}, Inbox: s.sql(), HandleTx: handle,
	})
	require.NoError(t, err)
	return h
}

func post(h http.Handler, p parcel) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/"+parcelSecret, strings.NewReader(p.body())))
	return w.Code
}

func TestYourWritesAndTheMarkCommitTogether(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		h := recording(t, s, record)
		for range 3 {
			assert.Equal(t, 200, post(h, parcel{"o1", "PENDING"}))
		}
		assert.Equal(t, 1, count(t, s.db, "SELECT count(*) FROM applied"))
		acquire(t, s, key("o1", "PENDING"), webhook.LeaseDone)
	})
}

func TestYourWritesGoWhenYourFunctionFails(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		failing := errors.New("out of stock")
		h := recording(t, s, func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
			return errors.Join(record(ctx, tx, ev), failing)
		})
		assert.Equal(t, 500, post(h, parcel{"o1", "PENDING"}))
		assert.Zero(t, count(t, s.db, "SELECT count(*) FROM applied"))

		panicking := recording(t, s, func(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
			assert.NoError(t, record(ctx, tx, ev))
			panic("out of range")
		})
		assert.Equal(t, 500, post(panicking, parcel{"o1", "PENDING"}))
		assert.Zero(t, count(t, s.db, "SELECT count(*) FROM applied"))

		assert.Equal(t, 200, post(recording(t, s, record), parcel{"o1", "PENDING"}), "nothing stands in its way")
		assert.Equal(t, 1, count(t, s.db, "SELECT count(*) FROM applied"))
	})
}

func TestYourFunctionIsNotCalledOnceTheLeaseIsLost(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		old := acquire(t, s, key("o1", "PENDING"), webhook.LeaseGranted)
		s.lapse()
		acquire(t, s, key("o1", "PENDING"), webhook.LeaseGranted)
		err := s.sql().CompleteTx(t.Context(), old, webhook.Result{State: "PENDING"}, func(*sql.Tx) error {
			t.Error("called")
			return nil
		})
		require.ErrorIs(t, err, webhook.ErrLeaseLost)
	})
}

// A transaction under way keeps its reference even when the lease runs out: who
// wants to take over waits for its end and then finds the event done.
func TestNobodyTakesOverWhileYourFunctionRuns(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		c, err := s.Acquire(t.Context(), key("o1", "PENDING"), time.Microsecond)
		require.NoError(t, err)
		var taker sync.WaitGroup
		err = s.sql().CompleteTx(t.Context(), c, webhook.Result{State: "PENDING"}, func(*sql.Tx) error {
			started := make(chan struct{})
			taker.Go(func() {
				close(started)
				second, err := s.Acquire(t.Context(), key("o1", "PENDING"), lease)
				assert.NoError(t, err)
				assert.Equal(t, webhook.LeaseDone, second.Status)
			})
			<-started
			return nil
		})
		require.NoError(t, err)
		taker.Wait()
		assert.Equal(t, "PENDING", acquire(t, s, key("o1", "ACCEPTED"), webhook.LeaseGranted).State)
	})
}

// A flood of duplicates must not take all of the merchant's connections. (SQLite
// lets one write at a time, whatever it writes.)
func TestAClaimDoesNotWaitForTheTransactionOfItsHolder(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	c := acquire(t, s, key("o1", "PENDING"), webhook.LeaseGranted)
	err := s.sql().CompleteTx(t.Context(), c, webhook.Result{State: "PENDING"}, func(*sql.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for id, same := range map[string]bool{"PENDING": true, "ACCEPTED": false} {
			other, err := s.Acquire(ctx, key("o1", id), lease)
			require.NoError(t, err)
			assert.Equal(t, webhook.LeaseInFlight, other.Status)
			assert.Equal(t, same, other.Same)
		}
		return nil
	})
	require.NoError(t, err)
	acquire(t, s, key("o1", "PENDING"), webhook.LeaseDone)
}

func TestPurgeForgetsOnlyWhatIsDoneAndOld(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		ctx := t.Context()
		require.NoError(t, s.Complete(ctx, acquire(t, s, key("done", "PAID"), webhook.LeaseGranted), webhook.Result{State: "PAID"}))
		require.NoError(t, s.Bury(ctx, acquire(t, s, key("dead", "PAID"), webhook.LeaseGranted), "x", nil))
		put(t, s, key("queued", "PAID"), "x", true)
		held := acquire(t, s, key("held", "PAID"), webhook.LeaseGranted)

		n, err := s.sql().Purge(ctx, time.Hour)
		require.NoError(t, err)
		assert.Zero(t, n, "nothing is old")
		for _, table := range []string{"webhook_events", "webhook_references"} {
			_, err = s.db.ExecContext(ctx, "UPDATE "+table+" SET touched_at = touched_at - 7200000000")
			require.NoError(t, err)
		}
		n, err = s.sql().Purge(ctx, time.Hour)
		require.NoError(t, err)
		assert.EqualValues(t, 1, n)

		assert.Empty(t, acquire(t, s, key("done", "PAID"), webhook.LeaseGranted).State, "forgotten")
		dead, err := s.Dead(ctx, "shop", 10)
		require.NoError(t, err)
		assert.Len(t, dead, 1)
		assert.Equal(t, "queued", take(t, s).Reference)
		require.NoError(t, s.Complete(ctx, held, webhook.Result{State: "PAID"}))

		_, err = s.sql().Purge(ctx, 0)
		require.ErrorIs(t, err, webhook.ErrConfiguration)
	})
}

func TestAPurgedReferenceRepeatsNoFence(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		old := acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		_, err := s.db.ExecContext(t.Context(), "DELETE FROM webhook_references")
		require.NoError(t, err)
		// Two microseconds of the database's clock, milliseconds on SQLite.
		for count(t, s.db, "SELECT count(*) FROM webhook_references") == 0 {
			c, err := s.Acquire(t.Context(), key("o1", "PAID"), lease)
			require.NoError(t, err)
			if c.Fence == old.Fence {
				_, err := s.db.ExecContext(t.Context(), "DELETE FROM webhook_references")
				require.NoError(t, err)
			}
		}
		require.ErrorIs(t, s.Complete(t.Context(), old, webhook.Result{}), webhook.ErrLeaseLost)
	})
}

func TestNewSQLInboxRefusesWhatCannotWork(t *testing.T) {
	_, err := webhook.NewSQLInbox(nil, webhook.Postgres)
	require.ErrorIs(t, err, webhook.ErrConfiguration)
	_, err = webhook.NewSQLInbox(new(sql.DB), "oracle")
	require.ErrorIs(t, err, webhook.ErrConfiguration)
}

func TestADatabaseThatIsAwayIsAnErrorNotALoss(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		h := recording(t, s, record)
		require.NoError(t, s.db.Close())
		assert.Equal(t, 500, post(h, parcel{"o1", "PENDING"}))
		ctx := t.Context()
		_, err := s.Put(ctx, key("o1", "PAID"), nil)
		require.Error(t, err)
		_, _, err = s.Take(ctx, "shop", lease)
		require.Error(t, err)
		_, err = s.Dead(ctx, "shop", 1)
		require.Error(t, err)
		require.Error(t, s.Replay(ctx, key("o1", "PAID")))
		_, err = s.sql().Purge(ctx, time.Hour)
		require.Error(t, err)
	})
}
