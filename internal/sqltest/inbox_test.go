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

func claim(t *testing.T, s subject, k webhook.Key, want webhook.LeaseStatus) webhook.Lease {
	t.Helper()
	c, err := s.Acquire(t.Context(), k, lease)
	require.NoError(t, err)
	require.Equal(t, want, c.Status)
	assert.Equal(t, k, c.Key)
	return c
}

func TestClaimIsNewThenInFlightThenDone(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		c := claim(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		assert.Empty(t, c.State)
		assert.True(t, claim(t, s, key("o1", "PAID"), webhook.LeaseInFlight).Same)
		assert.False(t, claim(t, s, key("o1", "NEW"), webhook.LeaseInFlight).Same, "one reference, one worker")

		answer := webhook.Response{Status: 201, ContentType: "application/json", Body: []byte("{\"reply\":\"OK\"}\x00\xff")}
		require.NoError(t, s.Complete(t.Context(), c, webhook.Result{State: "PAID", Transition: webhook.Advanced, Answer: answer}))
		done := claim(t, s, key("o1", "PAID"), webhook.LeaseDone)
		assert.Equal(t, answer.Status, done.Response.Status)
		assert.Equal(t, answer.ContentType, done.Response.ContentType)
		assert.True(t, bytes.Equal(answer.Body, done.Response.Body))
		assert.Equal(t, "PAID", claim(t, s, key("o1", "NEW"), webhook.LeaseGranted).State, "the last status is remembered")
	})
}

func TestClaimsOfOthersAreIndependent(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		claim(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		claim(t, s, key("o2", "PAID"), webhook.LeaseGranted)
		claim(t, s, webhook.Key{Provider: "bank", Reference: "o1", ID: "PAID"}, webhook.LeaseGranted)
		claim(t, s, key("O1", "PAID"), webhook.LeaseGranted)
		claim(t, s, key("ó1 '\"; --", "PAID"), webhook.LeaseGranted)
	})
}

func TestCompleteWithoutStateKeepsTheLast(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		require.NoError(t, s.Complete(t.Context(), claim(t, s, key("o1", "PAID"), webhook.LeaseGranted), webhook.Result{State: "PAID"}))
		require.NoError(t, s.Complete(t.Context(), claim(t, s, key("o1", "NEW"), webhook.LeaseGranted), webhook.Result{Transition: webhook.Stale}))
		assert.Equal(t, "PAID", claim(t, s, key("o1", "x"), webhook.LeaseGranted).State)
		claim(t, s, key("o1", "NEW"), webhook.LeaseDone)
	})
}

func TestReleaseLeavesEverythingAsItWas(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		first := claim(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		require.NoError(t, s.Release(t.Context(), first))
		second := claim(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		assert.NotEqual(t, first.Fence, second.Fence)
		require.NoError(t, s.Release(t.Context(), first), "a claim that was lost is no error")
		claim(t, s, key("o1", "PAID"), webhook.LeaseInFlight)
	})
}

func TestExpiredLeaseIsTakenOverAndTheOldWorkerCannotComplete(t *testing.T) {
	for name, id := range map[string]string{"same event": "PAID", "other event": "NEW"} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s subject) {
				old := claim(t, s, key("o1", "PAID"), webhook.LeaseGranted)
				s.lapse()
				taker := claim(t, s, key("o1", id), webhook.LeaseGranted)
				require.ErrorIs(t, s.Complete(t.Context(), old, webhook.Result{State: "WRONG"}), webhook.ErrLeaseLost)
				require.ErrorIs(t, s.Bury(t.Context(), old, "too late", nil), webhook.ErrLeaseLost)
				require.NoError(t, s.Release(t.Context(), old))
				claim(t, s, key("o1", id), webhook.LeaseInFlight)
				require.NoError(t, s.Complete(t.Context(), taker, webhook.Result{State: "RIGHT"}))
				require.ErrorIs(t, s.Complete(t.Context(), old, webhook.Result{State: "WRONG"}), webhook.ErrLeaseLost)
				assert.Equal(t, "RIGHT", claim(t, s, key("o1", "x"), webhook.LeaseGranted).State)
			})
		})
	}
}

func TestExpiredLeaseNobodyTookMayStillComplete(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		c := claim(t, s, key("o1", "PAID"), webhook.LeaseGranted)
		s.lapse()
		require.NoError(t, s.Complete(t.Context(), c, webhook.Result{State: "PAID"}))
		require.ErrorIs(t, s.Complete(t.Context(), c, webhook.Result{State: "PAID"}), webhook.ErrLeaseLost, "once")
		claim(t, s, key("o1", "PAID"), webhook.LeaseDone)
	})
}

func TestOnlyOneOfManyGetsTheClaim(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
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
	onEach(t, func(t *testing.T, s subject) {
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
	onEach(t, func(t *testing.T, s subject) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Acquire(ctx, key("o1", "PAID"), lease)
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.Put(ctx, key("o1", "PAID"), nil)
		require.ErrorIs(t, err, context.Canceled)
		_, _, err = s.Take(ctx, "shop", lease)
		require.ErrorIs(t, err, context.Canceled)
		claim(t, s, key("o1", "PAID"), webhook.LeaseGranted)
	})
}
