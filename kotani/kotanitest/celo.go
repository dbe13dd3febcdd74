package kotanitest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// buyCelo is POST /dex/buyCelo: the partner pays shillings, the user's wallet on
// Celo gets cUSD, at once.
func (f *Fake) buyCelo(c *call) object {
	amount := c.money("celoAmount", 18)
	u, refusal := f.user(c)
	switch {
	case c.fault != "":
		return refusal
	case refusal != nil:
		return object{"status": "user not found"}
	}
	rate, _ := f.rate("KES")
	price := amount.Mul(rate).RoundCeil(fiatDecimals)
	if !f.state.covered(pays("KES", price)) {
		return refused(descInsufficient)
	}
	hash := f.ids().Hex(64)
	now := f.world.Now()
	for _, l := range append(pays("KES", price), Leg{wallet(u.Phone, kotani.ChainCelo), "cUSD", amount}) {
		book(f.state.Ledger.Post(fake.Entry{
			ID: "celo " + hash + " " + l.Currency, Account: f.state.account(l.Owner, l.Currency), Amount: l.Amount,
			Kind: kotani.OpBuyCelo, Reference: "0x" + hash, Created: now,
		}))
	}
	return object{"status": http.StatusCreated, "details": object{
		"transactionHash": "0x" + hash, "to": f.address(u.Phone, kotani.ChainCelo),
		"value": amount.String() + " CUSD", "price": price.String(), "currency": "KES",
	}}
}

// sendToMpesa is POST /transactions/withdraw/sendToMpesa: the cUSD a hash
// brought to the escrow are paid out at the escrow's rate.
func (f *Fake) sendToMpesa(c *call) object {
	phone, text := c.phone("phoneNumber"), c.text("txhash")
	if c.fault != "" {
		return c.refused()
	}
	hash, ok := plainHash(text, true)
	switch {
	case !ok:
		o := refused("Invalid Hash")
		o["comment"] = "Transaction hash must be a string of 66 characters"
		return o
	case f.state.Hashes[hash]:
		return refused(descProcessed)
	}
	value := f.hashValue(hash)
	t := &Transaction{
		Operation: kotani.OpSendToMpesa, Type: kotani.Payouts, Currency: "KES", Phone: phone, TxHash: "0x" + hash,
		Amount: value.Mul(f.escrowRate("KES")).Truncate(fiatDecimals),
	}
	t.Legs = append(pays(t.Currency, t.Amount), Leg{partner, "cUSD", value})
	if f.begin(t) != "" {
		return refused("Not enough fiat balance to fulfill the request")
	}
	f.state.Hashes[hash] = true
	now := f.world.Now()
	return object{
		"status": http.StatusOK, "desc": "Transaction request received",
		"cusdDetails": object{
			"blockNumber": json.Number("12345678"), "value": value.String() + " CUSD",
			"from": checksummed(f.ids().Derived(40, "sender", hash)), "to": f.escrowAddress(),
			"date": strings.Replace(now.Format("2006-01-02 15:04:05"), " ", ", ", 1),
		},
		"MpesaDetails": object{"requestId": t.RequestID, "externalId": t.ExternalID, "amount": t.Amount.String()},
	}
}
