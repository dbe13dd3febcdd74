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

// to is a recipient of 10 USD with these details besides the names.
func to(payoutType, details string) string {
	return `{"requested_amount":10,"requested_currency":"USD","payout_method":{"type":"` + payoutType + `","details":{"first_name":"Test","last_name":"User",` + details + `}}}`
}

func TestMagicNumbersDecideOverPayouts(t *testing.T) {
	t.Parallel()
	phone := func(number, rest string) string { return `"phone_number":"` + number + `"` + rest }
	bank := func(number string) string { return `"bank_code":"058","bank_account":"` + number + `"` }
	cases := []struct{ corridor, details, state, code string }{
		{"GHS::Bank", bank("1200"), "success", "0"}, {"GHS::Bank", bank("1201"), "pending", "14"}, {"GHS::Bank", bank("1218"), "error", "3"},
		{"GHS::Bank", bank("1239"), "error", "421"}, {"GHS::Bank", bank("1219"), "error", "5"}, {"GHS::Bank", bank("1255"), "success", "0"},
		{"GHS::Mobile", phone("+233302123400", ""), "success", "0"}, {"GHS::Mobile", phone("+233302123439", ""), "error", "421"},
		{"NGN::Bank", bank("1200"), "success", "0"}, {"NGN::Bank", bank("1201"), "pending", "14"}, {"NGN::Bank", bank("1208"), "error", "3"},
		{"NGN::Bank", bank("1219"), "error", "416"}, {"NGN::Bank", bank("1271"), "error", "511"},
		{"UGX::Mobile", phone("+256752403600", `,"mobile_provider":"airtel"`), "success", "0"}, {"UGX::Mobile", phone("+256752403611", `,"mobile_provider":"airtel"`), "pending", "14"},
		{"UGX::Mobile", phone("+256752403618", `,"mobile_provider":"airtel"`), "error", "331"}, {"UGX::Mobile", phone("0752403619", ""), "error", "42"},
		{"UGX::Mobile", phone("+256752403649", ""), "error", "5"}, {"UGX::Mobile", phone("+256772403620", `,"mobile_provider":"mtn"`), "success", "0"},
		{"UGX::Mobile", phone("+256772403621", `,"mobile_provider":"mtn"`), "pending", "14"}, {"UGX::Mobile", phone("+256772403618", ""), "error", "331"},
		{"UGX::Mobile", phone("+256772403609", ""), "error", "414"}, {"UGX::Mobile", phone("+256772403619", ""), "error", "414"},
		{"XAF::Mobile", phone("+237674044400", `,"mobile_provider":"mtn"`), "success", "0"}, {"XAF::Mobile", phone("+237674044401", `,"mobile_provider":"mtn"`), "pending", "14"},
		{"XAF::Mobile", phone("+237674044438", `,"mobile_provider":"mtn"`), "error", "3"}, {"XAF::Mobile", phone("+237674044469", `,"mobile_provider":"mtn"`), "error", "42"},
		{"XAF::Mobile", phone("+237674044409", `,"mobile_provider":"mtn"`), "error", "531"}, {"XAF::Mobile", phone("+24174044409", `,"mobile_provider":"airtel"`), "error", "423"},
		{"XAF::Mobile", phone("+24174044408", `,"mobile_provider":"airtel"`), "error", "3"}, {"XAF::Mobile", phone("074044421", `,"mobile_provider":"airtel","country":"GA"`), "pending", "14"},
		{"XOF::Mobile", phone("+221774044438", `,"mobile_provider":"orange"`), "error", "3"}, {"XOF::Mobile", phone("+221774044401", `,"mobile_provider":"orange"`), "pending", "14"},
		{"XOF::Mobile", phone("+221774044409", `,"mobile_provider":"orange"`), "error", "531"}, {"BTC", `"name":"x","address":"01"`, "success", "0"},
	}
	flags := map[string][]any{ // editable, retriable, may_cancel by the code's first digit
		"0": {false, false, false}, "1": {true, false, false}, "3": {true, true, true}, "4": {true, false, true}, "5": {false, false, true},
	}
	categories := map[string]string{"0": "paid", "1": "pending", "3": "temporary_error", "4": "recipient_error", "5": "sender_error"}
	f, m := start(t)
	ids := []string{}
	for _, c := range cases {
		ids = append(ids, m.funded(t, transaction("", to(c.corridor, c.details))))
	}
	pay(f)
	for i, c := range cases {
		o := m.transaction(t, ids[i])
		r := at(t, o, "recipients.0")
		assert.Equal(t, []any{c.state, c.code}, []any{at(t, r, "state"), at(t, r, "state_reason_details.code")}, "%s %s", c.corridor, c.details)
		assert.Equal(t, categories[c.code[:1]], textAt(t, r, "state_reason_details.category"))
		assert.Equal(t, flags[c.code[:1]], []any{at(t, r, "editable"), at(t, r, "retriable"), at(t, r, "may_cancel")}, "%s %s", c.corridor, c.details)
		want := map[string]string{"success": "paid", "pending": "received", "error": "manual"}[c.state]
		assert.Equal(t, want, textAt(t, o, "state"), "%s %s", c.corridor, c.details)
	}
	require.NoError(t, f.CheckLedger())
}

func TestTroubleThatPassesIsRetriedOnTheClock(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	m.allEvents(t)
	id := m.funded(t, transaction(`"traits":{"auto_refund":false}`, ngn("1208", "15500")))
	state := func() []any {
		o := m.transaction(t, id)
		return []any{at(t, o, "state"), at(t, o, "recipients.0.state")}
	}
	assert.Equal(t, []any{"received", "pending"}, state())
	pay(f)
	for _, wait := range []time.Duration{10 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour} {
		assert.Equal(t, []any{"manual", "error"}, state())
		f.Advance(wait - time.Second)
		assert.Equal(t, []any{"manual", "error"}, state())
		f.Advance(time.Second)
		assert.Equal(t, []any{"manual", "pending"}, state())
		pay(f)
	}
	assert.Equal(t, []any{"manual", "manual"}, state())
	f.Advance(48 * time.Hour)
	assert.Equal(t, []any{"manual", "manual"}, state(), "too many failures, and no auto_refund")
	assert.Equal(t, []string{"transaction.created", "transaction.paid_in", "transaction.error"}, only(in.events(f), "transaction."), "one error event for the transaction")
	wantBalance(t, f, "USD", "999990")
}

func TestRecipientErrorsAreNotRetried(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := m.funded(t, transaction("", ngn("1219", "15500")))
	f.Advance(23 * time.Hour)
	assert.Equal(t, "error", textAt(t, m.transaction(t, id), "recipients.0.state"))
	f.Advance(time.Hour)
	assert.Equal(t, "refunded", m.state(t, id), "auto_refund is on by default")
	wantBalance(t, f, "USD", "1000000")
}

func TestAutoRefundFollowsTheAPIVersionAndTheTrait(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		version bitpesatest.APIVersion
		traits  string
		want    string
	}{
		"today":              {bitpesatest.VersionToday, "", "refunded"},
		"today, switched":    {bitpesatest.VersionToday, `"traits":{"auto_refund":false}`, "manual"},
		"BitPesa":            {bitpesatest.VersionBitPesa, "", "manual"},
		"BitPesa, asked for": {bitpesatest.VersionBitPesa, `"traits":{"auto_refund":true}`, "refunded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, m := start(t, bitpesatest.Config{APIVersion: tt.version})
			id := m.funded(t, transaction(tt.traits, ngn("1219", "15500")))
			f.Advance(24*time.Hour - time.Second)
			assert.Equal(t, "manual", m.state(t, id))
			f.Advance(time.Second)
			assert.Equal(t, tt.want, m.state(t, id))
		})
	}
}

func TestAutoRefundWaitsForAPendingPayout(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	paid := m.funded(t, transaction("", ngn("1201", "15500")))
	failed := m.funded(t, transaction("", ngn("1201", "15500")))
	f.Advance(25 * time.Hour)
	assert.Equal(t, "received", m.state(t, paid))
	require.NoError(t, f.MoveRecipient(m.recipientID(t, paid, 0), "success", ""))
	require.NoError(t, f.MoveRecipient(m.recipientID(t, failed, 0), "error", ""))
	assert.Equal(t, "paid", m.state(t, paid))
	assert.Equal(t, "refunded", m.state(t, failed))
	wantBalance(t, f, "USD", "999990")
}

func TestRecipientIsCorrectedAndPaid(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	m.allEvents(t)
	id := m.funded(t, transaction("", ngn("1000", "15500"), ngn("1219", "31000")))
	pay(f)
	assert.Equal(t, "manual", m.state(t, id))
	bad := m.recipientID(t, id, 1)
	path := "/recipients/" + bad

	for body, where := range map[string]string{
		`{"recipient":{"payout_method":{"details":{"bank_account":""}}}}`:      "payout_method.errors.bank_account.0.error",
		`{"recipient":{"payout_method":{"type":"GHS::Bank"}}}`:                 "payout_method.errors.type.0.error",
		`{"recipient":{"requested_amount":"31001"}}`:                           "errors.requested_amount.0.error",
		`{"recipient":{"requested_currency":"USD"}}`:                           "errors.requested_currency.0.error",
		`{"recipient":{"type":{}}}`:                                            "errors.type.0.error",
		`{"recipient":{"payout_method":{"details":{"bank_account_type":{}}}}}`: "payout_method.errors.bank_account_type.0.error",
	} {
		at(t, m.want(t, 422, "PATCH", path, body), where)
	}
	assert.Equal(t, 400, m.call(t, "PATCH", path, `{"payout_method":{}}`).status, "the wrapper is needed")

	o := m.want(t, 200, "PATCH", path, `{"recipient":{"requested_amount":31000.0,"payout_method":{"details":{"bank_account":"1200","birth_date":"1990-01-01"}},"metadata":{"fixed":true}}}`)
	assert.Equal(t, "pending", textAt(t, o, "state"), "tried again at once")
	assert.Equal(t, "1200", textAt(t, o, "payout_method.details.bank_account"))
	assert.Equal(t, "058", textAt(t, o, "payout_method.details.bank_code"), "the rest stays")
	pay(f)
	assert.Equal(t, "paid", m.state(t, id))
	assert.Equal(t, []string{
		"transaction.created", "transaction.paid_in", "recipient.pending", "recipient.pending", "recipient.paid_out",
		"recipient.error", "transaction.error", "recipient.pending", "recipient.paid_out", "transaction.paid_out",
	}, in.events(f))
	refused := m.want(t, 422, "PATCH", path, `{"recipient":{"metadata":{}}}`)
	assert.Equal(t, []string{"Recipient is not editable"}, errorWords(t, refused, "base"))
	assert.Equal(t, false, at(t, refused, "editable"))
}

func TestRecipientOfASenderErrorCannotBeEdited(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := m.funded(t, transaction("", ngn("1271", "15500")))
	pay(f)
	r := m.recipientID(t, id, 0)
	m.want(t, 422, "PATCH", "/recipients/"+r, `{"recipient":{"metadata":{}}}`)
	assert.Equal(t, "refunded", textAt(t, m.want(t, 200, "DELETE", "/recipients/"+r, ""), "state"))
	assert.Equal(t, "refunded", m.state(t, id))
}

func TestChangeOfAPendingPayoutCountsWhenItFails(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := m.funded(t, transaction("", ngn("1201", "15500")))
	pay(f)
	r := m.recipientID(t, id, 0)
	assert.Equal(t, "pending", textAt(t, m.want(t, 200, "PATCH", "/recipients/"+r, `{"recipient":{"payout_method":{"details":{"bank_account":"1200"}}}}`), "state"))
	f.Advance(time.Hour)
	assert.Equal(t, "received", m.state(t, id), "no second payout beside the pending one")
	require.NoError(t, f.MoveRecipient(r, "error", "416"))
	assert.Equal(t, "pending", textAt(t, m.transaction(t, id), "recipients.0.state"))
	pay(f)
	assert.Equal(t, "paid", m.state(t, id))
}

func TestSavedPayoutMethodIsNotChangedByARecipient(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	saved := textAt(t, m.want(t, 201, "POST", "/payout_methods", `{"payout_method":{"type":"NGN::Bank","details":{"first_name":"A","last_name":"B","bank_code":"058","bank_account":"1219"}}}`), "id")
	id := m.funded(t, transaction("", `{"requested_amount":10,"requested_currency":"USD","payout_method":{"id":"`+saved+`"}}`))
	pay(f)
	o := m.want(t, 200, "PATCH", "/recipients/"+m.recipientID(t, id, 0), `{"recipient":{"payout_method":{"details":{"bank_account":"1200"}}}}`)
	assert.NotEqual(t, saved, textAt(t, o, "payout_method.id"))
	assert.Equal(t, "1219", textAt(t, m.want(t, 200, "GET", "/payout_methods/"+saved, ""), "details.bank_account"))
	pay(f)
	assert.Equal(t, "paid", m.state(t, id))
}

func TestCancellingARecipient(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	m.allEvents(t)

	unfunded := textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500"), ngn("1000", "15500"))), "id")
	assert.Equal(t, "canceled", textAt(t, m.want(t, 200, "DELETE", "/recipients/"+m.recipientID(t, unfunded, 0), ""), "state"))
	assert.Equal(t, "canceled", m.state(t, unfunded), "nobody paid: it ends with any of its recipients")
	assert.Equal(t, []string{"transaction.created", "recipient.canceled", "recipient.canceled", "transaction.canceled"}, in.events(f))

	id := m.funded(t, transaction("", ngn("1000", "15500"), ngn("1219", "31000"), ngn("1219", "46500")))
	pay(f)
	wantBalance(t, f, "USD", "999940")
	assert.Equal(t, "canceled", textAt(t, m.want(t, 200, "DELETE", "/recipients/"+m.recipientID(t, id, 1), ""), "state"))
	assert.Equal(t, "manual", m.state(t, id), "another one may still be paid")
	wantBalance(t, f, "USD", "999940")
	m.want(t, 422, "DELETE", "/recipients/"+m.recipientID(t, id, 1), "")
	m.want(t, 422, "DELETE", "/recipients/"+m.recipientID(t, id, 0), "")
	m.want(t, 200, "DELETE", "/recipients/"+m.recipientID(t, id, 2), "")
	o := m.transaction(t, id)
	assert.Equal(t, []any{"refunded", "success", "refunded", "refunded"}, []any{at(t, o, "state"), at(t, o, "recipients.0.state"), at(t, o, "recipients.1.state"), at(t, o, "recipients.2.state")})
	wantBalance(t, f, "USD", "999990")
	f.Advance(48 * time.Hour)
	wantBalance(t, f, "USD", "999990")
	assert.Equal(t, []string{
		"transaction.created", "transaction.paid_in", "recipient.pending", "recipient.pending", "recipient.pending",
		"recipient.paid_out", "recipient.error", "transaction.error", "recipient.error", "recipient.canceled", "recipient.canceled",
		"transaction.canceled", "recipient.refunded", "recipient.refunded", "transaction.refunded",
	}, in.events(f))
}

func TestCancellingAPendingPayoutIsDeferred(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	failing, paying := m.funded(t, transaction("", ngn("1219", "15500"))), m.funded(t, transaction("", ngn("1200", "15500")))
	for _, id := range []string{failing, paying} {
		assert.Equal(t, "pending", textAt(t, m.want(t, 200, "DELETE", "/recipients/"+m.recipientID(t, id, 0), ""), "state"))
		assert.Equal(t, "received", m.state(t, id))
	}
	pay(f)
	assert.Equal(t, "refunded", m.state(t, failing))
	assert.Equal(t, "paid", m.state(t, paying))
	wantBalance(t, f, "USD", "999990")

	f, then := start(t, bitpesatest.Config{APIVersion: bitpesatest.VersionBitPesa})
	id := then.funded(t, transaction("", ngn("1219", "15500")))
	then.want(t, 422, "DELETE", "/recipients/"+then.recipientID(t, id, 0), "")
	pay(f)
	assert.Equal(t, "manual", then.state(t, id))
}

func TestCashCanBeCancelledWhileItWaits(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	cash := to("USD::Cash", `"phone_number":"+256772123456","country":"UG"`)
	id := m.funded(t, transaction("", cash))
	o := m.transaction(t, id)
	reference := textAt(t, o, "recipients.0.metadata.payment_reference")
	assert.Equal(t, []any{"21", "recipent_action_required", true}, []any{at(t, o, "recipients.0.state_reason_details.code"), at(t, o, "recipients.0.state_reason_details.category"), at(t, o, "recipients.0.may_cancel")})
	edited := m.want(t, 200, "PATCH", "/recipients/"+m.recipientID(t, id, 0), `{"recipient":{"metadata":{"note":"x"}}}`)
	assert.Equal(t, reference, textAt(t, edited, "metadata.payment_reference"), "a pickup keeps its reference")
	m.want(t, 200, "DELETE", "/recipients/"+m.recipientID(t, id, 0), "")
	assert.Equal(t, "refunded", m.state(t, id))
	pay(f)
	assert.Equal(t, "refunded", m.state(t, id), "the picked-up event comes too late")
	wantBalance(t, f, "USD", "1000000")
}

func TestPayoutToABalanceCreditsIt(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := m.funded(t, transaction("", balanceTo("NGN", "10", "USD")))
	wantBalance(t, f, "NGN", "1000000")
	pay(f)
	assert.Equal(t, "paid", m.state(t, id))
	wantBalance(t, f, "NGN", "1015500")
	wantBalance(t, f, "USD", "999990")
	m.funded(t, transaction("", balanceTo("ZMW", "10", "USD")))
	pay(f)
	wantBalance(t, f, "ZMW", "260")
	wantMoney(t, "260", m.want(t, 200, "GET", "/accounts/ZMW", ""), "amount")
}

func TestSandboxPayoutPaysAtOnce(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	open := textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500"))), "id")
	m.want(t, 422, "POST", "/transactions/"+open+"/payout", "")
	stuck := m.funded(t, transaction("", ngn("1219", "15500"), ngn("1201", "15500")))
	pay(f)
	o := m.want(t, 200, "POST", "/transactions/"+stuck+"/payout", "")
	assert.Equal(t, []any{"paid", "success", "success"}, []any{at(t, o, "state"), at(t, o, "recipients.0.state"), at(t, o, "recipients.1.state")})
	m.want(t, 422, "POST", "/transactions/"+stuck+"/payout", "")
	proof := m.list(t, 200, "GET", "/recipients/"+m.recipientID(t, stuck, 0)+"/proof_of_payments", "")
	require.Len(t, proof, 1)
	assert.True(t, strings.HasPrefix(textAt(t, proof[0], "url"), f.URL()+"/recipients/"), proof[0]["url"])
	m.want(t, 422, "GET", "/recipients/"+m.recipientID(t, open, 0)+"/proof_of_payments", "")
}

func TestAccountValidationTraitStopsAPayout(t *testing.T) {
	t.Parallel()
	const trait = `"traits":{"account_validation":true}`
	bank := `"bank_code":"058","bank_account":"`
	tests := map[string]struct{ recipient, state, key, field, code string }{
		"holder's name":        {to("NGN::Bank", bank+`1200"`), "pending", "provider_name_validation", "account_name", "1"},
		"another name":         {strings.Replace(to("NGN::Bank", bank+`1200"`), "Test", "John", 1), "error", "provider_name_validation", "account_name", "44"},
		"unknown account":      {to("NGN::Bank", bank+`1239"`), "error", "provider_name_validation", "account_name", "3"},
		"GHS mobile, unknown":  {to("GHS::Mobile", `"phone_number":"+233302123459"`), "error", "provider_name_validation", "account_name", "3"},
		"network fits":         {to("XOF::Mobile", `"phone_number":"+221774044430","mobile_provider":"orange"`), "pending", "provider_network_validation", "mapped_mobile_provider", "1"},
		"network does not fit": {to("XOF::Mobile", `"phone_number":"+221774044439","mobile_provider":"orange"`), "error", "provider_network_validation", "mapped_mobile_provider", "41"},
		"active account":       {to("XAF::Mobile", `"phone_number":"+237674044430","mobile_provider":"mtn"`), "pending", "provider_account_status_validation", "account_status", "1"},
		"inactive account":     {to("XAF::Mobile", `"phone_number":"+237674044439","mobile_provider":"mtn"`), "error", "provider_account_status_validation", "account_status", "41"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInbox()
			f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
			m.allEvents(t)
			id := m.funded(t, transaction(trait, tt.recipient))
			r := at(t, m.transaction(t, id), "recipients.0")
			assert.Equal(t, []any{tt.state, tt.code}, []any{at(t, r, "state"), at(t, r, "state_reason_details.code")})
			check := at(t, r, "metadata."+tt.key).(object)
			assert.Equal(t, tt.state == "pending", check["valid?"])
			assert.Contains(t, check, tt.field)
			assert.Equal(t, tt.state == "error", len(only(in.events(f), "recipient.error")) == 1)
		})
	}
	f, m := start(t)
	without := m.funded(t, transaction("", strings.Replace(to("NGN::Bank", bank+`1200"`), "Test", "John", 1)))
	blocked := m.funded(t, transaction(trait, strings.Replace(to("NGN::Bank", bank+`1200"`), "Test", "John", 1)))
	pay(f)
	assert.Equal(t, "paid", m.state(t, without))
	m.want(t, 200, "PATCH", "/recipients/"+m.recipientID(t, blocked, 0), `{"recipient":{"payout_method":{"details":{"first_name":"TEST"}}}}`)
	pay(f)
	assert.Equal(t, "paid", m.state(t, blocked))
}

func TestAnswerOfAnOlderAttemptCountsForNothing(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := m.funded(t, transaction("", ngn("1000", "15500")))
	recipient := m.recipientID(t, id, 0)
	state := func() string { return textAt(t, m.transaction(t, id), "recipients.0.state") }
	f.Advance(10 * time.Second)
	require.NoError(t, f.MoveRecipient(recipient, "error", "416"))
	f.Advance(20 * time.Second)
	assert.Equal(t, "error", state(), "it failed before its payout was due")

	require.NoError(t, f.MoveRecipient(recipient, "pending", ""))
	f.Advance(10 * time.Second)
	require.NoError(t, f.MoveRecipient(recipient, "error", "416"))
	require.NoError(t, f.MoveRecipient(recipient, "pending", ""))
	f.Advance(20 * time.Second)
	assert.Equal(t, "pending", state(), "the attempt before was due, not this one")
	f.Advance(10 * time.Second)
	assert.Equal(t, "success", state())
}
