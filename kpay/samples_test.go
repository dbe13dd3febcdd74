package kpay_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func sample(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("../testdata/kpay/" + name)
	require.NoError(t, err)
	return body
}

// canonical gives equal bytes for equal JSON, digit for digit.
func canonical(t *testing.T, body []byte) string {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return string(out)
}

func TestPaySendsTheDocumentsRequestAndReadsItsResponse(t *testing.T) {
	client, s := newClient(t, []step{respond(200, string(sample(t, "pay_pending.json")))})
	payment, err := client.Pay(t.Context(), kpay.PayParams{
		RefID: "15947234071471114", Amount: decimal.NewFromInt(4200), Currency: kpay.RWF, Method: kpay.MethodMoMo,
		BankID: kpay.BankMTN, MSISDN: "0783300000", Email: "customer@example.com", CustomerName: "John Doe",
		CustomerNumber: "123456789", Details: "Order #123", RetailerID: "02",
		ReturnURL: "https://yourdomain.com/api/paymentack", RedirectURL: "https://yourdomain.com/payment-success",
	})
	require.NoError(t, err)

	var want map[string]any
	require.NoError(t, json.Unmarshal(sample(t, "pay_request.json"), &want))
	assert.NotContains(t, want, "action", "the sample leaves out what its own table requires")
	withAction := append([]byte(`{"action":"pay",`), bytes.TrimSpace(sample(t, "pay_request.json"))[1:]...)
	assert.Equal(t, canonical(t, withAction), canonical(t, []byte(s.Requests()[0].Body)))

	assert.Equal(t, "15947234071471114", payment.RefID)
	assert.Equal(t, "E6974831594723691", payment.TID)
	assert.Equal(t, kpay.CodeProcessing, payment.Status)
	assert.True(t, payment.Status.Pending())
	assert.False(t, payment.Status.Paid(), "success 1 is pending")
	assert.Equal(t, "PENDING", payment.Description)
	assert.Equal(t, "https://pay.esicia.com/checkout/A12343983489", payment.CheckoutURL)
	assert.Equal(t, "m43snbf9oivnmersqh6mnllbh5", payment.AuthKey)
	assert.Equal(t, canonical(t, sample(t, "pay_pending.json")), canonical(t, payment.Raw))
}

func TestStatusSendsTheDocumentsRequest(t *testing.T) {
	postback := string(sample(t, "postback_paid.json"))
	client, s := newClient(t, []step{respond(200, postback)})
	byRef, err := client.Find(t.Context(), "1489693046")
	require.NoError(t, err)
	byTID, err := client.Get(t.Context(), "A441489693051")
	require.NoError(t, err)
	assert.Equal(t, byRef, byTID)

	both := map[string]any{}
	for _, r := range s.Requests() {
		var body map[string]any
		require.NoError(t, json.Unmarshal([]byte(r.Body), &body))
		assert.Len(t, body, 2)
		maps.Copy(both, body)
	}
	got, err := json.Marshal(both)
	require.NoError(t, err)
	assert.Equal(t, canonical(t, sample(t, "status_request.json")), canonical(t, got))
}

func TestStatusReadsTheDocumentsResponseForAnUnknownPayment(t *testing.T) {
	client, _ := newClient(t, []step{respond(200, string(sample(t, "status_not_found.json")))})
	_, err := client.Find(t.Context(), "1489693046")
	require.ErrorIs(t, err, sdk.ErrNotFound)
	var e *sdk.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, kpay.CodeNotFound, kpay.Code(e.Code))
	assert.Equal(t, "Transaction not found", e.Message)
	assert.Equal(t, "1489693046", e.Reference)
}

func TestThePostbackOfTheDocumentIsRead(t *testing.T) {
	got, err := kpay.ParsePostback(sample(t, "postback_paid.json"))
	require.NoError(t, err)
	raw := got.Raw
	got.Raw = nil
	assert.Equal(t, kpay.Payment{
		RefID: "1489693046", TID: "A441489693051", Status: kpay.CodePaid, ProcessorID: "616730887",
		PayerAccount: "0783300000", Description: "Successfully processed transaction.",
	}, got)
	assert.Equal(t, canonical(t, sample(t, "postback_paid.json")), canonical(t, raw))
}

// Whatever the server says, Pay returns this payment or an error, and nothing is
// paid without a statusid.
func FuzzResponsesToPay(f *testing.F) {
	for _, body := range []string{pending, paid, unknown, awaiting, `{"retcode":"01","success":true}`, `{"statusid":682,"refid":"order-1"}`, `[]`, `{`} {
		f.Add(200, body)
		f.Add(500, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		client, _ := newClient(t, []step{respond(status, body), respond(200, `{"reply":"x","retcode":601}`)}, func(c *kpay.Config) { c.MaxAttempts = 1 })
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
