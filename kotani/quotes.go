package kotani

import (
	"context"
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// QuotesService prices conversions between fiat and crypto.
type QuotesService struct{ c *Client }

// QuoteParams ask for a price.
type QuoteParams struct {
	Amount     decimal.Decimal // In: fiat to deposit, in Currency. Out: crypto to send, in CryptoType
	Currency   string          // "KES", "GHS"
	CryptoType string          // "cUSD", "USDT", "USDC"
}

// Quote is a price. The document leaves the answers empty; the fields are
// assumed, and Raw has what came.
type Quote struct {
	ID           string // for AcceptIn and AcceptOut
	FiatAmount   decimal.NullDecimal
	CryptoAmount decimal.NullDecimal
	Currency     string
	CryptoType   string
	Rate         decimal.NullDecimal // units of Currency for one of CryptoType
	ExpiresAt    time.Time           // zero when the answer has none
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

// AcceptIn accepts a quote of In, for Fiat.DepositQuoted. Accepting one twice
// gives ErrDuplicate (assumed wording).
func (s *QuotesService) AcceptIn(ctx context.Context, quoteID string) (*Quote, error) {
	return s.accept(ctx, OpAcceptQuoteIn, quoteID)
}

// AcceptOut accepts a quote of Out. Accepting one twice gives ErrDuplicate
// (assumed wording). What is done with it then is not documented.
func (s *QuotesService) AcceptOut(ctx context.Context, quoteID string) (*Quote, error) {
	return s.accept(ctx, OpAcceptQuoteOut, quoteID)
}

func (s *QuotesService) quote(ctx context.Context, op, amountField string, decimals int, p QuoteParams) (*Quote, error) {
	var f faults
	f.amount(amountField, p.Amount, decimals)
	f.Require("currency", p.Currency)
	f.Require("cryptoType", p.CryptoType)
	return call(ctx, s.c, f, transport.Call{Op: op, Body: map[string]any{
		amountField: plainText(p.Amount), "currency": p.Currency, "cryptoType": p.CryptoType,
	}}, decodeQuote)
}

func (s *QuotesService) accept(ctx context.Context, op, quoteID string) (*Quote, error) {
	var f faults
	f.Require("quoteId", quoteID)
	return call(ctx, s.c, f, transport.Call{
		Op: op, Reference: quoteID, Body: map[string]string{"quoteId": quoteID},
	}, decodeQuote)
}

func decodeQuote(body []byte) (Quote, error) {
	object, _, err := result(body)
	if err != nil {
		return Quote{}, err
	}
	var w struct {
		ID           string          `json:"quoteId"`
		FiatAmount   json.RawMessage `json:"fiatAmount"`
		CryptoAmount json.RawMessage `json:"cryptoAmount"`
		Currency     string          `json:"currency"`
		CryptoType   string          `json:"cryptoType"`
		Rate         json.RawMessage `json:"rate"`
		ExpiresAt    time.Time       `json:"expiresAt"`
	}
	if err := wire.Unmarshal(object, &w); err != nil {
		return Quote{}, err
	}
	return Quote{
		ID: w.ID, FiatAmount: shownAmount(w.FiatAmount), CryptoAmount: shownAmount(w.CryptoAmount),
		Currency: w.Currency, CryptoType: w.CryptoType, Rate: shownAmount(w.Rate), ExpiresAt: w.ExpiresAt, Raw: body,
	}, nil
}
