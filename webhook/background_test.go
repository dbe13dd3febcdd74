package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

// background runs a handler's workers inside a synctest bubble until the returned
// function has shut them down.
func background(t *testing.T, change func(*webhook.Config[order])) (*webhook.Handler[order], *ledger, *webhook.MemoryInbox, func()) {
	t.Helper()
	inbox := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})
	h, l := merchant(t, func(c *webhook.Config[order]) {
		c.Inbox, c.Background = inbox, &webhook.Background{FirstDelay: 10 * time.Second, MaxDelay: time.Minute, MaxAttempts: 4}
		if change != nil {
			change(c)
		}
	})
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(t, h.Run(t.Context())) })
	synctest.Wait()
	return h, l, inbox, func() {
		require.NoError(t, h.Shutdown(t.Context()))
		running.Wait()
	}
}

func TestBackgroundAcknowledgesAtOnceAndWorksLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l, inbox, shutdown := background(t, func(c *webhook.Config[order]) {
			handle := c.Handle
			c.Handle = func(ctx context.Context, ev webhook.Event[order]) error {
				pass(5 * time.Second)
				if err := ctx.Err(); err != nil {
					return err
				}
				return handle(ctx, ev)
			}
		})
		start := time.Now()
		w := post(h, paid("o1"))
		assert.Equal(t, 201, w.Code)
		assert.Equal(t, `{"reference":"o1","reply":"OK"}`, w.Body.String())
		assert.Equal(t, 201, post(h, paid("o1")).Code)
		assert.Zero(t, time.Since(start))
		synctest.Wait()
		assert.Empty(t, l.told())
		shutdown()
		assert.Equal(t, 5*time.Second, time.Since(start))
		assert.Equal(t, []string{"o1 PAID"}, l.told(), "what was taken is finished")
		assert.Equal(t, 503, post(h, paid("o2")).Code, "nothing new is let in")
		c, err := inbox.Acquire(t.Context(), webhook.Key{Provider: "shop", Reference: "o1", ID: "PAID"}, time.Second)
		require.NoError(t, err)
		assert.Equal(t, webhook.LeaseDone, c.Status)
		assert.Equal(t, w.Body.String(), string(c.Response.Body))
	})
}

func TestBackgroundKeepsTrustAndBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := capabilities(t, time.Now, newKey)
		path := mint(t, c, webhook.Bound{Reference: "o1", Amount: money("100"), Currency: "RWF"})
		b := &bank{}
		b.set(order{Reference: "o1", Status: "PAID", Amount: money("1"), Currency: "RWF"})
		r := &reports{}
		h, l, inbox, shutdown := background(t, func(cfg *webhook.Config[order]) {
			cfg.Auth, cfg.Confirm, cfg.Report = []webhook.Authenticator{c}, b.confirm, r.add
		})
		assert.Equal(t, 201, postTo(h, path, `{"status":"PAID"}`).Code)
		synctest.Wait()
		assert.Empty(t, l.told())
		require.ErrorIs(t, r.last(), webhook.ErrMismatch)
		dead, err := inbox.Dead(t.Context(), "shop", 10)
		require.NoError(t, err)
		require.Len(t, dead, 1, "no retry makes it right")
		assert.Equal(t, `{"status":"PAID"}`, string(dead[0].Body()))

		b.set(order{Reference: "o1", Status: "PAID", Amount: money("100"), Currency: "RWF"})
		require.NoError(t, inbox.Replay(t.Context(), dead[0].Key))
		pass(2 * time.Second)
		require.Equal(t, []string{"o1 PAID"}, l.told())
		assert.Equal(t, webhook.Confirmed, l.events[0].Trust)
		shutdown()
	})
}

func TestBackgroundRetriesWithBackoffThenKeepsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var tries []time.Duration
		var attempts []int
		start := time.Now()
		failing := errors.New("database away")
		h, _, inbox, shutdown := background(t, func(c *webhook.Config[order]) {
			c.Handle = func(_ context.Context, ev webhook.Event[order]) error {
				mu.Lock()
				defer mu.Unlock()
				tries, attempts = append(tries, time.Since(start)), append(attempts, ev.Attempt)
				return failing
			}
		})
		require.Equal(t, 201, post(h, paid("o1")).Code)
		pass(10 * time.Minute)
		shutdown()
		require.Equal(t, []int{1, 2, 3, 4}, attempts)
		for i, longest := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second} {
			wait := tries[i+1] - tries[i]
			assert.GreaterOrEqual(t, wait, longest/2)
			assert.LessOrEqual(t, wait, longest+2*time.Second, "with the time until a worker looks again")
		}
		dead, err := inbox.Dead(t.Context(), "shop", 10)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		assert.Equal(t, "database away", dead[0].Reason)
		assert.Equal(t, 4, dead[0].Attempts)
	})
}

func TestBackgroundRecoversWhenTheFailurePasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		h, l, inbox, shutdown := background(t, func(c *webhook.Config[order]) {
			handle := c.Handle
			c.Handle = func(ctx context.Context, ev webhook.Event[order]) error {
				switch calls.Add(1) {
				case 1:
					return errors.New("away")
				case 2:
					panic("one bad event does not take down a worker")
				}
				return handle(ctx, ev)
			}
		})
		require.Equal(t, 201, post(h, paid("o1")).Code)
		pass(5 * time.Minute)
		shutdown()
		assert.Equal(t, []string{"o1 PAID"}, l.told())
		dead, err := inbox.Dead(t.Context(), "shop", 10)
		require.NoError(t, err)
		assert.Empty(t, dead)
	})
}

func TestBackgroundKeepsTheOrderOfAReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l, inbox, shutdown := background(t, nil)
		for _, s := range []string{"NEW", "PENDING", "PAID", "NEW", "FAILED", "RETURNED"} {
			require.Equal(t, 201, post(h, status("o1", s)).Code)
			synctest.Wait()
		}
		pass(time.Minute)
		shutdown()
		assert.Equal(t, []string{"o1 NEW", "o1 PENDING", "o1 PAID", "o1 RETURNED"}, l.told())
		dead, err := inbox.Dead(t.Context(), "shop", 10)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		assert.Equal(t, "FAILED", dead[0].ID)
		assert.Equal(t, webhook.ErrImpossible.Error(), dead[0].Reason)
		assert.Equal(t, 1, dead[0].Attempts, "trying again would not help")
	})
}

func TestBackgroundWorksOnManyAtOnceAndOnEachOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l, _, shutdown := background(t, func(c *webhook.Config[order]) {
			handle := c.Handle
			c.Handle = func(ctx context.Context, ev webhook.Event[order]) error {
				pass(time.Second)
				return handle(ctx, ev)
			}
		})
		start := time.Now()
		for i := range 40 {
			require.Equal(t, 201, post(h, paid(fmt.Sprint("o", i))).Code)
		}
		for len(l.told()) < 40 && time.Since(start) < time.Minute {
			pass(time.Second)
		}
		assert.Len(t, l.told(), 40)
		assert.LessOrEqual(t, time.Since(start), 12*time.Second, "four workers")
		shutdown()
	})
}

func TestBackgroundStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l := merchant(t, func(c *webhook.Config[order]) {
			c.Background = &webhook.Background{}
			c.Handle = func(ctx context.Context, _ webhook.Event[order]) error {
				<-ctx.Done()
				return ctx.Err()
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { assert.NoError(t, h.Run(ctx)) })
		require.Equal(t, 201, post(h, paid("o1")).Code)
		synctest.Wait()
		cancel()
		running.Wait()
		assert.Empty(t, l.told())
		require.NoError(t, h.Shutdown(t.Context()))
		require.ErrorIs(t, h.Run(t.Context()), webhook.ErrClosed)
	})
}

func TestShutdownGivesUpWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		h, l, _, shutdown := background(t, func(c *webhook.Config[order]) {
			handle := c.Handle
			c.Handle = func(ctx context.Context, ev webhook.Event[order]) error {
				<-proceed
				return handle(ctx, ev)
			}
		})
		require.Equal(t, 201, post(h, paid("o1")).Code)
		synctest.Wait()
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, h.Shutdown(hasty), context.DeadlineExceeded)
		close(proceed)
		shutdown()
		assert.Equal(t, []string{"o1 PAID"}, l.told())
	})
}

func TestRunNeedsBackgroundMode(t *testing.T) {
	h, _ := merchant(t, nil)
	require.ErrorIs(t, h.Run(t.Context()), webhook.ErrConfiguration)
}

func TestBackgroundRefusesStrangersBeforeAnythingIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l, inbox, shutdown := background(t, nil)
		assert.Equal(t, 401, postTo(h, "/hooks/wrong", paid("o1")).Code)
		assert.Equal(t, 400, post(h, "{").Code)
		_, found, err := inbox.Take(t.Context(), "shop", time.Second)
		require.NoError(t, err)
		assert.False(t, found)
		shutdown()
		assert.Empty(t, l.told())
	})
}

func TestBackgroundGivesUpOnAnEventThatKillsItsWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})
		h, l := merchant(t, func(c *webhook.Config[order]) { c.Inbox, c.Background = inbox, &webhook.Background{MaxAttempts: 3} })
		require.Equal(t, 201, post(h, paid("o1")).Code)
		for range 3 { // workers that took it and were never heard of again
			_, found, err := inbox.Take(t.Context(), "shop", time.Second)
			require.NoError(t, err)
			require.True(t, found)
			pass(2 * time.Second)
		}
		var running sync.WaitGroup
		running.Go(func() { assert.NoError(t, h.Run(t.Context())) })
		synctest.Wait()
		assert.Empty(t, l.told())
		dead, err := inbox.Dead(t.Context(), "shop", 10)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		assert.Contains(t, dead[0].Reason, "died")
		require.NoError(t, h.Shutdown(t.Context()))
		running.Wait()
	})
}

// hanging hangs once, as a database behind a broken network does.
type hanging struct {
	*webhook.MemoryInbox
	once sync.Once
}

func (q *hanging) Take(ctx context.Context, provider string, lease time.Duration) (webhook.Lease, bool, error) {
	q.once.Do(func() { <-ctx.Done() })
	return q.MemoryInbox.Take(ctx, provider, lease)
}

func TestBackgroundOutlivesAnInboxThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l, _, shutdown := background(t, func(c *webhook.Config[order]) {
			c.Inbox = &hanging{MemoryInbox: c.Inbox.(*webhook.MemoryInbox)}
			c.Background.Workers = 1 // nobody else does its work
		})
		require.Equal(t, 201, post(h, paid("o1")).Code)
		pass(5 * time.Minute)
		assert.Equal(t, []string{"o1 PAID"}, l.told())
		shutdown()
	})
}

func TestBackgroundSurvivesASourceThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		r := &reports{}
		h, l, _, shutdown := background(t, func(c *webhook.Config[order]) {
			c.Report = r.add
			decode := c.Source.Decode
			c.Source.Decode = func(body []byte) (order, error) {
				if calls.Add(1) == 2 { // the first time for the worker
					panic("a field nobody expected")
				}
				return decode(body)
			}
		})
		require.Equal(t, 201, post(h, paid("o1")).Code)
		pass(time.Minute)
		require.ErrorIs(t, r.last(), webhook.ErrPanic)
		assert.Equal(t, []string{"o1 PAID"}, l.told())
		shutdown()
	})
}
