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

func claim(t *testing.T, s subject, k webhook.Key, want webhook.ClaimStatus) webhook.Claim {
	t.Helper()
	c, err := s.Claim(t.Context(), k, lease)
	require.NoError(t, err)
	require.Equal(t, want, c.Status)
	assert.Equal(t, k, c.Key)
	return c
}

func TestClaimIsNewThenInFlightThenDone(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		c := claim(t, s, key("o1", "PAID"), webhook.ClaimNew)
		assert.Empty(t, c.State)
		assert.True(t, claim(t, s, key("o1", "PAID"), webhook.ClaimInFlight).Same)
		assert.False(t, claim(t, s, key("o1", "NEW"), webhook.ClaimInFlight).Same, "one reference, one worker")

		answer := webhook.Answer{Status: 201, ContentType: "application/json", Body: []byte("{\"reply\":\"OK\"}\x00\xff")}
		require.NoError(t, s.Complete(t.Context(), c, webhook.Result{State: "PAID", Outcome: webhook.Advanced, Answer: answer}))
		done := claim(t, s, key("o1", "PAID"), webhook.ClaimDone)
		assert.Equal(t, answer.Status, done.Answer.Status)
		assert.Equal(t, answer.ContentType, done.Answer.ContentType)
		assert.True(t, bytes.Equal(answer.Body, done.Answer.Body))
		assert.Equal(t, "PAID", claim(t, s, key("o1", "NEW"), webhook.ClaimNew).State, "the last status is remembered")
	})
}

func TestClaimsOfOthersAreIndependent(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		claim(t, s, key("o1", "PAID"), webhook.ClaimNew)
		claim(t, s, key("o2", "PAID"), webhook.ClaimNew)
		claim(t, s, webhook.Key{Provider: "bank", Reference: "o1", ID: "PAID"}, webhook.ClaimNew)
		claim(t, s, key("O1", "PAID"), webhook.ClaimNew)
		claim(t, s, key("ó1 '\"; --", "PAID"), webhook.ClaimNew)
	})
}

func TestCompleteWithoutStateKeepsTheLast(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		require.NoError(t, s.Complete(t.Context(), claim(t, s, key("o1", "PAID"), webhook.ClaimNew), webhook.Result{State: "PAID"}))
		require.NoError(t, s.Complete(t.Context(), claim(t, s, key("o1", "NEW"), webhook.ClaimNew), webhook.Result{Outcome: webhook.Stale}))
		assert.Equal(t, "PAID", claim(t, s, key("o1", "x"), webhook.ClaimNew).State)
		claim(t, s, key("o1", "NEW"), webhook.ClaimDone)
	})
}

func TestReleaseLeavesEverythingAsItWas(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		first := claim(t, s, key("o1", "PAID"), webhook.ClaimNew)
		require.NoError(t, s.Release(t.Context(), first))
		second := claim(t, s, key("o1", "PAID"), webhook.ClaimNew)
		assert.NotEqual(t, first.Fence, second.Fence)
		require.NoError(t, s.Release(t.Context(), first), "a claim that was lost is no error")
		claim(t, s, key("o1", "PAID"), webhook.ClaimInFlight)
	})
}

func TestExpiredLeaseIsTakenOverAndTheOldWorkerCannotComplete(t *testing.T) {
	for name, id := range map[string]string{"same event": "PAID", "other event": "NEW"} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s subject) {
				old := claim(t, s, key("o1", "PAID"), webhook.ClaimNew)
				s.lapse()
				taker := claim(t, s, key("o1", id), webhook.ClaimNew)
				require.ErrorIs(t, s.Complete(t.Context(), old, webhook.Result{State: "WRONG"}), webhook.ErrLeaseLost)
				require.ErrorIs(t, s.Bury(t.Context(), old, "too late", nil), webhook.ErrLeaseLost)
				require.NoError(t, s.Release(t.Context(), old))
				claim(t, s, key("o1", id), webhook.ClaimInFlight)
				require.NoError(t, s.Complete(t.Context(), taker, webhook.Result{State: "RIGHT"}))
				require.ErrorIs(t, s.Complete(t.Context(), old, webhook.Result{State: "WRONG"}), webhook.ErrLeaseLost)
				assert.Equal(t, "RIGHT", claim(t, s, key("o1", "x"), webhook.ClaimNew).State)
			})
		})
	}
}

func TestExpiredLeaseNobodyTookMayStillComplete(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		c := claim(t, s, key("o1", "PAID"), webhook.ClaimNew)
		s.lapse()
		require.NoError(t, s.Complete(t.Context(), c, webhook.Result{State: "PAID"}))
		require.ErrorIs(t, s.Complete(t.Context(), c, webhook.Result{State: "PAID"}), webhook.ErrLeaseLost, "once")
		claim(t, s, key("o1", "PAID"), webhook.ClaimDone)
	})
}

func TestOnlyOneOfManyGetsTheClaim(t *testing.T) {
	onEach(t, func(t *testing.T, s subject) {
		var won atomic.Int32
		var workers sync.WaitGroup
		for i := range 16 {
			workers.Go(func() {
				for range 4 {
					c, err := s.Claim(t.Context(), key("o1", fmt.Sprint(i%2)), lease)
					assert.NoError(t, err)
					if c.Status == webhook.ClaimNew {
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
						c, err := s.Claim(t.Context(), k, lease)
						if !assert.NoError(t, err) || c.Status == webhook.ClaimDone {
							break
						}
						if c.Status == webhook.ClaimInFlight {
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
		_, err := s.Claim(ctx, key("o1", "PAID"), lease)
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.Put(ctx, key("o1", "PAID"), nil)
		require.ErrorIs(t, err, context.Canceled)
		_, _, err = s.Take(ctx, "shop", lease)
		require.ErrorIs(t, err, context.Canceled)
		claim(t, s, key("o1", "PAID"), webhook.ClaimNew)
	})
}
