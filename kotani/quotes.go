package kotani

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// QuotesService prices conversions between fiat and crypto.
type QuotesService struct{ *api }

// QuoteParams ask for a price.
type QuoteParams struct {
	Amount     decimal.Decimal // In: fiat to deposit, in Currency. Out: crypto to send, in CryptoType
	Currency   string          // "KES", "GHS"
	CryptoType string          // "cUSD", "USDT", "USDC"
}

// Quote is a price. The document leaves the responses empty: the fields are
// assumed, and Raw has the response.
type Quote struct {
	ID           string              `json:"quoteId"` // for AcceptIn and AcceptOut
	FiatAmount   decimal.NullDecimal `json:"fiatAmount"`
	CryptoAmount decimal.NullDecimal `json:"cryptoAmount"`
	Currency     string              `json:"currency"`
	CryptoType   string              `json:"cryptoType"`
	Rate         decimal.NullDecimal `json:"rate"`      // units of Currency for one of CryptoType
	ExpiresAt    time.Time           `json:"expiresAt"` // zero when the response has none
	Raw          sdk.Raw
}

// In prices a deposit of fiat.
func (s *QuotesService) In(ctx context.Context, p QuoteParams) (*Quote, error) {
	return s.quote(ctx, OpQuoteIn, "fiatAmount", fiatDecimals, p)
}

// Out prices a sale of crypto.
func (s *QuotesService) Out(ctx context.Context, p QuoteParams) (*Quote, error) {
	return s.quote(ctx, OpQuoteOut, "cryptoAmount", cryptoDecimals, p)
}

// AcceptIn accepts a quote of In, for Fiat.DepositQuoted. A quote that is accepted
// already gives sdk.ErrDuplicate and sdk.ErrOutcomeUnknown (assumed wording): an
// earlier call may have accepted it. No document says that the response names the
// quote; an id that it shows is compared.
func (s *QuotesService) AcceptIn(ctx context.Context, quoteID string) (*Quote, error) {
	return s.accept(ctx, OpAcceptQuoteIn, quoteID)
}

// AcceptOut accepts a quote of Out, as AcceptIn does. No document says what an
// accepted quote of Out is for.
func (s *QuotesService) AcceptOut(ctx context.Context, quoteID string) (*Quote, error) {
	return s.accept(ctx, OpAcceptQuoteOut, quoteID)
}

func (s *QuotesService) quote(ctx context.Context, op, amountField string, decimals int, p QuoteParams) (*Quote, error) {
	var f faults
	f.amount(amountField, p.Amount, decimals)
	f.Require("currency", p.Currency)
	f.Require("cryptoType", p.CryptoType)
	return call(ctx, s.api, f, transport.Call{Op: op, Body: map[string]any{
		amountField: plainText(p.Amount), "currency": p.Currency, "cryptoType": p.CryptoType,
	}}, decodeQuote)
}

func (s *QuotesService) accept(ctx context.Context, op, quoteID string) (*Quote, error) {
	var f faults
	f.RequireReference("quoteId", quoteID)
	return call(ctx, s.api, f, transport.Call{
		Op: op, Reference: quoteID, Body: map[string]string{"quoteId": quoteID},
	}, func(body []byte) (Quote, error) {
		quote, err := decodeQuote(body)
		if err == nil && quote.ID != "" && quote.ID != quoteID {
			err = mismatch("the response is about another quote")
		}
		return quote, err
	})
}

func decodeQuote(body []byte) (Quote, error) {
	object, _, err := result(body)
	if err != nil {
		return Quote{}, err
	}
	quote, err := read[Quote](object)
	quote.Raw = body
	return quote, err
}
