package kasapay_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestAnUnknownOutcomeIsSettledByTheReference(t *testing.T) {
	isAccepted, isProcessed, isUnknown := respond(200, accepted), respond(200, processed), respond(200, unknown)
	another, unnamed := respond(200, strings.Replace(accepted, "ms83-1", "a99658d5", 1)), respond(200, `{"response_code":720}`)
	duplicate := respond(200, `{"response_code":721,"error_code":"DUPLICATE_REFERENCE"}`)
	unheardOf := respond(200, `{"response_code":721,"error_code":"REFERENCE_LOCKED"}`)
	noFunds := respond(200, `{"response_code":721,"error_code":"INSUFFICIENT_FUNDS"}`)
	notOurs := respond(200, `{"response_code":721,"error_code":"SERVICE_NOT_ALLOWED"}`)
	invalid := respond(400, `{"statusCode":400,"message":["amount must be a string"],"error":"Bad Request"}`)
	for name, tc := range map[string]struct {
		steps    []step
		sent     string
		status   kasapay.PaymentStatus // of the payout; empty: an error
		outcome  string
		sentinel error
		took     time.Duration
	}{
		"answered":                      {[]step{isAccepted}, "initiate", "720", "", nil, 0},
		"dropped, found":                {[]step{nil, isProcessed}, "initiate status", "700", "", nil, 0},
		"a proxy's page, found pending": {[]step{respond(502, "<h1>502</h1>"), respond(200, pending)}, "initiate status", "703", "", nil, 0},
		"dropped, shown a second later": {[]step{nil, isUnknown, isProcessed}, "initiate status status", "700", "", nil, time.Second},
		"dropped, absent, sent once more": {[]step{nil, isUnknown, isUnknown, isUnknown, isAccepted},
			"initiate status status status initiate", "720", "", nil, 3 * time.Second},
		"our own second attempt is a duplicate": {[]step{nil, isUnknown, isUnknown, isUnknown, duplicate, isProcessed},
			"initiate status status status initiate status", "700", "", nil, 3 * time.Second},
		"our own second attempt is refused in words unheard of, yet it is there": {[]step{nil, isUnknown, isUnknown, isUnknown, unheardOf, isProcessed},
			"initiate status status status initiate status", "700", "", nil, 3 * time.Second},
		// Words unheard of may be those of a duplicate, and the float may be short
		// because the first payout has it.
		"our own second attempt is refused in words unheard of, and it is not shown": {[]step{nil, isUnknown, isUnknown, isUnknown, unheardOf, isUnknown},
			"initiate status status status initiate status status status", "", "unknown", nil, 6 * time.Second},
		"our own second attempt is beyond the float, and it is not shown": {[]step{nil, isUnknown, isUnknown, isUnknown, noFunds, isUnknown},
			"initiate status status status initiate status status status", "", "unknown", sdk.ErrInsufficientFunds, 6 * time.Second},
		"our own second attempt is refused for what both ask, and it is not there": {[]step{nil, isUnknown, isUnknown, isUnknown, notOurs, isUnknown},
			"initiate status status status initiate status status status", "", "unknown", sdk.ErrConfiguration, 6 * time.Second},
		"our own second attempt is invalid, and it is not there": {[]step{nil, isUnknown, isUnknown, isUnknown, invalid, isUnknown},
			"initiate status status status initiate status status status", "", "unknown", sdk.ErrValidation, 6 * time.Second},
		"dropped twice, never shown": {[]step{nil, isUnknown, isUnknown, isUnknown, nil, isUnknown},
			"initiate status status status initiate status status status", "", "unknown", nil, 6 * time.Second},
		"accepted under another reference, found":                {[]step{another, isProcessed}, "initiate status", "700", "", nil, 0},
		"accepted without a reference, found":                    {[]step{unnamed, isProcessed}, "initiate status", "700", "", nil, 0},
		"accepted under another reference, shown a second later": {[]step{another, isUnknown, isProcessed}, "initiate status status", "700", "", nil, time.Second},
		"accepted under another reference, never shown": {[]step{another, isUnknown},
			"initiate status status status", "", "unknown", nil, 3 * time.Second},
		"accepted under another reference, and nobody can tell": {[]step{another, respond(404, "<h1>404</h1>")},
			"initiate status", "", "unknown", nil, 0},
		"accepted under another reference, and another payout is there": {[]step{another, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":"100.01"}`)},
			"initiate status", "", "unknown", sdk.ErrReferenceTaken, 0},
		"a duplicate on a fresh call": {[]step{duplicate, isProcessed}, "initiate status", "700", "", nil, 0},
		"a duplicate on a fresh call, not shown": {[]step{duplicate, isUnknown},
			"initiate status status status", "", "unknown", sdk.ErrDuplicate, 3 * time.Second},
		"a refusal unheard of on a fresh call":          {[]step{unheardOf, isProcessed}, "initiate status", "700", "", nil, 0},
		"no funds, for the payout has them":             {[]step{noFunds, isProcessed}, "initiate status", "700", "", nil, 0},
		"a service taken away, and the payout is there": {[]step{notOurs, isProcessed}, "initiate status", "700", "", nil, 0},
		"no funds, and no payout":                       {[]step{noFunds, isUnknown}, "initiate status", "", "rejected", sdk.ErrInsufficientFunds, 0},
		"no funds, and the payout failed": {[]step{noFunds, respond(200, `{"payout_reference":"ms83-1","payment_status":701,"amount":"100.00"}`)},
			"initiate status", "", "rejected", sdk.ErrInsufficientFunds, 0},
		"no funds, and the payout was reversed": {[]step{noFunds, respond(200, `{"payout_reference":"ms83-1","payment_status":702,"amount":"100.00"}`)},
			"initiate status", "702", "", nil, 0},
		"no funds, and another payout is there": {[]step{noFunds, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":"100.01"}`)},
			"initiate status", "", "rejected", sdk.ErrInsufficientFunds, 0},
		"a service taken away, and the amount cannot be read": {[]step{notOurs, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":"9,999.00"}`)},
			"initiate status", "", "unknown", sdk.ErrConfiguration, 0},
		"a service taken away, and another kind of recipient": {[]step{notOurs, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"destination":"moon"}`)},
			"initiate status", "", "unknown", sdk.ErrConfiguration, 0},
		"a service taken away, and the payout has no status": {[]step{notOurs, respond(200, `{"payout_reference":"ms83-1","amount":"100.00"}`)},
			"initiate status", "", "unknown", sdk.ErrConfiguration, -1},
		"a service taken away, and the status is another's": {[]step{notOurs, respond(200, `{"payout_reference":"ms83-2","payment_status":700}`)},
			"initiate status", "", "rejected", sdk.ErrConfiguration, -1},
		"no funds, and nobody can tell": {[]step{noFunds, respond(404, "<h1>404</h1>")}, "initiate status", "", "unknown", sdk.ErrInsufficientFunds, 0},
		"no funds, and the look is throttled": {[]step{noFunds, respond(429, `{"statusCode":429,"message":"ThrottlerException: Too Many Requests"}`)},
			"initiate status status status status", "", "unknown", sdk.ErrInsufficientFunds, -1},
		"a duplicate of a failed one": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":701,"amount":"100.00"}`)},
			"initiate status", "701", "", nil, 0},
		"a duplicate of another amount": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":"100.01"}`)},
			"initiate status", "", "rejected", sdk.ErrReferenceTaken, 0},
		"a duplicate of a till": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"destination":"till"}`)},
			"initiate status", "", "rejected", sdk.ErrReferenceTaken, 0},
		"a duplicate to another account": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"account_number":"**99"}`)},
			"initiate status", "", "rejected", sdk.ErrReferenceTaken, 0},
		"a duplicate to a masked account": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"account_number":"**56"}`)},
			"initiate status", "700", "", nil, 0},
		"a duplicate to the account at the paybill": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"account_number":"0101"}`)},
			"initiate status", "700", "", nil, 0},
		"a duplicate to an account N/A": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"account_number":"N/A"}`)},
			"initiate status", "700", "", nil, 0},
		"a duplicate for another account at the paybill": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"payment_account_reference":"0102"}`)},
			"initiate status", "", "rejected", sdk.ErrReferenceTaken, 0},
		"a duplicate, thousands": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":"9,999.00"}`)}, "initiate status", "", "unknown", sdk.ErrDuplicate, 0},
		"a duplicate, its currency in the amount": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":"KES 9999.00"}`)},
			"initiate status", "", "unknown", sdk.ErrDuplicate, 0},
		"a duplicate, an amount that is no text": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":{}}`)},
			"initiate status", "", "unknown", sdk.ErrDuplicate, 0},
		"a duplicate to a kind unheard of": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"destination":"moon"}`)},
			"initiate status", "", "unknown", sdk.ErrDuplicate, 0},
		"a status of nobody's": {[]step{nil, respond(200, `{"payment_status":700,"amount":"100.00","currency":"KES"}`)}, "initiate status", "", "unknown", nil, -1},
		"another payout's status": {[]step{nil, respond(200, `{"payout_reference":"ms83-2","payment_status":700}`)},
			"initiate status", "", "unknown", nil, -1},
		"a status that is no text": {[]step{nil, respond(200, `{"payout_reference":"ms83-1","payment_status":{},"amount":"100"}`)}, "initiate status", "", "unknown", nil, -1},
		"another amount": {[]step{nil, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":"100.01","currency":"KES"}`)},
			"initiate status", "", "unknown", sdk.ErrReferenceTaken, 0},
		"another currency": {[]step{nil, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":"100.00","currency":"USD"}`)},
			"initiate status", "", "unknown", sdk.ErrReferenceTaken, 0},
		"the same amount in other words": {[]step{nil, respond(200, `{"payout_reference":"ms83-1","payment_status":703,"amount":100}`)}, "initiate status", "703", "", nil, 0},
		"a route that is not there is not absence": {[]step{nil, respond(404, `{"statusCode":404,"message":"Cannot GET /x"}`)},
			"initiate status", "", "unknown", nil, 0},
		"a proxy's 404 is not absence": {[]step{nil, respond(404, `{"message":"Not Found"}`)}, "initiate status", "", "unknown", nil, 0},
		"a token that ends on the way": {[]step{nil, respond(401, badToken), respond(200, token), isProcessed},
			"initiate status auth status", "700", "", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, s := newClient(t, tc.steps)
				start := time.Now()
				payout, err := client.Payouts.Create(t.Context(), validPayout())
				if tc.took >= 0 {
					assert.Equal(t, "auth "+tc.sent, actions(s))
					assert.Equal(t, tc.took, time.Since(start))
				}
				if tc.status != "" {
					require.NoError(t, err)
					assert.Equal(t, tc.status, payout.Status)
					assert.Equal(t, "ms83-1", payout.Reference)
					return
				}
				assert.Nil(t, payout)
				var e *sdk.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, tc.outcome, e.Outcome.String())
				assert.Equal(t, "ms83-1", e.Reference)
				if tc.sentinel != nil {
					assert.ErrorIs(t, err, tc.sentinel)
				}
			})
		})
	}
}

func TestAPayoutThatWasThereIsSaidToBe(t *testing.T) {
	duplicate := respond(200, `{"response_code":721,"error_code":"DUPLICATE_REFERENCE"}`)
	for name, tc := range map[string]struct {
		steps                []step
		existing, unverified bool
	}{
		"accepted":                     {[]step{respond(200, accepted)}, false, false},
		"there before":                 {[]step{duplicate, respond(200, processed)}, true, false},
		"there before, without amount": {[]step{duplicate, respond(200, `{"payout_reference":"ms83-1","payment_status":700}`)}, true, true},
		"refused, and there before":    {[]step{respond(200, `{"response_code":721,"error_code":"INSUFFICIENT_FUNDS"}`), respond(200, processed)}, true, false},
		"perhaps ours":                 {[]step{nil, respond(200, processed)}, false, false},
		"perhaps ours, without amount": {[]step{nil, respond(200, `{"payout_reference":"ms83-1","payment_status":700,"amount":null}`)}, false, true},
	} {
		client, _ := newClient(t, tc.steps)
		payout, err := client.Payouts.Create(t.Context(), validPayout())
		require.NoError(t, err, name)
		assert.Equal(t, tc.existing, payout.Existing, name)
		assert.Equal(t, tc.unverified, payout.Unverified, name)
	}
}
