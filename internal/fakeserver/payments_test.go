package fakeserver

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
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

func (c collector) client() *kpay.Client {
	c.t.Helper()
	client, err := kpay.New(kpay.Config{BaseURL: c.url, Username: c.username, Password: c.password, RetailerID: "02"})
	require.NoError(c.t, err)
	return client
}

func (c collector) params(refID string) kpay.PayParams {
	return kpay.PayParams{
		RefID: refID, Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "+250 783 300 000", Email: "customer@example.com", CustomerName: "John Doe",
		CustomerNumber: "1", Details: "Order", ReturnURL: "http://127.0.0.1:1/kpay", RedirectURL: "http://127.0.0.1:1/thanks",
	}
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
	_, err := c.client().Find(t.Context(), "order-1")
	assert.ErrorIs(t, err, sdk.ErrUnauthorized, "the same credentials in the client")
}

func TestAKPayRequestWithoutBankIDIsTakenOverHTTPUnlessAFileSaysOtherwise(t *testing.T) {
	assert.Equal(t, "PENDING", newCollector(t, "").pay(map[string]any{"bankid": nil})["reply"])
	strict := newCollector(t, `{"kpay":{"quirks":{"bank_id_optional":false}}}`)
	assert.Equal(t, "Missing required parameters: bankid", strict.pay(map[string]any{"bankid": nil})["reply"])
}

func TestKPayRefusesOverHTTPWhatCannotBe(t *testing.T) {
	c := newCollector(t, "")
	refused := func(changes map[string]any, code float64, reply string) {
		t.Helper()
		response := c.pay(changes)
		assert.Equal(t, code, response["retcode"], changes)
		assert.Equal(t, reply, response["reply"], changes)
	}
	for _, tc := range []struct {
		field  string
		says   string
		change func(p *kpay.PayParams, value string)
		values []string
	}{
		{"amount", "a whole number", func(p *kpay.PayParams, value string) { p.Amount = decimal.RequireFromString(value) }, []string{"4200.5", "12.75"}},
		{"msisdn", "a phone number", func(p *kpay.PayParams, value string) { p.MSISDN = value }, []string{"call me", "07833", "0783x00000"}},
		{"email", "an e-mail address", func(p *kpay.PayParams, value string) { p.Email = value }, []string{"customer", "@example.com", "a@", "a@b@c"}},
		{"returl", "a URL", func(p *kpay.PayParams, value string) { p.ReturnURL = value }, []string{"paymentack", "/ack", "ftp://shop.example", "https://"}},
		{"redirecturl", "a URL", func(p *kpay.PayParams, value string) { p.RedirectURL = value }, []string{"javascript:alert(1)", "thanks", "mailto:a@b"}},
	} {
		for _, value := range tc.values {
			refused(map[string]any{tc.field: value}, 603, "Unusable parameters: "+tc.field+" is not "+tc.says)
			p := c.params("order-1")
			tc.change(&p, value)
			_, err := c.client().Pay(t.Context(), p)
			require.ErrorIs(t, err, sdk.ErrNotSent, "%s %s", tc.field, value)
			var fault *sdk.Error
			require.ErrorAs(t, err, &fault)
			assert.Contains(t, fault.Fields, tc.field)
		}
	}
	refused(map[string]any{"amount": 4200.5}, 603, "Unusable parameters: amount is not a whole number")

	const apart = "Unknown or disabled institution: bankid, pmethod and msisdn do not go together"
	for _, tc := range []struct {
		method kpay.Method
		bank   kpay.BankID
		msisdn string
	}{
		{kpay.MethodMoMo, kpay.BankAirtel, "0783300000"}, {kpay.MethodMoMo, kpay.BankMTN, "0723300000"}, {kpay.MethodMoMo, kpay.BankMTN, "254783300000"},
		{kpay.MethodMoMo, kpay.BankCards, "0783300000"}, {kpay.MethodMoMo, kpay.BankEquity, "0783300000"}, {kpay.MethodCard, kpay.BankMTN, "0783300000"},
		{kpay.MethodCard, kpay.BankKigali, "0783300000"}, {kpay.MethodSmartCash, kpay.BankSPENN, "0783300000"}, {kpay.MethodSPENN, kpay.BankMTN, "0783300000"},
		{kpay.MethodBank, kpay.BankMTN, "0783300000"}, {kpay.MethodBank, kpay.BankCards, "0783300000"},
	} {
		refused(map[string]any{"pmethod": tc.method, "bankid": tc.bank, "msisdn": tc.msisdn}, 610, apart)
		p := c.params("order-1")
		p.Method, p.BankID, p.MSISDN = tc.method, tc.bank, tc.msisdn
		_, err := c.client().Pay(t.Context(), p)
		require.ErrorIs(t, err, sdk.ErrRejected, tc)
		assert.Equal(t, string(kpay.CodeUnknownInstitution), codeOf(t, err), tc)
	}
	refused(map[string]any{"bankid": "BK", "pmethod": "bank"}, 610, "Unknown or disabled institution")
	assert.Empty(t, elements(t, get(t, c.admin+"/kpay/payments"), "payments"))
	assert.Equal(t, "PENDING", c.pay(nil)["reply"], "the document's own request")
}

// The document names its institutions in short too. Each can pay.
func TestTheInstitutionsOfKPaysDocumentPayOverHTTP(t *testing.T) {
	c := newCollector(t, "")
	for short, tc := range map[string]struct {
		bank   kpay.BankID
		method kpay.Method
		msisdn string
	}{
		"BK": {kpay.BankKigali, kpay.MethodBank, "0783300000"}, "COGEBANQUE": {kpay.BankCogebanque, kpay.MethodBank, "0783300000"}, "CARDS": {kpay.BankCards, kpay.MethodCard, "0783300000"},
		"MTN MOMO": {kpay.BankMTN, kpay.MethodMoMo, "0783300000"}, "AIRTEL MONEY": {kpay.BankAirtel, kpay.MethodMoMo, "0723300000"}, "SPENN": {kpay.BankSPENN, kpay.MethodSPENN, "0783300000"},
	} {
		assert.Equal(t, short, tc.bank.ShortName())
		p := c.params("client " + short)
		p.Method, p.BankID, p.MSISDN = tc.method, tc.bank, tc.msisdn
		_, err := c.client().Pay(t.Context(), p)
		require.NoError(t, err, short)
		response := c.pay(map[string]any{"refid": "curl " + short, "bankid": tc.bank, "pmethod": tc.method, "msisdn": tc.msisdn})
		assert.Equal(t, 0.0, response["retcode"], short)
	}
}

func TestKPaysSwitchesStandInAFile(t *testing.T) {
	listed := newCollector(t, `{"kpay":{"quirks":{"allowed_ips":["10.0.0.0/8","192.0.2.9/32"]}}}`)
	assert.Equal(t, 602.0, listed.pay(nil)["retcode"])
	_, err := listed.client().Pay(t.Context(), listed.params("order-1"))
	require.ErrorIs(t, err, sdk.ErrForbidden)
	assert.ErrorIs(t, err, sdk.ErrRejected)
	assert.Equal(t, string(kpay.CodeNotAllowListed), codeOf(t, err))
	listed = newCollector(t, `{"kpay":{"quirks":{"allowed_ips":["127.0.0.0/8"]}}}`)
	assert.Equal(t, "PENDING", listed.pay(nil)["reply"])

	plain := newCollector(t, `{"kpay":{"quirks":{"require_https":true}}}`)
	assert.Equal(t, 500.0, plain.pay(nil)["retcode"])
	_, err = plain.client().Pay(t.Context(), plain.params("order-1"))
	require.ErrorIs(t, err, sdk.ErrConfiguration)
	assert.ErrorIs(t, err, sdk.ErrRejected)
	assert.Equal(t, string(kpay.CodeNotHTTPS), codeOf(t, err))

	other := newCollector(t, `{"kpay":{
		"username":"me","password":"mine","api_key":"k","retailers":[{"id":"61","name":"Shop"}],"scenario":"failed","ends_after":"1m","lookup_lag":"5s","callback_retries":[],
		"quirks":{"refused_ref_id_reusable":true,"postback_format":"form","omit_pay_account":true,"other_tid":true,"http401":true,"minimal_errors":true,"blank_url":true,
			"numbers_as_strings":true,"strings_as_numbers":true,"success_as_bool":true,"pad_values":true,"bank_id_optional":true}}}`)
	status, response := other.send("/", "{}")
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Equal(t, map[string]any{"reply": " Missing authentication header ", "retcode": "401"}, response, "the key is missing")
}

func TestKasapaysSwitchesStandInAFile(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual", "-config", configFile(t, `{"kasapay":{
		"consumer_key":"me","consumer_secret":"mine","token_lifetime":"6000s","service_codes":["PREPAY240"],"balances":{"KES":"500.00"},"bank_name":"Benki Ltd",
		"unreachable_hosts":["down.example"],"scenario":"failed","ends_after":"1m","refuse_beyond_float":true,"mint_references":true,"pending_callbacks":true,"callback_retries":["1s"],
		"quirks":{"any_method":true,"refund_failed":true,"float_first":true,"any_success_acknowledges":true,"created_status":true,"refusal_status":200,"duplicate_status":409,"token_status":403,
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
	require.ErrorIs(t, err, sdk.ErrValidation)
	assert.ErrorIs(t, err, sdk.ErrRejected)
	assert.Equal(t, "Unreachable callback_url", said(t, err))
	p.Reference, p.CallbackURL, p.Amount = "flour-9", "http://127.0.0.1:1/result", decimal.NewFromInt(501)
	_, err = client.Payouts.Create(t.Context(), p)
	assert.ErrorIs(t, err, sdk.ErrInsufficientFunds)
}

// payer pays out with Kasapay on the standalone server: with a client that sends every
// method, and with what any program can send.
type payer struct {
	t           *testing.T
	base, admin string
	token       string
	client      *kasapay.Client
}

func newPayer(t *testing.T, config string) *payer {
	t.Helper()
	greeting, _ := start(t, "-clock", "manual", "-config", configFile(t, config))
	p := &payer{t: t, base: text(t, greeting, "kasapay"), admin: text(t, greeting, "admin")}
	var err error
	p.client, err = kasapay.New(kasapay.Config{BaseURL: p.base, ConsumerKey: "test-key", ConsumerSecret: "test-secret", ServiceCode: "12346", AnyMethod: true})
	require.NoError(t, err)
	_, body := ask(t, "POST", p.base+"/v1/auth", `{"consumer_key":"test-key","consumer_secret":"test-secret"}`)
	var login struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &login))
	p.token = login.Token
	return p
}

func (p *payer) params(reference string) kasapay.CreatePayoutParams {
	return kasapay.CreatePayoutParams{
		Reference: reference, RecipientType: kasapay.Paybill, RecipientAccountNumber: "5656", RecipientName: "Test Limited", AccountReference: "0101",
		Amount: decimal.NewFromInt(10), Currency: "KES", Country: "KEN", Description: "Test", CallbackURL: "http://127.0.0.1:1/result",
	}
}

// send asks for a payout as any program can. The change comes last, so it counts.
func (p *payer) send(reference, change string) string {
	p.t.Helper()
	_, body := ask(p.t, "POST", p.base+"/v1/payouts/b2b/initiate", fmt.Sprintf(`{"payout_reference":%q,"service_code":"12346","payment_account_reference":"0101",`+
		`"recipient_name":"Test Limited","recipient_type":"PAYBILL","recipient_account_number":"5656","amount":"10","payment_description":"Test",`+
		`"payment_method":"MPESA_B2B","currency_code":"KES","country_code":"KEN","callback_url":"http://127.0.0.1:1/result",%s}`, reference, change), "X-Access-Token", p.token)
	return body
}

func TestKasapayRefusesOverHTTPWhatTheDocumentForbids(t *testing.T) {
	p := newPayer(t, `{"kasapay":{"unreachable_hosts":["down.example"]}}`)
	for i, tc := range []struct {
		raw, says string
		change    func(*kasapay.CreatePayoutParams)
		sent      bool // the client leaves it to Kasapay
	}{
		{`"payment_method":"BANK"`, "payment_method must be one of the following values: MPESA_B2B",
			func(p *kasapay.CreatePayoutParams) { p.Method = kasapay.MethodBank }, true},
		{`"recipient_type":"TILL","payment_method":"BANK"`, "payment_method must be one of the following values: MPESA_B2B",
			func(p *kasapay.CreatePayoutParams) { p.RecipientType, p.Method = kasapay.Till, kasapay.MethodBank }, true},
		{`"recipient_type":"BANK_ACCOUNT_NUMBER"`, "payment_method must be one of the following values: BANK",
			func(p *kasapay.CreatePayoutParams) {
				p.RecipientType, p.Method = kasapay.BankAccount, kasapay.MethodMpesaB2B
			}, true},
		{`"callback_url":"https://shop.invalid/result"`, "Unreachable callback_url",
			func(p *kasapay.CreatePayoutParams) { p.CallbackURL = "https://shop.invalid/result" }, true},
		{`"callback_url":"https://down.example/result"`, "Unreachable callback_url",
			func(p *kasapay.CreatePayoutParams) { p.CallbackURL = "https://down.example/result" }, true},
		{`"recipient_type":"MOBILE"`, "recipient_type must be one of the following values",
			func(p *kasapay.CreatePayoutParams) { p.RecipientType = "MOBILE" }, false},
		{`"currency_code":"KSH"`, "currency_code must be an ISO 4217 code", func(p *kasapay.CreatePayoutParams) { p.Currency = "KSH" }, false},
		{`"currency_code":"kes"`, "currency_code must be an ISO 4217 code", func(p *kasapay.CreatePayoutParams) { p.Currency = "kes" }, false},
		{`"country_code":"XKX"`, "country_code must be an ISO 3166-1 alpha-3 code", func(p *kasapay.CreatePayoutParams) { p.Country = "XKX" }, false},
		{`"country_code":"KE"`, "country_code must be an ISO 3166-1 alpha-3 code", func(p *kasapay.CreatePayoutParams) { p.Country = "KE" }, false},
	} {
		reference := fmt.Sprint("bad-", i)
		assert.Contains(t, p.send(reference, tc.raw), tc.says, tc.raw)
		params := p.params(reference)
		tc.change(&params)
		_, err := p.client.Payouts.Create(t.Context(), params)
		require.ErrorIs(t, err, sdk.ErrValidation, tc.raw)
		if tc.sent {
			assert.ErrorIs(t, err, sdk.ErrRejected, tc.raw)
			assert.Contains(t, said(t, err), tc.says)
		} else {
			assert.ErrorIs(t, err, sdk.ErrNotSent, tc.raw)
		}
	}
	strict, err := kasapay.New(kasapay.Config{BaseURL: p.base, ConsumerKey: "test-key", ConsumerSecret: "test-secret", ServiceCode: "12346"})
	require.NoError(t, err)
	mismatch := p.params("bad-method")
	mismatch.Method = kasapay.MethodBank
	_, err = strict.Payouts.Create(t.Context(), mismatch)
	assert.ErrorIs(t, err, sdk.ErrNotSent, "without AnyMethod")
	assert.Empty(t, elements(t, get(t, p.admin+"/kasapay/payouts"), "payouts"))

	assert.Contains(t, p.send("good-1", `"currency_code":"UGX","country_code":"UGA"`), "accepted for processing")
	for _, codes := range [][2]string{{"KES", "KEN"}, {"UGX", "UGA"}, {"XOF", "SEN"}, {"USD", "COD"}} {
		params := p.params("good-" + codes[1])
		params.Currency, params.Country = codes[0], codes[1]
		_, err := p.client.Payouts.Create(t.Context(), params)
		assert.NoError(t, err, codes)
	}
}

// The destination is the kind of recipient that was asked for; its name is the
// recipient's, and of a bank account the bank's.
func TestKasapaysDestinationIsTheRecipientOverHTTP(t *testing.T) {
	told := make(chan []byte, 3)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		told <- body
	}))
	t.Cleanup(receiver.Close)
	for _, tc := range []struct {
		requested bool // the switch destination_as_requested
		kind      kasapay.RecipientType
		wire      string
		name      string
	}{
		{false, kasapay.Paybill, "paybill", "Test Limited"}, {false, kasapay.Till, "till", "Test Limited"}, {false, kasapay.BankAccount, "bank_account", "Benki Ltd"},
		{true, kasapay.Paybill, "PAYBILL", "Test Limited"}, {true, kasapay.Till, "TILL", "Test Limited"}, {true, kasapay.BankAccount, "BANK_ACCOUNT_NUMBER", "Benki Ltd"},
	} {
		p := newPayer(t, fmt.Sprintf(`{"kasapay":{"bank_name":"Benki Ltd","quirks":{"destination_as_requested":%t}}}`, tc.requested))
		params := p.params("flour-7")
		params.RecipientType, params.CallbackURL = tc.kind, receiver.URL
		_, err := p.client.Payouts.Create(t.Context(), params)
		require.NoError(t, err)
		status, _ := ask(t, "POST", p.admin+"/clock/advance", `{"seconds":10}`)
		require.Equal(t, http.StatusOK, status)

		found, err := p.client.Payouts.Find(t.Context(), "flour-7")
		require.NoError(t, err)
		called, err := kasapay.ParseCallback(<-told)
		require.NoError(t, err)
		for _, payout := range []kasapay.Payout{*found, called} {
			assert.Equal(t, kasapay.StatusProcessed, payout.Status)
			assert.Equal(t, tc.kind, payout.Destination)
			assert.Equal(t, tc.name, payout.DestinationName)
		}
		_, body := ask(t, "GET", p.base+"/v1/payouts/b2b/flour-7/status", "", "X-Access-Token", p.token)
		var shown map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &shown))
		assert.Equal(t, tc.wire, shown["destination"])
		assert.Equal(t, tc.name, shown["destination_name"])
	}
}

func TestAKPayClientPaysOnTheStandaloneServer(t *testing.T) {
	c := newCollector(t, "")
	client := c.client()
	_, err := client.Pay(t.Context(), c.params("order-1"))
	require.NoError(t, err)
	status, _ := ask(t, "POST", c.admin+"/clock/advance", fmt.Sprintf(`{"seconds":%d}`, int((10*time.Second).Seconds())))
	require.Equal(t, http.StatusOK, status)
	payment, err := client.Wait(t.Context(), "order-1")
	require.NoError(t, err)
	assert.True(t, payment.Status.Paid())
}

// said is what the provider said to a client.
func said(t *testing.T, err error) string {
	t.Helper()
	var e *sdk.Error
	require.ErrorAs(t, err, &e)
	for field, words := range e.Fields {
		return field + " " + strings.Join(words, ", ")
	}
	return e.Message
}

func codeOf(t *testing.T, err error) string {
	t.Helper()
	var e *sdk.Error
	require.ErrorAs(t, err, &e)
	return e.Code
}

// What a payer does on the checkout is in the thread of the order, with what it caused.
func TestACardPaidOnTheCheckoutIsInTheOrdersThread(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin, base := text(t, greeting, "admin"), text(t, greeting, "kpay")
	status, _ := ask(t, "POST", base+"/", `{"action":"pay","msisdn":"250783300000","email":"a@example.com","details":"Order","refid":"R-1","amount":1000,"currency":"RWF",`+
		`"cname":"Jane","cnumber":"1","pmethod":"cc","bankid":"000","retailerid":"02","returl":"http://127.0.0.1:1/hook","redirecturl":"http://127.0.0.1:1/thanks"}`, "Authorization", "Basic dGVzdC11c2VyOnRlc3QtcGFzcw==")
	require.Equal(t, 200, status)
	link, _ := elements(t, get(t, admin+"/kpay/payments"), "payments")[0]["link"].(string)
	// A request that waits meanwhile does not blur what the payer has caused.
	status, _ = ask(t, "POST", admin+"/faults", `{"provider":"kpay","operation":"checkstatus","kind":"delay","seconds":5,"times":1}`)
	require.Equal(t, 201, status)
	slow := later(t, base+"/", `{"action":"checkstatus","refid":"R-2"}`, "Authorization", "Basic dGVzdC11c2VyOnRlc3QtcGFzcw==")
	require.Eventually(t, func() bool { return get(t, admin+"/clock")["waiting"] == 1.0 }, 5*time.Second, time.Millisecond)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+link, strings.NewReader("card_number=5101180000000007"))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 303, resp.StatusCode)
	requests := elements(t, get(t, admin+"/requests"), "requests")
	var paid string
	for _, r := range requests {
		if r["path"] == link {
			paid, _ = r["id"].(string)
			assert.Equal(t, "R-1", r["subject"])
		}
	}
	require.NotEmpty(t, paid)
	caused := map[any]int{}
	for _, r := range elements(t, get(t, admin+"/timeline?subject=R-1"), "records") {
		if r["request"] == paid {
			caused[r["kind"]]++
		}
	}
	assert.Positive(t, caused["request"], "in the thread")
	assert.Positive(t, caused["state"])
	assert.Positive(t, caused["entry"])
	for _, d := range elements(t, get(t, admin+"/deliveries"), "deliveries") {
		assert.Equal(t, paid, d["request"], "the callback's cause is the payer")
	}
	ask(t, "POST", admin+"/clock/advance", `{"seconds":5}`)
	<-slow
}

// Each attempt of a callback is judged by itself, in the provider's own way.
func TestAnAttemptTellsWhetherItWasAcknowledged(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin := text(t, greeting, "admin")
	answers := make(chan string, 3)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in map[string]any
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&in))
		if <-answers == "ok" {
			_, _ = io.WriteString(w, "ok")
			return
		}
		_, _ = fmt.Fprintf(w, `{"tid":%q,"refid":%q,"reply":"OK"}`, in["tid"], in["refid"])
	}))
	defer hook.Close()
	answers <- "ok"
	answers <- "reply"
	answers <- "ok"
	status, _ := ask(t, "POST", text(t, greeting, "kpay")+"/", `{"action":"pay","msisdn":"250783300000","email":"a@example.com","details":"Order","refid":"R-1","amount":1000,"currency":"RWF",`+
		`"cname":"Jane","cnumber":"1","pmethod":"momo","bankid":"63510","retailerid":"02","returl":"`+hook.URL+`","redirecturl":"http://127.0.0.1:1/thanks"}`, "Authorization", "Basic dGVzdC11c2VyOnRlc3QtcGFzcw==")
	require.Equal(t, 200, status)
	ask(t, "POST", admin+"/clock/advance", `{"seconds":3600}`)
	delivery := func() map[string]any { return elements(t, get(t, admin+"/deliveries"), "deliveries")[0] }
	require.Equal(t, "delivered", delivery()["state"])
	ask(t, "POST", fmt.Sprint(admin, "/deliveries/", delivery()["id"], "/redeliver"), "")
	require.Eventually(t, func() bool { return len(delivery()["attempts"].([]any)) == 3 }, 5*time.Second, time.Millisecond)
	var acknowledged []any
	for _, a := range elements(t, delivery(), "attempts") {
		acknowledged = append(acknowledged, a["acknowledged"])
	}
	assert.Equal(t, []any{false, true, false}, acknowledged)
	assert.Equal(t, "delivered", delivery()["state"])
	assert.Contains(t, delivery()["wants"], `"reply":"OK"`)
	results := []any{}
	for _, r := range elements(t, get(t, admin+"/timeline?kind=callback"), "records") { // newest first
		results = append(results, r["result"])
		if r["result"] != "ok" {
			assert.Contains(t, r["cause"], `not acknowledged: KPay wants`)
		}
	}
	assert.Equal(t, []any{"failed", "ok", "pending"}, results)
	assert.Len(t, elements(t, get(t, admin+"/timeline?kind=callback&result=failed"), "records"), 1)
}

// KPay's operations have one path: the line of a request names its operation.
func TestALineNamesTheOperationThatThePathDoesNotTell(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin := text(t, greeting, "admin")
	for _, body := range []string{`{"action":"pay"}`, `{"action":"checkstatus"}`} {
		ask(t, "POST", text(t, greeting, "kpay")+"/", body)
	}
	found := elements(t, get(t, admin+"/timeline?q=checkstatus"), "records")
	require.Len(t, found, 1)
	assert.Equal(t, "POST / checkstatus → 200", found[0]["text"])
	assert.Equal(t, "POST / pay → 200", elements(t, get(t, admin+"/timeline?kind=request"), "records")[1]["text"])
	ask(t, "GET", text(t, greeting, "kapiten")+"/api/rides/", "")
	ask(t, "POST", admin+"/fiatconnect/kyc", `{"address":"0x1","kycSchema":"PersonalDataAndDocuments","kycStatus":"KycApproved"}`)
	assert.Equal(t, "the admin call that gives a KYC record any status", elements(t, get(t, admin+"/timeline?kind=act"), "records")[0]["text"])
	assert.Equal(t, "GET /api/rides/ → 401", elements(t, get(t, admin+"/timeline?kind=request"), "records")[0]["text"])
}

// A request in work is told from a dropped connection.
func TestARequestInWorkIsPending(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin := text(t, greeting, "admin")
	ask(t, "POST", admin+"/faults", `{"provider":"kpay","kind":"delay","seconds":5,"times":1}`)
	done := later(t, text(t, greeting, "kpay")+"/", `{"action":"pay"}`)
	require.Eventually(t, func() bool { return get(t, admin+"/clock")["waiting"] == 1.0 }, 5*time.Second, time.Millisecond)
	newest := func() map[string]any { return elements(t, get(t, admin+"/requests"), "requests")[0] }
	assert.Equal(t, true, newest()["pending"])
	ask(t, "POST", admin+"/clock/advance", `{"seconds":5}`)
	<-done
	assert.NotContains(t, newest(), "pending")
}
