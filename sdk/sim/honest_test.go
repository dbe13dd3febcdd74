package sim_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/sim"
)

func askFor(reference string) sim.Ask {
	return sim.Ask{Provider: "kpay", Reference: reference, Amount: decimal.NewFromInt(1000), Currency: "RWF"}
}

func payFor(reference string) kpay.PayParams {
	return kpay.PayParams{
		RefID: reference, Amount: decimal.NewFromInt(1000), Method: kpay.MethodMoMo, MSISDN: "0783300000", Email: "ann@example.com",
		CustomerName: "Ann", CustomerNumber: "1", Details: "x", ReturnURL: "https://shop.example/hooks/kpay", RedirectURL: "https://shop.example/",
	}
}

var unclear = &sdk.Error{Outcome: sdk.Unknown}

// oneDay runs a program of one process on a day without trouble.
func oneDay(t *testing.T, cfg sim.Config, main func(w *sim.World, p *sim.Process, client *kpay.Client) error) sim.Report {
	t.Helper()
	cfg.Seeds, cfg.Seed, cfg.Profiles = 1, 3, []sim.Profile{{Calm: true}}
	return sim.Explore(t, cfg, func(w *sim.World) {
		w.KPay()
		w.Process("shop", func(p *sim.Process) error {
			client, err := kpay.New(p.KPayConfig())
			if err != nil {
				return err
			}
			return main(w, p, client)
		})
	})
}

// What the merchant knows to be a success is not asked about again, whatever a later call was told.
func TestAKnownSuccessIsSettled(t *testing.T) {
	t.Parallel()
	tell := func(p *sim.Process, err error) {
		_ = p.Call(p.Context(), askFor("order-1"), func(context.Context) error { return err })
	}
	for name, row := range map[string]struct {
		settled bool
		after   func(p *sim.Process, client *kpay.Client)
	}{
		"a doubt alone":                {false, func(*sim.Process, *kpay.Client) {}},
		"a success, and a later doubt": {true, func(p *sim.Process, _ *kpay.Client) { tell(p, nil); tell(p, unclear) }},
		"heard in another way":         {true, func(p *sim.Process, _ *kpay.Client) { p.Heard(p.Context(), askFor("order-1")) }},
		"looked up": {true, func(p *sim.Process, client *kpay.Client) {
			p.Sleep(p.Context(), time.Minute)
			_ = p.Look(p.Context(), askFor("order-1"), func(ctx context.Context) error { _, err := client.Find(ctx, "order-1"); return err })
		}},
		"a success of another payment": {false, func(p *sim.Process, _ *kpay.Client) {
			other := askFor("order-1")
			other.Amount = decimal.NewFromInt(2000)
			tell(p, nil)
			_ = p.Call(p.Context(), other, func(context.Context) error { return unclear })
		}},
		"a later call whose process ends": {true, func(p *sim.Process, _ *kpay.Client) {
			tell(p, nil)
			p.Go("late", func(ctx context.Context) {
				_ = p.Call(ctx, askFor("order-1"), func(ctx context.Context) error { p.Sleep(ctx, 100*time.Hour); return nil })
			})
			p.Sleep(p.Context(), time.Second)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := oneDay(t, sim.Config{Shrink: -1}, func(_ *sim.World, p *sim.Process, client *kpay.Client) error {
				_, err := client.Pay(p.Context(), payFor("order-1"))
				tell(p, unclear)
				row.after(p, client)
				return err
			})
			if row.settled {
				require.Empty(t, r.Failures)
				return
			}
			require.Len(t, r.Failures, 1)
			assert.Equal(t, sim.NotSettled, r.Failures[0].Violations[0].Kind)
		})
	}
}

// What a process was told before it died it may not have written down: its next life must ask again.
func TestASuccessThatDiedWithItsProcessIsForgotten(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		forgets bool
		told    error // in the second life
	}{"asks no more": {true, unclear}, "asks again": {false, nil}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lives := 0
			r := oneDay(t, sim.Config{Shrink: -1}, func(_ *sim.World, p *sim.Process, client *kpay.Client) error {
				if lives++; lives == 1 {
					_ = p.Call(p.Context(), askFor("order-1"), func(ctx context.Context) error { _, err := client.Pay(ctx, payFor("order-1")); return err })
					return errors.New("the database is full")
				}
				_ = p.Call(p.Context(), askFor("order-1"), func(context.Context) error { return row.told })
				return nil
			})
			if !row.forgets {
				require.Empty(t, r.Failures)
				return
			}
			require.Len(t, r.Failures, 1)
			assert.Equal(t, sim.NotSettled, r.Failures[0].Violations[0].Kind)
		})
	}
}

// A process that ends in the midst of a call has been told nothing, and no success.
func TestACallThatDoesNotEndIsNoSuccess(t *testing.T) {
	t.Parallel()
	r := oneDay(t, sim.Config{Shrink: -1}, func(_ *sim.World, p *sim.Process, _ *kpay.Client) error {
		p.Go("late", func(ctx context.Context) {
			_ = p.Call(ctx, askFor("order-1"), func(ctx context.Context) error { p.Sleep(ctx, 100*time.Hour); return nil })
		})
		p.Sleep(p.Context(), time.Second)
		return nil
	})
	require.Len(t, r.Failures, 1)
	assert.Contains(t, r.Failures[0].Violations[0].Text, "kpay order-1: nothing, because its process ended")
}

// A main that ends in another way than by returning is told once, with a story, whatever shrinks it.
func TestAMainThatDoesNotReturnIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, main := range map[string]func(){
		"a panic": func() { panic("no such order") },
		"Goexit":  func() { runtime.Goexit() }, // as require does
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := oneDay(t, sim.Config{Shrink: time.Second, Watchdog: time.Minute}, func(*sim.World, *sim.Process, *kpay.Client) error { main(); return nil })
			require.Len(t, r.Failures, 1)
			v := r.Failures[0].Violations
			require.Len(t, v, 1)
			assert.Equal(t, "panic", v[0].Kind)
			assert.Contains(t, v[0].Text, map[string]string{"a panic": "shop: panic: no such order", "Goexit": "shop: its main did not return"}[name])
			assert.NotContains(t, r.Failures[0].Story, "DOES NOT REPEAT")
		})
	}
}

// A server that waits for its context to end is named, with what to do.
func TestAMainThatNeverEndsIsNamed(t *testing.T) {
	t.Parallel()
	r := oneDay(t, sim.Config{Shrink: -1}, func(_ *sim.World, p *sim.Process, _ *kpay.Client) error {
		p.Handle("shop.example/hooks/kpay", http.NotFoundHandler())
		<-p.Context().Done()
		return nil
	})
	require.Len(t, r.Failures, 1)
	assert.Equal(t, sim.NotSettled, r.Failures[0].Violations[0].Kind)
	assert.Contains(t, r.Failures[0].Violations[0].Text, "these still run: shop.")
}

// A goroutine that nothing ends makes the same failure again, so that its day is shrunk.
func TestADeadlockRepeats(t *testing.T) {
	t.Parallel()
	r := oneDay(t, sim.Config{Shrink: time.Second}, func(*sim.World, *sim.Process, *kpay.Client) error {
		go func() { <-make(chan int) }()
		return nil
	})
	require.Len(t, r.Failures, 1)
	assert.NotContains(t, r.Failures[0].Story, "DOES NOT REPEAT")
}

// What a program has set up wrongly is said plainly.
func TestASetUpThatCannotWorkIsNamed(t *testing.T) {
	t.Parallel()
	for want, main := range map[string]func(p *sim.Process){
		"Process.DB needs a Config.Database": func(p *sim.Process) { p.DB() },
		`Ask.Provider is "k-pay"`: func(p *sim.Process) {
			_ = p.Call(p.Context(), sim.Ask{Provider: "k-pay", Reference: "order-1"}, func(context.Context) error { return nil })
		},
	} {
		r := oneDay(t, sim.Config{Shrink: -1}, func(_ *sim.World, p *sim.Process, _ *kpay.Client) error { main(p); return nil })
		require.Len(t, r.Failures, 1, want)
		assert.Contains(t, r.Failures[0].Violations[0].Text, want)
	}
}

// A deadline that falls on the very instant in which a response comes makes the same day again.
func TestADeadlineOnAHopMakesTheSameDayAgain(t *testing.T) {
	t.Parallel()
	for _, patience := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond} {
		difference := sim.Repeat(t, sim.Config{Profiles: []sim.Profile{{Calm: true}}}, 3, 100, func(w *sim.World) {
			w.KPay()
			w.Process("shop", func(p *sim.Process) error {
				client, err := kpay.New(p.KPayConfig())
				if err != nil {
					return err
				}
				for _, reference := range []string{"order-1", "order-2", "order-3", "order-4", "order-5", "order-6", "order-7", "order-8"} {
					p.Go(reference, func(ctx context.Context) {
						_ = p.Call(ctx, askFor(reference), func(ctx context.Context) error {
							ctx, cancel := context.WithTimeout(ctx, patience)
							defer cancel()
							_, err := client.Pay(ctx, payFor(reference))
							return err
						})
					})
				}
				p.Wait()
				return nil
			})
		})
		assert.Empty(t, difference, patience)
	}
}

// A killed process does not go on after it has waited for its goroutines: what it would write
// down then is not so.
func TestAKilledProcessDoesNotGoOnAfterWait(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(p *sim.Process, f func(ctx context.Context)){
		"Go and Wait": func(p *sim.Process, f func(ctx context.Context)) { p.Go("order-1", f); p.Wait() },
		"Beside":      func(p *sim.Process, f func(ctx context.Context)) { p.Beside(p.Context(), "order-1", f)() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sim.Explore(t, sim.Config{Seeds: 100, KeepGoing: true, Shrink: -1}, func(w *sim.World) {
				w.KPay()
				var mu sync.Mutex
				done := false
				w.Process("shop", func(p *sim.Process) error {
					mu.Lock()
					over := done
					mu.Unlock()
					if over {
						return nil
					}
					client, err := kpay.New(p.KPayConfig())
					if err != nil {
						return err
					}
					wait(p, func(ctx context.Context) {
						for {
							err := p.Call(ctx, askFor("order-1"), func(ctx context.Context) error {
								ctx, cancel := context.WithTimeout(ctx, time.Minute)
								defer cancel()
								_, err := client.Pay(ctx, payFor("order-1"))
								return err
							})
							if advice := sdk.Advise(err); advice != sdk.Look && advice != sdk.Again {
								return
							}
							p.Sleep(ctx, 10*time.Second)
						}
					})
					mu.Lock()
					done = true // nothing is open any more
					mu.Unlock()
					return nil
				})
			})
			require.Empty(t, r.Failures)
			require.Positive(t, r.Faults[sim.FaultKill])
		})
	}
}
