package kpaytest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
)

// merchant uses a fake over plain net/http and receives its postbacks.
type merchant struct {
	*kpaytest.Fake
	t *testing.T

	mu      sync.Mutex
	got     []postback
	respond func(n int, body object) (status int, response any) // to postback number n from 1; nil: the right one
}

type postback struct {
	contentType string
	body        string
}

type object = map[string]any

func newMerchant(t *testing.T, cfg kpaytest.Config) *merchant {
	t.Helper()
	m := &merchant{t: t}
	cfg.Options.Callbacks = m
	m.Fake = kpaytest.NewServer(t, cfg)
	return m
}

func (m *merchant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	assert.NoError(m.t, err)
	m.mu.Lock()
	m.got = append(m.got, postback{r.Header.Get("Content-Type"), string(text)})
	n, respond := len(m.got), m.respond
	m.mu.Unlock()
	var body object
	_ = json.Unmarshal(text, &body) // form data stays nil
	status, reply := http.StatusOK, any(object{"tid": body["tid"], "refid": body["refid"], "reply": "OK"})
	if respond != nil {
		status, reply = respond(n, body)
	}
	out, err := json.Marshal(reply)
	assert.NoError(m.t, err)
	w.WriteHeader(status)
	_, err = w.Write(out)
	assert.NoError(m.t, err)
}

func (m *merchant) postbacks() []postback {
	m.Flush()
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]postback{}, m.got...)
}

// order is a pay request that is accepted, with changes; nil removes a field.
func order(changes object) object {
	o := object{
		"action": "pay", "msisdn": "0783300000", "email": "customer@example.com", "details": "Order #123",
		"refid": "ref-1", "amount": 4200, "currency": "RWF", "cname": "John Doe", "cnumber": "123456789",
		"pmethod": "momo", "retailerid": "02", "bankid": "63510",
		"returl": "http://shop.localhost/ack", "redirecturl": "http://shop.localhost/thanks",
	}
	switch changes["pmethod"] {
	case "cc", "smartcash":
		o["bankid"] = "000"
	case "spenn":
		o["bankid"] = "63502"
	case "bank":
		o["bankid"] = "192"
	}
	return faketest.Change(o, changes)
}

// request makes an authorised API request.
func (m *merchant) request(body any) *http.Request {
	m.t.Helper()
	req, err := m.newRequest(body)
	require.NoError(m.t, err)
	return req
}

// newRequest is request for goroutines, which must not end the test.
func (m *merchant) newRequest(body any) (*http.Request, error) {
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = string(b)
	}
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, m.URL()+"/", strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth("test-user", "test-pass")
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}

// send returns the HTTP status and the response.
func (m *merchant) send(req *http.Request) (int, object) {
	m.t.Helper()
	res, err := m.HTTPClient().Do(req)
	require.NoError(m.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(m.t, err)
	assert.Equal(m.t, "application/json", res.Header.Get("Content-Type"))
	return res.StatusCode, parse(m.t, string(text))
}

// call is send for a body; business results always come with 200.
func (m *merchant) call(body any) object {
	m.t.Helper()
	status, response := m.send(m.request(body))
	require.Equal(m.t, http.StatusOK, status)
	return response
}

func (m *merchant) pay(changes object) object {
	m.t.Helper()
	return m.call(order(changes))
}

func (m *merchant) status(refID string) object {
	m.t.Helper()
	return m.call(object{"action": "checkstatus", "refid": refID})
}

func parse(t *testing.T, text string) object { t.Helper(); return faketest.Object(t, text) }

func sample(t *testing.T, name string) object {
	t.Helper()
	return faketest.Sample(t, "kpay/"+name)
}

// wantRefusal checks the code and that nothing was charged or kept.
func (m *merchant) wantRefusal(code string, response object) {
	m.t.Helper()
	assert.Equal(m.t, json.Number(code), response["retcode"], "%v", response)
}
