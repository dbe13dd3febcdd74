package kpaytest

import (
	"strings"

	"github.com/kapiteni/kapiten-go/kpay"
)

// pays knows the test cards of the reference document. The vendor's guides list
// more; the fake declines those as any other.
func pays(card kpay.TestCard) bool {
	switch card {
	case kpay.TestMastercardCommercial, kpay.TestMastercardConsumer, kpay.TestMastercardDebit,
		kpay.TestVisaClassic, kpay.TestVisaConsumer, kpay.TestVisaDebit:
		return true
	}
	return false
}

// cardNumber is a number as typed, without spaces and hyphens, and whether it
// can be one: 12 to 19 digits with the right check digit (Luhn).
func cardNumber(typed string) (string, bool) {
	number := strings.NewReplacer(" ", "", "-", "").Replace(typed)
	if len(number) < 12 || len(number) > 19 || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return number, sum%10 == 0
}

// maskCard keeps the first six and the last four digits.
func maskCard(number string) string {
	return number[:6] + strings.Repeat("*", len(number)-10) + number[len(number)-4:]
}
