package kasapay_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
)

func TestNoiseInFieldsThatDecideNothingCostsNoResponse(t *testing.T) {
	for _, field := range []string{
		"payment_reference", "wallet_account", "account_balance", "transaction_id", "transaction_time", "currency", "account_number",
		"destination", "destination_name", "description", "result_description", "message", "error", "error_code", "response_description",
	} {
		for _, value := range []string{"false", "true", "[]", "{}", `["x"]`, `{"_seconds":1}`, "null", `"1,200.00"`, "0.1234567890123456789"} {
			body := `{"payout_reference":"ms83-1","payment_status":700,"` + field + `":` + value + `}`
			client, _ := newClient(t, []step{answer(200, "\xef\xbb\xbf"+body)})
			payout, err := client.Payouts.Find(t.Context(), "ms83-1")
			require.NoError(t, err, body)
			assert.Equal(t, kasapay.StatusProcessed, payout.Status)
			assert.Equal(t, strings.TrimSpace(strings.TrimPrefix(body, "\ufeff")), strings.TrimSpace(string(payout.Raw)))
			posted, err := kasapay.ParseCallback([]byte("\xef\xbb\xbf" + body))
			require.NoError(t, err, body)
			assert.Equal(t, kasapay.StatusProcessed, posted.Status)

			body = strings.Replace(body, `"payment_status":700`, `"response_code":720`, 1)
			if field != "currency" && field != "account_number" && field != "destination" { // they are compared
				client, _ = newClient(t, []step{answer(200, body)})
				_, err = client.Payouts.Create(t.Context(), validPayout())
				require.NoError(t, err, body)
			}
		}
	}
}

func FuzzNoiseBesideWhatDecides(f *testing.F) {
	f.Add("currency", `{"a":1}`)
	f.Add("transaction_time", `[false]`)
	f.Fuzz(func(t *testing.T, field, value string) {
		switch strings.ToLower(field) {
		case "payout_reference", "payment_status":
			return
		}
		name, err := json.Marshal(field)
		if err != nil || !json.Valid([]byte(value)) || strings.EqualFold(strings.ToValidUTF8(field, ""), "payment_status") {
			return
		}
		body := `{` + string(name) + `:` + value + `,"payout_reference":"ms83-1","payment_status":700}`
		if _, err := kasapay.ParseCallback([]byte(body)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	})
}

func TestSecretsThatEndInWhiteSpaceAreRefusedAllAtOnce(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", " ", "\t", "\u00a0", "\u2028", "\x00"} {
		_, err := kasapay.New(kasapay.Config{ConsumerKey: "planted" + end, ConsumerSecret: "planted" + end})
		for _, field := range []string{"BaseURL", "ConsumerKey", "ConsumerSecret"} {
			assert.ErrorContains(t, err, "kasapay: "+field)
		}
		assert.NotContains(t, err.Error(), "planted")
	}
}
