package kotanitest

import (
	"strings"

	"github.com/shopspring/decimal"
)

const descProcessed = "Transaction Hash is already processed"

// plainHash is a hash without 0x and in lower case: the same hash in any
// spelling counts once.
func plainHash(text string, prefixRequired bool) (string, bool) {
	digits := strings.ToLower(text)
	rest, prefixed := strings.CutPrefix(digits, "0x")
	if len(rest) != 64 || !only(rest, "0123456789abcdef") || prefixRequired && !prefixed {
		return "", false
	}
	return rest, true
}

// hashValue is how many coins the fake says a transaction on chain moved.
func (f *Fake) hashValue(hash string) decimal.Decimal {
	if v, ok := f.config.HashValues[hash[len(hash)-4:]]; ok {
		return v
	}
	return f.config.HashValue
}
