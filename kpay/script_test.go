package kpay_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
)

// step answers one request; nil drops the connection after the request left.
type step func(*http.Request) *http.Response

// sent is a request as it left the client.
type sent struct {
	Method, URL, Body string
	Header            http.Header
}

// script is a RoundTripper that plays one step per request, the last one again
// and again. It is for answers the fake would never give, and it opens no
// socket, so it works on virtual time. It fires no trace: what it drops counts
// as sent.
type script struct {
	mu    sync.Mutex
	steps []step
	seen  []sent
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, sent{req.Method, req.URL.String(), string(body), req.Header.Clone()})
	next := s.steps[0]
	if len(s.steps) > 1 {
		s.steps = s.steps[1:]
	}
	if next == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return next(req), nil
}

func (s *script) requests() []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sent(nil), s.seen...)
}

// actions lists what the requests asked for.
func (s *script) actions() string {
	var all []string
	for _, r := range s.requests() {
		if strings.Contains(r.Body, `"checkstatus"`) {
			all = append(all, "checkstatus")
		} else {
			all = append(all, "pay")
		}
	}
	return strings.Join(all, " ")
}

func answer(status int, body string, header ...string) step {
	return func(req *http.Request) *http.Response {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{
			StatusCode: status, Header: h, Request: req,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}
	}
}

const (
	planted  = "planted-password"
	pending  = `{"reply":"PENDING","url":"https://pay.esicia.com/checkout/A1","success":1,"authkey":"k","tid":"E1","refid":"order-1","retcode":0}`
	unknown  = `{"tid":"","refid":"","momtransactionid":"","statusid":"611","statusdesc":"Transaction not found"}`
	paid     = `{"tid":"A1","refid":"order-1","momtransactionid":"616730887","payaccount":"0783300000","statusid":"01","statusdesc":"SUCCESSFUL"}`
	awaiting = `{"tid":"A1","refid":"order-1","momtransactionid":"","statusid":"03","statusdesc":"PENDING"}`
)

func newClient(t testing.TB, steps []step, change ...func(*kpay.Config)) (*kpay.Client, *script) {
	t.Helper()
	s := &script{steps: steps}
	cfg := kpay.Config{
		BaseURL: kpay.SandboxURL, Username: "shop", Password: planted, RetailerID: "02",
		HTTPClient: &http.Client{Transport: s},
	}
	for _, c := range change {
		c(&cfg)
	}
	client, err := kpay.New(cfg)
	require.NoError(t, err)
	return client, s
}

func validPay() kpay.PayParams {
	return kpay.PayParams{
		RefID: "order-1", Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300000",
		Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "123456789", Details: "Order #1",
		ReturnURL: "https://shop.example/kpay", RedirectURL: "https://shop.example/thanks",
	}
}
