package bitpesatest

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// currency is what the info calls tell and conversions need.
type currency struct {
	code, name, symbol string
	decimals           int
	perUSD             decimal.Decimal
}

// exchange converts between currencies over the US dollar.
type exchange struct {
	rounding   Rounding
	currencies map[string]currency
}

func newExchange(c Config) exchange {
	x := exchange{rounding: c.Rounding, currencies: map[string]currency{}}
	for line := range strings.Lines(currencyTable) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 5)
		if len(f) == 5 {
			x.currencies[f[0]] = currency{code: f[0], decimals: int(f[1][0] - '0'), perUSD: decimal.RequireFromString(f[2]), symbol: f[3], name: f[4]}
		}
	}
	for code, rate := range c.Rates {
		cur, known := x.currencies[code]
		if !known {
			cur = currency{code: code, name: code, symbol: code, decimals: 2}
		}
		if rate.IsPositive() {
			cur.perUSD = rate
			x.currencies[code] = cur
		}
	}
	return x
}

func (x exchange) knows(code string) bool {
	_, ok := x.currencies[code]
	return ok
}

// sorted are all currencies by code.
func (x exchange) sorted() []currency {
	return slices.SortedFunc(maps.Values(x.currencies), func(a, b currency) int { return cmp.Compare(a.code, b.code) })
}

// convert is exact to 20 places and not rounded to a currency.
func (x exchange) convert(d decimal.Decimal, from, to string) decimal.Decimal {
	if from == to {
		return d
	}
	return d.Mul(x.currencies[to].perUSD).DivRound(x.currencies[from].perUSD, 20)
}

// rate is how many units of to one unit of from buys.
func (x exchange) rate(from, to string) decimal.Decimal {
	return x.convert(decimal.NewFromInt(1), from, to).Round(10)
}

func (x exchange) round(d decimal.Decimal, code string) decimal.Decimal {
	return x.rounding.amount(d, code)
}

// number is an amount as the vendor sends it: a JSON number.
func number(d decimal.Decimal) json.Number { return json.Number(d.String()) }

// currencyTable: code, decimals, units per US dollar, symbol, name. The decimals
// follow the vendor's list, the rates are made up.
const currencyTable = `
AED 2 3.6725 AED United Arab Emirates dirham
BRL 2 5.4 R$ Brazilian real
BTC 8 0.000016 BTC Bitcoin
BWP 2 13.6 P Botswana pula
CAD 2 1.37 C$ Canadian dollar
CHF 2 0.88 CHF Swiss franc
CNY 2 7.2 CN¥ Chinese yuan
CRC 2 515 ₡ Costa Rican colon
EGP 2 48.5 E£ Egyptian pound
EUR 2 0.92 € Euro
GBP 2 0.8 £ British pound
GHS 2 15.5 GH₵ Ghanaian cedi
GNF 0 8600 FG Guinean franc
GTQ 2 7.75 Q Guatemalan quetzal
INR 2 84 ₹ Indian rupee
JPY 0 150 ¥ Japanese yen
KES 0 129.5 KSh Kenyan shilling
KRW 0 1350 ₩ South Korean won
MAD 2 9.9 DH Moroccan dirham
MZN 2 64 MT Mozambican metical
NGN 0 1550 ₦ Nigerian naira
NZD 2 1.65 NZ$ New Zealand dollar
PEN 2 3.75 S/ Peruvian sol
TZS 0 2600 TSh Tanzanian shilling
UGX 0 3700 USh Ugandan shilling
USD 2 1 $ US dollar
VND 2 25000 ₫ Vietnamese dong
XAF 0 603.5 FCFA Central African CFA franc
XOF 0 603.5 CFA West African CFA franc
ZAR 2 18.2 R South African rand
ZMW 2 26 ZK Zambian kwacha
`
