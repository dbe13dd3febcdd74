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

// amount checks an amount that goes out with so many decimals at most.
func (f *faults) amount(field string, amount decimal.Decimal, decimals int) {
	if fault := wire.AmountFault(amount, decimals); fault != "" {
		f.Add(field, fault)
	}
}

const (
	fiatDecimals   = 2  // FiatConnect specification
	cryptoDecimals = 18 // FiatConnect specification: that of the token, usually 18
)

// plainText is an amount that goes out as text: "1300.5". It is written when the
// request is, after the amount was checked.
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
		f.Add(field, "must be 7 to 15 digits with the country code, as 254712345678")
	}
}

// address checks the form of an on-chain address of an EVM chain. Its checksum
// (EIP-55) needs a hash which the standard library does not have; the signer or
// the server checks that.
func (f *faults) address(field, value string) {
	if !isHex(value, 40) {
		f.Add(field, "must be 0x and 40 hex digits")
	}
}

// reference checks an external id, which the status lookup puts into a path.
func (f *faults) reference(field, value string) {
	if len(value) > 255 || strings.IndexFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 || strings.ContainsAny(value, `/\%`) {
		f.Add(field, "must be at most 255 printable ASCII characters without space, slash, backslash and percent sign")
	} else if err := transport.CheckSegment(value); err != nil {
		f.Add(field, err.Error())
	}
}

// isHex reports whether text is 0x and n hex digits.
func isHex(text string, n int) bool {
	digits, ok := strings.CutPrefix(text, "0x")
	_, err := hex.DecodeString(digits)
	return ok && err == nil && len(digits) == n
}

func isPhone(value string) bool {
	number := digits(value)
	return len(number) >= 7 && len(number) <= 15 && strings.Trim(number, "0123456789") == ""
}

// digits returns a phone number as it goes out: digits without a leading "+"
// (the document's samples; that they are sent as a string is our choice, since
// some of its defaults are bare numbers).
func digits(phone string) string { return strings.TrimPrefix(phone, "+") }
