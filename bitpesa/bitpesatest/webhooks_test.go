package bitpesatest_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
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
		`{"url":"http://x.test","events":["order.paid"]}`:        "events",
		`{"url":"http://x.test","events":[1]}`:                   "events",
	} {
		assert.Len(t, errorWords(t, m.want(t, 422, "POST", "/webhooks", `{"webhook":`+body+`}`), field), 1, body)
	}
	o := m.want(t, 201, "POST", "/webhooks", `{"webhook":{"url":"https://x.test/h?a=b","events":["transaction.paid_in","document.checked"],"metadata":{"a":1}}}`)
	id := textAt(t, o, "id")
	assert.Equal(t, "https://x.test/h?a=b", textAt(t, o, "url"))
	assert.Equal(t, []any{"transaction.paid_in", "document.checked"}, at(t, o, "events"), "unpublished names are taken")
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
		assert.Equal(t, "Webhook failed: no answer within 10 s", textAt(t, m.list(t, 200, "GET", "/logs/webhooks", "")[0], "message"))
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
