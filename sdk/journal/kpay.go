package journal

import (
	"cmp"
	"context"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// KPayClient prepares payments and finds them; a *kpay.Client is one.
type KPayClient interface {
	Prepare(p kpay.PayParams) (sdk.Prepared[kpay.Payment], error)
	Find(ctx context.Context, refID string) (*kpay.Payment, error)
}

// KPay makes a flow of KPay collections. The reference is the RefID. KPay refuses a
// RefID that it has seen, so a payment in doubt is looked up, and sent again with the
// same RefID when KPay does not know it. KPay shows no amount, so the refusal of the
// first attempt alone tells that a RefID was used before: the entry is stuck as taken.
// When that refusal is lost, the lookup takes the older payment for yours, whatever its
// amount. So never use a RefID outside its flow. Two retailers are two flows. After the
// end a payment is asked for again, at growing intervals, for seven days: any code that
// this package does not know is a failure, and KPay may correct it.
//
// Leave ReturnURL empty: kpay.Config.CallbackURL makes it when the request leaves, so
// that the stored request has no secret of it. The response is stored as it came, with
// KPay's AuthKey. It would hold the secret too if KPay repeated the URL.
func KPay(j *Journal, name string, client KPayClient, fn Func[kpay.Payment]) *Flow[kpay.PayParams, kpay.Payment] {
	type request = Request[kpay.PayParams, kpay.Payment]
	p := Provider[kpay.PayParams, kpay.Payment]{
		Identify: func(p kpay.PayParams) (Identity, error) {
			if _, err := client.Prepare(p); err != nil && p.ReturnURL == "" {
				return Identity{}, err
			}
			return identify(p.RefID, p.Amount, cmp.Or(string(p.Currency), string(kpay.RWF)), p.ReturnURL)
		},
		Deciding: versions(func(p kpay.PayParams) []string {
			return []string{p.RefID, p.Amount.String(), cmp.Or(string(p.Currency), "RWF"), string(p.Method), localNumber(p.MSISDN), p.RetailerID}
		}, func(p kpay.PayParams) []string { return []string{string(p.Bank())} }),
		Steps: []Step[kpay.PayParams, kpay.Payment]{clientStep(kpay.OpPay, sdk.Referenced, func(r request) (sdk.Prepared[kpay.Payment], error) {
			return client.Prepare(r.Params)
		})},
		Poll: func(ctx context.Context, r request) (kpay.Payment, error) {
			return valueOf(client.Find(ctx, r.Reference))
		},
		Judge: func(p kpay.Payment) Kind {
			switch {
			case p.Status.Paid():
				return Succeeded
			case p.Status.Failed():
				return Failed
			}
			return Pending
		},
		Existing: func(p kpay.Payment) bool { return p.Existing },
		Watch:    reversalWatch, // KPay has no list, so that nothing else finds a lost correction
		Knocked:  knockedBy(webhook.KPay()),
		spelt: asSpelt(func(p kpay.PayParams) (sdk.Prepared[kpay.Payment], error) { return client.Prepare(p) },
			func(p *kpay.PayParams, stored kpay.PayParams) { p.RetailerID = stored.RetailerID }),
	}
	return New(j, name, requireClient(p, client), fn)
}

// localNumber is a Rwandan number in the form 0783300000, however it was written.
func localNumber(msisdn string) string {
	number, ok := wire.Phone(msisdn)
	if !ok {
		number = onlyDigits(msisdn)
	}
	switch {
	case len(number) == len("250783300000") && strings.HasPrefix(number, "250"):
		return "0" + number[3:]
	case len(number) == len("783300000") && number[0] == '7':
		return "0" + number
	}
	return number
}
