package journal

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// Named gives a reference of yours to a write which the provider takes without one. It
// names the entry, and is not sent.
type Named[P any] struct {
	Reference string
	Params    P
}

// clientStep is a step that a client's Prepare method makes. A step of class Once or Keyed
// has no Look.
func clientStep[P, T any](name string, class sdk.Class, prepare func(Request[P, T]) (sdk.Prepared[T], error)) Step[P, T] {
	return clientStepAs(name, class, prepare, func(_ Request[P, T], value T) T { return value })
}

// clientStepAs is clientStep for a write which shows another object than the entry's.
func clientStepAs[P, T, U any](name string, class sdk.Class, prepare func(Request[P, T]) (sdk.Prepared[U], error), as func(Request[P, T], U) T) Step[P, T] {
	s := Step[P, T]{
		Name: name, Class: class,
		Prepare: func(_ context.Context, r Request[P, T]) ([]byte, error) {
			p, err := prepare(r)
			return p.Body, err
		},
		Send: func(ctx context.Context, r Request[P, T]) (none T, err error) {
			p, err := prepare(r)
			if err != nil {
				return none, err
			}
			value, err := valueOf(p.Send(ctx, r.Prepared))
			if err != nil {
				return none, err
			}
			return as(r, value), nil
		},
	}
	if class == sdk.Referenced || class == sdk.Searched {
		s.Look = func(ctx context.Context, r Request[P, T]) (none T, found Finding, err error) {
			p, err := prepare(r)
			if err != nil {
				return none, CannotTell, err
			}
			value, err := valueOf(p.Look(ctx))
			if err != nil {
				return none, finding(err), unlessFound(err)
			}
			return as(r, value), Found, nil
		}
	}
	return s
}

// lookingFirst keeps a step from its first attempt when the provider shows the reference
// already: another request has it. A lookup that cannot tell holds nothing up.
func lookingFirst[P, T any](s Step[P, T], provider string) Step[P, T] {
	prepare := s.Prepare
	s.Prepare = func(ctx context.Context, r Request[P, T]) ([]byte, error) {
		if r.Sent.IsZero() {
			if _, found, err := s.Look(ctx, r); err == nil && found != Absent && found != CannotTell {
				return nil, there(provider, s.Name)
			}
		}
		return prepare(ctx, r)
	}
	return s
}

// confirmed has a step look for its request when the response does not name the reference,
// because the response may be another request's. What is not found then is in doubt.
func confirmed[P, T any](s Step[P, T], named func(T) bool) Step[P, T] {
	send := s.Send
	s.Send = func(ctx context.Context, r Request[P, T]) (none T, err error) {
		value, err := send(ctx, r)
		if err != nil || named(value) {
			return value, err
		}
		found, finding, err := s.Look(ctx, r)
		if err == nil && finding == Found {
			return found, nil
		}
		return none, &sdk.Error{Operation: s.Name, Class: s.Class, Outcome: sdk.Unknown, Reference: r.Reference, Cause: errors.Join(errUnnamed, err)}
	}
	return s
}

var errUnnamed = errors.New("accepted under another reference, and not shown yet")

// there is the error of a request that the provider has before the first attempt.
func there(provider, op string) error {
	return &sdk.Error{Provider: provider, Operation: op, Class: sdk.Searched, Outcome: sdk.NotSent, Reasons: []error{sdk.ErrReferenceTaken}}
}

// notYet is why a request cannot be made now. It does not refuse the entry: the next
// quote may be good.
type notYet string

func (e notYet) Error() string    { return "journal: " + string(e) }
func (e notYet) SafeText() string { return string(e) }

// finding reads the error of Prepared.Look, which only says that nothing is there, or
// something else, when the provider has said so.
func finding(err error) Finding {
	switch {
	case err == nil:
		return Found
	case errors.Is(err, sdk.ErrNotFound):
		return Absent
	case errors.Is(err, sdk.ErrReferenceTaken):
		return Different
	}
	return CannotTell
}

// unlessFound returns the error of a lookup that could not tell.
func unlessFound(err error) error {
	if finding(err) == CannotTell {
		return err
	}
	return nil
}

var (
	errNeither = errors.New("journal: the client returned neither a value nor an error")
)

// identify names a request whose amount is known before it is sent.
func identify(reference string, amount decimal.Decimal, currency, callbackURL string) (Identity, error) {
	switch {
	case callbackURL != "":
		return Identity{}, storedURL()
	case !amount.IsPositive():
		return Identity{}, invalid("amount", "must be more than zero")
	}
	return Identity{Reference: reference, Amount: amount, Currency: currency}, nil
}

func storedURL() error {
	return invalid("callback_url", "must be empty: set CallbackURL of the client's Config, so that no URL with a secret is stored")
}

// requests is the currency in which the spend limit counts requests whose amount is not
// known before they are sent: each is 1.
const requests = "requests"

// unpriced names such a request.
func unpriced(reference, callbackURL string) (Identity, error) {
	if callbackURL != "" {
		return Identity{}, storedURL()
	}
	return Identity{Reference: reference, Amount: decimal.NewFromInt(1), Currency: requests}, nil
}

func valueOf[T any](value *T, err error) (T, error) {
	var none T
	switch {
	case err != nil:
		return none, err
	case value == nil:
		return none, errNeither
	}
	return *value, nil
}

// knockedBy reads callbacks as package webhook does.
func knockedBy[E any](source webhook.Source[E]) func([]byte) (string, webhook.Response, error) {
	return func(body []byte) (string, webhook.Response, error) {
		event, err := source.Decode(body)
		if err != nil {
			return "", webhook.Response{}, err
		}
		response := webhook.Response{}
		if source.Acknowledge != nil {
			response = source.Acknowledge(event)
		}
		return source.Identify(event).Reference, response, nil
	}
}

// versions are the two versions of what decides, of which the second decides more.
func versions[P any](first, more func(P) []string) []func(P) []string {
	return []func(P) []string{first, func(p P) []string { return append(first(p), more(p)...) }}
}

// asSpelt makes a Provider's spelt. spell copies what the client fills in.
func asSpelt[P, T any](prepare func(P) (sdk.Prepared[T], error), spell func(p *P, stored P)) func(p, stored P) P {
	return func(p, stored P) P {
		other := p
		spell(&other, stored)
		one, err := prepare(p)
		two, otherErr := prepare(other)
		if err != nil || otherErr != nil || !bytes.Equal(one.Body, two.Body) {
			return p
		}
		return other
	}
}

// requireClient has a flow without a client refused when it is made.
func requireClient[P, T any](p Provider[P, T], client any) Provider[P, T] {
	if isNil(client) {
		p.Steps = nil
	}
	return p
}

// isNil sees a nil pointer in an interface too.
func isNil(client any) bool {
	v := reflect.ValueOf(client)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// onlyDigits leaves the digits of a text.
func onlyDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}
