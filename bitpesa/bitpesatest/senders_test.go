package bitpesatest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestSenderNeedsItsFields(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	tests := map[string]struct {
		sender string
		field  string
		word   string // empty: accepted
	}{
		"complete":                      {senderFields, "", ""},
		"business":                      {`"type":"business","name":"Shop",` + senderFields, "", ""},
		"without country":               {strings.Replace(senderFields, `"country":"US",`, "", 1), "country", "blank"},
		"with blank city":               {strings.Replace(senderFields, `"New York"`, `" "`, 1), "city", "blank"},
		"with null street":              {strings.Replace(senderFields, `"20 W 34th St"`, `null`, 1), "street", "blank"},
		"without postal_code":           {strings.Replace(senderFields, `"postal_code":"10001",`, "", 1), "postal_code", "blank"},
		"without email":                 {strings.Replace(senderFields, `"email":"jane@example.com",`, "", 1), "email", "blank"},
		"without ip":                    {strings.Replace(senderFields, `"ip":"127.0.0.1",`, "", 1), "ip", "blank"},
		"without documents, KYC waived": {strings.Replace(senderFields, `,"documents":[]`, "", 1), "", ""},
		"bad email":                     {strings.Replace(senderFields, `jane@example.com`, `jane`, 1), "email", "invalid"},
		"bad ip":                        {strings.Replace(senderFields, `127.0.0.1`, `localhost`, 1), "ip", "invalid"},
		"bad birth_date":                {strings.Replace(senderFields, `1974-12-24`, `24.12.1974`, 1), "birth_date", "invalid"},
		"unknown type":                  {`"type":"alien",` + senderFields, "", ""},
		"gender O":                      {`"gender":"O",` + senderFields, "", ""},
		"gender X":                      {`"gender":"X",` + senderFields, "", ""},
		"identification_type":           {`"identification_type":"ID","identification_number":"1",` + senderFields, "", ""},
		"unknown identification_type":   {`"identification_type":"XX",` + senderFields, "", ""},
		"three exposed people":          {`"politically_exposed_people":[{},{},{}],` + senderFields, "", ""},
		"four exposed people":           {`"politically_exposed_people":[{},{},{},{}],` + senderFields, "politically_exposed_people", "invalid"},
		"an exposed person by name":     {`"politically_exposed_people":["x"],` + senderFields, "politically_exposed_people", "invalid"},
		"an exposed person's bad date":  {`"politically_exposed_people":[{"started_date":"soon"}],` + senderFields, "politically_exposed_people", "invalid"},
		"a bad registration_date":       {`"registration_date":"2001",` + senderFields, "registration_date", "invalid"},
		"a list for a text":             {`"lang":[],` + senderFields, "lang", "invalid"},
		"a list for an open list":       {`"gender":["M"],` + senderFields, "gender", "invalid"},
		"a text for metadata":           {`"metadata":"x",` + senderFields, "metadata", "invalid"},
		"a text for documents":          {strings.Replace(senderFields, `[]`, `"x"`, 1), "documents", "invalid"},
		"a bad document":                {strings.Replace(senderFields, `[]`, `[{"upload":"x"}]`, 1), "documents", "invalid"},
		"a document nobody uploaded":    {strings.Replace(senderFields, `[]`, `[{"id":"x"}]`, 1), "documents", "invalid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := 201
			if tt.word != "" {
				status = 422
			}
			o := m.want(t, status, "POST", "/senders", `{"sender":{`+tt.sender+`}}`)
			if tt.word != "" {
				assert.Equal(t, []string{tt.word}, errorWords(t, o, tt.field))
				return
			}
			assert.Equal(t, "approved", textAt(t, o, "state"), "KYC is waived")
			assert.Empty(t, at(t, o, "errors"))
			assert.Nil(t, at(t, o, "middle_name"), "absent values are null")
		})
	}
}

func TestSenderIsReusedUpdatedOrRefusedByItsIDs(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	body := func(fields string) string { return `{"sender":{` + fields + `}}` }
	id := textAt(t, m.want(t, 201, "POST", "/senders", body(`"external_id":"S-1",`+senderFields)), "id")

	assert.Equal(t, id, textAt(t, m.want(t, 201, "POST", "/senders", body(`"id":"`+id+`"`)), "id"), "id alone")
	assert.Equal(t, id, textAt(t, m.want(t, 201, "POST", "/senders", body(`"external_id":"S-1"`)), "id"), "external_id alone")
	changed := m.want(t, 201, "POST", "/senders", body(`"id":"`+id+`","city":"Nairobi"`))
	assert.Equal(t, id, textAt(t, changed, "id"))
	assert.Equal(t, "Nairobi", textAt(t, changed, "city"))
	assert.Equal(t, "Jane", textAt(t, changed, "first_name"), "an update keeps the rest")

	assert.Equal(t, []string{"invalid"}, errorWords(t, m.want(t, 422, "POST", "/senders", body(`"id":"x"`)), "id"))
	assert.Equal(t, []string{"invalid"}, errorWords(t, m.want(t, 422, "POST", "/senders", body(`"id":"x","city":"Y"`)), "id"))
	assert.Equal(t, []string{"invalid"}, errorWords(t, m.want(t, 422, "POST", "/senders", body(`"external_id":"S-2"`)), "external_id"))
	assert.Equal(t, []string{"invalid"}, errorWords(t, m.want(t, 422, "POST", "/senders", body(`"id":"`+id+`","external_id":"S-1"`)), "external_id"))

	duplicate := m.call(t, "POST", "/senders", body(`"external_id":"S-1",`+senderFields))
	assert.Equal(t, 422, duplicate.status)
	assert.Equal(t, id, textAt(t, duplicate.decoded(t), "meta.existing.sender.id"))
	assert.Equal(t, "S-1", textAt(t, duplicate.decoded(t), "object.external_id"))
	assert.Len(t, m.list(t, 200, "GET", "/senders", ""), 1)
	assert.Len(t, m.list(t, 200, "GET", "/senders?external_id=S-1", ""), 1)
	assert.Empty(t, m.list(t, 200, "GET", "/senders?external_id=S", ""))
}

func TestSenderIsPatchedAndDeleted(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	first := textAt(t, m.want(t, 201, "POST", "/senders", `{"sender":{"external_id":"S-1",`+senderFields+`}}`), "id")
	second := textAt(t, m.want(t, 201, "POST", "/senders", `{"sender":{`+senderFields+`}}`), "id")

	o := m.want(t, 200, "PATCH", "/senders/"+first, `{"sender":{"metadata":{"a":1.50},"middle_name":"M","external_id":"S-9"}}`)
	assert.Equal(t, "M", textAt(t, o, "middle_name"))
	wantMoney(t, "1.5", o, "metadata.a")
	assert.Len(t, m.list(t, 200, "GET", "/senders?external_id=S-9", ""), 1)
	assert.Empty(t, m.list(t, 200, "GET", "/senders?external_id=S-1", ""))
	m.want(t, 201, "POST", "/senders", `{"sender":{"external_id":"S-9"}}`)
	assert.Equal(t, 422, m.call(t, "POST", "/senders", `{"sender":{"external_id":"S-1"}}`).status, "the old one is free again")

	refused := m.call(t, "PATCH", "/senders/"+second, `{"sender":{"external_id":"S-9"}}`)
	assert.Equal(t, 422, refused.status)
	assert.Equal(t, first, textAt(t, refused.decoded(t), "meta.existing.sender.id"))
	assert.Equal(t, []string{"blank"}, errorWords(t, m.want(t, 422, "PATCH", "/senders/"+first, `{"sender":{"city":null}}`), "city"))
	assert.Equal(t, "New York", textAt(t, m.want(t, 200, "GET", "/senders/"+first, ""), "city"), "a refused change changes nothing")

	assert.Equal(t, "disabled", textAt(t, m.want(t, 200, "DELETE", "/senders/"+first, ""), "state"))
	assert.Equal(t, "disabled", textAt(t, m.want(t, 200, "GET", "/senders/"+first, ""), "state"))
	m.want(t, 422, "DELETE", "/senders/"+first, "")
	tx := strings.Replace(transaction("", ngn("1000", "15500")), senderFields, `"id":"`+first+`"`, 1)
	assert.Equal(t, []string{"invalid"}, errorWords(t, m.want(t, 422, "POST", "/transactions", tx), "sender"), "a disabled sender does not transact")
}

func TestSenderInsideOfATransaction(t *testing.T) {
	t.Parallel()
	with := func(sender string) string {
		return strings.Replace(transaction("", ngn("1000", "15500")), senderFields, sender, 1)
	}
	known := `"external_id":"S-1",` + strings.Replace(senderFields, "New York", "Kampala", 1)

	_, today := start(t)
	id := textAt(t, today.want(t, 201, "POST", "/transactions", with(`"external_id":"S-1",`+senderFields)), "sender.id")
	updated := today.want(t, 201, "POST", "/transactions", with(known))
	assert.Equal(t, id, textAt(t, updated, "sender.id"))
	assert.Equal(t, "Kampala", textAt(t, updated, "sender.city"))
	assert.Equal(t, id, textAt(t, today.want(t, 201, "POST", "/transactions", with(`"external_id":"S-1"`)), "sender.id"))

	_, then := start(t, bitpesatest.Config{APIVersion: bitpesatest.VersionBitPesa})
	id = textAt(t, then.want(t, 201, "POST", "/transactions", with(`"external_id":"S-1",`+senderFields)), "sender.id")
	r := then.call(t, "POST", "/transactions", with(known))
	require.Equal(t, 422, r.status)
	assert.Equal(t, id, textAt(t, r.decoded(t), "meta.existing.sender.id"))
	assert.Equal(t, "taken", textAt(t, r.decoded(t), "object.sender.errors.external_id.0.error"))
	assert.Equal(t, "New York", textAt(t, then.want(t, 200, "GET", "/senders/"+id, ""), "city"))
}

func TestKYCDecidesOverSenders(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{
		Options: fake.Options{Callbacks: in},
		Keys:    []bitpesatest.Key{{Key: "test-key", Secret: "test-secret", KYC: true}},
	})
	m.allEvents(t)
	refused := m.want(t, 422, "POST", "/senders", `{"sender":{`+senderFields+`}}`)
	assert.Equal(t, []string{"blank"}, errorWords(t, refused, "documents"))

	document := textAt(t, m.want(t, 201, "POST", "/documents", `{"document":{"upload":"data:image/png;base64,AAAA","upload_file_name":"p.png"}}`), "id")
	withDocument := strings.Replace(senderFields, `[]`, `[{"id":"`+document+`"}]`, 1)
	sender := m.want(t, 201, "POST", "/senders", `{"sender":{`+withDocument+`}}`)
	assert.Equal(t, "initial", textAt(t, sender, "state"))
	assert.Equal(t, document, textAt(t, sender, "documents.0.id"))
	id := textAt(t, sender, "id")

	reuse := strings.Replace(transaction("", ngn("1000", "15500")), senderFields, `"id":"`+id+`"`, 1)
	tx := textAt(t, m.want(t, 201, "POST", "/transactions", reuse), "id")
	assert.Equal(t, "initial", m.state(t, tx))
	assert.Equal(t, []string{"Transaction is not approved"}, errorWords(t, m.list(t, 422, "POST", "/accounts/debits", `{"debit":{"to_id":"`+tx+`","to_type":"Transaction"}}`)[0], "base"))
	assert.Equal(t, []string{"invalid"}, errorWords(t, m.want(t, 422, "POST", "/transactions/create_and_fund", strings.Replace(reuse, `"input_currency"`, `"external_id":"r","input_currency"`, 1)), "sender"))

	require.NoError(t, f.MoveSender(id, "verified"))
	assert.Equal(t, "initial", m.state(t, tx), "verified does not transact")
	require.NoError(t, f.MoveSender(id, "approved"))
	assert.Equal(t, "approved", m.state(t, tx))
	m.list(t, 201, "POST", "/accounts/debits", `{"debit":{"to_id":"`+tx+`","to_type":"Transaction"}}`)

	assert.Equal(t, "approved", textAt(t, m.want(t, 200, "PATCH", "/senders/"+id, `{"sender":{"city":"Goma"}}`), "state"))
	assert.Equal(t, "initial", textAt(t, m.want(t, 200, "PATCH", "/senders/"+id, `{"sender":{"last_name":"Roe"}}`), "state"), "another name is checked again")
	require.NoError(t, f.MoveSender(id, "rejected"))
	m.want(t, 422, "POST", "/transactions", reuse)
	f.Flush()
	events := in.events(f)
	assert.Equal(t, []string{"sender.verified", "sender.approved", "sender.initial", "sender.rejected"}, only(events, "sender."))
	assert.Equal(t, []string{"transaction.created", "transaction.approved", "transaction.paid_in"}, only(events, "transaction.")[:3])
}

// only are the names with a prefix.
func only(names []string, prefix string) []string {
	out := []string{}
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	return out
}

func TestBannedSenderFundsNothing(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	o := m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500")))
	require.NoError(t, f.MoveSender(textAt(t, o, "sender.id"), "banned"))
	rows := m.list(t, 422, "POST", "/accounts/debits", `{"debit":{"to_id":"`+textAt(t, o, "id")+`","to_type":"Transaction"}}`)
	assert.Equal(t, []string{"Sender is not approved"}, errorWords(t, rows[0], "base"))
	wantBalance(t, f, "USD", "1000000")
}

func TestWaivedSenderMayStayInitialAndTransact(t *testing.T) {
	t.Parallel()
	_, m := start(t, bitpesatest.Config{Quirks: bitpesatest.Quirks{WaivedStaysInitial: true}})
	id := m.funded(t, transaction("", ngn("1000", "15500")))
	assert.Equal(t, "initial", textAt(t, m.transaction(t, id), "sender.state"))
	assert.Equal(t, "received", m.state(t, id))
}

func TestWTR2RelaxesASender(t *testing.T) {
	t.Parallel()
	_, m := start(t, bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "test-key", Secret: "test-secret", WTR2: true}}})
	tests := map[string]struct {
		sender string
		ok     bool
	}{
		"identification":           {`"identification_number":"1234","identification_type":"PP"`, true},
		"identification too short": {`"identification_number":"123","identification_type":"PP"`, false},
		"identification, no type":  {`"identification_number":"1234"`, false},
		"address":                  {`"street":"S","city":"C","postal_code":"P"`, true},
		"half an address":          {`"street":"S","city":"C"`, false},
		"birth date":               {`"birth_date":"1990-01-31"`, true},
		"name only":                {`"first_name":"Jane"`, false},
	}
	for name, tt := range tests {
		r := m.call(t, "POST", "/senders", `{"sender":{"country":"GB",`+tt.sender+`}}`)
		assert.Equal(t, tt.ok, r.status == 201, "%s: %s", name, r.body)
	}
	o := m.want(t, 422, "POST", "/senders", `{"sender":{"country":"GB"}}`)
	for _, field := range []string{"phone_number", "email", "street", "city", "postal_code", "birth_date"} {
		assert.Equal(t, []string{"blank"}, errorWords(t, o, field), field)
	}
	cash := `{"requested_amount":"100","requested_currency":"USD","payout_method":{"type":"XOF::Cash","details":{"first_name":"A","last_name":"B","phone_number":"+221771234567","cash_provider":"wari"}}}`
	m.want(t, 422, "POST", "/transactions", transaction("", cash))
	_, full := start(t)
	full.want(t, 201, "POST", "/transactions", transaction("", cash))
}
