package kotanitest

import (
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

// stellarCashOut is POST /stellar/cashout/{countryCode}, tronCashOut POST
// /tron/cashout/{countryCode}: coins sent before, by their hash, are paid out by
// mobile money at the market's rate.
func (f *Fake) stellarCashOut(c *call) object { return f.cashOut(c, kotani.OpStellarCashOut, "USDC") }
func (f *Fake) tronCashOut(c *call) object    { return f.cashOut(c, kotani.OpTronCashOut, "USDT") }

func (f *Fake) cashOut(c *call, op, coin string) object {
	currency := c.country()
	t := &Transaction{
		Operation: op, Type: kotani.Payouts, Currency: currency,
		Phone: c.phone("phoneNumber"), Callback: c.callback(),
	}
	text := c.text("txHash")
	if c.fault != "" {
		return c.refused()
	}
	hash, ok := plainHash(text, false)
	switch {
	case !ok:
		return refused("Invalid Hash")
	case f.state.Hashes[hash]:
		return refused(descProcessed)
	}
	value := f.hashValue(hash)
	rate, _ := f.rate(currency)
	t.TxHash, t.Amount = text, value.Mul(rate).Truncate(fiatDecimals)
	t.Legs = append(pays(currency, t.Amount), Leg{partner, coin, value})
	answer := f.started(t)
	if t.RequestID != "" {
		f.state.Hashes[hash] = true
	}
	return answer
}

// tronCashIn is POST /tron/cashin/{countryCode}. The document shows no body: the
// fields are assumed. The payer's wallet on Tron gets the coins when he has
// paid.
func (f *Fake) tronCashIn(c *call) object {
	c.country()
	t := &Transaction{
		Operation: kotani.OpTronCashIn, Type: kotani.Collections, Currency: "KES",
		Phone: c.phone("phoneNumber"), Amount: c.money("amount", fiatDecimals),
		Callback: c.callback(), ExternalID: c.optional("externalId"),
	}
	if !strings.HasPrefix(t.Phone, "254") {
		c.fail("only phone numbers in Kenya are supported")
	}
	if c.fault != "" {
		return c.refused()
	}
	rate, _ := f.rate("KES")
	coins, _ := t.Amount.QuoRem(rate, coinDecimals)
	t.Legs = gets(wallet(t.Phone, kotani.ChainTron), "USDT", coins)
	return f.started(t)
}

// country reads the path's country code and gives its currency.
func (c *call) country() string {
	switch c.request.PathValue("countryCode") {
	case "KE":
		return "KES"
	case "GH":
		return "GHS"
	}
	c.fail("country not supported")
	return ""
}
