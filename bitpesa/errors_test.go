package bitpesa_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

const nestedErrors = `{"object":{
	"input_currency":"USD","errors":{"base":[{"error":"Transaction details are invalid: look below"}],"input_currency":[{"error":"blank"},{"error":"invalid"}]},
	"metadata":{"errors":{"mine":[{"error":"not an error"}]}},
	"sender":{"country":"UG","errors":{"documents":[{"error":"blank"}]},"documents":[{"upload":"x","errors":{"upload":[{"error":"invalid"}]}}]},
	"recipients":[
		{"errors":{},"payout_method":{"type":"NGN::Bank","fields":{"errors":{"no":[{"error":"no"}]}},"errors":{},"details":{"errors":{"bank_account":[{"error":"invalid"}]}}}},
		{"errors":{"requested_amount":["too big"]},"payout_method":{"errors":{"mobile_provider":"invalid","main_error":[{"error":"Mandate is in progress"}]}}}]},
	"meta":{}}`

func TestErrorsOfTheProvider(t *testing.T) {
	read := func(ctx context.Context, c *bitpesa.Client) error { return fails(c.Transactions.Get(ctx, "t-1")) }
	update := func(ctx context.Context, c *bitpesa.Client) error { return fails(c.Recipients.Cancel(ctx, "r-1")) }
	send := func(ctx context.Context, c *bitpesa.Client) error {
		p := validTransaction()
		p.ExternalID = "" // so that nothing is looked up
		return fails(c.Transactions.Create(ctx, p))
	}
	html := func(status int) answer { return answer{status, "text/html", "<h1>Sorry</h1>"} }
	for name, row := range map[string]struct {
		call    func(context.Context, *bitpesa.Client) error
		answer  answer
		outcome string
		is      []error
		message string
		fields  map[string][]string
		text    string
	}{
		"nested errors": {send, says(422, nestedErrors), "rejected", []error{sdk.ErrValidation}, "Transaction details are invalid: look below", map[string][]string{
			"input_currency":                                  {"blank", "invalid"},
			"sender.documents":                                {"blank"},
			"sender.documents.0.upload":                       {"invalid"},
			"recipients.0.payout_method.details.bank_account": {"invalid"},
			"recipients.1.requested_amount":                   {"too big"},
			"recipients.1.payout_method.mobile_provider":      {"invalid"},
			"recipients.1.payout_method":                      {"Mandate is in progress"},
		}, "bitpesa: transactions.create: validation failed: HTTP 422, fields input_currency recipients.0.payout_method.details.bank_account recipients.1.payout_method recipients.1.payout_method.mobile_provider recipients.1.requested_amount sender.documents sender.documents.0.upload (outcome: rejected)"},
		"operation is unavailable":      {update, says(422, `{"object":{"id":"r-1","errors":{"base":["operation is unavailable"]}}}`), "rejected", []error{sdk.ErrValidation}, "operation is unavailable", map[string][]string{}, ""},
		"meta only":                     {update, says(422, `{"meta":{"error":"No."}}`), "rejected", []error{sdk.ErrValidation}, "No.", map[string][]string{}, ""},
		"422 of somebody else":          {update, says(422, `{"detail":"not BitPesa's words"}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"422 without a body":            {update, says(422, ""), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"400 on a read":                 {read, says(400, `{"status":400,"error":"Bad Request"}`), "rejected", []error{sdk.ErrValidation}, "Bad Request", nil, "bitpesa: transactions.get: validation failed: HTTP 400 (outcome: rejected)"},
		"400 on a write":                {send, says(400, `{"status":400,"error":"Bad Request"}`), "unknown", []error{sdk.ErrValidation}, "Bad Request", nil, ""},
		"401 with an empty body":        {read, says(401, ""), "no effect", []error{sdk.ErrUnauthorized}, "", nil, ""},
		"401 in HTML":                   {read, html(401), "no effect", []error{sdk.ErrUnauthorized}, "", nil, ""},
		"401 in JSON":                   {read, says(401, `{"status":401,"error":"Unauthorized"}`), "rejected", []error{sdk.ErrUnauthorized}, "Unauthorized", nil, ""},
		"401 on a write":                {send, says(401, `{"status":401,"error":"Unauthorized"}`), "unknown", []error{sdk.ErrUnauthorized}, "Unauthorized", nil, ""},
		"404 on a read":                 {read, says(404, `{"status":404,"error":"Not Found"}`), "rejected", []error{sdk.ErrNotFound}, "Not Found", nil, ""},
		"404 in HTML":                   {read, html(404), "no effect", []error{sdk.ErrNotFound}, "", nil, ""},
		"404 of a named object":         {update, says(404, `{"status":404,"error":"Not Found"}`), "rejected", []error{sdk.ErrNotFound}, "Not Found", nil, ""},
		"404 of a named object in HTML": {update, html(404), "unknown", []error{sdk.ErrNotFound}, "", nil, ""},
		"404 on a creation":             {send, says(404, `{"status":404,"error":"Not Found"}`), "unknown", []error{sdk.ErrNotFound}, "Not Found", nil, ""},
		"500 on a read":                 {read, says(500, `{"status":500,"error":"Internal Server Error"}`), "no effect", []error{sdk.ErrServer}, "Internal Server Error", nil, ""},
		"502 in HTML":                   {send, html(502), "unknown", []error{sdk.ErrServer}, "", nil, "bitpesa: transactions.create: server error: HTTP 502 (outcome: unknown)"},
		"a broken connection":           {send, answer{}, "unknown", nil, "", nil, ""},
		"2xx that is HTML":              {send, html(200), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"2xx without an object":         {send, says(201, `{"meta":{}}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"2xx without an id":             {send, says(201, `{"object":{"state":"approved"}}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"2xx without a state":           {send, says(201, `{"object":{"id":"t-1"}}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"insufficient balance":          {send, says(422, `{"object":{"errors":{"base":["Insufficient balance"]}}}`), "rejected", []error{sdk.ErrValidation, sdk.ErrInsufficientFunds}, "Insufficient balance", map[string][]string{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := newStub(t, always(row.answer))
			err := row.call(t.Context(), newClient(t, server))
			var apiErr *sdk.Error
			require.ErrorAs(t, err, &apiErr)
			assert.Equal(t, row.outcome, apiErr.Outcome.String())
			assert.Equal(t, row.answer.status, apiErr.StatusCode)
			assert.Equal(t, row.message, apiErr.Message)
			assert.EqualValues(t, row.fields, apiErr.Fields)
			for _, kind := range row.is {
				assert.ErrorIs(t, err, kind)
			}
			if row.text != "" {
				assert.EqualError(t, err, row.text)
			}
		})
	}
}

func TestTheErrorsOfDebitsAreNumbered(t *testing.T) {
	server := newStub(t, func(r request) answer {
		if r.Method == "GET" {
			return says(200, `{"object":{"id":"t-1","state":"approved"}}`)
		}
		return says(422, `{"object":[{"to_id":"t-1","errors":{}},{"to_id":"t-2","errors":{"amount":[{"error":"Insufficient balance"}]}}]}`)
	})
	_, err := newClient(t, server).Debits.CreateMany(t.Context(), []bitpesa.DebitParams{{ToID: "t-1"}, {ToID: "t-2"}})
	var apiErr *sdk.Error
	require.ErrorAs(t, err, &apiErr)
	assert.Equal(t, map[string][]string{"1.amount": {"Insufficient balance"}}, apiErr.Fields)
	assert.ErrorIs(t, err, sdk.ErrInsufficientFunds)
	assert.Equal(t, "t-1 t-2", apiErr.Reference)
	assert.Len(t, server.requests(), 3, "each transaction is looked at once")
}

func TestADuplicateShowsWhatExists(t *testing.T) {
	server := newStub(t, always(says(422, `{"object":{"errors":{"external_id":[{"error":"taken"}]}},"meta":{"existing":{
		"transaction":{"id":"t-1","state":"paid","external_id":"Transaction:NGN:17523","input_amount":30.5},"sender":{"id":"s-1","state":"approved"}}}}`)))
	client := newClient(t, server)
	_, err := client.Transactions.Create(t.Context(), validTransaction())
	require.ErrorIs(t, err, sdk.ErrDuplicate)
	assert.ErrorIs(t, err, sdk.ErrRejected, "a fresh call's duplicate is the caller's error")
	var apiErr *sdk.Error
	require.ErrorAs(t, err, &apiErr)
	require.NotNil(t, apiErr.Detail.(bitpesa.Existing).Transaction)
	assert.Equal(t, bitpesa.TransactionPaid, apiErr.Detail.(bitpesa.Existing).Transaction.State)
	wantAmount(t, "30.5", apiErr.Detail.(bitpesa.Existing).Transaction.InputAmount)
	require.NotNil(t, apiErr.Detail.(bitpesa.Existing).Sender)
	assert.Equal(t, "s-1", apiErr.Detail.(bitpesa.Existing).Sender.ID)
	assert.Equal(t, []string{"taken"}, apiErr.Fields["external_id"])
	assert.Len(t, server.requests(), 1)

	_, err = client.Senders.Create(t.Context(), validSender())
	assert.ErrorIs(t, err, sdk.ErrDuplicate)
	assert.Len(t, server.requests(), 2)
}

func TestAnAccountThatIsNotValidShowsWhatIsKnown(t *testing.T) {
	params := bitpesa.AccountValidationParams{Country: "UG", Currency: "UGX", Method: bitpesa.ValidateMobile, PhoneNumber: "+256772123456", MobileProvider: bitpesa.Airtel}
	for body, want := range map[string]struct {
		message string
		told    bitpesa.AccountValidation
	}{
		`{"object":{},"meta":{"error":"Account Invalid"}}`:                                                            {"Account Invalid", bitpesa.AccountValidation{}},
		`{"object":{"account_name":null},"meta":{"error":"Account validation failed"}}`:                               {"Account validation failed", bitpesa.AccountValidation{}},
		`{"object":{"account_status":"inactive"},"meta":{"error":"Account invalid"}}`:                                 {"Account invalid", bitpesa.AccountValidation{AccountStatus: "inactive"}},
		`{"object":{"mapped_mobile_provider":"mtn"},"meta":{"error":"Mobile provider does not match phone number."}}`: {"Mobile provider does not match phone number.", bitpesa.AccountValidation{MappedMobileProvider: bitpesa.MTN}},
	} {
		server := newStub(t, always(says(422, body)))
		got, err := newClient(t, server).AccountValidations.Create(t.Context(), params)
		require.ErrorIs(t, err, sdk.ErrValidation)
		var apiErr *sdk.Error
		require.ErrorAs(t, err, &apiErr)
		assert.Equal(t, want.message, apiErr.Message)
		require.NotNil(t, got)
		got.Raw = nil
		assert.Equal(t, want.told, *got)
	}
	server := newStub(t, always(says(200, `{"object":{"account_name":"TEST USER"}}`)))
	got, err := newClient(t, server).AccountValidations.Create(t.Context(), params)
	require.NoError(t, err)
	assert.Equal(t, "TEST USER", got.AccountName)
}

// net/http repeats a read on a fresh connection by itself, with the old nonce.
func TestAReadThatIsRefusedForItsNonceIsSignedAnew(t *testing.T) {
	var answers []answer
	reply := func(request) answer {
		a := answers[0]
		answers = answers[1:]
		return a
	}
	unauthorized := says(401, `{"status":401,"error":"Unauthorized"}`)
	server := newStub(t, reply)
	client := newClient(t, server)
	answers = []answer{unauthorized, says(200, `{"object":{"id":"t-1","state":"paid"}}`)}
	_, err := client.Transactions.Get(t.Context(), "t-1")
	assert.NoError(t, err)
	answers = []answer{unauthorized, unauthorized}
	_, err = client.Transactions.Get(t.Context(), "t-1")
	assert.ErrorIs(t, err, sdk.ErrUnauthorized)
	answers = []answer{unauthorized}
	_, err = client.Recipients.Cancel(t.Context(), "r-1")
	assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "a write is never sent again")
	assert.Len(t, server.requests(), 5)
}
