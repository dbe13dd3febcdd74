package kotanitest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/shopspring/decimal"
)

// transferQuote holds the terms of a transfer. The fee is inside the amounts.
type transferQuote struct {
	ID         string              `json:"id"`
	Type       kotani.TransferType `json:"type"`
	Address    string              `json:"address"` // in lower case; empty: anybody's
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

// quote is POST /quote/in and /quote/out.
func (f *FiatConnect) quote(c *fiatCall, kind kotani.TransferType) *response {
	q := &transferQuote{Type: kind, Until: f.world.Now().Add(f.config.Quirks.QuoteLifetime)}
	amount, inFiat, preview, code := f.readQuote(c, q)
	if code != "" {
		refusal := problem(http.StatusBadRequest, code)
		if c.reason != "" {
			refusal.naming(c.reason)
		}
		return refusal
	}
	rate := f.config.Rates[q.Fiat].Mul(f.config.Quirks.CryptoValues[q.Crypto])
	if code := f.price(q, rate, amount, inFiat); code != "" {
		body := f.limits(q, rate)
		body["error"] = string(code)
		return &response{status: http.StatusBadRequest, body: body, why: string(code)}
	}
	if !preview {
		q.ID = f.ids().UUID()
		f.state.Quotes.Add(q)
	}
	return success(f.offer(q))
}

// readQuote checks the form of all parameters, then their meaning. The amount
// stays text: an amount can be too large for a price.
func (f *FiatConnect) readQuote(c *fiatCall, q *transferQuote) (amount string, inFiat, preview bool, code kotani.FiatConnectCode) {
	bad := kotani.ErrInvalidParameters
	text := func(name string) string {
		s, ok := c.fields[name].(string)
		if !ok && c.fields[name] != nil {
			c.refuse(name)
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
		c.refuse("preview")
	}
	amount, inFiat = coins, fiat != ""
	if inFiat {
		amount = fiat
	}
	for _, check := range []struct {
		failed bool
		what   string
	}{
		{q.Fiat == "", "fiatType"}, {q.Crypto == "", "cryptoType"}, {(fiat == "") == (coins == ""), "not one of fiatAmount and cryptoAmount"},
		{!countryPattern.MatchString(q.Country), "country"},
		{address == "" && f.config.StrictQuotes || address != "" && !isChecksummed(address), "address"},
		{len(amount) > maxAmountText || !amountPattern.MatchString(amount) && !exponentPattern.MatchString(amount), "amount"},
	} {
		if check.failed {
			c.refuse(check.what)
		}
	}
	switch {
	case c.reason != "":
		return "", false, false, bad
	case !slices.Contains(f.config.Quirks.Countries, q.Country):
		return "", false, false, kotani.ErrGeoNotSupported
	case !f.config.Rates[q.Fiat].IsPositive(), apart(currencyIn(q.Country), q.Fiat):
		return "", false, false, kotani.ErrFiatNotSupported
	case !f.config.Quirks.CryptoValues[q.Crypto].IsPositive():
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
		c.refuse("amount has too many decimals")
		return "", false, false, bad
	}
	return amount, inFiat, preview, ""
}

// tooFar is the code of an amount outside the bounds. JavaScript writes very
// large and very small amounts with an exponent. Such a text counts as too high
// or too low, although it breaks the pattern.
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

// price fills in the other amount and the fee, rounded against the user. The
// amount which the user gave stays as it is.
func (f *FiatConnect) price(q *transferQuote, rate decimal.Decimal, text string, inFiat bool) kotani.FiatConnectCode {
	amount := exact(text)
	value := amount.Mul(f.config.Quirks.CryptoValues[q.Crypto])
	if inFiat {
		value, _ = amount.QuoRem(f.config.Rates[q.Fiat], cryptoDecimals)
	}
	switch {
	case value.LessThan(f.config.Quirks.MinValue):
		return tooFar(inFiat, false)
	case value.GreaterThan(f.config.Quirks.MaxValue):
		return tooFar(inFiat, true)
	}
	fee := f.config.Quirks.FeePercent.Shift(-2)
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

// limits are the bounds that an error shows.
func (f *FiatConnect) limits(q *transferQuote, rate decimal.Decimal) object {
	worth := f.config.Quirks.CryptoValues[q.Crypto]
	low := roundUp(f.config.Quirks.MinValue, worth, cryptoDecimals)
	high, _ := f.config.Quirks.MaxValue.QuoRem(worth, cryptoDecimals)
	return object{
		"minimumCryptoAmount": low.String(), "maximumCryptoAmount": high.String(),
		"minimumFiatAmount": low.Mul(rate).RoundCeil(fiatDecimals).String(),
		"maximumFiatAmount": high.Mul(rate).RoundFloor(fiatDecimals).String(),
	}
}

// offer is the response to a quote request. It offers every schema, so that any
// client finds a schema it knows.
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
		for _, schema := range kycSchemas() {
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
