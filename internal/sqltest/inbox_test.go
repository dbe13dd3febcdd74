package sqltest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

const lease = time.Minute

func key(reference, id string) webhook.Key {
	return webhook.Key{Provider: "shop", Reference: reference, ID: id}
}

func acquire(t *testing.T, s target, k webhook.Key, want webhook.LeaseStatus) webhook.Lease {
	t.Helper()
	c, err := s.Acquire(t.Context(), k, lease)
	require.NoError(t, err)
	require.Equal(t, want, c.Status)
	assert.Equal(t, k, c.Key)
	return c
}

func TestClaimIsNewThenInFlightThenDone(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		c := acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		assert.Empty(t, c.State)
		assert.True(t, acquire(t, s, key("o1", "PAID"), webhook.LeaseInFlight).Same)
		assert.False(t, acquire(t, s, key("o1", "NEW"), webhook.LeaseInFlight).Same, "one reference, one worker")

		response := webhook.Response{Status: 201, ContentType: "application/json", Body: []byte("{\"reply\":\"OK\"}\x00\xff")}
		require.NoError(t, s.Complete(t.Context(), c, webhook.Result{State: "PAID", Transition: webhook.Advanced, Response: response}))
		done := acquire(t, s, key("o1", "PAID"), webhook.LeaseDone)
		assert.Equal(t, response.Status, done.Response.Status)
		assert.Equal(t, response.ContentType, done.Response.ContentType)
		assert.True(t, bytes.Equal(response.Body, done.Response.Body))
		assert.Equal(t, "PAID", acquire(t, s, key("o1", "NEW"), webhook.LeaseGranted).State, "the last status is remembered")
	})
}

func TestClaimsOfOthersAreIndependent(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		acquire(t, s, key("o2", "PAID"), webhook.LeaseGranted)
		acquire(t, s, webhook.Key{Provider: "bank", Reference: "o1", ID: "PAID"}, webhook.LeaseGranted)
		acquire(t, s, key("O1", "PAID"), webhook.LeaseGranted)
		acquire(t, s, key("ó1 '\"; --", "PAID"), webhook.LeaseGranted)
	})
}

func TestCompleteWithoutStateKeepsTheLast(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		require.NoError(t, s.Complete(t.Context(), acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted), webhook.Result{State: "PAID"}))
		require.NoError(t, s.Complete(t.Context(), acquire(t, s, key("o1", "NEW"), webhook.LeaseGranted), webhook.Result{Transition: webhook.Stale}))
		assert.Equal(t, "PAID", acquire(t, s, key("o1", "x"), webhook.LeaseGranted).State)
		acquire(t, s, key("o1", "NEW"), webhook.LeaseDone)
	})
}

func TestReleaseLeavesEverythingAsItWas(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		first := acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		require.NoError(t, s.Release(t.Context(), first))
		second := acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		assert.NotEqual(t, first.Fence, second.Fence)
		require.NoError(t, s.Release(t.Context(), first), "a lease that was lost is no error")
		acquire(t, s, key("o1", "PAID"), webhook.LeaseInFlight)
	})
}

func TestExpiredLeaseIsTakenOverAndTheOldWorkerCannotComplete(t *testing.T) {
	for name, id := range map[string]string{"same event": "PAID", "other event": "NEW"} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s target) {
				old := acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted)
				s.lapse()
				taker := acquire(t, s, key("o1", id), webhook.LeaseGranted)
				require.ErrorIs(t, s.Complete(t.Context(), old, webhook.Result{State: "WRONG"}), webhook.ErrLeaseLost)
				require.ErrorIs(t, s.Bury(t.Context(), old, "too late", nil), webhook.ErrLeaseLost)
				require.NoError(t, s.Release(t.Context(), old))
				acquire(t, s, key("o1", id), webhook.LeaseInFlight)
				require.NoError(t, s.Complete(t.Context(), taker, webhook.Result{State: "RIGHT"}))
				require.ErrorIs(t, s.Complete(t.Context(), old, webhook.Result{State: "WRONG"}), webhook.ErrLeaseLost)
				assert.Equal(t, "RIGHT", acquire(t, s, key("o1", "x"), webhook.LeaseGranted).State)
			})
		})
	}
}

func TestExpiredLeaseNobodyTookMayStillComplete(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		c := acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		s.lapse()
		require.NoError(t, s.Complete(t.Context(), c, webhook.Result{State: "PAID"}))
		require.ErrorIs(t, s.Complete(t.Context(), c, webhook.Result{State: "PAID"}), webhook.ErrLeaseLost, "once")
		acquire(t, s, key("o1", "PAID"), webhook.LeaseDone)
	})
}

func TestOnlyOneOfManyGetsTheClaim(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		var won atomic.Int32
		var workers sync.WaitGroup
		for i := range 16 {
			workers.Go(func() {
				for range 4 {
					c, err := s.Acquire(t.Context(), key("o1", fmt.Sprint(i%2)), lease)
					assert.NoError(t, err)
					if c.Status == webhook.LeaseGranted {
						won.Add(1)
					}
				}
			})
		}
		workers.Wait()
		assert.EqualValues(t, 1, won.Load())
	})
}

func TestEveryEventIsWorkedOnOnceHoweverManyWorkers(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		var mu sync.Mutex
		done := map[webhook.Key]int{}
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				for i := range 60 {
					k := key(fmt.Sprint("o", i%15), fmt.Sprint(i))
					for {
						c, err := s.Acquire(t.Context(), k, lease)
						if !assert.NoError(t, err) || c.Status == webhook.LeaseDone {
							break
						}
						if c.Status == webhook.LeaseInFlight {
							continue
						}
						mu.Lock()
						done[k]++
						mu.Unlock()
						if !assert.NoError(t, s.Complete(t.Context(), c, webhook.Result{State: "x"})) {
							break
						}
					}
				}
			})
		}
		workers.Wait()
		require.Len(t, done, 60)
		for k, times := range done {
			assert.Equal(t, 1, times, k)
		}
	})
}

func TestClaimHonoursItsContext(t *testing.T) {
	onEach(t, func(t *testing.T, s target) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Acquire(ctx, key("o1", "PAID"), lease)
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.Put(ctx, key("o1", "PAID"), nil)
		require.ErrorIs(t, err, context.Canceled)
		_, _, err = s.Take(ctx, "shop", lease)
		require.ErrorIs(t, err, context.Canceled)
		acquire(t, s, key("o1", "PAID"), webhook.LeaseGranted)
	})
}
