package kapiten_test

import (
	"context"
	"math"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestBadParametersAreRefusedAllAtOnceBeforeTheNetwork(t *testing.T) {
	dec := decimal.RequireFromString
	cases := map[string]struct {
		call   func(context.Context, *kapiten.Client) error
		fields []string
	}{
		"empty company": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Companies.Create(ctx, kapiten.CreateCompanyParams{WebhookURL: "ftp://x"})
			return err
		}, []string{"address", "contact_person", "email", "name", "phone_number", "registration_number", "webhook_url"}},
		"empty registration number": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Companies.Find(ctx, "")
			return err
		}, []string{"registration_number"}},
		"dot segment as registration number": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Companies.Find(ctx, "..")
			return err
		}, []string{"registration_number"}},
		"empty user": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Users.Create(ctx, kapiten.CreateUserParams{CompanyID: "."})
			return err
		}, []string{"company_id", "email", "first_name", "last_name", "phone_number"}},
		"token without user": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Users.Token(ctx, "co-1", "")
			return err
		}, []string{"user_id"}},
		"empty ride": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Rides.Create(ctx, kapiten.CreateRideParams{})
			return err
		}, []string{
			"company_id", "dropoff_address", "dropoff_latitude", "dropoff_longitude", "pickup_address", "pickup_latitude",
			"pickup_longitude", "receiver.name", "receiver.phone", "sender.name", "sender.phone",
		}},
		"coordinates out of range": {func(ctx context.Context, c *kapiten.Client) error {
			p := validRide()
			p.Pickup.Latitude, p.Pickup.Longitude = 90.1, -180.1
			p.Dropoff.Latitude, p.Dropoff.Longitude = math.NaN(), math.Inf(1)
			_, err := c.Rides.Create(ctx, p)
			return err
		}, []string{"dropoff_latitude", "dropoff_longitude", "pickup_latitude", "pickup_longitude"}},
		"create once without a reference": {func(ctx context.Context, c *kapiten.Client) error {
			p := validRide()
			p.ExternalID = " "
			_, err := c.Rides.CreateOnce(ctx, p)
			return err
		}, []string{"external_id"}},
		"empty estimate": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Rides.Estimate(ctx, kapiten.EstimateParams{})
			return err
		}, []string{"company_id", "dropoff_latitude", "dropoff_longitude", "pickup_latitude", "pickup_longitude"}},
		"negative page": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Rides.List(ctx, "co-1", kapiten.ListOptions{Page: -1})
			return err
		}, []string{"page"}},
		"negative page of no company": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Wallet.List(ctx, "", kapiten.ListOptions{Page: -1})
			return err
		}, []string{"company_id", "page"}},
		"negative page of a company that is no UTF-8": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Users.List(ctx, "co\xff", kapiten.ListOptions{Page: -1})
			return err
		}, []string{"company_id", "page"}},
		"search without an id and a company": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Wallet.Get(ctx, "", "")
			return err
		}, []string{"company_id", "transaction_id"}},
		"find without an id and a company": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Rides.Find(ctx, "..", "", kapiten.SearchOptions{})
			return err
		}, []string{"company_id", "external_id"}},
		"search for many without an id and a company": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Rides.FindMany(ctx, "", []string{""}, kapiten.SearchOptions{})
			return err
		}, []string{"company_id", "external_ids.0"}},
		"search without an id": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Rides.Get(ctx, "co-1", "")
			return err
		}, []string{"ride_id"}},
		"search for many without an id": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Rides.FindMany(ctx, "co-1", []string{"ORDER-1", "", "ORDER-3\n"}, kapiten.SearchOptions{})
			return err
		}, []string{"external_ids.1", "external_ids.2"}},
		"empty top-up": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Wallet.TopUp(ctx, kapiten.TopUpParams{})
			return err
		}, []string{"amount", "company_id", "phone_number"}},
		"negative top-up": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Wallet.TopUp(ctx, kapiten.TopUpParams{CompanyID: "co-1", Amount: dec("-1"), PhoneNumber: "0788123456"})
			return err
		}, []string{"amount"}},
		"third decimal": {func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Wallet.TopUp(ctx, kapiten.TopUpParams{CompanyID: "co-1", Amount: dec("10.505"), PhoneNumber: "0788123456"})
			return err
		}, []string{"amount"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := newStub(t, 200, "application/json", `{}`)
			err := tc.call(t.Context(), newClient(t, server.URL))
			var apiErr *sdk.Error
			require.ErrorAs(t, err, &apiErr)
			assert.ErrorIs(t, err, sdk.ErrValidation)
			assert.ErrorIs(t, err, sdk.ErrNotSent)
			assert.NotErrorIs(t, err, sdk.ErrOutcomeUnknown)
			assert.ElementsMatch(t, tc.fields, keys(apiErr.Fields))
			for _, field := range tc.fields {
				assert.Contains(t, err.Error(), field)
			}
			assert.Empty(t, server.requests())
		})
	}
}

func TestBoundaryCoordinatesAreAccepted(t *testing.T) {
	server := newStub(t, 200, "application/json", `{"id":"r","reference_number":"KPT-1","status":"PENDING"}`)
	p := validRide()
	p.Pickup = kapiten.Location{Latitude: 90, Longitude: 180}
	p.Dropoff = kapiten.Location{Latitude: -90, Longitude: -180}
	_, err := newClient(t, server.URL).Rides.Create(t.Context(), p)
	assert.NoError(t, err)
}

func TestConfigurationIsRefusedByFieldAndWithoutItsValue(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  kapiten.Config
		want string
	}{
		"no base URL":         {kapiten.Config{Token: "t"}, "BaseURL"},
		"plain http":          {kapiten.Config{BaseURL: "http://api.kapiteni.com"}, "BaseURL"},
		"no scheme":           {kapiten.Config{BaseURL: "api.kapiteni.com"}, "BaseURL"},
		"credentials":         {kapiten.Config{BaseURL: "https://user:planted-secret@api.kapiteni.com"}, "BaseURL"},
		"query":               {kapiten.Config{BaseURL: "https://api.kapiteni.com/?key=planted-secret"}, "BaseURL"},
		"header injection":    {kapiten.Config{Token: "planted-secret\r\nX: y"}, "Token"},
		"a space in a token":  {kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "planted secret"}, "Token holds a space, a control or a non-ASCII character"},
		"a letter in a token": {kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "planted-secret-é"}, "Token holds a space, a control or a non-ASCII character"},
		"negative attempts":   {kapiten.Config{BaseURL: kapiten.ProductionURL, Options: sdk.Options{MaxAttempts: -1}}, "MaxAttempts"},
		"negative wait":       {kapiten.Config{BaseURL: kapiten.ProductionURL, Options: sdk.Options{MinBackoff: -1}}, "MinBackoff"},
		"negative retryafter": {kapiten.Config{BaseURL: kapiten.ProductionURL, Options: sdk.Options{MaxRetryAfter: -1}}, "MaxRetryAfter"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kapiten.New(tc.cfg)
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "planted-secret")
		})
	}
	for name, cfg := range map[string]kapiten.Config{
		"production":     {BaseURL: kapiten.ProductionURL},
		"loopback http":  {BaseURL: "http://127.0.0.1:8099/kapiten"},
		"loopback v6":    {BaseURL: "http://[::1]:8099"},
		"localhost":      {BaseURL: "http://kapiten.localhost"},
		"http on demand": {BaseURL: "http://10.0.0.8", AllowPlainHTTP: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kapiten.New(cfg)
			assert.NoError(t, err)
		})
	}
}

func keys(fields map[string][]string) []string {
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	return names
}
