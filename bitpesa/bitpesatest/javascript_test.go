package bitpesatest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// javascript sends requests as the vendor's JavaScript SDK 1.37.10 writes them
// over plain http: Content-Type on every one, header names in lower case, a
// Content-Length of 0 on a POST without a body.
type javascript struct {
	fake  *bitpesatest.Fake
	count int
}

// send writes the target as it goes over the wire; signed is what the SDK signs,
// empty for the same.
func (j *javascript) send(t testing.TB, method, target, signed, body string) reply {
	t.Helper()
	j.count++
	nonce := fmt.Sprintf("9b1deb4d-3b7d-4bad-9bdd-%012d", j.count)
	if signed == "" {
		signed = target
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nhost: localhost:8080\r\nuser-agent: TransferZero-SDK/JavaScript/1.37.10\r\n", method, target)
	fmt.Fprintf(&text, "authorization-key: test-key\r\nauthorization-nonce: %s\r\nauthorization-signature: %s\r\n",
		nonce, sign("test-secret", nonce, method, "http://localhost:8080"+signed, body))
	text.WriteString("content-type: application/json\r\naccept: application/json\r\naccept-encoding: gzip, deflate\r\n")
	if method != http.MethodGet && method != http.MethodDelete {
		fmt.Fprintf(&text, "content-length: %d\r\n", len(body))
	}
	text.WriteString("connection: close\r\n\r\n" + body)
	r, err := http.ReadRequest(bufio.NewReader(&text))
	require.NoError(t, err)
	w := httptest.NewRecorder()
	j.fake.ServeHTTP(w, r)
	return reply{w.Code, w.Body.String()}
}

func (j *javascript) total(t testing.TB, target string) string {
	t.Helper()
	r := j.send(t, "GET", target, "", "")
	require.Equal(t, 200, r.status, r.body)
	return at(t, r.decoded(t), "meta.pagination.total_count").(json.Number).String()
}

func TestJavaScriptListFiltersInCamelCaseAreNotDemanded(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	j := &javascript{fake: f}
	for _, ref := range []string{"one", "two"} {
		m.want(t, 201, "POST", "/transactions", transaction(`"external_id":"`+ref+`"`, ngn("1000", "15500")))
	}
	assert.Equal(t, "2", j.total(t, "/v1/transactions?externalId=one"), "unfiltered")
	assert.Equal(t, "2", j.total(t, "/v1/transactions"), "no query at all")
	assert.Equal(t, "1", j.total(t, "/v1/transactions?external_id=one"))
	assert.Equal(t, "0", j.total(t, "/v1/transactions?external_id=on"), "exact, not a prefix")
}

func TestJavaScriptSignsFiveCharactersUnescaped(t *testing.T) {
	t.Parallel()
	const sent, signed = "/v1/senders?external_id=a%21b%27c%28d%29e%2Af", "/v1/senders?external_id=a!b'c(d)e*f"
	lenient := &javascript{fake: bitpesatest.NewServer(t)}
	strict := &javascript{fake: bitpesatest.NewServer(t, bitpesatest.Config{Quirks: bitpesatest.Quirks{StrictQuery: true}})}
	assert.Equal(t, 200, lenient.send(t, "GET", sent, signed, "").status)
	assert.Equal(t, 401, strict.send(t, "GET", sent, signed, "").status)
	for _, j := range []*javascript{lenient, strict} {
		assert.Equal(t, 200, j.send(t, "GET", sent, sent, "").status, "signed as sent")
		const others = "/v1/senders?external_id=%20%C3%A9%26%2F%3A%2C%40%23%3F~"
		assert.Equal(t, 200, j.send(t, "GET", others, "", "").status)
		assert.Equal(t, 401, j.send(t, "GET", others, "/v1/senders?external_id= é&/:,@#?~", "").status, "no other character may be unescaped")
	}
	assert.Equal(t, 401, lenient.send(t, "GET", "/v1/senders/a%21", "/v1/senders/a!", "").status, "only in the query")
	assert.Equal(t, 401, lenient.send(t, "GET", sent, "/v1/senders?external_id=a!b%27c%28d%29e%2Af", "").status, "all five or none")
}

func TestJavaScriptRepeatsArraysWithoutBrackets(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	j := &javascript{fake: f}
	m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500")))
	m.funded(t, transaction("", ngn("1000", "15500")))
	m.funded(t, transaction("", ngn("1000", "15500")))
	pay(f)
	m.funded(t, transaction("", ngn("1000", "15500")))
	assert.Equal(t, "3", j.total(t, "/v1/recipients?state=initial&state=success"))
	assert.Equal(t, "3", j.total(t, "/v1/recipients?state%5B%5D=initial&state%5B%5D=success"))
	assert.Equal(t, "3", j.total(t, "/v1/recipients?state[]=initial&state=success"), "as the guides write it")
	assert.Equal(t, "1", j.total(t, "/v1/recipients?state=pending"))
	assert.Equal(t, "4", j.total(t, "/v1/payout_methods?type=NGN%3A%3ABank&type=BTC"))
	assert.Equal(t, "0", j.total(t, "/v1/payout_methods?type=BTC"))
}

func TestJavaScriptPostsWithoutABody(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	j := &javascript{fake: f}
	id := m.funded(t, transaction("", ngn("100001", "15500")))
	r := j.send(t, "POST", "/v1/transactions/"+id+"/payout", "", "")
	require.Equal(t, 200, r.status, r.body)
	assert.Equal(t, "paid", textAt(t, r.decoded(t), "object.state"))
	assert.Equal(t, 200, j.send(t, "DELETE", "/v1/senders/"+textAt(t, r.decoded(t), "object.sender.id"), "", "").status)
}

func TestJavaScriptPatchesPayinMethodsUnwrapped(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	j := &javascript{fake: f}
	tx := m.want(t, 201, "POST", "/transactions", transaction(`"payin_methods":[{"type":"USD::Bank"}]`, ngn("1000", "15500")))
	path := "/v1/payin_methods/" + textAt(t, tx, "payin_methods.0.id")
	r := j.send(t, "PATCH", path, "", `{"type":"USD::Card"}`)
	require.Equal(t, 200, r.status, r.body)
	assert.Equal(t, "USD::Card", textAt(t, r.decoded(t), "object.type"))
	r = j.send(t, "PATCH", path, "", `{"payin_method":{"type":"USD::Bank"}}`)
	assert.Equal(t, "USD::Bank", textAt(t, r.decoded(t), "object.type"), "a wrapper is tolerated")
}

func TestJavaScriptPathsStayEscapedInTheSignature(t *testing.T) {
	t.Parallel()
	f := bitpesatest.NewServer(t, bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "test-key", Secret: "test-secret", Balances: money("USD::Bidvest", "12.5")}}})
	j := &javascript{fake: f}
	r := j.send(t, "GET", "/v1/accounts/USD%3A%3ABidvest", "", "")
	require.Equal(t, 200, r.status, r.body)
	assert.Equal(t, "USD::Bidvest", textAt(t, r.decoded(t), "object.currency"))
	wantMoney(t, "12.5", r.decoded(t), "object.amount")
	assert.Equal(t, 401, j.send(t, "GET", "/v1/accounts/USD%3A%3ABidvest", "/v1/accounts/USD::Bidvest", "").status)
}

func TestJavaScriptFindsTheEchoedObjectInA422(t *testing.T) {
	t.Parallel()
	j := &javascript{fake: bitpesatest.NewServer(t)}
	for path, body := range map[string]string{
		"/v1/senders":                      `{"sender":{"first_name":"Only"}}`,
		"/v1/documents":                    `{"document":{"side":"left"}}`,
		"/v1/payout_methods":               `{"payout_method":{"type":"NGN::Bank"}}`,
		"/v1/webhooks":                     `{"webhook":{"url":"x"}}`,
		"/v1/transactions":                 `{"transaction":{"input_currency":"USD"}}`,
		"/v1/transactions/create_and_fund": `{"transaction":{"input_currency":"USD"}}`,
		"/v1/transactions/calculate":       `{"transaction":{"input_currency":"USD"}}`,
		"/v1/transactions/validate":        `{"transaction":{"input_currency":"USD"}}`,
	} {
		r := j.send(t, "POST", path, "", body)
		require.Equal(t, 422, r.status, path)
		assert.NotEmpty(t, at(t, r.decoded(t), "object.errors"), path)
		for key, value := range firstObject(t, body) {
			assert.Equal(t, value, at(t, r.decoded(t), "object."+key), "%s echoes %s", path, key)
		}
	}
}

// firstObject is the wrapped object of a body.
func firstObject(t testing.TB, body string) object {
	t.Helper()
	for _, v := range (reply{0, body}).decoded(t) {
		return v.(object)
	}
	return nil
}

func TestJavaScriptNullsCountAsAbsent(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	j := &javascript{fake: f}
	id := textAt(t, m.want(t, 201, "POST", "/senders", `{"sender":{`+senderFields+`}}`), "id")
	body := strings.Replace(transaction(`"external_id":null,"metadata":null,"traits":null,"payin_methods":null`, ngn("1000", "15500")),
		senderFields, `"id":"`+id+`","external_id":null,"first_name":null,"documents":[]`, 1)
	r := j.send(t, "POST", "/v1/transactions", "", body)
	require.Equal(t, 201, r.status, r.body)
	assert.Equal(t, id, textAt(t, r.decoded(t), "object.sender.id"))
	assert.Equal(t, "Jane", textAt(t, r.decoded(t), "object.sender.first_name"))
}

func TestJavaScriptDatesAreDateTimes(t *testing.T) {
	t.Parallel()
	f, _ := start(t)
	j := &javascript{fake: f}
	post := func(path, body string) object {
		t.Helper()
		r := j.send(t, "POST", path, "", body)
		require.Equal(t, 201, r.status, r.body)
		return r.decoded(t)["object"].(object)
	}
	for _, sent := range []string{"1974-12-24", "1974-12-24T00:00:00.000Z", "1974-12-24T23:59:59Z", "1974-12-24T00:00:00+03:00", "1974-12-24T00:00:00+0300", "1974-12-24T10:00:00"} {
		fields := strings.Replace(senderFields, "1974-12-24", sent, 1)
		o := post("/v1/senders", `{"sender":{"type":"business","name":"Shop","registration_date":"`+sent+`","politically_exposed_people":[{"name":"P","started_date":"`+sent+`","ended_date":"`+sent+`"}],`+
			strings.Replace(fields, `"documents":[]`, `"documents":[{"upload":"https://x.test/a.png","upload_file_name":"a.png","expiry_date":"`+sent+`"}]`, 1)+`}}`)
		for _, path := range []string{"birth_date", "registration_date", "politically_exposed_people.0.started_date", "politically_exposed_people.0.ended_date", "documents.0.expiry_date"} {
			assert.Equal(t, "1974-12-24", textAt(t, o, path), "%s from %s", path, sent)
		}
		o = post("/v1/documents", `{"document":{"upload":"https://x.test/a.png","upload_file_name":"a.png","expiry_date":"`+sent+`"}}`)
		assert.Equal(t, "1974-12-24", textAt(t, o, "expiry_date"), sent)
		o = post("/v1/payout_methods", `{"payout_method":{"type":"GHS::Bank","details":{"first_name":"A","last_name":"B","bank_code":"1","bank_account":"2","birth_date":"`+sent+`"}}}`)
		assert.Equal(t, "1974-12-24", textAt(t, o, "details.birth_date"), sent)
		o = post("/v1/transactions", strings.Replace(transaction("", strings.Replace(ngn("1000", "15500"), `"bank_code"`, `"birth_date":"`+sent+`","bank_code"`, 1)), "1974-12-24", sent, 1))
		assert.Equal(t, "1974-12-24", textAt(t, o, "recipients.0.payout_method.details.birth_date"), sent)
		assert.Equal(t, "1974-12-24", textAt(t, o, "sender.birth_date"), sent)
		r := j.send(t, "PATCH", "/v1/recipients/"+textAt(t, o, "recipients.0.id"), "", `{"recipient":{"payout_method":{"details":{"birth_date":"`+strings.Replace(sent, "24", "25", 1)+`"}}}}`)
		require.Equal(t, 200, r.status, r.body)
		assert.Equal(t, "1974-12-25", textAt(t, r.decoded(t), "object.payout_method.details.birth_date"), sent)
		r = j.send(t, "GET", "/v1/senders?created_at_from="+strings.ReplaceAll(sent, "+", "%2B"), "", "")
		assert.Equal(t, 200, r.status, sent)
	}
	for _, bad := range []string{"24.12.1974", "1974-13-24", "1974-12-24T", "1974", "1974-12-24T25:00:00Z", "soon"} {
		r := j.send(t, "POST", "/v1/senders", "", `{"sender":{`+strings.Replace(senderFields, "1974-12-24", bad, 1)+`}}`)
		assert.Equal(t, 422, r.status, bad)
		assert.Equal(t, bad, textAt(t, r.decoded(t), "object.birth_date"), "what was sent is echoed")
	}
}

func TestJavaScriptValuesOfNoListPass(t *testing.T) {
	t.Parallel()
	f, _ := start(t)
	j := &javascript{fake: f}
	created := func(path, body string) object {
		t.Helper()
		r := j.send(t, "POST", path, "", body)
		require.Equal(t, 201, r.status, r.body)
		return r.decoded(t)["object"].(object)
	}
	recipient := func(kind, details string) string {
		return `{"type":"trust","requested_amount":100,"requested_currency":"USD","payout_method":{"type":"` + kind + `","details":{"first_name":"A","last_name":"B",` + details + `}}}`
	}
	for paper := range strings.FieldsSeq("DNI RUC CE PASS CI CJ CR XX") {
		o := created("/v1/transactions", strings.Replace(transaction("", recipient("PEN::Bank", `"identity_card_type":"`+paper+`","identity_card_id":"1","bank_code":"2","bank_account":"3","bank_account_type":"99"`)),
			`"first_name":"Jane"`, `"type":"trust","gender":"X","identification_type":"`+paper+`","first_name":"Jane"`, 1))
		assert.Equal(t, paper, textAt(t, o, "recipients.0.payout_method.details.identity_card_type"))
		assert.Equal(t, paper, textAt(t, o, "sender.identification_type"))
		assert.Equal(t, "trust", textAt(t, o, "recipients.0.type"))
	}
	created("/v1/transactions", transaction("", recipient("MAD::Cash", `"phone_number":"+212537718685","sender_identity_card_type":"CJ","sender_identity_card_id":"1","sender_gender":"X"`)))
	created("/v1/transactions", transaction("", recipient("XOF::Cash", `"phone_number":"+221774044436","cash_provider":"new"`)))
	created("/v1/transactions", transaction("", recipient("VND::Mobile", `"phone_number":"+84912345678","mobile_provider":"viettel","street":"S"`)))
	created("/v1/transactions", transaction("", recipient("BRL::Bank", `"city":"C","postal_code":"1","identity_card_id":"1","transfer_reason":"new","pix_key_type":"new"`)))
	created("/v1/transactions", transaction(`"payin_methods":[{"type":"USD::Bank","ux_flow":"new"}]`, recipient("VND::Bank", `"bank_account":"1","bank_code":"2"`)))
	created("/v1/documents", `{"document":{"upload":"https://x.test/a.png","upload_file_name":"a.png","side":"inside","category":"new"}}`)
}

func TestJavaScriptNewCorridorsNeedTheirDetails(t *testing.T) {
	t.Parallel()
	f, _ := start(t)
	j := &javascript{fake: f}
	for kind, needed := range map[string]string{ // of 2026-07, beside the names
		"PEN::Bank":   "identity_card_type identity_card_id bank_code bank_account bank_account_type",
		"GTQ::Bank":   "identity_card_id bank_code bank_account bank_account_type",
		"CRC::Bank":   "identity_card_type identity_card_id iban street",
		"MAD::Bank":   "iban street",
		"VND::Bank":   "bank_account bank_code",
		"VND::Mobile": "phone_number mobile_provider street",
	} {
		names := append([]string{"first_name", "last_name"}, strings.Fields(needed)...)
		for missing := range len(names) + 1 {
			details := object{}
			for i, name := range names {
				if i != missing {
					details[name] = "0912345678"
				}
			}
			text, err := json.Marshal(details)
			require.NoError(t, err)
			r := j.send(t, "POST", "/v1/transactions/validate", "", transaction("", `{"requested_amount":100,"requested_currency":"USD","payout_method":{"type":"`+kind+`","details":`+string(text)+`}}`))
			if missing == len(names) {
				assert.Equal(t, 200, r.status, "%s: %s", kind, r.body)
				continue
			}
			require.Equal(t, 422, r.status, kind)
			assert.Len(t, at(t, r.decoded(t), "object.recipients.0.payout_method.errors"), 1, kind)
			assert.Equal(t, "blank", textAt(t, r.decoded(t), "object.recipients.0.payout_method.errors."+names[missing]+".0.error"))
		}
	}
}

func TestJavaScriptReadsTheWebhookOutOfALog(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	id := m.subscribe(t, hookURL, "transaction.created")
	m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500")))
	f.Flush()
	r := (&javascript{fake: f}).send(t, "GET", "/v1/logs/webhooks", "", "")
	require.Equal(t, 200, r.status)
	params := at(t, r.decoded(t), "object.0.metadata.params")
	assert.Equal(t, []any{id, hookURL, []any{"transaction.created"}}, []any{at(t, params, "id"), at(t, params, "url"), at(t, params, "events")})
	_, err := time.Parse(iso, textAt(t, r.decoded(t), "object.0.created_at"))
	assert.NoError(t, err)
}
