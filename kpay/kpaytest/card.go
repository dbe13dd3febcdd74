package kpaytest

import "strings"

// pays knows the test cards of the reference document. The vendor's guides list
// more; the fake declines those as any other.
func pays(card string) bool {
	switch card {
	case "5101180000000007", "5555444433331111", "2222400060000007", // MasterCard: commercial, consumer, debit
		"4988438843884305", "4111111111111111", "4000160000000004": // Visa: classic, consumer, debit
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
