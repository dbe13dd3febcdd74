package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCodesAreThoseOfTheirLists(t *testing.T) {
	for _, code := range []string{"KES", "USD", "RWF", "UGX", "TZS", "XOF", "XAF", "ZWG", "SLE", "EUR", "BGN", "CHW", "XDR"} {
		assert.True(t, IsCurrency(code), code)
	}
	for _, code := range []string{"", "KEN", "kes", "KE", "KESH", "XXX", "XTS", "DEM", "QQQ", "ES ", " KE", "E K", "K\xc9S", "ＫＥＳ"} {
		assert.False(t, IsCurrency(code), "%q", code)
	}
	for _, code := range []string{"KEN", "RWA", "UGA", "TZA", "GHA", "NGA", "ZAF", "COD", "SSD", "GBR", "ALA"} {
		assert.True(t, IsCountry(code), code)
	}
	for _, code := range []string{"", "KE", "ken", "KES", "KENYA", "XKX", "ROM", "ZAR", "QQQ", "EN ", "N R"} {
		assert.False(t, IsCountry(code), "%q", code)
	}
}

func TestTheListsOfCodesAreWholeAndHaveNoCodeTwice(t *testing.T) {
	for list, want := range map[string]int{currencies: 181, countries: 249} {
		seen := map[string]bool{}
		for code := range strings.FieldsSeq(list) {
			assert.Len(t, code, 3)
			assert.False(t, seen[code], code)
			seen[code] = true
		}
		assert.Len(t, seen, want)
	}
}
