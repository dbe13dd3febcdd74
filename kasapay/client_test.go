package kasapay_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

type step = clienttest.Step

var answer = clienttest.Answer

// actions lists what the requests asked for, logins included.
func actions(s *clienttest.Script) string {
	var all []string
	for _, r := range s.Requests() {
		switch {
		case strings.HasSuffix(r.URL, "/v1/auth"):
			all = append(all, "auth")
		case r.Method == http.MethodGet:
			all = append(all, "status")
		default:
			all = append(all, "initiate")
		}
	}
	return strings.Join(all, " ")
}

const (
	planted   = "planted-secret"
	token     = `{"access_token":"planted-token","expiresIn":3600}`
	accepted  = `{"payout_reference":"a99658d5","response_code":720,"response_description":"Payout request has been accepted for processing"}`
	processed = `{"payout_reference":"ms83-1","payment_status":700,"amount":"100.00","currency":"KES"}`
	pending   = `{"payout_reference":"ms83-1","payment_status":703,"amount":"100.00","currency":"KES"}`
	unknown   = `{"statusCode":404,"message":"Invalid Payout Reference","error":"Not Found"}`
	badToken  = `{"statusCode":401,"message":"Unauthorized","error":"Unauthorized"}`
)

// newClient plays a login first, then the steps.
func newClient(t testing.TB, steps []step, change ...func(*kasapay.Config)) (*kasapay.Client, *clienttest.Script) {
	t.Helper()
	s := clienttest.NewScript(append([]step{answer(200, token)}, steps...)...)
	cfg := kasapay.Config{
		BaseURL: kasapay.SandboxURL, ConsumerKey: "key-1", ConsumerSecret: planted, ServiceCode: "12346",
		Options: sdk.Options{HTTPClient: &http.Client{Transport: s}},
	}
	for _, c := range change {
		c(&cfg)
	}
	client, err := kasapay.New(cfg)
	require.NoError(t, err)
	return client, s
}

func validPayout() kasapay.InitiateParams {
	return kasapay.InitiateParams{
		Reference: "ms83-1", RecipientType: kasapay.Paybill, RecipientAccountNumber: "5656", RecipientName: "Test Limited",
		AccountReference: "0101", Amount: decimal.NewFromInt(100), Currency: "KES", Country: "KEN", Description: "Flour",
		CallbackURL: "https://shop.example/kasapay",
	}
}
