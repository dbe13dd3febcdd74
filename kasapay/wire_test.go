package kasapay_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
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
func newWireClient(t *testing.T, wire http.RoundTripper, observe func(context.Context, sdk.Attempt), minimal bool) *kasapay.Client {
	t.Helper()
	cfg := kasapay.Config{
		BaseURL: kasapay.SandboxURL,
		Options: sdk.Options{HTTPClient: &http.Client{Transport: wire}, OnAttempt: observe}, ConsumerKey: "key & <1>", ConsumerSecret: "planted-sécret",
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
	return clienttest.Filled(t, kasapay.CreatePayoutParams{
		Reference: "ms83/1 é", ServiceCode: "PREPAY & 240", RecipientType: kasapay.BankAccount, RecipientAccountNumber: "08292******849",
		RecipientName: "Test \"Limited\" <1>", AccountReference: "0101", Amount: decimal.RequireFromString("123456789012345678.9"), Currency: "KES",
		Country: "KEN", Method: "PESALINK", Description: "Flour\n& sügar", CallbackURL: "https://shop.example/kasapay?a=1&b=2",
	})
}

const (
	wireToken        = `{"access_token":"planted-token","expiresIn":3600}`
	wireBadToken     = `{"statusCode":401,"message":"Unauthorized","error":"Unauthorized"}`
	wireAcceptedFull = `{"payout_reference":"ms83/1 é","response_code":720}`
	wireAccepted     = `{"payout_reference":"ms83-1","response_code":720,"response_description":"Payout request has been accepted for processing"}`
	wireAbsent       = `{"statusCode":404,"message":"Invalid Payout Reference","error":"Not Found"}`
	wireProcessed    = `{"payout_reference":"ms83-1","payment_status":700}`
)

var wireCallsOfEveryOperation = []wireCall{
	{
		name: "every field, after a login", responses: []string{wireToken, wireAcceptedFull},
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
		name: "after a lost connection, absent", responses: []string{"", wireAbsent, wireAbsent, wireAbsent, wireAcceptedFull},
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
		name: "after a token that is refused", responses: []string{wireBadToken, `{"access_token":"second-token","expires_in":3600}`, wireAbsent, wireAbsent, wireAbsent, wireAcceptedFull},
		send: func(t *testing.T, c *kasapay.Client) error {
			_, err := c.Payouts.Create(t.Context(), wirePayout(t))
			return err
		},
	},
	{
		name: "a reference to escape, after a lost connection", responses: []string{"", `{"payout_reference":"ms83/1 é?","payment_status":700}`},
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
		wire := &clienttest.Recorder{}
		full, least := newWireClient(t, wire, wire.OnAttempt, false), newWireClient(t, wire, wire.OnAttempt, true)
		for _, call := range wireCallsOfEveryOperation {
			client := full
			if call.minimal {
				client = least
			}
			wire.Play(t, call.name, call.responses, func() error { return call.send(t, client) })
		}
		wire.CheckGolden(t, "../testdata/kasapay/requests.golden", kasapay.Operations())
	})
}

// A wrong path, or a proxy's page, must not look like an object that does not exist.
func TestA404OfSomebodyElsesIsNoAbsence(t *testing.T) {
	clienttest.CheckForeignNotFound(t, "/v1/auth", clienttest.Respond(200, wireToken), func(t *testing.T, over http.RoundTripper) map[string]func() error {
		full, least := newWireClient(t, over, nil, false), newWireClient(t, over, nil, true)
		calls := map[string]func() error{}
		for i, call := range wireCallsOfEveryOperation {
			if call.name == "wait" { // until the context ends
				continue
			}
			client := full
			if call.minimal {
				client = least
			}
			calls[strconv.Itoa(i)+" "+call.name] = func() error { return call.send(t, client) }
		}
		return calls
	})
}
