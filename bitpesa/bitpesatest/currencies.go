package bitpesatest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// currency is what the info calls show and conversions need.
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
	x := exchange{rounding: c.Quirks.Rounding, currencies: map[string]currency{}}
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
		cur.perUSD = rate
		x.currencies[code] = cur
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

// rate is the price of one unit of from, in units of to.
func (x exchange) rate(from, to string) decimal.Decimal {
	return x.convert(decimal.NewFromInt(1), from, to).Round(10)
}

func (x exchange) round(d decimal.Decimal, code string) decimal.Decimal {
	return x.rounding.amount(d, code)
}

// number is an amount as the vendor sends it, a JSON number.
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

// Rounding is a reading of the vendor's rounding rules. Their text and their
// examples contradict each other.
type Rounding int

const (
	// RoundByExample: KES, NGN, TZS and UGX go up to a whole unit (6457.08 is
	// 6458); XOF and XAF drop decimals, then their last digit becomes 0 or 5:
	// 1 and 2 go down, 3, 4, 6 and 7 to 5, 8 and 9 up.
	RoundByExample Rounding = iota

	// RoundByText: KES, NGN, TZS and UGX drop their decimals; XOF and XAF go
	// up to a multiple of 5 (102 is 105).
	RoundByText
)

// UnmarshalText reads "example" or "text", as the -config file of the standalone
// server has it.
func (r *Rounding) UnmarshalText(text []byte) error {
	switch string(text) {
	case "example":
		*r = RoundByExample
	case "text":
		*r = RoundByText
	default:
		return fmt.Errorf("bitpesatest: rounding %q is neither example nor text", text)
	}
	return nil
}

// amount rounds by the rule of the currency.
func (r Rounding) amount(d decimal.Decimal, currency string) decimal.Decimal {
	switch currency {
	case "KES", "NGN", "TZS", "UGX":
		if r == RoundByText {
			return d.Truncate(0)
		}
		return d.Ceil()
	case "XOF", "XAF":
		if r == RoundByText {
			return d.Div(decimal.NewFromInt(5)).Ceil().Mul(decimal.NewFromInt(5))
		}
		return toFive(d.Truncate(0))
	case "JPY", "KRW", "GNF":
		return d.Truncate(0)
	case "BTC":
		return d.Truncate(8) // the rule "all others 2" would leave nothing (assumed)
	}
	return d.Truncate(2)
}

// toFive moves the last digit of a whole number to 0 or 5.
func toFive(d decimal.Decimal) decimal.Decimal {
	last := d.Mod(decimal.NewFromInt(10))
	tens := d.Sub(last)
	switch last.IntPart() {
	case 1, 2:
		return tens
	case 3, 4, 6, 7:
		return tens.Add(decimal.NewFromInt(5))
	case 8, 9:
		return tens.Add(decimal.NewFromInt(10))
	}
	return d
}

func (cur currency) object() object {
	smallest := decimal.New(1, -int32(cur.decimals))
	return object{
		"code": cur.code, "name": cur.name, "symbol": cur.symbol, "decimals": cur.decimals,
		"subunit_to_unit": decimal.New(1, int32(cur.decimals)).String(), "primary": cur.code == "USD",
		"min": smallest.String(), "max": decimal.NewFromInt(largestAmount).String(),
		"usd_equivalent": decimal.NewFromInt(1).DivRound(cur.perUSD, 10).String(),
	}
}

func (f *Fake) listCurrencies(*call) response {
	list := []any{}
	for _, cur := range f.exchange.sorted() {
		list = append(list, cur.object())
	}
	return success(list)
}

// listCurrenciesIn lists what can be paid in, each currency with those it can be
// paid out in. listCurrenciesOut lists the reverse. sender_id changes nothing
// (assumed).
func (f *Fake) listCurrenciesIn(c *call) response {
	return f.currencyList(f.currenciesIn(c.account), f.currenciesOut(), false)
}

func (f *Fake) listCurrenciesOut(c *call) response {
	return f.currencyList(f.currenciesOut(), f.currenciesIn(c.account), true)
}

func (f *Fake) currencyList(codes, opposites []string, out bool) response {
	show := func(code string) object { return f.exchange.currencies[code].object() }
	return withOpposites(codes, opposites, show, func(code, other string) object {
		from, to := code, other
		if out {
			from, to = other, code
		}
		o, rate := show(other), number(f.exchange.rate(from, to))
		o["rate"], o["mtm_rate"], o["margin"] = rate, rate, "0.0"
		return o
	})
}

// withOpposites lists each name with the names on the other side of an exchange.
func withOpposites(names, others []string, show func(string) object, opposite func(name, other string) object) response {
	list := []any{}
	for _, name := range names {
		o, opposites := show(name), []any{}
		for _, other := range others {
			opposites = append(opposites, opposite(name, other))
		}
		o["opposites"] = opposites
		list = append(list, o)
	}
	return success(list)
}

// currenciesIn are the currencies of the balances and of the collections.
func (f *Fake) currenciesIn(a *account) []string {
	codes := strings.Fields("EUR GBP GHS KES NGN TZS UGX USD XAF XOF")
	codes = slices.DeleteFunc(append(codes, a.Currencies...), func(code string) bool { return !f.exchange.knows(code) })
	slices.Sort(codes)
	return slices.Compact(codes)
}

func (f *Fake) currenciesOut() []string {
	codes := []string{}
	for payoutType := range f.corridors {
		codes = append(codes, currencyOf(payoutType))
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func (f *Fake) listMethodsOut(*call) response {
	return f.methodList(slices.Sorted(maps.Keys(f.corridors)), payinTypes())
}

func (f *Fake) listMethodsIn(*call) response {
	return f.methodList(payinTypes(), slices.Sorted(maps.Keys(f.corridors)))
}

func (f *Fake) methodList(types, opposites []string) response {
	return withOpposites(types, opposites, f.methodObject, func(_, other string) object { return f.methodObject(other) })
}

// payinTypes are the collections in the older guides.
func payinTypes() []string {
	return strings.Fields("EUR::Bank GBP::Bank GHS::Mobile NGN::Bank TZS::Mobile UGX::Mobile XOF::Mobile")
}

func (f *Fake) methodObject(methodType string) object {
	c, _ := f.corridor(methodType)
	return object{
		"type": methodType, "provider": strings.ToLower(strings.ReplaceAll(methodType, "::", "_")), "otc_permitted": false,
		"details": c.fields(), "default": true, "fields": f.fieldsOf(methodType),
	}
}
