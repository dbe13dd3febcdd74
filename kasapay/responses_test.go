package kasapay_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// want is what one response means; sentinel nil is a payout.
type want struct {
	outcome  string
	sentinel error
	code     string
	response string
}

func refusal(sentinel error, code, response string) want {
	return want{"rejected", sentinel, code, response}
}

// The lookup of an unclear response meets a page, so that what the response to
// Create itself meant is what the error shows.
func TestResponsesToCreateAreClassified(t *testing.T) {
	unclear := func(sentinel error) want { return want{outcome: "unknown", sentinel: sentinel} }
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

		"not my service":            {200, sample(t, "initiate_refused.json"), refusal(sdk.ErrConfiguration, "SERVICE_NOT_ALLOWED", "721")},
		"not my service, HTTP 400":  {400, sample(t, "initiate_refused.json"), refusal(sdk.ErrConfiguration, "SERVICE_NOT_ALLOWED", "721")},
		"refused, code as text":     {200, `{"response_code":"721"}`, refusal(sdk.ErrRejected, "721", "721")},
		"an error code unheard of":  {200, `{"response_code":721,"error_code":"MOON_PHASE"}`, refusal(sdk.ErrRejected, "MOON_PHASE", "721")},
		"no funds":                  {200, `{"response_code":721,"response_description":"Insufficient float"}`, refusal(sdk.ErrInsufficientFunds, "721", "721")},
		"duplicate":                 {200, `{"response_code":721,"error_code":"DUPLICATE_REFERENCE"}`, refusal(sdk.ErrDuplicate, "DUPLICATE_REFERENCE", "721")},
		"duplicate in words":        {400, `{"response_code":721,"response_description":"Reference already used"}`, refusal(sdk.ErrDuplicate, "721", "721")},
		"duplicate as conflict":     {409, `{"statusCode":409,"message":"Conflict","error":"Conflict"}`, refusal(sdk.ErrDuplicate, "", "")},
		"duplicate as 400":          {400, `{"statusCode":400,"message":"payout_reference already exists","error":"Bad Request"}`, refusal(sdk.ErrDuplicate, "", "")},
		"another code under a 400":  {400, `{"response_code":799,"error_code":"X"}`, refusal(sdk.ErrRejected, "X", "799")},
		"validation":                {400, `{"statusCode":400,"message":["amount must be a string"],"error":"Bad Request"}`, refusal(sdk.ErrValidation, "", "")},
		"validation inside a 200":   {200, `{"statusCode":400,"message":"amount must be a string"}`, refusal(sdk.ErrValidation, "", "")},
		"unprocessable":             {422, `{"statusCode":"422","message":"no"}`, refusal(sdk.ErrValidation, "", "")},
		"forbidden":                 {403, `{"statusCode":403,"message":"Forbidden resource"}`, refusal(sdk.ErrForbidden, "", "")},
		"a route that is not there": {404, `{"statusCode":404,"message":"Cannot POST /v1/payouts/b2b/initiate","error":"Not Found"}`, refusal(sdk.ErrConfiguration, "", "")},
		"wrong method":              {405, `{"statusCode":405,"message":"Method Not Allowed"}`, refusal(sdk.ErrRejected, "", "")},

		"another code under a 200":     {200, `{"response_code":799}`, want{"unknown", sdk.ErrUnexpectedResponse, "799", "799"}},
		"accepted under a 400":         {400, accepted, want{"unknown", sdk.ErrUnexpectedResponse, "720", "720"}},
		"accepted under a 500":         {500, accepted, want{"unknown", sdk.ErrServer, "720", "720"}},
		"refused under a 503":          {503, `{"response_code":721}`, want{"unknown", sdk.ErrServer, "721", "721"}},
		"no code":                      {200, `{"payout_reference":"ms83-1"}`, unclear(sdk.ErrUnexpectedResponse)},
		"a status instead":             {200, processed, unclear(sdk.ErrUnexpectedResponse)},
		"empty object":                 {200, `{}`, unclear(sdk.ErrUnexpectedResponse)},
		"array":                        {200, `[]`, unclear(sdk.ErrUnexpectedResponse)},
		"empty":                        {201, ``, unclear(sdk.ErrUnexpectedResponse)},
		"cut short":                    {200, accepted[:30], unclear(sdk.ErrUnexpectedResponse)},
		"server error in the envelope": {500, `{"statusCode":500,"message":"Internal server error"}`, unclear(sdk.ErrServer)},
		"server error inside a 200":    {200, `{"statusCode":500,"message":"Internal server error"}`, unclear(sdk.ErrUnexpectedResponse)},
		"HTML 502":                     {502, `<h1>502</h1>`, unclear(sdk.ErrServer)},
		"HTML 404":                     {404, `<h1>404</h1>`, unclear(sdk.ErrUnexpectedResponse)},
		"someone else's JSON":          {400, `{"message":"no Route matched with those values"}`, unclear(sdk.ErrUnexpectedResponse)},
		"two minds about the status":   {403, `{"statusCode":400,"message":"x"}`, unclear(sdk.ErrForbidden)},
		"a timeout on the way":         {408, `{"statusCode":408,"message":"Request Timeout"}`, unclear(sdk.ErrUnexpectedResponse)},
		"a proxy's 429":                {429, `<h1>slow down</h1>`, unclear(sdk.ErrRateLimited)},
	} {
		t.Run(name, func(t *testing.T) {
			client, s := newClient(t, []step{answer(tc.status, tc.body), answer(404, "<h1>404</h1>")})
			payout, err := client.Payouts.Create(t.Context(), validPayout())
			if tc.want.sentinel == nil {
				require.NoError(t, err)
				assert.Equal(t, kasapay.StatusAccepted, payout.Status)
				assert.Equal(t, "ms83-1", payout.Reference)
				return
			}
			assert.Nil(t, payout)
			var e *sdk.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tc.want.outcome, e.Outcome.String())
			assert.ErrorIs(t, err, tc.want.sentinel)
			assert.Equal(t, tc.want.code, e.Code)
			assert.Equal(t, tc.want.response, shownCode(e))
			assert.Equal(t, tc.status, e.StatusCode)
			assert.Equal(t, tc.body, string(e.Body))
			assert.Equal(t, "ms83-1", e.Reference)
			if tc.want.outcome == "unknown" {
				assert.Equal(t, "auth initiate status", actions(s), "an unclear response leads to a lookup")
			} else {
				assert.Equal(t, "auth initiate", actions(s), "a refusal ends the matter")
			}
		})
	}
}

func TestResponsesToFindAreClassified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tc := range map[string]struct {
			status   int
			body     string
			payment  kasapay.PaymentStatus
			outcome  string
			sentinel error
		}{
			"processed":                 {200, processed, "700", "", nil},
			"pending":                   {200, pending, "703", "", nil},
			"code as text":              {200, `{"payment_status":" 701 "}`, "701", "", nil},
			"a status unheard of":       {200, `{"payment_status":820}`, "820", "", nil},
			"nulls, extras, odd values": {200, `{"payment_status":703,"amount":null,"account_balance":"N/A","account_number":"N/A","transaction_time":"yesterday","event_history":[{}]}`, "703", "", nil},

			"404":                       {404, unknown, "", "rejected", sdk.ErrNotFound},
			"404, stock words":          {404, `{"statusCode":404,"message":"Not Found"}`, "", "rejected", sdk.ErrNotFound},
			"400":                       {400, `{"statusCode":400,"message":["Invalid payout reference"],"error":"Bad Request"}`, "", "rejected", sdk.ErrNotFound},
			"in a response code":        {200, `{"response_code":721,"response_description":"Invalid Payout Reference"}`, "", "rejected", sdk.ErrNotFound},
			"in an error code":          {400, `{"response_code":721,"error_code":"TRANSACTION_NOT_FOUND","response_description":"Transaction not found"}`, "", "rejected", sdk.ErrNotFound},
			"in an error code alone":    {400, `{"response_code":721,"error_code":"INVALID_PAYOUT_REFERENCE"}`, "", "rejected", sdk.ErrNotFound},
			"a payout by its reference": {404, `{"statusCode":404,"message":"Payout with reference ms83-1 does not exist"}`, "", "rejected", sdk.ErrNotFound},
			"an error nobody explains":  {200, `{"response_code":721,"response_description":"Unknown error while reading the transaction"}`, "", "rejected", sdk.ErrRejected},
			"an invalid something else": {400, `{"statusCode":400,"message":"Invalid signature of the payout query"}`, "", "rejected", sdk.ErrRejected},
			"another framework's route": {404, `{"statusCode":404,"message":"Route GET:/v1/payouts/b2b/ms83-1/status not found","error":"Not Found"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"a conflict":                {409, `{"statusCode":409,"message":"Conflict"}`, "", "rejected", sdk.ErrRejected},
			"another thing not found":   {404, `{"statusCode":404,"message":"Merchant not found"}`, "", "rejected", sdk.ErrRejected},
			"another refusal":           {200, `{"response_code":721,"response_description":"Invalid Service"}`, "", "rejected", sdk.ErrConfiguration},
			"a route that is not there": {404, `{"statusCode":404,"message":"Cannot GET /v1/payouts/b2b/ms83-1/status","error":"Not Found"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"a page that is not there":  {404, `<h1>404</h1>`, "", "no effect", sdk.ErrUnexpectedResponse},
			"a proxy's JSON":            {404, `{"message":"Not Found"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"no status":                 {200, `{"payout_reference":"ms83-1"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"server error":              {500, `{"statusCode":500,"message":"Payout reference not found"}`, "", "no effect", sdk.ErrServer},
		} {
			client, _ := newClient(t, []step{answer(tc.status, tc.body)})
			payout, err := client.Payouts.Find(t.Context(), "ms83-1")
			if tc.sentinel == nil {
				require.NoError(t, err, name)
				assert.Equal(t, tc.payment, payout.Status, name)
				assert.Equal(t, "ms83-1", payout.Reference, name)
				continue
			}
			assert.Nil(t, payout, name)
			var e *sdk.Error
			require.ErrorAs(t, err, &e, name)
			assert.Equal(t, tc.outcome, e.Outcome.String(), name)
			assert.ErrorIs(t, err, tc.sentinel, name)
			assert.NotErrorIs(t, err, sdk.ErrDuplicate, name)
			if tc.sentinel != sdk.ErrNotFound {
				assert.NotErrorIs(t, err, sdk.ErrNotFound, "%s: only Kasapay's own word is absence", name)
			}
		}
	})
}

func TestThrottledPayoutsAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttled := answer(429, `{"statusCode":429,"message":"ThrottlerException: Too Many Requests"}`, "Retry-After", "7")
		client, s := newClient(t, []step{throttled, answer(200, accepted)})
		_, err := client.Payouts.Create(t.Context(), validPayout())
		require.NoError(t, err)
		assert.Equal(t, "auth initiate initiate", actions(s))
	})
}

func TestValidationMessagesAreSortedByField(t *testing.T) {
	client, _ := newClient(t, []step{answer(400, `{"statusCode":400,"error":"Bad Request","message":[
		"amount must be a string","amount should not be empty","recipient_type must be one of PAYBILL, TILL","something else entirely",7]}`)})
	_, err := client.Payouts.Create(t.Context(), validPayout())
	var e *sdk.Error
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
		payout, err := client.Payouts.Find(t.Context(), "ms83-1")
		require.NoError(t, err)
		assert.Equal(t, want, payout.Destination)
	}
}

// shownCode is the response_code which an error carries, or nothing.
func shownCode(e *sdk.Error) string {
	code, _ := e.Detail.(kasapay.ResponseCode)
	return string(code)
}
