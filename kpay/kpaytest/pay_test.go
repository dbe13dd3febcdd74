package kpaytest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

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
				answer := m.pay(object{name: value})
				m.wantRefusal("603", answer)
				assert.Contains(t, answer["reply"], name)
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
	m := newMerchant(t, kpaytest.Config{BankIDOptional: true})
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
			answer := m.pay(object{"amount": json.RawMessage(text)})
			if want == "" {
				m.wantRefusal("603", answer)
				assert.Empty(t, m.Payments())
				return
			}
			m.wantRefusal("0", answer)
			require.Len(t, m.Payments(), 1)
			wantMoney(t, want, m.Payments()[0].Amount)
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
	for i, bank := range []string{"040", "130", "63510", "63514", "000", "63502", "192", "951", "63501"} {
		m.wantRefusal("0", m.pay(object{"refid": fmt.Sprint("b", i), "bankid": bank}))
	}
	for _, bank := range []any{"40", 40, "30", "0"} {
		m.wantRefusal("610", m.pay(object{"refid": "new", "bankid": bank}))
	}
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
	answer := m.pay(object{"msisdn": "0783300007"})
	assert.Equal(t, shape(parse(t, `{"reply":"TARGET_AUTHORIZATION_ERROR","url":" ","success":0,"authkey":"k","tid":"E","refid":"r","retcode":606}`)), shape(answer))
	assert.Equal(t, "TARGET_AUTHORIZATION_ERROR", answer["reply"])
	assert.Equal(t, " ", answer["url"])
	assert.Equal(t, "E", answer["tid"])
	assert.Equal(t, "ref-1", answer["refid"])
	assert.Equal(t, json.Number("0"), answer["success"])

	answer = m.pay(object{"msisdn": "0783300008", "refid": "ref-2"})
	m.wantRefusal("606", answer)
	assert.Equal(t, "Not enough funds", answer["statusmsg"])
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

	m = newMerchant(t, kpaytest.Config{RefusedRefIDReusable: true})
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
	wantMoney(t, "4200", m.Balance("02", "RWF"))
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
			var answer object
			assert.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
			codes <- answer["retcode"]
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

// An answer that got lost leaves the payment behind: a second try is a
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
		wantMoney(t, "4200", m.Balance("02", "RWF"))
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
		got, answer := m.send(m.request(order(nil)))
		assert.Equal(t, status, got)
		assert.Equal(t, code, answer["retcode"], status)
		assert.NotEmpty(t, answer["reply"])
		assert.NotContains(t, answer, "success")
		assert.Empty(t, m.Payments())
	}
}
