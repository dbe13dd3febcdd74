package kasapaytest_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// The client sees the same payout through every oddity the fake can make.
func TestClientSeesThroughEveryOddity(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]kasapaytest.Config{
		"none":               {},
		"own references":     {MintReferences: true},
		"201":                {CreatedStatus: true},
		"200 with 721":       {RefusalStatus: 200},
		"duplicate as 409":   {DuplicateStatus: 409},
		"unknown as 400":     {NotFoundStatus: 400},
		"expires_in":         {SnakeCaseExpiry: true},
		"no lifetime":        {OmitExpiry: true, Options: fake.Options{Start: time.Now()}},
		"numbers as strings": {NumbersAsStrings: true},
		"amounts as numbers": {AmountsAsNumbers: true},
		"nulls":              {Nulls: true},
		"missing keys":       {OmitOptional: true},
		"extra keys":         {ExtraKeys: true},
		"destination":        {DestinationAsRequested: true},
		"masked":             {MaskAccountNumbers: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := kasapaytest.NewServer(t, cfg)
			client, err := kasapay.New(srv.Config())
			require.NoError(t, err)
			params := kasapay.InitiateParams{
				Reference: "ref-1", RecipientType: kasapay.BankAccount, RecipientAccountNumber: "0829212345849", RecipientName: "Test Limited",
				AccountReference: "0101", Amount: decimal.NewFromInt(250), Currency: "KES", Country: "KEN",
				Description: "Invoice", CallbackURL: "http://127.0.0.1:1/nobody",
			}
			p, err := client.Payouts.Initiate(t.Context(), params)
			require.NoError(t, err)
			assert.Equal(t, kasapay.StatusAccepted, p.Status)
			assert.Equal(t, "ref-1", p.Reference)
			assert.Equal(t, cfg.MintReferences, p.GatewayReference != "ref-1")

			p, err = client.Payouts.Status(t.Context(), "ref-1")
			require.NoError(t, err)
			assert.Equal(t, kasapay.StatusPending, p.Status)
			assert.Empty(t, p.Receipt)

			srv.Advance(10 * time.Second)
			p, err = client.Payouts.Wait(t.Context(), "ref-1")
			require.NoError(t, err)
			assert.Equal(t, kasapay.StatusProcessed, p.Status)
			assert.True(t, p.Amount.Valid && p.Amount.Decimal.Equal(params.Amount))
			assert.Equal(t, kasapay.BankAccount, p.Destination)
			assert.NotEmpty(t, p.Receipt)
			assert.Equal(t, !cfg.OmitOptional, p.FloatBalance.Valid)

			_, err = client.Payouts.Initiate(t.Context(), params)
			require.ErrorIs(t, err, sdk.ErrDuplicate)
			params.Reference, params.ServiceCode = "ref-2", "unknown"
			_, err = client.Payouts.Initiate(t.Context(), params)
			var refused *sdk.Error
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, sdk.Rejected, refused.Outcome)
			_, err = client.Payouts.Status(t.Context(), "none")
			require.ErrorIs(t, err, sdk.ErrNotFound)
			assert.True(t, srv.Float("KES").Equal(decimal.NewFromInt(999_750)))
			assert.Len(t, srv.Payouts(), 1)
		})
	}
}
