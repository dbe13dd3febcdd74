package kotani

import (
	"encoding/hex"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// faults collects what is wrong with parameters, all of it at once. The zero
// value has found nothing.
type faults struct{ transport.Faults }

// segment checks a value that becomes part of a path.
func (f *faults) segment(field, value string) {
	if err := transport.CheckSegment(value); err != nil {
		f.Add(field, err.Error())
	}
}

// reference checks an external id, which a lookup puts into a path.
func (f *faults) reference(field, value string) {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == '\\' || r == '%' }
	if len(value) > 255 || strings.IndexFunc(value, odd) >= 0 {
		f.Add(field, "must be at most 255 printable ASCII characters without space, slash, backslash and percent sign")
	} else {
		f.segment(field, value)
	}
}

const (
	fiatDecimals   = 2  // FiatConnect specification
	cryptoDecimals = 18 // FiatConnect specification: the token's precision, usually 18
)

// amount checks an amount that goes out with so many decimals at most.
func (f *faults) amount(field string, amount decimal.Decimal, decimals int) {
	if fault := wire.AmountFault(amount, decimals); fault != "" {
		f.Add(field, fault)
	}
}

// plainText is an amount that goes out as text: "1300.5". The text of a huge
// exponent is long, so check the amount first.
type plainText decimal.Decimal

// MarshalJSON implements json.Marshaler.
func (a plainText) MarshalJSON() ([]byte, error) {
	return []byte(`"` + decimal.Decimal(a).String() + `"`), nil
}

// callback checks an optional callback URL, which must carry a scheme
// (documented).
func (f *faults) callback(field, value string) {
	if value != "" {
		f.RequireURL(field, value)
	}
}

// phone checks a phone number. See digits.
func (f *faults) phone(field, value string) {
	switch {
	case strings.TrimSpace(value) == "":
		f.Add(field, "is required")
	case !isPhone(value):
		f.Add(field, "must be 9 to 15 digits with the country code, as 254712345678")
	}
}

// phoneIn checks a phone number that must be one of the country a request names. The
// document knows Kenya and Ghana. For another country the client refuses their numbers
// alone. home is the partner's country, to which a number in national form belongs.
func (f *faults) phoneIn(field, value string, country, home Country) {
	f.phone(field, value)
	of, clear := countryOf(digits(value), home)
	if !clear || !isPhone(value) || country == "" {
		return
	}
	switch want := named(string(country)); {
	case want != "" && want != of:
		f.Add(field, "must be a phone number in "+want.name())
	case want == "" && of != "" && len(country) == 2: // a code of ISO 3166-1
		f.Add(field, "is a phone number in "+of.name()+" and not in "+string(country))
	}
}

// currencyIn checks that a country and a currency of Kenya and Ghana are not those of two
// countries. Other pairs pass: FiatConnect lets a provider offer them.
func (f *faults) currencyIn(field, currency string, country Country) {
	if of := countryOfCurrency(currency); of != "" && country.name() != "" && of != country {
		f.Add(field, "must be the currency of "+country.name())
	}
}

func countryOfCurrency(currency string) Country {
	switch currency {
	case "KES":
		return Kenya
	case "GHS":
		return Ghana
	}
	return ""
}

// countryOf is the country of a phone number in digits: Kenya, Ghana or another, "".
// It is not clear for a number in national form when the partner's country is not known.
func countryOf(number string, home Country) (country Country, clear bool) {
	switch {
	case len(number) < 10, number[0] == '0': // national, with or without its zero
		return home, home != ""
	case strings.HasPrefix(number, "254"):
		return Kenya, true
	case strings.HasPrefix(number, "233"):
		return Ghana, true
	}
	return "", true
}

// named reads a country as a login names it.
func named(code string) Country {
	switch strings.ToUpper(code) {
	case "KE", "KEN":
		return Kenya
	case "GH", "GHA":
		return Ghana
	}
	return ""
}

// name is that of a documented country, otherwise "".
func (c Country) name() string {
	switch c {
	case Kenya:
		return "Kenya"
	case Ghana:
		return "Ghana"
	}
	return ""
}

// anyPhone checks a phone number of a FiatConnect user, and returns it as it goes out: in
// E.164 form, or its digits where neither a plus sign nor two zeros stand in front.
func (f *faults) anyPhone(field, value string) string {
	f.phone(field, value)
	number, foreign, _ := wire.PhoneNumber(value)
	if foreign {
		return "+" + number
	}
	return number
}

// e164 checks a phone number with a country code, and returns it in E.164 form.
func (f *faults) e164(field, value string) string {
	number, foreign, ok := wire.PhoneNumber(value)
	switch {
	case strings.TrimSpace(value) == "":
		f.Add(field, "is required")
	case !ok || !foreign:
		f.Add(field, "must be in E.164 form, as +254712345678")
	}
	return "+" + number
}

// country checks a country code of two letters.
func (f *faults) country(field, value string) (ok bool) {
	if len(value) != 2 || strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		f.Add(field, "must be two capital letters (ISO 3166-1)")
		return false
	}
	return true
}

// address checks the form of an on-chain address of an EVM chain. The signer or
// the server checks its checksum (EIP-55): the standard library lacks the hash.
func (f *faults) address(field, value string) {
	if !isHex(value, 40) {
		f.Add(field, "must be 0x and 40 hex digits")
	}
}

// isHex reports whether text is 0x and n hex digits.
func isHex(text string, n int) bool {
	digits, ok := strings.CutPrefix(text, "0x")
	_, err := hex.DecodeString(digits)
	return ok && err == nil && len(digits) == n
}

func isPhone(value string) bool {
	_, ok := wire.Phone(value)
	return ok
}

// digits returns a phone number as it goes out: digits without a leading "+" or
// "00", and without what people write between them, as in the document's samples.
// Some samples are numbers; this package sends strings. A number in national form
// stays so: Kotani reads it for the partner's own country. A text that is no phone
// number stays as it is.
func digits(phone string) string {
	if number, ok := wire.Phone(phone); ok {
		return number
	}
	return phone
}

// isLine reports whether a text is one line of printable ASCII.
func isLine(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// isToken reports whether a text can stand in a header.
func isToken(text string) bool { return isLine(text) && !strings.Contains(text, " ") }
