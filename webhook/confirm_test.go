package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

func confirming(b *bank) func(*webhook.Config[order]) {
	return func(c *webhook.Config[order]) { c.Confirm = b.confirm }
}

func TestConfirmedEventIsTheOneTheAPIReturned(t *testing.T) {
	b := &bank{}
	b.set(order{Reference: "o1", Status: "PAID", Amount: money("1200.50"), Currency: "RWF"})
	h, l := merchant(t, confirming(b))
	assert.Equal(t, 201, post(h, paid("o1")).Code)
	require.Len(t, l.events, 1)
	assert.Equal(t, webhook.Confirmed, l.events[0].Trust)
	assert.True(t, l.events[0].Data.Amount.Decimal.Equal(money("1200.5").Decimal))
	assert.True(t, l.events[0].Amount.Decimal.Equal(money("1200.5").Decimal))
	assert.Equal(t, "RWF", l.events[0].Currency)
}

func TestConfirmationDecides(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []string // applied before, as the API said then
		posted string
		says   order
		want   int
		err    error
		told   []string
	}{
		{"agrees", nil, paid("o1"), order{Reference: "o1", Status: "PAID"}, 201, nil, []string{"o1 PAID"}},
		{"is further on: its word counts", nil, status("o1", "PENDING"), order{Reference: "o1", Status: "PAID"}, 201, nil, []string{"o1 PAID"}},
		{"is further on, and that was applied", []string{"NEW", "PENDING"}, status("o1", "PENDING"), order{Reference: "o1", Status: "PENDING"}, 201, nil, []string{"o1 NEW", "o1 PENDING"}},
		{"is not there yet: come again", nil, paid("o1"), order{Reference: "o1", Status: "PENDING"}, 503, webhook.ErrNotConfirmed, nil},
		{"knows of no reversal: come again", []string{"PAID"}, status("o1", "RETURNED"), order{Reference: "o1", Status: "PAID"}, 503, webhook.ErrNotConfirmed, []string{"o1 PAID"}},
		{"knows nothing: come again", nil, paid("o2"), order{Reference: "o1", Status: "PAID"}, 503, webhook.ErrNotConfirmed, nil},
		{"says the opposite", nil, paid("o1"), order{Reference: "o1", Status: "FAILED"}, 422, webhook.ErrMismatch, nil},
		{"other amount", nil, `{"reference":"o1","status":"PAID","amount":"100"}`, order{Reference: "o1", Status: "PAID", Amount: money("1")}, 422, webhook.ErrMismatch, nil},
		{"same amount in other words", nil, `{"reference":"o1","status":"PAID","amount":"100"}`, order{Reference: "o1", Status: "PAID", Amount: money("100.00")}, 201, nil, []string{"o1 PAID"}},
		{"other currency", nil, `{"reference":"o1","status":"PAID","currency":"KES"}`, order{Reference: "o1", Status: "PAID", Currency: "RWF"}, 422, webhook.ErrMismatch, nil},
		{"amount the callback does not show", nil, paid("o1"), order{Reference: "o1", Status: "PAID", Amount: money("1"), Currency: "RWF"}, 201, nil, []string{"o1 PAID"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, r := &bank{}, &reports{}
			h, l := merchant(t, func(cfg *webhook.Config[order]) { cfg.Confirm, cfg.Report = b.confirm, r.add })
			for _, s := range c.before {
				b.set(order{Reference: "o1", Status: s})
				require.Equal(t, 201, post(h, status("o1", s)).Code)
			}
			b.set(c.says)
			assert.Equal(t, c.want, post(h, c.posted).Code)
			assert.Equal(t, c.told, l.told())
			if c.err != nil {
				require.ErrorIs(t, r.last(), c.err)
				// What was refused must not stand in the way of the truth.
				b.set(order{Reference: "o1", Status: "RETURNED"})
				assert.Equal(t, 201, post(h, status("o1", "RETURNED")).Code)
			}
		})
	}
}

func TestConfirmationOfAnotherReferenceIsAMismatch(t *testing.T) {
	r := &reports{}
	h, l := merchant(t, func(c *webhook.Config[order]) {
		c.Report = r.add
		c.Confirm = func(context.Context, webhook.Event[order]) (order, error) {
			return order{Reference: "o2", Status: "PAID"}, nil
		}
	})
	assert.Equal(t, 422, post(h, paid("o1")).Code)
	require.ErrorIs(t, r.last(), webhook.ErrMismatch)
	assert.Empty(t, l.told())
}

func TestForgedCallbacksCauseNoQueryBack(t *testing.T) {
	b := &bank{}
	h, l := merchant(t, confirming(b))
	var flood sync.WaitGroup
	for i := range 200 {
		flood.Go(func() {
			assert.Equal(t, 401, postTo(h, fmt.Sprintf("/hooks/guess-%022d", i), paid("o1")).Code)
			assert.Equal(t, 400, post(h, `{"status":"PAID"}`).Code)
		})
	}
	flood.Wait()
	assert.Zero(t, b.count())
	assert.Empty(t, l.told())
}

func TestValidDuplicatesCauseOneQueryBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		b.set(order{Reference: "o1", Status: "PAID"})
		h, l := merchant(t, func(c *webhook.Config[order]) {
			c.Confirm = func(ctx context.Context, ev webhook.Event[order]) (order, error) {
				pass(time.Second) // an API that takes its time
				return b.confirm(ctx, ev)
			}
		})
		var flood sync.WaitGroup
		for range 200 {
			flood.Go(func() { assert.Contains(t, []int{201, 503}, post(h, paid("o1")).Code) })
		}
		flood.Wait()
		for range 200 {
			assert.Equal(t, 201, post(h, paid("o1")).Code)
		}
		assert.Equal(t, 201, post(h, status("o1", "PENDING")).Code, "late, which is known without asking")
		assert.Equal(t, 1, b.count())
		assert.Equal(t, []string{"o1 PAID"}, l.told())
	})
}

func TestAnImpossibleStatusCausesNoQueryBack(t *testing.T) {
	b := &bank{}
	b.set(order{Reference: "o1", Status: "PAID"})
	h, _ := merchant(t, confirming(b))
	require.Equal(t, 201, post(h, paid("o1")).Code)
	for range 10 {
		assert.Equal(t, 201, post(h, status("o1", "FAILED")).Code)
	}
	assert.Equal(t, 1, b.count())
}

func TestQueryBackIsOneAtATimePerReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		at, most := map[string]int{}, 0
		h, _ := merchant(t, func(c *webhook.Config[order]) {
			c.Confirm = func(_ context.Context, ev webhook.Event[order]) (order, error) {
				mu.Lock()
				at[ev.Reference]++
				most = max(most, at[ev.Reference])
				mu.Unlock()
				pass(300 * time.Millisecond)
				mu.Lock()
				at[ev.Reference]--
				mu.Unlock()
				return ev.Data, nil
			}
		})
		var senders sync.WaitGroup
		for _, reference := range []string{"o1", "o2", "o3"} {
			for _, s := range []string{"NEW", "PENDING", "PAID", "RETURNED"} {
				senders.Go(func() { post(h, status(reference, s)) })
			}
		}
		senders.Wait()
		assert.Equal(t, 1, most)
	})
}

func TestQueryBackIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := &bank{}, &reports{}
		h, _ := merchant(t, func(c *webhook.Config[order]) {
			c.Confirm, c.Report = b.confirm, r.add
			c.ConfirmRate, c.ConfirmTimeout = 10, 3*time.Second
		})
		start := time.Now()
		var flood sync.WaitGroup
		for i := range 500 {
			flood.Go(func() { assert.Equal(t, 503, post(h, paid(fmt.Sprint("invented-", i))).Code) })
		}
		flood.Wait()
		assert.Equal(t, 2900*time.Millisecond, time.Since(start), "nobody waits for a turn at the deadline or later")
		assert.Equal(t, 39, b.count(), "a second's worth at once and ten a second after that")
		require.ErrorIs(t, r.last(), webhook.ErrNotConfirmed)

		b.set(order{Reference: "o1", Status: "PAID"})
		assert.Equal(t, 201, post(h, paid("o1")).Code, "those turned away took nobody's turn")
		assert.LessOrEqual(t, time.Since(start), 3*time.Second+100*time.Millisecond)
	})
}

func TestQueryBackHasItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		h, l := merchant(t, func(c *webhook.Config[order]) {
			c.Report = r.add
			c.Confirm = func(ctx context.Context, _ webhook.Event[order]) (order, error) {
				<-ctx.Done()
				return order{}, ctx.Err()
			}
		})
		start := time.Now()
		assert.Equal(t, 503, post(h, paid("o1")).Code)
		assert.Equal(t, 10*time.Second, time.Since(start))
		require.ErrorIs(t, r.last(), webhook.ErrNotConfirmed)
		require.ErrorIs(t, r.last(), context.DeadlineExceeded)
		assert.Empty(t, l.told())
	})
}

func TestConfirmThatPanicsLosesNothing(t *testing.T) {
	calls := 0
	h, l := merchant(t, func(c *webhook.Config[order]) {
		c.Confirm = func(_ context.Context, ev webhook.Event[order]) (order, error) {
			if calls++; calls == 1 {
				panic("nil ride")
			}
			return ev.Data, nil
		}
	})
	assert.Equal(t, 500, post(h, paid("o1")).Code)
	assert.Equal(t, 201, post(h, paid("o1")).Code)
	assert.Equal(t, []string{"o1 PAID"}, l.told())
}

func TestFeedAndCallbackTakeEffectOnceWhicheverIsFirst(t *testing.T) {
	b := &bank{}
	b.set(order{Reference: "o1", Status: "PAID"})
	h, l := merchant(t, confirming(b))

	first, err := h.Feed(t.Context(), order{Reference: "o1", Status: "PENDING"})
	require.NoError(t, err)
	assert.Equal(t, webhook.Advanced, first)
	assert.Equal(t, 201, post(h, status("o1", "PENDING")).Code)
	assert.Zero(t, b.count(), "what came from the API is not asked for again")

	assert.Equal(t, 201, post(h, paid("o1")).Code)
	second, err := h.Feed(t.Context(), order{Reference: "o1", Status: "PAID"})
	require.NoError(t, err)
	assert.Equal(t, webhook.Duplicate, second)
	third, err := h.Feed(t.Context(), order{Reference: "o1", Status: "NEW"})
	require.NoError(t, err)
	assert.Equal(t, webhook.Stale, third)

	assert.Equal(t, []string{"o1 PENDING", "o1 PAID"}, l.told())
	assert.Equal(t, webhook.Confirmed, l.events[0].Trust)

	_, err = h.Feed(t.Context(), order{Status: "PAID"})
	require.ErrorIs(t, err, webhook.ErrMalformed)
	impossible, err := h.Feed(t.Context(), order{Reference: "o1", Status: "FAILED"})
	require.NoError(t, err)
	assert.Equal(t, webhook.Impossible, impossible)
	l.fail = errors.New("away")
	_, err = h.Feed(t.Context(), order{Reference: "o9", Status: "PAID"})
	require.ErrorIs(t, err, l.fail)
}
