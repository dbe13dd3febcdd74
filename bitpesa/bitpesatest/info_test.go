package bitpesatest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
)

// named is the row of a list with that value.
func named(t testing.TB, rows []object, key, value string) object {
	t.Helper()
	for _, row := range rows {
		if row[key] == value {
			return row
		}
	}
	require.Fail(t, "no such row", "%s %s", key, value)
	return nil
}

func TestInfoListsCurrenciesWithTheirOpposites(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	usd := named(t, m.list(t, 200, "GET", "/info/currencies", ""), "code", "USD")
	wantMoney(t, "2", usd, "decimals")
	assert.Equal(t, "100", usd["subunit_to_unit"], "a text")
	assert.Equal(t, []any{"US dollar", "$", true, "0.01", "1"}, []any{usd["name"], usd["symbol"], usd["primary"], usd["min"], usd["usd_equivalent"]})
	wantMoney(t, "0", named(t, m.list(t, 200, "GET", "/info/currencies", ""), "code", "NGN"), "decimals")

	for _, path := range []string{"/info/currencies/in", "/info/currencies/in?sender_id=x"} {
		rows := m.list(t, 200, "GET", path, "")
		ngn := named(t, objects(t, at(t, named(t, rows, "code", "USD"), "opposites")), "code", "NGN")
		wantMoney(t, "1550", ngn, "rate")
		wantMoney(t, "1550", ngn, "mtm_rate")
		assert.Equal(t, "0.0", ngn["margin"])
	}
	out := named(t, m.list(t, 200, "GET", "/info/currencies/out", ""), "code", "NGN")
	wantMoney(t, "1550", named(t, objects(t, at(t, out, "opposites")), "code", "USD"), "rate")

	method := named(t, m.list(t, 200, "GET", "/info/payment_methods/out", ""), "type", "GHS::Mobile")
	assert.Contains(t, method["details"], "phone_number")
	assert.NotEmpty(t, method["opposites"])
	assert.Equal(t, "select", textAt(t, method, "fields.mobile_provider.type"))
	named(t, m.list(t, 200, "GET", "/info/payment_methods/in", ""), "type", "XOF::Mobile")
}

func objects(t testing.TB, v any) []object {
	t.Helper()
	rows := []object{}
	for _, e := range v.([]any) {
		rows = append(rows, e.(object))
	}
	return rows
}

func TestAccountValidationFollowsItsMagicNumbers(t *testing.T) {
	t.Parallel()
	bank := func(country, currency, account string) string {
		return `{"bank_account":"` + account + `","bank_code":"058","country":"` + country + `","currency":"` + currency + `","method":"bank"}`
	}
	mobile := func(country, currency, phone, provider string) string {
		return `{"phone_number":"` + phone + `","mobile_provider":"` + provider + `","country":"` + country + `","currency":"` + currency + `","method":"mobile"}`
	}
	const name, invalid = `{"object":{"account_name":"TEST USER"}}`, `{"meta":{"error":"Account Invalid"},"object":{}}`
	tests := []struct{ body, want string }{
		{bank("NG", "NGN", "1230"), name}, {bank("NG", "NGN", "1239"), invalid}, {bank("NG", "NGN", "1229"), name},
		{bank("GH", "GHS", "1230"), name}, {bank("GH", "GHS", "1229"), invalid},
		{mobile("GH", "GHS", "+233302123450", "vodafone"), name}, {mobile("GH", "GHS", "+233302123459", ""), invalid},
		{mobile("UG", "UGX", "+256752403630", "airtel"), name}, {mobile("UG", "UGX", "+256752403629", "airtel"), invalid},
		{mobile("UG", "UGX", "+256772403629", "mtn"), `{"object":{"account_status":"active"}}`},
		{mobile("UG", "UGX", "+256772403619", "mtn"), `{"meta":{"error":"Account invalid"},"object":{"account_status":"inactive"}}`},
		{mobile("SN", "XOF", "+221774044430", "orange"), `{"object":{"mapped_mobile_provider":"orange"}}`},
		{mobile("SN", "XOF", "+221774044439", "free"), `{"meta":{"error":"Mobile provider does not match phone number."},"object":{"mapped_mobile_provider":"orange"}}`},
		{mobile("CM", "XAF", "+237674044439", "mtn"), `{"meta":{"error":"Account invalid"},"object":{"account_status":"inactive"}}`},
		{`{"iban":"SN1","country":"SN","currency":"XOF","method":"bank"}`, name},
		{bank("DE", "NGN", "1230"), name}, {bank("NG", "EUR", "1230"), name}, // the lists grow
		{strings.Replace(bank("NG", "NGN", "1230"), "bank\"}", "post\"}", 1), name},
		{bank("", "NGN", "1230"), `{"meta":{"error":"Country is invalid"},"object":{}}`},
		{bank("NG", "", "1230"), `{"meta":{"error":"Currency is invalid"},"object":{}}`},
		{strings.Replace(bank("NG", "NGN", "1230"), "bank\"}", "\"}", 1), `{"meta":{"error":"Method is invalid"},"object":{}}`},
		{bank("NG", "NGN", ""), `{"meta":{"error":"Bank account can't be blank"},"object":{}}`},
		{mobile("UG", "UGX", "x", "mtn"), `{"meta":{"error":"Phone number is invalid"},"object":{}}`},
	}
	_, m := start(t)
	for _, tt := range tests {
		r := m.call(t, "POST", "/account_validations", tt.body)
		assert.Equal(t, tt.want, r.body, tt.body)
		assert.Equal(t, strings.Contains(tt.want, "error"), r.status == 422, tt.body)
	}
	_, then := start(t, bitpesatest.Config{APIVersion: bitpesatest.VersionBitPesa})
	assert.Equal(t, `{"meta":{"error":"Account Invalid"},"object":{"account_name":null}}`, then.call(t, "POST", "/account_validations", bank("NG", "NGN", "1239")).body)
	assert.Equal(t, 422, then.call(t, "POST", "/account_validations", bank("SN", "XOF", "1230")).status, "only NG and GH then")
	assert.Equal(t, 422, then.call(t, "POST", "/account_validations", bank("NG", "XOF", "1230")).status, "only NGN and GHS then")
	assert.Equal(t, 422, then.call(t, "POST", "/account_validations", mobile("NG", "NGN", "+2348012345678", "mtn")).status, "only banks then")
}

func TestDocumentsAreMeasuredNotKept(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	o := m.want(t, 201, "POST", "/documents", `{"document":{"upload":"data:image/png;base64,AAEC\nAwQ","upload_file_name":"a.png","side":"front","metadata":{"a":"b"}}}`)
	wantMoney(t, "5", o, "upload_file_size")
	assert.Equal(t, []any{"image/png", "a.png", "front", nil, nil}, []any{o["upload_content_type"], o["upload_file_name"], o["side"], o["url"], o["upload"]})
	assert.Equal(t, "https://x.test/a.png", textAt(t, m.want(t, 201, "POST", "/documents", `{"document":{"upload":"https://x.test/a.png","upload_file_name":"a.png"}}`), "url"))
	assert.Len(t, m.list(t, 200, "GET", "/documents", ""), 2)
	for body, field := range map[string]string{
		`{"upload_file_name":"a"}`:                                                            "upload",
		`{"upload":"data:image/png;base64,AAAA"}`:                                             "upload_file_name",
		`{"upload":"nothing","upload_file_name":"a"}`:                                         "upload",
		`{"upload":"data:image/png,AAAA","upload_file_name":"a"}`:                             "upload",
		`{"upload":"data:image/png;base64,!!!!","upload_file_name":"a"}`:                      "upload",
		`{"upload":"data:image/png;base64,AAAA","upload_file_name":"a","side":["left"]}`:      "side",
		`{"upload":"data:image/png;base64,AAAA","upload_file_name":"a","expiry_date":"soon"}`: "expiry_date",
	} {
		assert.Len(t, errorWords(t, m.want(t, 422, "POST", "/documents", `{"document":`+body+`}`), field), 1, body)
	}
}

func TestSavedPayoutMethods(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	const body = `{"payout_method":{"type":"GHS::Mobile","details":{"first_name":"A","last_name":"B","phone_number":"+233302123456"},"metadata":{"a":"b"}}}`
	id := textAt(t, m.want(t, 201, "POST", "/payout_methods", body), "id")
	assert.Equal(t, "B", textAt(t, m.want(t, 200, "GET", "/payout_methods/"+id, ""), "details.last_name"))
	o := m.want(t, 200, "PATCH", "/payout_methods/"+id, `{"details":{"last_name":"C"},"metadata":{"c":"d"}}`)
	assert.Equal(t, []any{"A", "C", "d"}, []any{at(t, o, "details.first_name"), at(t, o, "details.last_name"), at(t, o, "metadata.c")})
	assert.Equal(t, "D", textAt(t, m.want(t, 200, "PATCH", "/payout_methods/"+id, `{"payout_method":{"details":{"last_name":"D"}}}`), "details.last_name"))
	m.want(t, 422, "PATCH", "/payout_methods/"+id, `{"type":"NGN::Bank"}`)
	m.want(t, 422, "PATCH", "/payout_methods/"+id, `{"details":{"phone_number":null}}`)
	m.want(t, 422, "PATCH", "/payout_methods/"+id, `{"details":[]}`)
	m.want(t, 422, "POST", "/payout_methods", `{"payout_method":{"type":"GHS::Mobile"}}`)

	tx := transaction("", `{"requested_amount":10,"requested_currency":"USD","payout_method":{"id":"`+id+`"}}`)
	m.want(t, 201, "POST", "/transactions", tx)
	used := m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500")))
	assert.Len(t, m.list(t, 200, "GET", "/payout_methods?type[]=GHS::Mobile", ""), 1)
	assert.Len(t, m.list(t, 200, "GET", "/payout_methods?sender_id="+textAt(t, used, "sender.id"), ""), 1)
	m.want(t, 200, "DELETE", "/payout_methods/"+id, "")
	m.want(t, 422, "DELETE", "/payout_methods/"+id, "")
	m.want(t, 422, "PATCH", "/payout_methods/"+id, `{}`)
	assert.Len(t, m.list(t, 200, "GET", "/payout_methods?state[]=disabled", ""), 1)
	assert.Len(t, m.list(t, 200, "GET", "/payout_methods?state[]=enabled", ""), 1)
	m.want(t, 422, "POST", "/transactions", tx)
}

func TestRecipientsAreListedByAmountWithACurrency(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	for _, amount := range []string{"15500", "31000", "46500"} { // 10, 20 and 30 USD
		m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", amount)))
	}
	m.want(t, 201, "POST", "/transactions", strings.Replace(transaction("", ngn("1000", "15500")), `"USD"`, `"EUR"`, 1))
	for query, want := range map[string]int{
		"":                               4,
		"?currency[]=USD":                3,
		"?currency[]=USD&currency[]=EUR": 4,
		"?currency[]=USD&amount_from=20": 2,
		"?currency[]=USD&amount_to=20":   2,
		"?currency[]=USD&amount_from=20&amount_to=20.0": 1,
		"?state[]=canceled":                             0,
	} {
		assert.Len(t, m.list(t, 200, "GET", "/recipients"+query, ""), want, query)
	}
	for _, query := range []string{"?amount_from=1", "?amount_to=1", "?currency[]=USD&amount_from=x", "?created_at_to=x"} {
		assert.Equal(t, 400, m.call(t, "GET", "/recipients"+query, "").status, query)
	}
}

func TestAPILogShowsCallsWithoutSecrets(t *testing.T) {
	t.Parallel()
	_, m := start(t, bitpesatest.Config{Quirks: bitpesatest.Quirks{AllowSecretHeader: true}})
	m.call(t, "GET", "/accounts?x=%7e", "")
	m.call(t, "POST", "/senders", `{"sender":{"first_name":"Jane"}}`)
	logs := m.list(t, 200, "GET", "/api_logs", "")
	require.Len(t, logs, 2, "reading logs is not logged")
	assert.Equal(t, []any{"POST", `{"sender":{"first_name":"Jane"}}`, "422"}, []any{logs[0]["request_method"], logs[0]["request_body"], logs[0]["response_status"]})
	assert.Equal(t, []any{"GET", "http://bitpesa.localhost/v1/accounts?x=%7e", "200"}, []any{logs[1]["request_method"], logs[1]["request_url"], logs[1]["response_status"]})
	assert.Equal(t, "test-key", textAt(t, logs[0], "request_headers.HTTP_AUTHORIZATION_KEY"))
	assert.Equal(t, "[masked]", textAt(t, logs[0], "request_headers.HTTP_AUTHORIZATION_SIGNATURE"))
	assert.Contains(t, logs[1]["response_body"], `"currency":"USD"`)
	assert.Equal(t, logs[1], m.want(t, 200, "GET", "/api_logs/"+textAt(t, logs[1], "id"), ""))
	assert.Empty(t, m.list(t, 200, "GET", "/api_logs?created_at_to=2020-01-01", ""))
}
