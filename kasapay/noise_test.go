package kasapay_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestNoiseInFieldsThatDecideNothingCostsNoResponse(t *testing.T) {
	for _, field := range []string{
		"payment_reference", "wallet_account", "account_balance", "transaction_id", "transaction_time", "currency", "account_number",
		"destination", "destination_name", "description", "result_description", "message", "error", "error_code", "response_description",
	} {
		for _, value := range []string{"false", "true", "[]", "{}", `["x"]`, `{"_seconds":1}`, "null", `"1,200.00"`, "0.1234567890123456789"} {
			body := `{"payout_reference":"ms83-1","payment_status":700,"` + field + `":` + value + `}`
			client, _ := newClient(t, []step{respond(200, "\xef\xbb\xbf"+body)})
			payout, err := client.Payouts.Find(t.Context(), "ms83-1")
			require.NoError(t, err, body)
			assert.Equal(t, kasapay.StatusProcessed, payout.Status)
			assert.Equal(t, strings.TrimSpace(strings.TrimPrefix(body, "\ufeff")), strings.TrimSpace(string(payout.Raw)))
			posted, err := kasapay.ParseCallback([]byte("\xef\xbb\xbf" + body))
			require.NoError(t, err, body)
			assert.Equal(t, kasapay.StatusProcessed, posted.Status)

			body = strings.Replace(body, `"payment_status":700`, `"response_code":720`, 1)
			compared := field == "currency" || field == "account_number" || field == "destination"
			if !compared && field != "error" && field != "error_code" { // they contradict an acceptance
				client, _ = newClient(t, []step{respond(200, body)})
				_, err = client.Payouts.Create(t.Context(), validPayout())
				require.NoError(t, err, body)
			}
		}
	}
}

func TestDatesAndDecimalsThatCannotBeReadAreAbsent(t *testing.T) {
	shown := clienttest.Shown{Good: `{"payout_reference":"ms83-1","payment_status":700,%s}`, Dates: []string{"transaction_time"}, Decimals: []string{"account_balance"}}
	looked, posted := shown, shown
	looked.Read = func(t *testing.T, body string) any {
		client, _ := newClient(t, []step{respond(200, body)})
		payout, err := client.Payouts.Find(t.Context(), "ms83-1")
		require.NoError(t, err, body)
		assert.Equal(t, body, string(payout.Raw))
		return *payout
	}
	posted.Read = func(t *testing.T, body string) any {
		payout, err := kasapay.ParseCallback([]byte(body))
		require.NoError(t, err, body)
		return payout
	}
	clienttest.CheckAbsence(t, map[string]clienttest.Shown{"looked up": looked, "posted": posted})
	payout := posted.Read(t, `{"payout_reference":"ms83-1","payment_status":700,"transaction_time":"2023-03-02T05:17:36.802Z","account_balance":"-5"}`).(kasapay.Payout)
	assert.Equal(t, time.Date(2023, 3, 2, 5, 17, 36, 802_000_000, time.UTC), payout.Time)
	assert.Equal(t, "-5", payout.FloatBalance.Decimal.String())
}

// An amount that both sides show is compared. What cannot be read tells nothing.
func TestAmountsThatCannotBeReadSettleNoPayout(t *testing.T) {
	for _, value := range []string{`"1,200.00"`, `"100,00"`, `"NaN"`, `"100.00 KES"`, `"+100"`, `{}`, `[]`, `true`, `"KES 100"`, `"one hundred"`, `{"value":100}`} {
		synctest.Test(t, func(t *testing.T) {
			duplicate := respond(200, `{"response_code":721,"error_code":"DUPLICATE_REFERENCE"}`)
			client, _ := newClient(t, []step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":`+value+`}`)})
			_, err := client.Payouts.Create(t.Context(), validPayout())
			assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, value)
			assert.NotErrorIs(t, err, sdk.ErrReferenceTaken, value)
		})
	}
}

// decoders read each thing that Kasapay sends. good has what decides; %s is one field
// more.
var decoders = []struct {
	good     string
	deciding []string
	read     func(t *testing.T, body string) error
}{
	{`{"payout_reference":"ms83-1","payment_status":700,%s}`, []string{"payout_reference", "payment_status"}, func(_ *testing.T, body string) error {
		_, err := kasapay.ParseCallback([]byte(body))
		return err
	}},
	{`{"payout_reference":"ms83-1","payment_status":700,%s}`, []string{"payout_reference", "payment_status", "response_code", "statuscode"}, func(t *testing.T, body string) error {
		client, _ := newClient(t, []step{respond(200, body)})
		_, err := client.Payouts.Find(t.Context(), "ms83-1")
		return err
	}},
	{`{"payout_reference":"g-1","payment_status":700,%s}`, []string{"payout_reference", "payment_status", "response_code", "statuscode"}, func(t *testing.T, body string) error {
		client, _ := newClient(t, []step{respond(200, body)})
		_, err := client.Payouts.Get(t.Context(), "g-1")
		return err
	}},
	{`{"payout_reference":"ms83-1","response_code":720,%s}`, []string{ // and what is compared
		"payout_reference", "payment_status", "response_code", "statuscode", "amount", "currency", "account_number", "destination",
	}, func(t *testing.T, body string) error {
		client, _ := newClient(t, []step{respond(200, body)})
		_, err := client.Payouts.Create(t.Context(), validPayout())
		return err
	}},
	{`{"access_token":"t-1",%s}`, []string{"access_token", "statuscode", "response_code", "error", "message"}, func(t *testing.T, body string) error {
		s := clienttest.NewScript(respond(200, body), respond(200, `{"payout_reference":"ms83-1","payment_status":700}`))
		client, err := kasapay.New(kasapay.Config{
			BaseURL: kasapay.SandboxURL, ConsumerKey: "key-1", ConsumerSecret: planted, ServiceCode: "12346", Options: sdk.Options{HTTPClient: &http.Client{Transport: s}},
		})
		if err == nil {
			_, err = client.Payouts.Find(t.Context(), "ms83-1")
		}
		return err
	}},
}

func FuzzNoiseBesideWhatDecides(f *testing.F) {
	for i := range decoders {
		f.Add(uint8(i), "expiresIn", `"3600s"`)
		f.Add(uint8(i), "payment_reference", `false`)
		f.Add(uint8(i), "transaction_time", `[false]`)
		f.Add(uint8(i), "Payout_Reference", `{}`)
		f.Add(uint8(i), "payment_\u017ftatus", `701`)
		f.Add(uint8(i), "Response_Code", `721`)
	}
	f.Fuzz(func(t *testing.T, which uint8, field, value string) {
		decoder := decoders[int(which)%len(decoders)]
		if slices.Contains(decoder.deciding, field) {
			return
		}
		name, err := json.Marshal(field)
		if err != nil || !json.Valid([]byte(value)) {
			return
		}
		body := strings.Replace(decoder.good, "%s", string(name)+`:`+value, 1)
		if err := decoder.read(t, body); err != nil {
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

// Keys are compared exactly: a key in another case is another key. Of a key that stands
// twice the last one counts.
func TestKeysInAnotherCaseDecideNothing(t *testing.T) {
	for _, side := range []string{`"Payout_Reference":{}`, `"PAYMENT_STATUS":[]`, `"Payment_Status":701`, `"payment_ſtatus":701`, `"Response_Code":721`, `"Access_Token":""`} {
		for _, decoder := range decoders {
			body := strings.Replace(decoder.good, "%s", side, 1)
			assert.NoError(t, decoder.read(t, body), body)
		}
	}
}
