package bitpesa_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
	remove := func(ctx context.Context, c *bitpesa.Client) error { return fails(c.Senders.Delete(ctx, "s-1")) }
	send := func(ctx context.Context, c *bitpesa.Client) error {
		p := validTransaction()
		p.ExternalID = "" // so that nothing is looked up
		return fails(c.Transactions.Create(ctx, p))
	}
	html := func(status int) response { return response{status, "text/html", "<h1>Sorry</h1>"} }
	for name, row := range map[string]struct {
		call     func(context.Context, *bitpesa.Client) error
		response response
		outcome  string
		is       []error
		message  string
		fields   map[string][]string
		text     string
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
		"meta only":                     {update, says(422, `{"meta":{"error":"No."}}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "No.", nil, ""},
		"422 that explains nothing":     {update, says(422, `{"object":{"id":"r-1","errors":{}}}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"422 of a proxy":                {update, says(422, `{"errors":["client closed request"]}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "client closed request", nil, ""},
		"422 in a proxy's words":        {update, says(422, `{"status":422,"error":"Unprocessable Entity"}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "Unprocessable Entity", nil, ""},
		"404 of a gateway":              {update, says(404, `{"status":404,"error":"Not Found","path":"/v1/recipients/r-1"}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "Not Found", nil, ""},
		"404 with another status":       {update, says(404, `{"status":502,"error":"Bad Gateway"}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "Bad Gateway", nil, ""},
		"422 of somebody else":          {update, says(422, `{"detail":"not BitPesa's words"}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"422 without a body":            {update, says(422, ""), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"400 on a read":                 {read, says(400, `{"status":400,"error":"Bad Request"}`), "rejected", []error{sdk.ErrValidation}, "Bad Request", nil, "bitpesa: transactions.get: validation failed: HTTP 400 (outcome: rejected)"},
		"400 on a write":                {send, says(400, `{"status":400,"error":"Bad Request"}`), "unknown", []error{sdk.ErrValidation}, "Bad Request", nil, ""},
		"401 with an empty body":        {read, says(401, ""), "no effect", []error{sdk.ErrUnauthorized}, "", nil, ""},
		"401 in HTML":                   {read, html(401), "no effect", []error{sdk.ErrUnauthorized}, "", nil, ""},
		"401 in JSON":                   {read, says(401, `{"status":401,"error":"Unauthorized"}`), "rejected", []error{sdk.ErrUnauthorized}, "Unauthorized", nil, ""},
		"401 on a write":                {send, says(401, `{"status":401,"error":"Unauthorized"}`), "unknown", []error{sdk.ErrUnauthorized}, "Unauthorized", nil, ""},
		"404 on a read":                 {read, says(404, `{"status":404,"error":"Not Found"}`), "rejected", []error{sdk.ErrNotFound}, "Not Found", nil, ""},
		"404 in HTML":                   {read, html(404), "no effect", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"404 where money moves":         {update, says(404, `{"status":404,"error":"Not Found"}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "Not Found", nil, ""},
		"404 of a named object":         {remove, says(404, `{"status":404,"error":"Not Found"}`), "rejected", []error{sdk.ErrNotFound}, "Not Found", nil, ""},
		"404 of a named object in HTML": {update, html(404), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"404 on a creation":             {send, says(404, `{"status":404,"error":"Not Found"}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "Not Found", nil, ""},
		"500 on a read":                 {read, says(500, `{"status":500,"error":"Internal Server Error"}`), "no effect", []error{sdk.ErrServer}, "Internal Server Error", nil, ""},
		"502 in HTML":                   {send, html(502), "unknown", []error{sdk.ErrServer}, "", nil, "bitpesa: transactions.create: server error: HTTP 502 (outcome: unknown)"},
		"a broken connection":           {send, response{}, "unknown", nil, "", nil, ""},
		"2xx that is HTML":              {send, html(200), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"2xx without an object":         {send, says(201, `{"meta":{}}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"2xx without an id":             {send, says(201, `{"object":{"state":"approved"}}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
		"2xx without a state":           {send, says(201, `{"object":{"id":"t-1"}}`), "unknown", []error{sdk.ErrUnexpectedResponse}, "", nil, ""},
	} {
		for behind, mark := range map[string]string{"": "", ", behind a mark": "\ufeff"} {
			t.Run(name+behind, func(t *testing.T) {
				marked := row.response
				if marked.status != 0 { // answered
					marked.body = mark + marked.body
				}
				server := newStub(t, always(marked))
				err := row.call(t.Context(), newClient(t, server))
				var apiErr *sdk.Error
				require.ErrorAs(t, err, &apiErr)
				assert.Equal(t, row.outcome, apiErr.Outcome.String())
				assert.Equal(t, row.response.status, apiErr.StatusCode)
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
}

func TestTheErrorsOfDebitsAreNumbered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t, func(r request) response {
			if r.Method == "GET" {
				return says(200, `{"object":{"id":"`+r.URI[len("/v1/transactions/"):]+`","state":"approved"}}`)
			}
			return says(422, `{"object":[{"to_id":"t-1","errors":{}},{"to_id":"t-2","errors":{"amount":[{"error":"Insufficient balance"}]}}]}`)
		})
		_, err := newClient(t, server).Debits.CreateMany(t.Context(), []bitpesa.DebitParams{{ToID: "t-1"}, {ToID: "t-2"}})
		var apiErr *sdk.Error
		require.ErrorAs(t, err, &apiErr)
		assert.Equal(t, map[string][]string{"1.amount": {"Insufficient balance"}}, apiErr.Fields)
		assert.ErrorIs(t, err, sdk.ErrInsufficientFunds)
		assert.Equal(t, "t-1 t-2", apiErr.Reference)
		assert.Len(t, server.requests(), 7, "each transaction is looked at three times")
	})
}

func TestADuplicateShowsWhatExists(t *testing.T) {
	const duplicate = `{"object":{"errors":{"external_id":[{"error":"taken"}]}},"meta":{"existing":{
		"transaction":{"id":"t-1","state":"paid","external_id":"Transaction:NGN:17523","input_amount":30.5},"sender":{"id":"s-1","state":"approved"}}}}`
	server := newStub(t, func(r request) response {
		switch {
		case r.Method == "POST":
			return says(422, duplicate)
		case strings.Contains(r.URI, "/senders"):
			return list(`{"id":"s-1","state":"approved","external_id":"sender-1","last_name":"Other"}`, 0)
		}
		return list(`{"id":"t-1","state":"paid","external_id":"Transaction:NGN:17523","input_currency":"EUR"}`, 0)
	})
	client := newClient(t, server)
	_, err := client.Transactions.Create(t.Context(), validTransaction())
	require.ErrorIs(t, err, sdk.ErrReferenceTaken)
	assert.ErrorIs(t, err, sdk.ErrDuplicate)
	assert.ErrorIs(t, err, sdk.ErrRejected, "no attempt of this call is open")
	var apiErr *sdk.Error
	require.ErrorAs(t, err, &apiErr)
	require.NotNil(t, apiErr.Detail.(bitpesa.ExistingObject).Transaction)
	assert.Equal(t, bitpesa.TransactionPaid, apiErr.Detail.(bitpesa.ExistingObject).Transaction.State)
	wantAmount(t, "30.5", apiErr.Detail.(bitpesa.ExistingObject).Transaction.InputAmount)
	require.NotNil(t, apiErr.Detail.(bitpesa.ExistingObject).Sender)
	assert.Equal(t, "s-1", apiErr.Detail.(bitpesa.ExistingObject).Sender.ID)
	assert.Equal(t, []string{"taken"}, apiErr.Fields["external_id"])
	assert.Len(t, server.requests(), 2)

	_, err = client.Senders.Create(t.Context(), validSender())
	assert.ErrorIs(t, err, sdk.ErrReferenceTaken)
	assert.Len(t, server.requests(), 4)
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
	var responses []response
	reply := func(request) response {
		a := responses[0]
		responses = responses[1:]
		return a
	}
	unauthorized := says(401, `{"status":401,"error":"Unauthorized"}`)
	server := newStub(t, reply)
	client := newClient(t, server)
	responses = []response{unauthorized, says(200, `{"object":{"id":"t-1","state":"paid"}}`)}
	_, err := client.Transactions.Get(t.Context(), "t-1")
	assert.NoError(t, err)
	responses = []response{unauthorized, unauthorized}
	_, err = client.Transactions.Get(t.Context(), "t-1")
	assert.ErrorIs(t, err, sdk.ErrUnauthorized)
	responses = []response{unauthorized}
	_, err = client.Recipients.Cancel(t.Context(), "r-1")
	assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "a write is never sent again")
	assert.Len(t, server.requests(), 5)
}

func serve(t *testing.T, body string) *bitpesa.Client {
	t.Helper()
	return newClient(t, newStub(t, always(says(200, body))))
}

func TestATransactionIsReadInFull(t *testing.T) {
	client := serve(t, `{"object":{"id":"t-1","state":"manual","input_currency":"USD","input_amount":30.51,"paid_amount":"30.51","due_amount":0,
		"payin_reference":null,"external_id":"payout-1","metadata":{"sendRef":17,"big":12345678901234567890},"traits":{"auto_refund":true},
		"created_at":"2017-08-08 13:19:32 UTC","updated_at":"2019-01-11T00:00:00.001+0000","expires_at":"2017-08-08T14:19:32.855Z",
		"sender":{"id":"s-1","type":"business","state":"approved","name":"Best Pilau Ltd","documents":[{"id":"d-1","upload_file_size":"1024"}],
			"politically_exposed_people":[{"id":7,"name":"P"}],"created_at":"2000-01-23T04:56:07.000+00:00","declaration":true},
		"recipients":[{"id":"r-1","state":"error","editable":true,"retriable":false,"may_cancel":true,
			"state_reason_details":{"code":"416","category":"recipient_error","messages":["a","b",null],"description":"Bad account"},
			"requested_amount":10000,"requested_currency":"NGN","exchange_rate":0.00305123456789,"output_amount":"10000.0","output_currency":"NGN",
			"payout_method":{"id":"m-1","type":"NGN::Bank","details":{"bank_code":"058","bank_account":1234567819,"favourite":{"colour":"blue"}},
				"fields":{"bank_code":{"type":"select","options":{"058":"GTB"},"validations":{"presence":true,"format":"x"}}}},
			"metadata":{},"brand_new":1}],
		"payin_methods":[{"id":"p-1","type":"XOF::Mobile","ux_flow":"ussd_popup","state":"pending","in_details":{"phone_number":"+221"},"out_details":{},"instructions":{"a":1}}]}}`)
	got, err := client.Transactions.Get(t.Context(), "t-1")
	require.NoError(t, err)
	assert.Equal(t, bitpesa.TransactionManual, got.State)
	wantAmount(t, "30.51", got.InputAmount)
	wantAmount(t, "30.51", got.PaidAmount)
	wantAmount(t, "0", got.DueAmount)
	assert.True(t, time.Date(2017, 8, 8, 13, 19, 32, 0, time.UTC).Equal(got.CreatedAt))
	assert.True(t, time.Date(2019, 1, 11, 0, 0, 0, 1e6, time.UTC).Equal(got.UpdatedAt))
	assert.True(t, time.Date(2017, 8, 8, 14, 19, 32, 855e6, time.UTC).Equal(got.ExpiresAt))
	assert.EqualValues(t, "12345678901234567890", got.Metadata["big"])
	require.NotNil(t, got.Traits.AutoRefund)
	assert.True(t, *got.Traits.AutoRefund)
	assert.Nil(t, got.Traits.AccountValidation)

	require.NotNil(t, got.Sender)
	assert.Equal(t, "s-1", got.Sender.ID)
	assert.Equal(t, bitpesa.Business, got.Sender.Type)
	assert.Equal(t, "Best Pilau Ltd", got.Sender.Name)
	assert.Equal(t, int64(1024), got.Sender.Documents[0].UploadFileSize)
	assert.Equal(t, "7", got.Sender.PoliticallyExposedPeople[0].ID)
	assert.True(t, time.Date(2000, 1, 23, 4, 56, 7, 0, time.UTC).Equal(got.Sender.CreatedAt))
	assert.Empty(t, got.Sender.Declaration, "a boolean is no text")
	assert.Contains(t, string(got.Sender.Raw), `"declaration":true`)

	r := got.Recipient("r-1")
	require.NotNil(t, r)
	assert.Nil(t, got.Recipient("r-2"))
	assert.True(t, r.NeedsAction())
	assert.Equal(t, bitpesa.StateReasonDetails{Code: "416", Category: "recipient_error", Messages: []string{"a", "b", ""}, Description: "Bad account"}, r.StateReasonDetails)
	wantAmount(t, "0.00305123456789", r.ExchangeRate)
	wantAmount(t, "10000", r.OutputAmount)
	assert.False(t, r.FeeFractional.Valid)
	assert.Equal(t, bitpesa.NGNBank, r.PayoutMethod.Type)
	assert.Equal(t, "1234567819", r.PayoutMethod.Details.BankAccount)
	assert.Equal(t, map[string]any{"favourite": map[string]any{"colour": "blue"}}, r.PayoutMethod.Details.Extra)
	assert.Equal(t, "select", r.PayoutMethod.Fields["bank_code"].Type)
	assert.Equal(t, `{"058":"GTB"}`, string(r.PayoutMethod.Fields["bank_code"].Options))
	assert.Contains(t, string(r.Raw), `"brand_new":1`)
	assert.Equal(t, bitpesa.PayinPending, got.PayinMethods[0].State)
	assert.Equal(t, "+221", got.PayinMethods[0].InDetails["phone_number"])
	assert.True(t, got.NeedsAction())
}

func TestAnAccountIsReadInBothForms(t *testing.T) {
	for _, body := range []string{
		`{"object":{"amount":"17.20","currency":"USD","amount_after_pending":5}}`,
		`{"object":[{"amount":17.2,"currency":"USD","amount_after_pending":"5.00"}]}`,
	} {
		account, err := serve(t, body).Accounts.Get(t.Context(), "USD")
		require.NoError(t, err)
		assert.Equal(t, "USD", account.Currency)
		wantAmount(t, "17.2", account.Amount)
		wantAmount(t, "5", account.AmountAfterPending)
	}
	for _, body := range []string{`{"object":[]}`, `{"object":{"currency":"USD"}}`, `{"object":{"amount":1}}`, `{"object":"USD"}`} {
		_, err := serve(t, body).Accounts.Get(t.Context(), "USD")
		assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse, body)
	}
	accounts, err := serve(t, `{"object":[{"amount":1,"currency":"USD"},{"amount":2,"currency":"NGN"}],"meta":{"negative_balance":false}}`).Accounts.List(t.Context())
	require.NoError(t, err)
	assert.Len(t, accounts.Items, 2)
}

func TestADebitIsReadInBothForms(t *testing.T) {
	const debit = `{"id":"d-1","to_id":"t-1","to_type":"Transaction","amount":-30.51,"currency":"USD","running_balance":"69.49","created_at":"2017-08-08 13:19:32 UTC"}`
	for _, body := range []string{`{"object":[` + debit + `]}`, `{"object":` + debit + `}`} {
		got, err := serve(t, body).Debits.Create(t.Context(), bitpesa.DebitParams{ToID: "t-1"})
		require.NoError(t, err)
		assert.Equal(t, "d-1", got.ID)
		wantAmount(t, "-30.51", got.Amount)
		wantAmount(t, "69.49", got.RunningBalance)
	}
	_, err := serve(t, `{"object":[`+debit+`,`+debit+`]}`).Debits.Create(t.Context(), bitpesa.DebitParams{ToID: "t-1"})
	assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "two debits for one")
}

func TestInfoIsRead(t *testing.T) {
	currencies, err := serve(t, `{"object":[{"code":"NGN","name":"Naira","symbol":"₦","decimals":2,"subunit_to_unit":"100","primary":false,"min":"10.0","max":null,
		"usd_equivalent":"0.0027","opposites":[{"code":"USD","rate":0.00277,"mtm_rate":0.0028,"margin":"0.01"}]}]}`).Info.CurrenciesIn(t.Context(), "")
	require.NoError(t, err)
	assert.Equal(t, 100, currencies.Items[0].SubunitToUnit)
	wantAmount(t, "10", currencies.Items[0].Min)
	assert.False(t, currencies.Items[0].Max.Valid)
	wantAmount(t, "0.00277", currencies.Items[0].Opposites[0].Rate)
	wantAmount(t, "0.01", currencies.Items[0].Opposites[0].Margin)

	methods, err := serve(t, `{"object":[{"type":"USD::Manual::Bank","provider":"x","otc_permitted":true,"details":["first_name"],"default":true,
		"fields":{"first_name":{"type":"input"}},"opposites":[{"type":"NGN::Bank"}]}]}`).Info.PaymentMethodsIn(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "USD::Manual::Bank", methods.Items[0].Type)
	assert.Equal(t, []string{"first_name"}, methods.Items[0].Details)
	assert.Equal(t, "NGN::Bank", methods.Items[0].Opposites[0].Type)

	balances, err := serve(t, `{"object":[{"currency":"USD","available_balance":"1.5","previous_day_closing_balance":2,"current_balance_date":"2026-01-02"}]}`).Accounts.ListDLocal(t.Context())
	require.NoError(t, err)
	wantAmount(t, "1.5", balances.Items[0].AvailableBalance)

	names, err := serve(t, `{"object":["transaction.paid_in","something.new"]}`).Webhooks.Events(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []bitpesa.EventName{bitpesa.EventTransactionPaidIn, "something.new"}, names.Items)

	names, err = serve(t, `{"object":["transaction.paid_in",{},null,""]}`).Webhooks.Events(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []int{1, 3}, []int{len(names.Items), names.Skipped})

	logs, err := serve(t, `{"object":[{"id":"l-1","metadata":{"event":"transaction.paid_in","tries":"15","params":{"a":1},
		"request":{"url":"http://x","headers":{"A":"b"},"body":"{}"},"response":{"status":200,"body":null}}}]}`).Logs.ListWebhooks(t.Context(), bitpesa.LogListOptions{})
	require.NoError(t, err)
	assert.Equal(t, 15, logs.Items[0].Metadata.Tries)
	assert.Equal(t, "200", logs.Items[0].Metadata.Response.Status)

	mandate, err := serve(t, `{"object":{"id":"m-1","status":"signed","signed_at":"2026-01-02T03:04:05Z"}}`).Mandates.Get(t.Context(), "m-1")
	require.NoError(t, err)
	assert.Equal(t, bitpesa.MandateSigned, mandate.Status)
	assert.False(t, mandate.SignedAt.IsZero())
}

func TestStatesSayWhatFollows(t *testing.T) {
	for _, row := range []struct {
		transaction           bitpesa.Transaction
		funded, final, needed bool
	}{
		{bitpesa.Transaction{State: bitpesa.TransactionInitial}, false, false, false},
		{bitpesa.Transaction{State: bitpesa.TransactionApproved, PaidAmount: null("1")}, false, false, false},
		{bitpesa.Transaction{State: bitpesa.TransactionPending}, false, false, false},
		{bitpesa.Transaction{State: bitpesa.TransactionReceived}, true, false, false},
		{bitpesa.Transaction{State: bitpesa.TransactionProcessing}, true, false, false},
		{bitpesa.Transaction{State: bitpesa.TransactionMispaid}, true, false, false},
		{bitpesa.Transaction{State: bitpesa.TransactionManual}, true, false, true},
		{bitpesa.Transaction{State: bitpesa.TransactionManual, Recipients: []bitpesa.Recipient{{State: bitpesa.RecipientPending}}}, true, false, false},
		{bitpesa.Transaction{State: bitpesa.TransactionReceived, Recipients: []bitpesa.Recipient{{State: bitpesa.RecipientError, Retriable: true}}}, true, false, false},
		{bitpesa.Transaction{State: bitpesa.TransactionReceived, Recipients: []bitpesa.Recipient{{State: bitpesa.RecipientSuccess}, {State: bitpesa.RecipientError}}}, true, false, true},
		{bitpesa.Transaction{State: bitpesa.TransactionReceived, Recipients: []bitpesa.Recipient{{State: bitpesa.RecipientManual, Retriable: true}}}, true, false, true},
		{bitpesa.Transaction{State: bitpesa.TransactionPaid}, true, true, false},
		{bitpesa.Transaction{State: bitpesa.TransactionRefunded, Recipients: []bitpesa.Recipient{{State: bitpesa.RecipientManual}}}, true, true, false},
		{bitpesa.Transaction{State: bitpesa.TransactionCanceled}, false, true, false},
		{bitpesa.Transaction{State: bitpesa.TransactionCanceled, PaidAmount: null("0")}, false, true, false},
		{bitpesa.Transaction{State: bitpesa.TransactionCanceled, PaidAmount: null("5")}, true, false, false},
		{bitpesa.Transaction{State: bitpesa.TransactionException}, false, false, true},
		{bitpesa.Transaction{State: "something new"}, false, false, false},
	} {
		assert.Equal(t, row.funded, row.transaction.Funded(), "%s funded", row.transaction.State)
		assert.Equal(t, row.final, row.transaction.Final(), "%s final", row.transaction.State)
		assert.Equal(t, row.needed, row.transaction.NeedsAction(), "%s needs action", row.transaction.State)
	}
}

func TestErrorsAndProvidersAreDecoded(t *testing.T) {
	const errs = `"errors":{"city":[{"error":"blank"}]}`
	want := map[string]any{"city": []any{map[string]any{"error": "blank"}}}
	ctx := t.Context()
	tx, err := serve(t, `{"object":{"id":"x-1","state":"approved",`+errs+`,"sender":{"id":"s-1",`+errs+`,"providers":{"KYC":"ok"},"documents":[{"id":"d-1",`+errs+`}]},`+
		`"recipients":[{"id":"r-1","state":"initial",`+errs+`,"payout_method":{"id":"m-1",`+errs+`}}],"payin_methods":[{"id":"p-1","state":"initial",`+errs+`}]}}`).Transactions.Get(ctx, "x-1")
	require.NoError(t, err)
	webhook, err := serve(t, `{"object":{"id":"x-1",`+errs+`}}`).Webhooks.Get(ctx, "x-1")
	require.NoError(t, err)
	debit, err := bitpesa.Decoders()["debit"].Value(errs)
	require.NoError(t, err)
	for name, got := range map[string]map[string]any{
		"transaction": tx.Errors, "sender": tx.Sender.Errors, "document": tx.Sender.Documents[0].Errors, "recipient": tx.Recipients[0].Errors,
		"payout method": tx.Recipients[0].PayoutMethod.Errors, "payin method": tx.PayinMethods[0].Errors, "webhook": webhook.Errors, "debit": debit.(bitpesa.Debit).Errors,
	} {
		assert.Equal(t, want, got, name)
	}
	assert.Equal(t, map[string]any{"KYC": "ok"}, tx.Sender.Providers)
}

func TestInsufficientFundsIsSaidOfTheBalanceAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		p := w.params("payout-1", w.sender(t), "1234567800")
		p.Recipients[0].RequestedAmount = amount("9999999999")
		poor, err := w.client.Transactions.Create(ctx, p)
		require.NoError(t, err, "a transaction waits for its money")
		assert.ErrorIs(t, fails(w.client.Debits.Create(ctx, bitpesa.DebitParams{ToID: poor.ID})), sdk.ErrInsufficientFunds)
		assert.ErrorIs(t, fails(w.client.Transactions.PayFromBalance(ctx, p)), sdk.ErrInsufficientFunds)
		p.ExternalID = "payout-2"
		err = fails(w.client.Transactions.CreateAndFund(ctx, p))
		assert.ErrorIs(t, err, sdk.ErrInsufficientFunds)
		assert.ErrorIs(t, err, sdk.ErrRejected)

		for name, call := range map[string]func(*bitpesa.Client) error{
			"sender": func(c *bitpesa.Client) error { return fails(c.Senders.Create(ctx, validSender())) },
			"transaction": func(c *bitpesa.Client) error {
				return fails(c.Transactions.Create(ctx, validTransaction()))
			},
		} {
			client := newClient(t, newStub(t, func(r request) response {
				if r.Method == "GET" {
					return says(200, `{"object":[]}`)
				}
				return says(422, `{"object":{"errors":{"documents":["insufficient"]}}}`)
			}))
			err := call(client)
			assert.ErrorIs(t, err, sdk.ErrRejected, name)
			assert.NotErrorIs(t, err, sdk.ErrInsufficientFunds, "%s: papers are no money", name)
		}
		rights := newClient(t, newStub(t, func(r request) response {
			if r.Method == "GET" {
				return says(200, `{"object":[]}`)
			}
			return says(422, `{"object":[{"to_id":"t-1","errors":{"base":["Insufficient permissions to debit this account"]}}]}`)
		}))
		err = fails(rights.Debits.Create(ctx, bitpesa.DebitParams{ToID: "t-1"}))
		require.Error(t, err)
		assert.NotErrorIs(t, err, sdk.ErrInsufficientFunds, "rights are no money")
	})
}
