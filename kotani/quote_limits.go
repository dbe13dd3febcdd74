package kotani

import (
	"encoding/json"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

// QuoteLimits are the amounts a FiatConnect provider takes. An amount which it did
// not name is invalid. A refused quote (ErrFiatAmountTooLow and its like) has
// them as the Detail of its *sdk.Error.
type QuoteLimits struct {
	MinFiat, MaxFiat     decimal.NullDecimal // in the quote's FiatType
	MinCrypto, MaxCrypto decimal.NullDecimal // in the quote's CryptoType
}

// quoteLimits reads the limits which a refused quote names beside its code.
func quoteLimits(body []byte) QuoteLimits {
	var w struct {
		MinFiat   json.RawMessage `json:"minimumFiatAmount"`
		MaxFiat   json.RawMessage `json:"maximumFiatAmount"`
		MinCrypto json.RawMessage `json:"minimumCryptoAmount"`
		MaxCrypto json.RawMessage `json:"maximumCryptoAmount"`
	}
	if wire.Unmarshal(body, &w) != nil {
		return QuoteLimits{}
	}
	return QuoteLimits{
		MinFiat: plainAmount(w.MinFiat), MaxFiat: plainAmount(w.MaxFiat),
		MinCrypto: plainAmount(w.MinCrypto), MaxCrypto: plainAmount(w.MaxCrypto),
	}
}

// plainAmount reads an amount in FiatConnect's form, in which "5." and "007" are
// legal.
func plainAmount(raw json.RawMessage) decimal.NullDecimal {
	s := text(raw)
	if s == "" {
		return shownAmount(raw)
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	amount, err := wire.ParseDecimal(whole)
	if err != nil {
		return decimal.NullDecimal{}
	}
	return decimal.NewNullDecimal(amount)
}
