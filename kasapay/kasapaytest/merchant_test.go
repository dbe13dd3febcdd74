package kasapaytest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
)

const initiatePath = "/v1/payouts/b2b/initiate"

// merchant uses a fake over plain net/http and receives its callbacks.
type merchant struct {
	*kasapaytest.Fake
	t     *testing.T
	token string

	mu      sync.Mutex
	got     []string
	respond func(n int) int // status for callback number n from 1; nil: 200
}

type object = map[string]any

func newMerchant(t *testing.T, cfg kasapaytest.Config) *merchant {
	t.Helper()
	m := &merchant{t: t}
	cfg.Options.Callbacks = http.HandlerFunc(m.receive)
	m.Fake = kasapaytest.NewServer(t, cfg)
	if cfg.ConsumerKey == "" {
		m.login()
	}
	return m
}

func (m *merchant) receive(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	assert.NoError(m.t, err)
	assert.Equal(m.t, http.MethodPost, r.Method)
	assert.Equal(m.t, "application/json", r.Header.Get("Content-Type"))
	m.mu.Lock()
	m.got = append(m.got, string(text))
	n, respond := len(m.got), m.respond
	m.mu.Unlock()
	if respond != nil {
		w.WriteHeader(respond(n))
	}
}

func (m *merchant) callbacks() []object {
	m.Flush()
	m.mu.Lock()
	defer m.mu.Unlock()
	all := []object{}
	for _, text := range m.got {
		all = append(all, parse(m.t, text))
	}
	return all
}

// statuses are the payment statuses of the callbacks, in the order they came.
func (m *merchant) statuses() []string {
	all := []string{}
	for _, c := range m.callbacks() {
		all = append(all, string(c["payment_status"].(json.Number)))
	}
	return all
}

func (m *merchant) login() {
	m.t.Helper()
	_, response := m.call(http.MethodPost, "/v1/auth", object{"consumer_key": "test-key", "consumer_secret": "test-secret"})
	token, _ := response["access_token"].(string)
	require.NotEmpty(m.t, token)
	m.token = token
}

// order is a payout that is accepted, with changes; nil removes a field.
func order(changes object) object {
	o := object{
		"payout_reference": "ref-1", "service_code": "12346", "payment_account_reference": "0101",
		"recipient_name": "Test Limited", "recipient_type": "PAYBILL", "recipient_account_number": "5656",
		"amount": "100.00", "payment_description": "Test", "payment_method": "MPESA_B2B",
		"currency_code": "KES", "country_code": "KEN", "callback_url": "http://shop.localhost/result",
	}
	if changes["recipient_type"] == "BANK_ACCOUNT_NUMBER" {
		o["payment_method"] = "BANK"
	}
	return faketest.Change(o, changes)
}

// call sends a request with the token, if there is one.
func (m *merchant) call(method, path string, body any) (int, object) {
	m.t.Helper()
	status, text, err := m.try(method, path, body)
	require.NoError(m.t, err)
	return status, parse(m.t, text)
}

// try is call for goroutines, which must not end the test.
func (m *merchant) try(method, path string, body any) (int, string, error) {
	return faketest.Call(m.t.Context(), m.HTTPClient(), method, m.URL()+path, body, "x-access-token", m.token)
}

func (m *merchant) initiate(changes object) (int, object) {
	m.t.Helper()
	return m.call(http.MethodPost, initiatePath, order(changes))
}

// accepted initiates a payout that must be accepted.
func (m *merchant) accepted(changes object) object {
	m.t.Helper()
	status, response := m.initiate(changes)
	require.Equal(m.t, http.StatusOK, status, "%v", response)
	require.Equal(m.t, json.Number("720"), response["response_code"])
	return response
}

func (m *merchant) status(reference string) object {
	m.t.Helper()
	status, response := m.call(http.MethodGet, "/v1/payouts/b2b/"+reference+"/status", nil)
	require.Equal(m.t, http.StatusOK, status, "%v", response)
	return response
}

func (m *merchant) wantStatus(want, reference string) {
	m.t.Helper()
	assert.Equal(m.t, json.Number(want), m.status(reference)["payment_status"])
}

func (m *merchant) wantFloat(want string) {
	m.t.Helper()
	got := m.Balance("KES")
	faketest.WantMoney(m.t, want, got)
	assert.NoError(m.t, m.CheckLedger())
}

func parse(t *testing.T, text string) object { t.Helper(); return faketest.Object(t, text) }

func sample(t *testing.T, name string) object {
	t.Helper()
	return faketest.Sample(t, "kasapay/"+name)
}
