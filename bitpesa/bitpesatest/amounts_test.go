package bitpesatest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
)

// balanceTo is a recipient of an internal balance: no details are needed.
func balanceTo(currency, amount, of string) string {
	return `{"requested_amount":` + amount + `,"requested_currency":"` + of + `","payout_method":{"type":"` + currency + `::Balance"}}`
}

func quote(input string, recipients ...string) string {
	return `{"transaction":{"input_currency":"` + input + `","recipients":[` + strings.Join(recipients, ",") + `]}}`
}

func TestAmountsAreRoundedAsTheCurrencyWantsIt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		currency, amount     string
		byExample, asWritten string
	}{
		{"USD", "10.999", "10.99", "10.99"},
		{"GHS", "1.019", "1.01", "1.01"},
		{"ZMW", "7.777", "7.77", "7.77"},
		{"JPY", "512.9", "512", "512"},
		{"KRW", "2012.9", "2012", "2012"},
		{"GNF", "9012.9", "9012", "9012"},
		{"KES", "6457.08", "6458", "6457"},
		{"NGN", "6457.08", "6458", "6457"},
		{"UGX", "6457.00", "6457", "6457"},
		{"TZS", "6457.01", "6458", "6457"},
		{"XOF", "100.9", "100", "105"},
		{"XOF", "101", "100", "105"},
		{"XOF", "102", "100", "105"},
		{"XAF", "103", "105", "105"},
		{"XAF", "104.99", "105", "105"},
		{"XAF", "105", "105", "105"},
		{"XAF", "106", "105", "110"},
		{"XOF", "107", "105", "110"},
		{"XOF", "108", "110", "110"},
		{"XOF", "109", "110", "110"},
		{"XOF", "110", "110", "110"},
		{"BTC", "0.123456789", "0.12345678", "0.12345678"},
	}
	_, byExample := start(t)
	_, asWritten := start(t, bitpesatest.Config{Quirks: bitpesatest.Quirks{Rounding: bitpesatest.RoundByText}})
	for _, tt := range tests {
		body := quote("EUR", balanceTo(tt.currency, tt.amount, tt.currency))
		wantMoney(t, tt.byExample, byExample.want(t, 200, "POST", "/transactions/calculate", body), "recipients.0.output_amount")
		wantMoney(t, tt.asWritten, asWritten.want(t, 200, "POST", "/transactions/calculate", body), "recipients.0.output_amount")
	}
}

func TestAmountsAreConvertedFromAnySide(t *testing.T) {
	t.Parallel()
	_, m := start(t, bitpesatest.Config{Rates: money("EUR", "0.8", "NGN", "1550", "KES", "130", "XTS", "4")})
	tests := map[string]struct {
		input, recipient          string
		in, out, rate, usd, third string
	}{
		"requested in the input":    {"USD", balanceTo("NGN", `"100"`, "USD"), "100", "155000", "1550", "100", ""},
		"requested in the output":   {"USD", balanceTo("NGN", "1", "NGN"), "0", "0", "", "", "invalid"}, // nothing left in USD
		"requested in the output 2": {"USD", balanceTo("NGN", "10000", "NGN"), "6.45", "10000", "1550", "6.45", ""},
		"requested in a third":      {"EUR", balanceTo("KES", "10.5", "USD"), "8.4", "1365", "162.5", "10.5", ""},
		"one currency":              {"NGN", balanceTo("NGN", "10000", "NGN"), "10000", "10000", "1", "6.45", ""},
		"a currency of the test's":  {"USD", balanceTo("XTS", "2", "USD"), "2", "8", "4", "2", ""},
		"input rounded up":          {"KES", balanceTo("USD", "1.01", "USD"), "132", "1.01", "0.0076923077", "1.01", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.third != "" {
				m.want(t, 422, "POST", "/transactions/calculate", quote(tt.input, tt.recipient))
				return
			}
			o := m.want(t, 200, "POST", "/transactions/calculate", quote(tt.input, tt.recipient))
			wantMoney(t, tt.in, o, "recipients.0.input_amount")
			wantMoney(t, tt.in, o, "input_amount")
			wantMoney(t, tt.in, o, "due_amount")
			wantMoney(t, "0", o, "paid_amount")
			wantMoney(t, tt.out, o, "recipients.0.output_amount")
			wantMoney(t, tt.rate, o, "recipients.0.exchange_rate")
			assert.Equal(t, tt.input, textAt(t, o, "recipients.0.input_currency"))
			if name != "input rounded up" {
				wantMoney(t, tt.usd, o, "recipients.0.input_usd_amount")
			}
		})
	}
	two := m.want(t, 200, "POST", "/transactions/calculate", quote("USD", balanceTo("NGN", `"100"`, "USD"), balanceTo("KES", `"0.5"`, "USD")))
	wantMoney(t, "100.5", two, "input_amount")
}

func TestAmountsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	for amount, word := range map[string]string{
		`""`: "blank", `null`: "blank", `"0"`: "invalid", `0`: "invalid", `-1`: "invalid", `"x"`: "invalid", `"1,000"`: "invalid",
		`"1e30"`: "invalid", `1e999999999`: "invalid", `1000000000000.01`: "invalid", `0.001`: "invalid", `true`: "invalid", `[]`: "blank", `[1]`: "invalid", `{"a":1}`: "invalid",
	} {
		o := m.want(t, 422, "POST", "/transactions/calculate", quote("USD", balanceTo("NGN", amount, "USD")))
		assert.Equal(t, word, textAt(t, o, "recipients.0.errors.requested_amount.0.error"), amount)
		assert.Equal(t, []string{"invalid"}, errorWords(t, o, "recipients"), amount)
	}
	for _, amount := range []string{`1`, `1.50`, `"2000.0"`, `1e2`, `1000000000000`} {
		m.want(t, 200, "POST", "/transactions/calculate", quote("USD", balanceTo("NGN", amount, "USD")))
	}
}
