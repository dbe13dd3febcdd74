package kpay_test

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
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// wireCall is one use of the client and what it gets back, request by request. An
// empty response breaks the connection after the request was sent.
type wireCall struct {
	name      string
	minimal   bool // through a client that is configured with the least
	responses []string
	send      func(*testing.T, *kpay.Client) error
}

// newWireClient is the only place of this test that configures a client.
func newWireClient(t *testing.T, wire http.RoundTripper, observe func(context.Context, sdk.Attempt), minimal bool) *kpay.Client {
	t.Helper()
	cfg := kpay.Config{
		BaseURL: kpay.SandboxURL + "/api/",
		Options: sdk.Options{HTTPClient: &http.Client{Transport: wire}, OnAttempt: observe}, Username: "shop", Password: "planted:pässword", APIKey: "key-1",
	}
	if minimal {
		cfg.BaseURL, cfg.APIKey, cfg.RetailerID = kpay.LiveURL, "", "02"
		cfg.CallbackURL = func(reference string, amount decimal.Decimal, currency string) (string, error) {
			return "https://shop.example/" + reference + "/" + amount.String() + "/" + currency, nil
		}
	}
	client, err := kpay.New(cfg)
	require.NoError(t, err)
	return client
}

// wirePay has every field.
func wirePay(t *testing.T) kpay.PayParams {
	t.Helper()
	return clienttest.Filled(t, kpay.PayParams{
		RefID: "order & <1>", Amount: decimal.RequireFromString("4200.00"), Currency: kpay.USD, Method: kpay.MethodBank, BankID: kpay.BankEquity,
		MSISDN: "+250 783-300-000", Email: "customer@example.com", CustomerName: "Jöhn \"D'Oe\"", CustomerNumber: "123456789", Details: "Order #1\n<b>",
		RetailerID: "061", ReturnURL: "https://shop.example/kpay?a=1&b=2", RedirectURL: "https://shop.example/thanks?é", LogoURL: "https://shop.example/logo.png",
	})
}

const (
	wireTaken    = `{"reply":"PENDING","url":"https://pay.esicia.com/checkout/A1","success":1,"authkey":"k","tid":"E1","refid":"order & <1>","retcode":0}`
	wireTakenToo = `{"reply":"PENDING","success":1,"authkey":"k","tid":"E1","refid":"order-1","retcode":0}`
	wireAbsent   = `{"tid":"","refid":"","momtransactionid":"","statusid":"611","statusdesc":"Transaction not found"}`
	wirePaid     = `{"tid":"A1","refid":"order & <1>","momtransactionid":"616730887","statusid":"01","statusdesc":"SUCCESSFUL"}`
)

var wireCallsOfEveryOperation = []wireCall{
	{
		name: "every field", responses: []string{wireTaken},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Pay(t.Context(), wirePay(t))
			return err
		},
	},
	{
		name: "required fields", minimal: true, responses: []string{wireTakenToo},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Pay(t.Context(), kpay.PayParams{
				RefID: "order-1", Amount: decimal.RequireFromString("1e3"), Method: kpay.MethodMoMo, MSISDN: "0783300000", Email: "customer@example.com",
				CustomerName: "John Doe", CustomerNumber: "123456789", Details: "Order", RedirectURL: "https://shop.example/thanks",
			})
			return err
		},
	},
	{
		name: "by Card", minimal: true, responses: []string{wireTakenToo},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Pay(t.Context(), kpay.PayParams{
				RefID: "order-1", Amount: decimal.NewFromInt(4200), Method: kpay.MethodCard, MSISDN: "250723300000", Email: "customer@example.com",
				CustomerName: "John Doe", CustomerNumber: "123456789", Details: "Order", RedirectURL: "https://shop.example/thanks",
			})
			return err
		},
	},
	{
		name: "by SPENN", minimal: true, responses: []string{wireTakenToo},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Pay(t.Context(), kpay.PayParams{
				RefID: "order-1", Amount: decimal.NewFromInt(4200), Method: kpay.MethodSPENN, MSISDN: "250723300000", Email: "customer@example.com",
				CustomerName: "John Doe", CustomerNumber: "123456789", Details: "Order", RedirectURL: "https://shop.example/thanks",
			})
			return err
		},
	},
	{
		name: "by SmartCash", minimal: true, responses: []string{wireTakenToo},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Pay(t.Context(), kpay.PayParams{
				RefID: "order-1", Amount: decimal.NewFromInt(4200), Method: kpay.MethodSmartCash, MSISDN: "250723300000", Email: "customer@example.com",
				CustomerName: "John Doe", CustomerNumber: "123456789", Details: "Order", RedirectURL: "https://shop.example/thanks",
			})
			return err
		},
	},
	{
		name: "after a lost connection, absent", responses: []string{"", wireAbsent, wireAbsent, wireAbsent, wireTaken},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Pay(t.Context(), wirePay(t))
			return err
		},
	},
	{
		name: "after a lost connection, found", responses: []string{"", wirePaid},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Pay(t.Context(), wirePay(t))
			return err
		},
	},
	{
		name: "by refid, after a lost connection", responses: []string{"", wirePaid},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Find(t.Context(), "order & <1>")
			return err
		},
	},
	{
		name: "by refid", minimal: true, responses: []string{`{"tid":"A1","refid":"order-1","statusid":"01"}`},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Find(t.Context(), "order-1")
			return err
		},
	},
	{
		name: "by tid", responses: []string{wirePaid},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Get(t.Context(), "A441489693051")
			return err
		},
	},
	{
		name: "wait", responses: []string{wireAbsent, `{"tid":"A1","refid":"order & <1>","statusid":"03"}`, wirePaid},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Wait(t.Context(), "order & <1>")
			return err
		},
	},
	{
		name: "every field", responses: []string{`{"retcode":0}`},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Do(t.Context(), sdk.RawCall{
				Method: "PUT", Path: "/api/x%20y/42/", Query: url.Values{"z": {"1 & 2"}, "a": {"é", "b"}}, Body: map[string]any{"text": "<a> & é", "n": 1.5}, ReadOnly: true,
			})
			return err
		},
	},
	{
		name: "no body", minimal: true, responses: []string{`{"retcode":0}`},
		send: func(t *testing.T, c *kpay.Client) error {
			_, err := c.Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/api/x/"})
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
		wire.CheckGolden(t, "../testdata/kpay/requests.golden", kpay.Operations())
	})
}

// A wrong path, or a proxy's page, must not look like an object that does not exist.
func TestA404OfSomebodyElsesIsNoAbsence(t *testing.T) {
	clienttest.CheckForeignNotFound(t, "", nil, func(t *testing.T, over http.RoundTripper) map[string]func() error {
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
