package kpay_test

import (
	"strings"
	"testing"

	"github.com/kapiteni/kapiten-go/kpay"
)

// Whatever the server says, Pay returns this payment or an error, and nothing is
// paid without a statusid.
func FuzzAnswersToPay(f *testing.F) {
	for _, body := range []string{pending, paid, unknown, awaiting, `{"retcode":"01","success":true}`, `{"statusid":682,"refid":"order-1"}`, `[]`, `{`} {
		f.Add(200, body)
		f.Add(500, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		client, _ := newClient(t, []step{answer(status, body), answer(200, `{"reply":"x","retcode":601}`)}, func(c *kpay.Config) { c.MaxAttempts = 1 })
		payment, err := client.Pay(t.Context(), validPay())
		switch {
		case err == nil && (payment == nil || payment.RefID != "order-1" || payment.Status == ""):
			t.Errorf("no error and no payment: %+v", payment)
		case err == nil && payment.Status.Paid() && !strings.Contains(strings.ToLower(body), "statusid"):
			t.Errorf("paid without a statusid: %s", body)
		case err == nil && (status < 200 || status > 299):
			t.Errorf("accepted under HTTP %d", status)
		case err != nil && payment != nil:
			t.Error("an error and a payment")
		}
	})
}
