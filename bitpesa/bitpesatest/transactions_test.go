package bitpesatest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestTransactionShowsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	o := m.want(t, 201, "POST", "/transactions", transaction(`"external_id":"T-1","metadata":{"sendRef":"x","big":12345678901234567890.5}`, ngn("1000", "155000")))
	assert.Equal(t, "approved", textAt(t, o, "state"))
	assert.Equal(t, "T-1", textAt(t, o, "external_id"))
	wantMoney(t, "100", o, "input_amount")
	wantMoney(t, "100", o, "due_amount")
	wantMoney(t, "12345678901234567890.5", o, "metadata.big")
	assert.Equal(t, true, at(t, o, "traits.auto_refund"), "on by default today")
	assert.Regexp(t, `^\d{6}$`, textAt(t, o, "payin_reference"))
	r := at(t, o, "recipients.0")
	assert.Equal(t, textAt(t, o, "id"), textAt(t, r, "transaction_id"))
	assert.Equal(t, "T-1", textAt(t, r, "transaction_external_id"))
	assert.Equal(t, "approved", textAt(t, r, "transaction_state"))
	assert.Equal(t, []any{"initial", true, false, true, "person"}, []any{at(t, r, "state"), at(t, r, "editable"), at(t, r, "retriable"), at(t, r, "may_cancel"), at(t, r, "type")})
	assert.Equal(t, "select", textAt(t, r, "payout_method.fields.bank_code.type"))
	assert.Equal(t, "Guaranty Trust Bank", textAt(t, r, "payout_method.fields.bank_code.options.058"))
	assert.Equal(t, true, at(t, r, "payout_method.fields.bank_account.validations.presence"))
	assert.Equal(t, true, at(t, r, "payout_method.fields.bank_account_type.validations.inclusion.allow_blank"))

	assert.Equal(t, o, m.transaction(t, textAt(t, o, "id")), "the same again by GET")
	wantTimes(t, f, o, map[string]string{
		"created_at": iso, "updated_at": iso, "expires_at": iso, "recipients.0.created_at": iso, "sender.created_at": iso,
		"recipients.0.payout_method.created_at": iso,
	})
}

const iso = "2006-01-02T15:04:05.000Z"

// wantTimes wants the fake's present at each path, spelled as the layout says.
func wantTimes(t *testing.T, f *bitpesatest.Fake, o object, layouts map[string]string) {
	t.Helper()
	for path, layout := range layouts {
		at, err := time.Parse(layout, textAt(t, o, path))
		require.NoError(t, err, path)
		want := f.Now()
		if path == "expires_at" {
			want = want.Add(time.Hour)
		}
		assert.WithinDuration(t, want, at, time.Second, path)
	}
}

func TestTimesAreSpelledAsTheAPIVersionSays(t *testing.T) {
	t.Parallel()
	const guides, rfc = "2006-01-02 15:04:05 UTC", "2006-01-02T15:04:05.000+0000"
	document := strings.Replace(transaction("", ngn("1000", "155000")), `"documents":[]`, `"documents":[{"upload":"https://x.test/a.png","upload_file_name":"a.png"}]`, 1)
	for version, layouts := range map[bitpesatest.APIVersion]map[string]string{
		bitpesatest.VersionToday: {
			"created_at": iso, "updated_at": iso, "expires_at": iso, "recipients.0.created_at": iso, "sender.created_at": iso, "sender.documents.0.created_at": iso,
		},
		bitpesatest.VersionBitPesa: {
			"created_at": guides, "updated_at": guides, "expires_at": iso, "recipients.0.created_at": iso, "sender.created_at": rfc, "sender.documents.0.created_at": rfc,
		},
	} {
		f, m := start(t, bitpesatest.Config{APIVersion: version})
		wantTimes(t, f, m.want(t, 201, "POST", "/transactions", document), layouts)
		wantTimes(t, f, m.list(t, 200, "GET", "/api_logs", "")[0], map[string]string{"created_at": layouts["created_at"]})
	}
}

func TestTransactionIsChecked(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	full := transaction("", ngn("1000", "15500"))
	tests := map[string]struct {
		body, path, word string
	}{
		"no input_currency":      {strings.Replace(full, `"input_currency":"USD",`, "", 1), "errors.input_currency", "blank"},
		"unknown input_currency": {strings.Replace(full, `"USD"`, `"XXX"`, 1), "errors.input_currency", "invalid"},
		"no sender":              {strings.Replace(full, `"sender":{`+senderFields+`},`, "", 1), "errors.sender", "blank"},
		"bad sender":             {strings.Replace(full, `"country":"US",`, "", 1), "sender.errors.country", "blank"},
		"unknown sender":         {strings.Replace(full, senderFields, `"id":"x"`, 1), "sender.errors.id", "invalid"},
		"no recipients":          {transaction(""), "errors.recipients", "blank"},
		"recipient is no object": {transaction("", `"x"`), "errors.recipients", "invalid"},
		"no requested_currency":  {strings.Replace(full, `"requested_currency":"NGN",`, "", 1), "recipients.0.errors.requested_currency", "blank"},
		"bad requested_currency": {strings.Replace(full, `"requested_currency":"NGN"`, `"requested_currency":"ngn"`, 1), "recipients.0.errors.requested_currency", "invalid"},
		"no payout_method":       {transaction("", `{"requested_amount":1,"requested_currency":"USD"}`), "recipients.0.errors.payout_method", "blank"},
		"no payout type":         {strings.Replace(full, `"type":"NGN::Bank",`, "", 1), "recipients.0.payout_method.errors.type", "blank"},
		"unknown payout type":    {strings.Replace(full, `NGN::Bank`, `NGN`, 1), "recipients.0.payout_method.errors.type", "invalid"},
		"unknown currency":       {strings.Replace(full, `NGN::Bank`, `XXX::Bank`, 1), "recipients.0.payout_method.errors.type", "invalid"},
		"no bank_code":           {strings.Replace(full, `"bank_code":"058",`, "", 1), "recipients.0.payout_method.errors.bank_code", "blank"},
		"bad bank_account_type":  {strings.Replace(full, `"bank_account_type":"20"`, `"bank_account_type":[20]`, 1), "recipients.0.payout_method.errors.bank_account_type", "invalid"},
		"detail is no text":      {strings.Replace(full, `"bank_code":"058"`, `"bank_code":{}`, 1), "recipients.0.payout_method.errors.bank_code", "blank"},
		"details are no object":  {transaction("", `{"requested_amount":1,"requested_currency":"USD","payout_method":{"type":"NGN::Bank","details":[]}}`), "recipients.0.payout_method.errors.details", "invalid"},
		"unknown payout method":  {transaction("", `{"requested_amount":1,"requested_currency":"USD","payout_method":{"id":"x"}}`), "recipients.0.payout_method.errors.id", "invalid"},
		"bad recipient type":     {strings.Replace(full, `{"requested_amount"`, `{"type":["x"],"requested_amount"`, 1), "recipients.0.errors.type", "invalid"},
		"bad trait":              {transaction(`"traits":{"auto_refund":"yes"}`, ngn("1", "15500")), "errors.traits", "invalid"},
		"payin of another money": {transaction(`"payin_methods":[{"type":"EUR::Bank"}]`, ngn("1", "15500")), "payin_methods.0.errors.type", "invalid"},
		"payin of one currency":  {strings.Replace(transaction(`"payin_methods":[{"type":"NGN::Bank"}]`, ngn("1", "15500")), `"USD"`, `"NGN"`, 1), "payin_methods.0.errors.type", "invalid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, path := range []string{"/transactions", "/transactions/validate"} {
				o := m.want(t, 422, "POST", path, tt.body)
				assert.Equal(t, tt.word, textAt(t, o, tt.path+".0.error"))
			}
		})
	}
}

func TestPayoutDetailsFollowTheirCorridor(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	_, then := start(t, bitpesatest.Config{APIVersion: bitpesatest.VersionBitPesa})
	tests := map[string]struct {
		method, details string
		missing         string // field that is blank; empty: accepted
		thenMissing     string
	}{
		"NGN bank":               {"NGN::Bank", `"first_name":"A","last_name":"B","bank_code":"1","bank_account":"2"`, "", "bank_account_type"},
		"GHS mobile":             {"GHS::Mobile", `"first_name":"A","last_name":"B","phone_number":"+233302123456"`, "", ""},
		"national number":        {"UGX::Mobile", `"first_name":"A","last_name":"B","phone_number":"0752403639"`, "", ""},
		"XOF mobile, no telco":   {"XOF::Mobile", `"first_name":"A","last_name":"B","phone_number":"+221774044436"`, "mobile_provider", "mobile_provider"},
		"GBP by iban":            {"GBP::Bank", `"first_name":"A","last_name":"B","iban":"GB1"`, "", ""},
		"GBP by account":         {"GBP::Bank", `"first_name":"A","last_name":"B","bank_account":"1","sort_code":"2"`, "", ""},
		"GBP without sort_code":  {"GBP::Bank", `"first_name":"A","last_name":"B","bank_account":"1"`, "sort_code", "sort_code"},
		"ZAR by branch":          {"ZAR::Bank", `"first_name":"A","last_name":"B","bank_account":"1","phone_number":"+27123456789","branch_code":"3"`, "", ""},
		"ZAR without either":     {"ZAR::Bank", `"first_name":"A","last_name":"B","bank_account":"1","phone_number":"+27123456789"`, "bank_code", "bank_code"},
		"MAD cash":               {"MAD::Cash", `"first_name":"A","last_name":"B","phone_number":"+212537718685","sender_identity_card_type":"ID","sender_identity_card_id":"1"`, "", "sender_gender"},
		"EGP cash, middle name":  {"EGP::Cash", `"first_name":"A","last_name":"B","phone_number":"+201023456789","street":"S","transfer_reason":"x"`, "middle_name", "middle_name"},
		"KES mobile, no street":  {"KES::Mobile", `"first_name":"A","last_name":"B","phone_number":"+254712345678","mobile_provider":"mpesa","transfer_reason":"x","identity_card_type":"ID","identity_card_id":"1"`, "street", "street"},
		"any balance":            {"CHF::Balance", ``, "", ""},
		"no guide, names":        {"INR::Bank", `"first_name":"A","last_name":"B","anything":"x"`, "", ""},
		"no guide, no name":      {"INR::Mobile", `"first_name":"A"`, "last_name", "last_name"},
		"three parts":            {"USD::Manual::Bank", `"first_name":"A","last_name":"B"`, "", ""},
		"business by its name":   {"EUR::Bank", `"name":"Shop","iban":"DE1"`, "", ""},
		"NGN mobile of old":      {"NGN::Mobile", `"first_name":"A","last_name":"B","phone_number":"+2348012345678"`, "", ""},
		"mobile without a phone": {"TZS::Mobile", `"first_name":"A","last_name":"B","phone_number":" "`, "phone_number", "phone_number"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := transaction("", `{"requested_amount":100,"requested_currency":"EUR","payout_method":{"type":"`+tt.method+`","details":{`+tt.details+`}}}`)
			for who, missing := range map[merchant]string{m: tt.missing, then: tt.thenMissing} {
				if missing == "" {
					who.want(t, 200, "POST", "/transactions/validate", body)
					continue
				}
				o := who.want(t, 422, "POST", "/transactions/validate", body)
				assert.Equal(t, "blank", textAt(t, o, "recipients.0.payout_method.errors."+missing+".0.error"))
			}
		})
	}
}

func TestDuplicateExternalIDIsRefusedWithTheExistingTransaction(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	body := transaction(`"external_id":"T-1"`, ngn("1000", "15500"))
	id := textAt(t, m.want(t, 201, "POST", "/transactions", body), "id")
	for _, path := range []string{"/transactions", "/transactions/create_and_fund", "/transactions/validate"} {
		r := m.call(t, "POST", path, body)
		assert.Equal(t, 422, r.status, path)
		assert.Equal(t, id, textAt(t, r.decoded(t), "meta.existing.transaction.id"))
		assert.Equal(t, []string{"taken"}, errorWords(t, r.decoded(t)["object"].(object), "external_id"))
	}
	assert.Len(t, m.list(t, 200, "GET", "/transactions", ""), 1)
	assert.Len(t, m.list(t, 200, "GET", "/transactions?external_id=T-1", ""), 1)
	m.want(t, 200, "POST", "/transactions/calculate", body)
}

func TestCalculateAndValidateLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: newInbox()}})
	m.allEvents(t)
	id := textAt(t, m.want(t, 201, "POST", "/senders", `{"sender":{"external_id":"S-1",`+senderFields+`}}`), "id")
	before := m.want(t, 200, "GET", "/senders/"+id, "")
	snapshot := providerState(t, f)

	update := strings.Replace(transaction(`"external_id":"T-1","payin_methods":[{"type":"USD::Bank"}]`, ngn("1000", "15500")), `"first_name":"Jane"`, `"external_id":"S-1","first_name":"Janet"`, 1)
	fresh := strings.Replace(transaction("", ngn("1000", "15500")), `[]`, `[{"upload":"data:a/b;base64,AAAA","upload_file_name":"x"}]`, 1)
	for _, body := range []string{update, fresh} {
		for _, path := range []string{"/transactions/calculate", "/transactions/validate"} {
			o := m.want(t, 200, "POST", path, body)
			assert.Nil(t, at(t, o, "id"))
			assert.Nil(t, at(t, o, "recipients.0.id"))
			assert.Nil(t, at(t, o, "created_at"))
			assert.Equal(t, "approved", textAt(t, o, "state"))
			wantMoney(t, "10", o, "input_amount")
		}
	}
	f.Flush()
	assert.Equal(t, before, m.want(t, 200, "GET", "/senders/"+id, ""))
	assert.Equal(t, snapshot, providerState(t, f))
	assert.Empty(t, f.Deliveries())

	m.want(t, 200, "POST", "/transactions/calculate", quote("USD", `{"requested_amount":1,"requested_currency":"USD","payout_method":{"type":"NGN::Bank"}}`))
	m.want(t, 422, "POST", "/transactions/validate", quote("USD", `{"requested_amount":1,"requested_currency":"USD","payout_method":{"type":"NGN::Bank"}}`))
}

// providerState is the fake's state without what every call changes.
func providerState(t testing.TB, f *bitpesatest.Fake) object {
	t.Helper()
	snapshot, err := f.Snapshot()
	require.NoError(t, err)
	state := at(t, reply{0, string(snapshot)}.decoded(t), "providers.bitpesa").(object)
	delete(state, "nonces")
	for _, a := range at(t, state, "accounts").(object) {
		delete(a.(object), "api_logs")
		delete(a.(object), "api_calls")
	}
	ids := at(t, reply{0, string(snapshot)}.decoded(t), "ids.bitpesa")
	state["ids"] = ids
	return state
}

func TestListsArePagedNewestFirst(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	ids := []string{}
	for range 12 {
		ids = append(ids, textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500"))), "id"))
		f.Advance(time.Minute)
	}
	type want struct {
		first, last        int // indices of ids
		count              int
		current, next, pre any
		pages, total       string
	}
	number := func(v any) any {
		if n, ok := v.(interface{ String() string }); ok {
			return n.String()
		}
		return v
	}
	for query, w := range map[string]want{
		"":                {11, 2, 10, "1", "2", nil, "2", "12"},
		"?page=2":         {1, 0, 2, "2", nil, "1", "2", "12"},
		"?page=1&per=5":   {11, 7, 5, "1", "2", nil, "3", "12"},
		"?page=2&per=5":   {6, 2, 5, "2", "3", "1", "3", "12"},
		"?page=3&per=5":   {1, 0, 2, "3", nil, "2", "3", "12"},
		"?page=9&per=5":   {0, 0, 0, "9", nil, nil, "3", "12"},
		"?page=x&per=-1":  {11, 2, 10, "1", "2", nil, "2", "12"},
		"?per=2000000000": {11, 0, 12, "1", nil, nil, "1", "12"},
	} {
		r := m.call(t, "GET", "/transactions"+query, "")
		require.Equal(t, 200, r.status)
		rows := r.decoded(t)["object"].([]any)
		require.Len(t, rows, w.count, query)
		if w.count > 0 {
			assert.Equal(t, ids[w.first], textAt(t, rows[0], "id"), query)
			assert.Equal(t, ids[w.last], textAt(t, rows[w.count-1], "id"), query)
		}
		p := at(t, r.decoded(t), "meta.pagination").(object)
		got := []any{number(p["current_page"]), number(p["next_page"]), number(p["prev_page"]), number(p["total_pages"]), number(p["total_count"])}
		assert.Equal(t, []any{w.current, w.next, w.pre, w.pages, w.total}, got, query)
	}
}

func TestListsFilterByDay(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	for range 3 {
		m.want(t, 201, "POST", "/senders", `{"sender":{`+senderFields+`}}`)
		f.Advance(24 * time.Hour)
	}
	for query, want := range map[string]int{
		"":                            3,
		"?created_at_from=2026-04-04": 2,
		"?created_at_to=2026-04-04":   2,
		"?created_at_from=2026-04-04&created_at_to=2026-04-04":                     1,
		"?created_at_from=2026-04-06":                                              0,
		"?created_at_from=2026-04-03T09:00:00Z&created_at_to=2026-04-03T09:00:00Z": 1,
		"?created_at_from=2026-04-03T09:00:01Z":                                    2,
	} {
		assert.Len(t, m.list(t, 200, "GET", "/senders"+query, ""), want, query)
	}
	assert.Equal(t, 400, m.call(t, "GET", "/senders?created_at_from=yesterday", "").status)
}

func TestTransactionExpiresAfterAnHour(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	m.allEvents(t)
	id := textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500"))), "id")
	kept := m.funded(t, transaction("", ngn("100001", "15500")))
	f.Advance(time.Hour - time.Second)
	assert.Equal(t, "approved", m.state(t, id))
	f.Advance(time.Second)
	assert.Equal(t, "canceled", m.state(t, id))
	assert.Equal(t, "canceled", textAt(t, m.transaction(t, id), "recipients.0.state"))
	assert.Equal(t, "received", m.state(t, kept))
	assert.Equal(t, []string{"Transaction is expired or cancelled"}, errorWords(t, m.list(t, 422, "POST", "/accounts/debits", `{"debit":{"to_id":"`+id+`","to_type":"Transaction"}}`)[0], "base"))
	assert.Equal(t, []string{"recipient.canceled", "transaction.canceled"}, in.events(f)[4:6])
	wantBalance(t, f, "USD", "999990")
}

func TestCreateAndFundDoesBothOrNothing(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	refused := m.want(t, 422, "POST", "/transactions/create_and_fund", transaction("", ngn("1000", "15500")))
	assert.Equal(t, []string{"blank"}, errorWords(t, refused, "external_id"))
	poor := m.want(t, 422, "POST", "/transactions/create_and_fund", transaction(`"external_id":"T-1"`, ngn("1000", "1550001550")))
	assert.Equal(t, []string{"Insufficient balance"}, errorWords(t, poor, "base"))
	none := strings.Replace(transaction(`"external_id":"T-1"`, ngn("1000", "15500")), `"USD"`, `"ZAR"`, 1)
	m.want(t, 422, "POST", "/transactions/create_and_fund", none)
	assert.Empty(t, m.list(t, 200, "GET", "/transactions", ""))
	assert.Empty(t, m.list(t, 200, "GET", "/senders", ""))

	o := m.want(t, 201, "POST", "/transactions/create_and_fund", transaction(`"external_id":"T-1"`, ngn("1000", "1550000000")))
	assert.Equal(t, "received", textAt(t, o, "state"))
	wantMoney(t, "1000000", o, "paid_amount")
	wantMoney(t, "0", o, "due_amount")
	wantBalance(t, f, "USD", "0")
}
