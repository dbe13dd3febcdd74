package bitpesatest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// operations are the vendor's 49 with the status of a call that works. Braces
// name what the test made.
const operations = `
GET /accounts 200
GET /accounts/USD 200
POST /accounts/debits 201 {"debit":{"to_id":"{fresh}","to_type":"Transaction"}}
POST /account_validations 200 {"bank_account":"123456700","bank_code":"058","country":"NG","currency":"NGN","method":"bank"}
GET /api_logs 200
GET /api_logs/{api_log} 200
GET /dlocal/balance 200
GET /info/currencies 200
GET /info/currencies/in 200
GET /info/currencies/out 200
GET /info/payment_methods/in 200
GET /info/payment_methods/out 200
GET /logs/webhooks 200
GET /logs/{webhook_log} 200
GET /mandates/{mandate} 200
GET /documents 200
POST /documents 201 {"document":{"upload":"data:image/png;base64,AAAA","upload_file_name":"a.png"}}
GET /documents/{document} 200
GET /payin_methods/{payin_method} 200
PATCH /payin_methods/{payin_method} 200 {"in_details":{"phone_number":"+256772000009"}}
POST /payin_methods/{failed_payin}/retry 200
DELETE /payin_methods/{payin_method} 200
GET /payout_methods 200
POST /payout_methods 201 {"payout_method":{"type":"BTC","details":{"first_name":"A","last_name":"B","name":"C","address":"D"}}}
GET /payout_methods/{payout_method} 200
PATCH /payout_methods/{payout_method} 200 {"details":{"address":"E"}}
DELETE /payout_methods/{payout_method} 200
GET /recipients 200
PATCH /recipients/{recipient} 200 {"recipient":{"metadata":{"a":1}}}
GET /recipients/{paid_recipient}/proof_of_payments 200
DELETE /recipients/{recipient} 200
GET /senders 200
POST /senders 201 {"sender":{SENDER}}
GET /senders/{sender} 200
PATCH /senders/{sender} 200 {"sender":{"city":"Nairobi"}}
DELETE /senders/{sender} 200
GET /transactions 200
POST /transactions 201 TRANSACTION
POST /transactions/create_and_fund 201 NAMED
POST /transactions/calculate 200 TRANSACTION
POST /transactions/validate 200 TRANSACTION
GET /transactions/{fresh} 200
POST /transactions/{unpaid}/payin 200 {"payin_method":{"type":"USD::Bank"}}
POST /transactions/{funded}/payout 200
GET /webhooks 200
POST /webhooks 201 {"webhook":{"url":"http://merchant.test/x","events":["transaction.paid_in"]}}
GET /webhooks/{webhook} 200
DELETE /webhooks/{webhook} 200
GET /webhooks/events 200
`

func TestEveryOperationOfTheVendorIsServed(t *testing.T) {
	t.Parallel()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: newInbox()}})
	made := map[string]string{}
	made["webhook"] = m.subscribe(t, hookURL, "transaction.created")
	made["sender"] = textAt(t, m.want(t, 201, "POST", "/senders", `{"sender":{`+senderFields+`}}`), "id")
	made["document"] = textAt(t, m.want(t, 201, "POST", "/documents", `{"document":{"upload":"https://x.test/a.png","upload_file_name":"a.png"}}`), "id")
	made["payout_method"] = textAt(t, m.want(t, 201, "POST", "/payout_methods", `{"payout_method":{"type":"BTC","details":{"first_name":"A","last_name":"B","name":"C","address":"D"}}}`), "id")
	create := func() string {
		return textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500"))), "id")
	}
	made["fresh"], made["unpaid"] = create(), create()
	made["recipient"] = m.recipientID(t, create(), 0)
	made["funded"] = m.funded(t, transaction("", ngn("100001", "15500")))
	made["paid_recipient"] = m.recipientID(t, m.funded(t, transaction("", ngn("1000", "15500"))), 0)
	collection := strings.Replace(transaction(`"payin_methods":[{"type":"UGX::Mobile","in_details":{}},{"type":"UGX::Mobile","in_details":{"phone_number":"+256772000009"}}]`, ngn("1000", "15500")), `"USD"`, `"UGX"`, 1)
	c := m.want(t, 201, "POST", "/transactions", collection)
	made["payin_method"], made["failed_payin"] = textAt(t, c, "payin_methods.0.id"), textAt(t, c, "payin_methods.1.id")
	mandate, err := f.AddMandate(made["recipient"])
	require.NoError(t, err)
	made["mandate"] = mandate
	pay(f)
	made["webhook_log"] = textAt(t, m.list(t, 200, "GET", "/logs/webhooks", "")[0], "id")
	made["api_log"] = textAt(t, m.list(t, 200, "GET", "/api_logs", "")[0], "id")

	count := 0
	for line := range strings.Lines(operations) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(fields) < 3 {
			continue
		}
		count++
		fields = append(fields, "")
		body := strings.NewReplacer("NAMED", transaction(`"external_id":"ref-1"`, ngn("1000", "15500")), "TRANSACTION", transaction("", ngn("1000", "15500")), "SENDER", senderFields).Replace(fields[3])
		path := fields[1]
		for name, id := range made {
			path, body = strings.ReplaceAll(path, "{"+name+"}", id), strings.ReplaceAll(body, "{"+name+"}", id)
		}
		r := m.call(t, fields[0], path, body)
		assert.Equal(t, fields[2], itoa(r.status), "%s %s: %s", fields[0], path, r.body)
		assert.Contains(t, r.decoded(t), "object", path)
	}
	assert.Equal(t, 49, count)
	assert.Len(t, bitpesa.Operations(), count, "every operation of the client is served")
	require.NoError(t, f.CheckLedger())
}

func TestUnknownIDsAndMethodsAreNotFound(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	for _, line := range []string{
		"GET /accounts/JPY", "GET /api_logs/x", "GET /logs/x", "GET /mandates/x", "GET /documents/x", "GET /payin_methods/x",
		"PATCH /payin_methods/x", "DELETE /payin_methods/x", "POST /payin_methods/x/retry", "GET /payout_methods/x",
		"PATCH /payout_methods/x", "DELETE /payout_methods/x", "PATCH /recipients/x", "DELETE /recipients/x",
		"GET /recipients/x/proof_of_payments", "GET /senders/x", "PATCH /senders/x", "DELETE /senders/x", "GET /transactions/x",
		"POST /transactions/x/payin", "POST /transactions/x/payout", "GET /webhooks/x", "DELETE /webhooks/x",
		"PUT /senders", "GET /accounts/", "GET /senders/../accounts", "GET /senders//x", "GET /.", "DELETE /senders", "PATCH /webhooks/x", "POST /accounts", "GET /transactions/", "GET //transactions", "GET /recipients/x",
	} {
		method, path, _ := strings.Cut(line, " ")
		r := m.call(t, method, path, "")
		assert.Equal(t, 404, r.status, line)
		assert.Equal(t, `{"error":"Not Found","status":404}`, r.body, line)
	}
	assert.Equal(t, 404, m.call(t, "HEAD", "/accounts", "").status)
}

func TestBadSyntaxIsABadRequest(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	for _, path := range []string{
		"/senders", "/documents", "/payout_methods", "/webhooks", "/transactions", "/transactions/create_and_fund",
		"/transactions/calculate", "/transactions/validate", "/accounts/debits", "/account_validations",
	} {
		for _, body := range []string{"", "{", "[]", "null", `{"sender":{}}{}`} {
			r := m.call(t, "POST", path, body)
			assert.Equal(t, 400, r.status, "%s %q: %s", path, body, r.body)
			assert.Equal(t, `{"error":"Bad Request","status":400}`, r.body)
		}
	}
	for _, path := range []string{"/senders", "/documents", "/payout_methods", "/webhooks", "/transactions"} {
		assert.Equal(t, 400, m.call(t, "POST", path, `{"first_name":"x","url":"http://x.test"}`).status, "%s without its wrapper", path)
	}
}

func TestAccountsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	f, a := start(t, bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "a", Secret: "sa"}, {Key: "b", Secret: "sb"}}})
	a.key, a.secret = "a", "sa"
	b := a
	b.key, b.secret = "b", "sb"
	id := textAt(t, a.want(t, 201, "POST", "/transactions", transaction(`"external_id":"same"`, ngn("1000", "15500"))), "id")
	assert.Equal(t, 404, b.call(t, "GET", "/transactions/"+id, "").status)
	assert.Empty(t, b.list(t, 200, "GET", "/transactions", ""))
	assert.Equal(t, 422, b.call(t, "POST", "/accounts/debits", `{"debit":{"to_id":"`+id+`","to_type":"Transaction"}}`).status)
	b.want(t, 201, "POST", "/transactions", transaction(`"external_id":"same"`, ngn("1000", "15500")))
	require.NoError(t, f.CheckLedger())
}
