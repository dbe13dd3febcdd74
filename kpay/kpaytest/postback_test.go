package kpaytest_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestPostbackIsRepeatedUntilTheRightAcknowledgement(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		answer func(body object) any
		taken  bool
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
			m.answer = func(_ int, body object) (int, any) { return tc.status, tc.answer(body) }
			m.pay(nil)
			m.Advance(10 * time.Second)
			want := 1
			for _, wait := range []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour} {
				assert.Len(t, m.postbacks(), want)
				m.Advance(wait - 1)
				assert.Len(t, m.postbacks(), want, "not before its time")
				m.Advance(1)
				if !tc.taken {
					want++
				}
				assert.Len(t, m.postbacks(), want)
			}
			m.Advance(1000 * time.Hour)
			assert.Len(t, m.postbacks(), want, "attempts are bounded")
			state := "dead"
			if tc.taken {
				state = "delivered"
			}
			require.Len(t, m.Deliveries(), 1)
			d := m.Deliveries()[0]
			assert.EqualValues(t, state, d.State)
			assert.Len(t, d.Attempts, want)
			assert.Equal(t, "postback", d.Event)
			assert.Equal(t, "ref-1", d.Subject)
			for _, p := range m.postbacks() {
				assert.Equal(t, m.postbacks()[0], p, "every attempt says the same")
			}
		})
	}
}

func TestPostbackRetriesAreConfigured(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retries []time.Duration
		want    int
	}{"none": {[]time.Duration{}, 1}, "two": {[]time.Duration{time.Second, time.Second}, 3}} {
		m := newMerchant(t, kpaytest.Config{PostbackRetries: tc.retries})
		m.answer = func(int, object) (int, any) { return 500, nil }
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
		m := newMerchant(t, kpaytest.Config{PostbackFormat: format})
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
	require.NoError(t, m.AddCallbackFault(fake.CallbackFault{Subject: "twice", Kind: fake.CallbackDuplicate}))
	require.NoError(t, m.AddCallbackFault(fake.CallbackFault{Subject: "gone", Kind: fake.CallbackDrop}))
	require.NoError(t, m.AddCallbackFault(fake.CallbackFault{Subject: "late", Kind: fake.CallbackDelay, Seconds: 60}))
	for _, refID := range []string{"twice", "gone", "late"} {
		m.pay(object{"refid": refID})
	}
	m.Advance(10 * time.Second)
	assert.Len(t, m.postbacks(), 2)
	m.Advance(time.Minute)
	assert.Len(t, m.postbacks(), 3)
	for _, d := range m.Deliveries() {
		if d.Subject == "gone" {
			require.NoError(t, m.Redeliver(d.ID))
		}
	}
	assert.Len(t, m.postbacks(), 4)
	wantMoney(t, "12600", m.Balance("02", "RWF"))
}
