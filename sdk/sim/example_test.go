package sim_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/sim"
)

// checkout is a shop with one order. decide says what it does after each call: whether
// it calls again, or has come to an end.
func checkout(decide func(error) (again bool)) func(*sim.World) {
	return func(w *sim.World) {
		_, company := w.Kapiten()
		var begun atomic.Bool // a real shop keeps it in its database
		w.Process("shop", func(p *sim.Process) error {
			client, err := kapiten.New(p.KapitenConfig())
			if err != nil || begun.Swap(true) {
				return err
			}
			ask := sim.Ask{Provider: "kapiten", Reference: order, Amount: decimal.NewFromInt(1200), Currency: "RWF"}
			for tries := range 20 {
				err := p.Call(p.Context(), ask, func(ctx context.Context) error {
					_, err := client.Rides.Create(ctx, kapiten.CreateRideParams{
						CompanyID: company.ID, ExternalID: ask.Reference, PickupAddress: "KN 78 St", DropoffAddress: "KK 12 Ave",
						Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619}, Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
						Sender: kapiten.Contact{Name: "Shop", Phone: "0788123457"}, Receiver: kapiten.Contact{Name: "Ama", Phone: "0788123456"},
					})
					return err
				})
				if !decide(err) {
					break
				}
				p.Sleep(p.Context(), time.Duration(tries+1)*time.Second)
			}
			return nil
		})
		w.Stuck("kapiten", order, "a person looks after what is in doubt")
		w.Check(func(l sim.Ledgers) error {
			if n := l.Debits("kapiten", order); n > 1 {
				return fmt.Errorf("the customer's delivery was paid %d times", n)
			}
			return nil
		})
	}
}

const order = "order-1"

// blind is WRONG: it makes an unknown payment again.
var blind = checkout(func(err error) bool { return err != nil })

// blindReport is what an exploration finds in it. Several tests look at the same.
var blindReport = sync.OnceValue(func() sim.Report { return sim.Explore(new(testing.T), sim.Config{Seeds: 200}, blind) })

// careful does what sdk.Advise says: it calls again only when nothing happened.
var careful = checkout(func(err error) bool { return sdk.Advise(err) == sdk.Again })

// The simulation finds the checkout that pays twice, and tells its shortest story. It
// finds nothing in the repaired one.
func ExampleRun() {
	explore := func(program func(*sim.World)) sim.Report { // in a test: sim.Run(t, sim.Config{Seeds: 200}, careful)
		return sim.Explore(new(testing.T), sim.Config{Seeds: 200}, program)
	}
	fmt.Println("blind:", explore(blind).Failures[0].Violations[0].Text)
	fmt.Println("careful:", len(explore(careful).Failures), "violations")
	// Output:
	// blind: kapiten order-1 has 2 debits
	// careful: 0 violations
}

func TestABlindCheckoutIsCaughtAndItsRepairIsNot(t *testing.T) {
	t.Parallel()
	report := blindReport()
	if assert.NotEmpty(t, report.Failures) {
		assert.Contains(t, report.Failures[0].Story, "BROKEN")
		assert.Contains(t, report.Failures[0].String(), "paid 2 times")
		assert.NotEmpty(t, report.Failures[0].Replay)
	}

	seeds := clienttest.Times(200, 40)
	report = sim.Explore(t, sim.Config{Seeds: seeds, KeepGoing: true}, careful)
	assert.Empty(t, report.Failures)
	assert.Equal(t, seeds, report.Days)
	assert.NotZero(t, report.Doubts, "a day without a doubt proves nothing")
}
