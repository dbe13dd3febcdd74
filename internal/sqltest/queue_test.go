package sqltest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

func put(t *testing.T, s target, k webhook.Key, payload string, fresh bool) {
	t.Helper()
	got, err := s.Put(t.Context(), k, []byte(payload))
	require.NoError(t, err)
	require.Equal(t, fresh, got)
}

func take(t *testing.T, s target) webhook.Lease {
	t.Helper()
	c, found, err := s.Take(t.Context(), "shop", lease)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, webhook.LeaseGranted, c.Status)
	return c
}

func takeNothing(t *testing.T, s target) {
	t.Helper()
	c, found, err := s.Take(t.Context(), "shop", lease)
	require.NoError(t, err)
	require.False(t, found, c)
}

func TestQueueGivesOutWhatWasPut(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		takeNothing(t, s)
		put(t, s, key("o1", "PAID"), "first", true)
		put(t, s, key("o1", "PAID"), "second", false)
		put(t, s, webhook.Key{Provider: "bank", Reference: "o9", ID: "PAID"}, "not ours", true)
		c := take(t, s)
		assert.Equal(t, key("o1", "PAID"), c.Key)
		assert.Equal(t, "first", string(c.Payload))
		assert.Equal(t, 1, c.Attempts)
		takeNothing(t, s)
		require.NoError(t, s.Complete(t.Context(), c, webhook.Result{State: "PAID", Response: webhook.Response{Status: 200}}))
		takeNothing(t, s)
		put(t, s, key("o1", "PAID"), "third", false)
		s.lapse()
		takeNothing(t, s)
		acquire(t, s, key("o1", "PAID"), webhook.LeaseDone)
	})
}

func TestQueueKeepsEventsOfOneReferenceApart(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		put(t, s, key("o1", "NEW"), "1", true)
		put(t, s, key("o1", "PAID"), "2", true)
		first := take(t, s)
		takeNothing(t, s)
		require.NoError(t, s.Complete(t.Context(), first, webhook.Result{State: first.ID}))
		second := take(t, s)
		assert.NotEqual(t, first.ID, second.ID)
		assert.Equal(t, first.ID, second.State)
		assert.False(t, acquire(t, s, key("o1", "x"), webhook.LeaseInFlight).Same)
	})
}

func TestQueueLeavesAReferenceInFlightAlone(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		c := acquire(t, s, key("o1", "NEW"), webhook.LeaseGranted)
		put(t, s, key("o1", "PAID"), "1", true)
		takeNothing(t, s)
		require.NoError(t, s.Release(t.Context(), c))
		take(t, s)
	})
}

func TestQueueGivesOutAgainWhatADeadWorkerHad(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		put(t, s, key("o1", "PAID"), "1", true)
		dead := take(t, s)
		s.lapse()
		c := take(t, s)
		assert.Equal(t, 2, c.Attempts)
		assert.Equal(t, "1", string(c.Payload))
		require.ErrorIs(t, s.Retry(t.Context(), dead, 0, "late"), webhook.ErrLeaseLost)
		require.ErrorIs(t, s.Complete(t.Context(), dead, webhook.Result{}), webhook.ErrLeaseLost)
		require.NoError(t, s.Complete(t.Context(), c, webhook.Result{}))
	})
}

func TestQueueRetriesAfterTheDelay(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		put(t, s, key("o1", "PAID"), "1", true)
		require.NoError(t, s.Retry(t.Context(), take(t, s), 30*time.Minute, "database away"))
		takeNothing(t, s)
		put(t, s, key("o1", "NEW"), "2", true)
		assert.Equal(t, "NEW", take(t, s).ID, "the reference is free for others")
		s.lapse()
		c := take(t, s)
		if c.ID == "NEW" { // lapsed as well
			require.NoError(t, s.Complete(t.Context(), c, webhook.Result{}))
			c = take(t, s)
		}
		assert.Equal(t, 2, c.Attempts)
	})
}

func TestDeadLettersCanBeListedReplayedAndDiscarded(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		for _, reference := range []string{"o1", "o2", "o3"} {
			put(t, s, key(reference, "PAID"), "body of "+reference, true)
			c := take(t, s)
			require.NoError(t, s.Bury(t.Context(), c, strings.Repeat("é", 400), c.Payload))
		}
		takeNothing(t, s)
		s.lapse()
		takeNothing(t, s)

		all, err := s.Dead(t.Context(), "shop", 10)
		require.NoError(t, err)
		require.Len(t, all, 3)
		for _, d := range all {
			assert.Equal(t, "body of "+d.Reference, string(d.Payload))
			assert.Equal(t, strings.Repeat("é", 250), d.Reason)
			assert.Equal(t, 1, d.Attempts)
			assert.WithinDuration(t, time.Now(), d.Since, 2*time.Hour)
		}
		two, err := s.Dead(t.Context(), "shop", 2)
		require.NoError(t, err)
		assert.Len(t, two, 2)
		none, err := s.Dead(t.Context(), "bank", 10)
		require.NoError(t, err)
		assert.Empty(t, none)

		require.NoError(t, s.Replay(t.Context(), key("o1", "PAID")))
		require.ErrorIs(t, s.Replay(t.Context(), key("o1", "PAID")), webhook.ErrNoSuchLetter)
		assert.Equal(t, 1, take(t, s).Attempts, "counted anew")
		require.NoError(t, s.Discard(t.Context(), key("o2", "PAID")))
		require.ErrorIs(t, s.Discard(t.Context(), key("o2", "PAID")), webhook.ErrNoSuchLetter)
		acquire(t, s, key("o2", "PAID"), webhook.LeaseDone)
		require.ErrorIs(t, s.Replay(t.Context(), key("o4", "PAID")), webhook.ErrNoSuchLetter)

		put(t, s, key("o3", "PAID"), "the genuine one", true)
		assert.Equal(t, "the genuine one", string(take(t, s).Payload))
	})
}

func TestAClaimedEventCanBeBuriedWithoutHavingBeenQueued(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		require.NoError(t, s.Bury(t.Context(), acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted), "cannot follow", []byte("body")))
		dead, err := s.Dead(t.Context(), "shop", 10)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		assert.Equal(t, "cannot follow", dead[0].Reason)
		acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted)
	})
}

func TestQueueGivesEachEventToOneOfManyWorkers(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		const events = 120
		for i := range events {
			put(t, s, key(fmt.Sprint("o", i%40), fmt.Sprint(i)), "x", true)
		}
		var mu sync.Mutex
		done := map[webhook.Key]int{}
		finished := func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(done) == events
		}
		deadline := time.Now().Add(30 * time.Second)
		var workers sync.WaitGroup
		for range 6 {
			workers.Go(func() {
				for !finished() && assert.True(t, time.Now().Before(deadline)) {
					c, found, err := s.Take(t.Context(), "shop", lease)
					if !assert.NoError(t, err) {
						return
					}
					if !found {
						continue
					}
					if !assert.NoError(t, s.Complete(t.Context(), c, webhook.Result{State: "x"})) {
						return
					}
					mu.Lock()
					done[c.Key]++
					mu.Unlock()
				}
			})
		}
		workers.Wait()
		for k, times := range done {
			assert.Equal(t, 1, times, k)
		}
		assert.Len(t, done, events)
	})
}

// Bodies hold names and numbers of people; nobody reads them again.
func TestADoneEventKeepsNoBody(t *testing.T) {
	onEachSQL(t, func(t *testing.T, s target) {
		put(t, s, key("o1", "PAID"), "body", true)
		require.NoError(t, s.Complete(t.Context(), take(t, s), webhook.Result{State: "PAID"}))
		require.NoError(t, s.Bury(t.Context(), acquire(t, s, key("o2", "PAID"), webhook.LeaseGranted), "x", []byte("body")))
		assert.Equal(t, 1, count(t, s.db, "SELECT count(*) FROM webhook_events WHERE length(payload) > 0"))
		require.NoError(t, s.Discard(t.Context(), key("o2", "PAID")))
		assert.Zero(t, count(t, s.db, "SELECT count(*) FROM webhook_events WHERE length(payload) > 0"))
	})
}

func TestAReasonMayQuoteAnything(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		put(t, s, key("o1", "PAID"), "1", true)
		require.NoError(t, s.Retry(t.Context(), take(t, s), 0, "said \x00\xff"))
		require.NoError(t, s.Bury(t.Context(), take(t, s), "said \x00\xff", []byte("1")))
		dead, err := s.Dead(t.Context(), "shop", 10)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		assert.Equal(t, "said ??", dead[0].Reason)
	})
}

func TestAnEventPutOffIsNotTakenBeforeItIsDue(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		const events = 60
		for i := range events {
			put(t, s, key(fmt.Sprint("o", i), "PAID"), "x", true)
		}
		var again atomic.Int32
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				for {
					c, found, err := s.Take(t.Context(), "shop", lease)
					if !assert.NoError(t, err) || !found {
						return
					}
					if c.Attempts > 1 {
						again.Add(1)
					}
					assert.NoError(t, s.Retry(t.Context(), c, time.Hour, "not now"))
				}
			})
		}
		workers.Wait()
		assert.Zero(t, again.Load())
	})
}
