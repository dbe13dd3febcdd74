package kotanitest

import (
	"time"

	"github.com/shopspring/decimal"
)

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
	Spent        bool            `json:"spent"` // by a deposit
}

func (f *Fake) quoteIn(c *call) object {
	return f.price(c, &quote{In: true, FiatAmount: c.money("fiatAmount", fiatDecimals)})
}

func (f *Fake) quoteOut(c *call) object {
	return f.price(c, &quote{CryptoAmount: c.money("cryptoAmount", 18)})
}

// price rounds what the user gets down: fiat to two decimals, coins to six.
func (f *Fake) price(c *call, q *quote) object {
	q.Currency, q.CryptoType = c.text("currency"), c.text("cryptoType")
	rate, ok := f.rate(q.Currency)
	switch {
	case c.fault != "":
		return c.refused()
	case !ok:
		return refused("currency not supported")
	case !knownCoin(q.CryptoType):
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
	q.ID, q.Expires = f.ids().UUID(), f.world.Now().Add(f.config.QuoteLifetime)
	f.state.Quotes[q.ID] = q
	return q.shown()
}

func (f *Fake) acceptQuoteIn(c *call) object  { return f.accept(c, true) }
func (f *Fake) acceptQuoteOut(c *call) object { return f.accept(c, false) }

// accept takes a quote once. It then holds for good.
func (f *Fake) accept(c *call, in bool) object {
	id := c.text("quoteId")
	if c.fault != "" {
		return c.refused()
	}
	q := f.state.Quotes[id]
	switch {
	case q == nil || q.In != in:
		return refused("quote not found")
	case q.Accepted:
		return refused("quote already accepted")
	case !f.world.Now().Before(q.Expires):
		return refused("quote expired")
	}
	q.Accepted = true
	return q.shown()
}

func (q *quote) shown() object {
	return object{
		"quoteId": q.ID, "fiatAmount": q.FiatAmount.String(), "cryptoAmount": q.CryptoAmount.String(),
		"currency": q.Currency, "cryptoType": q.CryptoType, "rate": q.Rate.String(), "expiresAt": timestamp(q.Expires),
	}
}
