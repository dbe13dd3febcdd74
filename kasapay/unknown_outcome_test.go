package kasapay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestAnUnknownOutcomeIsSettledByTheReference(t *testing.T) {
	isAccepted, isProcessed, isUnknown := answer(200, accepted), answer(200, processed), answer(200, unknown)
	duplicate := answer(200, `{"response_code":721,"error_code":"DUPLICATE_REFERENCE"}`)
	unheardOf := answer(200, `{"response_code":721,"error_code":"REFERENCE_LOCKED"}`)
	noFunds := answer(200, `{"response_code":721,"error_code":"INSUFFICIENT_FUNDS"}`)
	notOurs := answer(200, `{"response_code":721,"error_code":"SERVICE_NOT_ALLOWED"}`)
	invalid := answer(400, `{"statusCode":400,"message":["amount must be a string"],"error":"Bad Request"}`)
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
		"a proxy's page, found pending": {[]step{answer(502, "<h1>502</h1>"), answer(200, pending)}, "initiate status", "703", "", nil, 0},
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
			"initiate status status status initiate status status status", "", "rejected", sdk.ErrConfiguration, 6 * time.Second},
		"our own second attempt is invalid, and it is not there": {[]step{nil, isUnknown, isUnknown, isUnknown, invalid, isUnknown},
			"initiate status status status initiate status status status", "", "rejected", sdk.ErrValidation, 6 * time.Second},
		"dropped twice, never shown": {[]step{nil, isUnknown, isUnknown, isUnknown, nil, isUnknown},
			"initiate status status status initiate status status status", "", "unknown", nil, 6 * time.Second},
		"a duplicate on a fresh call": {[]step{duplicate}, "initiate", "", "rejected", sdk.ErrDuplicate, 0},
		"another amount": {[]step{nil, answer(200, `{"payment_status":700,"amount":"100.01","currency":"KES"}`)},
			"initiate status", "", "unknown", nil, 0},
		"another currency": {[]step{nil, answer(200, `{"payment_status":700,"amount":"100.00","currency":"USD"}`)},
			"initiate status", "", "unknown", nil, 0},
		"the same amount in other words": {[]step{nil, answer(200, `{"payment_status":703,"amount":100}`)}, "initiate status", "703", "", nil, 0},
		"a route that is not there is not absence": {[]step{nil, answer(404, `{"statusCode":404,"message":"Cannot GET /x"}`)},
			"initiate status", "", "unknown", nil, 0},
		"a proxy's 404 is not absence": {[]step{nil, answer(404, `{"message":"Not Found"}`)}, "initiate status", "", "unknown", nil, 0},
		"a token that ends on the way": {[]step{nil, answer(401, badToken), answer(200, token), isProcessed},
			"initiate status auth status", "700", "", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, s := newClient(t, tc.steps)
				start := time.Now()
				payout, err := client.Payouts.Create(t.Context(), validPayout())
				assert.Equal(t, "auth "+tc.sent, actions(s))
				assert.Equal(t, tc.took, time.Since(start))
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

func TestAPayoutUnderTheSameReferenceWithAnotherAmountIsNamed(t *testing.T) {
	client, _ := newClient(t, []step{nil, answer(200, `{"payment_status":700,"amount":"7.00","currency":"KES"}`)})
	_, err := client.Payouts.Create(t.Context(), validPayout())
	require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
	assert.Contains(t, err.Error(), "the payout under this reference has another amount or currency")
}
