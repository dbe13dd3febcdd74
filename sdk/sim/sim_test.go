package sim_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/sim"
)

// checkout collects 1000 francs for an order. The wrong one pays again with a new
// reference when the outcome is unknown. The right one makes the same call again.
func checkout(ctx context.Context, p *sim.Process, client *kpay.Client, order string, wrong bool) error {
	ref := order
	for try := 1; try <= 8; try++ {
		ask := sim.Ask{Provider: "kpay", Reference: ref, Amount: decimal.NewFromInt(1000), Currency: "RWF"}
		err := p.Call(ctx, ask, func(ctx context.Context) error {
			_, err := client.Pay(ctx, kpay.PayParams{
				RefID: ref, Amount: ask.Amount, Method: kpay.MethodMoMo, MSISDN: "0783300000", Email: "ann@example.com",
				CustomerName: "Ann", CustomerNumber: "1", Details: order, ReturnURL: "https://shop.example/hooks/kpay", RedirectURL: "https://shop.example/",
			})
			return err
		})
		switch sdk.Advise(err) {
		case sdk.Done:
			return nil
		case sdk.Look:
			if wrong {
				p.World().Stuck("kpay", ref, "given up for a new reference")
				ref = fmt.Sprintf("%s-try%d", order, try+1)
			}
		case sdk.Again:
		default:
			return err
		}
		p.Sleep(ctx, time.Duration(try)*10*time.Minute)
	}
	return errors.New("no clear response for hours")
}

func shop(wrong bool) func(*sim.World) {
	return func(w *sim.World) {
		w.KPay()
		w.Process("shop", func(p *sim.Process) error {
			client, err := kpay.New(p.KPayConfig())
			if err != nil {
				return err
			}
			return checkout(p.Context(), p, client, "order-1", wrong)
		})
		w.Check(func(l sim.Ledgers) error {
			paid := 0
			for _, payment := range l.Payments("kpay", "") {
				paid += payment.Debits
			}
			if paid > 1 {
				return fmt.Errorf("the customer has paid order-1 %d times", paid)
			}
			return nil
		})
	}
}

// A checkout that pays again after an unknown outcome takes the customer's money
// twice. The simulation finds it within a few days, and the repaired one holds.
func ExampleRun() {
	explore := func(wrong bool) sim.Report { return exploreOutside(sim.Config{Seeds: 300}, shop(wrong)) }
	wrong := explore(true)
	fmt.Println("wrong checkout:", wrong.Failures[0].Violations[0].Text)
	fmt.Println("repaired:", len(explore(false).Failures), "violations")
	// Output:
	// wrong checkout: the customer has paid order-1 2 times
	// repaired: 0 violations
}

// exploreOutside gives an example a test to run in.
func exploreOutside(c sim.Config, program func(*sim.World)) sim.Report {
	return sim.Explore(new(testing.T), c, program)
}

func TestTheWrongCheckoutIsFoundAndItsDayMadeAgain(t *testing.T) {
	t.Parallel()
	r := sim.Explore(t, sim.Config{Seeds: 300}, shop(true))
	require.Len(t, r.Failures, 1)
	f := r.Failures[0]
	assert.Less(t, f.Choices[1], f.Choices[0], "shrunk")
	assert.Contains(t, f.Story, "BROKEN")
	assert.NotContains(t, f.Story, "DOES NOT REPEAT")
	assert.LessOrEqual(t, len(f.Story), 30*200)
}

func TestTheRepairedCheckoutHolds(t *testing.T) {
	t.Parallel()
	sim.Run(t, sim.Config{Seeds: 300}, shop(false))
}

// The oracle must see each lie. A program that lies about what it was told stands for
// a client that does.
func TestTheOracleSeesALie(t *testing.T) {
	t.Parallel()
	rejected := &sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrDeclined}}
	unknown := &sdk.Error{Outcome: sdk.Unknown}
	for kind, lie := range map[string]struct {
		pay    bool
		told   error
		amount int64
	}{
		sim.RejectedDebited: {true, rejected, 1000},
		sim.SuccessWithout:  {false, nil, 1000},
		"another amount":    {true, nil, 999},
		sim.NotSettled:      {true, unknown, 1000},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1, Profiles: []sim.Profile{{Calm: true}}, Seed: 3}, func(w *sim.World) {
				w.KPay()
				w.Process("liar", func(p *sim.Process) error {
					client, err := kpay.New(p.KPayConfig())
					if err != nil {
						return err
					}
					ask := sim.Ask{Provider: "kpay", Reference: "order-1", Amount: decimal.NewFromInt(lie.amount), Currency: "RWF"}
					_ = p.Call(p.Context(), ask, func(ctx context.Context) error {
						for lie.pay {
							_, err := client.Pay(ctx, kpay.PayParams{
								RefID: "order-1", Amount: decimal.NewFromInt(1000), Method: kpay.MethodMoMo, MSISDN: "0783300000", Email: "ann@example.com",
								CustomerName: "Ann", CustomerNumber: "1", Details: "x", ReturnURL: "https://shop.example/hooks/kpay", RedirectURL: "https://shop.example/",
							})
							if err == nil {
								break
							}
						}
						return lie.told
					})
					return nil
				})
			})
			require.Len(t, r.Failures, 1)
			want := kind
			if kind == "another amount" {
				want = sim.SuccessWithout
			}
			assert.Equal(t, want, r.Failures[0].Violations[0].Kind)
		})
	}
}

func TestAPanicOfTheProgramIsAViolation(t *testing.T) {
	t.Parallel()
	r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1}, func(w *sim.World) {
		w.Process("shop", func(*sim.Process) error { panic("no such order") })
	})
	require.Len(t, r.Failures, 1)
	assert.Equal(t, "panic", r.Failures[0].Violations[0].Kind)
}

func FuzzShop(f *testing.F) { sim.Fuzz(f, sim.Config{}, shop(false)) }
