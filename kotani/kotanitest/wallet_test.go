package kotanitest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

var (
	alice = kotanitest.NewSigner("alice").Address()
	bob   = kotanitest.NewSigner("bob").Address()
)

// sign signs a text as the wallet with an address, or else as alice's.
func sign(address, text string) string {
	signer := kotanitest.NewSigner("alice")
	if strings.EqualFold(address, bob) {
		signer = kotanitest.NewSigner("bob")
	}
	return kotanitest.SignText(signer, text)
}

// wallet drives the FiatConnect section as a client with a cookie jar would.
type wallet struct {
	*kotanitest.FiatConnect
	t       *testing.T
	fake    *kotanitest.Fake
	address string
	http    *http.Client
	key     string // API key
	nonces  *int   // shared, so that none comes twice

	inbox *inbox
}

// inbox receives webhooks.
type inbox struct {
	t        *testing.T
	mu       sync.Mutex
	got      []webhook
	response int
}

type webhook struct {
	signature, text string
	body            object
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	assert.NoError(i.t, err)
	var o object
	assert.NoError(i.t, json.Unmarshal(text, &o))
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got = append(i.got, webhook{r.Header.Get("FiatConnect-Signature"), string(text), o})
	if i.response != 0 {
		w.WriteHeader(i.response)
	}
}

func (i *inbox) all() []webhook {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]webhook{}, i.got...)
}

// newWallet logs alice in.
func newWallet(t *testing.T, cfg kotanitest.FiatConnectConfig) *wallet {
	t.Helper()
	in := &inbox{t: t}
	f := kotanitest.NewServer(t, kotanitest.Config{FiatConnect: cfg, Options: fake.Options{Callbacks: in}})
	w := &wallet{FiatConnect: f.FiatConnect, t: t, fake: f, inbox: in, nonces: new(int)}
	return w.as(alice)
}

// as is another user of the same fake, logged in.
func (w *wallet) as(address string) *wallet {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	c := *w
	c.address, c.http = address, w.fake.HTTPClient()
	c.http.Jar = jar
	status, response := c.login(nil)
	require.Equal(w.t, 200, status, "%v", response)
	return &c
}

// message is a login as the reference JavaScript client writes it.
type message struct {
	domain, address, statement, uri, version, chain, nonce, extra string
	issued, expires                                               time.Time
}

func (w *wallet) message() message {
	*w.nonces++
	now := w.Now()
	return message{
		domain: "fiatconnect.localhost", address: w.address, statement: "Sign in with Ethereum",
		uri: w.URL() + "/auth/login", version: "1", chain: "44787", nonce: fmt.Sprintf("nonce%05d", *w.nonces),
		issued: now, expires: now.Add(4 * time.Hour),
	}
}

func (m message) String() string {
	const form = "2006-01-02T15:04:05.000Z"
	statement := m.statement
	if statement != "" {
		statement += "\n"
	}
	return m.domain + " wants you to sign in with your Ethereum account:\n" + m.address + "\n\n" + statement +
		"\nURI: " + m.uri + "\nVersion: " + m.version + "\nChain ID: " + m.chain + "\nNonce: " + m.nonce +
		"\nIssued At: " + m.issued.Format(form) + "\nExpiration Time: " + m.expires.Format(form) + m.extra
}

func (w *wallet) login(change func(*message)) (int, object) {
	w.t.Helper()
	m := w.message()
	if change != nil {
		change(&m)
	}
	return w.post("/auth/login", object{"message": m.String(), "signature": sign(m.address, m.String())})
}

func (w *wallet) post(path string, body any, headers ...string) (int, object) {
	w.t.Helper()
	return w.call("POST", path, body, headers...)
}

// call sends a request; every response must be a JSON object.
func (w *wallet) call(method, path string, body any, headers ...string) (int, object) {
	w.t.Helper()
	status, text, err := w.try(method, path, body, headers...)
	require.NoError(w.t, err)
	return status, parse(w.t, text)
}

func (w *wallet) try(method, path string, body any, headers ...string) (int, string, error) {
	if w.key != "" {
		headers = append([]string{"Authorization", "Bearer " + w.key}, headers...)
	}
	return faketest.Call(w.t.Context(), w.http, method, w.URL()+path, body, headers...)
}

// want checks an error response, or with code empty that there is none.
func (w *wallet) want(status int, code string, got int, response object) {
	w.t.Helper()
	assert.Equal(w.t, status, got, "%v", response)
	if code != "" {
		assert.Equal(w.t, code, response["error"])
	} else {
		assert.NotContains(w.t, response, "error")
	}
}

// withWebhooks registers a client whose key comes with every further call.
func (w *wallet) withWebhooks() kotanitest.Credentials {
	w.t.Helper()
	c := w.AddClient("http://merchant.localhost/hook")
	w.key = c.APIKey
	return c
}

var document = object{
	"firstName": "Jane", "lastName": "Doe", "phoneNumber": "+254712345678",
	"dateOfBirth":    object{"day": "1", "month": "2", "year": "1990"},
	"address":        object{"address1": "1 Road", "isoCountryCode": "KE", "isoRegionCode": "KE-30", "city": "Nairobi"},
	"selfieDocument": "aGk=", "identificationDocument": "aGk=",
}

const kycPath = "/kyc/PersonalDataAndDocuments"

var mobile = object{"accountName": "Jane", "institutionName": "M-Pesa", "fiatAccountType": "MobileMoney", "mobile": "+254712345678", "country": "KE", "operator": "SAFARICOM"}

func account(schema string, data object) object {
	return object{"fiatAccountSchema": schema, "data": data}
}

func (w *wallet) addKYC() {
	w.t.Helper()
	status, response := w.post(kycPath, document)
	w.want(200, "", status, response)
	w.Flush()
}

func (w *wallet) addAccount(data object) string {
	w.t.Helper()
	status, response := w.post("/accounts", account("MobileMoney", data))
	w.want(200, "", status, response)
	id, _ := response["fiatAccountId"].(string)
	return id
}

func (w *wallet) quote(way string) string {
	w.t.Helper()
	status, response := w.post("/quote/"+way, w.ask(way))
	w.want(200, "", status, response)
	q, _ := response["quote"].(map[string]any)
	id, _ := q["quoteId"].(string)
	require.NotEmpty(w.t, id)
	return id
}

func (w *wallet) ask(way string) object {
	o := object{"fiatType": "KES", "cryptoType": "cUSD", "country": "KE", "address": w.address}
	if way == "in" {
		return o.with("fiatAmount", "1300")
	}
	return o.with("cryptoAmount", "10")
}

// ready has KYC and an account, and returns a transfer's body.
func (w *wallet) ready(way string, data object) object {
	w.t.Helper()
	w.addKYC()
	return object{"fiatAccountId": w.addAccount(data), "quoteId": w.quote(way)}
}

func (w *wallet) transfer(way, key string, body object) (int, object) {
	w.t.Helper()
	return w.post("/transfer/"+way, body, "Idempotency-Key", key)
}

func (w *wallet) status(id string) object {
	w.t.Helper()
	status, response := w.call("GET", "/transfer/"+id+"/status", nil)
	w.want(200, "", status, response)
	return response
}

func jsonOf(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}
