package bitpesatest

import "github.com/shopspring/decimal"

// Rounding is a reading of the vendor's rounding rules, whose text and examples
// contradict each other.
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

// amount rounds as the currency wants it.
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
