package kpaytest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	prefixes := func(p ...string) (all []netip.Prefix) {
		for _, text := range p {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	for _, tc := range []struct {
		name   string
		cfg    kpaytest.Config
		change func(*http.Request)
		status int
		code   string
	}{
		{name: "right pair", code: "0"},
		{name: "own pair", cfg: kpaytest.Config{Username: "u", Password: "p"}, change: func(r *http.Request) { r.SetBasicAuth("u", "p") }, code: "0"},
		{name: "no authorization", change: func(r *http.Request) { r.Header.Del("Authorization") }, code: "401"},
		{name: "no authorization as HTTP 401", cfg: kpaytest.Config{Quirks: kpaytest.Quirks{HTTP401: true}}, change: func(r *http.Request) { r.Header.Del("Authorization") }, status: 401, code: "401"},
		{name: "bearer instead of basic", change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, code: "401"},
		{name: "wrong user", change: func(r *http.Request) { r.SetBasicAuth("nobody", "test-pass") }, code: "600"},
		{name: "wrong password", change: func(r *http.Request) { r.SetBasicAuth("test-user", "nothing") }, code: "600"},
		{name: "wrong password where 401 is HTTP", cfg: kpaytest.Config{Quirks: kpaytest.Quirks{HTTP401: true}}, change: func(r *http.Request) { r.SetBasicAuth("test-user", "nothing") }, code: "600"},
		{name: "api key not asked for", change: func(r *http.Request) { r.Header.Set("Kpay-Key", "any") }, code: "0"},
		{name: "api key right", cfg: kpaytest.Config{APIKey: "k"}, change: func(r *http.Request) { r.Header.Set("Kpay-Key", "k") }, code: "0"},
		{name: "api key missing", cfg: kpaytest.Config{APIKey: "k"}, code: "401"},
		{name: "api key wrong", cfg: kpaytest.Config{APIKey: "k"}, change: func(r *http.Request) { r.Header.Set("Kpay-Key", "x") }, code: "600"},
		{name: "address listed", cfg: kpaytest.Config{Quirks: kpaytest.Quirks{AllowedIPs: prefixes("10.0.0.0/8", "127.0.0.1/32")}}, code: "0"},
		{name: "address not listed", cfg: kpaytest.Config{Quirks: kpaytest.Quirks{AllowedIPs: prefixes("10.0.0.0/8")}}, code: "602"},
		{name: "wrong pair counts before the address", cfg: kpaytest.Config{Quirks: kpaytest.Quirks{AllowedIPs: prefixes("10.0.0.0/8")}}, change: func(r *http.Request) { r.SetBasicAuth("a", "b") }, code: "600"},
		{name: "plain http", cfg: kpaytest.Config{Quirks: kpaytest.Quirks{RequireHTTPS: true}}, code: "500"},
		{name: "plain http counts before everything", cfg: kpaytest.Config{Quirks: kpaytest.Quirks{RequireHTTPS: true}}, change: func(r *http.Request) { r.Header.Del("Authorization") }, code: "500"},
		{name: "https by the public url", cfg: kpaytest.Config{Options: fake.Options{PublicURL: "https://pay.test"}, Quirks: kpaytest.Quirks{RequireHTTPS: true}}, code: "0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, tc.cfg)
			req := m.request(order(nil))
			if tc.change != nil {
				tc.change(req)
			}
			status, response := m.send(req)
			if tc.status == 0 {
				tc.status = http.StatusOK
			}
			assert.Equal(t, tc.status, status)
			m.wantRefusal(tc.code, response)
			if tc.code == "0" {
				assert.Len(t, m.Payments(), 1)
				return
			}
			assert.Empty(t, m.Payments())
			assert.Len(t, response, 2, "an access error has reply and retcode only")
		})
	}
}

func TestWrongPairAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	req := m.request(order(nil))
	req.SetBasicAuth("test-user", "nothing")
	_, response := m.send(req)
	assert.Equal(t, parse(t, `{"reply":"Invalid PIN","retcode":600}`), response)
}

// The allow-list sees the address of a real socket too.
func TestAllowListOverSockets(t *testing.T) {
	t.Parallel()
	kp := kpaytest.New(kpaytest.Config{Quirks: kpaytest.Quirks{AllowedIPs: []netip.Prefix{netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("192.0.2.9/32")}}})
	t.Cleanup(kp.Close)
	for remote, code := range map[string]string{"[::1]:4711": `"retcode":603`, "192.0.2.7:4711": `"retcode":602`, "[::ffff:192.0.2.7]:1": `"retcode":602`,
		"192.0.2.9:4711": `"retcode":603`, "[::ffff:192.0.2.9]:1": `"retcode":603`,
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("{}"))
		req.RemoteAddr = remote
		req.SetBasicAuth("test-user", "test-pass")
		rec := httptest.NewRecorder()
		kp.ServeHTTP(rec, req)
		assert.Contains(t, rec.Body.String(), code, remote)
	}
}

func TestEndpointIsServedAtRootAndAtAPI(t *testing.T) {
	t.Parallel()
	for path, found := range map[string]bool{"": true, "/": true, "/api": true, "/api/": true, "/api/pay": false, "/v1": false} {
		m := newMerchant(t, kpaytest.Config{})
		req := m.request(order(nil))
		req.URL.Path = path
		res, err := m.HTTPClient().Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		if found {
			assert.Equal(t, http.StatusOK, res.StatusCode, path)
			assert.Len(t, m.Payments(), 1, path)
		} else {
			assert.Equal(t, http.StatusNotFound, res.StatusCode, path)
			assert.Empty(t, m.Payments(), path)
		}
	}
}

func TestAllOperationsShareTheEndpoint(t *testing.T) {
	t.Parallel()
	for _, op := range kpay.Operations() {
		assert.Equal(t, "POST /", op.Method+" "+op.Path, op.Name)
	}
}

func TestOnlyPOSTIsTaken(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	for _, method := range []string{http.MethodPatch, http.MethodPut, http.MethodDelete} {
		req := m.request(order(nil))
		req.Method = method
		status, _ := m.send(req)
		assert.Equal(t, http.StatusMethodNotAllowed, status, method)
	}
	assert.Empty(t, m.Payments())
}

// The document prints a curl without a body: a GET of /api/ with credentials.
func TestTheDocumentsCurlIsAnswered(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ path, user, password, code string }{
		{"/api/", "test-user", "test-pass", "603"}, {"/api", "test-user", "test-pass", "603"}, {"/", "test-user", "test-pass", "603"}, {"", "test-user", "test-pass", "603"},
		{"/api/", "test-user", "nothing", "600"}, {"/api/", "", "", "401"},
	} {
		for _, body := range []any{"", order(nil)} { // a GET that carries an order makes no payment either
			m := newMerchant(t, kpaytest.Config{})
			req := m.request(body)
			req.Method, req.URL.Path = http.MethodGet, tc.path
			if req.SetBasicAuth(tc.user, tc.password); tc.user == "" {
				req.Header.Del("Authorization")
			}
			status, response := m.send(req)
			assert.Equal(t, http.StatusOK, status, tc)
			m.wantRefusal(tc.code, response)
			if tc.code == "603" {
				assert.Equal(t, "Missing required parameters: msisdn, email, details, refid, amount, cname, cnumber, pmethod, retailerid, returl, redirecturl, bankid", response["reply"])
			}
			assert.Empty(t, m.Payments())
		}
	}
}

func TestContentTypeIsNotLookedAt(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded"} {
		m := newMerchant(t, kpaytest.Config{})
		req := m.request(order(nil))
		req.Header.Set("Content-Type", contentType)
		_, response := m.send(req)
		assert.Equal(t, "PENDING", response["reply"], contentType)
	}
}

// What the journal keeps of a payment names no credential and no card.
func TestJournalHidesSecrets(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Password: "planted-password"})
	req := m.request(order(nil))
	req.SetBasicAuth("test-user", "planted-password")
	_, response := m.send(req)
	res, err := m.HTTPClient().Post(response["url"].(string), "application/x-www-form-urlencoded", strings.NewReader("card_number=4111111111111112&expiry_date=11/39&cvv=987"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Len(t, m.Requests(), 2)
	for _, r := range m.Requests() {
		text := r.RequestBody + r.ResponseBody + r.Header.Get("Authorization")
		for _, secret := range []string{"planted-password", "cGxhbnRlZC", "4111111111111112", "11/39", "987", response["authkey"].(string)} {
			assert.NotContains(t, text, secret)
		}
	}
}

// A request that is wrong in every respect is mended step by step; each step
// brings the next code.
func TestPayChecksInOrder(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	m.pay(object{"refid": "used"})
	bad := object{"email": " ", "retailerid": "99", "pmethod": "cash", "bankid": "30", "refid": "used", "msisdn": "0783300007"}
	for _, step := range []struct{ code, field, value string }{
		{"603", "email", "customer@example.com"},
		{"604", "retailerid", "03"},
		{"605", "retailerid", "02"},
		{"609", "pmethod", "momo"},
		{"610", "bankid", "63510"},
		{"608", "refid", "fresh"},
	} {
		m.wantRefusal(step.code, m.pay(bad))
		assert.Len(t, m.Payments(), 1)
		bad[step.field] = step.value
	}
	m.wantRefusal("606", m.pay(bad))
}

func TestPayRequiresTheDocumentsFields(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"msisdn", "email", "details", "refid", "amount", "cname", "cnumber",
		"pmethod", "retailerid", "returl", "redirecturl", "bankid",
	} {
		for label, value := range map[string]any{"missing": nil, "empty": "", "blank": "  ", "null": json.RawMessage("null"), "list": []int{1}, "bool": true} {
			t.Run(name+" "+label, func(t *testing.T) {
				t.Parallel()
				m := newMerchant(t, kpaytest.Config{})
				response := m.pay(object{name: value})
				m.wantRefusal("603", response)
				assert.Contains(t, response["reply"], name)
				assert.Empty(t, m.Payments())
			})
		}
	}
	for _, name := range []string{"action", "currency", "logourl"} {
		t.Run(name+" may be missing", func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, kpaytest.Config{})
			m.wantRefusal("0", m.pay(object{name: nil}))
			require.Len(t, m.Payments(), 1)
			assert.Equal(t, "RWF", m.Payments()[0].Currency)
		})
	}
}

func TestBankIDOptional(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{BankIDOptional: true}})
	m.wantRefusal("0", m.pay(object{"bankid": nil}))
	m.wantRefusal("610", m.pay(object{"refid": "other", "bankid": "30"}))
}

func TestAmounts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`1`: "1", `4200`: "4200", `"4200"`: "4200", `" 4200 "`: "4200", `4200.00`: "4200", `"4200.0"`: "4200", `999999999999999`: "999999999999999",
		`0`: "", `-1`: "", `"-4200"`: "", `0.5`: "", `4200.5`: "", `"4200.01"`: "", `1e3`: "", `1e2147483647`: "", `"4,200"`: "", `"all"`: "", `.5`: "", `"."`: "", `1000000000000000`: "",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if !json.Valid([]byte(text)) {
				text = `"` + text + `"`
			}
			m := newMerchant(t, kpaytest.Config{})
			response := m.pay(object{"amount": json.RawMessage(text)})
			if want == "" {
				m.wantRefusal("603", response)
				assert.Empty(t, m.Payments())
				return
			}
			m.wantRefusal("0", response)
			require.Len(t, m.Payments(), 1)
			faketest.WantMoney(t, want, m.Payments()[0].Amount)
		})
	}
}

func TestCurrencies(t *testing.T) {
	t.Parallel()
	for currency, code := range map[string]string{"RWF": "0", "USD": "0", "KES": "603", "rwf": "603"} {
		m := newMerchant(t, kpaytest.Config{})
		m.wantRefusal(code, m.pay(object{"currency": currency}))
	}
}

func TestMethodsAndInstitutions(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	for i, method := range []string{"cc", "momo", "bank", "spenn", "smartcash"} {
		m.wantRefusal("0", m.pay(object{"refid": fmt.Sprint("m", i), "pmethod": method}))
	}
	for _, method := range []string{"CC", "card", "mtn"} {
		m.wantRefusal("609", m.pay(object{"refid": "new", "pmethod": method}))
	}
	for i, bank := range []string{"040", "130", "192", "951"} {
		m.wantRefusal("0", m.pay(object{"refid": fmt.Sprint("b", i), "pmethod": "bank", "bankid": bank}))
	}
	for _, bank := range []any{"40", 40, "30", "0"} {
		m.wantRefusal("610", m.pay(object{"refid": "new", "bankid": bank}))
	}
}

// bankid, pmethod and msisdn that cannot belong together are an institution that
// cannot be.
func TestPairings(t *testing.T) {
	t.Parallel()
	for i, tc := range []struct{ method, bank, phone, code string }{
		{"momo", "63510", "0783300000", "0"}, {"momo", "63510", "0793300000", "0"}, {"momo", "63510", "250783300000", "0"}, {"momo", "63510", "+250 783-300-000", "0"},
		{"momo", "63510", "783300000", "0"}, {"momo", "63514", "0723300000", "0"}, {"momo", "63514", "250733300000", "0"}, {"momo", "63501", "0753300000", "0"},
		{"cc", "000", "254700000000", "0"}, {"smartcash", "000", "0783300000", "0"}, {"spenn", "63502", "0783300000", "0"}, {"bank", "192", "0753300000", "0"}, {"bank", "040", "0783300000", "0"},

		{"momo", "63510", "0723300000", "610"}, {"momo", "63510", "250733300000", "610"}, {"momo", "63514", "0783300000", "610"}, {"momo", "63510", "0753300000", "610"},
		{"momo", "63510", "254783300000", "610"}, {"momo", "000", "0783300000", "610"}, {"momo", "192", "0783300000", "610"}, {"momo", "63502", "0783300000", "610"},
		{"cc", "63510", "0783300000", "610"}, {"cc", "040", "0783300000", "610"}, {"smartcash", "63502", "0783300000", "610"},
		{"spenn", "63510", "0783300000", "610"}, {"spenn", "000", "0783300000", "610"}, {"bank", "63510", "0783300000", "610"}, {"bank", "000", "0783300000", "610"}, {"bank", "63501", "0783300000", "610"},
	} {
		m := newMerchant(t, kpaytest.Config{})
		response := m.pay(object{"refid": fmt.Sprint("p", i), "pmethod": tc.method, "bankid": tc.bank, "msisdn": tc.phone})
		assert.Equal(t, json.Number(tc.code), response["retcode"], "%v: %v", tc, response)
		assert.Len(t, m.Payments(), map[string]int{"0": 1, "610": 0}[tc.code])
	}
}

// What is there and cannot be used is said to be so, and not to be missing.
func TestFieldsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		field string
		value any
		says  string
	}{
		{"msisdn", "07833", "a phone number"}, {"msisdn", "0783x00000", "a phone number"}, {"msisdn", "John", "a phone number"}, {"msisdn", "+0783300000", "a phone number"},
		{"email", "customer", "an e-mail address"}, {"email", "@example.com", "an e-mail address"}, {"email", "a@", "an e-mail address"}, {"email", "a@b@c", "an e-mail address"}, {"email", "a b@c", "an e-mail address"},
		{"returl", "/ack", "a URL"}, {"returl", "shop.example/ack", "a URL"}, {"returl", "ftp://shop.example", "a URL"}, {"returl", "https://", "a URL"},
		{"redirecturl", "thanks", "a URL"}, {"redirecturl", "javascript:alert(1)", "a URL"}, {"redirecturl", "mailto:a@b", "a URL"},
		{"amount", json.Number("4200.5"), "a whole number"}, {"amount", "0.01", "a whole number"}, {"amount", "-1.5", "a whole number"}, {"amount", "1234567890.123456", "a whole number"},
		{"amount", 0, "a number above zero"}, {"amount", "-1", "a number above zero"}, {"amount", "all", "a number above zero"}, {"amount", "1e3", "a number above zero"},
		{"currency", "KES", "RWF or USD"},
	} {
		m := newMerchant(t, kpaytest.Config{})
		response := m.pay(object{tc.field: tc.value})
		m.wantRefusal("603", response)
		assert.Equal(t, "Unusable parameters: "+tc.field+" is not "+tc.says, response["reply"], tc)
		assert.Empty(t, m.Payments())
	}
	m := newMerchant(t, kpaytest.Config{})
	response := m.pay(object{"amount": "1.5", "returl": "x", "details": nil})
	assert.Equal(t, "Missing required parameters: details", response["reply"], "first what is missing")
	response = m.pay(object{"amount": "1.5", "returl": "x"})
	assert.Equal(t, "Unusable parameters: amount is not a whole number, returl is not a URL", response["reply"], "all at once")
	m.wantRefusal("0", m.pay(object{"msisdn": "\u200e+250\u00a0(783) 300.000", "email": "jöhn+a@münchen.example", "returl": "HTTP://shop.localhost:8080/a?b"}))
}

func TestRetailersComeFromTheConfig(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Retailers: []kpaytest.Retailer{{ID: "61"}, {ID: "62", Disabled: true}}})
	m.wantRefusal("0", m.pay(object{"retailerid": 61}))
	m.wantRefusal("605", m.pay(object{"retailerid": "62", "refid": "b"}))
	m.wantRefusal("604", m.pay(object{"retailerid": "02", "refid": "c"}))
}

func TestBodiesThatAreNoObject(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	for _, body := range []string{"", "null", "[]", `"pay"`, "{", "refid=1"} {
		m.wantRefusal("603", m.call(body))
	}
	m.wantRefusal("603", m.call(object{"action": "refund", "refid": "x"}))
	assert.Empty(t, m.Payments())
}

func TestRefusalHasTheGuidesShape(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	response := m.pay(object{"msisdn": "0783300007"})
	assert.Equal(t, faketest.Shape(parse(t, `{"reply":"TARGET_AUTHORIZATION_ERROR","url":" ","success":0,"authkey":"k","tid":"E","refid":"r","retcode":606}`)), faketest.Shape(response))
	assert.Equal(t, "TARGET_AUTHORIZATION_ERROR", response["reply"])
	assert.Equal(t, " ", response["url"])
	assert.Equal(t, "E", response["tid"])
	assert.Equal(t, "ref-1", response["refid"])
	assert.Equal(t, json.Number("0"), response["success"])

	response = m.pay(object{"msisdn": "0783300008", "refid": "ref-2"})
	m.wantRefusal("606", response)
	assert.Equal(t, "Not enough funds", response["statusmsg"])
}

func TestRefusedRefID(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	m.pay(object{"msisdn": "0783300007"})
	m.wantRefusal("608", m.pay(nil))
	assert.Equal(t, "02", m.status("ref-1")["statusid"])
	m.Advance(time.Hour)
	assert.Equal(t, "02", m.status("ref-1")["statusid"])
	assert.Empty(t, m.postbacks(), "who was refused at once is not told again")

	m = newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{RefusedRefIDReusable: true}})
	m.pay(object{"msisdn": "0783300007"})
	assert.Equal(t, "611", m.status("ref-1")["statusid"])
	m.wantRefusal("0", m.pay(nil))
}

func TestDuplicateRefIDLeavesTheFirstPaymentAlone(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	m.pay(nil)
	m.wantRefusal("608", m.pay(nil))
	m.wantRefusal("608", m.pay(object{"amount": 1, "msisdn": "0783300001"}))
	assert.Equal(t, "03", m.status("ref-1")["statusid"])
	m.Advance(10 * time.Second)
	m.wantRefusal("608", m.pay(nil))
	assert.Equal(t, "01", m.status("ref-1")["statusid"])
	m.Advance(time.Hour)
	faketest.WantMoney(t, "4200", m.Balance("02", "RWF"))
	assert.Len(t, m.Entries("02", "RWF"), 1)
	assert.Len(t, m.postbacks(), 1)
	require.NoError(t, m.CheckLedger())
}

func TestOneOfManyEqualRequestsWins(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	const callers = 16
	codes := make(chan any, callers)
	var wg sync.WaitGroup
	for range callers {
		req := m.request(order(nil))
		wg.Go(func() {
			res, err := m.HTTPClient().Do(req)
			if !assert.NoError(t, err) {
				return
			}
			defer res.Body.Close()
			var response object
			assert.NoError(t, json.NewDecoder(res.Body).Decode(&response))
			codes <- response["retcode"]
		})
	}
	wg.Wait()
	close(codes)
	count := map[any]int{}
	for c := range codes {
		count[c]++
	}
	assert.Equal(t, map[any]int{0.0: 1, 608.0: callers - 1}, count)
	assert.Len(t, m.Payments(), 1)
}

// An response that got lost leaves the payment behind: a second try is a
// duplicate, and the merchant is credited once.
func TestPaymentSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	for _, kind := range []fake.FaultKind{fake.FaultDropAfter, fake.FaultTruncate} {
		m := newMerchant(t, kpaytest.Config{})
		require.NoError(t, m.AddFault(fake.Fault{Method: http.MethodPost, Path: "/", Times: 1, Kind: kind}))
		res, err := m.HTTPClient().Do(m.request(order(nil)))
		if err == nil {
			_, err = res.Body.Read(make([]byte, 1))
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
		}
		m.wantRefusal("608", m.pay(nil))
		m.Advance(10 * time.Second)
		faketest.WantMoney(t, "4200", m.Balance("02", "RWF"))
	}
	m := newMerchant(t, kpaytest.Config{})
	require.NoError(t, m.AddFault(fake.Fault{Times: 1, Kind: fake.FaultDropBefore}))
	_, err := m.HTTPClient().Do(m.request(order(nil)))
	require.Error(t, err)
	assert.Empty(t, m.Payments())
}

// Answers a fault asks for come in KPay's own format; one that does not know
// what became of the request carries no verdict on it.
func TestFaultsAnswerInKPaysFormat(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]any{
		401: json.Number("401"), 403: json.Number("602"), 404: json.Number("603"), 400: json.Number("603"),
		408: nil, 429: nil, 500: nil, 503: nil,
	} {
		m := newMerchant(t, kpaytest.Config{})
		require.NoError(t, m.AddFault(fake.Fault{Times: 1, Kind: fake.FaultStatus, Status: status}))
		got, response := m.send(m.request(order(nil)))
		assert.Equal(t, status, got)
		assert.Equal(t, code, response["retcode"], status)
		assert.NotEmpty(t, response["reply"])
		assert.NotContains(t, response, "success")
		assert.Empty(t, m.Payments())
	}
}

func TestLookupByEitherID(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{OtherTID: true}})
	m.pay(nil)
	m.pay(object{"refid": "ref-2"})
	one, _ := m.Payment("ref-1")
	two, _ := m.Payment("ref-2")
	assert.NotEqual(t, one.TID, one.StatusTID)
	for name, tc := range map[string]struct {
		ask   object
		found string
	}{
		"refid":                      {object{"refid": "ref-1"}, "ref-1"},
		"tid of the pay response":    {object{"tid": one.TID}, "ref-1"},
		"tid of the postback":        {object{"tid": one.StatusTID}, "ref-1"},
		"both":                       {object{"tid": two.TID, "refid": "ref-2"}, "ref-2"},
		"both, other tid":            {object{"tid": two.StatusTID, "refid": "ref-2"}, "ref-2"},
		"both in disagreement":       {object{"tid": one.TID, "refid": "ref-2"}, ""},
		"unknown tid, known refid":   {object{"tid": "A1", "refid": "ref-2"}, ""},
		"known tid, unknown refid":   {object{"tid": one.TID, "refid": "none"}, ""},
		"unknown refid":              {object{"refid": "none"}, ""},
		"unknown tid":                {object{"tid": "E1"}, ""},
		"refid with white space":     {object{"refid": " ref-1 "}, "ref-1"},
		"refid in other letter case": {object{"refid": "REF-1"}, ""},
	} {
		tc.ask["action"] = "checkstatus"
		response := m.call(tc.ask)
		assert.Equal(t, tc.found, response["refid"], name)
		if tc.found == "" {
			assert.Equal(t, sample(t, "status_not_found"), response, name)
			continue
		}
		assert.Equal(t, "03", response["statusid"], name)
		assert.NotContains(t, response, "retcode", name)
		assert.Empty(t, response["momtransactionid"], name)
	}
	m.wantRefusal("603", m.call(object{"action": "checkstatus"}))
	m.wantRefusal("603", m.call(object{"action": "checkstatus", "tid": "", "refid": " "}))
}

func TestTheSameTIDByDefault(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	response := m.pay(nil)
	assert.Equal(t, response["tid"], m.status("ref-1")["tid"])
}

func TestNumericRefIDs(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	response := m.pay(object{"refid": int64(15947234071471114)})
	assert.Equal(t, "15947234071471114", response["refid"])
	assert.Equal(t, "03", m.status("15947234071471114")["statusid"])
}

func TestPayAccountOnSuccessOnly(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	m.pay(nil)
	m.pay(object{"refid": "b-failed"})
	assert.NotContains(t, m.status("ref-1"), "payaccount")
	m.Advance(10 * time.Second)
	assert.Equal(t, "0783300000", m.status("ref-1")["payaccount"])
	assert.NotContains(t, m.status("b-failed"), "payaccount")

	m = newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{OmitPayAccount: true}})
	m.pay(nil)
	m.Advance(10 * time.Second)
	assert.NotContains(t, m.status("ref-1"), "payaccount")
	assert.NotContains(t, parse(t, m.postbacks()[0].body), "payaccount")
}
