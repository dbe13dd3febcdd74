package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/webhook"
)

func TestStatesTellWhatAStatusMeans(t *testing.T) {
	payout := webhook.NewStates(map[string][]string{
		"pending": {"paid", "failed", "jammed"},
		"jammed":  {"paid", "failed"},
		"error":   {"retry"},
		"retry":   {"error", "paid"},
	}, []string{"paid"}, []string{"reversed", "refunded"})

	for _, c := range []struct {
		from, to string
		want     webhook.Transition
	}{
		{"", "pending", webhook.Advanced},
		{"", "reversed", webhook.Reversed},
		{"pending", "jammed", webhook.Advanced},
		{"pending", "paid", webhook.Advanced},
		{"pending", "reversed", webhook.Reversed}, // the success in between was missed
		{"pending", "pending", webhook.Duplicate},
		{"paid", "paid", webhook.Duplicate},
		{"paid", "pending", webhook.Stale},
		{"reversed", "paid", webhook.Stale},
		{"reversed", "pending", webhook.Stale},
		{"paid", "reversed", webhook.Reversed},
		{"paid", "failed", webhook.Reversed},
		{"failed", "paid", webhook.Corrected},
		{"failed", "reversed", webhook.Reversed},
		{"reversed", "refunded", webhook.Unexpected},
		{"error", "retry", webhook.Advanced}, // a circle: a transition counts more than the way round
		{"retry", "error", webhook.Advanced},
		{"error", "error", webhook.Duplicate},
		{"pending", "brand new", webhook.Advanced},
		{"brand new", "paid", webhook.Advanced},
		{"brand new", "other new", webhook.Advanced},
		{"brand new", "brand new", webhook.Duplicate},
		{"failed", "brand new", webhook.Unexpected},
	} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			assert.Equal(t, c.want, payout.Transition(c.from, c.to))
		})
	}
}

func TestStatesKnowWhatIsFinal(t *testing.T) {
	s := webhook.NewStates(map[string][]string{"a": {"b", "c"}}, []string{"b"}, []string{"d"})
	for status, want := range map[string]bool{"a": false, "b": true, "c": true, "d": true, "unheard of": false, "": false} {
		assert.Equal(t, want, s.Final(status), status)
	}
	assert.False(t, (*webhook.States)(nil).Final("b"))
}

func TestNoStatesMeansNoOrder(t *testing.T) {
	var s *webhook.States
	assert.Equal(t, webhook.Advanced, s.Transition("b", "a"))
	assert.Equal(t, webhook.Duplicate, s.Transition("a", "a"))
}

func TestStatesOfACircleAndOfForks(t *testing.T) {
	circle := webhook.NewStates(map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"a", "done"}}, []string{"done"}, nil)
	assert.Equal(t, webhook.Advanced, circle.Transition("c", "b"), "round the circle, one status missed")
	assert.Equal(t, webhook.Stale, circle.Transition("done", "b"))
	fork := webhook.NewStates(map[string][]string{"a": {"left", "right"}, "left": {"done"}, "right": {"done"}}, []string{"done"}, nil)
	assert.Equal(t, webhook.Unexpected, fork.Transition("left", "right"), "no way there")
	assert.Equal(t, webhook.Advanced, fork.Transition("left", "new"), "a status without a name in the table")
}

// lateFirst is an API whose first response comes after five seconds, and says what was
// true when it was asked.
func lateFirst(b *bank) func(context.Context, webhook.Identity) (order, error) {
	var asked atomic.Int64
	return func(ctx context.Context, about webhook.Identity) (order, error) {
		o, err := b.ask(ctx, about)
		if asked.Add(1) == 1 {
			pass(5 * time.Second)
		}
		return o, err
	}
}

// A response of the API that was overtaken by a newer one is not handed on, whoever asked
// for either of them.
func TestASlowResponseUndoesNothingNewer(t *testing.T) {
	sweep := func(t *testing.T, h *webhook.Handler[order], asks int) func() {
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) { c.Handler = h })
		return func() {
			s, err := r.Sweep(t.Context())
			require.NoError(t, err)
			assert.Equal(t, asks, s.Asked)
			assert.Zero(t, s.Failed)
		}
	}
	knock := func(t *testing.T, h http.Handler, target string) func() {
		return func() { assert.Equal(t, 201, postTo(h, target, status("o1", "NEW")).Code) }
	}
	for name, both := range map[string]func(t *testing.T, ask func(*setup)) (slow, fast func(), l *ledger){
		"two processes": func(t *testing.T, ask func(*setup)) (slow, fast func(), l *ledger) {
			inbox := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})
			one, l := merchant(t, func(c *setup) { ask(c); c.Inbox = inbox })
			two, _ := merchant(t, func(c *setup) { ask(c); c.Inbox, c.Handle = inbox, l.handle })
			return knock(t, one, "/"+pathSecret), knock(t, two, "/"+pathSecret), l
		},
		"a slow reconciler beside the handler": func(t *testing.T, ask func(*setup)) (slow, fast func(), l *ledger) {
			h, l := merchant(t, ask)
			return sweep(t, h, 1), knock(t, h, "/"+pathSecret), l
		},
		"a slow handler beside the reconciler": func(t *testing.T, ask func(*setup)) (slow, fast func(), l *ledger) {
			h, l := merchant(t, ask)
			return knock(t, h, "/"+pathSecret), sweep(t, h, 1), l
		},
		"two ways in": func(t *testing.T, ask func(*setup)) (slow, fast func(), l *ledger) {
			caps := capabilities(t, atNoon, newKey)
			h, l := merchant(t, func(c *setup) { ask(c); c.Auth = webhook.AnyOf(webhook.PathSecret(pathSecret), caps) })
			return knock(t, h, mint(t, caps, webhook.Bound{Reference: "o1"})), knock(t, h, "/"+pathSecret), l
		},
	} {
		for _, c := range [][2]string{{"FAILED", "PAID"}, {"PAID", "FAILED"}, {"PAID", "RETURNED"}, {"FAILED", "RETURNED"}, {"NEW", "PAID"}} {
			t.Run(fmt.Sprint(name, "/", c[0], " before ", c[1]), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := &bank{}
					ask := lateFirst(b)
					slow, fast, l := both(t, func(c *setup) { c.Source.Ask = ask })
					b.set(order{Reference: "o1", Status: c[0]})
					done := make(chan struct{})
					go func() { defer close(done); slow() }()
					pass(time.Second)
					b.set(order{Reference: "o1", Status: c[1]})
					fast()
					first := l.transitions()
					assert.Len(t, first, 1)
					<-done
					assert.Equal(t, first, l.transitions())
					assert.LessOrEqual(t, b.count(), 3, "one more question, at most")
				})
			})
		}
	}
}

// slowBooks find a request id after five seconds.
type slowBooks struct{ *books }

func (b slowBooks) Get(ctx context.Context, requestID string) (*kotani.Transaction, error) {
	t, err := b.books.Get(ctx, requestID)
	pass(5 * time.Second)
	return t, err
}

// Kotani's transactions have two names, and the callbacks by each are asked about apart.
func TestASlowResponseByAnotherNameUndoesNothingNewer(t *testing.T) {
	for _, c := range [][2]kotani.TransactionStatus{{kotani.StatusExpired, kotani.StatusSuccessful}, {kotani.StatusSuccessful, kotani.StatusReversed}} {
		synctest.Test(t, func(t *testing.T) {
			b := &books{}
			var told []string
			cfg := goodConfig[kotani.Transaction]()
			cfg.Handle = func(_ context.Context, ev webhook.Event[kotani.Transaction]) error {
				told = append(told, ev.Status)
				return nil
			}
			h, err := webhook.NewKotani(slowBooks{b}, kotani.Payouts, cfg)
			require.NoError(t, err)
			say := func(status kotani.TransactionStatus) {
				b.set("o1 Payouts", transaction("o1", status, "20"))
				b.set("7", transaction("o1", status, "20"))
			}
			say(c[0])
			done := make(chan struct{})
			go func() {
				defer close(done)
				assert.Equal(t, 200, post(h, `{"requestId":"7","status":"PENDING"}`).Code)
			}()
			pass(time.Second)
			say(c[1])
			assert.Equal(t, 200, post(h, `{"externalId":"o1","status":"`+string(c[1])+`"}`).Code)
			<-done
			assert.Equal(t, []string{string(c[1])}, told)
		})
	}
}

// payoutsThatFlip is a Kasapay that says something else each time.
type payoutsThatFlip struct {
	says  []string
	asked int
}

func (f *payoutsThatFlip) Find(_ context.Context, reference string) (*kasapay.Payout, error) {
	says := f.says[min(f.asked, len(f.says)-1)]
	f.asked++
	return &kasapay.Payout{Reference: reference, Status: kasapay.PaymentStatus(says)}, nil
}

// Money that came back can leave again: sdk/journal calls it a correction, too.
func TestASuccessAfterItsReversalIsACorrectionIfTheAPIRepeatsIt(t *testing.T) {
	for name, tc := range map[string]struct {
		says string
		told []string
	}{
		"twice":            {"703 700 702 702 700 700 700", []string{"703 advanced", "700 advanced", "702 reversed", "700 corrected"}},
		"once":             {"703 700 702 702 700 702 702", []string{"703 advanced", "700 advanced", "702 reversed"}},
		"and fails after":  {"700 702 702 700 700 701 701", []string{"700 advanced", "702 reversed", "700 corrected", "701 reversed"}},
		"after a refund":   {"701 705 700 700 700", []string{"701 advanced", "705 advanced", "700 corrected"}},
		"only a beginning": {"700 702 702 703 703 704", []string{"700 advanced", "702 reversed"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &payoutsThatFlip{says: strings.Fields(tc.says)}
				told, cfg := []string(nil), goodConfig[kasapay.Payout]()
				cfg.Handle = func(_ context.Context, ev webhook.Event[kasapay.Payout]) error {
					told = append(told, ev.Status+" "+string(ev.Transition))
					return nil
				}
				h, err := webhook.NewKasapay(f, cfg)
				require.NoError(t, err)
				for f.asked < len(f.says) {
					assert.Equal(t, 200, post(h, `{"payout_reference":"o1","payment_status":703}`).Code)
				}
				assert.Equal(t, tc.told, told)
				assert.Len(t, f.says, f.asked)
			})
		})
	}
}

// A copy of the provider's database that lags behind shows an old success again. What
// must repeat it comes a second later.
func TestACopyThatLagsBehindUndoesNothing(t *testing.T) {
	for stale, want := range map[time.Duration][]string{
		900 * time.Millisecond:  {"PAID advanced", "RETURNED reversed"},
		1100 * time.Millisecond: {"PAID advanced", "RETURNED reversed", "PAID corrected"}, // nothing tells it from the truth
	} {
		synctest.Test(t, func(t *testing.T) {
			said, until := "PAID", time.Time{}
			h, l := merchant(t, func(c *setup) {
				c.Source.Ask = func(context.Context, webhook.Identity) (order, error) {
					if time.Now().Before(until) {
						return order{Reference: "o1", Status: "PAID"}, nil
					}
					return order{Reference: "o1", Status: said}, nil
				}
			})
			knock := func(posted string) { postTo(h, "/"+pathSecret, status("o1", posted)) }
			knock("PAID")
			said = "RETURNED"
			knock("RETURNED")
			until = time.Now().Add(stale)
			knock("PAID")
			assert.Equal(t, want, l.transitions())
		})
	}
}

// A posted or fed success after its reversal came late: nobody was asked.
func TestAFedSuccessAfterItsReversalIsStale(t *testing.T) {
	h, l := merchant(t, nil)
	for _, status := range []string{"PAID", "RETURNED", "PAID"} {
		_, err := h.Feed(t.Context(), order{Reference: "o1", Status: status})
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"PAID advanced", "RETURNED reversed"}, l.transitions())
}

// A success that goes on to another state is late after that, though the API repeats it.
func TestASuccessThatWentOnIsStale(t *testing.T) {
	b := &bank{}
	h, l := merchant(t, func(c *setup) {
		states := webhook.NewStates(map[string][]string{"PAID": {"SETTLED"}}, []string{"PAID"}, nil)
		c.Source.Ask = b.ask
		c.Source.Identify = func(o order) webhook.Identity {
			return webhook.Identity{Reference: o.Reference, Status: o.Status, States: states}
		}
	})
	for _, status := range []string{"SETTLED", "PAID"} {
		b.set(order{Reference: "o1", Status: status})
		assert.Equal(t, 201, post(h, paid("o1")).Code)
	}
	assert.Equal(t, []string{"SETTLED advanced"}, l.transitions())
}

// flipping is a KPay that says something else each time, as long as there is more.
type flipping struct {
	says  []kpay.Code
	asked int
}

func (f *flipping) Find(_ context.Context, refID string) (*kpay.Payment, error) {
	says := f.says[min(f.asked, len(f.says)-1)]
	f.asked++
	return &kpay.Payment{RefID: refID, Status: says}, nil
}

// What the API says twice is so: it takes back what was handed on before.
func TestAChangeThatTheAPIRepeatsIsHandedOn(t *testing.T) {
	for name, tc := range map[string]struct {
		says []kpay.Code
		told []string
	}{
		"a failure after a success":        {[]kpay.Code{"01", "02", "02"}, []string{"01 advanced", "02 reversed"}},
		"a success after a failure":        {[]kpay.Code{"02", "01", "01"}, []string{"02 advanced", "01 corrected"}},
		"a failure that it takes back":     {[]kpay.Code{"01", "02", "01"}, []string{"01 advanced"}},
		"a success that it takes back":     {[]kpay.Code{"02", "01", "02"}, []string{"02 advanced"}},
		"an advance needs no second word":  {[]kpay.Code{"03", "01"}, []string{"03 advanced", "01 advanced"}},
		"a late status needs none, either": {[]kpay.Code{"01", "03"}, []string{"01 advanced"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &flipping{says: tc.says}
				var told []string
				cfg := goodConfig[kpay.Payment]()
				cfg.Handle = func(_ context.Context, ev webhook.Event[kpay.Payment]) error {
					told = append(told, ev.Status+" "+string(ev.Transition))
					return nil
				}
				h, err := webhook.NewKPay(f, cfg)
				require.NoError(t, err)
				for range 2 {
					assert.Equal(t, 200, post(h, `{"refid":"o1","statusid":"03","tid":"A1"}`).Code)
				}
				assert.Equal(t, tc.told, told)
				assert.Len(t, tc.says, f.asked)
			})
		})
	}
}

// A state that changes with every question ends the questions, and the sender comes
// again.
func TestAStateThatNeverRestsIsAskedAboutAFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := &bank{}, &reports{}
		var h *webhook.Handler[order]
		h, l := merchant(t, func(c *setup) {
			c.Report = r.add
			c.Source.Ask = func(ctx context.Context, about webhook.Identity) (order, error) {
				o, err := b.ask(ctx, about)
				other := map[string]string{"PAID": "FAILED", "FAILED": "PAID"}[o.Status]
				b.set(order{Reference: "o1", Status: other})
				if _, err := h.Feed(ctx, order{Reference: "o1", Status: other}); err != nil {
					return order{}, err
				}
				return o, err
			}
		})
		b.set(order{Reference: "o1", Status: "PAID"})
		assert.Equal(t, 503, post(h, paid("o1")).Code)
		require.ErrorIs(t, r.last(), webhook.ErrNotConfirmed)
		assert.Equal(t, 4, b.count())
		assert.Len(t, l.told(), 4, "each of them was fed")
	})
}

// An API that changes its mind with every question gets no more of them than others.
func TestSecondQuestionsKeepToTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		h, _ := merchant(t, func(c *setup) {
			c.Source.Ask = func(context.Context, webhook.Identity) (order, error) {
				asked++
				return order{Reference: "o1", Status: [...]string{"PAID", "FAILED", "FAILED", "PAID"}[asked%4]}, nil
			}
		})
		start := time.Now()
		for range 20 {
			assert.Equal(t, 201, post(h, status("o1", "NEW")).Code)
		}
		assert.Greater(t, asked, 35)
		assert.LessOrEqual(t, asked, 8+int(time.Since(start)/time.Second)+1)
	})
}

// The reconciler's second lookup keeps to its rate as well.
func TestTheReconcilersSecondLookupKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l := merchant(t, nil)
		var references []string
		for i := range 20 {
			references = append(references, fmt.Sprint("o", i))
			_, err := h.Feed(t.Context(), order{Reference: references[i], Status: "PAID"})
			require.NoError(t, err)
		}
		b := &bank{}
		for _, reference := range references {
			b.set(order{Reference: reference, Status: "FAILED"})
		}
		r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
			c.Handler, c.Ask, c.Open, c.Rate = h, b.lookup, open(references...), 10
		})
		start := time.Now()
		s, err := r.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, webhook.Sweep{Open: 20, Asked: 20, Applied: 20}, s)
		assert.Equal(t, 40, b.count())
		assert.Equal(t, 5*time.Second, time.Since(start), "four at a time, a second before each repeat")
		assert.Len(t, l.told(), 40)
	})
}
