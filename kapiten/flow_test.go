package kapiten_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func money(t *testing.T, want string, got decimal.Decimal) {
	t.Helper()
	assert.True(t, decimal.RequireFromString(want).Equal(got), "want %s, got %s", want, got)
}

func TestFromRegistrationToACompletedDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := kapitentest.NewServer(t, kapitentest.Config{Autopilot: true, Options: fake.Options{RealTime: true}})
		ctx := t.Context()
		onboarding, err := kapiten.New(kapiten.Config{BaseURL: srv.URL(), Options: sdk.Options{HTTPClient: srv.HTTPClient()}})
		require.NoError(t, err)
		params := kapiten.CreateCompanyParams{
			Name: "Best Pilau Ltd", RegistrationNumber: "RDB2026-XP", Address: "KN 78 St, Kigali",
			ContactPerson: "Victor", PhoneNumber: "+250788123456", Email: "hello@bestpilau.com",
		}
		company, err := onboarding.Companies.Create(ctx, params)
		require.NoError(t, err)
		assert.Equal(t, "RWF", company.Currency)
		money(t, "0", company.Balance.Decimal)
		assert.Contains(t, company.PricingConfig.Raw.String(), "base_fare")
		_, err = onboarding.Companies.Create(ctx, params)
		require.ErrorIs(t, err, sdk.ErrDuplicate)
		found, err := onboarding.Companies.Find(ctx, "RDB2026-XP")
		require.NoError(t, err)
		assert.Equal(t, company.ID, found.ID)
		assert.True(t, found.IsActive)
		_, err = onboarding.Companies.Find(ctx, "RDB2026-YY")
		require.ErrorIs(t, err, sdk.ErrNotFound)

		user, err := onboarding.Users.Create(ctx, kapiten.CreateUserParams{
			CompanyID: company.ID, PhoneNumber: "+250788000111", FirstName: "John", LastName: "Doe", Email: "john@bestpilau.com",
		})
		require.NoError(t, err)
		require.NotNil(t, user.Wallet)
		money(t, "0", user.Wallet.Balance.Decimal)
		token, err := onboarding.Users.Token(ctx, company.ID, user.ID)
		require.NoError(t, err)
		_, err = onboarding.Rides.List(ctx, company.ID, kapiten.ListOptions{})
		require.ErrorIs(t, err, sdk.ErrUnauthorized)

		client, err := kapiten.New(kapiten.Config{BaseURL: srv.URL(), Options: sdk.Options{HTTPClient: srv.HTTPClient()}, Token: token})
		require.NoError(t, err)
		deposit, err := client.Wallet.TopUp(ctx, kapiten.TopUpParams{CompanyID: company.ID, Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456"})
		require.NoError(t, err)
		assert.Equal(t, kapiten.TransactionPending, deposit.Status)
		deposit, err = client.Wallet.Wait(ctx, company.ID, deposit.ID)
		require.NoError(t, err)
		assert.Equal(t, kapiten.TransactionSuccess, deposit.Status)

		p := validRide()
		p.CompanyID = company.ID
		estimate, err := client.Rides.Estimate(ctx, kapiten.EstimateParams{CompanyID: company.ID, Pickup: p.Pickup, Dropoff: p.Dropoff})
		require.NoError(t, err)
		money(t, "1200", estimate.Amount)
		money(t, "500", estimate.Details.BaseFare.Decimal)
		money(t, "700", estimate.Details.DistanceFare.Decimal)

		ride, err := client.Rides.Create(ctx, p)
		require.NoError(t, err)
		assert.Equal(t, kapiten.RidePending, ride.Status)
		money(t, "1200", ride.EstimatedPrice.Decimal)
		ride, err = client.Rides.Wait(ctx, company.ID, ride.ID)
		require.NoError(t, err)
		assert.Equal(t, kapiten.RideCompleted, ride.Status)
		assert.Equal(t, "ORDER-99123", ride.ExternalID)
		assert.False(t, ride.CreatedAt.IsZero())

		var amounts []string
		for entry, err := range client.Wallet.All(ctx, company.ID) {
			require.NoError(t, err)
			amounts = append(amounts, string(entry.Type)+" "+entry.Amount.String())
		}
		assert.Equal(t, []string{"RIDE_PAYMENT -1200", "DEPOSIT 5000"}, amounts)
		money(t, "3800", srv.Balance(company.ID))

		var names []string
		for u, err := range client.Users.All(ctx, company.ID) {
			require.NoError(t, err)
			names = append(names, u.FirstName+" "+u.LastName+" "+u.Email)
		}
		assert.Equal(t, []string{"John Doe john@bestpilau.com"}, names)
	})
}

func TestAForeignCompanyDoesNotExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stranger := w.AddCompany(kapitentest.Company{})
		_, err := w.client.Rides.List(t.Context(), stranger.ID, kapiten.ListOptions{})
		require.ErrorIs(t, err, sdk.ErrNotFound)
		_, err = w.client.Rides.List(t.Context(), w.company.ID, kapiten.ListOptions{Page: 99})
		require.ErrorIs(t, err, sdk.ErrNotFound)
		require.NoError(t, w.Configure(w.company.ID, func(s *kapitentest.Settings) { s.Active = false }))
		_, err = w.client.Rides.Create(t.Context(), w.ride())
		require.ErrorIs(t, err, sdk.ErrForbidden)
		assert.ErrorIs(t, err, sdk.ErrRejected)
	})
}

func TestWaitOutlastsAnOutageAndReturnsTheLastStateAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ride, err := w.client.Rides.Create(t.Context(), w.ride())
		require.NoError(t, err)
		require.NoError(t, w.AddFault(fake.Fault{Method: "GET", Kind: fake.FaultHTML, Times: 9}))
		time.AfterFunc(4*time.Minute, func() { _ = w.MoveRide(ride.ID, kapiten.RideCancelled) })
		ride, err = w.client.Rides.Wait(t.Context(), w.company.ID, ride.ID)
		require.NoError(t, err)
		assert.Equal(t, kapiten.RideCancelled, ride.Status)

		p := w.ride()
		p.ExternalID = "ORDER-2"
		ride, err = w.client.Rides.Create(t.Context(), p)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		last, err := w.client.Rides.Wait(ctx, w.company.ID, ride.ID)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
		require.NotNil(t, last)
		assert.Equal(t, kapiten.RidePending, last.Status)

		_, err = w.client.Rides.Wait(t.Context(), w.company.ID, "no-such-ride")
		assert.ErrorIs(t, err, sdk.ErrNotFound)
	})
}

func TestATopUpThatFailsIsWaitedForWithoutAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		deposit, err := w.client.Wallet.TopUp(t.Context(), kapiten.TopUpParams{CompanyID: w.company.ID, Amount: decimal.NewFromInt(100), PhoneNumber: "0788120001"})
		require.NoError(t, err)
		deposit, err = w.client.Wallet.Wait(t.Context(), w.company.ID, deposit.ID)
		require.NoError(t, err)
		assert.Equal(t, kapiten.TransactionFailed, deposit.Status)
	})
}

// Neither the fake nor the Wait has an option or a deadline. A clock that stood still
// would have Wait look again forever.
func TestAWaitWithoutADeadlineEndsInsideABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := kapitentest.NewServer(t)
		co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(5000)})
		client, err := kapiten.New(srv.ClientConfig(co))
		require.NoError(t, err)
		p := validRide()
		p.CompanyID = co.ID
		ride, err := client.Rides.Create(context.Background(), p)
		require.NoError(t, err)
		start := time.Now()
		ride, err = client.Rides.Wait(context.Background(), co.ID, ride.ID)
		require.NoError(t, err)
		assert.Equal(t, kapiten.RideRejected, ride.Status, "nobody took it for ten minutes")
		assert.Less(t, time.Since(start), 11*time.Minute)
	})
}
