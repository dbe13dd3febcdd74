package transport_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// register is a provider that keeps payments by their reference. It takes a second
// for each, and its lookups show what is kept.
type register struct {
	core *transport.Core
	s    *fixture

	mu      sync.Mutex
	amounts map[string]string // by reference
	lookups int
	repeats bool // references are not unique
	lags    bool // lookups show nothing
	fails   bool // lookups fail
	booked  int
	scope   string
}

func newRegister(t *testing.T, change ...func(*transport.Config)) *register {
	r := &register{s: newFixture(t), amounts: map[string]string{}}
	r.s.always = r.answer(accept)
	r.core = r.s.core(change...)
	return r
}

// answer books a payment, unless its reference is taken, and then responds.
func (r *register) answer(then step) step {
	return func(w http.ResponseWriter, req *http.Request) {
		wait(time.Second)
		if r.book(r.s.seen()[len(r.s.seen())-1].Body) {
			then(w, req)
		} else {
			say(409, "duplicate")(w, req)
		}
	}
}

func (r *register) book(body string) bool {
	var p struct{ Reference, Amount string }
	_ = json.Unmarshal([]byte(body), &p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.amounts[p.Reference]; taken && !r.repeats {
		return false
	}
	r.booked++
	r.amounts[p.Reference] = p.Amount
	return true
}

func (r *register) play(script ...step) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.script = script
}

// paying is the result of one caller.
type paying struct {
	found    bool // by a lookup
	existing bool
	said     string
	raw      []byte
}

// pay makes a call of "referenced", or of "once" as searched.
func (r *register) pay(ctx context.Context, op, amount string) (paying, error) {
	return r.payTo(ctx, op, amount, "")
}

// payTo is pay with a URL for callbacks, which no lookup shows.
func (r *register) payTo(ctx context.Context, op, amount, callback string) (paying, error) {
	var p paying
	body := map[string]string{"reference": "ref-1", "amount": amount}
	if callback != "" {
		body["callback"] = callback
	}
	err := r.core.Do(ctx, transport.Call{
		Op: op, Reference: "ref-1", Searched: op == "once", Body: body,
		Scope: r.scope,
		Decode: func(resp *transport.Response) error {
			var said struct{ Say string }
			err := json.Unmarshal(resp.Body, &said)
			p.said, p.raw = said.Say, resp.Body
			return err
		},
		Lookup: func(_ context.Context, existing bool) (transport.Finding, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lookups++
			if r.fails {
				return 0, errSearch
			}
			switch shown, ok := r.amounts["ref-1"]; {
			case r.lags:
				return transport.Absent, nil
			case !ok:
				return transport.Absent, nil
			case shown != amount:
				return transport.Different, nil
			}
			p.found, p.existing = true, existing
			return transport.Same, nil
		},
	})
	return p, err
}

func TestCallersOfOneReferenceShareARequest(t *testing.T) {
	for name, then := range map[string]step{"answered": nil, "found by a lookup": drop, "done and refused": say(400, "refused")} {
		lost := then != nil
		for _, op := range []string{"referenced", "once"} {
			t.Run(name+", "+op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const callers = 100
					r := newRegister(t)
					if lost {
						r.play(r.answer(then))
					}
					var results [callers]paying
					var all sync.WaitGroup
					for i := range callers {
						all.Go(func() {
							var err error
							results[i], err = r.pay(t.Context(), op, "7")
							assert.NoError(t, err)
							if !lost {
								results[i].raw[0] = byte(i) // nobody else's
							}
						})
					}
					all.Wait()
					assert.Len(t, r.s.seen(), 1)
					for i := range results {
						assert.Equal(t, lost, results[i].found)
						assert.Equal(t, name == "done and refused", results[i].existing, "no attempt of these calls is open")
						if !lost {
							assert.Equal(t, "accepted", results[i].said)
						}
					}
					for i := range results {
						if !lost {
							assert.Equal(t, byte(i), results[i].raw[0])
						}
					}
				})
			})
		}
	}
}

// A refusal and an unknown outcome are everybody's, too.
func TestCallersOfOneReferenceShareAFailure(t *testing.T) {
	for name, row := range map[string]struct {
		then step
		want sdk.Outcome
	}{
		"refused": {func(w http.ResponseWriter, r *http.Request) { wait(1e9); say(400, "refused")(w, r) }, sdk.Rejected},
		"lost":    {func(http.ResponseWriter, *http.Request) { wait(1e9); panic(http.ErrAbortHandler) }, sdk.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRegister(t)
				r.play(row.then)
				var all sync.WaitGroup
				var seen sync.Map
				for range 10 {
					all.Go(func() {
						_, err := r.pay(t.Context(), "once", "7")
						f := failure(t, err)
						assert.Equal(t, row.want, f.Outcome)
						_, shared := seen.LoadOrStore(f, true)
						assert.False(t, shared, "each caller has an error of his own")
					})
				}
				all.Wait()
				assert.Len(t, r.s.seen(), 1)
			})
		})
	}
}

// A call with other parameters waits for its turn and then hears the truth, without
// sending the reference a second time.
func TestAnotherIdentityWaitsForItsTurn(t *testing.T) {
	for op, want := range map[string]sdk.Outcome{"referenced": sdk.Rejected, "once": sdk.Unknown} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRegister(t)
				var all sync.WaitGroup
				all.Go(func() {
					_, err := r.pay(t.Context(), op, "7")
					assert.NoError(t, err)
				})
				synctest.Wait()
				all.Go(func() {
					_, err := r.pay(t.Context(), op, "9")
					assert.ErrorIs(t, err, sdk.ErrReferenceTaken)
					assert.Equal(t, want, failure(t, err).Outcome)
				})
				synctest.Wait()
				assert.Len(t, r.s.seen(), 1, "the second waits")
				all.Wait()
				assert.Len(t, r.s.seen(), 1)
				assert.Equal(t, 1, r.lookups)
				assert.Equal(t, map[string]string{"ref-1": "7"}, r.amounts)
			})
		})
	}
}

// Whatever differs besides the reference, and whatever becomes of the first call, there
// is one payment. Every case is of a provider that pays a reference again.
func TestOneReferenceIsPaidOnceWhateverElseDiffers(t *testing.T) {
	for name, row := range map[string]struct {
		amounts, callbacks bool
		arrange            func(*register)
		want               map[string]error // of those who come behind, by operation; nil: the payment
		sent               map[string]int   // 1 where there is nothing
	}{
		"callback": {callbacks: true, arrange: func(*register) {}},
		"amount": {amounts: true, arrange: func(*register) {}, want: map[string]error{
			"referenced": sdk.ErrReferenceTaken, "once": sdk.ErrReferenceTaken,
		}},
		"callback, the first response is lost": {callbacks: true, arrange: func(r *register) { r.play(r.answer(drop)) }},
		"callback, lookups lag": {callbacks: true, arrange: func(r *register) { r.lags = true }, want: map[string]error{
			"once": sdk.ErrOutcomeUnknown,
		}, sent: map[string]int{"referenced": 5}}, // the provider says that it keeps them unique
		"callback, lookups fail": {callbacks: true, arrange: func(r *register) { r.fails = true }, want: map[string]error{
			"referenced": sdk.ErrOutcomeUnknown, "once": sdk.ErrOutcomeUnknown,
		}},
		"callback, the first is refused": {callbacks: true, arrange: func(r *register) {
			r.play(func(w http.ResponseWriter, req *http.Request) { wait(time.Second); say(400, "refused")(w, req) })
		}, sent: map[string]int{"referenced": 2, "once": 2}},
	} {
		for _, op := range []string{"referenced", "once"} {
			t.Run(name+"/"+op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRegister(t)
					r.repeats = true
					row.arrange(r)
					var all sync.WaitGroup
					pay := func(i int) (paying, error) {
						amount, callback := "7", ""
						if row.amounts {
							amount = strconv.Itoa(7 + i)
						}
						if row.callbacks {
							callback = "https://merchant.example/" + strconv.Itoa(i)
						}
						return r.payTo(t.Context(), op, amount, callback)
					}
					all.Go(func() { _, _ = pay(0) })
					synctest.Wait()
					for i := range 4 {
						all.Go(func() {
							p, err := pay(1 + i)
							if row.want[op] != nil {
								assert.ErrorIs(t, err, row.want[op])
								return
							}
							if assert.NoError(t, err) {
								assert.Equal(t, p.found, p.existing, "no attempt of its own made it")
							}
						})
					}
					all.Wait()
					sent := max(1, row.sent[op])
					assert.Len(t, r.s.seen(), sent)
					if row.sent[op] < 5 {
						assert.Equal(t, 1, r.booked)
					}
				})
			})
		}
	}
}

// Operations that share their references wait for each other as well.
func TestOneReferenceOfTwoOperationsIsPaidOnce(t *testing.T) {
	for _, order := range [][2]string{{"referenced", "once"}, {"once", "referenced"}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRegister(t)
			r.repeats, r.scope = true, "payouts"
			var all sync.WaitGroup
			all.Go(func() { _, err := r.pay(t.Context(), order[0], "7"); assert.NoError(t, err) })
			synctest.Wait()
			all.Go(func() { _, err := r.pay(t.Context(), order[1], "9"); assert.ErrorIs(t, err, sdk.ErrReferenceTaken) })
			all.Go(func() { // equal bodies are not the same operation
				p, err := r.pay(t.Context(), order[1], "7")
				assert.NoError(t, err)
				assert.True(t, p.found, "it looks, and does not take the other's result")
			})
			all.Wait()
			assert.Equal(t, 1, r.booked)
		})
	}
}

// A call about several references follows each that is about one of them.
func TestCallsWithAReferenceInCommonFollowEachOther(t *testing.T) {
	for name, row := range map[string]struct {
		first, second []string
		atOnce        int
	}{
		"one of two":     {[]string{"a"}, []string{"a", "b"}, 1},
		"the second":     {[]string{"b"}, []string{"a", "b"}, 1},
		"two of one":     {[]string{"a", "b"}, []string{"b"}, 1},
		"another order":  {[]string{"a", "b"}, []string{"b", "a"}, 1},
		"one in common":  {[]string{"a", "b"}, []string{"b", "c"}, 1},
		"none in common": {[]string{"a", "b"}, []string{"c"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				now, most := 0, 0
				s := newFixture(t)
				s.always = func(w http.ResponseWriter, req *http.Request) {
					mu.Lock()
					now++
					most = max(most, now)
					mu.Unlock()
					wait(time.Second)
					mu.Lock()
					now--
					mu.Unlock()
					accept(w, req)
				}
				core := s.core()
				var all sync.WaitGroup
				for range 2 { // whoever waits must be let through afterwards
					for _, references := range [][]string{row.first, row.second} {
						all.Go(func() {
							call := callOf("referenced")
							call.Reference, call.References, call.Body = strings.Join(references, " "), references, references
							call.Lookup = func(context.Context, bool) (transport.Finding, error) { return transport.Absent, nil }
							assert.NoError(t, core.Do(t.Context(), call))
						})
					}
				}
				all.Wait()
				assert.Equal(t, row.atOnce, most)
			})
		})
	}
}

// The caller in front gives up. Whoever comes behind with other parameters does not send.
func TestACallBehindAnAbandonedOneOnlyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegister(t)
		r.repeats = true
		r.play(func(w http.ResponseWriter, req *http.Request) { r.book(r.s.seen()[0].Body); hang(w, req) })
		ctx, cancel := contextWithin(t, time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { _, err := r.pay(ctx, "once", "7"); assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown) })
		synctest.Wait()
		all.Go(func() { _, err := r.pay(t.Context(), "once", "9"); assert.ErrorIs(t, err, sdk.ErrReferenceTaken) })
		all.Wait()
		assert.Equal(t, 1, r.booked)
		assert.Len(t, r.s.seen(), 1)
	})
}

// The leader's context ends while he looks for what was refused. The refusal is certain, so
// that nobody sends again: a repeat on the way may have met it, and a second write of this
// class could be a second payment.
func TestARefusalIsEverybodysAlthoughTheLeaderHasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegister(t)
		r.play(say(400, "refused"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		call := transport.Call{Op: "once", Reference: "7", Searched: true, Lookup: func(ctx context.Context, _ bool) (transport.Finding, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}}
		var all sync.WaitGroup
		for _, ctx := range []context.Context{ctx, t.Context()} {
			all.Go(func() { assert.ErrorIs(t, r.core.Do(ctx, call), sdk.ErrRejected) })
			synctest.Wait()
		}
		all.Wait()
		assert.Len(t, r.s.seen(), 1)
	})
}

// But when money was wanting, the payment of an earlier call may be the reason. Nothing of the
// leader's is open, so that the follower is a fresh call, if a second write cannot be a second
// payment.
func TestAWantOfMoneyIsAskedAboutAgainWhenTheLeaderHasGivenUp(t *testing.T) {
	for op, row := range map[string]struct {
		outcome error // of the follower
		sent    int
	}{"referenced": {sdk.ErrRejected, 2}, "once": {sdk.ErrOutcomeUnknown, 1}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRegister(t)
			r.s.always = say(400, "poor")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			call := transport.Call{Op: op, Reference: "7", Searched: op == "once", Lookup: func(looking context.Context, _ bool) (transport.Finding, error) {
				if _, hurried := looking.Deadline(); !hurried {
					return transport.Absent, nil
				}
				<-looking.Done()
				return 0, looking.Err()
			}}
			var all sync.WaitGroup
			all.Go(func() {
				err := r.core.Do(ctx, call)
				assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, op)
				assert.ErrorIs(t, err, sdk.ErrInsufficientFunds, op)
			})
			synctest.Wait()
			all.Go(func() { assert.ErrorIs(t, r.core.Do(t.Context(), call), row.outcome, op) })
			all.Wait()
			assert.Len(t, r.s.seen(), row.sent, op)
		})
	}
}

// Writes of other references, operations and clients do not wait.
func TestOtherReferencesDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegister(t)
		r.s.always = func(w http.ResponseWriter, req *http.Request) {
			wait(time.Second)
			accept(w, req)
		}
		absent := func(context.Context, bool) (transport.Finding, error) { return transport.Absent, nil }
		start := time.Now()
		var all sync.WaitGroup
		for _, call := range []transport.Call{
			{Op: "referenced", Reference: "a", Lookup: absent}, {Op: "referenced", Reference: "b", Lookup: absent},
			{Op: "once", Reference: "a", Searched: true, Lookup: absent},
			{Op: "referenced", Reference: "c"}, {Op: "referenced", Reference: "c"}, // nothing to share
		} {
			all.Go(func() {
				assert.NoError(t, r.core.Do(t.Context(), call))
			})
		}
		all.Wait()
		assert.Equal(t, time.Second, time.Since(start))
		assert.Len(t, r.s.seen(), 5)
	})
}

// The caller who leads gives up. A follower goes on, and knows that the payment may
// have been made.
func TestAFollowerGoesOnWhenTheLeaderGivesUp(t *testing.T) {
	cancelled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(500*time.Millisecond, cancel)
		return ctx, cancel
	}
	// Its deadline leaves no time for three looks.
	hurried := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, 2500*time.Millisecond)
	}
	for name, row := range map[string]struct {
		op      string
		leader  func(context.Context) (context.Context, context.CancelFunc)
		first   func(*register) step
		want    error // of the follower
		sent    int
		existed bool
	}{
		"referenced, nothing was done": {"referenced", cancelled, func(*register) step { return hang }, nil, 2, false},
		"referenced, it was done": {"referenced", cancelled, func(r *register) step {
			return func(w http.ResponseWriter, req *http.Request) {
				r.book(r.s.seen()[0].Body)
				hang(w, req)
			}
		}, nil, 1, false},
		"searched, nothing was done": {"once", cancelled, func(*register) step { return hang }, sdk.ErrOutcomeUnknown, 1, false},
		"searched, it was done": {"once", cancelled, func(r *register) step {
			return func(w http.ResponseWriter, req *http.Request) {
				r.book(r.s.seen()[0].Body)
				hang(w, req)
			}
		}, nil, 1, false},
		"referenced, no time to look": {"referenced", hurried, func(r *register) step {
			return func(http.ResponseWriter, *http.Request) { wait(time.Second); panic(http.ErrAbortHandler) }
		}, nil, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRegister(t)
				r.play(row.first(r))
				ctx, cancel := row.leader(t.Context())
				defer cancel()
				var all sync.WaitGroup
				all.Go(func() {
					_, err := r.pay(ctx, row.op, "7")
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				})
				synctest.Wait()
				for range 5 {
					all.Go(func() {
						p, err := r.pay(t.Context(), row.op, "7")
						assert.False(t, p.existing)
						if row.want != nil {
							assert.ErrorIs(t, err, row.want)
							return
						}
						assert.NoError(t, err)
					})
				}
				all.Wait()
				assert.Len(t, r.s.seen(), row.sent)
				assert.NotZero(t, r.lookups)
			})
		})
	}
}

// A leader that was never sent leaves nothing open: the follower sends.
func TestAFollowerSendsWhatTheLeaderNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := newRegister(t)
		dial := r.s.transport.DialContext
		r.s.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			select {
			case <-release:
				return dial(ctx, network, address)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := r.pay(ctx, "once", "7")
			assert.ErrorIs(t, err, sdk.ErrNotSent)
		})
		synctest.Wait()
		all.Go(func() {
			_, err := r.pay(t.Context(), "once", "7")
			assert.NoError(t, err)
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(release)
		all.Wait()
		assert.Len(t, r.s.seen(), 1)
		assert.Zero(t, r.lookups)
	})
}

// A panic of the caller's own code frees the reference, and the payment may have
// been made.
func TestAPanicReleasesTheReference(t *testing.T) {
	for op, sent := range map[string]int{"referenced": 1, "once": 1} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRegister(t)
				var all sync.WaitGroup
				all.Go(func() {
					assert.Panics(t, func() {
						_ = r.core.Do(t.Context(), transport.Call{
							Op: op, Reference: "ref-1", Searched: op == "once", Body: map[string]string{"reference": "ref-1", "amount": "7"},
							Lookup: func(context.Context, bool) (transport.Finding, error) { return transport.Absent, nil },
							Decode: func(*transport.Response) error { panic("a fault of the decoder") },
						})
					})
				})
				synctest.Wait()
				all.Go(func() {
					p, err := r.pay(t.Context(), op, "7")
					assert.NoError(t, err)
					assert.True(t, p.found)
					assert.False(t, p.existing)
				})
				all.Wait()
				assert.Len(t, r.s.seen(), sent)
				_, err := r.pay(t.Context(), op, "7")
				assert.NoError(t, err, "nothing is held any longer")
			})
		})
	}
}

// A caller whose context ends while he waits hears what may have happened.
func TestAWaitingCallerWhoseContextEnds(t *testing.T) {
	for name, row := range map[string]struct {
		op, amount string
		want       sdk.Outcome
	}{
		"the same payment is under way":   {"referenced", "7", sdk.Unknown},
		"another one, not yet this one's": {"referenced", "9", sdk.NotSent},
		// Called again as "not sent", it would not look, and pay beside the other one.
		"another one, of a reference that may be paid twice": {"once", "9", sdk.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRegister(t)
				var all sync.WaitGroup
				all.Go(func() {
					_, err := r.pay(t.Context(), row.op, "7")
					assert.NoError(t, err)
				})
				synctest.Wait()
				ctx, cancel := contextWithin(t, 500*time.Millisecond)
				defer cancel()
				start := time.Now()
				_, err := r.pay(ctx, row.op, row.amount)
				assert.Equal(t, 500*time.Millisecond, time.Since(start))
				f := failure(t, err)
				assert.Equal(t, row.want, f.Outcome)
				assert.Equal(t, "ref-1", f.Reference)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, "acme: "+row.op+": deadline exceeded (outcome: "+row.want.String()+")", err.Error())
				all.Wait()
				assert.Len(t, r.s.seen(), 1)
			})
		})
	}
}

// Identity, where a call has one, decides instead of the body.
func TestIdentityDecidesWhatIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegister(t)
		var n atomic.Int64
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				assert.NoError(t, r.core.Do(t.Context(), transport.Call{
					Op: "referenced", Reference: "ref-1", Identity: "ref-1 for 7",
					Body:   map[string]string{"reference": "ref-1", "nonce": strconv.FormatInt(n.Add(1), 10)},
					Lookup: func(context.Context, bool) (transport.Finding, error) { return transport.Absent, nil },
				}))
			})
		}
		all.Wait()
		assert.Len(t, r.s.seen(), 1)
	})
}
