package kasapay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// wireCall is one use of the client and what it gets back, request by request. An
// empty response breaks the connection after the request was sent.
type wireCall struct {
	name      string
	minimal   bool // through a client that is configured with the least
	responses []string
	send      func(*testing.T, *kasapay.Client) error
}

// newWireClient is the only place of this test that configures a client.
func newWireClient(t *testing.T, wire *wireRecorder, minimal bool) *kasapay.Client {
	t.Helper()
	cfg := kasapay.Config{
		BaseURL: kasapay.SandboxURL,
		Options: sdk.Options{HTTPClient: &http.Client{Transport: wire}, OnAttempt: func(_ context.Context, a sdk.Attempt) { wire.operations = append(wire.operations, a.Operation) }}, ConsumerKey: "key & <1>", ConsumerSecret: "planted-sécret",
	}
	if minimal {
		cfg.BaseURL, cfg.ServiceCode = "https://gateway.example/base/", "12346"
		cfg.CallbackURL = func(reference string, amount decimal.Decimal, currency string) (string, error) {
			return "https://shop.example/" + reference + "/" + amount.String() + "/" + currency, nil
		}
	}
	client, err := kasapay.New(cfg)
	require.NoError(t, err)
	return client
}

// wirePayout has every field.
func wirePayout(t *testing.T) kasapay.CreatePayoutParams {
	t.Helper()
	return filled(t, kasapay.CreatePayoutParams{
		Reference: "ms83/1 é", ServiceCode: "PREPAY & 240", RecipientType: kasapay.BankAccount, RecipientAccountNumber: "08292******849",
		RecipientName: "Test \"Limited\" <1>", AccountReference: "0101", Amount: decimal.RequireFromString("123456789012345678.9"), Currency: "KES",
		Country: "KEN", Method: "PESALINK", Description: "Flour\n& sügar", CallbackURL: "https://shop.example/kasapay?a=1&b=2",
	})
}

const (
	wireToken     = `{"access_token":"planted-token","expiresIn":3600}`
	wireBadToken  = `{"statusCode":401,"message":"Unauthorized","error":"Unauthorized"}`
	wireAccepted  = `{"payout_reference":"a99658d5","response_code":720,"response_description":"Payout request has been accepted for processing"}`
	wireAbsent    = `{"statusCode":404,"message":"Invalid Payout Reference","error":"Not Found"}`
	wireProcessed = `{"payout_reference":"ms83-1","payment_status":700}`
)

var wireCallsOfEveryOperation = []wireCall{
	{
		name: "every field, after a login", responses: []string{wireToken, wireAccepted},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Create(t.Context(), wirePayout(t))
			return err
		},
	},
	{
		name: "required fields, to a paybill, after a login", minimal: true, responses: []string{wireToken, wireAccepted},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Create(t.Context(), kasapay.CreatePayoutParams{
				Reference: "ms83-1", RecipientType: kasapay.Paybill, RecipientAccountNumber: "5656", RecipientName: "Test Limited", AccountReference: "0101",
				Amount: decimal.RequireFromString("1e2"), Currency: "KES", Country: "KEN", Description: "Flour",
			})
			return err
		},
	},
	{
		name: "required fields, to a till", minimal: true, responses: []string{wireAccepted},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Create(t.Context(), kasapay.CreatePayoutParams{
				Reference: "ms83-1", RecipientType: kasapay.Till, RecipientAccountNumber: "5656", RecipientName: "Test Limited", AccountReference: "0101",
				Amount: decimal.RequireFromString("1e2"), Currency: "KES", Country: "KEN", Description: "Flour",
			})
			return err
		},
	},
	{
		name: "required fields, to a bank account", minimal: true, responses: []string{wireAccepted},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Create(t.Context(), kasapay.CreatePayoutParams{
				Reference: "ms83-1", RecipientType: kasapay.BankAccount, RecipientAccountNumber: "5656", RecipientName: "Test Limited", AccountReference: "0101",
				Amount: decimal.RequireFromString("1e2"), Currency: "KES", Country: "KEN", Description: "Flour",
			})
			return err
		},
	},
	{
		name: "after a lost connection, absent", responses: []string{"", wireAbsent, wireAbsent, wireAbsent, wireAccepted},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Create(t.Context(), wirePayout(t))
			return err
		},
	},
	{
		name: "after a lost connection, found", responses: []string{"", `{"payout_reference":"ms83/1 é","payment_status":700}`},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Create(t.Context(), wirePayout(t))
			return err
		},
	},
	{
		name: "after a token that is refused", responses: []string{wireBadToken, `{"access_token":"second-token","expires_in":3600}`, wireAbsent, wireAbsent, wireAbsent, wireAccepted},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Create(t.Context(), wirePayout(t))
			return err
		},
	},
	{
		name: "a reference to escape, after a lost connection", responses: []string{"", wireProcessed},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Find(t.Context(), "ms83/1 é?")
			return err
		},
	},
	{
		name: "a plain reference", minimal: true, responses: []string{wireProcessed},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Find(t.Context(), "ms83-1")
			return err
		},
	},
	{
		name: "wait", responses: []string{wireAbsent, `{"payout_reference":"ms83-1","payment_status":703}`, wireProcessed},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Wait(t.Context(), "ms83-1")
			return err
		},
	},
	{
		name: "every field", responses: []string{`{}`},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Do(t.Context(), sdk.RawCall{
				Method: "PUT", Path: "/api/x%20y/42/", Query: url.Values{"z": {"1 & 2"}, "a": {"é", "b"}}, Body: map[string]any{"text": "<a> & é", "n": 1.5}, ReadOnly: true,
			})
			return err
		},
	},
	{
		name: "no body", minimal: true, responses: []string{`{}`},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Do(t.Context(), sdk.RawCall{Method: "GET", Path: "/api/x/"})
			return err
		},
	},
}

// Every request stands in testdata, byte for byte. UPDATE_GOLDEN=1 writes the
// file anew.
func TestTheWireOfEveryOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := &wireRecorder{}
		full, least := newWireClient(t, wire, false), newWireClient(t, wire, true)
		for _, call := range wireCallsOfEveryOperation {
			client := full
			if call.minimal {
				client = least
			}
			wire.call, wire.responses = call.name, call.responses
			require.NoError(t, call.send(t, client), call.name)
			require.Empty(t, wire.responses, "%s sent fewer requests than there are responses", call.name)
		}
		for _, op := range kasapay.Operations() {
			assert.Contains(t, wire.operations, op.Name, "no call sends this operation")
		}
		require.Len(t, wire.operations, len(wire.requests), "every request is an attempt of an operation")
		blocks := make([]string, len(wire.requests))
		for i, request := range wire.requests {
			blocks[i] = "# " + wire.operations[i] + ": " + request
		}
		got := strings.Join(blocks, "\n")
		golden := filepath.Join("..", "testdata", "kasapay", "requests.golden")
		if os.Getenv("UPDATE_GOLDEN") == "1" {
			require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), got)
	})
}

// filled refuses parameters with a field that is not set.
func filled[T any](t *testing.T, params T) T {
	t.Helper()
	v := reflect.ValueOf(params)
	for i := range v.NumField() {
		require.False(t, v.Field(i).IsZero(), "%s.%s is not set", v.Type(), v.Type().Field(i).Name)
	}
	return params
}

// wireRecorder writes down each request as it reaches the network and sends the
// next response of the call at hand.
type wireRecorder struct {
	call       string
	responses  []string
	requests   []string
	operations []string // of the requests, as the client itself names them
}

func (w *wireRecorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		if err := req.Body.Close(); err != nil {
			return nil, err
		}
	}
	header := req.Header.Clone()
	if header["User-Agent"] != nil {
		header["User-Agent"] = []string{"*"}
	}
	if req.Host != "" && req.Host != req.URL.Host {
		header["Host"] = []string{req.Host}
	}
	if req.ContentLength != 0 || len(body) > 0 {
		header["Content-Length"] = []string{strconv.FormatInt(req.ContentLength, 10)}
	}
	var block strings.Builder
	fmt.Fprintf(&block, "%s\n%s %s\n", w.call, req.Method, req.URL)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			fmt.Fprintf(&block, "%s: %s\n", name, value)
		}
	}
	if len(body) > 0 {
		fmt.Fprintf(&block, "\n%s\n", body)
	}
	w.requests = append(w.requests, block.String())

	if len(w.responses) == 0 {
		return nil, fmt.Errorf("%s sent more requests than there are responses", w.call)
	}
	response := w.responses[0]
	w.responses = w.responses[1:]
	if response == "" {
		return nil, io.ErrUnexpectedEOF
	}
	envelope := struct{ StatusCode int }{http.StatusOK} // errors repeat their status
	if err := json.Unmarshal([]byte(response), &envelope); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: envelope.StatusCode, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(response)), ContentLength: int64(len(response)),
	}, nil
}
