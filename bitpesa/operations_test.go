package bitpesa_test

import (
	"context"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk"
)

type wireCall struct {
	op   string
	uri  string // after the base URL
	body string
	call func(context.Context, *bitpesa.Client) error
}

func first[T any](items iter.Seq2[T, error]) error {
	for _, err := range items {
		return err
	}
	return nil
}

func fails[T any](_ T, err error) error { return err }

var (
	created = bitpesa.Created{
		From: time.Date(2018, 6, 6, 23, 0, 0, 0, time.UTC),
		To:   time.Date(2018, 6, 7, 1, 0, 0, 0, time.FixedZone("EAT", 3*3600)),
	}
	page3 = bitpesa.ListOptions{Page: 3, PerPage: 50}
)

const (
	sentSender = `{"external_id":"sender-1","first_name":"Example","last_name":"User","birth_date":"1970-01-01",` +
		`"phone_number":"752403639","phone_country":"UG","email":"email@domain.com","ip":"127.0.0.1","country":"UG",` +
		`"city":"Kampala","street":"Somewhere 17-3","postal_code":"798983"}`
	sentTransaction = `{"transaction":{"input_currency":"USD","sender":{"id":"s-1"},"recipients":[{"requested_amount":"10000",` +
		`"requested_currency":"NGN","payout_method":{"type":"NGN::Bank","details":{"first_name":"Jane","last_name":"Doe",` +
		`"bank_code":"058","bank_account":"1234567800","bank_account_type":"20"}}}],"external_id":"Transaction:NGN:17523"}}`
	sentDebit = `{"to_id":"t-1","to_type":"Transaction","amount":"30.5","currency":"USD"}`
)

func validDebit() bitpesa.DebitParams {
	return bitpesa.DebitParams{ToID: "t-1", Amount: null("30.50"), Currency: "USD"}
}

// wireCalls has one entry per exported method that sends a request. Finds,
// flows, Wait and the iterators send the rows of others.
var wireCalls = map[string]wireCall{
	"Accounts.List": {bitpesa.OpListAccounts, "/v1/accounts", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Accounts.List(ctx))
	}},
	"Accounts.Get": {bitpesa.OpGetAccount, "/v1/accounts/USD::Bidvest", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Accounts.Get(ctx, "USD::Bidvest"))
	}},
	"Debits.Create": {bitpesa.OpCreateDebits, "/v1/accounts/debits", `{"debit":` + sentDebit + `}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Debits.Create(ctx, validDebit()))
	}},
	"Debits.Prepare": {bitpesa.OpCreateDebits, "/v1/accounts/debits", `{"debit":` + sentDebit + `}`, func(ctx context.Context, c *bitpesa.Client) error {
		p, err := c.Debits.Prepare(validDebit())
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Debits.CreateMany": {bitpesa.OpCreateDebits, "/v1/accounts/debits", `{"debit":[` + sentDebit + `,{"to_id":"t-2","to_type":"Transaction"}]}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Debits.CreateMany(ctx, []bitpesa.DebitParams{validDebit(), {ToID: "t-2"}}))
	}},
	"AccountValidations.Create": {bitpesa.OpValidateAccount, "/v1/account_validations", `{"country":"NG","currency":"NGN","method":"bank","bank_account":"9040009999","bank_code":"058"}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.AccountValidations.Create(ctx, bitpesa.AccountValidationParams{Country: "NG", Currency: "NGN", Method: bitpesa.ValidateBank, BankAccount: "9040009999", BankCode: "058"}))
	}},
	"Logs.ListAPI": {bitpesa.OpListAPILogs, "/v1/api_logs?created_at_from=2018-06-06&created_at_to=2018-06-07&page=3&per=50", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Logs.ListAPI(ctx, bitpesa.LogListOptions{ListOptions: page3, Created: created}))
	}},
	"Logs.AllAPI": {bitpesa.OpListAPILogs, "/v1/api_logs?page=1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return first(c.Logs.AllAPI(ctx, bitpesa.LogListOptions{}))
	}},
	"Logs.GetAPI": {bitpesa.OpGetAPILog, "/v1/api_logs/l-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Logs.GetAPI(ctx, "l-1"))
	}},
	"Logs.ListWebhooks": {bitpesa.OpListWebhookLogs, "/v1/logs/webhooks?page=3&per=50", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Logs.ListWebhooks(ctx, bitpesa.LogListOptions{ListOptions: page3}))
	}},
	"Logs.AllWebhooks": {bitpesa.OpListWebhookLogs, "/v1/logs/webhooks?created_at_from=2018-06-06&created_at_to=2018-06-07&page=1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return first(c.Logs.AllWebhooks(ctx, bitpesa.LogListOptions{Created: created}))
	}},
	"Logs.GetWebhook": {bitpesa.OpGetWebhookLog, "/v1/logs/l%2F1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Logs.GetWebhook(ctx, "l/1"))
	}},
	"Accounts.ListDLocal": {bitpesa.OpBalance, "/v1/dlocal/balance", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Accounts.ListDLocal(ctx))
	}},
	"Info.Currencies": {bitpesa.OpCurrencies, "/v1/info/currencies", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Info.Currencies(ctx))
	}},
	"Info.CurrenciesIn": {bitpesa.OpCurrenciesIn, "/v1/info/currencies/in?sender_id=s-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Info.CurrenciesIn(ctx, "s-1"))
	}},
	"Info.CurrenciesOut": {bitpesa.OpCurrenciesOut, "/v1/info/currencies/out", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Info.CurrenciesOut(ctx, ""))
	}},
	"Info.PaymentMethodsIn": {bitpesa.OpPaymentMethodsIn, "/v1/info/payment_methods/in", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Info.PaymentMethodsIn(ctx))
	}},
	"Info.PaymentMethodsOut": {bitpesa.OpPaymentMethodsOut, "/v1/info/payment_methods/out", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Info.PaymentMethodsOut(ctx))
	}},
	"Mandates.Get": {bitpesa.OpGetMandate, "/v1/mandates/m-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Mandates.Get(ctx, "m-1"))
	}},

	"Documents.List": {bitpesa.OpListDocuments, "/v1/documents?page=3&per=50", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Documents.List(ctx, page3))
	}},
	"Documents.All": {bitpesa.OpListDocuments, "/v1/documents?page=3&per=50", "", func(ctx context.Context, c *bitpesa.Client) error {
		return first(c.Documents.All(ctx, page3))
	}},
	"Documents.Create": {bitpesa.OpCreateDocument, "/v1/documents", `{"document":{"upload":"data:image/png;base64,AA==","upload_file_name":"passport.png","side":"front"}}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Documents.Create(ctx, bitpesa.DocumentParams{Upload: "data:image/png;base64,AA==", UploadFileName: "passport.png", Side: "front"}))
	}},
	"Documents.Get": {bitpesa.OpGetDocument, "/v1/documents/d-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Documents.Get(ctx, "d-1"))
	}},
	"PayinMethods.Get": {bitpesa.OpGetPayinMethod, "/v1/payin_methods/p-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayinMethods.Get(ctx, "p-1"))
	}},
	"PayinMethods.Update": {bitpesa.OpUpdatePayinMethod, "/v1/payin_methods/p-1", `{"type":"XOF::Mobile","in_details":{"phone_number":"+221774044436"}}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayinMethods.Update(ctx, "p-1", bitpesa.PayinMethodParams{Type: "XOF::Mobile", InDetails: map[string]any{"phone_number": "+221774044436"}}))
	}},
	"PayinMethods.Cancel": {bitpesa.OpCancelPayinMethod, "/v1/payin_methods/p-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayinMethods.Cancel(ctx, "p-1"))
	}},
	"PayinMethods.Retry": {bitpesa.OpRetryPayinMethod, "/v1/payin_methods/p-1/retry", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayinMethods.Retry(ctx, "p-1"))
	}},
	"PayoutMethods.List": {bitpesa.OpListPayoutMethods, "/v1/payout_methods?created_at_from=2018-06-06&created_at_to=2018-06-07&page=3&per=50&sender_id=s-1&state%5B%5D=enabled&state%5B%5D=disabled&type%5B%5D=NGN%3A%3ABank", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayoutMethods.List(ctx, bitpesa.PayoutMethodListOptions{ListOptions: page3, Created: created, SenderID: "s-1", Types: []bitpesa.PayoutType{bitpesa.NGNBank}, States: []string{"enabled", "disabled"}}))
	}},
	"PayoutMethods.All": {bitpesa.OpListPayoutMethods, "/v1/payout_methods?page=1&sender_id=s-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return first(c.PayoutMethods.All(ctx, bitpesa.PayoutMethodListOptions{SenderID: "s-1"}))
	}},
	"PayoutMethods.Create": {bitpesa.OpCreatePayoutMethod, "/v1/payout_methods", `{"payout_method":{"type":"GHS::Mobile","details":{"first_name":"Ama","last_name":"B","phone_number":"+233302123456","favourite":"blue"}}}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayoutMethods.Create(ctx, bitpesa.PayoutMethodParams{Type: bitpesa.GHSMobile, Details: bitpesa.PayoutDetails{FirstName: "Ama", LastName: "B", PhoneNumber: "+233302123456", Extra: map[string]any{"favourite": "blue"}}}))
	}},
	"PayoutMethods.Get": {bitpesa.OpGetPayoutMethod, "/v1/payout_methods/m-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayoutMethods.Get(ctx, "m-1"))
	}},
	"PayoutMethods.Update": {bitpesa.OpUpdatePayoutMethod, "/v1/payout_methods/m-1", `{"details":{"bank_account":"1"}}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayoutMethods.Update(ctx, "m-1", bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: "1"}}))
	}},
	"PayoutMethods.Delete": {bitpesa.OpDeletePayoutMethod, "/v1/payout_methods/m-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayoutMethods.Delete(ctx, "m-1"))
	}},

	"Recipients.List": {bitpesa.OpListRecipients, "/v1/recipients?amount_from=10&amount_to=20.5&currency%5B%5D=USD&page=3&per=50&state%5B%5D=error&state%5B%5D=manual", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Recipients.List(ctx, bitpesa.RecipientListOptions{
			ListOptions: page3, States: []bitpesa.RecipientState{bitpesa.RecipientError, bitpesa.RecipientManual},
			Currencies: []string{"USD"}, AmountFrom: null("10"), AmountTo: null("20.50"),
		}))
	}},
	"Recipients.All": {bitpesa.OpListRecipients, "/v1/recipients?created_at_from=2018-06-06&created_at_to=2018-06-07&page=1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return first(c.Recipients.All(ctx, bitpesa.RecipientListOptions{Created: created}))
	}},
	"Recipients.Update": {bitpesa.OpUpdateRecipient, "/v1/recipients/r-1", `{"recipient":{"payout_method":{"details":{"bank_account":"1234567800"}}}}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Recipients.Update(ctx, "r-1", newAccount))
	}},
	"Recipients.Correct": {bitpesa.OpGetTransaction, "/v1/transactions/t-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Recipients.Correct(ctx, "t-1", "r-1", newAccount))
	}},
	"Recipients.Cancel": {bitpesa.OpCancelRecipient, "/v1/recipients/r-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Recipients.Cancel(ctx, "r-1"))
	}},
	"Recipients.ProofOfPayments": {bitpesa.OpProofOfPayments, "/v1/recipients/r-1/proof_of_payments", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Recipients.ProofOfPayments(ctx, "r-1"))
	}},
	"Senders.List": {bitpesa.OpListSenders, "/v1/senders?created_at_from=2018-06-06&created_at_to=2018-06-07&external_id=sender-1&page=3&per=50", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Senders.List(ctx, bitpesa.SenderListOptions{ListOptions: page3, Created: created, ExternalID: "sender-1"}))
	}},
	"Senders.All": {bitpesa.OpListSenders, "/v1/senders?page=1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return first(c.Senders.All(ctx, bitpesa.SenderListOptions{}))
	}},
	"Senders.Find": {bitpesa.OpListSenders, "/v1/senders?external_id=a+b%2F%C3%A9%21%2A&page=1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Senders.Find(ctx, "a b/é!*"))
	}},
	"Senders.Create": {bitpesa.OpCreateSender, "/v1/senders", `{"sender":` + sentSender + `}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Senders.Create(ctx, validSender()))
	}},
	"Senders.Get": {bitpesa.OpGetSender, "/v1/senders/s-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Senders.Get(ctx, "s-1"))
	}},
	"Senders.Update": {bitpesa.OpUpdateSender, "/v1/senders/s-1", `{"sender":{"city":"Kigali","name":"Best Pilau Ltd","metadata":{"n":1}}}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Senders.Update(ctx, "s-1", bitpesa.SenderParams{City: "Kigali", BusinessParams: bitpesa.BusinessParams{Name: "Best Pilau Ltd"}, Metadata: bitpesa.Metadata{"n": 1}}))
	}},
	"Senders.Delete": {bitpesa.OpDeleteSender, "/v1/senders/s-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Senders.Delete(ctx, "s-1"))
	}},

	"Transactions.List": {bitpesa.OpListTransactions, "/v1/transactions?external_id=Transaction%3ANGN%3A17523&page=3&per=50&sender_id=s-1&transactions_type=automated", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.List(ctx, bitpesa.TransactionListOptions{ListOptions: page3, ExternalID: "Transaction:NGN:17523", SenderID: "s-1", Type: "automated"}))
	}},
	"Transactions.All": {bitpesa.OpListTransactions, "/v1/transactions?page=1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return first(c.Transactions.All(ctx, bitpesa.TransactionListOptions{}))
	}},
	"Transactions.Find": {bitpesa.OpListTransactions, "/v1/transactions?external_id=Transaction%3ANGN%3A17523&page=1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.Find(ctx, "Transaction:NGN:17523"))
	}},
	"Transactions.Create": {bitpesa.OpCreateTransaction, "/v1/transactions", sentTransaction, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.Create(ctx, validTransaction()))
	}},
	"Transactions.Prepare": {bitpesa.OpCreateTransaction, "/v1/transactions", sentTransaction, func(ctx context.Context, c *bitpesa.Client) error {
		p, err := c.Transactions.Prepare(validTransaction())
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Transactions.PayFromBalance": {bitpesa.OpCreateTransaction, "/v1/transactions", sentTransaction, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.PayFromBalance(ctx, validTransaction()))
	}},
	"Transactions.CreateAndFund": {bitpesa.OpCreateAndFund, "/v1/transactions/create_and_fund", sentTransaction, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.CreateAndFund(ctx, validTransaction()))
	}},
	"Transactions.PrepareCreateAndFund": {bitpesa.OpCreateAndFund, "/v1/transactions/create_and_fund", sentTransaction, func(ctx context.Context, c *bitpesa.Client) error {
		p, err := c.Transactions.PrepareCreateAndFund(validTransaction())
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Transactions.Calculate": {bitpesa.OpCalculate, "/v1/transactions/calculate", sentTransaction, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.Calculate(ctx, validTransaction()))
	}},
	"Transactions.Validate": {bitpesa.OpValidateTransaction, "/v1/transactions/validate", sentTransaction, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.Validate(ctx, validTransaction()))
	}},
	"Transactions.Get": {bitpesa.OpGetTransaction, "/v1/transactions/t-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.Get(ctx, "t-1"))
	}},
	"Transactions.Wait": {bitpesa.OpGetTransaction, "/v1/transactions/t-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.Wait(ctx, "t-1"))
	}},
	"Transactions.Cancel": {bitpesa.OpGetTransaction, "/v1/transactions/t-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.Cancel(ctx, "t-1"))
	}},
	"Transactions.SandboxPayIn": {bitpesa.OpSandboxPayIn, "/v1/transactions/t-1/payin", `{"payin_method":{"type":"NGN::Bank"}}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.SandboxPayIn(ctx, "t-1", bitpesa.PayinMethodParams{Type: "NGN::Bank"}))
	}},
	"Transactions.SandboxPayOut": {bitpesa.OpSandboxPayOut, "/v1/transactions/t-1/payout", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Transactions.SandboxPayOut(ctx, "t-1"))
	}},
	"Webhooks.List": {bitpesa.OpListWebhooks, "/v1/webhooks", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Webhooks.List(ctx, bitpesa.ListOptions{}))
	}},
	"Webhooks.All": {bitpesa.OpListWebhooks, "/v1/webhooks?page=1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return first(c.Webhooks.All(ctx, bitpesa.ListOptions{}))
	}},
	"Webhooks.Create": {bitpesa.OpCreateWebhook, "/v1/webhooks", `{"webhook":{"url":"https://shop.example/hooks?tenant=a","events":["transaction.paid_in"],"metadata":{"a":"b"}}}`, func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Webhooks.Create(ctx, bitpesa.WebhookParams{URL: "https://shop.example/hooks?tenant=a", Events: []bitpesa.EventName{bitpesa.EventTransactionPaidIn}, Metadata: bitpesa.Metadata{"a": "b"}}))
	}},
	"Webhooks.Get": {bitpesa.OpGetWebhook, "/v1/webhooks/w-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Webhooks.Get(ctx, "w-1"))
	}},
	"Webhooks.Delete": {bitpesa.OpDeleteWebhook, "/v1/webhooks/w-1", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Webhooks.Delete(ctx, "w-1"))
	}},
	"Webhooks.Events": {bitpesa.OpWebhookEvents, "/v1/webhooks/events", "", func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Webhooks.Events(ctx))
	}},
}

var newAccount = bitpesa.RecipientUpdate{PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: "1234567800"}}}

// exportedMethods lists what sends requests: the services' methods and those of
// the Client itself, Do excepted, which has no row.
func exportedMethods() []string {
	var methods []string
	client := reflect.TypeFor[*bitpesa.Client]()
	for i := range client.NumMethod() {
		if name := client.Method(i).Name; name != "Do" {
			methods = append(methods, name)
		}
	}
	for i := range client.Elem().NumField() {
		field := client.Elem().Field(i)
		if !field.IsExported() {
			continue
		}
		for j := range field.Type.NumMethod() {
			methods = append(methods, field.Name+"."+field.Type.Method(j).Name)
		}
	}
	return methods
}

func TestEveryMethodSendsItsRow(t *testing.T) {
	rows := map[string]sdk.Operation{}
	for _, op := range bitpesa.Operations() {
		rows[op.Name] = op
	}
	require.Len(t, rows, 49)
	used := map[string]bool{}
	for _, method := range exportedMethods() {
		want, ok := wireCalls[method]
		if !assert.True(t, ok, "%s is exported, and no test says which row it sends", method) {
			continue
		}
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// A refusal ends every method after its first request. Only what a lookup
				// can find is looked for.
				looks := rows[want.op].Class == sdk.Referenced
				server := newStub(t, func(r request) response {
					switch {
					case looks && strings.Contains(r.URI, "external_id="):
						return list("", 0)
					case looks && r.Method == "GET":
						return says(200, `{"object":{"id":"`+r.URI[len("/v1/transactions/"):]+`","state":"approved"}}`)
					}
					return says(422, `{"object":{"errors":{"base":["No."]}}}`)
				})
				err := want.call(t.Context(), newClient(t, server))
				var apiErr *sdk.Error
				require.ErrorAs(t, err, &apiErr)
				assert.Equal(t, want.op, apiErr.Operation)
				assert.Equal(t, sdk.Rejected, apiErr.Outcome)
				sent := server.requests()
				assert.Equal(t, request{rows[want.op].Method, want.uri, want.body}, sent[0])
				for i := range sent {
					assert.Equal(t, i == 0 || rows[want.op].Method == "GET", sent[i].Method == rows[want.op].Method)
				}
				if !looks {
					assert.Len(t, sent, 1)
				}
			})
		})
		used[want.op] = true
	}
	for name := range rows {
		assert.True(t, used[name], "no method sends row %s", name)
	}
	for method := range wireCalls {
		assert.Contains(t, exportedMethods(), method)
	}
}

// The rows of the vendor's OpenAPI, written down once more from the fact sheet,
// so that a slip of the table shows.
const specifiedRoutes = `
GET /accounts
GET /accounts/{currency}
POST /accounts/debits
POST /account_validations
GET /api_logs
GET /api_logs/{id}
GET /dlocal/balance
GET /info/currencies
GET /info/currencies/in
GET /info/currencies/out
GET /info/payment_methods/in
GET /info/payment_methods/out
GET /logs/webhooks
GET /logs/{id}
GET /mandates/{id}
GET /documents
POST /documents
GET /documents/{id}
GET /payin_methods/{id}
PATCH /payin_methods/{id}
DELETE /payin_methods/{id}
POST /payin_methods/{id}/retry
GET /payout_methods
POST /payout_methods
GET /payout_methods/{id}
PATCH /payout_methods/{id}
DELETE /payout_methods/{id}
GET /recipients
PATCH /recipients/{id}
DELETE /recipients/{id}
GET /recipients/{id}/proof_of_payments
GET /senders
POST /senders
GET /senders/{id}
PATCH /senders/{id}
DELETE /senders/{id}
GET /transactions
POST /transactions
POST /transactions/create_and_fund
POST /transactions/calculate
POST /transactions/validate
GET /transactions/{id}
POST /transactions/{id}/payin
POST /transactions/{id}/payout
GET /webhooks
POST /webhooks
GET /webhooks/{id}
DELETE /webhooks/{id}
GET /webhooks/events
`

func TestTheTableHasTheSpecifiedRoutes(t *testing.T) {
	var got []string
	for _, op := range bitpesa.Operations() {
		got = append(got, op.Method+" "+strings.TrimPrefix(op.Path, "/v1"))
		assert.True(t, strings.HasPrefix(op.Path, "/v1/"), op.Path)
		assert.Equal(t, op.Method == "GET" || op.Name == bitpesa.OpCalculate || op.Name == bitpesa.OpValidateTransaction || op.Name == bitpesa.OpValidateAccount,
			op.Class == sdk.Safe, "%s is %s", op.Name, op.Class)
		if op.Class == sdk.Safe {
			assert.False(t, op.MovesMoney, op.Name)
		}
	}
	assert.ElementsMatch(t, strings.Split(strings.TrimSpace(specifiedRoutes), "\n"), got)
}

func TestRoutesCanBeOverridden(t *testing.T) {
	server := newStub(t, always(says(200, `{"object":{"id":"s 1","state":"approved"}}`)))
	client := newClient(t, server, func(c *bitpesa.Config) {
		c.Routes = map[string]sdk.Route{bitpesa.OpGetSender: {Method: "POST", Path: "/v2/people/{id}/show"}}
	})
	sender, err := client.Senders.Get(t.Context(), "s 1")
	require.NoError(t, err)
	assert.Equal(t, "s 1", sender.ID)
	assert.Equal(t, []request{{"POST", "/v2/people/s%201/show", ""}}, server.requests())
}

func TestTheBaseURLMayEndInTheVersion(t *testing.T) {
	for base, want := range map[string]string{
		stubURL: "/v1/senders/s-1", stubURL + "/": "/v1/senders/s-1", stubURL + "/v1": "/v1/senders/s-1", stubURL + "/v1/": "/v1/senders/s-1",
		stubURL + "/bitpesa/v1": "/bitpesa/v1/senders/s-1", stubURL + "/a%2Fb": "/a%2Fb/v1/senders/s-1",
	} {
		server := newStub(t, always(says(200, `{"object":{"id":"s-1","state":"approved"}}`)))
		_, err := newClient(t, server, func(c *bitpesa.Config) { c.BaseURL = base }).Senders.Get(t.Context(), "s-1")
		require.NoError(t, err, base)
		assert.Equal(t, want, server.requests()[0].URI)
	}
}

func TestNoIDOrReferenceHasWhiteSpaceAtItsEnds(t *testing.T) {
	client, err := bitpesa.New(bitpesa.Config{BaseURL: "https://a.example", Key: "u", Secret: "p"})
	require.NoError(t, err)
	clienttest.CheckEdges(t, client, bitpesa.Operations(), "PayoutMethods.Update.ID") // Update takes no ID
}

func TestWithoutAContextNothingIsSent(t *testing.T) {
	server := newStub(t, always(says(500, "")))
	client := newClient(t, server)
	clienttest.CheckNilContexts(t, slices.Sorted(maps.Keys(wireCalls)), func() int { return len(server.requests()) }, func(method string, ctx context.Context) error {
		return wireCalls[method].call(ctx, client)
	})
}
