package bitpesatest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestSenderMovesAlongItsTransitions(t *testing.T) {
	t.Parallel()
	legal := map[string]string{ // from: to ...
		"initial": "verified approved rejected banned disabled", "verified": "approved rejected banned disabled",
		"approved": "banned disabled", "rejected": "banned disabled", "disabled": "banned", "banned": "",
	}
	reach := map[string][]string{
		"initial": nil, "verified": {"verified"}, "approved": {"approved"}, "rejected": {"rejected"}, "disabled": {"disabled"}, "banned": {"banned"},
	}
	f, m := start(t, bitpesatest.Config{Quirks: bitpesatest.Quirks{WaivedStaysInitial: true}})
	for from, steps := range reach {
		for to := range legal {
			id := textAt(t, m.want(t, 201, "POST", "/senders", `{"sender":{`+senderFields+`}}`), "id")
			for _, step := range steps {
				require.NoError(t, f.MoveSender(id, bitpesa.SenderState(step)))
			}
			err := f.MoveSender(id, bitpesa.SenderState(to))
			if strings.Contains(" "+legal[from]+" ", " "+to+" ") {
				assert.NoError(t, err, "%s to %s", from, to)
				continue
			}
			assert.ErrorIs(t, err, fake.ErrIllegalMove, "%s to %s", from, to)
			assert.Equal(t, from, textAt(t, m.want(t, 200, "GET", "/senders/"+id, ""), "state"), "a refused move changes nothing")
		}
	}
	assert.ErrorIs(t, f.MoveSender("x", "approved"), fake.ErrNotFound)
}

func TestTransactionMovesAlongItsTransitions(t *testing.T) {
	t.Parallel()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: newInbox()}})
	unfunded := func() string {
		return textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("100001", "15500"))), "id")
	}
	funded := func() string { return m.funded(t, transaction("", ngn("100001", "15500"))) }
	failed := func() string {
		id := m.funded(t, transaction("", ngn("1219", "15500")))
		pay(f)
		return id
	}
	tests := map[string]struct {
		make  func() string
		steps string // the last one is refused when it begins with !
		state string
	}{
		"paid in from outside":           {unfunded, "pending received", "received"},
		"pending, then debited nowhere":  {unfunded, "pending canceled", "canceled"},
		"review":                         {funded, "processing", "processing"},
		"review over":                    {funded, "processing received", "received"},
		"paid":                           {funded, "paid", "paid"},
		"failed, then paid":              {failed, "paid", "paid"},
		"failed, then canceled":          {failed, "canceled", "refunded"},
		"failed, then refunded":          {failed, "refunded", "refunded"},
		"pending payouts are no refunds": {funded, "!refunded", "received"},
		"manual":                         {funded, "manual", "manual"},
		"exception":                      {funded, "exception", "exception"},
		"no way out of an exception":     {funded, "exception !received", "exception"},
		"unfunded cannot be paid":        {unfunded, "!paid", "approved"},
		"unfunded cannot be refunded":    {unfunded, "!refunded", "approved"},
		"paid is final":                  {funded, "paid !canceled", "paid"},
		"canceled is final":              {unfunded, "canceled !received", "canceled"},
		"mispaid is for PayTransaction":  {unfunded, "!mispaid", "approved"},
	}
	for name, tt := range tests {
		id := tt.make()
		for step := range strings.FieldsSeq(tt.steps) {
			if state, refused := strings.CutPrefix(step, "!"); refused {
				assert.ErrorIs(t, f.MoveTransaction(id, bitpesa.TransactionState(state)), fake.ErrIllegalMove, name)
				continue
			}
			require.NoError(t, f.MoveTransaction(id, bitpesa.TransactionState(step)), name)
		}
		assert.Equal(t, tt.state, m.state(t, id), name)
	}
	assert.ErrorIs(t, f.MoveTransaction("x", "paid"), fake.ErrNotFound)
	assert.ErrorIs(t, f.MoveTransaction(unfunded(), "gone"), fake.ErrIllegalMove)
	require.NoError(t, f.CheckLedger())
}

func TestReviewHoldsPayoutsBack(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := m.funded(t, transaction("", ngn("1000", "15500")))
	require.NoError(t, f.MoveTransaction(id, "processing"))
	f.Advance(time.Hour)
	assert.Equal(t, "processing", m.state(t, id))
	m.want(t, 422, "POST", "/transactions/"+id+"/payout", "")
	assert.ErrorIs(t, f.MoveRecipient(m.recipientID(t, id, 0), "success", ""), fake.ErrIllegalMove)
	require.NoError(t, f.MoveTransaction(id, "received"))
	pay(f)
	assert.Equal(t, "paid", m.state(t, id))
}

func TestMoneyOfAnExceptionIsNotGivenBack(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := m.funded(t, transaction("", ngn("1219", "15500")))
	pay(f)
	require.NoError(t, f.MoveTransaction(id, "exception"))
	m.want(t, 422, "DELETE", "/recipients/"+m.recipientID(t, id, 0), "")
	f.Advance(48 * time.Hour)
	o := m.transaction(t, id)
	assert.Equal(t, []any{"exception", "error"}, []any{at(t, o, "state"), at(t, o, "recipients.0.state")})
	wantBalance(t, f, "USD", "999990")
}

func TestRecipientMovesAlongItsTransitions(t *testing.T) {
	t.Parallel()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: newInbox()}})
	pending := func() (id, recipient string) {
		id = m.funded(t, transaction(`"traits":{"auto_refund":false}`, ngn("100001", "15500")))
		return id, m.recipientID(t, id, 0)
	}
	tests := map[string]struct{ steps, state, transaction string }{
		"success":             {"success", "success", "paid"},
		"error, then success": {"error success", "success", "paid"},
		"manual":              {"error manual", "manual", "manual"},
		"retried":             {"error pending", "pending", "manual"},
		"stuck":               {"stuck", "stuck", "received"},
		"stuck, then success": {"stuck success", "success", "paid"},
		"overpaid":            {"overpaid", "overpaid", "paid"},
		"canceled":            {"canceled", "refunded", "refunded"},
		"refunded":            {"error refunded", "refunded", "refunded"},
		"exception":           {"exception", "exception", "received"},
		"success is final":    {"success !error", "success", "paid"},
		"not to initial":      {"!initial", "pending", "received"},
	}
	for name, tt := range tests {
		id, recipient := pending()
		for step := range strings.FieldsSeq(tt.steps) {
			if state, refused := strings.CutPrefix(step, "!"); refused {
				assert.ErrorIs(t, f.MoveRecipient(recipient, bitpesa.RecipientState(state), ""), fake.ErrIllegalMove, name)
				continue
			}
			require.NoError(t, f.MoveRecipient(recipient, bitpesa.RecipientState(step), ""), name)
		}
		o := m.transaction(t, id)
		assert.Equal(t, []any{tt.state, tt.transaction}, []any{at(t, o, "recipients.0.state"), at(t, o, "state")}, name)
	}
	_, recipient := pending()
	assert.ErrorIs(t, f.MoveRecipient("x", "success", ""), fake.ErrNotFound)
	assert.ErrorIs(t, f.MoveRecipient(recipient, "error", "14"), fake.ErrIllegalMove, "14 is pending")
	open := textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500"))), "id")
	assert.ErrorIs(t, f.MoveRecipient(m.recipientID(t, open, 0), "success", ""), fake.ErrIllegalMove, "not funded")
	for code, category := range map[string]string{"44": "recipient_error", "543": "recipient_error", "542": "sender_error", "34": "temporary_error"} {
		id, recipient := pending()
		require.NoError(t, f.MoveRecipient(recipient, "error", code))
		assert.Equal(t, category, textAt(t, m.transaction(t, id), "recipients.0.state_reason_details.category"), code)
	}
	require.NoError(t, f.CheckLedger())
}

func TestStuckPayoutIsNotRefundedByTheClock(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := m.funded(t, transaction("", ngn("1201", "15500")))
	recipient := m.recipientID(t, id, 0)
	require.NoError(t, f.MoveRecipient(recipient, "stuck", ""))
	f.Advance(25 * time.Hour)
	assert.Equal(t, "received", m.state(t, id), "it may have been paid")
	m.want(t, 422, "DELETE", "/recipients/"+recipient, "")
	require.NoError(t, f.MoveRecipient(recipient, "error", ""))
	assert.Equal(t, "refunded", m.state(t, id))
	wantBalance(t, f, "USD", "1000000")
}

func admin(h http.Handler, method, path, body string) reply {
	status, text := faketest.Admin(h, method, path, body)
	return reply{status, strings.TrimSpace(text)}
}

func TestAdminMovesStatesOverHTTP(t *testing.T) {
	t.Parallel()
	f, m := start(t, bitpesatest.Config{Quirks: bitpesatest.Quirks{WaivedStaysInitial: true}})
	id := m.funded(t, transaction("", ngn("100001", "15500")))
	sender, recipient := textAt(t, m.transaction(t, id), "sender.id"), m.recipientID(t, id, 0)
	for _, tt := range []struct {
		path, body string
		status     int
		field      string
	}{
		{"senders/" + sender, `{"state":"approved"}`, 200, ""},
		{"senders/" + sender, `{"state":"verified"}`, 409, "state"},
		{"senders/x", `{"state":"verified"}`, 404, "id"},
		{"senders/" + sender, `{"state":"nice"}`, 400, "state"},
		{"senders/" + sender, `{}`, 400, "state"},
		{"senders/" + sender, `{"status":"approved"}`, 400, "status"},
		{"senders/" + sender, `x`, 400, ""},
		{"recipients/" + recipient, `{"state":"error","code":"416"}`, 200, ""},
		{"recipients/" + recipient, `{"state":"initial"}`, 400, "state"},
		{"recipients/" + recipient, `{"state":"success"}`, 200, ""},
		{"transactions/" + id, `{"state":"refunded"}`, 409, "state"},
		{"transactions/x", `{"state":"refunded"}`, 404, "id"},
	} {
		r := admin(f.Admin(), "POST", "/_fake/bitpesa/"+tt.path+"/state", tt.body)
		assert.Equal(t, tt.status, r.status, "%s %s: %s", tt.path, tt.body, r.body)
		if tt.field != "" {
			assert.Equal(t, tt.field, textAt(t, r.decoded(t), "field"), r.body)
		}
	}
	assert.Equal(t, "paid", m.state(t, id))
	banned := admin(f.Admin(), "POST", "/_fake/bitpesa/senders/"+sender+"/state", `{"state":"banned"}`)
	assert.Equal(t, `{"id":"`+sender+`","state":"banned"}`, banned.body)
	assert.Equal(t, 404, admin(f.Admin(), "POST", "/_fake/bitpesa/nothing", `{}`).status)

	assert.Equal(t, 200, admin(f.Admin(), "POST", "/_fake/bitpesa/account_validations/outage", `{"on":true}`).status)
	assert.Equal(t, 400, admin(f.Admin(), "POST", "/_fake/bitpesa/account_validations/outage", `{}`).status)
	r := m.call(t, "POST", "/account_validations", `{"bank_account":"1200","bank_code":"058","country":"NG","currency":"NGN","method":"bank"}`)
	assert.Equal(t, `{"meta":{"error":"Account validation failed"},"object":{}}`, r.body)
	assert.Equal(t, 422, r.status)
}

func TestMandatesAreKnownInTheirYear(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := m.funded(t, transaction("", ngn("100001", "15500")))
	recipient := m.recipientID(t, id, 0)
	_, err := f.AddMandate("x")
	assert.ErrorIs(t, err, fake.ErrNotFound)
	mandate, err := f.AddMandate(recipient)
	require.NoError(t, err)
	assert.Equal(t, mandate, textAt(t, m.transaction(t, id), "recipients.0.mandate_id"))
	assert.Nil(t, at(t, m.want(t, 200, "GET", "/mandates/"+mandate, ""), "signed_at"))
	_, err = f.AddMandate(recipient)
	assert.ErrorIs(t, err, fake.ErrIllegalMove, "a recipient has one mandate")
	assert.ErrorIs(t, f.MoveMandate(mandate, "lost"), fake.ErrIllegalMove)
	assert.ErrorIs(t, f.MoveMandate("x", "signed"), fake.ErrNotFound)
	require.NoError(t, f.MoveMandate(mandate, "signed"))
	assert.Equal(t, mandate, textAt(t, m.transaction(t, id), "recipients.0.mandate_id"), "the mandate stays the same")
	o := m.want(t, 200, "GET", "/mandates/"+mandate, "")
	assert.Equal(t, "signed", textAt(t, o, "status"))
	assert.NotNil(t, at(t, o, "signed_at"))
	f.Advance(365 * 24 * time.Hour)
	assert.Equal(t, 404, m.call(t, "GET", "/mandates/"+mandate, "").status)
}

func TestObjectsAreCopiesOldestFirst(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	first := m.funded(t, transaction(`"external_id":"T-1"`, ngn("1219", "15500"), ngn("1000", "15500")))
	second := textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500"))), "id")
	pay(f)
	all := f.Transactions("test-key")
	require.Len(t, all, 2)
	assert.Equal(t, []string{first, second}, []string{all[0].ID, all[1].ID})
	made, ok := f.Transaction(first)
	require.True(t, ok)
	assert.Equal(t, all[0], made)
	assert.Equal(t, []any{"T-1", bitpesa.TransactionManual, "USD", "20", "20"}, []any{made.ExternalID, made.State, made.Currency, made.Input.String(), made.Paid.String()})

	r, ok := f.Recipient(made.RecipientIDs[0])
	require.True(t, ok)
	assert.Equal(t, []any{first, bitpesa.RecipientError, "416", "15500", "NGN", 1}, []any{r.TransactionID, r.State, r.Code, r.Output.String(), r.OutputCurrency, r.Attempt})
	assert.Equal(t, "1219", r.Account)
	recipients := f.Recipients("test-key")
	require.Len(t, recipients, 3)
	assert.Equal(t, "1000", recipients[2].Account)
	m.want(t, 200, "PATCH", "/recipients/"+recipients[2].ID, `{"recipient":{"payout_method":{"details":{"bank_account":"2000"}}}}`)
	changed, _ := f.Recipient(recipients[2].ID)
	assert.Equal(t, "2000", changed.Account)
	x, ok := f.Sender(made.SenderID)
	require.True(t, ok)
	assert.Equal(t, []any{bitpesa.SenderApproved, "Jane"}, []any{x.State, x.Fields["first_name"]})
	assert.Len(t, f.Senders("test-key"), 2)
	mandate, err := f.AddMandate(r.ID)
	require.NoError(t, err)
	signed, ok := f.Mandate(mandate)
	require.True(t, ok)
	assert.Equal(t, bitpesa.MandatePending, signed.Status)
	assert.Equal(t, []bitpesatest.Mandate{signed}, f.Mandates("test-key"))

	made.RecipientIDs[0], x.Fields["first_name"] = "changed", "changed"
	again, _ := f.Transaction(first)
	unchanged, _ := f.Sender(made.SenderID)
	assert.Equal(t, r.ID, again.RecipientIDs[0])
	assert.Equal(t, "Jane", unchanged.Fields["first_name"])
	_, known := f.Transaction("x")
	assert.False(t, known)
	assert.Empty(t, f.Transactions("nobody"))
}

// A state is pending as long as more may come of it, and failed once nothing good can.
func TestEachStateHasItsResult(t *testing.T) {
	t.Parallel()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: newInbox()}, Quirks: bitpesatest.Quirks{WaivedStaysInitial: true}})
	result := func(kind, q string) any {
		_, text := faketest.Admin(f.Admin(), "GET", "/_fake/bitpesa/"+kind+"?q="+q, "")
		all, _ := faketest.Object(t, text)[kind].([]any)
		require.NotEmpty(t, all)
		return all[0].(map[string]any)["result"]
	}
	for state, want := range map[string]string{"initial": "pending", "verified": "pending", "approved": "ok", "rejected": "failed", "disabled": "failed", "banned": "failed"} {
		id := textAt(t, m.want(t, 201, "POST", "/senders", `{"sender":{`+senderFields+`}}`), "id")
		if state != "initial" {
			require.NoError(t, f.MoveSender(id, bitpesa.SenderState(state)))
		}
		assert.Equal(t, want, result("senders", id), "a sender that is %s", state)
	}
	m.want(t, 201, "POST", "/transactions", transaction("", ngn("100001", "15500")))
	assert.Equal(t, "pending", result("recipients", ""), "a recipient that is not funded")
	for state, want := range map[string]string{"pending": "pending", "success": "ok", "manual": "pending", "stuck": "pending", "error": "pending", "canceled": "failed", "refunded": "failed"} {
		m.funded(t, transaction("", ngn("100001", "15500")))
		all := f.Recipients(bitpesatest.TestKey)
		id := all[len(all)-1].ID
		if state != "pending" {
			require.NoError(t, f.MoveRecipient(id, bitpesa.RecipientState(state), ""))
		}
		assert.Equal(t, want, result("recipients", id), "a recipient that is %s", state)
	}
	for state, want := range map[string]string{"approved": "pending", "pending": "pending", "canceled": "failed"} {
		id := textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("100001", "15500"))), "id")
		if state != "approved" {
			require.NoError(t, f.MoveTransaction(id, bitpesa.TransactionState(state)))
		}
		assert.Equal(t, want, result("transactions", id), "a transaction that is %s", state)
	}
	id := m.funded(t, transaction("", ngn("100001", "15500")))
	assert.Equal(t, "pending", result("transactions", id))
	require.NoError(t, f.MoveTransaction(id, "paid"))
	assert.Equal(t, "ok", result("transactions", id))
}
