package kpaytest_test

import (
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestScenarios(t *testing.T) {
	t.Parallel()
	const (
		pending = "03 Pending transaction."
		paid    = "01 Successfully processed transaction."
		unknown = "611 Transaction not found"
		never   = 100 * time.Hour
	)
	for _, tc := range []struct {
		scenario      fake.Scenario
		number        string
		before, after string        // status before and when it has ended
		ends          time.Duration // when
		postbacks     int
	}{
		{scenario: "paid", before: pending, after: paid, ends: 10 * time.Second, postbacks: 1},
		{scenario: "failed", number: "0001", before: pending, after: "02 Payment failed.", ends: 10 * time.Second, postbacks: 1},
		{scenario: "no-funds", number: "0002", before: pending, after: "02 TARGET_AUTHORIZATION_ERROR", ends: 10 * time.Second, postbacks: 1},
		{scenario: "never", number: "0003", before: pending, after: pending, ends: never},
		{scenario: "slow", number: "0004", before: pending, after: paid, ends: 10 * time.Minute, postbacks: 1},
		{scenario: "processor-error", number: "0005", before: pending, after: "682 An internal error caused the operation to fail", ends: 10 * time.Second, postbacks: 1},
		{scenario: "immediate", number: "0006", after: "01 SUCCESSFUL", postbacks: 1},
		{scenario: "refused", number: "0007", after: "02 TARGET_AUTHORIZATION_ERROR"},
		{scenario: "refused-no-funds", number: "0008", after: "02 TARGET_AUTHORIZATION_ERROR"},
		{scenario: "lost", number: "0009", before: pending, after: paid, ends: 10 * time.Second},
		{scenario: "lagging", number: "0010", before: unknown, after: paid, ends: 10 * time.Second, postbacks: 1},
	} {
		for by, changes := range map[string]object{
			"number":           {"msisdn": "078330" + tc.number, "refid": "r"},
			"foreign number":   {"msisdn": "25078330" + tc.number, "refid": "r"},
			"refid":            {"refid": "r-" + string(tc.scenario)},
			"refid of a card":  {"refid": "r-" + string(tc.scenario), "pmethod": "cc"},
			"refid over phone": {"refid": "r-" + string(tc.scenario), "msisdn": "0783300001"},
		} {
			if tc.number == "" && changes["refid"] == "r" {
				continue
			}
			t.Run(string(tc.scenario)+" by "+by, func(t *testing.T) {
				t.Parallel()
				m := newMerchant(t, kpaytest.Config{})
				m.pay(changes)
				refID := changes["refid"].(string)
				show := func() string { s := m.status(refID); return s["statusid"].(string) + " " + s["statusdesc"].(string) }
				if tc.ends > 0 {
					assert.Equal(t, tc.before, show())
					m.Advance(tc.ends - time.Second)
					assert.NotEqual(t, "01", m.status(refID)["statusid"])
					assert.Empty(t, m.postbacks())
					m.Advance(time.Second)
				}
				assert.Equal(t, tc.after, show())
				assert.Len(t, m.postbacks(), tc.postbacks)
				p, known := m.Payment(refID)
				require.True(t, known)
				assert.Equal(t, tc.scenario, p.Scenario)
				if p.StatusID == "01" {
					faketest.WantMoney(t, "4200", m.Balance("02", "RWF"))
					assert.Regexp(t, `^[1-9][0-9]{8}$`, p.MoMoTransactionID)
				} else {
					faketest.WantMoney(t, "0", m.Balance("02", "RWF"))
					assert.Empty(t, p.MoMoTransactionID)
					assert.Empty(t, p.PayAccount)
				}
				require.NoError(t, m.CheckLedger())
			})
		}
	}
}

func TestRefIDsThatOnlyLookMagic(t *testing.T) {
	t.Parallel()
	for _, refID := range []string{"failed", "order-0001", "refused-1", "xfailed", "never-mind"} {
		m := newMerchant(t, kpaytest.Config{})
		m.pay(object{"refid": refID})
		m.Advance(10 * time.Second)
		assert.Equal(t, "01", m.status(refID)["statusid"], refID)
	}
}

func TestConfiguredScenarioCountsWithoutMagic(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Scenario: fake.ScenarioFailed, EndsAfter: time.Minute})
	m.pay(nil)
	m.pay(object{"refid": "b-paid"})
	m.Advance(59 * time.Second)
	assert.Equal(t, "03", m.status("ref-1")["statusid"])
	m.Advance(time.Second)
	assert.Equal(t, "02", m.status("ref-1")["statusid"])
	assert.Equal(t, "01", m.status("b-paid")["statusid"])
}

func TestSlowAfter(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{SlowAfter: time.Hour}})
	m.pay(object{"refid": "a-slow"})
	m.Advance(time.Hour - time.Second)
	assert.Equal(t, "03", m.status("a-slow")["statusid"])
	m.Advance(time.Second)
	assert.Equal(t, "01", m.status("a-slow")["statusid"])
}

func TestImmediateSuccessHasTheGuidesShape(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	response := m.pay(object{"msisdn": "0783300006"})
	want := parse(t, `{"tid":"E6974821594723662","refid":"15947234071471114","momtransactionid":"85640192","statusdesc":"SUCCESSFUL","statusid":"01","retcode":0}`)
	assert.Equal(t, faketest.Shape(want), faketest.Shape(response))
	for _, name := range []string{"statusdesc", "statusid", "retcode"} {
		assert.Equal(t, want[name], response[name], name)
	}
	faketest.WantMoney(t, "4200", m.Balance("02", "RWF"))
	m.Advance(time.Hour)
	assert.Len(t, m.postbacks(), 1)
	faketest.WantMoney(t, "4200", m.Balance("02", "RWF"))
}

func TestCardWaitsForThePage(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	m.pay(object{"pmethod": "cc", "bankid": "000"})
	m.Advance(24 * time.Hour)
	assert.Equal(t, "03", m.status("ref-1")["statusid"])
}

func TestLookupLag(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{LookupLag: 5 * time.Second})
	m.pay(nil)
	assert.Equal(t, "611", m.status("ref-1")["statusid"])
	m.wantRefusal("608", m.pay(nil))
	m.Advance(5*time.Second - 1)
	assert.Equal(t, "611", m.status("ref-1")["statusid"])
	m.Advance(1)
	assert.Equal(t, "03", m.status("ref-1")["statusid"])
}

// A payment ends by itself when the clock follows real time.
func TestSettlesInRealTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMerchant(t, kpaytest.Config{Options: fake.Options{RealTime: true}})
		m.pay(nil)
		<-time.After(10*time.Second - 1)
		synctest.Wait()
		assert.Equal(t, "03", m.status("ref-1")["statusid"])
		<-time.After(2)
		synctest.Wait()
		assert.Len(t, m.postbacks(), 1)
		assert.Equal(t, "01", m.status("ref-1")["statusid"])
	})
}

func TestMovePayment(t *testing.T) {
	t.Parallel()
	for statusID, want := range map[string]string{
		"01": "01", "1": "01", " 001 ": "01", "02": "02", "2": "02", "682": "682", "606": "606", "607": "607", "4": "4",
		"": "", "0": "", "00": "", "03": "", "3": "", "401": "", "500": "", "600": "", "605": "", "608": "", "611": "", "paid": "", "-1": "", "1234567": "",
	} {
		t.Run(statusID, func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, kpaytest.Config{})
			m.pay(object{"msisdn": "0783300003"})
			err := m.MovePayment("ref-1", kpay.Code(statusID))
			if want == "" {
				require.ErrorIs(t, err, fake.ErrIllegalMove)
				assert.Equal(t, "03", m.status("ref-1")["statusid"])
				assert.Empty(t, m.postbacks())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want, m.status("ref-1")["statusid"])
			assert.Len(t, m.postbacks(), 1)
			require.NoError(t, m.CheckLedger())
		})
	}
}

func TestAFinalPaymentStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, first := range []kpay.Code{"01", "02"} {
		m := newMerchant(t, kpaytest.Config{})
		m.pay(nil)
		require.NoError(t, m.MovePayment("ref-1", first))
		for _, second := range []kpay.Code{"01", "02", "682"} {
			require.ErrorIs(t, m.MovePayment("ref-1", second), fake.ErrIllegalMove)
		}
		m.Advance(time.Hour)
		assert.EqualValues(t, first, m.status("ref-1")["statusid"], "its scenario is void")
		assert.Len(t, m.postbacks(), 1)
		assert.Len(t, m.Entries("02", "RWF"), map[kpay.Code]int{"01": 1, "02": 0}[first])
	}
	m := newMerchant(t, kpaytest.Config{})
	require.ErrorIs(t, m.MovePayment("none", "01"), fake.ErrNotFound)
}

func TestAdminMovesAPayment(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	m.pay(object{"refid": "a/b", "msisdn": "0783300003"})
	for _, tc := range []struct {
		refID, body string
		status      int
		says        string
	}{
		{"a%2Fb", `{"statusid":"03"}`, 400, `"field":"statusid"`},
		{"a%2Fb", `{}`, 400, `"field":"statusid"`},
		{"a%2Fb", `{"statusid":1}`, 400, `"field":"statusid"`},
		{"a%2Fb", `{"status":"01"}`, 400, `"field":"status"`},
		{"a%2Fb", `[]`, 400, `"error"`},
		{"none", `{"statusid":"01"}`, 404, `"field":"refid"`},
		{"a%2Fb", `{"statusid":"01"}`, 200, `"statusid":"01"`},
		{"a%2Fb", `{"statusid":"02"}`, 409, `final already: 01`},
	} {
		status, text := faketest.Admin(m.Admin(), "POST", "/_fake/kpay/payments/"+tc.refID+"/settle", tc.body)
		assert.Equal(t, tc.status, status, "%s: %s", tc.body, text)
		assert.Contains(t, text, tc.says, tc.body)
	}
	assert.Len(t, m.postbacks(), 1)
}

func TestPostbackIsRepeatedUntilTheRightAcknowledgement(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status   int
		response func(body object) any
		taken    bool
	}{
		"right":              {200, func(b object) any { return object{"tid": b["tid"], "refid": b["refid"], "reply": "OK"} }, true},
		"201":                {201, func(b object) any { return object{"tid": b["tid"], "refid": b["refid"], "reply": "OK"} }, true},
		"reply in any case":  {200, func(b object) any { return object{"tid": b["tid"], "refid": b["refid"], "reply": " ok "} }, true},
		"more keys":          {200, func(b object) any { return object{"tid": b["tid"], "refid": b["refid"], "reply": "OK", "x": 1} }, true},
		"error status":       {500, func(b object) any { return object{"tid": b["tid"], "refid": b["refid"], "reply": "OK"} }, false},
		"redirect":           {302, func(b object) any { return object{"tid": b["tid"], "refid": b["refid"], "reply": "OK"} }, false},
		"other reply":        {200, func(b object) any { return object{"tid": b["tid"], "refid": b["refid"], "reply": "unknown refid"} }, false},
		"no reply":           {200, func(b object) any { return object{"tid": b["tid"], "refid": b["refid"]} }, false},
		"other tid":          {200, func(b object) any { return object{"tid": "A1", "refid": b["refid"], "reply": "OK"} }, false},
		"other refid":        {200, func(b object) any { return object{"tid": b["tid"], "refid": "x", "reply": "OK"} }, false},
		"no ids":             {200, func(object) any { return object{"reply": "OK"} }, false},
		"not an object":      {200, func(object) any { return "OK" }, false},
		"the postback again": {200, func(b object) any { return b }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, kpaytest.Config{})
			m.respond = func(_ int, body object) (int, any) { return tc.status, tc.response(body) }
			m.pay(nil)
			m.Advance(10 * time.Second)
			d := faketest.CheckRetries(t, m.Control, tc.taken, func() int { return len(m.postbacks()) })
			assert.Equal(t, "postback", d.Event)
			assert.Equal(t, "ref-1", d.Identity)
			for _, p := range m.postbacks() {
				assert.Equal(t, m.postbacks()[0], p, "every attempt says the same")
			}
		})
	}
}

func TestCallbackRetriesAreConfigured(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retries []time.Duration
		want    int
	}{"none": {[]time.Duration{}, 1}, "two": {[]time.Duration{time.Second, time.Second}, 3}} {
		m := newMerchant(t, kpaytest.Config{CallbackRetries: tc.retries})
		m.respond = func(int, object) (int, any) { return 500, nil }
		m.pay(nil)
		m.Advance(time.Hour)
		assert.Len(t, m.postbacks(), tc.want, name)
	}
}

func TestPostbackFormats(t *testing.T) {
	t.Parallel()
	for format, contentType := range map[kpaytest.PostbackFormat]string{
		"":                            "application/json",
		kpaytest.PostbackJSON:         "application/json",
		kpaytest.PostbackFormLabelled: "application/x-www-form-urlencoded",
		kpaytest.PostbackForm:         "application/x-www-form-urlencoded",
	} {
		m := newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{PostbackFormat: format}})
		m.pay(object{"refid": "a&b=c"})
		m.Advance(10 * time.Second)
		posts := m.postbacks()
		require.NotEmpty(t, posts)
		assert.Equal(t, contentType, posts[0].contentType, format)
		if format == kpaytest.PostbackForm {
			form, err := url.ParseQuery(posts[0].body)
			require.NoError(t, err)
			assert.Equal(t, "a&b=c", form.Get("refid"))
			assert.Equal(t, "01", form.Get("statusid"))
			assert.Len(t, form, 6)
			continue
		}
		assert.Equal(t, m.status("a&b=c"), parse(t, posts[0].body), format)
	}
}

func TestCallbackFaults(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	faketest.CheckCallbackFaults(t, m.Control, func(refID string) { m.pay(object{"refid": refID}) }, func() int { return len(m.postbacks()) })
	faketest.WantMoney(t, "12600", m.Balance("02", "RWF"))
}
