package kpay_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
)

func TestPostbacksAreReadInEveryForm(t *testing.T) {
	const object = `{"tid":"A1","refid":"order-1","momtransactionid":"85&64=0","statusdesc":"a b","statusid":"01"}`
	form := url.Values{"tid": {"A1"}, "refid": {"order-1"}, "momtransactionid": {"85&64=0"}, "statusdesc": {"a b"}, "statusid": {"1"}}
	for name, body := range map[string]string{
		"JSON, whatever its label":    object,
		"JSON with spaces around it":  "\r\n " + object + "\n",
		"JSON as a form's only key":   url.QueryEscape(object) + "=",
		"JSON as a key without value": url.QueryEscape(object),
		"a form":                      form.Encode(),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := kpay.ParsePostback([]byte(body))
			require.NoError(t, err)
			assert.True(t, json.Valid(got.Raw), string(got.Raw))
			got.Raw = nil
			assert.Equal(t, kpay.Payment{RefID: "order-1", TID: "A1", Status: kpay.CodePaid, ProcessorID: "85&64=0", Description: "a b"}, got)
		})
	}
}

func TestPostbacksMayLackWhatIsNotEssential(t *testing.T) {
	for body, status := range map[string]kpay.Code{
		`{"refid":"order-1","statusid":"01"}`:                                           kpay.CodePaid,
		`{"refid":" order-1 ","statusid":" 02 ","tid":null,"momtransactionid":null}`:    kpay.CodeFailed,
		`{"refid":"order-1","statusid":682,"momtransactionid":"","extra":[{"a":null}]}`: "682",
		`refid=order-1&statusid=03`:                                                     kpay.CodePending,
	} {
		got, err := kpay.ParsePostback([]byte(body))
		require.NoError(t, err, body)
		assert.Equal(t, "order-1", got.RefID)
		assert.Equal(t, status, got.Status)
	}
}

func TestPostbacksWithoutReferenceOrStatusAreRefused(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `[{"refid":"order-1","statusid":"01"}]`, `"x"`, `{`, `{}`, `{"refid":"order-1"}`, `{"statusid":"01"}`,
		`{"refid":"","statusid":"01"}`, `{"refid":"order-1","statusid":" "}`, `{"refid":{"a":1},"statusid":"01"}`,
		`refid=order-1&statusid=02&statusid=01`, `refid=order-1&refid=order-2&statusid=01`, `note=1&` + url.QueryEscape(`{"refid":"order-1","statusid":"01"}`), `refid=order-1`, `statusid=01`, `%zz`, `a;b`, url.QueryEscape(`{"refid":"order-1"`) + "=",
		`{"refid":"order-1","retcode":0,"success":1}`,
	} {
		_, err := kpay.ParsePostback([]byte(body))
		assert.Error(t, err, body)
	}
}

func FuzzParsePostback(f *testing.F) {
	for _, seed := range []string{
		`{"refid":"order-1","statusid":"01"}`, `refid=order-1&statusid=01`, `%7B%22refid%22%3A1%2C%22statusid%22%3A1%7D=`, `{"refid":1e99,"statusid":-1}`, `{`, `&`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := kpay.ParsePostback(body)
		if err == nil && (got.RefID == "" || got.Status == "" || !json.Valid(got.Raw)) {
			t.Errorf("read a postback without what makes it one: %+v", got)
		}
	})
}
