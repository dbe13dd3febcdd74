package kotanitest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
)

// transferQuote is the terms of a transfer. The fee is inside the amounts.
type transferQuote struct {
	ID         string              `json:"id"`
	Type       kotani.TransferType `json:"type"`
	Address    string              `json:"address"` // in lower case
	Country    string              `json:"country"`
	Fiat       string              `json:"fiat"`
	Crypto     string              `json:"crypto"`
	FiatAmount decimal.Decimal     `json:"fiat_amount"`
	CoinAmount decimal.Decimal     `json:"coin_amount"`
	Fee        decimal.Decimal     `json:"fee"` // fiat for a transfer in, else crypto
	Until      time.Time           `json:"until"`
}

const (
	cryptoDecimals = 18
	maxAmountText  = 1000 // characters; JavaScript writes far less
)

var (
	amountPattern   = regexp.MustCompile(`^[0-9]+\.?[0-9]*$`) // the specification's
	exponentPattern = regexp.MustCompile(`^[0-9]+\.?[0-9]*[eE]([+-]?)[0-9]+$`)
	countryPattern  = regexp.MustCompile(`^[A-Z]{2}$`)
)

func (f *FiatConnect) quoteIn(c *fiatCall) reply  { return f.quote(c, kotani.TransferTypeIn) }
func (f *FiatConnect) quoteOut(c *fiatCall) reply { return f.quote(c, kotani.TransferTypeOut) }

func (f *FiatConnect) quote(c *fiatCall, kind kotani.TransferType) reply {
	q := &transferQuote{Type: kind, Until: f.world.Now().Add(f.config.QuoteLifetime)}
	amount, inFiat, preview, code := f.readQuote(c, q)
	if code != "" {
		return problem(http.StatusBadRequest, code)
	}
	rate := f.config.Rates[q.Fiat].Mul(f.config.CryptoValues[q.Crypto])
	if code := f.price(q, rate, amount, inFiat); code != "" {
		body := f.limits(q, rate)
		body["error"] = string(code)
		return reply{http.StatusBadRequest, body}
	}
	if !preview {
		q.ID = f.ids().UUID()
		f.state.Quotes[q.ID] = q
	}
	return fine(f.offer(q))
}

// readQuote checks a request, the form of all parameters before their meaning.
// The amount stays text: what is too large for a price is still an amount.
func (f *FiatConnect) readQuote(c *fiatCall, q *transferQuote) (amount string, inFiat, preview bool, code kotani.FiatConnectCode) {
	bad := kotani.ErrInvalidParameters
	text := func(name string) string {
		s, ok := c.fields[name].(string)
		if !ok && c.fields[name] != nil {
			c.fail(name)
		}
		return s
	}
	q.Fiat, q.Crypto, q.Country = text("fiatType"), text("cryptoType"), text("country")
	address := text("address")
	q.Address = strings.ToLower(address)
	fiat, coins := text("fiatAmount"), text("cryptoAmount")
	text("region")
	preview, isBool := c.fields["preview"].(bool)
	if !isBool && c.fields["preview"] != nil {
		c.fail("preview")
	}
	amount, inFiat = coins, fiat != ""
	if inFiat {
		amount = fiat
	}
	switch {
	case c.fault != "", q.Fiat == "", q.Crypto == "", (fiat == "") == (coins == ""), len(amount) > maxAmountText,
		!countryPattern.MatchString(q.Country), !f.isWallet(address),
		!amountPattern.MatchString(amount) && !exponentPattern.MatchString(amount):
		return "", false, false, bad
	case !slices.Contains(f.config.Countries, q.Country):
		return "", false, false, kotani.ErrGeoNotSupported
	case !f.config.Rates[q.Fiat].IsPositive():
		return "", false, false, kotani.ErrFiatNotSupported
	case !f.config.CryptoValues[q.Crypto].IsPositive():
		return "", false, false, kotani.ErrCryptoNotSupported
	}
	if m := exponentPattern.FindStringSubmatch(amount); m != nil {
		return "", false, false, tooFar(inFiat, m[1] != "-")
	}
	decimals := int32(cryptoDecimals)
	if inFiat {
		decimals = fiatDecimals
	}
	if d := exact(amount); !d.Equal(d.Truncate(decimals)) {
		return "", false, false, bad
	}
	return amount, inFiat, preview, ""
}

// tooFar is the code of an amount outside the bounds. Exponent text, in which
// JavaScript writes what is very large, or very small with a minus, counts as
// such, although it breaks the pattern.
func tooFar(inFiat, high bool) kotani.FiatConnectCode {
	switch {
	case inFiat && high:
		return kotani.ErrFiatAmountTooHigh
	case inFiat:
		return kotani.ErrFiatAmountTooLow
	case high:
		return kotani.ErrCryptoAmountTooHigh
	}
	return kotani.ErrCryptoAmountTooLow
}

// exact reads a text of the specification's pattern.
func exact(text string) decimal.Decimal {
	return decimal.RequireFromString(strings.TrimSuffix(text, "."))
}

// price fills in both amounts and the fee, rounded against the user. What the
// user gave is taken as it is.
func (f *FiatConnect) price(q *transferQuote, rate decimal.Decimal, text string, inFiat bool) kotani.FiatConnectCode {
	amount := exact(text)
	value := amount.Mul(f.config.CryptoValues[q.Crypto])
	if inFiat {
		value, _ = amount.QuoRem(f.config.Rates[q.Fiat], cryptoDecimals)
	}
	switch {
	case value.LessThan(f.config.MinValue):
		return tooFar(inFiat, false)
	case value.GreaterThan(f.config.MaxValue):
		return tooFar(inFiat, true)
	}
	fee := f.config.FeePercent.Shift(-2)
	net := decimal.NewFromInt(1).Sub(fee)
	in := q.Type == kotani.TransferTypeIn
	switch {
	case inFiat && in: // fiat is paid: less fee, into coins
		q.FiatAmount = amount
		q.CoinAmount, _ = amount.Mul(net).QuoRem(rate, cryptoDecimals)
	case inFiat: // fiat is wanted: coins and fee on top
		q.FiatAmount = amount
		q.CoinAmount = roundUp(amount, rate.Mul(net), cryptoDecimals)
	case in: // coins are wanted
		q.CoinAmount = amount
		q.FiatAmount = roundUp(amount.Mul(rate), net, fiatDecimals)
	default: // coins are paid
		q.CoinAmount = amount
		q.FiatAmount = amount.Mul(net).Mul(rate).Truncate(fiatDecimals)
	}
	if in {
		q.Fee = q.FiatAmount.Mul(fee).Truncate(fiatDecimals)
	} else {
		q.Fee = q.CoinAmount.Mul(fee).Truncate(cryptoDecimals)
	}
	return ""
}

// roundUp is the quotient, rounded up.
func roundUp(a, b decimal.Decimal, decimals int32) decimal.Decimal {
	q, rest := a.QuoRem(b, decimals)
	if rest.IsPositive() {
		q = q.Add(decimal.New(1, -decimals))
	}
	return q
}

// limits are the bounds an error shows.
func (f *FiatConnect) limits(q *transferQuote, rate decimal.Decimal) object {
	worth := f.config.CryptoValues[q.Crypto]
	low := roundUp(f.config.MinValue, worth, cryptoDecimals)
	high, _ := f.config.MaxValue.QuoRem(worth, cryptoDecimals)
	return object{
		"minimumCryptoAmount": low.String(), "maximumCryptoAmount": high.String(),
		"minimumFiatAmount": low.Mul(rate).RoundCeil(fiatDecimals).String(),
		"maximumFiatAmount": high.Mul(rate).RoundFloor(fiatDecimals).String(),
	}
}

// offer is the answer to a quote request. Every schema is offered, so that any
// client finds one it knows.
func (f *FiatConnect) offer(q *transferQuote) object {
	quote := object{
		"fiatType": q.Fiat, "cryptoType": q.Crypto, "fiatAmount": q.FiatAmount.String(), "cryptoAmount": q.CoinAmount.String(),
		"guaranteedUntil": timestamp(q.Until), "transferType": string(q.Type),
	}
	if q.ID != "" {
		quote["quoteId"] = q.ID
	}
	if q.Fee.IsPositive() {
		quote["fee"], quote["feeType"], quote["feeFrequency"] = q.Fee.String(), "PlatformFee", "OneTime"
	}
	kyc := []object{}
	if !f.config.KYCNotRequired {
		for _, schema := range kycSchemas {
			kyc = append(kyc, object{"kycSchema": schema, "allowedValues": object{}})
		}
	}
	accounts := object{}
	for _, s := range accountSchemas() {
		entry, _ := accounts[s.kind].(object)
		if entry == nil {
			entry = object{"fiatAccountSchemas": []object{}, "settlementTimeLowerBound": "0", "settlementTimeUpperBound": "86400"}
			accounts[s.kind] = entry
		}
		allowed := object{}
		if s.hasCountry() {
			allowed["country"] = []string{q.Country}
		}
		one := object{"fiatAccountSchema": s.name, "allowedValues": allowed}
		if q.Type == kotani.TransferTypeIn && !f.config.ProviderInitiated {
			one["userActionType"] = string(s.action)
		}
		entry["fiatAccountSchemas"] = append(entry["fiatAccountSchemas"].([]object), one)
	}
	return object{
		"quote": quote, "fiatAccount": accounts,
		"kyc": object{"kycRequired": !f.config.KYCNotRequired, "kycSchemas": kyc},
	}
}
