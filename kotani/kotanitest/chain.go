package kotanitest

import (
	"encoding/base32"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// The documented networks, and the coin a user's wallet holds there.
var chains = []kotani.Chain{
	kotani.ChainTron, kotani.ChainArbitrum, kotani.ChainCelo, kotani.ChainAvalanche, kotani.ChainStellar,
}

func coinOn(chain kotani.Chain) string {
	switch chain {
	case kotani.ChainTron:
		return "USDT"
	case kotani.ChainCelo:
		return "cUSD"
	}
	return "USDC"
}

// WalletBalance is what a user holds on a chain, in units of the chain's coin:
// cUSD on Celo, USDT on Tron, USDC elsewhere.
func (f *Fake) WalletBalance(phone string, chain kotani.Chain) decimal.Decimal {
	f.world.Lock()
	defer f.world.Unlock()
	return f.state.Ledger.Balance(fake.Account{Owner: wallet(phone, chain), Currency: coinOn(chain)})
}

// chainBalance is POST /user/account/getBalance: the value in shillings, four
// decimals, as the operator's source has it.
func (f *Fake) chainBalance(c *call) object {
	chain := kotani.Chain(c.text("chain"))
	u, refusal := f.user(c)
	switch {
	case refusal != nil:
		return refusal
	case !slices.Contains(chains, chain):
		return refused("chain not supported")
	}
	coins := f.state.Ledger.Balance(fake.Account{Owner: wallet(u.Phone, chain), Currency: coinOn(chain)})
	rate, _ := f.rate("KES")
	return object{
		"status": 201, "address": f.address(u.Phone, chain),
		"balance": object{"currency": "KES", "amount": coins.Mul(rate).Truncate(4).StringFixed(4)},
	}
}

// address derives a user's address from the phone number, in a form that looks
// like the chain's.
func (f *Fake) address(phone string, chain kotani.Chain) string {
	digits := f.ids().Derived(64, "address", phone)
	switch chain {
	case kotani.ChainStellar:
		raw, _ := hex.DecodeString(digits) // hex it is
		return "G" + strings.TrimRight(base32.StdEncoding.EncodeToString(raw), "=") + "AAA"
	case kotani.ChainTron:
		return "T" + strings.ReplaceAll(digits[:33], "0", "z")
	}
	return checksummed(digits[:40])
}

// sameAddress compares addresses; those on EVM chains in any letter case.
func sameAddress(a, b string) bool {
	return a == b || strings.HasPrefix(a, "0x") && strings.EqualFold(a, b)
}
