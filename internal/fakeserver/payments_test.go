package fakeserver

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// collector is a foreign client of KPay: it sends what it likes with curl's means.
type collector struct {
	t                  *testing.T
	url, admin         string
	username, password string
	method             string
}

func newCollector(t *testing.T, config string, args ...string) collector {
	t.Helper()
	if config != "" {
		args = append(args, "-config", configFile(t, config))
	}
	greeting, _ := start(t, append(args, "-clock", "manual")...)
	return collector{t: t, url: text(t, greeting, "kpay"), admin: text(t, greeting, "admin"), username: "test-user", password: "test-pass", method: http.MethodPost}
}

func (c collector) send(path, body string) (int, map[string]any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), c.method, c.url+path, strings.NewReader(body))
	require.NoError(c.t, err)
	req.SetBasicAuth(c.username, c.password)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	var response map[string]any
	require.NoError(c.t, json.Unmarshal(read, &response), string(read))
	return resp.StatusCode, response
}

// pay sends the document's request with changes; nil leaves a field out.
func (c collector) pay(changes map[string]any) map[string]any {
	c.t.Helper()
	order := map[string]any{
		"msisdn": "0783300000", "details": "Order #123", "refid": "15947234071471114", "amount": 4200, "currency": "RWF", "email": "customer@example.com",
		"cname": "John Doe", "cnumber": "123456789", "pmethod": "momo", "retailerid": "02", "returl": "http://127.0.0.1:1/paymentack",
		"redirecturl": "http://127.0.0.1:1/payment-success", "bankid": "63510",
	}
	maps.Copy(order, changes)
	maps.DeleteFunc(order, func(_ string, value any) bool { return value == nil })
	body, err := json.Marshal(order)
	require.NoError(c.t, err)
	status, response := c.send("/", string(body))
	assert.Equal(c.t, http.StatusOK, status)
	return response
}

func TestKPaysPrintedCurlIsAnsweredOverHTTP(t *testing.T) {
	c := newCollector(t, "")
	c.method = http.MethodGet
	status, response := c.send("/api/", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, 603.0, response["retcode"], "the credentials are good")
	c.password = "other"
	_, response = c.send("/api/", "")
	assert.Equal(t, 600.0, response["retcode"])
}

func TestAKPayRequestWithoutBankIDIsTakenOverHTTPUnlessAFileSaysOtherwise(t *testing.T) {
	assert.Equal(t, "PENDING", newCollector(t, "").pay(map[string]any{"bankid": nil})["reply"])
	strict := newCollector(t, `{"kpay":{"quirks":{"bank_id_optional":false}}}`)
	assert.Equal(t, "Missing required parameters: bankid", strict.pay(map[string]any{"bankid": nil})["reply"])
}

func TestKPayRefusesOverHTTPWhatCannotBe(t *testing.T) {
	c := newCollector(t, "")
	for _, tc := range []struct {
		changes map[string]any
		code    float64
		reply   string
	}{
		{map[string]any{"amount": 4200.5}, 603, "Unusable parameters: amount is not a whole number"},
		{map[string]any{"amount": "12.75"}, 603, "Unusable parameters: amount is not a whole number"},
		{map[string]any{"msisdn": "call me"}, 603, "Unusable parameters: msisdn is not a phone number"},
		{map[string]any{"email": "customer"}, 603, "Unusable parameters: email is not an e-mail address"},
		{map[string]any{"returl": "paymentack"}, 603, "Unusable parameters: returl is not a URL"},
		{map[string]any{"redirecturl": "javascript:alert(1)"}, 603, "Unusable parameters: redirecturl is not a URL"},
		{map[string]any{"bankid": "63514"}, 610, "Unknown or disabled institution: bankid, pmethod and msisdn do not go together"},
		{map[string]any{"pmethod": "cc"}, 610, "Unknown or disabled institution: bankid, pmethod and msisdn do not go together"},
		{map[string]any{"msisdn": "0723300000"}, 610, "Unknown or disabled institution: bankid, pmethod and msisdn do not go together"},
	} {
		response := c.pay(tc.changes)
		assert.Equal(t, tc.code, response["retcode"], tc.changes)
		assert.Equal(t, tc.reply, response["reply"], tc.changes)
	}
	assert.Equal(t, "PENDING", c.pay(nil)["reply"], "the document's own request")
}

func TestKPaysSwitchesStandInAFile(t *testing.T) {
	listed := newCollector(t, `{"kpay":{"quirks":{"allowed_ips":["10.0.0.0/8","192.0.2.9/32"]}}}`)
	assert.Equal(t, 602.0, listed.pay(nil)["retcode"])
	listed = newCollector(t, `{"kpay":{"quirks":{"allowed_ips":["127.0.0.0/8"]}}}`)
	assert.Equal(t, "PENDING", listed.pay(nil)["reply"])

	plain := newCollector(t, `{"kpay":{"quirks":{"require_https":true}}}`)
	assert.Equal(t, 500.0, plain.pay(nil)["retcode"])

	other := newCollector(t, `{"kpay":{
		"username":"me","password":"mine","api_key":"k","retailers":[{"id":"61","name":"Shop"}],"scenario":"failed","settle_after":"1m","lookup_lag":"5s","callback_retries":[],
		"quirks":{"refused_ref_id_reusable":true,"postback_format":"form","omit_pay_account":true,"other_tid":true,"http401":true,"minimal_errors":true,"blank_url":true,
			"numbers_as_strings":true,"strings_as_numbers":true,"success_as_bool":true,"pad_values":true,"bank_id_optional":true}}}`)
	status, response := other.send("/", "{}")
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Equal(t, map[string]any{"reply": " Missing authentication header ", "retcode": "401"}, response, "the key is missing")
}

func TestKasapaysSwitchesStandInAFile(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual", "-config", configFile(t, `{"kasapay":{
		"consumer_key":"me","consumer_secret":"mine","token_lifetime":"6000s","service_codes":["PREPAY240"],"float":{"KES":"500.00"},"bank_name":"Benki Ltd",
		"unreachable_hosts":["down.example"],"scenario":"failed","settle_after":"1m","refuse_beyond_float":true,"mint_references":true,"pending_callbacks":true,"callback_retries":["1s"],
		"quirks":{"any_method":true,"refund_failed":true,"any_success_acknowledges":true,"created_status":true,"refusal_status":200,"duplicate_status":409,"token_status":403,
			"not_found_status":400,"snake_case_expiry":true,"omit_expiry":false,"numbers_as_strings":true,"amounts_as_numbers":true,"nulls":true,"omit_optional":false,
			"extra_keys":true,"destination_as_requested":true,"mask_account_numbers":true}}}`))
	client, err := kasapay.New(kasapay.Config{BaseURL: text(t, greeting, "kasapay"), ConsumerKey: "me", ConsumerSecret: "mine", ServiceCode: "PREPAY240", AnyMethod: true})
	require.NoError(t, err)
	p := kasapay.CreatePayoutParams{
		Reference: "flour-7", RecipientType: kasapay.BankAccount, RecipientAccountNumber: "0829212345849", RecipientName: "Unga Mills", AccountReference: "666666",
		Amount: decimal.NewFromInt(100), Currency: "KES", Country: "KEN", Description: "Flour", Method: kasapay.MethodMpesaB2B, CallbackURL: "http://127.0.0.1:1/result",
	}
	created, err := client.Payouts.Create(t.Context(), p)
	require.NoError(t, err)
	assert.NotEqual(t, "flour-7", created.GatewayReference)
	admin := text(t, greeting, "admin")
	status, _ := ask(t, "POST", admin+"/clock/advance", `{"seconds":60}`)
	require.Equal(t, http.StatusOK, status)
	payout, err := client.Payouts.Find(t.Context(), "flour-7")
	require.NoError(t, err)
	assert.Equal(t, kasapay.StatusFailed, payout.Status)
	assert.Empty(t, payout.DestinationName, "nulls")
	assert.Equal(t, "08292*****849", payout.AccountNumber)
	status, _ = ask(t, "POST", admin+"/kasapay/payouts/flour-7/settle", `{"payment_status":705}`)
	assert.Equal(t, http.StatusOK, status)

	p.Reference, p.CallbackURL = "flour-8", "https://down.example/result"
	_, err = client.Payouts.Create(t.Context(), p)
	assert.ErrorIs(t, err, sdk.ErrRejected)
	p.Reference, p.CallbackURL, p.Amount = "flour-9", "http://127.0.0.1:1/result", decimal.NewFromInt(501)
	_, err = client.Payouts.Create(t.Context(), p)
	assert.ErrorIs(t, err, sdk.ErrInsufficientFunds)
}

func TestKasapayRefusesOverHTTPWhatTheDocumentForbids(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	base := text(t, greeting, "kasapay")
	status, body := ask(t, "POST", base+"/v1/auth", `{"consumer_key":"test-key","consumer_secret":"test-secret"}`)
	require.Equal(t, http.StatusOK, status)
	var login struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &login))
	for i, tc := range []struct{ change, says string }{
		{`"payment_method":"BANK"`, "payment_method must be one of the following values: MPESA_B2B"},
		{`"recipient_type":"BANK_ACCOUNT_NUMBER"`, "payment_method must be one of the following values: BANK"},
		{`"recipient_type":"MOBILE"`, "recipient_type must be one of the following values"},
		{`"currency_code":"KSH"`, "currency_code must be an ISO 4217 code"},
		{`"country_code":"XKX"`, "country_code must be an ISO 3166-1 alpha-3 code"},
		{`"callback_url":"https://shop.invalid/result"`, "Unreachable callback_url"},
		{`"payout_reference":"new"`, "accepted for processing"},
	} {
		order := fmt.Sprintf(`{"payout_reference":"bad-%d","service_code":"12346","payment_account_reference":"0101","recipient_name":"Test Limited","recipient_type":"PAYBILL",`+
			`"recipient_account_number":"5656","amount":"10","payment_description":"Test","payment_method":"MPESA_B2B","currency_code":"KES","country_code":"KEN",`+
			`"callback_url":"http://127.0.0.1:1/result",%s}`, i, tc.change)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/payouts/b2b/initiate", strings.NewReader(order))
		require.NoError(t, err)
		req.Header.Set("X-Access-Token", login.Token)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		read, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Contains(t, string(read), tc.says, tc.change)
	}
}

func TestAKPayClientPaysOnTheStandaloneServer(t *testing.T) {
	c := newCollector(t, "")
	client, err := kpay.New(kpay.Config{BaseURL: c.url, Username: c.username, Password: c.password, RetailerID: "02"})
	require.NoError(t, err)
	p := kpay.PayParams{
		RefID: "order-1", Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "+250 783 300 000", Email: "customer@example.com", CustomerName: "John Doe",
		CustomerNumber: "1", Details: "Order", ReturnURL: "http://127.0.0.1:1/kpay", RedirectURL: "http://127.0.0.1:1/thanks",
	}
	_, err = client.Pay(t.Context(), p)
	require.NoError(t, err)
	p.RefID, p.BankID = "order-2", kpay.BankAirtel
	_, err = client.Pay(t.Context(), p)
	require.ErrorIs(t, err, sdk.ErrRejected)
	assert.Equal(t, string(kpay.CodeUnknownInstitution), codeOf(t, err))
	status, _ := ask(t, "POST", c.admin+"/clock/advance", fmt.Sprintf(`{"seconds":%d}`, int((10*time.Second).Seconds())))
	require.Equal(t, http.StatusOK, status)
	payment, err := client.Wait(t.Context(), "order-1")
	require.NoError(t, err)
	assert.True(t, payment.Status.Paid())
}

func codeOf(t *testing.T, err error) string {
	t.Helper()
	var e *sdk.Error
	require.ErrorAs(t, err, &e)
	return e.Code
}
