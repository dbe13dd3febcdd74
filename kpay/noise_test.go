package kpay_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
)

func TestNoiseInFieldsThatDecideNothingCostsNoResponse(t *testing.T) {
	for _, field := range []string{"reply", "url", "authkey", "tid", "momtransactionid", "payaccount", "statusdesc", "statusmsg", "message"} {
		for _, value := range []string{"false", "true", "[]", "{}", `["x"]`, `{"a":{}}`, "null", "1.5e3"} {
			noise := `,"` + field + `":` + value + `}`
			client, _ := newClient(t, []step{answer(200, "\xef\xbb\xbf"+`{"refid":"order-1","retcode":0`+noise), answer(200, `{"refid":"order-1","statusid":"01"`+noise)})
			payment, err := client.Pay(t.Context(), validPay())
			require.NoError(t, err, noise)
			assert.Equal(t, kpay.CodeProcessing, payment.Status)
			payment, err = client.Find(t.Context(), "order-1")
			require.NoError(t, err, noise)
			assert.Equal(t, kpay.CodePaid, payment.Status)
			_, err = kpay.ParsePostback([]byte(`{"refid":"order-1","statusid":"01"` + noise))
			require.NoError(t, err, noise)
		}
	}
}

func TestAnAllDigitRefIDMatchesItsNumber(t *testing.T) {
	p := validPay()
	p.RefID = "12"
	client, _ := newClient(t, []step{answer(200, `{"refid":12,"retcode":0}`)})
	payment, err := client.Pay(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, "12", payment.RefID)
}

func FuzzNoiseBesideWhatDecides(f *testing.F) {
	f.Add("url", `{"a":1}`)
	f.Add("tid", `[false]`)
	f.Fuzz(func(t *testing.T, field, value string) {
		name, err := json.Marshal(field)
		for _, deciding := range []string{"refid", "statusid", "retcode"} {
			if strings.EqualFold(strings.ToValidUTF8(field, "\ufffd"), deciding) {
				return
			}
		}
		if err != nil || !json.Valid([]byte(value)) {
			return
		}
		body := `{` + string(name) + `:` + value + `,"refid":"order-1","statusid":"01"}`
		if _, err := kpay.ParsePostback([]byte(body)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	})
}
