package wire_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

func TestParseDecimalTakesJSONNumbersWithinBounds(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "7": "7", "-7": "-7", "1200.50": "1200.5", "0.01": "0.01", "-0.01": "-0.01",
		"1e5": "100000", "1E5": "100000", "1e+05": "100000", "1e-05": "0.00001", "1.5e3": "1500", "12e-1": "1.2", "0e5": "0",
		"1e18": "1000000000000000000", "1e-18": "0.000000000000000001", "1e0000000018": "1000000000000000000",
		"999999999999999999":                       "999999999999999999",
		"9223372036854775807":                      "9223372036854775807",
		"9223372036854775808":                      "9223372036854775808",
		"18446744073709551616":                     "18446744073709551616",
		"10000000000000001":                        "10000000000000001", // where a float64 would round
		"0.1234567890":                             "0.123456789",
		"123456789012345678.90":                    "123456789012345678.9",
		"0.123456789012345678":                     "0.123456789012345678",
		"-123456789012345678901.12345678":          "-123456789012345678901.12345678",
		"1234567890123456789012345678901234567890": "1234567890123456789012345678901234567890",
	} {
		got, err := wire.ParseDecimal(text)
		require.NoError(t, err, text)
		assert.True(t, got.Equal(decimal.RequireFromString(want)), "%s is not %s", text, got)
	}
}

func TestParseDecimalRefuses(t *testing.T) {
	const form, bounds = "not a decimal number", "decimal number out of bounds"
	for text, want := range map[string]string{
		"": form, "-": form, "+1": form, "--1": form, "\u22121": form, ".5": form, "5.": form, "-.5": form, "01": form, "-01": form, "00": form,
		"1,5": form, "1 000": form, " 1": form, "1 ": form, "1_000": form, "0x1F": form, "1e": form, "1e+": form, "e5": form,
		"1e5.5": form, "1.2.3": form, "1e5e5": form, "NaN": form, "Infinity": form, "-Inf": form, "nil": form, "١": form, "1\x00": form, "1\n": form,
		"1e19": bounds, "1e-19": bounds, "1e2147483647": bounds, "1e-2147483648": bounds, "1e99999999999999999999": bounds,
		"0.1234567890123456789": bounds, strings.Repeat("9", 41): bounds, "0." + strings.Repeat("0", 39): bounds,
	} {
		got, err := wire.ParseDecimal(text)
		assert.EqualError(t, err, want, "%q", text)
		assert.True(t, got.IsZero(), "%q", text)
	}
}

func TestDecimalDecodesWhatProvidersSend(t *testing.T) {
	for text, want := range map[string]string{
		`1200.50`: "1200.5", `"1200.50"`: "1200.5", `" 1200.50\t"`: "1200.5", `"12\u00300"`: "1200", `-3`: "-3", `"1e3"`: "1000",
	} {
		var d wire.Decimal
		require.NoError(t, json.Unmarshal([]byte(text), &d), text)
		assert.True(t, d.Valid, text)
		assert.True(t, d.Null().Valid && d.Null().Decimal.Equal(decimal.RequireFromString(want)), text)
	}
	for _, text := range []string{`null`, `""`, `"  "`} {
		d := wire.Decimal{Decimal: decimal.NewFromInt(9), Valid: true}
		require.NoError(t, json.Unmarshal([]byte(text), &d), text)
		assert.Equal(t, decimal.NullDecimal{}, d.Null(), "an absent amount is not the one before")
	}
	for _, text := range []string{`true`, `[1]`, `{}`, `"1,5"`, `"SECRET"`, `1e99`, `"+1"`, `".5"`} {
		d := wire.Decimal{Decimal: decimal.NewFromInt(9), Valid: true}
		err := json.Unmarshal([]byte(text), &d)
		assert.Error(t, err, text)
		assert.False(t, d.Valid, text)
		assert.NotContains(t, err.Error(), "SECRET")
	}
}

func TestEncodersWriteOneForm(t *testing.T) {
	d := decimal.RequireFromString
	const bounds, fraction, whole = "decimal number out of bounds", "more than two decimals", "not a whole number"
	for _, row := range []struct {
		value decimal.Decimal
		want  [3]string // Number, Fixed2, Integer; an error if it is no JSON
	}{
		{d("1200.50"), [3]string{"1200.5", `"1200.50"`, whole}},
		{d("1200.00"), [3]string{"1200", `"1200.00"`, "1200"}},
		{d("1e3"), [3]string{"1000", `"1000.00"`, "1000"}},
		{d("0"), [3]string{"0", `"0.00"`, "0"}},
		{decimal.Decimal{}, [3]string{"0", `"0.00"`, "0"}},
		{d("-7"), [3]string{"-7", `"-7.00"`, "-7"}},
		{d("0.001"), [3]string{"0.001", fraction, whole}},
		{d("1.005"), [3]string{"1.005", fraction, whole}},
		{d("1.000"), [3]string{"1", `"1.00"`, "1"}},
		{d("10000000000000001"), [3]string{"10000000000000001", `"10000000000000001.00"`, "10000000000000001"}},
		{d("9223372036854775808"), [3]string{"9223372036854775808", `"9223372036854775808.00"`, "9223372036854775808"}},
		{decimal.New(1, 18), [3]string{"1000000000000000000", `"1000000000000000000.00"`, "1000000000000000000"}},
		{decimal.New(1, 19), [3]string{bounds, bounds, bounds}},
		{decimal.New(1, 2147483647), [3]string{bounds, bounds, bounds}},
		{decimal.New(1, -37), [3]string{bounds, bounds, bounds}},
		{decimal.New(1, -2147483648), [3]string{bounds, bounds, bounds}},
		{d(strings.Repeat("9", 41)), [3]string{bounds, bounds, bounds}},
	} {
		for i, encoder := range []json.Marshaler{wire.Number(row.value), wire.Fixed2(row.value), wire.Integer(row.value)} {
			got, err := encoder.MarshalJSON()
			if strings.ContainsAny(row.want[i], " ") {
				assert.EqualError(t, err, row.want[i])
				continue
			}
			assert.NoError(t, err)
			assert.Equal(t, row.want[i], string(got))
			assert.True(t, json.Valid(got))
		}
	}
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// FuzzParseDecimal holds the parser against the library's own: what it accepts
// is a JSON number and has the same value, and survives being written.
func FuzzParseDecimal(f *testing.F) {
	for _, seed := range []string{
		"0", "-0", "1200.50", "1e5", "1E-05", "1e+18", "1e19", "-12345678901234567890.5", "0.123456789012345678", "0.1234567890123456789",
		"999999999999999999", "1000000000000000000", "01", ".5", "5.", "+1", "\u22121", "1_0", "0x1", "NaN", "Infinity", "1e2147483647", "", "1e1e1", "١",
		"1234567890123456789012345678901234567e18", "0.000000000000000001e-18", "12345678901234567890123456789012345678901",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := wire.ParseDecimal(text)
		if err != nil {
			if strings.Contains(err.Error(), text) && len(text) > 3 {
				t.Errorf("the error echoes %q", text)
			}
			if len(text) <= 15 && jsonNumber.MatchString(text) && !strings.ContainsAny(text, "eE") {
				t.Errorf("refused %q", text)
			}
			return
		}
		if len(text) > 40 || !jsonNumber.MatchString(text) || !json.Valid([]byte(text)) {
			t.Fatalf("accepted %q", text)
		}
		want, err := decimal.NewFromString(text)
		if err != nil || !got.Equal(want) {
			t.Fatalf("%q is %s, not %s (%v)", text, got, want, err)
		}
		if got.Exponent() < -36 || got.Exponent() > 18 || len(got.String()) > 80 {
			t.Fatalf("%q is out of bounds", text)
		}
		written, err := wire.Number(got).MarshalJSON()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if back := decimal.RequireFromString(string(written)); !back.Equal(got) {
			t.Fatalf("%q was written as %s", text, written)
		}
	})
}
