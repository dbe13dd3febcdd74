package wire_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

func TestAmountsThatCannotBeSentAreNamed(t *testing.T) {
	const positive, bounds = "must be greater than zero", "is out of bounds"
	for _, row := range []struct {
		amount   decimal.Decimal
		decimals int
		want     string
	}{
		{decimal.NewFromInt(1), 0, ""},
		{decimal.RequireFromString("4200.00"), 0, ""},
		{decimal.RequireFromString("1e3"), 0, ""},
		{decimal.RequireFromString("0.01"), 2, ""},
		{decimal.RequireFromString("10.000"), 2, ""},
		{decimal.RequireFromString("999999999999999999"), 0, ""},
		{decimal.RequireFromString("999999999999999999.99"), 2, ""},
		{decimal.Decimal{}, 2, positive},
		{decimal.RequireFromString("-0.01"), 2, positive},
		{decimal.RequireFromString("100.5"), 0, "must be a whole number"},
		{decimal.RequireFromString("0.001"), 2, "must have at most 2 decimals"},
		{decimal.RequireFromString("1000000000000000000"), 0, bounds},
		{decimal.New(1, 18), 0, bounds},
		{decimal.New(1, 2147483647), 0, bounds},
		{decimal.New(1, -2147483648), 2, bounds},
	} {
		assert.Equal(t, row.want, wire.AmountFault(row.amount, row.decimals), "%de%d", row.amount.Coefficient(), row.amount.Exponent())
	}
}
