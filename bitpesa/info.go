package bitpesa

import (
	"context"
	"net/url"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// InfoService tells which currencies and ways of payment there are. At most 300
// reads of currencies a day, five minutes apart, are documented.
type InfoService struct{ c *Client }

// Currency is a currency of the account. Rates are set only in Opposites.
type Currency struct {
	Code          string              `json:"code"`
	Name          string              `json:"name"`
	Symbol        string              `json:"symbol"`
	Decimals      int                 `json:"decimals"`
	SubunitToUnit int                 `json:"subunit_to_unit"`
	Primary       bool                `json:"primary"`
	Min           decimal.NullDecimal `json:"min"` // smallest amount
	Max           decimal.NullDecimal `json:"max"` // largest amount
	USDEquivalent decimal.NullDecimal `json:"usd_equivalent"`

	Rate      decimal.NullDecimal `json:"rate"`
	MTMRate   decimal.NullDecimal `json:"mtm_rate"` // mark to market
	Margin    decimal.NullDecimal `json:"margin"`
	Opposites []Currency          `json:"opposites"` // what it can be exchanged with
	Raw       sdk.Raw             `json:"-"`
}

// PaymentMethod is a way to pay in or out.
type PaymentMethod struct {
	Type         string                 `json:"type"` // "NGN::Bank"
	Provider     string                 `json:"provider"`
	OTCPermitted bool                   `json:"otc_permitted"`
	Default      bool                   `json:"default"`
	Details      []string               `json:"details"` // names of the details it wants
	Fields       map[string]PayoutField `json:"fields"`  // the form for them
	Opposites    []PaymentMethod        `json:"opposites"`
	Raw          sdk.Raw                `json:"-"`
}

// Currencies returns all currencies.
func (s *InfoService) Currencies(ctx context.Context) ([]Currency, error) {
	return list[Currency](ctx, s.c, transport.Call{Op: OpCurrencies})
}

// CurrenciesIn returns what can be paid in, with the currencies it can go to and
// their rates. A sender's id gives that sender's own rates; empty, the account's.
func (s *InfoService) CurrenciesIn(ctx context.Context, senderID string) ([]Currency, error) {
	return list[Currency](ctx, s.c, transport.Call{Op: OpCurrenciesIn, Query: ofSender(senderID)})
}

// CurrenciesOut returns what can be paid out, with the currencies it can come
// from and their rates. A sender's id gives that sender's own rates; empty, the
// account's.
func (s *InfoService) CurrenciesOut(ctx context.Context, senderID string) ([]Currency, error) {
	return list[Currency](ctx, s.c, transport.Call{Op: OpCurrenciesOut, Query: ofSender(senderID)})
}

// PaymentMethodsIn returns the ways to pay in.
func (s *InfoService) PaymentMethodsIn(ctx context.Context) ([]PaymentMethod, error) {
	return list[PaymentMethod](ctx, s.c, transport.Call{Op: OpPaymentMethodsIn})
}

// PaymentMethodsOut returns the ways to pay out.
func (s *InfoService) PaymentMethodsOut(ctx context.Context) ([]PaymentMethod, error) {
	return list[PaymentMethod](ctx, s.c, transport.Call{Op: OpPaymentMethodsOut})
}

func ofSender(id string) url.Values {
	q := url.Values{}
	setText(q, "sender_id", id)
	return q
}
