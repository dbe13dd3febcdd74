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

// buyCelo is POST /dex/buyCelo. It charges the user's phone. His wallet on Celo gets the
// cUSD once he has paid (assumed).
func (f *Fake) buyCelo(c *call) object {
	amount := c.money("celoAmount", cryptoDecimals)
	u, refusal := f.user(c)
	switch {
	case c.reason != "":
		return refusal
	case refusal != nil:
		return object{"status": "user not found"}
	case currencyOf(u.Phone) == "":
		return refused("phoneNumber must be a phone number in Kenya or Ghana")
	}
	currency := currencyOf(u.Phone)
	rate, _ := f.rate(currency)
	t := &Transaction{
		Operation: kotani.OpBuyCelo, Type: kotani.Collections, Currency: currency, Phone: u.Phone,
		Amount: amount.Mul(rate).RoundCeil(fiatDecimals), TxHash: "0x" + f.ids().Hex(64),
		Legs: []Leg{{wallet(u.Phone, kotani.ChainCelo), "cUSD", amount}},
	}
	if refusal := f.begin(c, t); refusal != "" {
		return refused(refusal)
	}
	return object{"status": http.StatusCreated, "details": object{
		"transactionHash": t.TxHash, "to": f.address(u.Phone, kotani.ChainCelo), "requestId": t.RequestID,
		"value": amount.String() + " CUSD", "price": t.Amount.String(), "currency": currency,
	}}
}

const descProcessed = "Transaction Hash is already processed"

// sendToMpesa is POST /transactions/withdraw/sendToMpesa. A hash names cUSD that
// came to the escrow. The fake pays them out at the escrow's rate.
func (f *Fake) sendToMpesa(c *call) object {
	phone, text := c.mobile("phoneNumber", "KES"), c.text("txhash") // M-Pesa is Kenyan
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
		Phone: c.mobile("phoneNumber", currency), Callback: c.callback(), TxHash: c.text("txHash"),
		Quote: c.optional("acceptedQuoteId"), // no document shows how a quote out is used
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
	var q *quote
	if t.Quote != "" {
		q = f.state.Quotes.Find(t.Quote)
		if refusal := q.refusal(false, currency, coin, value); refusal != "" {
			return refused(refusal)
		}
		rate = q.Rate
	}
	t.Amount = value.Mul(rate).Truncate(fiatDecimals)
	t.Legs = append(pays(currency, t.Amount), Leg{partner, coin, value})
	response := f.accept(c, t)
	if t.RequestID != "" {
		f.state.Hashes[hash] = true
		if q != nil {
			q.Spent = true
			f.world.Touch(providerName, q.ID)
		}
	}
	return response
}

// tronCashIn is POST /tron/cashin/{countryCode}. The document shows no body, so
// the fields are assumed. The payer's wallet on Tron gets the coins once he has
// paid.
func (f *Fake) tronCashIn(c *call) object {
	if currency := c.country(); currency == "GHS" {
		c.refuse("only Kenya is supported") // documented
	}
	t := &Transaction{
		Operation: kotani.OpTronCashIn, Type: kotani.Collections, Currency: "KES",
		Phone: c.mobile("phoneNumber", "KES"), Amount: c.money("amount", fiatDecimals),
		Callback: c.callback(), ExternalID: c.optional("externalId"),
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
