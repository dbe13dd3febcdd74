package kpaytest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
)

func TestLookupByEitherID(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{OtherTID: true})
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
		"tid of the pay answer":      {object{"tid": one.TID}, "ref-1"},
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
		answer := m.call(tc.ask)
		assert.Equal(t, tc.found, answer["refid"], name)
		if tc.found == "" {
			assert.Equal(t, sample(t, "status_not_found"), answer, name)
			continue
		}
		assert.Equal(t, "03", answer["statusid"], name)
		assert.NotContains(t, answer, "retcode", name)
		assert.Empty(t, answer["momtransactionid"], name)
	}
	m.wantRefusal("603", m.call(object{"action": "checkstatus"}))
	m.wantRefusal("603", m.call(object{"action": "checkstatus", "tid": "", "refid": " "}))
}

func TestTheSameTIDByDefault(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	answer := m.pay(nil)
	assert.Equal(t, answer["tid"], m.status("ref-1")["tid"])
}

func TestNumericRefIDs(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	answer := m.pay(object{"refid": 15947234071471114})
	assert.Equal(t, "15947234071471114", answer["refid"])
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

	m = newMerchant(t, kpaytest.Config{OmitPayAccount: true})
	m.pay(nil)
	m.Advance(10 * time.Second)
	assert.NotContains(t, m.status("ref-1"), "payaccount")
	assert.NotContains(t, parse(t, m.postbacks()[0].body), "payaccount")
}
