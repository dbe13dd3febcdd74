package kasapay_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
)

// want is what one answer means; sentinel nil is a payout.
type want struct {
	outcome  kasapay.Outcome
	sentinel error
	code     string
	response string
}

func refusal(sentinel error, code, response string) want {
	return want{kasapay.OutcomeRejected, sentinel, code, response}
}

// The lookup of an unclear answer meets a page, so that what the answer to
// Initiate itself meant is what the error shows.
func TestAnswersToInitiateAreClassified(t *testing.T) {
	unclear := func(sentinel error) want { return want{outcome: kasapay.OutcomeUnknown, sentinel: sentinel} }
	for name, tc := range map[string]struct {
		status int
		body   string
		want   want
	}{
		"accepted":                    {200, accepted, want{}},
		"accepted and created":        {201, accepted, want{}},
		"accepted, code as text":      {200, `{"response_code":"720"}`, want{}},
		"accepted, nulls and extras":  {200, `{"payout_reference":null,"response_code":720,"error_code":null,"extra":[{}]}`, want{}},
		"accepted, statusCode beside": {201, `{"statusCode":201,"response_code":720}`, want{}},

		"not my service":            {200, sample(t, "initiate_refused.json"), refusal(kasapay.ErrConfiguration, "SERVICE_NOT_ALLOWED", "721")},
		"not my service, HTTP 400":  {400, sample(t, "initiate_refused.json"), refusal(kasapay.ErrConfiguration, "SERVICE_NOT_ALLOWED", "721")},
		"refused, code as text":     {200, `{"response_code":"721"}`, refusal(kasapay.ErrRejected, "721", "721")},
		"an error code unheard of":  {200, `{"response_code":721,"error_code":"MOON_PHASE"}`, refusal(kasapay.ErrRejected, "MOON_PHASE", "721")},
		"no funds":                  {200, `{"response_code":721,"response_description":"Insufficient float"}`, refusal(kasapay.ErrInsufficientFunds, "721", "721")},
		"duplicate":                 {200, `{"response_code":721,"error_code":"DUPLICATE_REFERENCE"}`, refusal(kasapay.ErrDuplicate, "DUPLICATE_REFERENCE", "721")},
		"duplicate in words":        {400, `{"response_code":721,"response_description":"Reference already used"}`, refusal(kasapay.ErrDuplicate, "721", "721")},
		"duplicate as conflict":     {409, `{"statusCode":409,"message":"Conflict","error":"Conflict"}`, refusal(kasapay.ErrDuplicate, "", "")},
		"duplicate as 400":          {400, `{"statusCode":400,"message":"payout_reference already exists","error":"Bad Request"}`, refusal(kasapay.ErrDuplicate, "", "")},
		"another code under a 400":  {400, `{"response_code":799,"error_code":"X"}`, refusal(kasapay.ErrRejected, "X", "799")},
		"validation":                {400, `{"statusCode":400,"message":["amount must be a string"],"error":"Bad Request"}`, refusal(kasapay.ErrValidation, "", "")},
		"validation inside a 200":   {200, `{"statusCode":400,"message":"amount must be a string"}`, refusal(kasapay.ErrValidation, "", "")},
		"unprocessable":             {422, `{"statusCode":"422","message":"no"}`, refusal(kasapay.ErrValidation, "", "")},
		"forbidden":                 {403, `{"statusCode":403,"message":"Forbidden resource"}`, refusal(kasapay.ErrForbidden, "", "")},
		"a route that is not there": {404, `{"statusCode":404,"message":"Cannot POST /v1/payouts/b2b/initiate","error":"Not Found"}`, refusal(kasapay.ErrConfiguration, "", "")},
		"wrong method":              {405, `{"statusCode":405,"message":"Method Not Allowed"}`, refusal(kasapay.ErrRejected, "", "")},

		"another code under a 200":     {200, `{"response_code":799}`, want{kasapay.OutcomeUnknown, kasapay.ErrUnexpectedResponse, "799", "799"}},
		"accepted under a 400":         {400, accepted, want{kasapay.OutcomeUnknown, kasapay.ErrUnexpectedResponse, "720", "720"}},
		"accepted under a 500":         {500, accepted, want{kasapay.OutcomeUnknown, kasapay.ErrServer, "720", "720"}},
		"refused under a 503":          {503, `{"response_code":721}`, want{kasapay.OutcomeUnknown, kasapay.ErrServer, "721", "721"}},
		"no code":                      {200, `{"payout_reference":"ms83-1"}`, unclear(kasapay.ErrUnexpectedResponse)},
		"a status instead":             {200, processed, unclear(kasapay.ErrUnexpectedResponse)},
		"empty object":                 {200, `{}`, unclear(kasapay.ErrUnexpectedResponse)},
		"array":                        {200, `[]`, unclear(kasapay.ErrUnexpectedResponse)},
		"empty":                        {201, ``, unclear(kasapay.ErrUnexpectedResponse)},
		"cut short":                    {200, accepted[:30], unclear(kasapay.ErrUnexpectedResponse)},
		"server error in the envelope": {500, `{"statusCode":500,"message":"Internal server error"}`, unclear(kasapay.ErrServer)},
		"server error inside a 200":    {200, `{"statusCode":500,"message":"Internal server error"}`, unclear(kasapay.ErrUnexpectedResponse)},
		"HTML 502":                     {502, `<h1>502</h1>`, unclear(kasapay.ErrServer)},
		"HTML 404":                     {404, `<h1>404</h1>`, unclear(kasapay.ErrUnexpectedResponse)},
		"someone else's JSON":          {400, `{"message":"no Route matched with those values"}`, unclear(kasapay.ErrUnexpectedResponse)},
		"two minds about the status":   {403, `{"statusCode":400,"message":"x"}`, unclear(kasapay.ErrForbidden)},
		"a timeout on the way":         {408, `{"statusCode":408,"message":"Request Timeout"}`, unclear(kasapay.ErrUnexpectedResponse)},
		"a proxy's 429":                {429, `<h1>slow down</h1>`, unclear(kasapay.ErrRateLimited)},
	} {
		t.Run(name, func(t *testing.T) {
			client, s := newClient(t, []step{answer(tc.status, tc.body), answer(404, "<h1>404</h1>")})
			payout, err := client.Payouts.Initiate(t.Context(), validPayout())
			if tc.want.sentinel == nil {
				require.NoError(t, err)
				assert.Equal(t, kasapay.StatusAccepted, payout.Status)
				assert.Equal(t, "ms83-1", payout.Reference)
				return
			}
			assert.Nil(t, payout)
			var e *kasapay.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tc.want.outcome, e.Outcome)
			assert.ErrorIs(t, err, tc.want.sentinel)
			assert.Equal(t, tc.want.code, e.Code)
			assert.Equal(t, tc.want.response, e.ResponseCode)
			assert.Equal(t, tc.status, e.StatusCode)
			assert.Equal(t, tc.body, string(e.Body))
			assert.Equal(t, "ms83-1", e.Reference)
			if tc.want.outcome == kasapay.OutcomeUnknown {
				assert.Equal(t, "auth initiate status", actions(s), "an unclear answer is looked up")
			} else {
				assert.Equal(t, "auth initiate", actions(s), "a refusal ends the matter")
			}
		})
	}
}

func TestAnswersToStatusAreClassified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tc := range map[string]struct {
			status   int
			body     string
			payment  kasapay.PaymentStatus
			outcome  kasapay.Outcome
			sentinel error
		}{
			"processed":                 {200, processed, "700", "", nil},
			"pending":                   {200, pending, "703", "", nil},
			"code as text":              {200, `{"payment_status":" 701 "}`, "701", "", nil},
			"a status unheard of":       {200, `{"payment_status":820}`, "820", "", nil},
			"nulls, extras, odd values": {200, `{"payment_status":703,"amount":null,"account_balance":"N/A","account_number":"N/A","transaction_time":"yesterday","event_history":[{}]}`, "703", "", nil},

			"404":                       {404, unknown, "", kasapay.OutcomeRejected, kasapay.ErrNotFound},
			"404, stock words":          {404, `{"statusCode":404,"message":"Not Found"}`, "", kasapay.OutcomeRejected, kasapay.ErrNotFound},
			"400":                       {400, `{"statusCode":400,"message":["Invalid payout reference"],"error":"Bad Request"}`, "", kasapay.OutcomeRejected, kasapay.ErrNotFound},
			"in a response code":        {200, `{"response_code":721,"response_description":"Invalid Payout Reference"}`, "", kasapay.OutcomeRejected, kasapay.ErrNotFound},
			"in an error code":          {400, `{"response_code":721,"error_code":"TRANSACTION_NOT_FOUND","response_description":"Transaction not found"}`, "", kasapay.OutcomeRejected, kasapay.ErrNotFound},
			"in an error code alone":    {400, `{"response_code":721,"error_code":"INVALID_PAYOUT_REFERENCE"}`, "", kasapay.OutcomeRejected, kasapay.ErrNotFound},
			"a payout by its reference": {404, `{"statusCode":404,"message":"Payout with reference ms83-1 does not exist"}`, "", kasapay.OutcomeRejected, kasapay.ErrNotFound},
			"an error nobody explains":  {200, `{"response_code":721,"response_description":"Unknown error while reading the transaction"}`, "", kasapay.OutcomeRejected, kasapay.ErrRejected},
			"an invalid something else": {400, `{"statusCode":400,"message":"Invalid signature of the payout query"}`, "", kasapay.OutcomeRejected, kasapay.ErrRejected},
			"another framework's route": {404, `{"statusCode":404,"message":"Route GET:/v1/payouts/b2b/ms83-1/status not found","error":"Not Found"}`, "", kasapay.OutcomeNoEffect, kasapay.ErrUnexpectedResponse},
			"a conflict":                {409, `{"statusCode":409,"message":"Conflict"}`, "", kasapay.OutcomeRejected, kasapay.ErrRejected},
			"another thing not found":   {404, `{"statusCode":404,"message":"Merchant not found"}`, "", kasapay.OutcomeRejected, kasapay.ErrRejected},
			"another refusal":           {200, `{"response_code":721,"response_description":"Invalid Service"}`, "", kasapay.OutcomeRejected, kasapay.ErrConfiguration},
			"a route that is not there": {404, `{"statusCode":404,"message":"Cannot GET /v1/payouts/b2b/ms83-1/status","error":"Not Found"}`, "", kasapay.OutcomeNoEffect, kasapay.ErrUnexpectedResponse},
			"a page that is not there":  {404, `<h1>404</h1>`, "", kasapay.OutcomeNoEffect, kasapay.ErrUnexpectedResponse},
			"a proxy's JSON":            {404, `{"message":"Not Found"}`, "", kasapay.OutcomeNoEffect, kasapay.ErrUnexpectedResponse},
			"no status":                 {200, `{"payout_reference":"ms83-1"}`, "", kasapay.OutcomeNoEffect, kasapay.ErrUnexpectedResponse},
			"server error":              {500, `{"statusCode":500,"message":"Payout reference not found"}`, "", kasapay.OutcomeNoEffect, kasapay.ErrServer},
		} {
			client, _ := newClient(t, []step{answer(tc.status, tc.body)})
			payout, err := client.Payouts.Status(t.Context(), "ms83-1")
			if tc.sentinel == nil {
				require.NoError(t, err, name)
				assert.Equal(t, tc.payment, payout.Status, name)
				assert.Equal(t, "ms83-1", payout.Reference, name)
				continue
			}
			assert.Nil(t, payout, name)
			var e *kasapay.Error
			require.ErrorAs(t, err, &e, name)
			assert.Equal(t, tc.outcome, e.Outcome, name)
			assert.ErrorIs(t, err, tc.sentinel, name)
			assert.NotErrorIs(t, err, kasapay.ErrDuplicate, name)
			if tc.sentinel != kasapay.ErrNotFound {
				assert.NotErrorIs(t, err, kasapay.ErrNotFound, "%s: only Kasapay's own word is absence", name)
			}
		}
	})
}

func TestThrottledPayoutsAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttled := answer(429, `{"statusCode":429,"message":"ThrottlerException: Too Many Requests"}`, "Retry-After", "7")
		client, s := newClient(t, []step{throttled, answer(200, accepted)})
		_, err := client.Payouts.Initiate(t.Context(), validPayout())
		require.NoError(t, err)
		assert.Equal(t, "auth initiate initiate", actions(s))
	})
}

func TestValidationMessagesAreSortedByField(t *testing.T) {
	client, _ := newClient(t, []step{answer(400, `{"statusCode":400,"error":"Bad Request","message":[
		"amount must be a string","amount should not be empty","recipient_type must be one of PAYBILL, TILL","something else entirely",7]}`)})
	_, err := client.Payouts.Initiate(t.Context(), validPayout())
	var e *kasapay.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, map[string][]string{
		"amount":         {"must be a string", "should not be empty"},
		"recipient_type": {"must be one of PAYBILL, TILL"},
	}, e.Fields)
	assert.Equal(t, "amount must be a string; amount should not be empty; recipient_type must be one of PAYBILL, TILL; something else entirely; 7", e.Message)
}

func TestDestinationsAreReadInEitherSpelling(t *testing.T) {
	for text, want := range map[string]kasapay.RecipientType{
		"bank_account": kasapay.BankAccount, "BANK_ACCOUNT_NUMBER": kasapay.BankAccount, "Bank_Account_Number": kasapay.BankAccount,
		"paybill": kasapay.Paybill, "TILL": kasapay.Till, "till": kasapay.Till, "Mobile": "Mobile", "": "",
	} {
		client, _ := newClient(t, []step{answer(200, `{"payment_status":700,"destination":"`+text+`"}`)})
		payout, err := client.Payouts.Status(t.Context(), "ms83-1")
		require.NoError(t, err)
		assert.Equal(t, want, payout.Destination)
	}
}
