package kotanitest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
)

type object map[string]any

// with returns a copy with one field changed; nil removes it.
func (o object) with(name string, v any) object {
	return faketest.Change(maps.Clone(o), object{name: v})
}

// partner uses a fake over plain net/http and receives its callbacks.
type partner struct {
	*kotanitest.Fake
	t     *testing.T
	token string

	mu       sync.Mutex
	got      []object
	response int // status for callbacks; zero: 200
}

const hook = "http://merchant.localhost/done"

func newPartner(t *testing.T, cfg kotanitest.Config) *partner {
	t.Helper()
	p := &partner{t: t}
	cfg.Options.Callbacks = http.HandlerFunc(p.receive)
	p.Fake = kotanitest.NewServer(t, cfg)
	p.login()
	return p
}

func (p *partner) receive(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	assert.NoError(p.t, err)
	assert.Equal(p.t, "application/json", r.Header.Get("Content-Type"))
	var o object
	assert.NoError(p.t, json.Unmarshal(text, &o))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, o)
	if p.response != 0 {
		w.WriteHeader(p.response)
	}
}

func (p *partner) callbacks() []object {
	p.Flush()
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]object{}, p.got...)
}

func (p *partner) login() {
	p.t.Helper()
	response := p.post("/api/login", object{"phoneNumber": "254700000000", "countryCode": "KEN", "password": "test-password"})
	p.token, _ = response["accessToken"].(string)
	require.NotEmpty(p.t, p.token)
}

// try sends a request; it is for goroutines, which must not end the test.
func (p *partner) try(method, path string, body any) (int, string, error) {
	authorization := ""
	if p.token != "" {
		authorization = "Bearer " + p.token
	}
	return faketest.Call(p.t.Context(), p.HTTPClient(), method, p.URL()+path, body, "Authorization", authorization)
}

// post and get want an HTTP 200 with a JSON object.
func (p *partner) post(path string, body any) object { p.t.Helper(); return p.call("POST", path, body) }
func (p *partner) get(path string) object            { p.t.Helper(); return p.call("GET", path, nil) }

func (p *partner) call(method, path string, body any) object {
	p.t.Helper()
	status, text, err := p.try(method, path, body)
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusOK, status, text)
	return parse(p.t, text)
}

func parse(t testing.TB, text string) object { t.Helper(); return faketest.Object(t, text) }

// result is the object inside "result".
func (p *partner) result(o object) object {
	p.t.Helper()
	r, ok := o["result"].(map[string]any)
	require.True(p.t, ok, "%v", o)
	return r
}

func (p *partner) wantRefused(desc string, o object) {
	p.t.Helper()
	assert.Equal(p.t, json.Number("400"), o["status"], "%v", o)
	assert.Equal(p.t, desc, o["desc"])
}

func (p *partner) wantStatus(status, requestID string) {
	p.t.Helper()
	assert.Equal(p.t, status, p.result(p.get("/transactions/status/" + requestID))["status"])
}

func (p *partner) wantBalance(want, currency string) {
	p.t.Helper()
	faketest.WantMoney(p.t, want, p.Balance(currency))
	assert.NoError(p.t, p.CheckLedger())
}

func (p *partner) deposit(changes object) object {
	p.t.Helper()
	body := object{"amount": 100, "phoneNumber": "254712345678", "callback": hook, "externalId": "in-1"}
	return p.post("/transactions/deposit/stkpush", faketest.Change(body, changes))
}

func (p *partner) withdraw(changes object) object {
	p.t.Helper()
	body := object{"amount": 100, "phoneNumber": "254712345678", "callback": hook, "externalId": "out-1"}
	return p.post("/transactions/withdraw/momo", faketest.Change(body, changes))
}
