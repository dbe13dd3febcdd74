package kpay_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

type step = clienttest.Step

var respond = clienttest.Respond

// actions lists what the requests asked for.
func actions(s *clienttest.Script) string {
	var all []string
	for _, r := range s.Requests() {
		if strings.Contains(r.Body, `"checkstatus"`) {
			all = append(all, "checkstatus")
		} else {
			all = append(all, "pay")
		}
	}
	return strings.Join(all, " ")
}

const (
	planted  = "planted-password"
	pending  = `{"reply":"PENDING","url":"https://pay.esicia.com/checkout/A1","success":1,"authkey":"k","tid":"E1","refid":"order-1","retcode":0}`
	unknown  = `{"tid":"","refid":"","momtransactionid":"","statusid":"611","statusdesc":"Transaction not found"}`
	paid     = `{"tid":"A1","refid":"order-1","momtransactionid":"616730887","payaccount":"0783300000","statusid":"01","statusdesc":"SUCCESSFUL"}`
	awaiting = `{"tid":"A1","refid":"order-1","momtransactionid":"","statusid":"03","statusdesc":"PENDING"}`
)

func newClient(t testing.TB, steps []step, change ...func(*kpay.Config)) (*kpay.Client, *clienttest.Script) {
	t.Helper()
	s := clienttest.NewScript(steps...)
	cfg := kpay.Config{
		BaseURL: kpay.SandboxURL, Username: "shop", Password: planted, RetailerID: "02",
		Options: sdk.Options{HTTPClient: &http.Client{Transport: s}},
	}
	for _, c := range change {
		c(&cfg)
	}
	client, err := kpay.New(cfg)
	require.NoError(t, err)
	return client, s
}

func validPay() kpay.PayParams {
	return kpay.PayParams{
		RefID: "order-1", Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300000",
		Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "123456789", Details: "Order #1",
		ReturnURL: "https://shop.example/kpay", RedirectURL: "https://shop.example/thanks",
	}
}
