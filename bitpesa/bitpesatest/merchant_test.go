package bitpesatest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/internal/faketest"
)

// object is a decoded JSON object, numbers as they stand.
type object = map[string]any

// sign is the documented signature, written for these tests alone.
func sign(secret, nonce, method, url, body string) string {
	sum := sha512.Sum512([]byte(body))
	mac := hmac.New(sha512.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{nonce, method, url, hex.EncodeToString(sum[:])}, "&")))
	return hex.EncodeToString(mac.Sum(nil))
}

// merchant calls a fake over real net/http, signed.
type merchant struct {
	fake        *bitpesatest.Fake
	key, secret string
	nonces      *atomic.Int64
}

func merchantOf(f *bitpesatest.Fake) merchant {
	return merchant{f, bitpesatest.TestKey, bitpesatest.TestSecret, &atomic.Int64{}}
}

// start is a fake and its merchant.
func start(t testing.TB, config ...bitpesatest.Config) (*bitpesatest.Fake, merchant) {
	t.Helper()
	f := bitpesatest.NewServer(t, config...)
	return f, merchantOf(f)
}

type reply struct {
	status int
	body   string
}

// try calls and may be used in goroutines.
func (m merchant) try(method, path, body string) (reply, error) {
	url := m.fake.URL() + path
	nonce := fmt.Sprintf("%s-%d", m.key, m.nonces.Add(1))
	status, text, err := faketest.Call(context.Background(), m.fake.HTTPClient(), method, url, body,
		"Authorization-Key", m.key, "Authorization-Nonce", nonce, "Authorization-Signature", sign(m.secret, nonce, method, url, body))
	return reply{status, text}, err
}

func (m merchant) call(t testing.TB, method, path, body string) reply {
	t.Helper()
	r, err := m.try(method, path, body)
	require.NoError(t, err)
	return r
}

// want calls and wants a status; it returns the response's object.
func (m merchant) want(t testing.TB, status int, method, path, body string) object {
	t.Helper()
	r := m.call(t, method, path, body)
	require.Equal(t, status, r.status, "%s %s: %s", method, path, r.body)
	o, ok := r.decoded(t)["object"].(object)
	require.True(t, ok, r.body)
	return o
}

// list is want for a response with a list of objects.
func (m merchant) list(t testing.TB, status int, method, path, body string) []object {
	t.Helper()
	r := m.call(t, method, path, body)
	require.Equal(t, status, r.status, "%s %s: %s", method, path, r.body)
	rows := []object{}
	entries, ok := r.decoded(t)["object"].([]any)
	require.True(t, ok, r.body)
	for _, e := range entries {
		row, ok := e.(object)
		require.True(t, ok, r.body)
		rows = append(rows, row)
	}
	return rows
}

func (r reply) decoded(t testing.TB) object { t.Helper(); return faketest.Object(t, r.body) }

// at walks into nested objects and lists: "recipients.0.state".
func at(t testing.TB, v any, path string) any {
	t.Helper()
	for step := range strings.SplitSeq(path, ".") {
		switch c := v.(type) {
		case object:
			inner, ok := c[step]
			require.True(t, ok, "no %s of %s in %v", step, path, c)
			v = inner
		case []any:
			var i int
			_, err := fmt.Sscan(step, &i)
			require.NoError(t, err)
			require.Less(t, i, len(c), path)
			v = c[i]
		default:
			require.Fail(t, "no object", "%s of %s in %v", step, path, v)
		}
	}
	return v
}

func textAt(t testing.TB, v any, path string) string {
	t.Helper()
	s, ok := at(t, v, path).(string)
	require.True(t, ok, "%s is no text", path)
	return s
}

// wantMoney wants a JSON number of that value.
func wantMoney(t testing.TB, want string, v any, path string) {
	t.Helper()
	n, ok := at(t, v, path).(json.Number)
	require.True(t, ok, "%s is no number: %v", path, at(t, v, path))
	got, err := decimal.NewFromString(n.String())
	require.NoError(t, err)
	assert.True(t, got.Equal(decimal.RequireFromString(want)), "%s: want %s, got %s", path, want, got)
}

func wantBalance(t testing.TB, f *bitpesatest.Fake, currency, want string) {
	t.Helper()
	got := f.Balance(bitpesatest.TestKey, currency)
	assert.True(t, got.Equal(decimal.RequireFromString(want)), "balance: want %s %s, got %s", want, currency, got)
}

// errorWords are the words of errors.<field> in an object.
func errorWords(t testing.TB, o object, field string) []string {
	t.Helper()
	entries, _ := at(t, o, "errors").(object)[field].([]any)
	words := []string{}
	for _, e := range entries {
		words = append(words, textAt(t, e, "error"))
	}
	return words
}

// senderFields is a complete sender without braces.
const senderFields = `"first_name":"Jane","last_name":"Doe","phone_country":"US","phone_number":"+15555551234",` +
	`"country":"US","city":"New York","street":"20 W 34th St","postal_code":"10001","birth_date":"1974-12-24",` +
	`"email":"jane@example.com","ip":"127.0.0.1","documents":[]`

// ngn is an NGN::Bank recipient of so many NGN.
func ngn(account, amount string) string {
	return `{"requested_amount":"` + amount + `","requested_currency":"NGN","payout_method":{"type":"NGN::Bank","details":` +
		`{"first_name":"John","last_name":"Doe","bank_code":"058","bank_account":"` + account + `","bank_account_type":"20"}}}`
}

// transaction is the body of a transaction from USD.
func transaction(fields string, recipients ...string) string {
	if fields != "" {
		fields = "," + fields
	}
	return `{"transaction":{"input_currency":"USD","sender":{` + senderFields + `},"recipients":[` +
		strings.Join(recipients, ",") + `]` + fields + `}}`
}

// funded creates a transaction and funds it from the balance; it returns its id.
func (m merchant) funded(t testing.TB, body string) string {
	t.Helper()
	id := textAt(t, m.want(t, 201, "POST", "/transactions", body), "id")
	m.list(t, 201, "POST", "/accounts/debits", `{"debit":{"to_id":"`+id+`","to_type":"Transaction"}}`)
	return id
}

func (m merchant) transaction(t testing.TB, id string) object {
	t.Helper()
	return m.want(t, 200, "GET", "/transactions/"+id, "")
}

func (m merchant) state(t testing.TB, id string) string {
	t.Helper()
	return textAt(t, m.transaction(t, id), "state")
}

func (m merchant) recipientID(t testing.TB, transactionID string, n int) string {
	t.Helper()
	return textAt(t, m.transaction(t, transactionID), fmt.Sprintf("recipients.%d.id", n))
}

// pay lets the payout delay pass.
func pay(f *bitpesatest.Fake) { f.Advance(30 * time.Second) }

// inbox receives webhooks in memory and responds with status, 200 if zero.
type inbox struct {
	status atomic.Int64
	got    chan *http.Request
	bodies chan string
}

func newInbox() *inbox {
	return &inbox{got: make(chan *http.Request, 1000), bodies: make(chan string, 1000)}
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header()["Date"] = nil // the fake logs the response, which must not differ from run to run
	i.got <- r
	i.bodies <- string(body)
	if s := i.status.Load(); s != 0 {
		w.WriteHeader(int(s))
	}
}

// events are the names received since the last time, in order.
func (i *inbox) events(f *bitpesatest.Fake) []string {
	f.Flush()
	names := []string{}
	for {
		select {
		case b := <-i.bodies:
			var e struct{ Event string }
			_ = json.Unmarshal([]byte(b), &e)
			names = append(names, e.Event)
			<-i.got
		default:
			return names
		}
	}
}

// subscribe registers a webhook for events.
func (m merchant) subscribe(t testing.TB, url string, events ...string) string {
	t.Helper()
	return textAt(t, m.want(t, 201, "POST", "/webhooks", `{"webhook":{"url":"`+url+`","events":["`+strings.Join(events, `","`)+`"]}}`), "id")
}

const hookURL = "http://merchant.test/hooks?tenant=a"

// allEvents subscribes to everything that is sent.
func (m merchant) allEvents(t testing.TB) string {
	t.Helper()
	r := m.call(t, "GET", "/webhooks/events", "")
	names := []string{}
	for _, n := range r.decoded(t)["object"].([]any) {
		names = append(names, n.(string))
	}
	return m.subscribe(t, hookURL, names...)
}

func itoa(n int) string { return fmt.Sprint(n) }

// money is a set of balances: currency, amount, currency, amount.
func money(pairs ...string) map[string]decimal.Decimal {
	m := map[string]decimal.Decimal{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = decimal.RequireFromString(pairs[i+1])
	}
	return m
}
