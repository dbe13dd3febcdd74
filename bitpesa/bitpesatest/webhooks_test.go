package bitpesatest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestWebhooksAreSubscribedListedAndDeleted(t *testing.T) {
	t.Parallel()
	_, m := start(t)
	for body, field := range map[string]string{
		`{"events":["transaction.paid_in"]}`:                     "url",
		`{"url":"merchant.test","events":["transaction.paid"]}`:  "url",
		`{"url":"ftp://x.test","events":["transaction.paid"]}`:   "url",
		`{"url":"http://x.test"}`:                                "events",
		`{"url":"http://x.test","events":[]}`:                    "events",
		`{"url":"http://x.test","events":"transaction.paid_in"}`: "events",
		`{"url":"http://x.test","events":["paid"]}`:              "events",
		`{"url":"http://x.test","events":[".paid"]}`:             "events",
		`{"url":"http://x.test","events":["order."]}`:            "events",
		`{"url":"http://x.test","events":[1]}`:                   "events",
	} {
		assert.Len(t, errorWords(t, m.want(t, 422, "POST", "/webhooks", `{"webhook":`+body+`}`), field), 1, body)
	}
	o := m.want(t, 201, "POST", "/webhooks", `{"webhook":{"url":"https://x.test/h?a=b","events":["transaction.paid_in","document.checked","order.paid"],"metadata":{"a":1}}}`)
	id := textAt(t, o, "id")
	assert.Equal(t, "https://x.test/h?a=b", textAt(t, o, "url"))
	assert.Equal(t, []any{"transaction.paid_in", "document.checked", "order.paid"}, at(t, o, "events"), "unpublished names are taken")
	assert.Equal(t, o, m.want(t, 200, "GET", "/webhooks/"+id, ""))
	assert.Len(t, m.list(t, 200, "GET", "/webhooks", ""), 1)
	assert.Equal(t, id, textAt(t, m.want(t, 200, "DELETE", "/webhooks/"+id, ""), "id"))
	assert.Equal(t, 404, m.call(t, "GET", "/webhooks/"+id, "").status)
	assert.Equal(t, 404, m.call(t, "DELETE", "/webhooks/"+id, "").status)
	assert.Empty(t, m.list(t, 200, "GET", "/webhooks", ""))
	r := m.call(t, "GET", "/webhooks/events", "")
	assert.Contains(t, r.decoded(t)["object"], "transaction.paid_in")
}

func TestWebhooksAreSignedOverTheRegisteredURL(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	for _, url := range []string{"http://localhost:9090/hooks/bitpesa?tenant=a", "http://merchant.test", "https://merchant.test/a%2Fb?x=%7e&y"} {
		id := m.subscribe(t, url, "transaction.created")
		m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500")))
		f.Flush()
		r, body := <-in.got, <-in.bodies
		nonce := r.Header.Get("Authorization-Nonce")
		assert.Equal(t, sign("test-secret", nonce, "POST", url, body), r.Header.Get("Authorization-Signature"), url)
		assert.Equal(t, "test-key", r.Header.Get("Authorization-Key"))
		assert.Equal(t, []string{"POST", "application/json", "*/*", "gzip;q=1.0,deflate;q=0.6,identity;q=0.3", "Ruby"},
			[]string{r.Method, r.Header.Get("Content-Type"), r.Header.Get("Accept"), r.Header.Get("Accept-Encoding"), r.Header.Get("User-Agent")})
		assert.Equal(t, strings.TrimSpace(body), body, "no space around, so that all SDKs hash the same")
		o := reply{0, body}.decoded(t)
		assert.Equal(t, []any{id, "transaction.created"}, []any{o["webhook"], o["event"]})
		assert.Equal(t, m.transaction(t, textAt(t, o, "object.id")), o["object"], "the full object")
		m.want(t, 200, "DELETE", "/webhooks/"+id, "")
	}
}

func TestWebhookIsRetriedFiveTimesWithFreshNonces(t *testing.T) {
	t.Parallel()
	in := newInbox()
	in.status.Store(500)
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	id := m.subscribe(t, hookURL, "transaction.created")
	m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500")))
	f.Flush()
	for i, wait := range []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour} {
		assert.Len(t, in.got, i+1)
		f.Advance(wait - time.Second)
		assert.Len(t, in.got, i+1)
		f.Advance(time.Second)
	}
	f.Advance(1000 * time.Hour)
	require.Len(t, in.got, 6)
	nonces := map[string]bool{}
	for range 6 {
		nonces[(<-in.got).Header.Get("Authorization-Nonce")] = true
	}
	assert.Len(t, nonces, 6)
	assert.Equal(t, fake.DeliveryDead, f.Deliveries()[0].State)
	m.want(t, 200, "GET", "/webhooks/"+id, "")

	logs := m.list(t, 200, "GET", "/logs/webhooks", "")
	require.Len(t, logs, 6)
	assert.Equal(t, []any{id, "Webhook", "transaction.created", "Transaction", "500", "test-key"}, []any{
		at(t, logs[0], "parent_id"), at(t, logs[0], "parent_type"), at(t, logs[0], "metadata.event"), at(t, logs[0], "metadata.instance_type"),
		at(t, logs[0], "metadata.response.status"), at(t, logs[0], "metadata.api_key_id"),
	})
	wantMoney(t, "6", logs[0], "metadata.tries")
	assert.Equal(t, "[masked]", textAt(t, logs[0], "metadata.request.headers.Authorization-Signature"))
	assert.Equal(t, hookURL, textAt(t, logs[0], "metadata.request.url"))
	assert.Equal(t, logs[5], m.want(t, 200, "GET", "/logs/"+textAt(t, logs[5], "id"), ""))
}

func TestWebhookThatTimesOutIsDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			<-r.Context().Done()
		})}})
		id := m.subscribe(t, hookURL, "transaction.created", "transaction.paid_in")
		m.funded(t, transaction("", ngn("1000", "15500")))
		f.Flush()
		f.Advance(10 * time.Hour)
		assert.Equal(t, int64(1), calls.Load(), "neither retried nor sent the next event")
		assert.Equal(t, 404, m.call(t, "GET", "/webhooks/"+id, "").status)
		m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500")))
		f.Flush()
		assert.Equal(t, int64(1), calls.Load())
		assert.Equal(t, "Webhook failed: no response within 10 s", textAt(t, m.list(t, 200, "GET", "/logs/webhooks", "")[0], "message"))
	})
}

func TestWebhookThatFailsKeepsItsSubscription(t *testing.T) {
	t.Parallel()
	in := newInbox()
	in.status.Store(500)
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	m.subscribe(t, hookURL, "transaction.created")
	m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500")))
	f.Flush()
	in.status.Store(201)
	f.Advance(10 * time.Second)
	assert.Equal(t, fake.DeliveryDelivered, f.Deliveries()[0].State, "201 acknowledges too")
	f.Advance(10 * time.Hour)
	assert.Len(t, in.got, 2)
}

func TestDeletedWebhookGetsNothingMore(t *testing.T) {
	t.Parallel()
	in := newInbox()
	in.status.Store(503)
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	id := m.subscribe(t, hookURL, "transaction.created")
	m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500")))
	f.Flush()
	m.want(t, 200, "DELETE", "/webhooks/"+id, "")
	f.Advance(10 * time.Hour)
	assert.Len(t, in.got, 1)
	assert.Equal(t, fake.DeliveryDead, f.Deliveries()[0].State)
}

func TestCallbackFaults(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	m.subscribe(t, hookURL, "transaction.created", "transaction.paid_in")
	one := func(d fake.CallbackFault) {
		d.Times = 1
		require.NoError(t, f.AddCallbackFault(d))
		m.funded(t, transaction("", ngn("1000", "15500")))
		f.Flush()
	}
	one(fake.CallbackFault{Kind: fake.CallbackHold})
	assert.Equal(t, []string{"transaction.paid_in", "transaction.created"}, in.events(f), "out of order")

	one(fake.CallbackFault{Kind: fake.CallbackDuplicate})
	first, second := <-in.got, <-in.got
	assert.Equal(t, <-in.bodies, <-in.bodies)
	assert.NotEqual(t, first.Header.Get("Authorization-Nonce"), second.Header.Get("Authorization-Nonce"))
	_ = in.events(f)

	one(fake.CallbackFault{Kind: fake.CallbackForge})
	forged, body := <-in.got, <-in.bodies
	assert.NotEqual(t, sign("test-secret", forged.Header.Get("Authorization-Nonce"), "POST", hookURL, body), forged.Header.Get("Authorization-Signature"))
	right, body := <-in.got, <-in.bodies
	assert.Equal(t, sign("test-secret", right.Header.Get("Authorization-Nonce"), "POST", hookURL, body), right.Header.Get("Authorization-Signature"))

	one(fake.CallbackFault{Kind: fake.CallbackDrop, Event: "transaction.created"})
	assert.Equal(t, []string{"transaction.paid_in"}, in.events(f))
}

func TestWebhooksOfOneTransactionComeInOrder(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	m.allEvents(t)
	m.funded(t, transaction("", ngn("1000", "15500")))
	pay(f)
	assert.Equal(t, []string{"transaction.created", "transaction.paid_in", "recipient.pending", "recipient.paid_out", "transaction.paid_out"}, in.events(f))
}

func TestRecipientErrorShowsTheTransactionBeforeItChanges(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{APIVersion: bitpesatest.VersionBitPesa, Options: fake.Options{Callbacks: in}})
	m.subscribe(t, hookURL, "recipient.error")
	id := m.funded(t, transaction(`"external_id":"T-1"`, ngn("1208", "15500")))
	pay(f)
	require.Len(t, in.bodies, 1)
	o := at(t, reply{0, <-in.bodies}.decoded(t), "object")
	assert.Equal(t, []any{"error", id, "received", "T-1", "T-1", "3"}, []any{
		at(t, o, "state"), at(t, o, "transaction_id"), at(t, o, "transaction_state"), at(t, o, "transaction_external_id"), at(t, o, "external_id"), at(t, o, "state_reason_details.code"),
	})
}

// TestEveryChangeOfStateIsReported does random things, then rare ones, and holds the
// states that the webhooks told against those of the objects: an object that changed
// in silence differs, and so does a webhook about a state that never was.
func TestEveryChangeOfStateIsReported(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	seeds := clienttest.Times(3, 1)
	for seed := range uint64(seeds) {
		in := newInbox()
		f := bitpesatest.NewServer(t, bitpesatest.Config{Options: fake.Options{Seed: seed + 1, Callbacks: in}})
		m := merchant{f, bitpesatest.KYCKey, bitpesatest.KYCSecret, &atomic.Int64{}} // its senders wait for their approval
		m.allEvents(t)
		told := map[string]string{}
		check := func(act string) {
			t.Helper()
			for _, name := range in.states(t, f, told) {
				seen[name] = true
			}
			for id, state := range statesOf(t, f, m) {
				if told[id] == "" && state != "initial" && state != "enabled" || told[id] != "" && told[id] != state {
					require.Fail(t, "unreported", "after %s: told %q, is %q", act, told[id], state)
				}
			}
		}
		r := rand.New(rand.NewPCG(seed, 1))
		for range 80 {
			check(change(t, f, m, r))
		}
		rareChanges(t, f, m, check)
	}
	_, m := start(t)
	for _, name := range m.call(t, "GET", "/webhooks/events", "").decoded(t)["object"].([]any) {
		if name != "payin_method.exception" { // the fake has no such failure
			assert.True(t, seen[name.(string)] || seeds < 3, "%s never came", name)
		}
	}
}

// withPaper is a complete sender of an account that needs KYC.
var withPaper = strings.Replace(senderFields, "[]", `[{"upload":"https://x.test/a.png","upload_file_name":"a.png"}]`, 1)

// rareChanges brings about what random traffic seldom does.
func rareChanges(t *testing.T, f *bitpesatest.Fake, m merchant, check func(act string)) {
	t.Helper()
	create := func(fields string) (id, sender, recipient string) {
		o := m.want(t, 201, "POST", "/transactions", strings.Replace(transaction(fields, ngn("1000", "15500")), senderFields, withPaper, 1))
		return textAt(t, o, "id"), textAt(t, o, "sender.id"), textAt(t, o, "recipients.0.id")
	}
	sender := func(id string, states ...bitpesa.SenderState) {
		for _, to := range states {
			require.NoError(t, f.MoveSender(id, to))
			check("sender " + string(to))
		}
	}
	for _, states := range [][]bitpesa.TransactionState{{"pending", "received", "processing", "received", "manual", "paid"}, {"exception"}} {
		id, from, _ := create("")
		sender(from, "verified", "approved")
		for _, to := range states {
			require.NoError(t, f.MoveTransaction(id, to))
			check("transaction " + string(to))
		}
	}
	for _, states := range [][]bitpesa.RecipientState{{"stuck", "overpaid"}, {"manual", "exception"}, {"error", "canceled"}} {
		id, from, recipient := create("")
		sender(from, "approved")
		require.NoError(t, f.MoveTransaction(id, "received"))
		for _, to := range states {
			require.NoError(t, f.MoveRecipient(recipient, to, ""))
			check("recipient " + string(to))
		}
	}
	_, other, _ := create("")
	sender(other, "rejected", "disabled", "banned")
	id, from, _ := create(`"payin_methods":[{"type":"USD::Mobile"}]`)
	payin := "/payin_methods/" + textAt(t, m.transaction(t, id), "payin_methods.0.id")
	m.want(t, 200, "PATCH", payin, `{"in_details":{"phone_number":"+221774044435"}}`)
	check("the payin is complete")
	sender(from, "approved")
	require.NoError(t, f.PayTransaction(id, decimal.NewFromInt(17)))
	check("another amount")
	m.want(t, 200, "PATCH", "/senders/"+from, `{"sender":{"last_name":"Roe"}}`)
	check("another name")
	_, from, _ = create(`"payin_methods":[{"type":"USD::Mobile","in_details":{"phone_number":"+221774044439"}}]`)
	sender(from, "approved")
	f.Advance(31 * time.Second)
	check("a collection fails")
	id, from, recipient := create(`"payin_methods":[{"type":"USD::Mobile","in_details":{"phone_number":"+221774044430"}}]`)
	sender(from, "approved")
	m.want(t, 200, "POST", "/transactions/"+id+"/payin", `{"payin_method":{"type":"USD::Mobile"}}`)
	require.NoError(t, f.MoveRecipient(recipient, "canceled", ""))
	check("a collection goes back")
}

// states notes the states in the webhooks received since the last time. It returns
// the names of the events.
func (i *inbox) states(t *testing.T, f *bitpesatest.Fake, told map[string]string) (names []string) {
	t.Helper()
	f.Flush()
	for {
		select {
		case body := <-i.bodies:
			<-i.got
			o := (reply{0, body}).decoded(t)
			event, id, state := textAt(t, o, "event"), textAt(t, o, "object.id"), textAt(t, o, "object.state")
			repeats := event == "transaction.created" || event == "payin_method.incomplete" || event == "payin_method.pending"
			assert.True(t, told[id] != state || repeats, "%s: %s twice", event, state)
			told[id] = state
			names = append(names, event)
		default:
			return names
		}
	}
}

// statesOf are the states of all objects of the account.
func statesOf(t *testing.T, f *bitpesatest.Fake, m merchant) map[string]string {
	t.Helper()
	states := map[string]string{}
	for _, x := range f.Senders(m.key) {
		states[x.ID] = string(x.State)
	}
	for _, x := range f.Recipients(m.key) {
		states[x.ID] = string(x.State)
	}
	for _, x := range f.Transactions(m.key) {
		states[x.ID] = string(x.State)
	}
	for _, o := range m.list(t, 200, "GET", "/transactions?per=8", "") {
		for _, p := range objects(t, o["payin_methods"]) {
			states[textAt(t, p, "id")] = textAt(t, p, "state")
		}
	}
	for _, o := range m.list(t, 200, "GET", "/payout_methods?per=3", "") {
		states[textAt(t, o, "id")] = textAt(t, o, "state")
	}
	return states
}

// change does a random thing, which the fake may refuse, and says what.
func change(t *testing.T, f *bitpesatest.Fake, m merchant, r *rand.Rand) string {
	t.Helper()
	pick := func(list ...string) string {
		if len(list) == 0 {
			return "none"
		}
		return list[r.IntN(len(list))]
	}
	var senders, recipients, transactions, payins []string
	for _, x := range f.Senders(m.key) {
		senders = append(senders, x.ID)
	}
	for _, x := range f.Recipients(m.key) {
		recipients = append(recipients, x.ID)
	}
	for _, o := range m.list(t, 200, "GET", "/transactions?per=5", "") {
		transactions = append(transactions, textAt(t, o, "id"))
		for _, p := range objects(t, o["payin_methods"]) {
			payins = append(payins, textAt(t, p, "id"))
		}
	}
	recipient := pick(recipients[max(0, len(recipients)-8):]...)
	call := func(method, path, body string) string {
		got := m.call(t, method, path, body)
		assert.Less(t, got.status, 500)
		return fmt.Sprint(method, " ", path, " ", got.status)
	}
	ref := `"external_id":"S-` + itoa(r.IntN(6)) + `",`
	sender := ref + withPaper
	if r.IntN(4) == 0 {
		sender = ref + `"last_name":"` + pick("Doe", "Roe") + `"` // "may" be checked again
	}
	switch r.IntN(14) {
	case 0, 1, 2:
		payin := ""
		if r.IntN(2) == 0 {
			payin = `"payin_methods":[{"type":"USD::Mobile","in_details":{` + pick(``, `"phone_number":"+221774044430"`, `"phone_number":"+221774044439"`, `"phone_number":"+221774044435"`) + `}}]`
		}
		body := strings.Replace(transaction(payin, ngn(pick("1000", "1219", "1208", "1201"), "15500"), ngn("1000", "31000")), senderFields, sender, 1)
		return call("POST", "/transactions", body)
	case 3:
		to := pick("verified", "approved", "approved", "approved", "approved", "rejected", "banned", "disabled")
		_ = f.MoveSender(pick(senders...), bitpesa.SenderState(to)) // many of these moves are illegal
		return "sender " + to
	case 4:
		to := pick("approved", "pending", "received", "processing", "manual", "paid", "canceled", "refunded", "exception", "received", "processing", "received", "processing")
		_ = f.MoveTransaction(pick(transactions...), bitpesa.TransactionState(to))
		return "transaction " + to
	case 5, 6:
		to := pick("pending", "success", "error", "manual", "stuck", "overpaid", "canceled", "refunded", "exception")
		_ = f.MoveRecipient(recipient, bitpesa.RecipientState(to), pick("", "416", "511"))
		return "recipient " + to
	case 7, 8:
		return call("POST", "/accounts/debits", `{"debit":{"to_id":"`+pick(transactions...)+`","to_type":"Transaction"}}`)
	case 9:
		return call("DELETE", "/recipients/"+recipient, "")
	case 10:
		return call("PATCH", "/recipients/"+recipient, `{"recipient":{"payout_method":{"details":{"bank_account":"`+pick("1200", "1219")+`"}}}}`)
	case 11:
		if r.IntN(2) == 0 {
			_ = f.PayTransaction(pick(transactions...), decimal.NewFromInt(17))
			return "pay"
		}
		return pick(
			call("PATCH", "/payin_methods/"+pick(payins...), `{"in_details":{"phone_number":"+221774044430"}}`), call("POST", "/payin_methods/"+pick(payins...)+"/retry", ""),
			call("DELETE", "/payin_methods/"+pick(payins...), ""), call("POST", "/transactions/"+pick(transactions...)+"/payin", `{"payin_method":{"type":"USD::Mobile"}}`),
		)
	case 12:
		id := textAt(t, m.want(t, 201, "POST", "/payout_methods", `{"payout_method":{"type":"CHF::Balance"}}`), "id")
		if r.IntN(2) == 0 {
			call("DELETE", "/payout_methods/"+id, "")
		}
		return call("DELETE", "/senders/"+pick(append(senders, "x", "x", "x", "x", "x", "x", "x", "x", "x")...), "")
	}
	by := time.Duration(r.IntN(40)) * time.Second
	if r.IntN(6) == 0 {
		by = 13 * time.Hour
	}
	f.Advance(by)
	return "advance " + by.String()
}
