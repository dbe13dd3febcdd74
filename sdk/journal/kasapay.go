package journal

import (
	"context"
	"reflect"
	"time"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// KasapayPayouts asks for payouts and finds them; client.Payouts of package kasapay
// is one. Give the client MaxAttempts 1: the journal repeats what may be repeated.
type KasapayPayouts interface {
	Create(ctx context.Context, p kasapay.CreatePayoutParams) (*kasapay.Payout, error)
	Find(ctx context.Context, reference string) (*kasapay.Payout, error)
}

// kasapayWatch is how long a finished payout is asked for again. A reversal may follow
// a success; how late is not documented.
const kasapayWatch = 7 * 24 * time.Hour

// Kasapay makes a flow of Kasapay payouts. A payout in doubt is looked up, and sent
// again with the same reference when Kasapay does not know it. A payout with another
// amount or currency is not taken for yours. After the end it is asked for again, at
// growing intervals, for seven days.
//
// Leave CallbackURL empty: kasapay.Config.CallbackURL makes it when the request
// leaves, so that no secret of it is stored.
func Kasapay(j *Journal, name string, payouts KasapayPayouts, fn Func[kasapay.Payout]) *Flow[kasapay.CreatePayoutParams, kasapay.Payout] {
	type request = Request[kasapay.CreatePayoutParams, kasapay.Payout]
	find := func(ctx context.Context, r request) (kasapay.Payout, error) {
		return valueOf(payouts.Find(ctx, r.Reference))
	}
	p := Provider[kasapay.CreatePayoutParams, kasapay.Payout]{
		Identify: func(p kasapay.CreatePayoutParams) (Identity, error) {
			switch {
			case p.CallbackURL != "":
				return Identity{}, errStoredURL
			case !p.Amount.IsPositive():
				return Identity{}, errAmount
			}
			return Identity{Reference: p.Reference, Amount: p.Amount, Currency: p.Currency}, nil
		},
		Deciding: []func(kasapay.CreatePayoutParams) []string{func(p kasapay.CreatePayoutParams) []string {
			return []string{p.Reference, p.Amount.String(), p.Currency, p.Country, p.ServiceCode, string(p.Method),
				string(p.RecipientType), p.RecipientAccountNumber, p.AccountReference}
		}},
		Steps: []Step[kasapay.CreatePayoutParams, kasapay.Payout]{{
			Name: kasapay.OpInitiate, Class: sdk.Referenced,
			Prepare: prepared[kasapay.CreatePayoutParams, kasapay.Payout],
			Send: func(ctx context.Context, r request) (kasapay.Payout, error) {
				params, err := unprepared[kasapay.CreatePayoutParams](r.Prepared, r.Reference)
				if err != nil {
					return kasapay.Payout{}, err
				}
				payout, err := payouts.Create(ctx, params)
				if err == nil && payout != nil && payout.Existing {
					err = existed("kasapay", kasapay.OpInitiate, r.Reference)
				}
				return valueOf(payout, err)
			},
			Look: func(ctx context.Context, r request) (kasapay.Payout, Finding, error) {
				payout, err := find(ctx, r)
				if err != nil {
					return payout, finding(err), unlessAbsent(err)
				}
				return payout, samePayout(payout, r.Params), nil
			},
		}},
		Poll: find,
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
		Watch:   kasapayWatch,
		Knocked: knockedBy(webhook.Kasapay()),
	}
	return New(j, name, requireClient(p, payouts), fn)
}

// samePayout compares what both sides show. An amount that cannot be read tells
// nothing.
func samePayout(shown kasapay.Payout, asked kasapay.CreatePayoutParams) Finding {
	switch {
	case shown.Amount.Valid && !shown.Amount.Decimal.Equal(asked.Amount), shown.Currency != "" && shown.Currency != asked.Currency:
		return Different
	case !shown.Amount.Valid:
		return CannotTell
	}
	return Found
}

// isNil sees a nil pointer in an interface too.
func isNil(client any) bool {
	v := reflect.ValueOf(client)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
