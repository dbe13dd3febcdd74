package kotani

import (
	"context"
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
	// Set either FiatAmount or CryptoAmount, in whole units with at most 2 or 18
	// decimals. Kotani's document knows only FiatAmount for QuoteIn and
	// CryptoAmount for QuoteOut; the specification takes either.
	FiatAmount   decimal.Decimal
	CryptoAmount decimal.Decimal
	Country      string // required: ISO 3166-1 alpha-2, "KE"
	Region       string // optional: ISO 3166-2
	// Address is the wallet. Default: the signer's. The specification requires
	// it; Kotani's document does not know it.
	Address string
	// Preview asks for terms without an id, on which nothing can be transferred.
	Preview bool
}

// FiatType is a currency of FiatConnect. A currency that is not listed passes
// through.
type FiatType string

// The currencies of the specification 1.2.5.
const (
	FiatUSD FiatType = "USD"
	FiatEUR FiatType = "EUR"
	FiatBRL FiatType = "BRL"
	FiatGNF FiatType = "GNF"
	FiatINR FiatType = "INR"
	FiatNGN FiatType = "NGN"
	FiatGHS FiatType = "GHS"
	FiatKES FiatType = "KES"
	FiatZAR FiatType = "ZAR"
	FiatPHP FiatType = "PHP"
	FiatUGX FiatType = "UGX"
	FiatGBP FiatType = "GBP"
	FiatXOF FiatType = "XOF"
	FiatRWF FiatType = "RWF"
	FiatCNY FiatType = "CNY"
	FiatXAF FiatType = "XAF"
	FiatARS FiatType = "ARS"
	FiatBOB FiatType = "BOB"
	FiatCLP FiatType = "CLP"
	FiatCOP FiatType = "COP"
	FiatFKP FiatType = "FKP"
	FiatGYD FiatType = "GYD"
	FiatPYG FiatType = "PYG"
	FiatPEN FiatType = "PEN"
	FiatSRD FiatType = "SRD"
	FiatUYU FiatType = "UYU"
	FiatVES FiatType = "VES"
	FiatMXN FiatType = "MXN"
	FiatPAB FiatType = "PAB"
)

// CryptoType is a coin of FiatConnect. A coin that is not listed passes through.
type CryptoType string

// The coins of the specification 1.2.5.
const (
	CryptoCUSD  CryptoType = "cUSD"
	CryptoCEUR  CryptoType = "cEUR"
	CryptoCREAL CryptoType = "cREAL"
	CryptoCELO  CryptoType = "CELO"
)

// TransferQuote is the terms of a transfer, kept until GuaranteedUntil.
type TransferQuote struct {
	ID              string              `json:"quoteId"` // for TransferIn or TransferOut; empty on a preview
	Type            TransferType        `json:"transferType"`
	FiatType        FiatType            `json:"fiatType"`
	CryptoType      CryptoType          `json:"cryptoType"`
	FiatAmount      decimal.NullDecimal `json:"fiatAmount" wire:"digits"`
	CryptoAmount    decimal.NullDecimal `json:"cryptoAmount" wire:"digits"`
	GuaranteedUntil time.Time           `json:"guaranteedUntil"`
	// Fee is for information and in the amounts already: fiat for a transfer in,
	// crypto for a transfer out.
	Fee          decimal.NullDecimal `json:"fee" wire:"digits"`
	FeeType      string              `json:"feeType"`      // "KycFee", "PlatformFee"
	FeeFrequency string              `json:"feeFrequency"` // "OneTime", "Recurring"

	KYCRequired bool
	KYC         []SchemaOffer // the user needs a record under one of these schemas
	Accounts    map[FiatAccountType]AccountOffer
	Raw         sdk.Raw
}

// SchemaOffer is a schema which the provider takes, and the values it allows.
type SchemaOffer struct {
	Schema        string              // a KYCSchema or a FiatAccountSchema
	AllowedValues map[string][]string `json:"allowedValues"`  // by field; nil without any restriction
	UserAction    UserActionType      `json:"userActionType"` // of a transfer in: what its user will have to do
}

// AccountOffer is how money can reach or leave accounts of one type.
type AccountOffer struct {
	Schemas []SchemaOffer
	// Settlement times in seconds, as text: the specification's sources differ.
	SettlementLowerBound string `json:"settlementTimeLowerBound"`
	SettlementUpperBound string `json:"settlementTimeUpperBound"`
}

// QuoteIn asks for the terms of a transfer from fiat to crypto. No session is
// needed. A quote refused for its amount has QuoteLimits as the error's Detail.
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
	body := transferQuoteRequest{
		FiatType: p.FiatType, CryptoType: p.CryptoType, Country: p.Country, Region: p.Region,
		Address: p.Address, Preview: p.Preview,
	}
	if p.FiatAmount.IsPositive() {
		body.FiatAmount = (*plainText)(&p.FiatAmount)
	} else {
		body.CryptoAmount = (*plainText)(&p.CryptoAmount)
	}
	return call(ctx, f.api, p.validate(), transport.Call{Op: op, Body: body}, decodeTransferQuote)
}

func (p TransferQuoteParams) validate() (f faults) {
	f.Require("fiatType", string(p.FiatType))
	f.Require("cryptoType", string(p.CryptoType))
	f.country("country", p.Country)
	f.currencyIn("fiatType", string(p.FiatType), Country(p.Country))
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

// decodeTransferQuote reads a quote, which the response gives in three objects.
func decodeTransferQuote(body []byte) (TransferQuote, error) {
	var w struct {
		Quote *TransferQuote `json:"quote" wire:"required"`
		KYC   struct {
			Required bool          `json:"kycRequired"`
			Schemas  []schemaOffer `json:"kycSchemas"`
		} `json:"kyc"`
		Accounts map[FiatAccountType]struct {
			AccountOffer
			Schemas []schemaOffer `json:"fiatAccountSchemas"`
		} `json:"fiatAccount"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return TransferQuote{}, err
	}
	q := *w.Quote
	q.KYCRequired, q.KYC, q.Raw = w.KYC.Required, offers(w.KYC.Schemas), body
	q.Accounts = make(map[FiatAccountType]AccountOffer, len(w.Accounts))
	for name, a := range w.Accounts {
		a.AccountOffer.Schemas = offers(a.Schemas)
		q.Accounts[name] = a.AccountOffer
	}
	return q, nil
}

// schemaOffer is the offer of a KYC schema or of an account schema.
type schemaOffer struct {
	SchemaOffer
	KYCSchema     string `json:"kycSchema"`
	AccountSchema string `json:"fiatAccountSchema"`
}

func offers(list []schemaOffer) []SchemaOffer {
	var out []SchemaOffer
	for _, o := range list {
		o.Schema = o.KYCSchema + o.AccountSchema
		out = append(out, o.SchemaOffer)
	}
	return out
}
