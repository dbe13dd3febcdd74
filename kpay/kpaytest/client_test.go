package kpaytest_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
)

// The client sees the same payment through every oddity the fake can make.
func TestClientSeesThroughEveryOddity(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]kpaytest.Config{
		"none":               {},
		"api key":            {APIKey: "k"},
		"blank url":          {BlankURL: true},
		"numbers as strings": {NumbersAsStrings: true},
		"strings as numbers": {StringsAsNumbers: true},
		"success as bool":    {SuccessAsBool: true},
		"padded":             {PadValues: true},
		"minimal errors":     {MinimalErrors: true},
		"other tid":          {OtherTID: true},
		"no payaccount":      {OmitPayAccount: true},
		"HTTP 401":           {HTTP401: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := kpaytest.NewServer(t, cfg)
			client, err := kpay.New(srv.Config())
			require.NoError(t, err)
			pay := func(refID, msisdn string) (*kpay.Payment, error) {
				return client.Pay(t.Context(), kpay.PayParams{
					RefID: refID, Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: msisdn,
					Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "1", Details: "Order",
					ReturnURL: "http://127.0.0.1:1/nobody", RedirectURL: "https://shop.example/thanks",
				})
			}
			p, err := pay("77", "0783300000")
			require.NoError(t, err)
			assert.True(t, p.Status.Pending())
			assert.Equal(t, "77", p.RefID)
			assert.Equal(t, cfg.BlankURL, p.CheckoutURL == "")

			p, err = client.Status(t.Context(), "77")
			require.NoError(t, err)
			assert.Equal(t, kpay.CodePending, p.Status)

			srv.Advance(10 * time.Second)
			p, err = client.Wait(t.Context(), "77")
			require.NoError(t, err)
			assert.Equal(t, kpay.CodePaid, p.Status)
			assert.NotEmpty(t, p.ProcessorID)

			_, err = pay("77", "0783300000")
			require.ErrorIs(t, err, sdk.ErrDuplicate)
			_, err = pay("78", "0783300008")
			require.ErrorIs(t, err, sdk.ErrDeclined)
			_, err = client.Status(t.Context(), "none")
			require.ErrorIs(t, err, sdk.ErrNotFound)
			p, err = pay("79", "0783300006")
			require.NoError(t, err)
			assert.True(t, p.Status.Paid())
			wantMoney(t, "8400", srv.Balance("02", "RWF"))
		})
	}
}
