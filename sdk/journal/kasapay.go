package journal

import (
	"context"
	"time"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// KasapayPayouts prepares payouts and finds them; client.Payouts of package kasapay is
// one.
type KasapayPayouts interface {
	Prepare(p kasapay.CreatePayoutParams) (sdk.Prepared[kasapay.Payout], error)
	Find(ctx context.Context, reference string) (*kasapay.Payout, error)
}

// reversalWatch is how long an entry is asked for again after its end, which may be reversed
// or corrected. How late that comes is not documented.
const reversalWatch = 7 * 24 * time.Hour

// Kasapay makes a flow of Kasapay payouts. A payout in doubt is looked up, and sent
// again with the same reference when Kasapay does not know it. A payout that differs
// from yours in what it shows is not taken for yours. An acceptance that does not name
// your reference is confirmed by a lookup. After the end it is asked for
// again, at growing intervals, for seven days.
//
// Leave CallbackURL empty: kasapay.Config.CallbackURL makes it when the request
// leaves, so that the stored request has no secret of it. The response is stored as it came.
func Kasapay(j *Journal, name string, payouts KasapayPayouts, fn Func[kasapay.Payout]) *Flow[kasapay.CreatePayoutParams, kasapay.Payout] {
	type request = Request[kasapay.CreatePayoutParams, kasapay.Payout]
	step := clientStep(kasapay.OpInitiate, sdk.Referenced, func(r request) (sdk.Prepared[kasapay.Payout], error) {
		return payouts.Prepare(r.Params)
	})
	step = confirmed(step, func(p kasapay.Payout) bool { return p.Named() })
	p := Provider[kasapay.CreatePayoutParams, kasapay.Payout]{
		Identify: func(p kasapay.CreatePayoutParams) (Identity, error) {
			if _, err := payouts.Prepare(p); err != nil && p.CallbackURL == "" {
				return Identity{}, err
			}
			return identify(p.Reference, p.Amount, p.Currency, p.CallbackURL)
		},
		Deciding: []func(kasapay.CreatePayoutParams) []string{func(p kasapay.CreatePayoutParams) []string {
			return []string{p.Reference, p.Amount.String(), p.Currency, p.Country, p.ServiceCode, string(p.Method),
				string(p.RecipientType), p.RecipientAccountNumber, p.AccountReference}
		}},
		Steps: []Step[kasapay.CreatePayoutParams, kasapay.Payout]{step},
		Poll: func(ctx context.Context, r request) (kasapay.Payout, error) {
			return valueOf(payouts.Find(ctx, r.Reference))
		},
		Judge: func(p kasapay.Payout) Kind {
			switch {
			case p.Status == kasapay.StatusProcessed:
				return Succeeded
			case p.Status == kasapay.StatusFailed:
				return Failed
			case p.Status.Reversal():
				return Reversed
			}
			return Pending
		},
		Existing: func(p kasapay.Payout) bool { return p.Existing },
		Watch:    reversalWatch,
		Knocked:  knockedBy(webhook.Kasapay()),
		spelt: asSpelt(func(p kasapay.CreatePayoutParams) (sdk.Prepared[kasapay.Payout], error) { return payouts.Prepare(p) },
			func(p *kasapay.CreatePayoutParams, stored kasapay.CreatePayoutParams) {
				p.ServiceCode, p.Method = stored.ServiceCode, stored.Method
			}),
	}
	return New(j, name, requireClient(p, payouts), fn)
}
