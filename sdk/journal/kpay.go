package journal

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// KPayClient asks for payments and finds them; a *kpay.Client is one. Give the client
// MaxAttempts 1: the journal repeats what may be repeated.
type KPayClient interface {
	Pay(ctx context.Context, p kpay.PayParams) (*kpay.Payment, error)
	Find(ctx context.Context, refID string) (*kpay.Payment, error)
}

// KPay makes a flow of KPay collections. The reference is the RefID. KPay refuses a
// RefID that it has seen, so a payment in doubt is looked up, and sent again with the
// same RefID when KPay does not know it. KPay shows no amount: a RefID that KPay knows
// before the first attempt is stuck as taken.
//
// Leave ReturnURL empty: kpay.Config.CallbackURL makes it when the request leaves, so
// that no secret of it is stored.
func KPay(j *Journal, name string, client KPayClient, fn Func[kpay.Payment]) *Flow[kpay.PayParams, kpay.Payment] {
	type request = Request[kpay.PayParams, kpay.Payment]
	find := func(ctx context.Context, r request) (kpay.Payment, error) {
		return valueOf(client.Find(ctx, r.Reference))
	}
	p := Provider[kpay.PayParams, kpay.Payment]{
		Identify: func(p kpay.PayParams) (Identity, error) {
			switch {
			case p.ReturnURL != "":
				return Identity{}, errStoredURL
			case !p.Amount.IsPositive():
				return Identity{}, errAmount
			}
			return Identity{Reference: p.RefID, Amount: p.Amount, Currency: orDefault(string(p.Currency), string(kpay.RWF))}, nil
		},
		Deciding: []func(kpay.PayParams) []string{func(p kpay.PayParams) []string {
			return []string{p.RefID, p.Amount.String(), orDefault(string(p.Currency), "RWF"), string(p.Method), localNumber(p.MSISDN), p.RetailerID}
		}},
		Steps: []Step[kpay.PayParams, kpay.Payment]{{
			Name: kpay.OpPay, Class: sdk.Referenced,
			Prepare: prepared[kpay.PayParams, kpay.Payment],
			Send: func(ctx context.Context, r request) (kpay.Payment, error) {
				params, err := unprepared[kpay.PayParams](r.Prepared, r.Reference)
				if err != nil {
					return kpay.Payment{}, err
				}
				payment, err := client.Pay(ctx, params)
				if err == nil && payment != nil && payment.Existing {
					err = existed("kpay", kpay.OpPay, r.Reference)
				}
				return valueOf(payment, err)
			},
			Look: func(ctx context.Context, r request) (kpay.Payment, Finding, error) {
				payment, err := find(ctx, r)
				return payment, finding(err), unlessAbsent(err)
			},
		}},
		Poll: find,
		Judge: func(p kpay.Payment) Kind {
			switch {
			case p.Status.Paid():
				return Succeeded
			case p.Status.Failed():
				return Failed
			}
			return Pending
		},
		Knocked: knockedBy(webhook.KPay()),
	}
	return New(j, name, requireClient(p, client), fn)
}

// localNumber is a Rwandan number in the form 0783300000, however it was written.
func localNumber(msisdn string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, msisdn)
	if len(digits) == len("250783300000") && strings.HasPrefix(digits, "250") {
		return "0" + digits[3:]
	}
	return digits
}

var (
	errStoredURL = errors.New("journal: leave the callback URL of the parameters empty: set CallbackURL of the client's Config, so that no URL with a secret is stored")
	errAmount    = errors.New("journal: the amount must be more than zero")
)

// prepared encodes the parameters of a client that makes its own request. The client
// puts the callback URL in when the request leaves.
func prepared[P, T any](_ context.Context, r Request[P, T]) ([]byte, error) {
	return json.Marshal(r.Params)
}

// unprepared reads what prepared made. Nothing has left when it cannot be read.
func unprepared[P any](data []byte, reference string) (params P, err error) {
	if json.Unmarshal(data, &params) != nil {
		err = &sdk.Error{Outcome: sdk.NotSent, Reference: reference, Cause: errStored}
	}
	return params, err
}

// existed is the refusal of a reference that was used before anything of this call can
// have used it. Whether the payment behind it is the entry's own, the journal decides
// by what it has sent.
func existed(provider, operation, reference string) error {
	return &sdk.Error{
		Provider: provider, Operation: operation, Class: sdk.Referenced, Outcome: sdk.Rejected,
		Reference: reference, Reasons: []error{sdk.ErrDuplicate},
	}
}

func valueOf[T any](value *T, err error) (T, error) {
	var none T
	switch {
	case err != nil:
		return none, err
	case value == nil:
		return none, errors.New("journal: the client returned neither a value nor an error")
	}
	return *value, nil
}

// finding reads the error of a lookup by reference. Only the provider's own word
// counts as absence: a missing route or a proxy says nothing.
func finding(err error) Finding {
	var e *sdk.Error
	switch {
	case err == nil:
		return Found
	case errors.As(err, &e) && e.Outcome == sdk.Rejected && errors.Is(err, sdk.ErrNotFound):
		return Absent
	}
	return CannotTell
}

func unlessAbsent(err error) error {
	if finding(err) == Absent {
		return nil
	}
	return err
}

// knockedBy reads callbacks as package webhook does.
func knockedBy[E any](source webhook.Source[E]) func([]byte) (string, webhook.Response, error) {
	return func(body []byte) (string, webhook.Response, error) {
		event, err := source.Decode(body)
		if err != nil {
			return "", webhook.Response{}, err
		}
		return source.Identify(event).Reference, source.Acknowledge(event), nil
	}
}

// requireClient has a flow without a client refused when it is made.
func requireClient[P, T any](p Provider[P, T], client any) Provider[P, T] {
	if isNil(client) {
		p.Steps = nil
	}
	return p
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
