package wire

import (
	"strconv"

	"github.com/shopspring/decimal"
)

// AmountFault says what is wrong with an amount that is to be sent with so many
// decimals at most, or nothing. It never rounds, and it never unfolds a huge
// exponent.
func AmountFault(amount decimal.Decimal, decimals int) string {
	exponent := int(amount.Exponent())
	switch {
	case !amount.IsPositive():
		return "must be greater than zero"
	case exponent > maxDecimalExponent || exponent < -maxDecimalFraction || amount.NumDigits()+exponent > maxAmountDigits:
		return "is out of bounds"
	case exponent < 0 && !amount.Equal(amount.Truncate(int32(decimals))):
		if decimals == 0 {
			return "must be a whole number"
		}
		return "must have at most " + strconv.Itoa(decimals) + " decimals"
	}
	return ""
}

// maxAmountDigits before the point fit an int64 and any provider's field.
const maxAmountDigits = 18
