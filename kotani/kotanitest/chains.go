package kotanitest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
)

// chains are the documented networks.
func chains() []kotani.Chain {
	return []kotani.Chain{
		kotani.ChainTron, kotani.ChainArbitrum, kotani.ChainCelo, kotani.ChainAvalanche, kotani.ChainStellar,
	}
}

// coinOn is the coin of a user's wallet on a chain.
func coinOn(chain kotani.Chain) string {
	switch chain {
	case kotani.ChainTron:
		return "USDT"
	case kotani.ChainCelo:
		return "cUSD"
	}
	return "USDC"
}

// chainBalance is POST /user/account/getBalance: the value in shillings with
// four decimals, as in the operator's source.
func (f *Fake) chainBalance(c *call) object {
	chain := kotani.Chain(c.text("chain"))
	u, refusal := f.user(c)
	switch {
	case refusal != nil:
		return refusal
	case !slices.Contains(chains(), chain):
		return refused("chain not supported")
	}
	held := f.state.Ledger.Balance(Leg{Owner: wallet(u.Phone, chain), Currency: coinOn(chain)}.account())
	rate, _ := f.rate("KES")
	return object{
		"status": 201, "address": f.address(u.Phone, chain),
		"balance": object{"currency": "KES", "amount": held.Mul(rate).Truncate(4).StringFixed(4)},
	}
}

// buyCelo is POST /dex/buyCelo. At once the partner pays shillings and the
// user's wallet on Celo gets cUSD.
func (f *Fake) buyCelo(c *call) object {
	amount := c.money("celoAmount", cryptoDecimals)
	u, refusal := f.user(c)
	switch {
	case c.reason != "":
		return refusal
	case refusal != nil:
		return object{"status": "user not found"}
	}
	rate, _ := f.rate("KES")
	price := amount.Mul(rate).RoundCeil(fiatDecimals)
	legs := append(pays("KES", price), Leg{wallet(u.Phone, kotani.ChainCelo), "cUSD", amount})
	if !f.state.covered(legs) {
		return refused(descInsufficient)
	}
	hash := "0x" + f.ids().Hex(64)
	f.state.post("celo "+hash, kotani.OpBuyCelo, hash, f.world.Now(), legs...)
	return object{"status": http.StatusCreated, "details": object{
		"transactionHash": hash, "to": f.address(u.Phone, kotani.ChainCelo),
		"value": amount.String() + " CUSD", "price": price.String(), "currency": "KES",
	}}
}

const descProcessed = "Transaction Hash is already processed"

// sendToMpesa is POST /transactions/withdraw/sendToMpesa. A hash names cUSD that
// came to the escrow. The fake pays them out at the escrow's rate.
func (f *Fake) sendToMpesa(c *call) object {
	phone, text := c.phone("phoneNumber"), c.text("txhash")
	if c.reason != "" {
		return c.refused()
	}
	hash, ok := plainHash(text)
	switch {
	case !ok || len(text) == len(hash): // the prefix is required
		o := refused("Invalid Hash")
		o["comment"] = "Transaction hash must be a string of 66 characters"
		return o
	case f.state.Hashes[hash]:
		return refused(descProcessed)
	}
	value := f.hashValue(hash)
	t := &Transaction{
		Operation: kotani.OpSendToMpesa, Type: kotani.Payouts, Currency: "KES", Phone: phone, TxHash: "0x" + hash,
		Amount: value.Mul(f.escrowRate()).Truncate(fiatDecimals),
	}
	t.Legs = append(pays(t.Currency, t.Amount), Leg{partner, "cUSD", value})
	if f.begin(c, t) != "" {
		return refused("Not enough fiat balance to fulfill the request")
	}
	f.state.Hashes[hash] = true
	return object{
		"status": http.StatusOK, "desc": "Transaction request received",
		"cusdDetails": object{
			"blockNumber": json.Number("12345678"), "value": value.String() + " CUSD",
			"from": checksummed(f.ids().Derived(40, "sender", hash)), "to": f.escrowAddress(),
			"date": f.world.Now().Format("2006-01-02, 15:04:05"),
		},
		"MpesaDetails": object{"requestId": t.RequestID, "externalId": t.ExternalID, "amount": t.Amount.String()},
	}
}

// cashOut is POST /stellar/cashout/{countryCode} and /tron/cashout/{countryCode}.
// A hash names coins, which the fake pays out at the market's rate.
func (f *Fake) cashOut(c *call, op, coin string) object {
	currency := c.country()
	t := &Transaction{
		Operation: op, Type: kotani.Payouts, Currency: currency,
		Phone: c.phone("phoneNumber"), Callback: c.callback(), TxHash: c.text("txHash"),
	}
	if c.reason != "" {
		return c.refused()
	}
	hash, ok := plainHash(t.TxHash)
	switch {
	case !ok:
		return refused("Invalid Hash")
	case f.state.Hashes[hash]:
		return refused(descProcessed)
	}
	value := f.hashValue(hash)
	rate, _ := f.rate(currency)
	t.Amount = value.Mul(rate).Truncate(fiatDecimals)
	t.Legs = append(pays(currency, t.Amount), Leg{partner, coin, value})
	response := f.accept(c, t)
	if t.RequestID != "" {
		f.state.Hashes[hash] = true
	}
	return response
}

// tronCashIn is POST /tron/cashin/{countryCode}. The document shows no body, so
// the fields are assumed. The payer's wallet on Tron gets the coins once he has
// paid.
func (f *Fake) tronCashIn(c *call) object {
	c.country()
	t := &Transaction{
		Operation: kotani.OpTronCashIn, Type: kotani.Collections, Currency: "KES",
		Phone: c.phone("phoneNumber"), Amount: c.money("amount", fiatDecimals),
		Callback: c.callback(), ExternalID: c.optional("externalId"),
	}
	if !strings.HasPrefix(t.Phone, "254") {
		c.refuse("only phone numbers in Kenya are supported")
	}
	rate, _ := f.rate("KES")
	bought, _ := t.Amount.QuoRem(rate, coinDecimals)
	t.Legs = []Leg{{wallet(t.Phone, kotani.ChainTron), "USDT", bought}}
	return f.accept(c, t)
}

// hashValue is how many coins a transaction on chain moved.
func (f *Fake) hashValue(hash string) decimal.Decimal {
	if v, ok := f.config.Quirks.HashValues[hash[len(hash)-4:]]; ok {
		return v
	}
	return f.config.Quirks.HashValue
}

// plainHash is a hash without 0x and in lower case. A hash counts once, in
// whatever spelling.
func plainHash(text string) (string, bool) {
	digits := strings.TrimPrefix(strings.ToLower(text), "0x")
	return digits, len(digits) == 64 && only(digits, "0123456789abcdef")
}

func sameHash(a, b string) bool {
	x, ok := plainHash(a)
	y, _ := plainHash(b)
	return ok && x == y
}
