package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

// open lists what the merchant waits for.
func open(references ...string) func(context.Context) iter.Seq2[string, error] {
	return func(context.Context) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for _, r := range references {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

func reconciler(t *testing.T, change func(*webhook.ReconcilerConfig[order])) *webhook.Reconciler[order] {
	t.Helper()
	cfg := webhook.ReconcilerConfig[order]{Open: open("o1")}
	change(&cfg)
	r, err := webhook.NewReconciler(cfg)
	require.NoError(t, err)
	return r
}

func TestReconcilerFindsALostCallback(t *testing.T) {
	b := &bank{}
	h, l := merchant(t, confirming(b))
	now := noon
	r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
		c.Handler, c.Ask, c.Now = h, b.lookup, func() time.Time { return now }
	})
	b.set(order{Reference: "o1", Status: "PENDING"})
	s, err := r.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 1, Asked: 1, Applied: 1}, s)

	b.set(order{Reference: "o1", Status: "PAID"}) // and no callback comes
	s, err = r.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 1}, s, "not due yet")
	now = now.Add(30 * time.Second)
	s, err = r.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 1, Asked: 1, Applied: 1}, s)
	assert.Equal(t, []string{"o1 PENDING", "o1 PAID"}, l.told())
	assert.Equal(t, webhook.Confirmed, l.events[1].Trust)

	assert.Equal(t, 201, post(h, paid("o1")).Code, "the callback after all")
	now = now.Add(30*time.Minute - time.Second)
	s, err = r.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 1}, s, "after a final status there is time")
	now = now.Add(time.Second)
	s, err = r.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 1, Asked: 1}, s)
	assert.Len(t, l.told(), 2)
}

// What follows a final status is found, too, as long as Open lists the reference.
func TestReconcilerFindsWhatFollowsAFinalStatus(t *testing.T) {
	for _, c := range [][2]string{{"FAILED", "PAID"}, {"PAID", "RETURNED"}} {
		synctest.Test(t, func(t *testing.T) {
			b := &bank{}
			h, l := merchant(t, confirming(b))
			r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) { c.Handler, c.MaxDelay = h, time.Hour })
			b.set(order{Reference: "o1", Status: c[0]})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Hour+time.Minute)
			defer cancel()
			go func() {
				pass(50*time.Hour + time.Minute)
				assert.Equal(t, 51, b.count(), "once an hour")
				b.set(order{Reference: "o1", Status: c[1]})
				pass(time.Hour)
				assert.Equal(t, []string{"o1 " + c[0], "o1 " + c[1]}, l.told())
			}()
			require.ErrorIs(t, r.Run(ctx), context.DeadlineExceeded)
			assert.Equal(t, 102, b.count(), "a second question about the change")
		})
	}
}

func TestReconcilerLooksUpWhatIsOpenBeforeWhatIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		h, _ := merchant(t, confirming(b))
		var asked []string
		all := []string{"paid", "waits"}
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
			c.Handler, c.Workers = h, 1
			c.Open = func(ctx context.Context) iter.Seq2[string, error] { return open(all...)(ctx) }
			c.Ask = func(ctx context.Context, reference string) (order, error) {
				asked = append(asked, reference)
				return b.lookup(ctx, reference)
			}
		})
		b.set(order{Reference: "paid", Status: "PAID"})
		b.set(order{Reference: "waits", Status: "PENDING"})
		b.set(order{Reference: "new", Status: "PENDING"})
		for range 2 {
			_, err := r.Sweep(t.Context())
			require.NoError(t, err)
			pass(time.Hour)
			all = []string{"paid", "waits", "new"}
		}
		assert.Equal(t, []string{"paid", "waits", "new", "waits", "paid"}, asked)
	})
}

// many are references in a status.
func (b *bank) many(prefix, status string, n int) (references []string) {
	for i := range n {
		references = append(references, fmt.Sprint(prefix, i))
		b.set(order{Reference: references[i], Status: status})
	}
	return references
}

// A new reference waits for one Every at most, however many others wait for their turn;
// and each of those has its turn.
func TestReconcilerFindsANewReferenceAmongThousands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		h, l := merchant(t, confirming(b))
		all := append(b.many("waits-", "PENDING", 1), b.many("paid-", "PAID", 2400)...) // more than have their turn in MaxDelay
		var mu sync.Mutex
		asked := map[string]int{}
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
			c.Handler, c.MaxDelay = h, 6*time.Minute
			c.Open = func(ctx context.Context) iter.Seq2[string, error] {
				mu.Lock()
				defer mu.Unlock()
				return open(all...)(ctx)
			}
			c.Ask = func(ctx context.Context, reference string) (order, error) {
				mu.Lock()
				asked[reference]++
				mu.Unlock()
				return b.lookup(ctx, reference)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Minute)
		defer cancel()
		go func() {
			for i := range 10 {
				pass(time.Minute + 7*time.Second)
				reference := fmt.Sprint("new-", i)
				b.set(order{Reference: reference, Status: "FAILED"})
				mu.Lock()
				all = append([]string{reference}, all...)
				mu.Unlock()
				pass(31 * time.Second)
				assert.Contains(t, l.told(), reference+" FAILED")
				if i == 0 { // long before each was looked up once
					mu.Lock()
					assert.GreaterOrEqual(t, asked["waits-0"], 2)
					mu.Unlock()
				}
			}
		}()
		require.ErrorIs(t, r.Run(ctx), context.DeadlineExceeded)
		for i := range 2400 {
			assert.InDelta(t, 3, asked[fmt.Sprint("paid-", i)], 1, i)
		}
	})
}

// With more to ask about than Rate allows, all lookups are late alike: neither those of new
// references nor those of final ones wait for ever.
func TestReconcilerStarvesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		h, l := merchant(t, confirming(b))
		finals, pending := b.many("paid-", "PAID", 100), b.many("new-", "PENDING", 3600)
		start := time.Now()
		asked := map[string]int{}
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
			c.Handler, c.Workers, c.Rate = h, 1, 3
			c.Open = func(ctx context.Context) iter.Seq2[string, error] { // one a second is new, and waits for 30 min
				to := int(time.Since(start) / time.Second)
				return open(append(slices.Clone(pending[max(0, to-1800):to]), finals...)...)(ctx)
			}
			c.Ask = func(ctx context.Context, reference string) (order, error) {
				asked[reference]++
				return b.lookup(ctx, reference)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx), context.DeadlineExceeded)
		for _, reference := range finals {
			assert.GreaterOrEqual(t, asked[reference], 2, reference)
		}
		for _, reference := range pending[:2400] {
			assert.GreaterOrEqual(t, asked[reference], 2, reference)
		}
		assert.Len(t, l.told(), len(asked))
	})
}

// Open may take longer than Every.
func TestReconcilerWithASlowList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		h, l := merchant(t, confirming(b))
		b.set(order{Reference: "o1", Status: "PAID"})
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
			c.Handler = h
			c.Open = func(ctx context.Context) iter.Seq2[string, error] { pass(time.Minute); return open("o1")(ctx) }
		})
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx), context.DeadlineExceeded)
		assert.Equal(t, []string{"o1 PAID"}, l.told())
	})
}

// What is asked about is not forgotten, so its success takes effect once.
func TestASuccessTakesEffectOnceWhileAReconcilerAsksAboutIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		h, l := merchant(t, confirming(b))
		b.set(order{Reference: "o1", Status: "PAID"})
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) { c.Handler = h })
		ctx, cancel := context.WithTimeout(t.Context(), 30*24*time.Hour)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx), context.DeadlineExceeded)
		assert.Equal(t, []string{"o1 PAID"}, l.told())
		pass(72 * time.Hour)
		assert.Equal(t, 201, post(h, paid("o1")).Code)
		assert.Equal(t, []string{"o1 PAID", "o1 PAID"}, l.told(), "nobody asked for 72 hours")
	})
}

// A memory inbox that forgets what is still followed would hand it on again and again.
func TestAReconcilerFollowsNoMoreThanItsMemoryInboxRemembers(t *testing.T) {
	for _, c := range []struct {
		capacity int
		ttl      time.Duration
		refused  string
	}{
		{200, 4*time.Hour + 200*time.Second, ""},
		{199, 5 * time.Hour, "Capacity 199 of the MemoryInbox is less than twice Limit, 100"},
		{200, 4*time.Hour + 200*time.Second - 2, "is less than twice MaxDelay and Limit/Rate, 2h1m40s"},
	} {
		h, _ := merchant(t, func(s *setup) {
			s.Inbox = webhook.NewMemoryInbox(webhook.MemoryInboxConfig{Capacity: c.capacity, TTL: c.ttl})
		})
		_, err := webhook.NewReconciler(webhook.ReconcilerConfig[order]{
			Handler: h, Open: open(), Ask: (&bank{}).lookup, MaxDelay: 2 * time.Hour, Limit: 100, Rate: 1,
		})
		if c.refused == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, webhook.ErrConfiguration)
		require.ErrorContains(t, err, c.refused)
	}
}

func TestReconcilerAsksLessAndLessWhileNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		b.set(order{Reference: "o1", Status: "PENDING"})
		h, _ := merchant(t, nil)
		var mu sync.Mutex
		var asked []time.Duration
		start := time.Now()
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
			c.Handler, c.Every, c.FirstDelay, c.MaxDelay = h, time.Second, 10*time.Second, 60*time.Second
			c.Ask = func(ctx context.Context, reference string) (order, error) {
				mu.Lock()
				asked = append(asked, time.Since(start))
				mu.Unlock()
				return b.lookup(ctx, reference)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 210*time.Second)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx), context.DeadlineExceeded)
		var seconds []int
		for _, d := range asked {
			seconds = append(seconds, int(d.Seconds()))
		}
		assert.Equal(t, []int{0, 10, 30, 70, 130, 190}, seconds)
	})
}

func TestReconcilerCountsFailuresAndTriesAgain(t *testing.T) {
	b := &bank{}
	b.set(order{Reference: "o2", Status: "PAID"})
	h, l := merchant(t, nil)
	now := noon
	r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
		c.Handler, c.Ask, c.Open, c.Now = h, b.lookup, open("o1", "o2", "o2", "o3"), func() time.Time { return now }
	})
	b.says["o3"] = order{Reference: "another", Status: "PAID"}
	s, err := r.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 3, Asked: 3, Applied: 1, Failed: 2}, s)
	assert.Equal(t, []string{"o2 PAID"}, l.told(), "a response about another reference is no response")

	b.set(order{Reference: "o1", Status: "PAID"})
	now = now.Add(30 * time.Second)
	s, err = r.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 3, Asked: 2, Applied: 1, Failed: 1}, s)
}

func TestReconcilerTellsWhenTheListFails(t *testing.T) {
	h, _ := merchant(t, nil)
	failing := errors.New("orders table away")
	r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
		c.Handler, c.Ask = h, (&bank{}).lookup
		c.Open = func(context.Context) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { _ = yield("o1", nil) && yield("", failing) }
		}
	})
	s, err := r.Sweep(t.Context())
	require.ErrorIs(t, err, failing)
	assert.Zero(t, s.Asked)
}

func TestReconcilerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := merchant(t, nil)
		var mu sync.Mutex
		at, most := 0, 0
		var references []string
		for i := range 100 {
			references = append(references, fmt.Sprint("o", i))
		}
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
			c.Handler, c.Open, c.Rate, c.Workers, c.Limit = h, open(references...), 10, 3, 50
			c.Ask = func(ctx context.Context, reference string) (order, error) {
				mu.Lock()
				at++
				most = max(most, at)
				mu.Unlock()
				pass(time.Second)
				mu.Lock()
				at--
				mu.Unlock()
				return order{Reference: reference, Status: "PENDING"}, nil
			}
		})
		start := time.Now()
		s, err := r.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, webhook.Sweep{Open: 50, Asked: 50, Applied: 50}, s)
		assert.Equal(t, 3, most)
		assert.GreaterOrEqual(t, time.Since(start), 16*time.Second)
	})
}

func TestReconcilerAsksNoFasterThanItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := merchant(t, nil)
		var references []string
		for i := range 50 {
			references = append(references, fmt.Sprint("o", i))
		}
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
			c.Handler, c.Open, c.Rate = h, open(references...), 10
			c.Ask = func(_ context.Context, reference string) (order, error) {
				return order{Reference: reference, Status: "PENDING"}, nil
			}
		})
		start := time.Now()
		s, err := r.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 50, s.Asked)
		assert.Equal(t, 4*time.Second, time.Since(start), "a second's worth at once and ten a second after that")
	})
}

func TestReconcilerStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := merchant(t, nil)
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
			c.Handler, c.Open = h, open("o1", "o2")
			c.Ask = func(ctx context.Context, _ string) (order, error) {
				<-ctx.Done()
				return order{}, ctx.Err()
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, r.Run(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

// A lookup that ends its goroutine, as a test's FailNow does, leaves nobody who takes
// the rest.
func TestReconcilerEndsWithItsContextWhenNoWorkerIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := merchant(t, confirming(&bank{}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
			c.Handler, c.Open, c.Workers = h, open("o1", "o2", "o3"), 1
			c.Ask = func(context.Context, string) (order, error) { runtime.Goexit(); return order{}, nil }
		})
		_, err := r.Sweep(ctx)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestNewReconcilerRefusesWhatCannotWork(t *testing.T) {
	h, _ := merchant(t, nil)
	_, err := webhook.NewReconciler(webhook.ReconcilerConfig[order]{})
	require.ErrorIs(t, err, webhook.ErrConfiguration)
	_, err = webhook.NewReconciler(webhook.ReconcilerConfig[order]{Handler: h, Open: open(), Ask: (&bank{}).lookup, FirstDelay: time.Hour, MaxDelay: time.Minute})
	require.ErrorIs(t, err, webhook.ErrConfiguration)
}
