package bitpesatest

import (
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

func (cur currency) object() object {
	smallest := decimal.New(1, -int32(cur.decimals))
	return object{
		"code": cur.code, "name": cur.name, "symbol": cur.symbol, "decimals": cur.decimals,
		"subunit_to_unit": number(decimal.New(1, int32(cur.decimals))), "primary": cur.code == "USD",
		"min": smallest.String(), "max": decimal.NewFromInt(largestAmount).String(),
		"usd_equivalent": decimal.NewFromInt(1).DivRound(cur.perUSD, 10).String(),
	}
}

func (f *Fake) listCurrencies(*call) answer {
	list := []any{}
	for _, cur := range f.exchange.sorted() {
		list = append(list, cur.object())
	}
	return success(list)
}

// listCurrenciesIn has what can be paid in, each with what it can be paid out
// as; listCurrenciesOut the other way round. sender_id changes nothing (assumed).
func (f *Fake) listCurrenciesIn(c *call) answer {
	return f.pairs(f.currenciesIn(c.account), f.currenciesOut(), false)
}

func (f *Fake) listCurrenciesOut(c *call) answer {
	return f.pairs(f.currenciesOut(), f.currenciesIn(c.account), true)
}

func (f *Fake) pairs(codes, opposites []string, out bool) answer {
	list := []any{}
	for _, code := range codes {
		o := f.exchange.currencies[code].object()
		others := []any{}
		for _, other := range opposites {
			from, to := code, other
			if out {
				from, to = other, code
			}
			opposite := f.exchange.currencies[other].object()
			opposite["rate"], opposite["mtm_rate"] = number(f.exchange.rate(from, to)), number(f.exchange.rate(from, to))
			opposite["margin"] = "0.0"
			others = append(others, opposite)
		}
		o["opposites"] = others
		list = append(list, o)
	}
	return success(list)
}

// currenciesIn are those of the balances and of the collections.
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

func (f *Fake) listMethodsOut(*call) answer {
	return methods(slices.Sorted(maps.Keys(f.corridors)), payinTypes(), f.methodObject)
}

func (f *Fake) listMethodsIn(*call) answer {
	return methods(payinTypes(), slices.Sorted(maps.Keys(f.corridors)), f.methodObject)
}

// payinTypes are the collections of the older guides.
func payinTypes() []string {
	return strings.Fields("EUR::Bank GBP::Bank GHS::Mobile NGN::Bank TZS::Mobile UGX::Mobile XOF::Mobile")
}

func methods(types, opposites []string, render func(string) object) answer {
	list := []any{}
	for _, t := range types {
		o := render(t)
		others := []any{}
		for _, other := range opposites {
			others = append(others, render(other))
		}
		o["opposites"] = others
		list = append(list, o)
	}
	return success(list)
}

func (f *Fake) methodObject(methodType string) object {
	c, _ := f.corridor(methodType)
	return object{
		"type": methodType, "provider": strings.ToLower(strings.ReplaceAll(methodType, "::", "_")), "otc_permitted": false,
		"details": c.fields(), "default": true, "fields": f.fieldsOf(methodType),
	}
}
