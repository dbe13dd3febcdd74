package sim_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/sim"
)

// settle makes a call again and again until it is settled, as sdk.Advise says. A
// write whose reference is not unique is not made again once it may have left: find
// looks for it.
func settle(ctx context.Context, p *sim.Process, a sim.Ask, again bool, make, find func(context.Context) error) {
	w := p.World()
	call, wait := make, 2*time.Second
	for tries := 0; ; tries++ {
		err := p.Call(ctx, a, call)
		switch sdk.Advise(err) {
		case sdk.Done, sdk.Mend, sdk.Taken:
			return
		case sdk.Again:
			p.Sleep(ctx, sdk.RetryAfter(err))
		case sdk.Look:
			if !again {
				call = find
			}
		}
		if tries > 40 {
			w.Stuck(a.Provider, a.Reference, "no clear response for hours")
			return
		}
		if ctx.Err() != nil {
			return
		}
		p.Sleep(ctx, wait)
		wait = min(wait*2, 10*time.Minute)
	}
}

// collections asks three payers for money, two at a time and the third twice.
func collections(w *sim.World) {
	w.KPay()
	w.Process("shop", func(p *sim.Process) error {
		client, err := kpay.New(p.KPayConfig())
		if err != nil {
			return err
		}
		for i := range 3 {
			ref, amount := fmt.Sprintf("order-%d", i+1), decimal.NewFromInt(int64(1000*(i+1)))
			p.Go(ref, func(ctx context.Context) {
				settle(ctx, p, sim.Ask{Provider: "kpay", Reference: ref, Amount: amount, Currency: "RWF"}, !w.Profile().Forgetful,
					func(ctx context.Context) error {
						_, err := client.Pay(ctx, kpay.PayParams{
							RefID: ref, Amount: amount, Method: kpay.MethodMoMo, MSISDN: "0783300000", Email: "a@example.com",
							CustomerName: "A", CustomerNumber: "1", Details: "order", ReturnURL: "https://shop.example/hooks/kpay", RedirectURL: "https://shop.example/",
						})
						return err
					},
					func(ctx context.Context) error {
						_, err := client.Find(ctx, ref)
						return err
					})
			})
		}
		p.Wait()
		return nil
	})
}

func TestCollections(t *testing.T) {
	t.Parallel()
	sim.Run(t, sim.Config{Seeds: 200, Outages: []string{"kpay"}, Profiles: []sim.Profile{sim.Documented, sim.Repeating, sim.PromptForgetful}}, collections)
}
