package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/webhook"
)

const bitpesaURL = "http://localhost:9090/hooks/bitpesa?tenant=a"

// signedBitPesa is a delivery as BitPesa signs it, to the path of bitpesaURL.
func signedBitPesa(key, secret, nonce string, body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hooks/bitpesa?tenant=a", strings.NewReader(string(body)))
	r.Header.Set("Authorization-Key", key)
	r.Header.Set("Authorization-Nonce", nonce)
	r.Header.Set("Authorization-Signature", bitpesa.Signature(secret, nonce, "POST", bitpesaURL, body))
	return r
}

// vector6 is the webhook delivery among the vendor's vectors.
func vector6(t testing.TB) (nonce, signature string, body []byte) {
	t.Helper()
	text, err := os.ReadFile("../testdata/bitpesa/vectors.json")
	require.NoError(t, err)
	var all []struct {
		Name, Nonce, Signature, URL string
		Body                        []byte `json:"body_base64"`
	}
	require.NoError(t, json.Unmarshal(text, &all))
	for _, v := range all {
		if v.Name == "V6-webhook" {
			require.Equal(t, bitpesaURL, v.URL)
			return v.Nonce, v.Signature, v.Body
		}
	}
	t.Fatal("no V6-webhook")
	return "", "", nil
}

func testKeys() []webhook.BitPesaKey {
	return []webhook.BitPesaKey{{Key: "old-key", Secret: "old-secret"}, {Key: "test-key", Secret: "test-secret"}}
}

func TestBitPesaSignatureAgreesWithTheVector(t *testing.T) {
	nonce, signature, body := vector6(t)
	r := httptest.NewRequest(http.MethodPost, "/behind/a/proxy", nil)
	r.Header.Set("Authorization-Key", "test-key")
	r.Header.Set("Authorization-Nonce", nonce)
	r.Header.Set("Authorization-Signature", signature)
	auth := webhook.BitPesaSignature(bitpesaURL, testKeys()...)
	proof, err := webhook.Verify(r, body, auth)
	require.NoError(t, err)
	assert.True(t, proof.Signed)
	assert.Equal(t, 1, proof.Secret)
}

func TestBitPesaSignatureRefusesAllElse(t *testing.T) {
	body := []byte(`{"webhook":"w","event":"transaction.paid_in","object":{"id":"t-1"}}`)
	for name, change := range map[string]func(*http.Request) []byte{
		"another key":      func(r *http.Request) []byte { r.Header.Set("Authorization-Key", "old-key"); return body },
		"a stranger's key": func(r *http.Request) []byte { r.Header.Set("Authorization-Key", "stranger"); return body },
		"no key":           func(r *http.Request) []byte { r.Header.Del("Authorization-Key"); return body },
		"two keys":         func(r *http.Request) []byte { r.Header.Add("Authorization-Key", "test-key"); return body },
		"no nonce":         func(r *http.Request) []byte { r.Header.Del("Authorization-Nonce"); return body },
		"another nonce":    func(r *http.Request) []byte { r.Header.Set("Authorization-Nonce", "n-2"); return body },
		"no signature":     func(r *http.Request) []byte { r.Header.Del("Authorization-Signature"); return body },
		"half a signature": func(r *http.Request) []byte {
			r.Header.Set("Authorization-Signature", r.Header.Get("Authorization-Signature")[:64])
			return body
		},
		"another body": func(*http.Request) []byte { return append(body, '\n') },
		"no body":      func(*http.Request) []byte { return nil },
		"signed as a GET": func(r *http.Request) []byte {
			r.Header.Set("Authorization-Signature", bitpesa.Signature("test-secret", "n-1", "GET", bitpesaURL, body))
			return body
		},
		"signed for elsewhere": func(r *http.Request) []byte {
			r.Header.Set("Authorization-Signature", bitpesa.Signature("test-secret", "n-1", "POST", bitpesaURL+"b", body))
			return body
		},
		"an empty nonce": func(r *http.Request) []byte {
			r.Header.Set("Authorization-Nonce", "")
			r.Header.Set("Authorization-Signature", bitpesa.Signature("test-secret", "", "POST", bitpesaURL, body))
			return body
		},
		"a nonce that swallows": func(r *http.Request) []byte {
			nonce := "n-1&POST&" + bitpesaURL
			r.Header.Set("Authorization-Nonce", nonce)
			r.Header.Set("Authorization-Signature", bitpesa.Signature("test-secret", nonce, "POST", bitpesaURL, body))
			return body
		},
	} {
		auth := webhook.BitPesaSignature(bitpesaURL, testKeys()...)
		r := signedBitPesa("test-key", "test-secret", "n-1", body)
		_, err := webhook.Verify(r, change(r), auth)
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, name)
		_, err = webhook.Verify(signedBitPesa("test-key", "test-secret", "n-1", body), body, auth)
		assert.NoError(t, err, "%s: the genuine one still counts", name)
	}
}

func TestBitPesaSignatureNeedsURLAndKeys(t *testing.T) {
	for name, auth := range map[string]webhook.Authenticator{
		"no URL":         webhook.BitPesaSignature("", testKeys()...),
		"a path":         webhook.BitPesaSignature("/hooks", testKeys()...),
		"a fragment":     webhook.BitPesaSignature(bitpesaURL+"#x", testKeys()...),
		"no key":         webhook.BitPesaSignature(bitpesaURL),
		"an empty key":   webhook.BitPesaSignature(bitpesaURL, webhook.BitPesaKey{Secret: "planted-secret"}),
		"no secret":      webhook.BitPesaSignature(bitpesaURL, webhook.BitPesaKey{Key: "planted-key"}),
		"the same twice": webhook.BitPesaSignature(bitpesaURL, append(testKeys(), testKeys()...)...),
	} {
		_, err := webhook.NewBitPesa(webhook.Config[bitpesa.Event]{
			Auth:   auth,
			Handle: func(context.Context, webhook.Event[bitpesa.Event]) error { return nil },
		})
		if assert.ErrorIs(t, err, webhook.ErrConfiguration, name) {
			assert.NotContains(t, err.Error(), "planted")
		}
		_, err = auth.Authenticate(&webhook.Delivery{Request: signedBitPesa("test-key", "test-secret", "n", nil)})
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, name)
	}
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v %d", testKeys(), testKeys(), testKeys(), testKeys()), "secret")
}

func TestBitPesaEventsAreTypedAndNamedApart(t *testing.T) {
	source := webhook.BitPesa()
	identify := func(event, object string) webhook.Identity {
		e, err := source.Decode([]byte(`{"webhook":"w-1","event":"` + event + `","object":` + object + `}`))
		require.NoError(t, err, event)
		return source.Identify(e)
	}
	transaction := identify("transaction.paid_in", `{"id":"t-1","state":"received","input_amount":30.5,"input_currency":"USD"}`)
	assert.Equal(t, "t-1", transaction.Reference)
	assert.Equal(t, "received", transaction.Status)
	assert.Equal(t, "USD", transaction.Currency)
	assert.True(t, decimal.RequireFromString("30.5").Equal(transaction.Amount.Decimal))
	assert.True(t, transaction.States.Final("paid"))
	assert.Equal(t, transaction.ID, identify("transaction.paid_in", `{"id":"t-1","state":"received","input_amount":30.5,"input_currency":"USD"}`).ID)
	assert.NotEqual(t, transaction.ID, identify("transaction.error", `{"id":"t-1","state":"received","input_amount":30.5,"input_currency":"USD"}`).ID)
	assert.NotEqual(t, transaction.ID, identify("transaction.paid_in", `{"id":"t-1","state":"received","input_amount":30.6,"input_currency":"USD"}`).ID)
	for event, final := range map[string]string{"recipient.error": "success", "payin_method.paid_in": "success"} {
		s := identify(event, `{"id":"x-1","state":"initial"}`)
		require.NotNil(t, s.States, event)
		assert.True(t, s.States.Final(final), event)
	}
	sender := identify("sender.approved", `{"id":"x-1","state":"initial"}`)
	require.NotNil(t, sender.States)
	assert.False(t, sender.States.Final("disabled"), "an administrator bans any sender")
	for _, event := range []string{"document.created", "payout_method.created", "mandate.signed", "nonsense"} {
		assert.Nil(t, identify(event, `{"id":"x-1"}`).States, "%s has no order", event)
	}
	assert.Nil(t, webhook.BitPesaStates("document"))
	for _, body := range []string{``, `{}`, `[]`, `{"event":"transaction.paid_in"}`, `{"event":"transaction.paid_in","object":[]}`, `{"event":"transaction.paid_in","object":{}}`, `{"object":{"id":"t-1"}}`} {
		_, err := source.Decode([]byte(body))
		assert.Error(t, err, body)
	}
}

func TestBitPesaStatesAreOrdered(t *testing.T) {
	for _, row := range []struct {
		kind, from, to string
		want           webhook.Transition
	}{
		{"transaction", "", "approved", webhook.Advanced},
		{"transaction", "approved", "received", webhook.Advanced},
		{"transaction", "approved", "paid", webhook.Advanced},
		{"transaction", "received", "received", webhook.Duplicate},
		{"transaction", "paid", "received", webhook.Stale},
		{"transaction", "paid", "refunded", webhook.Reversed},
		{"transaction", "manual", "manual", webhook.Duplicate},
		{"transaction", "received", "something new", webhook.Advanced},
		{"transaction", "canceled", "refunded", webhook.Advanced},
		{"transaction", "refunded", "paid", webhook.Corrected},
		{"recipient", "pending", "error", webhook.Advanced},
		{"recipient", "error", "pending", webhook.Advanced},
		{"recipient", "error", "error", webhook.Duplicate},
		{"recipient", "error", "success", webhook.Advanced},
		{"recipient", "success", "error", webhook.Stale},
		{"recipient", "success", "success", webhook.Duplicate},
		{"recipient", "pending", "initial", webhook.Stale},
		{"sender", "initial", "approved", webhook.Advanced},
		{"sender", "disabled", "approved", webhook.Stale},
		{"payin_method", "error", "success", webhook.Advanced},
		{"payin_method", "success", "pending", webhook.Stale},
	} {
		assert.Equal(t, row.want, webhook.BitPesaStates(row.kind).Transition(row.from, row.to), "%s: %s to %s", row.kind, row.from, row.to)
	}
}

// remitter is a merchant with a subscription at the fake BitPesa.
type remitter struct {
	fake    *bitpesatest.Fake
	client  *bitpesa.Client
	handler *webhook.Handler[bitpesa.Event]
	reports reports

	mu   sync.Mutex
	told []webhook.Event[bitpesa.Event]
}

const remitURL = "https://shop.example/hooks/bitpesa?tenant=a"

func newRemitter(t *testing.T) *remitter {
	t.Helper()
	m := &remitter{}
	m.fake = bitpesatest.NewServer(t, bitpesatest.Config{Options: fake.Options{
		Callbacks: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }),
	}})
	var err error
	m.client, err = bitpesa.New(bitpesa.Config{
		Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret,
		BaseURL: m.fake.URL(),
		Options: sdk.Options{HTTPClient: m.fake.HTTPClient()},
	})
	require.NoError(t, err)
	m.handler, err = webhook.NewBitPesa(webhook.Config[bitpesa.Event]{
		Auth:   webhook.BitPesaSignature(remitURL, webhook.BitPesaKey{Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret}),
		Report: m.reports.add,
		Handle: func(_ context.Context, ev webhook.Event[bitpesa.Event]) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.told = append(m.told, ev)
			return nil
		},
	})
	require.NoError(t, err)
	names, err := m.client.Webhooks.Events(t.Context())
	require.NoError(t, err)
	_, err = m.client.Webhooks.Create(t.Context(), bitpesa.WebhookParams{URL: remitURL, Events: names.Items})
	require.NoError(t, err)
	return m
}

func (m *remitter) send(t *testing.T, account string) *bitpesa.Transaction {
	t.Helper()
	sent, err := m.client.Transactions.PayFromBalance(t.Context(), bitpesa.TransactionParams{
		InputCurrency: "USD", ExternalID: "payout-" + account,
		Sender: bitpesa.SenderParams{FirstName: "Example", LastName: "User", Country: "UG", City: "Kampala", Street: "Somewhere 17-3",
			PostalCode: "798983", Email: "email@domain.com", IP: "127.0.0.1", BirthDate: "1970-01-01", PhoneNumber: "+256752403639"},
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: decimal.NewFromInt(10000), RequestedCurrency: "NGN",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
				FirstName: "Jane", LastName: "Doe", BankCode: "058", BankAccount: account, BankAccountType: "20",
			}},
		}},
	})
	require.NoError(t, err)
	m.fake.Flush()
	return sent
}

// story is what the merchant was told: events with their states, in order.
func (m *remitter) story() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lines []string
	for _, ev := range m.told {
		lines = append(lines, string(ev.Data.Name)+" "+ev.Status)
	}
	return lines
}

func TestBitPesaDeliveriesAreVerifiedInOrderAndCountOnce(t *testing.T) {
	m := newRemitter(t)
	require.NoError(t, m.fake.AddCallbackFault(fake.CallbackFault{Event: "transaction.paid_in", Kind: fake.CallbackDuplicate, Times: 1}))
	sent := m.send(t, "1234567819")
	m.fake.Advance(time.Minute)
	m.fake.Flush()
	failed, err := m.client.Transactions.Get(t.Context(), sent.ID)
	require.NoError(t, err)
	require.True(t, failed.NeedsAction())
	for _, account := range []string{"7654321019", "1111111119"} { // that it fails again is news
		_, err = m.client.Recipients.Correct(t.Context(), sent.ID, failed.Recipients[0].ID, bitpesa.RecipientUpdate{
			PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: account}},
		})
		require.NoError(t, err)
		m.fake.Advance(time.Minute)
		m.fake.Flush()
	}
	_, err = m.client.Recipients.Correct(t.Context(), sent.ID, failed.Recipients[0].ID, bitpesa.RecipientUpdate{
		PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: "1234567800"}},
	})
	require.NoError(t, err)
	m.fake.Advance(time.Minute)
	m.fake.Flush()

	story := m.story()
	assert.Equal(t, 1, count(story, "transaction.created approved"))
	assert.Equal(t, 1, count(story, "transaction.paid_in received"))
	assert.Equal(t, 3, count(story, "recipient.error error"), "%q", story)
	assert.Equal(t, 1, count(story, "transaction.paid_out paid"))
	assert.Equal(t, "transaction.paid_out paid", story[len(story)-1])
	for _, ev := range m.told {
		assert.Equal(t, webhook.Verified, ev.Trust)
	}
	assert.NoError(t, m.reports.last())
	for _, d := range m.fake.Deliveries() {
		assert.Equal(t, fake.DeliveryDelivered, d.State, "%s was not acknowledged", d.Event)
	}
}

func count(lines []string, line string) int {
	n := 0
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}

func TestForgedBitPesaDeliveriesAreRefused(t *testing.T) {
	m := newRemitter(t)
	require.NoError(t, m.fake.AddCallbackFault(fake.CallbackFault{Event: "transaction.paid_in", Kind: fake.CallbackForge, Times: 1}))
	m.send(t, "1234567800")
	assert.Equal(t, []string{"transaction.created approved", "recipient.pending pending"}, m.story())
	assert.ErrorIs(t, m.reports.last(), webhook.ErrUnauthenticated)
}

// A callback that is lost is found by asking.
func TestAReconcilerFindsLostBitPesaDeliveries(t *testing.T) {
	m := newRemitter(t)
	require.NoError(t, m.fake.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackDrop}))
	sent := m.send(t, "1234567800")
	reconciler, err := webhook.NewReconciler(webhook.ReconcilerConfig[bitpesa.Event]{
		Handler: m.handler,
		Ask:     webhook.AskBitPesa(m.client.Transactions),
		Open: func(context.Context) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield(sent.ID, nil) }
		},
		FirstDelay: time.Nanosecond, MaxDelay: time.Nanosecond,
	})
	require.NoError(t, err)
	_, err = reconciler.Sweep(t.Context())
	require.NoError(t, err)
	m.fake.Advance(time.Minute)
	for range 2 {
		_, err = reconciler.Sweep(t.Context())
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"transaction received", "transaction paid"}, m.story())
	require.NotNil(t, m.told[1].Data.Transaction)
	assert.Equal(t, sent.ID, m.told[1].Data.Transaction.ID)
}

// No delivery is accepted but those that are signed for their very nonce and body.
func FuzzBitPesaSignature(f *testing.F) {
	nonce, signature, body := vector6(f)
	f.Add("test-key", nonce, signature, body)
	f.Add("test-key", nonce+"&", signature, body)
	f.Add("old-key", nonce, strings.ToUpper(signature), body)
	f.Add("", "", "", []byte(nil))
	secrets := map[string]string{"test-key": "test-secret", "old-key": "old-secret"}
	f.Fuzz(func(t *testing.T, key, nonce, signature string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header["Authorization-Key"] = []string{key}
		r.Header["Authorization-Nonce"] = []string{nonce}
		r.Header["Authorization-Signature"] = []string{signature}
		_, err := webhook.Verify(r, body, webhook.BitPesaSignature(bitpesaURL, testKeys()...))
		secret, known := secrets[key]
		genuine := known && strings.EqualFold(signature, bitpesa.Signature(secret, nonce, "POST", bitpesaURL, body))
		if err == nil && !genuine {
			t.Errorf("accepted key %q, nonce %q, signature %q", key, nonce, signature)
		}
	})
}

func FuzzBitPesaEvent(f *testing.F) {
	_, _, body := vector6(f)
	f.Add(body)
	f.Add([]byte(`{"webhook":null,"event":"recipient.error","object":{"id":7,"state":"error","metadata":[],"payout_method":{"details":{"x":[1,{}]}}}}`))
	f.Add([]byte(`{"event":"sender.approved","object":{"id":"s","documents":[{"upload_file_size":"1"}],"politically_exposed_people":[]}}`))
	source := webhook.BitPesa()
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := source.Decode(body)
		if err != nil {
			return
		}
		if s := source.Identify(e); s.Reference == "" || s.ID == "" {
			t.Errorf("an event about nothing: %q", body)
		}
	})
}

// A byte order mark in front of the JSON is signed like everything else, and then taken
// off.
func TestAByteOrderMarkIsSignedAndTakenOff(t *testing.T) {
	const mark = "\ufeff"
	var told []string
	note := func(trust webhook.Trust, reference string) error {
		told = append(told, trust.String()+" "+reference)
		return nil
	}
	remit, err := webhook.NewBitPesa(webhook.Config[bitpesa.Event]{
		Auth:   webhook.BitPesaSignature(bitpesaURL, testKeys()...),
		Handle: func(_ context.Context, e webhook.Event[bitpesa.Event]) error { return note(e.Trust, e.Reference) },
	})
	require.NoError(t, err)
	v3, err := webhook.NewKotaniV3(webhook.Config[kotani.V3Event]{
		Auth:   webhook.KotaniV3Signature(v3Whsec),
		Handle: func(_ context.Context, e webhook.Event[kotani.V3Event]) error { return note(e.Trust, e.Reference) },
	})
	require.NoError(t, err)
	transfers, err := webhook.NewFiatConnect(webhook.Config[kotani.FiatConnectEvent]{
		Auth: webhook.FiatConnectSignature(webhook.SignatureConfig{Now: atNoon}, "whsec"),
		Handle: func(_ context.Context, e webhook.Event[kotani.FiatConnectEvent]) error {
			return note(e.Trust, e.Reference)
		},
	})
	require.NoError(t, err)
	bitpesaBody := mark + `{"webhook":"w-1","event":"transaction.paid_in","object":{"id":"t-1","state":"received"}}`
	fiatBody := mark + fiatConnectEvent("e-1", "WebhookTransferInStatusEvent", transferIn("TransferStarted"))
	for _, d := range []struct {
		name    string
		handler http.Handler
		body    string
		header  map[string]string
	}{
		{"BitPesa", remit, bitpesaBody, map[string]string{
			"Authorization-Key": "test-key", "Authorization-Nonce": "7", "Authorization-Signature": bitpesa.Signature("test-secret", "7", "POST", bitpesaURL, []byte(bitpesaBody)),
		}},
		{"Kotani v3", v3, mark + v3Body(), map[string]string{"X-Kotani-Signature": v3Signature(v3Whsec)}},
		{"FiatConnect", transfers, fiatBody, map[string]string{"FiatConnect-Signature": fmt.Sprintf("t=%d,v1=%s", noon.Unix(), v1("whsec", noon, fiatBody))}},
	} {
		post := func(body string) int {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			for name, value := range d.header {
				r.Header.Set(name, value)
			}
			return send(d.handler, r).Code
		}
		told = nil
		assert.Equal(t, 200, post(d.body), d.name)
		require.Len(t, told, 1, d.name)
		assert.True(t, strings.HasPrefix(told[0], webhook.Verified.String()), told[0])
		if d.name != "Kotani v3" { // whose signature is over two members
			assert.Equal(t, 401, post(strings.TrimPrefix(d.body, mark)), "%s: the mark was signed", d.name)
		}
	}
}
