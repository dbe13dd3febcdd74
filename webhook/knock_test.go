package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/webhook"
)

func confirming(b *bank) func(*setup) { return func(c *setup) { c.Source.Ask = b.ask } }

func TestAnEventIsWhatTheAPISays(t *testing.T) {
	b := &bank{}
	b.set(order{Reference: "o1", Status: "PAID", Amount: money("1200.50"), Currency: "RWF"})
	h, l := merchant(t, confirming(b))
	assert.Equal(t, 201, post(h, `{"reference":"o1","status":"PAID","amount":"9","currency":"KES","other":"posted"}`).Code)
	require.Len(t, l.events, 1)
	assert.Equal(t, webhook.Confirmed, l.events[0].Trust)
	assert.True(t, l.events[0].Amount.Decimal.Equal(money("1200.5").Decimal))
	assert.Equal(t, "RWF", l.events[0].Currency)
	assert.Empty(t, l.events[0].Data.Other, "nothing posted is believed")
}

func TestTheAPIDecides(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []string // applied before, as the API said then
		posted string
		says   string
		want   int
		err    error
		told   []string
	}{
		{"agrees", nil, "PAID", "PAID", 201, nil, []string{"o1 PAID"}},
		{"is further on: its word counts", nil, "PENDING", "PAID", 201, nil, []string{"o1 PAID"}},
		{"is where we are", []string{"NEW", "PENDING"}, "NEW", "PENDING", 201, nil, []string{"o1 NEW", "o1 PENDING"}},
		{"is not there yet: what it says is handed on, and the sender comes again", nil, "PAID", "PENDING", 503, webhook.ErrNotConfirmed, []string{"o1 PENDING"}},
		{"knows of no reversal", []string{"PAID"}, "RETURNED", "PAID", 503, webhook.ErrNotConfirmed, []string{"o1 PAID"}},
		{"knows nothing", nil, "PAID", "", 503, webhook.ErrNotConfirmed, nil},
		{"says the opposite", nil, "PAID", "FAILED", 503, webhook.ErrNotConfirmed, []string{"o1 FAILED"}},
		{"corrects itself", []string{"FAILED"}, "PAID", "PAID", 201, nil, []string{"o1 FAILED", "o1 PAID"}},
		{"has another vocabulary than the callback", nil, "682", "FAILED", 201, nil, []string{"o1 FAILED"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, r := &bank{}, &reports{}
				h, l := merchant(t, func(cfg *setup) { cfg.Source.Ask, cfg.Report = b.ask, r.add })
				for _, s := range c.before {
					b.set(order{Reference: "o1", Status: s})
					require.Equal(t, 201, post(h, status("o1", s)).Code)
				}
				b.set(order{Reference: "o1", Status: c.says})
				assert.Equal(t, c.want, post(h, status("o1", c.posted)).Code)
				assert.Equal(t, c.told, l.told())
				if c.err != nil {
					require.ErrorIs(t, r.last(), c.err)
					// What was refused must not stand in the way of the truth.
					b.set(order{Reference: "o1", Status: "RETURNED"})
					assert.Equal(t, 201, post(h, status("o1", "RETURNED")).Code)
				}
			})
		})
	}
}

func TestALaggingAPIIsAskedAgain(t *testing.T) {
	for after, want := range map[time.Duration]int{500 * time.Millisecond: 201, 3 * time.Second: 201, 5 * time.Second: 503} {
		synctest.Test(t, func(t *testing.T) {
			b := &bank{}
			b.set(order{Reference: "o1", Status: "PENDING"})
			h, _ := merchant(t, confirming(b))
			start := time.Now()
			go func() {
				pass(after)
				b.set(order{Reference: "o1", Status: "PAID"})
			}()
			assert.Equal(t, want, post(h, paid("o1")).Code)
			assert.LessOrEqual(t, b.count(), 3)
			assert.LessOrEqual(t, time.Since(start), 4*time.Second)
			pass(5 * time.Second)
		})
	}
}

func TestAnotherReferenceThanAskedForIsAMismatch(t *testing.T) {
	r := &reports{}
	h, l := merchant(t, func(c *setup) {
		c.Report = r.add
		c.Source.Ask = func(context.Context, webhook.Identity) (order, error) {
			return order{Reference: "o2", Status: "PAID"}, nil
		}
	})
	assert.Equal(t, 422, post(h, paid("o1")).Code)
	require.ErrorIs(t, r.last(), webhook.ErrMismatch)
	assert.Empty(t, l.told())
}

func TestOnlyWhatIsOursIsAskedAbout(t *testing.T) {
	b, r := &bank{}, &reports{}
	b.set(order{Reference: "o1", Status: "PAID"})
	b.set(order{Reference: "o2", Status: "PAID"})
	away := errors.New("database away")
	h, l := merchant(t, func(c *setup) {
		c.Source.Ask, c.Report = b.ask, r.add
		c.Known = func(_ context.Context, reference string) (bool, error) {
			if reference == "o3" {
				return true, away
			}
			return reference == "o1", nil
		}
	})
	assert.Equal(t, 404, post(h, paid("o2")).Code)
	require.ErrorIs(t, r.last(), webhook.ErrNotOurs)
	assert.Equal(t, 503, post(h, paid("o3")).Code)
	require.ErrorIs(t, r.last(), away)
	assert.Zero(t, b.count())
	assert.Equal(t, 201, post(h, paid("o1")).Code)
	assert.Equal(t, []string{"o1 PAID"}, l.told())
}

// slow is an API that takes its time.
func slow(b *bank, d time.Duration) func(context.Context, webhook.Identity) (order, error) {
	return func(ctx context.Context, about webhook.Identity) (order, error) {
		o, err := b.ask(ctx, about) // what it says is decided when it is asked
		pass(d)
		return o, err
	}
}

func TestAKnockGetsAnAnswerToAQuestionThatCameAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		b.set(order{Reference: "o1", Status: "NEW"})
		h, l := merchant(t, func(c *setup) { c.Source.Ask = slow(b, time.Second) })
		var senders sync.WaitGroup
		senders.Go(func() { assert.Equal(t, 201, post(h, status("o1", "NEW")).Code) })
		pass(500 * time.Millisecond) // the first question is under way, and its answer decided
		b.set(order{Reference: "o1", Status: "PENDING"})
		start := time.Now()
		for range 200 {
			senders.Go(func() { assert.Equal(t, 201, post(h, status("o1", "PENDING")).Code) })
		}
		senders.Wait()
		assert.Equal(t, 2, b.count(), "one question, and one more for all who came meanwhile")
		assert.Equal(t, 1500*time.Millisecond, time.Since(start))
		assert.Equal(t, []string{"o1 NEW", "o1 PENDING"}, l.told())
	})
}

func TestTheAPIIsAskedOutsideTheInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		b.set(order{Reference: "o1", Status: "PENDING"})
		h, l := merchant(t, func(c *setup) { c.Source.Ask = slow(b, 8*time.Second) })
		var sender sync.WaitGroup
		sender.Go(func() { post(h, status("o1", "PENDING")) })
		pass(time.Second)
		_, err := h.Feed(t.Context(), order{Reference: "o1", Status: "NEW"})
		require.NoError(t, err, "while the API is asked, the reference is free")
		sender.Wait()
		assert.Equal(t, []string{"o1 NEW", "o1 PENDING"}, l.told())
	})
}

// Forgeries of every kind leave no record, no question beyond the budget, and delay
// a genuine event by less than one confirmation.
func TestALeakedURLBuysNothing(t *testing.T) {
	n := clienttest.Times(10_000, 500)
	for name, forge := range map[string]func(i int) string{
		"invented references": func(i int) string { return paid(fmt.Sprint("invented-", i)) },
		"one reference, every status": func(i int) string {
			return status("leaked", []string{"NEW", "PENDING", "PAID", "RETURNED", "FAILED"}[i%5])
		},
		"one reference, invented status": func(i int) string { return status("leaked", fmt.Sprint("S", i)) },
		"bodies that are none":           func(i int) string { return fmt.Sprintf(`{"reference":%d`, i) },
		"large bodies": func(i int) string {
			return fmt.Sprintf(`{"reference":"invented-%d","status":"PAID","other":"%04000d"}`, i, i)
		},
		"bodies that are none, by a capability": func(i int) string { return fmt.Sprintf(`{"reference":%d`, i) },
	} {
		t.Run(name, func(t *testing.T) {
			caps := capabilities(t, atNoon, newKey)
			leaked := "/hooks/" + pathSecret
			if strings.HasSuffix(name, "capability") {
				leaked = mint(t, caps, webhook.Bound{Reference: "leaked"})
			}
			synctest.Test(t, func(t *testing.T) {
				b := &bank{}
				b.set(order{Reference: "leaked", Status: "PENDING"})
				b.set(order{Reference: "genuine", Status: "PAID"})
				inbox := &counting{MemoryInbox: webhook.NewMemoryInbox(webhook.MemoryInboxConfig{Capacity: 10})}
				h, l := merchant(t, func(c *setup) {
					c.Inbox, c.Source.Ask, c.Auth = inbox, slow(b, time.Second), webhook.AnyOf(webhook.PathSecret(pathSecret), caps)
					c.Known = func(_ context.Context, reference string) (bool, error) {
						return reference == "leaked" || reference == "genuine", nil
					}
				})
				start := time.Now()
				var flood sync.WaitGroup
				for i := range n {
					flood.Go(func() { postTo(h, leaked, forge(i)) })
				}
				pass(2 * time.Second)
				before := time.Now()
				assert.Equal(t, 201, post(h, paid("genuine")).Code)
				assert.Less(t, time.Since(before), 2*time.Second, "its own confirmation takes one second")
				flood.Wait()
				seconds := int(time.Since(start)/time.Second) + 1
				assert.LessOrEqual(t, b.count(), 8+seconds+1)
				assert.LessOrEqual(t, len(inbox.references), 2)
				assert.NotContains(t, l.told(), "leaked PAID")
			})
		})
	}
}

// Who can guess references, as in a sequence, delays no genuine event about another,
// whenever it comes.
func TestAFloodOfKnownReferencesDelaysNobodyElse(t *testing.T) {
	n := clienttest.Times(300, 60)
	for name, forge := range map[string]string{"what the API says": "PENDING", "ahead of the API": "PAID"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bank{}
				for i := range n {
					b.set(order{Reference: fmt.Sprint("known-", i), Status: "PENDING"})
				}
				h, l := merchant(t, confirming(b))
				var flood, genuine sync.WaitGroup
				flood.Go(func() {
					for range 40 {
						for i := range n {
							flood.Go(func() { post(h, status(fmt.Sprint("known-", i), forge)) })
						}
						pass(time.Second)
					}
				})
				start := time.Now()
				for i := range 20 {
					pass(time.Until(start.Add(time.Duration(2*i)*time.Second + 307*time.Millisecond)))
					reference := fmt.Sprint("genuine-", i)
					b.set(order{Reference: reference, Status: "PAID"})
					genuine.Go(func() {
						before := time.Now()
						assert.Equal(t, 201, post(h, paid(reference)).Code, reference)
						assert.LessOrEqual(t, time.Since(before), 100*time.Millisecond, "%s, with two turns of 50 ms", reference)
						assert.Contains(t, l.told(), reference+" PAID")
					})
				}
				genuine.Wait()
				flood.Wait()
				assert.LessOrEqual(t, b.count(), 20*(int(time.Since(start)/time.Second)+2), "within the budget")
				assert.NotContains(t, l.told(), "known-7 PAID")
			})
		})
	}
}

// A forger who asks about each reference rarely, and about many, is remembered.
func TestAForgerWhoTakesTurnsDelaysNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{} // which knows nothing of the forged ones
		h, l := merchant(t, confirming(b))
		var flood sync.WaitGroup
		for i := range 4500 { // 50 a second, each reference every 12 seconds
			flood.Go(func() {
				pass(time.Duration(i) * 20 * time.Millisecond)
				post(h, status(fmt.Sprint("known-", i%600), "PENDING"))
			})
		}
		pass(40*time.Second + 7*time.Millisecond)
		for i := range 10 {
			reference := fmt.Sprint("genuine-", i)
			for _, said := range []string{"NEW", "PENDING", "PAID"} { // an event of before does not count against the next
				b.set(order{Reference: reference, Status: said})
				before := time.Now()
				assert.Equal(t, 201, post(h, status(reference, said)).Code)
				assert.LessOrEqual(t, time.Since(before), 100*time.Millisecond, said)
				assert.Contains(t, l.told(), reference+" "+said)
				pass(time.Second)
			}
		}
		flood.Wait()
	})
}

// References that came later, and were asked about in vain, wait behind.
func TestAnEventIsNotOvertakenByNewerForgeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		b.set(order{Reference: "genuine", Status: "NEW"})
		h, _ := merchant(t, confirming(b))
		assert.Equal(t, 201, post(h, status("genuine", "NEW")).Code)
		var flood sync.WaitGroup
		for second := range 8 {
			for i := range 60 {
				flood.Go(func() {
					pass(time.Duration(second) * time.Second)
					post(h, status(fmt.Sprint("known-", i), "PENDING")) // the API knows nothing of it
				})
			}
		}
		pass(6*time.Second + 7*time.Millisecond)
		b.set(order{Reference: "genuine", Status: "PAID"})
		before := time.Now()
		assert.Equal(t, 201, post(h, paid("genuine")).Code)
		assert.LessOrEqual(t, time.Since(before), 100*time.Millisecond)
		flood.Wait()
	})
}

// A reference about which questions were in vain waits behind others, and not for
// long: the longer it waits, the better its place.
func TestAFloodedReferenceIsStillHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		for i := range 100 {
			b.set(order{Reference: fmt.Sprint("known-", i), Status: "PENDING"})
		}
		h, l := merchant(t, confirming(b))
		var flood sync.WaitGroup
		flood.Go(func() {
			for range 130 {
				for i := range 100 {
					flood.Go(func() { post(h, status(fmt.Sprint("known-", i), "PENDING")) })
				}
				pass(time.Second)
			}
		})
		pass(100*time.Second + 307*time.Millisecond)
		b.set(order{Reference: "known-42", Status: "PAID"})
		before := time.Now()
		for !slices.Contains(l.told(), "known-42 PAID") {
			post(h, paid("known-42"))
		}
		assert.LessOrEqual(t, time.Since(before), 6*time.Second, "a hundred references, at twenty questions a second")
		flood.Wait()
	})
}

// counting is an inbox that knows who was in it.
type counting struct {
	*webhook.MemoryInbox
	mu         sync.Mutex
	references map[string]int
}

func (c *counting) Do(ctx context.Context, claim webhook.Claim, work webhook.Work) error {
	c.mu.Lock()
	if c.references == nil {
		c.references = map[string]int{}
	}
	c.references[claim.Reference]++
	c.mu.Unlock()
	return c.MemoryInbox.Do(ctx, claim, work)
}

func TestTheBudgetOfQuestionsIsSharedFairly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := &bank{}, &reports{}
		h, _ := merchant(t, func(c *setup) {
			c.Source.Ask, c.Report = b.ask, r.add
			c.AskRate, c.AskTimeout = 10, 3*time.Second
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

func TestOneReferenceIsAskedAboutOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		b.set(order{Reference: "o1", Status: "PENDING"})
		h, _ := merchant(t, confirming(b))
		start := time.Now()
		for range 30 {
			assert.Equal(t, 201, post(h, status("o1", "PENDING")).Code)
		}
		assert.Equal(t, 30, b.count())
		assert.GreaterOrEqual(t, time.Since(start), 21*time.Second)
	})
}

// Questions about others do not give a reference its budget back.
func TestOthersDoNotRenewTheBudgetOfAReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		h, _ := merchant(t, confirming(b))
		ask := func(reference string) {
			b.set(order{Reference: reference, Status: "PENDING"})
			assert.Equal(t, 201, post(h, status(reference, "PENDING")).Code)
		}
		for range 8 {
			ask("o1")
		}
		for i := range 5 {
			ask(fmt.Sprint("other-", i))
		}
		start := time.Now()
		ask("o1")
		assert.GreaterOrEqual(t, time.Since(start), 900*time.Millisecond)
	})
}

// Who has a leaked URL can ask about many references, and none of them stays in memory.
func TestReferencesAskedAboutAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := merchant(t, func(c *setup) {
			c.Inbox = webhook.NewMemoryInbox(webhook.MemoryInboxConfig{Capacity: 1})
			c.AskRate = 1_000_000
			c.Source.Ask = func(_ context.Context, about webhook.Identity) (order, error) {
				return order{Reference: about.Reference, Status: "PENDING"}, nil
			}
			c.Handle = func(context.Context, webhook.Event[order]) error { return nil }
		})
		ask := func(name string, n int) uint64 {
			for i := range n {
				assert.Equal(t, 201, post(h, status(fmt.Sprintf("%s-%0240d", name, i), "PENDING")).Code)
				pass(100 * time.Millisecond)
			}
			runtime.GC()
			runtime.GC()
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			return now.HeapAlloc
		}
		before := ask("a", 500) // some are in use, at any time
		after := ask("b", 4000)
		runtime.KeepAlive(h)
		assert.Less(t, int64(after)-int64(before), int64(4000*240/2), "half of what the names alone would take")
	})
}

// The places of references that were asked about in vain take a bounded room.
func TestThePlacesInTheQueueAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := merchant(t, func(c *setup) {
			c.AskRate = 1_000_000
			c.Source.Ask = func(context.Context, webhook.Identity) (order, error) { return order{}, errors.New("no such order") }
		})
		ask := func(name string, n int) uint64 {
			for i := range n {
				post(h, status(fmt.Sprintf("%s-%0240d", name, i), "PENDING"))
			}
			runtime.GC()
			runtime.GC()
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			return now.HeapAlloc
		}
		before := ask("a", clienttest.Times(11_000, 500))
		after := ask("b", clienttest.Times(15_000, 500))
		runtime.KeepAlive(h)
		if !clienttest.RaceDetector() { // the room shows only when it is full
			assert.Less(t, int64(after)-int64(before), int64(15_000*240/4), "a quarter of what the names alone would take")
		}
	})
}

func TestAQuestionHasItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		h, l := merchant(t, func(c *setup) {
			c.Report = r.add
			c.Source.Ask = func(ctx context.Context, _ webhook.Identity) (order, error) {
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

func TestAClientThatPanicsLosesNothing(t *testing.T) {
	calls := 0
	b := &bank{}
	b.set(order{Reference: "o1", Status: "PAID"})
	h, l := merchant(t, func(c *setup) {
		c.Source.Ask = func(ctx context.Context, about webhook.Identity) (order, error) {
			if calls++; calls == 1 {
				panic("nil ride")
			}
			return b.ask(ctx, about)
		}
	})
	assert.Equal(t, 500, post(h, paid("o1")).Code)
	assert.Equal(t, 201, post(h, paid("o1")).Code)
	assert.Equal(t, []string{"o1 PAID"}, l.told())
}

func TestAnEventThatFailedIsNotOvertakenForGood(t *testing.T) {
	b := &bank{}
	h, l := merchant(t, confirming(b))
	b.set(order{Reference: "o1", Status: "PAID"})
	l.fail = errors.New("database away")
	assert.Equal(t, 500, post(h, paid("o1")).Code)
	l.fail = nil
	b.set(order{Reference: "o1", Status: "RETURNED"})
	assert.Equal(t, 201, post(h, status("o1", "RETURNED")).Code)
	assert.Equal(t, 201, post(h, paid("o1")).Code, "comes again, late")
	require.Len(t, l.events, 1)
	assert.Equal(t, webhook.Reversed, l.events[0].Transition, "and nobody takes it for an advance")
}

func TestFeedAndCallbackTakeEffectOnceWhicheverIsFirst(t *testing.T) {
	b := &bank{}
	b.set(order{Reference: "o1", Status: "PENDING"})
	h, l := merchant(t, confirming(b))
	first, err := h.Feed(t.Context(), order{Reference: "o1", Status: "PENDING"})
	require.NoError(t, err)
	assert.Equal(t, webhook.Advanced, first)
	assert.Equal(t, 201, post(h, status("o1", "PENDING")).Code)
	b.set(order{Reference: "o1", Status: "PAID"})
	assert.Equal(t, 201, post(h, paid("o1")).Code)
	for status, want := range map[string]webhook.Transition{"PAID": webhook.Duplicate, "NEW": webhook.Stale} {
		got, err := h.Feed(t.Context(), order{Reference: "o1", Status: status})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.Equal(t, []string{"o1 PENDING", "o1 PAID"}, l.told())
	assert.Equal(t, webhook.Confirmed, l.events[0].Trust)

	_, err = h.Feed(t.Context(), order{Status: "PAID"})
	require.ErrorIs(t, err, webhook.ErrMalformed)
	reversed, err := h.Feed(t.Context(), order{Reference: "o1", Status: "FAILED"})
	require.NoError(t, err)
	assert.Equal(t, webhook.Reversed, reversed)
	l.fail = errors.New("away")
	_, err = h.Feed(t.Context(), order{Reference: "o9", Status: "PAID"})
	require.ErrorIs(t, err, l.fail)
}
