package kotanitest

import (
	"slices"

	"github.com/shopspring/decimal"
)

const coinDecimals = 6

// coins all have one rate.
var coins = []string{"cUSD", "USDT", "USDC", "BUSD"}

// rate is what a coin is worth in a fiat currency.
func (f *Fake) rate(currency string) (decimal.Decimal, bool) {
	r, ok := f.config.Rates[currency]
	return r, ok && r.IsPositive()
}

func knownCoin(name string) bool { return slices.Contains(coins, name) }

// escrowRate is the market's less 2 %.
func (f *Fake) escrowRate(currency string) decimal.Decimal {
	r, _ := f.rate(currency)
	return r.Mul(decimal.New(98, -2))
}

// escrow is POST /transactions/getEscrow.
func (f *Fake) escrow(*call) object {
	return object{
		"escrowAddress": f.escrowAddress(),
		"conversionRate": object{
			"localCurrency": "KES", "cusdToLocalCurrencyRate": f.escrowRate("KES").String(),
		},
	}
}

func (f *Fake) escrowAddress() string { return checksummed(f.ids().Derived(40, "escrow")) }
