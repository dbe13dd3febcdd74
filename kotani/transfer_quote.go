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

// TransferQuoteParams ask for the terms of a transfer.
type TransferQuoteParams struct {
	FiatType   FiatType   // required
	CryptoType CryptoType // required
	// FiatAmount or CryptoAmount, exactly one of them greater than zero, in
	// whole units with at most 2 or 18 decimals. Kotani's document knows only
	// FiatAmount for QuoteIn and CryptoAmount for QuoteOut; the specification
	// takes either.
	FiatAmount   decimal.Decimal
	CryptoAmount decimal.Decimal
	Country      string // required: ISO 3166-1 alpha-2, "KE"
	Region       string // optional: ISO 3166-2
	// Address is the wallet. Default: the signer's. Required by the
	// specification, unknown to Kotani's document.
	Address string
	// Preview asks for terms without an id: nothing can be transferred on them.
	Preview bool
}

// TransferQuote is the terms of a transfer, kept until GuaranteedUntil.
type TransferQuote struct {
	ID              string // for TransferIn or TransferOut; empty on a preview
	Type            TransferType
	FiatType        FiatType
	CryptoType      CryptoType
	FiatAmount      decimal.NullDecimal
	CryptoAmount    decimal.NullDecimal
	GuaranteedUntil time.Time
	// Fee is for information, and in the amounts already: fiat for a transfer
	// in, crypto for a transfer out.
	Fee          decimal.NullDecimal
	FeeType      string // "KycFee", "PlatformFee"
	FeeFrequency string // "OneTime", "Recurring"

	KYCRequired bool
	KYC         []SchemaOffer // the schemas that will do
	Accounts    map[FiatAccountType]AccountOffer
	Raw         sdk.Raw
}

// SchemaOffer is a schema which the provider takes, and the values it allows.
type SchemaOffer struct {
	Schema        string              // a KYCSchema or a FiatAccountSchema
	AllowedValues map[string][]string // by field; nil without any restriction
	UserAction    UserActionType      // of a transfer in: what its user will have to do
}

// AccountOffer is how money can reach or leave accounts of one type.
type AccountOffer struct {
	Schemas []SchemaOffer
	// Settlement times in seconds, as text: the specification's sources differ.
	SettlementLowerBound string
	SettlementUpperBound string
}

// QuoteIn asks for the terms of a transfer from fiat to crypto. No session is
// needed. A refusal for the amount's sake names the limits: Error.QuoteLimits.
func (f *FiatConnect) QuoteIn(ctx context.Context, p TransferQuoteParams) (*TransferQuote, error) {
	return f.quote(ctx, OpTransferQuoteIn, p)
}

// QuoteOut asks for the terms of a transfer from crypto to fiat, as QuoteIn does.
func (f *FiatConnect) QuoteOut(ctx context.Context, p TransferQuoteParams) (*TransferQuote, error) {
	return f.quote(ctx, OpTransferQuoteOut, p)
}

func (f *FiatConnect) quote(ctx context.Context, op string, p TransferQuoteParams) (*TransferQuote, error) {
	if p.Address == "" {
		p.Address = f.address
	}
	if err := f.invalid(op, "", p.validate()); err != nil {
		return nil, err
	}
	body := transferQuoteRequest{
		FiatType: p.FiatType, CryptoType: p.CryptoType, Country: p.Country, Region: p.Region,
		Address: p.Address, Preview: p.Preview,
	}
	if p.FiatAmount.IsPositive() {
		body.FiatAmount = (*plainText)(&p.FiatAmount)
	} else {
		body.CryptoAmount = (*plainText)(&p.CryptoAmount)
	}
	var quote *TransferQuote
	err := f.core.Do(ctx, transport.Call{Op: op, Body: body, Decode: into(&quote, decodeTransferQuote)})
	return quote, err
}

func (p TransferQuoteParams) validate() (f faults) {
	f.Require("fiatType", string(p.FiatType))
	f.Require("cryptoType", string(p.CryptoType))
	f.country("country", p.Country)
	if p.Address != "" {
		f.address("address", p.Address)
	}
	switch {
	case p.FiatAmount.IsZero() == p.CryptoAmount.IsZero():
		f.Add("fiatAmount", "or cryptoAmount is required, and not both")
	case p.CryptoAmount.IsZero():
		f.amount("fiatAmount", p.FiatAmount, fiatDecimals)
	default:
		f.amount("cryptoAmount", p.CryptoAmount, cryptoDecimals)
	}
	return f
}

type transferQuoteRequest struct {
	FiatType     FiatType   `json:"fiatType"`
	CryptoType   CryptoType `json:"cryptoType"`
	FiatAmount   *plainText `json:"fiatAmount,omitempty"`
	CryptoAmount *plainText `json:"cryptoAmount,omitempty"`
	Country      string     `json:"country"`
	Region       string     `json:"region,omitempty"`
	Address      string     `json:"address,omitempty"`
	Preview      bool       `json:"preview,omitempty"`
}

func decodeTransferQuote(body []byte) (TransferQuote, error) {
	var w struct {
		Quote *struct {
			ID              string          `json:"quoteId"`
			Type            string          `json:"transferType"`
			FiatType        string          `json:"fiatType"`
			CryptoType      string          `json:"cryptoType"`
			FiatAmount      json.RawMessage `json:"fiatAmount"`
			CryptoAmount    json.RawMessage `json:"cryptoAmount"`
			GuaranteedUntil time.Time       `json:"guaranteedUntil"`
			Fee             json.RawMessage `json:"fee"`
			FeeType         string          `json:"feeType"`
			FeeFrequency    string          `json:"feeFrequency"`
		} `json:"quote"`
		KYC struct {
			Required bool          `json:"kycRequired"`
			Schemas  []schemaOffer `json:"kycSchemas"`
		} `json:"kyc"`
		Accounts map[string]struct {
			Schemas []schemaOffer `json:"fiatAccountSchemas"`
			Lower   string        `json:"settlementTimeLowerBound"`
			Upper   string        `json:"settlementTimeUpperBound"`
		} `json:"fiatAccount"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return TransferQuote{}, err
	}
	if w.Quote == nil {
		return TransferQuote{}, missing("quote")
	}
	q := TransferQuote{
		ID: w.Quote.ID, Type: TransferType(w.Quote.Type),
		FiatType: FiatType(w.Quote.FiatType), CryptoType: CryptoType(w.Quote.CryptoType),
		FiatAmount: plainAmount(w.Quote.FiatAmount), CryptoAmount: plainAmount(w.Quote.CryptoAmount),
		GuaranteedUntil: w.Quote.GuaranteedUntil,
		Fee:             plainAmount(w.Quote.Fee), FeeType: w.Quote.FeeType, FeeFrequency: w.Quote.FeeFrequency,
		KYCRequired: w.KYC.Required, KYC: offers(w.KYC.Schemas),
		Accounts: make(map[FiatAccountType]AccountOffer, len(w.Accounts)), Raw: body,
	}
	for name, a := range w.Accounts {
		q.Accounts[FiatAccountType(name)] = AccountOffer{
			Schemas: offers(a.Schemas), SettlementLowerBound: a.Lower, SettlementUpperBound: a.Upper,
		}
	}
	return q, nil
}

// schemaOffer is the offer of a KYC schema or of an account schema.
type schemaOffer struct {
	KYCSchema     string          `json:"kycSchema"`
	AccountSchema string          `json:"fiatAccountSchema"`
	AllowedValues json.RawMessage `json:"allowedValues"`
	UserAction    string          `json:"userActionType"`
}

func offers(list []schemaOffer) []SchemaOffer {
	var out []SchemaOffer
	for _, o := range list {
		offer := SchemaOffer{Schema: o.KYCSchema + o.AccountSchema, UserAction: UserActionType(o.UserAction)}
		if json.Unmarshal(o.AllowedValues, &offer.AllowedValues) != nil {
			offer.AllowedValues = nil // in no form we know; Raw has it
		}
		out = append(out, offer)
	}
	return out
}
