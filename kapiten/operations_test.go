package kapiten_test

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// wireCalls has one entry per exported method that sends a request. Find, Get, Wait,
// CreateOnce and the iterators send the rows of the lists and of Create.
var wireCalls = map[string]struct {
	op   string
	uri  string // after the base URL
	call func(context.Context, *kapiten.Client) error
}{
	"Companies.Create": {kapiten.OpCreateCompany, "/api/companies/", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Companies.Create(ctx, kapiten.CreateCompanyParams{
			Name: "n", RegistrationNumber: "r", Address: "a", ContactPerson: "c", PhoneNumber: "0788000111", Email: "e",
		})
		return err
	}},
	"Companies.Find": {kapiten.OpFindCompany, "/api/companies/by-registration/RDB%2F2026%20X/", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Companies.Find(ctx, "RDB/2026 X")
		return err
	}},
	"Users.Create": {kapiten.OpCreateUser, "/api/companies/co-1/users/", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Users.Create(ctx, kapiten.CreateUserParams{CompanyID: "co-1", PhoneNumber: "0788000111", FirstName: "f", LastName: "l", Email: "e"})
		return err
	}},
	"Users.Token": {kapiten.OpUserToken, "/api/companies/co-1/users/u-1/api-key/", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Users.Token(ctx, "co-1", "u-1")
		return err
	}},
	"Users.List": {kapiten.OpListUsers, "/api/companies/co-1/users/?page=3", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Users.List(ctx, "co-1", kapiten.ListOptions{Page: 3})
		return err
	}},
	"Users.All": {kapiten.OpListUsers, "/api/companies/co-1/users/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		for _, err := range c.Users.All(ctx, "co-1") {
			return err
		}
		return nil
	}},
	"Rides.Estimate": {kapiten.OpEstimateRide, "/api/rides/estimate/", func(ctx context.Context, c *kapiten.Client) error {
		ride := validRide()
		_, err := c.Rides.Estimate(ctx, kapiten.EstimateParams{CompanyID: "co-1", Pickup: ride.Pickup, Dropoff: ride.Dropoff})
		return err
	}},
	"Rides.Create": {kapiten.OpCreateRide, "/api/rides/", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Rides.Create(ctx, validRide())
		return err
	}},
	"Rides.CreateOnce": {kapiten.OpCreateRide, "/api/companies/co-1/rides/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Rides.CreateOnce(ctx, validRide())
		return err
	}},
	"Rides.Prepare": {kapiten.OpCreateRide, "/api/rides/", func(ctx context.Context, c *kapiten.Client) error {
		p, err := c.Rides.Prepare(validRide())
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Rides.List": {kapiten.OpListRides, "/api/companies/co-1/rides/", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Rides.List(ctx, "co-1", kapiten.ListOptions{})
		return err
	}},
	"Rides.All": {kapiten.OpListRides, "/api/companies/co-1/rides/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		for _, err := range c.Rides.All(ctx, "co-1") {
			return err
		}
		return nil
	}},
	"Rides.Get": {kapiten.OpListRides, "/api/companies/co-1/rides/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Rides.Get(ctx, "co-1", "r-1")
		return err
	}},
	"Rides.FindCreated": {kapiten.OpListRides, "/api/companies/co-1/rides/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Rides.FindCreated(ctx, "co-1", []kapiten.CreateRideParams{validRide()}, kapiten.SearchOptions{})
		return err
	}},
	"Rides.Find": {kapiten.OpListRides, "/api/companies/co-1/rides/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Rides.Find(ctx, "co-1", "ORDER-1", kapiten.SearchOptions{})
		return err
	}},
	"Rides.FindMany": {kapiten.OpListRides, "/api/companies/co-1/rides/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Rides.FindMany(ctx, "co-1", []string{"ORDER-1"}, kapiten.SearchOptions{})
		return err
	}},
	"Rides.Wait": {kapiten.OpListRides, "/api/companies/co-1/rides/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Rides.Wait(ctx, "co-1", "r-1")
		return err
	}},
	"Wallet.TopUp": {kapiten.OpTopUpWallet, "/api/companies/co-1/topup/", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Wallet.TopUp(ctx, kapiten.TopUpParams{CompanyID: "co-1", Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456"})
		return err
	}},
	"Wallet.Prepare": {kapiten.OpTopUpWallet, "/api/companies/co-1/topup/", func(ctx context.Context, c *kapiten.Client) error {
		p, err := c.Wallet.Prepare(kapiten.TopUpParams{CompanyID: "co-1", Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456"})
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Wallet.List": {kapiten.OpListTransactions, "/api/companies/co-1/transactions/", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Wallet.List(ctx, "co-1", kapiten.ListOptions{})
		return err
	}},
	"Wallet.All": {kapiten.OpListTransactions, "/api/companies/co-1/transactions/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		for _, err := range c.Wallet.All(ctx, "co-1") {
			return err
		}
		return nil
	}},
	"Wallet.Get": {kapiten.OpListTransactions, "/api/companies/co-1/transactions/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Wallet.Get(ctx, "co-1", "t-1")
		return err
	}},
	"Wallet.Balance": {kapiten.OpListTransactions, "/api/companies/co-1/transactions/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Wallet.Balance(ctx, "co-1")
		return err
	}},
	"Wallet.Wait": {kapiten.OpListTransactions, "/api/companies/co-1/transactions/?page=1", func(ctx context.Context, c *kapiten.Client) error {
		_, err := c.Wallet.Wait(ctx, "co-1", "t-1")
		return err
	}},
}

func TestEveryMethodSendsItsRow(t *testing.T) {
	rows := map[string]sdk.Operation{}
	for _, op := range kapiten.Operations() {
		rows[op.Name] = op
	}
	used := map[string]bool{}
	for _, method := range exportedMethods() {
		want, ok := wireCalls[method]
		if !assert.True(t, ok, "%s is exported, and no test says which row it sends", method) {
			continue
		}
		t.Run(method, func(t *testing.T) {
			// A refusal ends every method after its first request.
			server := newStub(t, 403, "application/json", `{"detail":"You do not have permission to perform this action."}`)
			client := newClient(t, server.URL)
			err := want.call(t.Context(), client)

			var apiErr *sdk.Error
			require.ErrorAs(t, err, &apiErr)
			assert.Equal(t, want.op, apiErr.Operation)
			seen := server.requests()
			require.Len(t, seen, 1)
			if method == "Rides.CreateOnce" { // it looks first
				want.op = kapiten.OpListRides
			}
			assert.Equal(t, rows[want.op].Method, seen[0].Method)
			assert.Equal(t, want.uri, seen[0].URI)
			assert.Equal(t, "Token planted-token", seen[0].Auth)
			if seen[0].Method == "POST" {
				assert.Equal(t, "application/json", seen[0].ContentType)
			} else {
				assert.Empty(t, seen[0].Body)
			}
		})
		used[want.op] = true
	}
	for name := range rows {
		assert.True(t, used[name], "no method sends row %s", name)
	}
}

func exportedMethods() []string {
	var methods []string
	client := reflect.TypeFor[kapiten.Client]()
	for i := range client.NumField() {
		field := client.Field(i)
		if !field.IsExported() {
			continue
		}
		for j := range field.Type.NumMethod() {
			methods = append(methods, field.Name+"."+field.Type.Method(j).Name)
		}
	}
	return methods
}

func TestRoutesCanBeOverridden(t *testing.T) {
	server := newStub(t, 200, "application/json", `{"id":"u-1","token":"t"}`)
	client := newClient(t, server.URL, func(c *kapiten.Config) {
		c.Routes = map[string]sdk.Route{kapiten.OpUserToken: {Method: "POST", Path: "/v2/tokens/{user_id}"}}
	})
	token, err := client.Users.Token(t.Context(), "co-1", "u 1")
	require.NoError(t, err)
	assert.Equal(t, "t", token)
	assert.Equal(t, "POST", server.requests()[0].Method)
	assert.Equal(t, "/v2/tokens/u%201", server.requests()[0].URI)
}

func TestRoutesThatCannotWorkAreRefused(t *testing.T) {
	for name, routes := range map[string]map[string]sdk.Route{
		"unknown operation":   {"rides.teleport": {Path: "/x/"}},
		"unknown placeholder": {kapiten.OpListRides: {Path: "/rides/{ride_id}/"}},
		"no leading slash":    {kapiten.OpListRides: {Path: "rides/"}},
		"a query":             {kapiten.OpListRides: {Path: "/rides/?company={company_id}"}},
		"a dot segment":       {kapiten.OpListRides: {Path: "/api/../admin/"}},
		"a bad method":        {kapiten.OpListRides: {Method: "GET /"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Routes: routes})
			require.Error(t, err)
			assert.True(t, strings.HasPrefix(err.Error(), "kapiten: Routes: "), err.Error())
		})
	}
}

func TestNoIDOrReferenceHasWhiteSpaceAtItsEnds(t *testing.T) {
	client, err := kapiten.New(kapiten.Config{BaseURL: "https://a.example", Token: "u"})
	require.NoError(t, err)
	clienttest.CheckEdges(t, client, kapiten.Operations(), "Rides.FindMany", "Rides.FindCreated") // of no ids, they ask nothing
}

func TestWithoutAContextNothingIsSent(t *testing.T) {
	server := newStub(t, 500, "", "")
	client := newClient(t, server.URL)
	clienttest.CheckNilContexts(t, slices.Sorted(maps.Keys(wireCalls)), func() int { return len(server.requests()) }, func(method string, ctx context.Context) error {
		return wireCalls[method].call(ctx, client)
	})
}
