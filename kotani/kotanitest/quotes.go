package kotanitest

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// coins all have the same rate.
func coins() []string { return []string{"cUSD", "USDT", "USDC", "BUSD"} }

const coinDecimals = 6

// rate is the price of a coin in a fiat currency.
func (f *Fake) rate(currency string) (decimal.Decimal, bool) {
	r, ok := f.config.Rates[currency]
	return r, ok && r.IsPositive()
}

// escrowRate is the shilling's rate less 2 %.
func (f *Fake) escrowRate() decimal.Decimal {
	r, _ := f.rate("KES")
	return r.Mul(decimal.New(98, -2))
}

// escrowRates is POST /transactions/getEscrow.
func (f *Fake) escrowRates(*call) object {
	return object{
		"escrowAddress": f.escrowAddress(),
		"conversionRate": object{
			"localCurrency": "KES", "cusdToLocalCurrencyRate": f.escrowRate().String(),
		},
	}
}

// quote is a price outside FiatConnect.
type quote struct {
	ID           string          `json:"id"`
	In           bool            `json:"in"` // fiat to coins
	FiatAmount   decimal.Decimal `json:"fiat_amount"`
	CryptoAmount decimal.Decimal `json:"crypto_amount"`
	Currency     string          `json:"currency"`
	CryptoType   string          `json:"crypto_type"`
	Rate         decimal.Decimal `json:"rate"`
	Expires      time.Time       `json:"expires"`
	Accepted     bool            `json:"accepted"`
	Spent        bool            `json:"spent"` // by a deposit or a cash-out
}

// quoteIn is POST /quotes/in.
func (f *Fake) quoteIn(c *call) object {
	return f.price(c, &quote{In: true, FiatAmount: c.money("fiatAmount", fiatDecimals)})
}

// quoteOut is POST /quotes/out.
func (f *Fake) quoteOut(c *call) object {
	return f.price(c, &quote{CryptoAmount: c.money("cryptoAmount", cryptoDecimals)})
}

// price rounds down what the user gets: fiat to two decimals, coins to six.
func (f *Fake) price(c *call, q *quote) object {
	q.Currency, q.CryptoType = c.text("currency"), c.text("cryptoType")
	rate, ok := f.rate(q.Currency)
	switch {
	case c.reason != "":
		return c.refused()
	case !ok:
		return refused("currency not supported")
	case !slices.Contains(coins(), q.CryptoType):
		return refused("cryptoType not supported")
	}
	if q.Rate = rate; q.In {
		q.CryptoAmount, _ = q.FiatAmount.QuoRem(rate, coinDecimals)
	} else {
		q.FiatAmount = q.CryptoAmount.Mul(rate).Truncate(fiatDecimals)
	}
	if !q.CryptoAmount.IsPositive() || !q.FiatAmount.IsPositive() {
		return refused("amount is too small")
	}
	q.ID, q.Expires = f.ids().UUID(), f.world.Now().Add(f.config.Quirks.QuoteLifetime)
	f.state.Quotes.Add(q)
	f.after(f.config.Quirks.QuoteLifetime, eventQuoteExpiry, q.ID)
	return q.wire()
}

// acceptQuote is POST /quotes/in/accept and /quotes/out/accept. It takes a quote
// once. An accepted quote does not expire.
func (f *Fake) acceptQuote(c *call, in bool) object {
	id := c.text("quoteId")
	if c.reason != "" {
		return c.refused()
	}
	q := f.state.Quotes.Find(id)
	switch {
	case q == nil || q.In != in:
		return refused("quote not found")
	case q.Accepted:
		return refused("quote already accepted")
	case !f.world.Now().Before(q.Expires):
		return refused("quote expired")
	}
	q.Accepted = true
	return q.wire()
}

// refusal is why an accepted quote out cannot price coins, or "".
func (q *quote) refusal(in bool, currency, coin string, amount decimal.Decimal) string {
	switch {
	case q == nil || q.In != in:
		return "quote not found"
	case !q.Accepted:
		return "quote is not accepted"
	case q.Spent:
		return "quote already used"
	case q.Currency != currency || q.CryptoType != coin || !q.CryptoAmount.Equal(amount):
		return "quote is for another payment"
	}
	return ""
}

func (q *quote) wire() object {
	return object{
		"quoteId": q.ID, "fiatAmount": q.FiatAmount.String(), "cryptoAmount": q.CryptoAmount.String(),
		"currency": q.Currency, "cryptoType": q.CryptoType, "rate": q.Rate.String(), "expiresAt": timestamp(q.Expires),
	}
}
