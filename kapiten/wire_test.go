package kapiten_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// wireCall is one use of the client and what it gets back, request by request. An
// empty response breaks the connection after the request was sent.
type wireCall struct {
	name      string
	minimal   bool // through a client that is configured with the least
	responses []string
	send      func(*testing.T, *kapiten.Client) error
}

// newWireClient is the only place of this test that configures a client.
func newWireClient(t *testing.T, wire http.RoundTripper, observe func(context.Context, sdk.Attempt), minimal, open bool) *kapiten.Client {
	t.Helper()
	cfg := kapiten.Config{
		BaseURL: "https://api.example/base",
		Options: sdk.Options{HTTPClient: &http.Client{Transport: wire}, OnAttempt: observe}, Token: "planted-token",
	}
	if minimal {
		cfg.BaseURL = kapiten.ProductionURL
		if open {
			cfg.Token = ""
		}
	}
	client, err := kapiten.New(cfg)
	require.NoError(t, err)
	return client
}

// wireRide has every field.
func wireRide(t *testing.T) kapiten.CreateRideParams {
	t.Helper()
	return clienttest.Filled(t, kapiten.CreateRideParams{
		CompanyID:     "co-1",
		PickupAddress: "Kicukiro, KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
		DropoffAddress: "M. Peace Plaza <2>", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30},
		Sender: kapiten.Contact{Name: "Best Pilau & Söhne", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "\"Customer\"", Phone: "0789000111"},
		ExternalID: "ORDER & 99123", PickupInstructions: "Ring\ntwice", PackageType: "Food", WeightRange: kapiten.WeightOver20,
		IncludesFragileItems: true, IsPriority: true,
		Since: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
	})
}

const (
	wireCompany    = `{"id":"co-1"}`
	wirePending    = `{"id":"r-1","reference_number":"KPT-1","status":"PENDING"}`
	wireDeposit    = `{"id":"t-1","status":"PENDING","amount":5000}`
	wireLarge      = `{"id":"t-1","status":"PENDING","amount":9007199254740993}`
	wireNone       = `{"count":0,"next":null,"results":[]}`
	wireFirstPage  = `{"count":2,"next":"https://elsewhere.example/?page=2","results":[{"id":"r-0","status":"PENDING","external_id":"other"}]}`
	wireSecondPage = `{"count":2,"next":null,"results":[{"id":"r-8","status":"PENDING","external_id":"other 8"}]}`
	wireNewest     = `[{"id":"r-1","status":"PENDING","external_id":"ORDER & 99123"}]`
)

var wireCallsOfEveryOperation = []wireCall{
	{
		name: "every field", responses: []string{wireCompany},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Companies.Create(t.Context(), clienttest.Filled(t, kapiten.CreateCompanyParams{
				Name: "Best Pilau & Söhne <Ltd>", RegistrationNumber: "RDB/2026 XP", Address: "KN 78 St, \"Kigali\"",
				ContactPerson: "Victor", PhoneNumber: "+250788123456", Email: "hello@bestpilau.com",
				WebhookURL: "https://shop.example/kapiten?a=1&b=2",
			}))
			return err
		},
	},
	{
		name: "required fields, no token", minimal: true, responses: []string{wireCompany},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Companies.Create(t.Context(), kapiten.CreateCompanyParams{
				Name: "Best Pilau", RegistrationNumber: "RDB2026-XP", Address: "KN 78 St", ContactPerson: "Victor",
				PhoneNumber: "+250788123456", Email: "hello@bestpilau.com",
			})
			return err
		},
	},
	{
		name: "a number to escape", responses: []string{wireCompany},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Companies.Find(t.Context(), "RDB/2026 é+?&%")
			return err
		},
	},
	{
		name: "no token", minimal: true, responses: []string{wireCompany},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Companies.Find(t.Context(), "RDB2026-XP")
			return err
		},
	},
	{
		name: "every field", responses: []string{`{"id":"u-1"}`},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Users.Create(t.Context(), clienttest.Filled(t, kapiten.CreateUserParams{
				CompanyID: "co/1 é", PhoneNumber: "+250788000111", FirstName: "Jöhn", LastName: "D'Oe & \"Co\"", Email: "john@bestpilau.com",
			}))
			return err
		},
	},
	{
		name: "ids to escape", responses: []string{`{"token":"t"}`},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Users.Token(t.Context(), "co/1 é", "u 1?")
			return err
		},
	},
	{
		name: "ids, no token", minimal: true, responses: []string{`{"token":"t"}`},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Users.Token(t.Context(), "co-1", "u-1")
			return err
		},
	},
	{
		name: "a page, after a lost connection", responses: []string{"", wireNone},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Users.List(t.Context(), "co-1", clienttest.Filled(t, kapiten.ListOptions{Page: 3}))
			return err
		},
	},
	{
		name: "no page", minimal: true, responses: []string{wireNone},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Users.List(t.Context(), "co-1", kapiten.ListOptions{})
			return err
		},
	},
	{
		name: "all, two pages", responses: []string{`{"count":2,"next":"https://elsewhere.example/?page=2","results":[{"id":"u-1"}]}`, wireNone},
		send: func(t *testing.T, c *kapiten.Client) error {
			for _, err := range c.Users.All(t.Context(), "co-1") {
				if err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "every field, after a lost connection", responses: []string{"", `{"amount":1200.0,"details":{}}`},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.Estimate(t.Context(), clienttest.Filled(t, kapiten.EstimateParams{
				CompanyID: "co-1", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619}, Dropoff: kapiten.Location{Latitude: 1e-7, Longitude: -180},
				WeightRange: kapiten.Weight5To10, IncludesFragileItems: true, IsPriority: true,
			}))
			return err
		},
	},
	{
		name: "required fields", minimal: true, responses: []string{`{"amount":1200.0,"details":{}}`},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.Estimate(t.Context(), kapiten.EstimateParams{
				CompanyID: "co-1", Pickup: kapiten.Location{Latitude: 0, Longitude: 30}, Dropoff: kapiten.Location{Latitude: 90, Longitude: 0},
			})
			return err
		},
	},
	{
		name: "every field", responses: []string{wirePending},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.Create(t.Context(), wireRide(t))
			return err
		},
	},
	{
		name: "required fields", minimal: true, responses: []string{wirePending},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.Create(t.Context(), kapiten.CreateRideParams{
				CompanyID: "co-1", PickupAddress: "Kicukiro", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
				DropoffAddress: "Nyarugenge", Dropoff: kapiten.Location{Latitude: -2, Longitude: 30.1044},
				Sender: kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Customer", Phone: "0789000111"},
			})
			return err
		},
	},
	{
		name: "once, after a lost connection", responses: []string{wireFirstPage, wireSecondPage, "", wireFirstPage, wireNewest},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.CreateOnce(t.Context(), wireRide(t))
			return err
		},
	},
	{
		name: "once, found", responses: []string{wireNewest},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.CreateOnce(t.Context(), wireRide(t))
			return err
		},
	},
	{
		name: "a page", responses: []string{wireNone},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.List(t.Context(), "co/1 é", clienttest.Filled(t, kapiten.ListOptions{Page: 12}))
			return err
		},
	},
	{
		name: "no page", minimal: true, responses: []string{wireNone},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.List(t.Context(), "co-1", kapiten.ListOptions{})
			return err
		},
	},
	{
		name: "all, two pages", responses: []string{wireFirstPage, wireNone},
		send: func(t *testing.T, c *kapiten.Client) error {
			for _, err := range c.Rides.All(t.Context(), "co-1") {
				if err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "find on the second page", responses: []string{wireFirstPage, wireNewest},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.Get(t.Context(), "co-1", "r-1")
			return err
		},
	},
	{
		name: "find by external id", responses: []string{wireFirstPage, wireNewest},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.Find(t.Context(), "co-1", "ORDER & 99123", kapiten.SearchOptions{})
			return err
		},
	},
	{
		name: "wait", responses: []string{wireNewest, `[{"id":"r-1","status":"COMPLETED"}]`},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Rides.Wait(t.Context(), "co-1", "r-1")
			return err
		},
	},
	{
		name: "every field", responses: []string{wireLarge},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Wallet.TopUp(t.Context(), clienttest.Filled(t, kapiten.TopUpParams{
				CompanyID: "co/1 é", Amount: decimal.RequireFromString("9007199254740993.00"), PhoneNumber: "0788123456", Description: "Weekly <credit> & top-up",
				Since: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
			}))
			return err
		},
	},
	{
		name: "required fields", minimal: true, responses: []string{wireDeposit},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Wallet.TopUp(t.Context(), kapiten.TopUpParams{
				CompanyID: "co-1", Amount: decimal.RequireFromString("5e3"), PhoneNumber: "0788123456",
			})
			return err
		},
	},
	{
		name: "a page", responses: []string{wireNone},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Wallet.List(t.Context(), "co/1 é", clienttest.Filled(t, kapiten.ListOptions{Page: 2}))
			return err
		},
	},
	{
		name: "no page", minimal: true, responses: []string{wireNone},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Wallet.List(t.Context(), "co-1", kapiten.ListOptions{})
			return err
		},
	},
	{
		name: "all, one page", responses: []string{wireNone},
		send: func(t *testing.T, c *kapiten.Client) error {
			for _, err := range c.Wallet.All(t.Context(), "co-1") {
				if err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "find", responses: []string{"[" + wireDeposit + "]"},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Wallet.Get(t.Context(), "co-1", "t-1")
			return err
		},
	},
	{
		name: "wait", responses: []string{"[" + wireDeposit + "]", `[{"id":"t-1","status":"SUCCESS","amount":5000}]`},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Wallet.Wait(t.Context(), "co-1", "t-1")
			return err
		},
	},
	{
		name: "every field", responses: []string{`{}`},
		send: func(t *testing.T, c *kapiten.Client) error {
			_, err := c.Do(t.Context(), sdk.RawCall{
				Method: "PUT", Path: "/api/x%20y/42/", Query: url.Values{"z": {"1 & 2"}, "a": {"é", "b"}}, Body: map[string]any{"text": "<a> & é", "n": 1.5}, ReadOnly: true,
			})
			return err
		},
	},
	{
		name: "no body, no token", minimal: true, responses: []string{`{}`},
		send: func(t *testing.T, c *kapiten.Client) error {
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
		full, least, open := newWireClient(t, wire, wire.OnAttempt, false, false), newWireClient(t, wire, wire.OnAttempt, true, false), newWireClient(t, wire, wire.OnAttempt, true, true)
		for _, call := range wireCallsOfEveryOperation {
			client := full
			if call.minimal {
				client = least
			}
			if strings.Contains(call.name, "no token") {
				client = open
			}
			wire.Play(t, call.name, call.responses, func() error { return call.send(t, client) })
		}
		wire.CheckGolden(t, "../testdata/kapiten/requests.golden", kapiten.Operations())
	})
}

// A wrong path, or a proxy's page, must not look like an object that does not exist.
func TestA404OfSomebodyElsesIsNoAbsence(t *testing.T) {
	clienttest.CheckForeignNotFound(t, "", nil, func(t *testing.T, over http.RoundTripper) map[string]func() error {
		full, least, open := newWireClient(t, over, nil, false, false), newWireClient(t, over, nil, true, false), newWireClient(t, over, nil, true, true)
		calls := map[string]func() error{}
		for i, call := range wireCallsOfEveryOperation {
			if call.name == "wait" { // until the context ends
				continue
			}
			client := full
			if call.minimal {
				client = least
			}
			if strings.Contains(call.name, "no token") {
				client = open
			}
			calls[strconv.Itoa(i)+" "+call.name] = func() error { return call.send(t, client) }
		}
		return calls
	})
}
