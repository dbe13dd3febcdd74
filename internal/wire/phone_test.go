package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

func TestPhoneNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]string{
		"0788123456": "0788123456", "788123456": "788123456", "+250788123456": "250788123456", "00250788123456": "250788123456",
		"250788123456": "250788123456", " 0788 123 456\n": "0788123456", "0788-123-456": "0788123456", "(0788) 123.456": "0788123456",
		"+250\u00a0788\u00a0123\u00a0456": "250788123456", "\u200e+250788123456\u200e": "250788123456", "\u202a0788123456\u202c": "0788123456",
		"+250 (0)788 123 456": "250788123456", "0788\u2011123\u2013456": "0788123456", "\ufeff0788123456": "0788123456", "+254\u2009712\u202f345678": "254712345678",
	} {
		got, ok := wire.Phone(text)
		assert.True(t, ok, "%q", text)
		assert.Equal(t, want, got, "%q", text)
	}
	for _, text := range []string{
		"", " ", "+", "07833", "078812345x", "0788123456 ext 1", "++250788123456", "250+788123456", "+0788123456", "000788123456", "1234567890123456", "٠٧٨٨١٢٣٤٥٦", "tel:0788123456", "0788/123456",
	} {
		got, ok := wire.Phone(text)
		assert.False(t, ok, "%q", text)
		assert.Empty(t, got, "%q", text)
	}
}

func FuzzPhone(f *testing.F) {
	for _, seed := range []string{"0788123456", "+250 (0)788 123 456", "00250788123456", "\u200e+250788123456"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		digits, ok := wire.Phone(text)
		if ok != (digits != "") || strings.Trim(digits, "0123456789") != "" || ok && (len(digits) < 9 || len(digits) > 15) {
			t.Errorf("%q is %q, %v", text, digits, ok)
		}
	})
}
