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
		// A zero in parentheses behind a country code, whatever stands around it.
		"\u200e+250 (0)788 300 000": "250788300000", "\u202a+250(0)788300000\u202c": "250788300000", "\ufeff+250 (0)788300000": "250788300000",
		"\uff0b250 (0)788300000": "250788300000", "(+250) (0)788300000": "250788300000", "+250 ( 0 ) 788300000": "250788300000", "+250 (\u200e0\u00a0)788300000": "250788300000",
		"00250 (0)788300000": "250788300000", "(00250)(0)788300000": "250788300000", "00 250 (0)788300000": "250788300000", "250 (0)788300000": "250788300000",
		"+250 \uff080\uff09788300000": "250788300000", "+254 (0)712-345-678": "254712345678",
		// A zero of the number itself stays.
		"(0)788300000": "0788300000", "( 0 ) 788300000": "0788300000", "(07)88300000": "0788300000", "+250 (788) 300000": "250788300000", "+250 7(00)300000": "250700300000",
	} {
		got, ok := wire.Phone(text)
		assert.True(t, ok, "%q", text)
		assert.Equal(t, want, got, "%q", text)
	}
	for _, text := range []string{
		"", " ", "+", "07833", "078812345x", "0788123456 ext 1", "++250788123456", "250+788123456", "+0788123456", "000788123456", "1234567890123456", "٠٧٨٨١٢٣٤٥٦", "tel:0788123456", "0788/123456",
		"+(0)788300000", "+250 788 (0) 300000", "00(0)788300000", "+250 (0)(0)788300000", "0788 (0) 300000", "\u200e++250 (0)788300000",
	} {
		got, ok := wire.Phone(text)
		assert.False(t, ok, "%q", text)
		assert.Empty(t, got, "%q", text)
	}
}

func TestAMaskedPhoneNumberShowsItsEnds(t *testing.T) {
	for text, want := range map[string]wire.PhoneText{
		"2507****3456":            {Front: "2507", Back: "3456", Masked: true},
		"+250 (0)788 *** 456":     {Front: "250788", Back: "456", Masked: true, Foreign: true},
		"00250 788 xxx (4)56":     {Front: "250788", Back: "456", Masked: true, Foreign: true},
		"\u2022\u2022\u2022 0056": {Back: "0056", Masked: true},
		"0788**":                  {Front: "0788", Masked: true},
		"788123":                  {Front: "788123"},
	} {
		got, ok := wire.ReadPhone(text)
		assert.True(t, ok, "%q", text)
		assert.Equal(t, want, got, "%q", text)
		if want.Masked {
			_, ok = wire.Phone(text)
			assert.False(t, ok, "%q", text)
		}
	}
	for _, text := range []string{"07*88*456", "***+250788", "0788123456x5", "x5 0788123456", "0788123456 #5", "0788 ext 456"} {
		_, ok := wire.ReadPhone(text)
		assert.False(t, ok, "%q", text)
	}
}

func TestANumberHasACountryCodeOrNone(t *testing.T) {
	for text, want := range map[string][2]string{
		"+250788123456": {"250", "788123456"}, "250788123456": {"250", "788123456"}, "0788123456": {"", "788123456"}, "788123456": {"", "788123456"},
		"+15551234567": {"1", "5551234567"}, "15551234567": {"1", "5551234567"}, "5551234567": {"", "5551234567"}, "+442012345678": {"44", "2012345678"},
		"+2482512345": {"248", "2512345"}, "+25": {"25", ""}, "012345678901": {"", "12345678901"}, "+2250712345678": {"225", "712345678"}, "+250 0788123456": {"250", "788123456"},
	} {
		p, ok := wire.ReadPhone(text)
		assert.True(t, ok, text)
		code, national := p.Split()
		assert.Equal(t, want, [2]string{code, national}, text)
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
