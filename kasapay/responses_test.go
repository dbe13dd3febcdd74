package kasapay_test

import (
	"errors"
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
		"accepted, code as text":      {200, `{"payout_reference":"ms83-1","response_code":"720"}`, want{}},
		"accepted, nulls and extras":  {200, `{"payout_reference":"ms83-1","response_code":720,"error_code":null,"extra":[{}]}`, want{}},
		"accepted, statusCode beside": {201, `{"payout_reference":"ms83-1","statusCode":201,"response_code":720}`, want{}},

		"not my service":           {200, sample(t, "initiate_refused.json"), refusal(sdk.ErrConfiguration, "SERVICE_NOT_ALLOWED", "721")},
		"not my service, HTTP 400": {400, sample(t, "initiate_refused.json"), refusal(sdk.ErrConfiguration, "SERVICE_NOT_ALLOWED", "721")},
		"refused, code as text":    {200, `{"response_code":"721"}`, want{"unknown", sdk.ErrOutcomeUnknown, "721", "721"}},
		"an error code unheard of": {200, `{"response_code":721,"error_code":"MOON_PHASE"}`, want{"unknown", sdk.ErrOutcomeUnknown, "MOON_PHASE", "721"}},
		"no funds":                 {200, `{"response_code":721,"response_description":"Insufficient funds"}`, refusal(sdk.ErrInsufficientFunds, "721", "721")},
		"no funds, in other words": {200, `{"response_code":721,"response_description":"Insufficient float"}`, refusal(sdk.ErrInsufficientFunds, "721", "721")},
		"no balance":               {200, `{"response_code":721,"response_description":"Insufficient balance"}`, refusal(sdk.ErrInsufficientFunds, "721", "721")},
		"no money, in a code":      {400, `{"response_code":721,"error_code":"INSUFFICIENT_ACCOUNT_BALANCE"}`, refusal(sdk.ErrInsufficientFunds, "INSUFFICIENT_ACCOUNT_BALANCE", "721")},
		"not enough money":         {400, `{"statusCode":400,"message":["Not enough money in the float account"],"error":"Bad Request"}`, refusal(sdk.ErrInsufficientFunds, "", "")},
		"a low balance":            {200, `{"response_code":721,"error_code":"BALANCE_TOO_LOW"}`, refusal(sdk.ErrInsufficientFunds, "BALANCE_TOO_LOW", "721")},
		"no targets":               {400, `{"statusCode":400,"error":"Bad Request","message":"not enough healthy targets behind the load balancer"}`, unclear(sdk.ErrValidation)},
		"no rights":                {200, `{"response_code":721,"error_code":"INSUFFICIENT_PERMISSIONS"}`, want{"unknown", sdk.ErrOutcomeUnknown, "INSUFFICIENT_PERMISSIONS", "721"}},
		"no rights to a balance":   {200, `{"response_code":721,"error_code":"INSUFFICIENT_PERMISSIONS","response_description":"Balance"}`, want{"unknown", sdk.ErrOutcomeUnknown, "INSUFFICIENT_PERMISSIONS", "721"}},

		"refused and processed":           {200, `{"response_code":721,"error_code":"SERVICE_NOT_ALLOWED","payment_status":700}`, want{"unknown", sdk.ErrUnexpectedResponse, "SERVICE_NOT_ALLOWED", "721"}},
		"duplicate and pending":           {200, `{"response_code":721,"error_code":"DUPLICATE_REFERENCE","payment_status":703}`, want{"unknown", sdk.ErrDuplicate, "DUPLICATE_REFERENCE", "721"}},
		"refused and pending":             {200, `{"response_code":721,"response_description":"Insufficient funds","payment_status":"703"}`, want{"unknown", sdk.ErrUnexpectedResponse, "721", "721"}},
		"refused and failed":              {200, `{"response_code":721,"response_description":"Insufficient funds","payment_status":701,"payout_reference":"ms83-1"}`, want{"unknown", sdk.ErrUnexpectedResponse, "721", "721"}},
		"refused and who knows":           {200, `{"response_code":721,"response_description":"Insufficient funds","payment_status":{}}`, want{"unknown", sdk.ErrUnexpectedResponse, "721", "721"}},
		"refused with a receipt":          {200, `{"response_code":721,"response_description":"Insufficient funds","payment_reference":"TQLXMNSBBYSF"}`, want{"unknown", sdk.ErrUnexpectedResponse, "721", "721"}},
		"refused, nothing of a payout":    {200, `{"response_code":721,"response_description":"Insufficient funds","payment_status":null,"payment_reference":""}`, refusal(sdk.ErrInsufficientFunds, "721", "721")},
		"a bad field and accepted":        {200, `{"statusCode":400,"message":"amount must be a string","error":"Bad Request","response_code":720}`, want{"unknown", sdk.ErrUnexpectedResponse, "720", "720"}},
		"a bad field and processed":       {400, `{"statusCode":400,"message":"amount must be a string","error":"Bad Request","payment_status":700}`, unclear(sdk.ErrUnexpectedResponse)},
		"a refused token and processed":   {401, `{"statusCode":401,"message":"Unauthorized","payment_status":700}`, unclear(sdk.ErrUnauthorized)},
		"throttled and processed":         {429, `{"statusCode":429,"message":"ThrottlerException: Too Many Requests","payment_status":700}`, unclear(sdk.ErrRateLimited)},
		"accepted and failed":             {200, `{"payout_reference":"ms83-1","response_code":720,"payment_status":701}`, unclear(sdk.ErrUnexpectedResponse)},
		"accepted and reversed":           {200, `{"payout_reference":"ms83-1","response_code":720,"payment_status":"702"}`, unclear(sdk.ErrUnexpectedResponse)},
		"accepted and pending":            {200, `{"payout_reference":"ms83-1","response_code":720,"payment_status":703}`, want{}},
		"a recipient type":                {400, `{"response_code":721,"response_description":"Invalid recipient_type"}`, refusal(sdk.ErrValidation, "721", "721")},
		"duplicate":                       {200, `{"response_code":721,"error_code":"DUPLICATE_REFERENCE"}`, want{"unknown", sdk.ErrDuplicate, "DUPLICATE_REFERENCE", "721"}},
		"duplicate, taken":                {400, `{"response_code":721,"response_description":"Reference has been taken"}`, want{"unknown", sdk.ErrDuplicate, "721", "721"}},
		"duplicate, exists":               {200, `{"response_code":721,"response_description":"Payout already exists"}`, want{"unknown", sdk.ErrDuplicate, "721", "721"}},
		"duplicate by its field":          {400, `{"statusCode":400,"message":["payout_reference has been taken"],"error":"Bad Request"}`, want{"unknown", sdk.ErrDuplicate, "", ""}},
		"an odd word about the reference": {400, `{"statusCode":400,"message":["payout_reference must differ"],"error":"Bad Request"}`, want{"unknown", sdk.ErrValidation, "", ""}},
		"duplicate in words":              {400, `{"response_code":721,"response_description":"Reference already used"}`, want{"unknown", sdk.ErrDuplicate, "721", "721"}},
		"duplicate as conflict":           {409, `{"statusCode":409,"message":"Conflict","error":"Conflict"}`, unclear(sdk.ErrDuplicate)},
		"duplicate as 400":                {400, `{"statusCode":400,"message":"payout_reference already exists","error":"Bad Request"}`, unclear(sdk.ErrDuplicate)},
		"another code under a 400":        {400, `{"response_code":799,"error_code":"X"}`, want{"unknown", sdk.ErrOutcomeUnknown, "X", "799"}},
		"validation":                      {400, `{"statusCode":400,"message":["amount must be a string"],"error":"Bad Request"}`, refusal(sdk.ErrValidation, "", "")},
		"validation inside a 200":         {200, `{"statusCode":400,"message":"amount must be a string","error":"Bad Request"}`, refusal(sdk.ErrValidation, "", "")},
		"no envelope of the framework":    {400, `{"statusCode":400,"message":"amount must be a string"}`, unclear(sdk.ErrUnexpectedResponse)},
		"another gateway's 404":           {404, `{"statusCode":404,"message":"Resource not found"}`, unclear(sdk.ErrUnexpectedResponse)},
		"another gateway's 401":           {401, `{"statusCode":401,"message":"Access denied due to missing subscription key."}`, unclear(sdk.ErrUnauthorized)},
		"another gateway's 429":           {429, `{"statusCode":429,"message":"Rate limit is exceeded. Try again in 5 seconds."}`, unclear(sdk.ErrRateLimited)},
		"a 429 of Fastify's":              {429, `{"statusCode":429,"error":"Too Many Requests","message":"Rate limit exceeded, retry in 5 minutes"}`, unclear(sdk.ErrRateLimited)},
		"a proxy's errors under a 499":    {499, `{"errors":["client closed request"]}`, unclear(sdk.ErrUnexpectedResponse)},
		"an empty 403":                    {403, ``, unclear(sdk.ErrForbidden)},
		"an empty 404":                    {404, ``, unclear(sdk.ErrUnexpectedResponse)},
		"a 422 without a word":            {422, `{}`, unclear(sdk.ErrUnexpectedResponse)},
		"a code that is no text":          {200, `{"response_code":{}}`, unclear(sdk.ErrUnexpectedResponse)},
		"an acceptance of another amount": {200, `{"response_code":720,"amount":"7.00"}`, want{"unknown", sdk.ErrUnexpectedResponse, "", ""}},
		"an acceptance of an odd amount":  {200, `{"response_code":720,"amount":"9,999.00"}`, want{"unknown", sdk.ErrUnexpectedResponse, "", ""}},
		"unprocessable":                   {422, `{"statusCode":"422","message":"no","error":"Unprocessable Entity"}`, unclear(sdk.ErrValidation)},
		"forbidden":                       {403, `{"statusCode":403,"message":"Forbidden resource","error":"Forbidden"}`, unclear(sdk.ErrForbidden)},
		"a route that is not there":       {404, `{"statusCode":404,"message":"Cannot POST /v1/payouts/b2b/initiate","error":"Not Found"}`, unclear(sdk.ErrConfiguration)},
		"wrong method":                    {405, `{"statusCode":405,"message":"Method Not Allowed"}`, unclear(sdk.ErrOutcomeUnknown)},

		"a login's missing field":            {400, `{"response_code":721,"response_description":"Missing required field consumer_key"}`, want{"unknown", sdk.ErrOutcomeUnknown, "721", "721"}},
		"its own missing field":              {400, `{"response_code":721,"response_description":"Missing required field amount"}`, refusal(sdk.ErrValidation, "721", "721")},
		"a login's missing field, enveloped": {400, `{"statusCode":400,"message":"Missing required fields: consumer_key, consumer_secret","error":"Bad Request"}`, unclear(sdk.ErrValidation)},
		"a login's words":                    {400, `{"statusCode":400,"message":"Invalid Authentication Credentials","error":"Bad Request"}`, unclear(sdk.ErrValidation)},
		"a field of a login beside its own":  {400, `{"statusCode":400,"message":["amount must be a string","consumer_key must be a string"],"error":"Bad Request"}`, unclear(sdk.ErrValidation)},
		"another status in words":            {400, `{"statusCode":400,"message":"amount must be a string","error":"Unauthorized"}`, unclear(sdk.ErrUnexpectedResponse)},
		"another status in words, in a 200":  {200, `{"statusCode":400,"message":"amount must be a string","error":"Not Found"}`, unclear(sdk.ErrUnexpectedResponse)},

		"another code under a 200":     {200, `{"response_code":799}`, want{"unknown", sdk.ErrUnexpectedResponse, "799", "799"}},
		"accepted under a 400":         {400, accepted, want{"unknown", sdk.ErrUnexpectedResponse, "720", "720"}},
		"accepted under a 500":         {500, accepted, want{"unknown", sdk.ErrServer, "720", "720"}},
		"refused under a 503":          {503, `{"response_code":721}`, want{"unknown", sdk.ErrServer, "721", "721"}},
		"accepted and refused":         {200, `{"payout_reference":"ms83-1","response_code":720,"response_description":"Insufficient funds","error_code":"SERVICE_NOT_ALLOWED"}`, want{"unknown", sdk.ErrUnexpectedResponse, "SERVICE_NOT_ALLOWED", "720"}},
		"accepted, and an error code":  {200, `{"payout_reference":"ms83-1","response_code":720,"error_code":"MOON_PHASE"}`, want{"unknown", sdk.ErrUnexpectedResponse, "MOON_PHASE", "720"}},
		"accepted, and no money":       {200, `{"payout_reference":"ms83-1","response_code":720,"response_description":"Insufficient funds"}`, want{"unknown", sdk.ErrUnexpectedResponse, "720", "720"}},
		"accepted, and no service":     {200, `{"payout_reference":"ms83-1","response_code":720,"response_description":"Invalid Service"}`, want{"unknown", sdk.ErrUnexpectedResponse, "720", "720"}},
		"accepted, and a duplicate":    {200, `{"payout_reference":"ms83-1","response_code":720,"response_description":"Reference already used"}`, want{"unknown", sdk.ErrUnexpectedResponse, "720", "720"}},
		"accepted, and an error":       {200, `{"payout_reference":"ms83-1","response_code":720,"error":"Bad Request","message":"Insufficient funds"}`, want{"unknown", sdk.ErrUnexpectedResponse, "720", "720"}},
		"accepted, and a message":      {200, `{"payout_reference":"ms83-1","response_code":720,"message":"Insufficient funds"}`, want{"unknown", sdk.ErrUnexpectedResponse, "720", "720"}},
		"accepted, and no error":       {200, `{"payout_reference":"ms83-1","response_code":720,"error_code":"","error":null,"message":"Accepted"}`, want{}},
		"accepted, an error code of 0": {200, `{"payout_reference":"ms83-1","response_code":720,"error_code":0}`, want{}},
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
		for behind, mark := range map[string]string{"": "", ", behind a mark": "\ufeff"} {
			t.Run(name+behind, func(t *testing.T) {
				look := respond(404, "<h1>404</h1>")
				if errors.Is(tc.want.sentinel, sdk.ErrInsufficientFunds) { // it stands only if the payout is absent
					look = respond(200, unknown)
				}
				client, s := newClient(t, []step{respond(tc.status, mark+tc.body), look})
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
				assert.Equal(t, "auth initiate status", actions(s), "an unclear response and a refusal lead to a lookup")
			})
		}
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
			"code as text":              {200, `{"payout_reference":"ms83-1","payment_status":" 701 "}`, "701", "", nil},
			"a status unheard of":       {200, `{"payout_reference":"ms83-1","payment_status":820}`, "820", "", nil},
			"nulls, extras, odd values": {200, `{"payout_reference":" ms83-1 ","payment_status":703,"amount":null,"account_balance":"N/A","account_number":"N/A","transaction_time":"yesterday","event_history":[{}]}`, "703", "", nil},

			"404":                       {404, unknown, "", "rejected", sdk.ErrNotFound},
			"404, stock words":          {404, `{"statusCode":404,"message":"Not Found"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"400":                       {400, `{"statusCode":400,"message":["Invalid payout reference"],"error":"Bad Request"}`, "", "rejected", sdk.ErrNotFound},
			"in a response code":        {200, `{"response_code":721,"response_description":"Invalid Payout Reference"}`, "", "rejected", sdk.ErrNotFound},
			"in an error code":          {400, `{"response_code":721,"error_code":"TRANSACTION_NOT_FOUND","response_description":"Transaction not found"}`, "", "rejected", sdk.ErrRejected},
			"in an error code alone":    {400, `{"response_code":721,"error_code":"INVALID_PAYOUT_REFERENCE"}`, "", "rejected", sdk.ErrNotFound},
			"a payout by its reference": {404, `{"statusCode":404,"message":"Payout with reference ms83-1 does not exist","error":"Not Found"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"an error nobody explains":  {200, `{"response_code":721,"response_description":"Unknown error while reading the transaction"}`, "", "rejected", sdk.ErrRejected},
			"an invalid something else": {400, `{"statusCode":400,"message":"Invalid signature of the payout query","error":"Bad Request"}`, "", "rejected", sdk.ErrRejected},
			"another framework's route": {404, `{"statusCode":404,"message":"Route GET:/v1/payouts/b2b/ms83-1/status not found","error":"Not Found"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"a conflict":                {409, `{"statusCode":409,"message":"Conflict"}`, "", "rejected", sdk.ErrRejected},
			"another thing not found":   {404, `{"statusCode":404,"message":"Merchant not found","error":"Not Found"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"another refusal":           {200, `{"response_code":721,"response_description":"Invalid Service"}`, "", "rejected", sdk.ErrConfiguration},
			"a route that is not there": {404, `{"statusCode":404,"message":"Cannot GET /v1/payouts/b2b/ms83-1/status","error":"Not Found"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"a page that is not there":  {404, `<h1>404</h1>`, "", "no effect", sdk.ErrUnexpectedResponse},
			"a proxy's JSON":            {404, `{"message":"Not Found"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"no status":                 {200, `{"payout_reference":"ms83-1"}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"not found and processed":   {200, `{"response_code":721,"response_description":"Invalid Payout Reference","payout_reference":"ms83-1","payment_status":700}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"refused and processed":     {200, `{"response_code":721,"payout_reference":"ms83-1","payment_status":700}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"accepted and processed":    {200, `{"response_code":720,"payout_reference":"ms83-1","payment_status":700}`, "700", "", nil},
			"another payout's":          {200, `{"payout_reference":"ms83-2","payment_status":700}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"another in its case":       {200, `{"payout_reference":"MS83-1","payment_status":700}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"Kasapay's own reference":   {200, `{"payout_reference":"a99658d5","payment_status":700}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"nobody's":                  {200, `{"payment_status":700}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"nobody's, in nulls":        {200, `{"payout_reference":null,"payment_status":700}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"a reference that is none":  {200, `{"payout_reference":{},"payment_status":700}`, "", "no effect", sdk.ErrUnexpectedResponse},
			"server error":              {500, `{"statusCode":500,"message":"Payout reference not found"}`, "", "no effect", sdk.ErrServer},
		} {
			client, _ := newClient(t, []step{respond(tc.status, tc.body)})
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

func TestThrottledPayoutsAreLookedUpAndSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttled := respond(429, `{"statusCode":429,"message":"ThrottlerException: Too Many Requests"}`, "Retry-After", "7")
		absent := respond(404, unknown)
		client, s := newClient(t, []step{throttled, absent, absent, absent, respond(200, accepted)})
		_, err := client.Payouts.Create(t.Context(), validPayout())
		require.NoError(t, err)
		assert.Equal(t, "auth initiate status status status initiate", actions(s))
	})
}

func TestValidationMessagesAreSortedByField(t *testing.T) {
	client, _ := newClient(t, []step{respond(400, `{"statusCode":400,"error":"Bad Request","message":[
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
		client, _ := newClient(t, []step{respond(200, `{"payout_reference":"ms83-1","payment_status":700,"destination":"`+text+`"}`)})
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
