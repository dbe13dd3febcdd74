package fakeserver

import (
	"strconv"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// A base URL and the credentials of the greeting are all a client needs.
func TestEveryClientWorksWithTheGreetingsURLsAndCredentials(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	credential := func(provider, name string) string {
		value, ok := greeting["credentials"].(map[string]any)[provider].(map[string]any)[name].(string)
		require.True(t, ok, "%s %s", provider, name)
		return value
	}
	ctx := t.Context()
	t.Run("kapiten", func(t *testing.T) {
		client, err := kapiten.New(kapiten.Config{BaseURL: text(t, greeting, "kapiten")})
		require.NoError(t, err)
		_, err = client.Companies.Find(ctx, "RDB2026-XP")
		assert.ErrorIs(t, err, sdk.ErrNotFound)
	})
	t.Run("kpay", func(t *testing.T) {
		client, err := kpay.New(kpay.Config{
			BaseURL: text(t, greeting, "kpay"), Username: credential("kpay", "username"), Password: credential("kpay", "password"),
			RetailerID: credential("kpay", "retailerid"),
		})
		require.NoError(t, err)
		_, err = client.Find(ctx, "ORDER-1")
		assert.ErrorIs(t, err, sdk.ErrNotFound)
	})
	t.Run("kasapay", func(t *testing.T) {
		client, err := kasapay.New(kasapay.Config{
			BaseURL: text(t, greeting, "kasapay"), ConsumerKey: credential("kasapay", "consumer_key"),
			ConsumerSecret: credential("kasapay", "consumer_secret"), ServiceCode: credential("kasapay", "service_code"),
		})
		require.NoError(t, err)
		_, err = client.Payouts.Find(ctx, "ORDER-1")
		assert.ErrorIs(t, err, sdk.ErrNotFound)
	})
	t.Run("kotani", func(t *testing.T) {
		client, err := kotani.New(kotani.Config{
			BaseURL: text(t, greeting, "kotani"), PhoneNumber: credential("kotani", "phoneNumber"),
			CountryCode: credential("kotani", "countryCode"), Password: credential("kotani", "password"),
		})
		require.NoError(t, err)
		require.NoError(t, client.Health(ctx))
		rates, err := client.OnChain.EscrowRates(ctx)
		require.NoError(t, err)
		assert.NotEmpty(t, rates.Raw)
	})
	t.Run("fiatconnect", func(t *testing.T) {
		chain, err := strconv.ParseInt(credential("fiatconnect", "chainId"), 10, 64)
		require.NoError(t, err)
		login := func(chain int64) error {
			client, err := kotani.New(kotani.Config{BaseURL: text(t, greeting, "kotani"), FiatConnect: kotani.FiatConnectConfig{
				BaseURL: text(t, greeting, "fiatconnect"), ChainID: chain, Signer: kotanitest.NewSigner("jane"),
			}})
			require.NoError(t, err)
			if err := client.FiatConnect.Login(ctx); err != nil {
				return err
			}
			_, err = client.FiatConnect.ListAccounts(ctx)
			return err
		}
		require.NoError(t, login(chain))
		require.ErrorIs(t, login(kotani.CeloMainnet), kotani.ErrInvalidParameters)
		_, journal := ask(t, "GET", text(t, greeting, "admin")+"/requests?provider=fiatconnect&limit=1", "")
		assert.Contains(t, journal, "the chain is 42220, and only 44787 is accepted")
	})
	t.Run("bitpesa", func(t *testing.T) {
		client, err := bitpesa.New(bitpesa.Config{
			BaseURL: text(t, greeting, "bitpesa"), Key: credential("bitpesa", "key"), Secret: credential("bitpesa", "secret"),
		})
		require.NoError(t, err)
		account, err := client.Accounts.Get(ctx, "USD")
		require.NoError(t, err)
		assert.True(t, decimal.NewFromInt(1_000_000).Equal(account.Amount.Decimal), account.Amount.Decimal.String())
	})
}
