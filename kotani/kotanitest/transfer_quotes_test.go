package kotanitest_test

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
)

func TestTransferQuoteRequests(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	w.http.Jar = nil // no session needed
	for _, way := range []string{"in", "out"} {
		good := w.ask("in")
		coins := w.ask("out")
		for _, tc := range []struct {
			body any
			code string
		}{
			{good, ""}, {coins, ""},
			{good.with("preview", true), ""}, {good.with("preview", false), ""}, {good.with("region", "KE-30"), ""},
			{good.with("address", strings.ToLower(alice)), "InvalidParameters"},
			{good.with("fiatAmount", "1300."), ""}, {good.with("fiatAmount", "1300.0000"), ""},
			{good.with("fiatType", nil), "InvalidParameters"},
			{good.with("cryptoType", nil), "InvalidParameters"},
			{good.with("country", nil), "InvalidParameters"},
			{good.with("address", nil), ""}, // as Kotani documents it
			{good.with("country", "GH"), "FiatNotSupported"}, {good.with("fiatType", "GHS"), "FiatNotSupported"},
			{good.with("fiatType", "GHS").with("country", "GH"), ""}, {good.with("fiatType", "USD"), ""},
			{good.with("fiatAmount", nil), "InvalidParameters"},
			{good.with("cryptoAmount", "10"), "InvalidParameters"},
			{good.with("fiatAmount", 1300), "InvalidParameters"},
			{good.with("fiatAmount", ".5"), "InvalidParameters"},
			{good.with("fiatAmount", "-5"), "InvalidParameters"},
			{good.with("fiatAmount", "1,300"), "InvalidParameters"},
			{good.with("fiatAmount", "1300.001"), "InvalidParameters"},
			{good.with("fiatAmount", strings.Repeat("9", 1001)), "InvalidParameters"},
			{good.with("fiatAmount", "Infinity"), "InvalidParameters"},
			{good.with("preview", "yes"), "InvalidParameters"},
			{good.with("country", "ke"), "InvalidParameters"},
			{good.with("country", "KEN"), "InvalidParameters"},
			{good.with("address", "alice"), "InvalidParameters"},
			{good.with("address", swapCase(alice)), "InvalidParameters"},
			{good.with("fiatType", 5), "InvalidParameters"},
			{"{", "InvalidParameters"}, {"[]", "InvalidParameters"},
			{good.with("country", "FR"), "GeoNotSupported"}, {good.with("country", "US"), "GeoNotSupported"},
			{good.with("fiatType", "MXN"), "FiatNotSupported"},
			{good.with("cryptoType", "CELO"), "CryptoNotSupported"},
			{good.with("fiatAmount", "129.99"), "FiatAmountTooLow"},
			{good.with("fiatAmount", "0"), "FiatAmountTooLow"},
			{good.with("fiatAmount", "130"), ""},
			{good.with("fiatAmount", "1300000"), ""},
			{good.with("fiatAmount", "1300000.01"), "FiatAmountTooHigh"},
			{good.with("fiatAmount", "1.79e+308"), "FiatAmountTooHigh"},
			{good.with("fiatAmount", strings.Repeat("9", 400)), "FiatAmountTooHigh"},
			{coins.with("cryptoAmount", "0.999999999999999999"), "CryptoAmountTooLow"},
			{coins.with("cryptoAmount", "1"), ""},
			{coins.with("cryptoAmount", "10000"), ""},
			{coins.with("cryptoAmount", "10000.000000000000000001"), "CryptoAmountTooHigh"},
			{coins.with("cryptoAmount", "1.79e+308"), "CryptoAmountTooHigh"},
			{coins.with("cryptoAmount", "1E21"), "CryptoAmountTooHigh"},
			{coins.with("cryptoAmount", "1e2147483648"), "CryptoAmountTooHigh"},
			{coins.with("cryptoAmount", "1e-7"), "CryptoAmountTooLow"},
		} {
			status, response := w.post("/quote/"+way, tc.body)
			want := 200
			if tc.code != "" {
				want = 400
			}
			assert.Equal(t, want, status, "%v %v", tc.body, response)
			if tc.code != "" {
				assert.Equal(t, tc.code, response["error"], "%v", tc.body)
			}
		}
	}
}

func TestTransferQuoteLimitsAreTold(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	_, response := w.post("/quote/in", w.ask("in").with("fiatAmount", "1"))
	assert.Equal(t, object{
		"error": "FiatAmountTooLow", "minimumFiatAmount": "130", "maximumFiatAmount": "1300000",
		"minimumCryptoAmount": "1", "maximumCryptoAmount": "10000",
	}, response)
	ask := w.ask("out").with("cryptoType", "cEUR")
	_, response = w.post("/quote/out", ask.with("cryptoAmount", "0"))
	for _, name := range []string{"minimumCryptoAmount", "maximumCryptoAmount"} {
		limit, _ := response[name].(string)
		status, got := w.post("/quote/out", ask.with("cryptoAmount", limit))
		w.want(200, "", status, got) // the bound itself is inside
	}
}

func TestTransferQuotePrices(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	for _, tc := range []struct{ way, field, amount, fiat, coins, fee string }{
		{"in", "fiatAmount", "1300", "1300", "9.9", "13"},
		{"in", "cryptoAmount", "9.9", "1300", "9.9", "13"},
		{"in", "cryptoAmount", "10", "1313.14", "10", "13.13"},
		{"out", "cryptoAmount", "10", "1287", "10", "0.1"},
		{"out", "fiatAmount", "1287", "1287", "10", "0.1"},
		{"out", "fiatAmount", "1000", "1000", "7.770007770007770008", "0.077700077700077700"},
	} {
		ask := w.ask("in").with("fiatAmount", nil).with(tc.field, tc.amount)
		_, response := w.post("/quote/"+tc.way, ask)
		q, ok := response["quote"].(map[string]any)
		require.True(t, ok, "%v", response)
		for name, want := range map[string]string{"fiatAmount": tc.fiat, "cryptoAmount": tc.coins, "fee": tc.fee} {
			got, err := decimal.NewFromString(q[name].(string))
			require.NoError(t, err)
			faketest.WantMoney(t, want, got)
		}
		assert.Equal(t, "PlatformFee", q["feeType"])
		assert.Equal(t, "OneTime", q["feeFrequency"])
	}
	free := newWallet(t, kotanitest.FiatConnectConfig{Quirks: kotanitest.FiatConnectQuirks{FeePercent: decimal.NewFromInt(-1)}})
	_, response := free.post("/quote/in", free.ask("in"))
	q := response["quote"].(map[string]any)
	assert.Equal(t, "10", q["cryptoAmount"])
	assert.NotContains(t, q, "fee")
}

func TestPreviewIsAQuoteWithoutID(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	_, real := w.post("/quote/in", w.ask("in").with("preview", false))
	_, preview := w.post("/quote/in", w.ask("in").with("preview", true))
	q := real["quote"].(map[string]any)
	assert.NotEmpty(t, q["quoteId"])
	delete(q, "quoteId")
	assert.Equal(t, real, preview)
	assert.Equal(t, "2026-04-03T09:15:00.000Z", q["guaranteedUntil"])
	assert.Equal(t, "TransferIn", q["transferType"])
}

func TestQuoteOffersSchemas(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		way     string
		cfg     kotanitest.FiatConnectConfig
		actions bool
	}{
		{"in", kotanitest.FiatConnectConfig{}, true},
		{"in", kotanitest.FiatConnectConfig{ProviderInitiated: true, KYCNotRequired: true}, false},
		{"out", kotanitest.FiatConnectConfig{}, false},
	} {
		w := newWallet(t, tc.cfg)
		_, response := w.post("/quote/"+tc.way, w.ask(tc.way))
		kyc := response["kyc"].(map[string]any)
		assert.Equal(t, !tc.cfg.KYCNotRequired, kyc["kycRequired"])
		assert.Equal(t, tc.cfg.KYCNotRequired, len(kyc["kycSchemas"].([]any)) == 0, "a list, always")
		count := 0
		for kind, offer := range response["fiatAccount"].(map[string]any) {
			assert.Contains(t, []string{"BankAccount", "MobileMoney", "DuniaWallet"}, kind)
			for _, s := range offer.(map[string]any)["fiatAccountSchemas"].([]any) {
				count++
				assert.Equal(t, tc.actions, s.(map[string]any)["userActionType"] != nil)
				assert.Contains(t, s, "allowedValues")
			}
		}
		assert.Equal(t, 6, count)
	}
}

// A quote without an address is anybody's. The specification knows none.
func TestStrictQuotesNeedAnAddress(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{StrictQuotes: true})
	status, response := w.post("/quote/in", w.ask("in").with("address", nil))
	w.want(400, "InvalidParameters", status, response)
	w = newWallet(t, kotanitest.FiatConnectConfig{})
	body := w.ready("in", mobile)
	_, made := w.post("/quote/in", w.ask("in").with("address", nil))
	quote := made["quote"].(map[string]any)["quoteId"]
	status, response = w.transfer("in", "1", body.with("quoteId", quote))
	w.want(200, "", status, response)
}

// The official validation suite can be set up with each of these quotes.
func TestTheQuotesOfTheOfficialSuiteAreGiven(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{StrictQuotes: true})
	for _, q := range []struct{ crypto, fiat, amount, country string }{
		{"cREAL", "BRL", "20", "BR"}, {"cUSD", "KES", "2900", "KE"}, {"cUSD", "NGN", "15120", "NG"},
		{"cUSD", "XOF", "12070", "CI"}, {"cEUR", "EUR", "20", "AT"},
	} {
		body := object{"cryptoType": q.crypto, "fiatType": q.fiat, "country": q.country, "address": alice}
		for name, amount := range map[string]string{"fiatAmount": q.amount, "cryptoAmount": "20"} {
			for _, way := range []string{"in", "out"} {
				status, response := w.post("/quote/"+way, body.with(name, amount))
				assert.Equal(t, 200, status, "%v %s %v", q, way, response)
			}
		}
	}
}
