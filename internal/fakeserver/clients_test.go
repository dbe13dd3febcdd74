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

// Every provider says that money is lacking in its own words. The client knows them all.
func TestALackOfMoneyIsOneErrorForAllProvidersOverHTTP(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	refused := func(t *testing.T, err error) {
		t.Helper()
		require.ErrorIs(t, err, sdk.ErrInsufficientFunds)
		assert.ErrorIs(t, err, sdk.ErrRejected)
		assert.Equal(t, sdk.Mend, sdk.Advise(err))
	}
	t.Run("kapiten", func(t *testing.T) {
		b := newBusiness(t, `{"kapiten":{"on_insufficient_funds":"reject"}}`)
		_, err := b.client.Rides.Create(ctx, b.params(usualPhone))
		refused(t, err)
	})
	t.Run("kpay", func(t *testing.T) {
		c := newCollector(t, "")
		p := c.params("order-1-refused-no-funds")
		_, err := c.client().Pay(ctx, p)
		refused(t, err)
		assert.ErrorIs(t, err, sdk.ErrDeclined)
		p.RefID, p.MSISDN = "order-2", "0783300008"
		_, err = c.client().Pay(ctx, p)
		refused(t, err)
		response := c.pay(map[string]any{"refid": "order-3", "msisdn": "0783300008"})
		assert.Equal(t, []any{606.0, "Not enough funds"}, []any{response["retcode"], response["statusmsg"]})
		p.RefID, p.MSISDN = "order-4", "0783300007" // refused for another reason
		_, err = c.client().Pay(ctx, p)
		assert.ErrorIs(t, err, sdk.ErrDeclined)
		assert.NotErrorIs(t, err, sdk.ErrInsufficientFunds)
	})
	t.Run("kasapay", func(t *testing.T) {
		p := newPayer(t, `{"kasapay":{"balances":{"KES":"9.99"},"refuse_beyond_float":true}}`)
		_, err := p.client.Payouts.Create(ctx, p.params("flour-1"))
		refused(t, err)
		assert.Contains(t, p.send("flour-2", `"amount":"10"`), "Insufficient funds in the float account")
		assert.Contains(t, p.send("flour-3", `"amount":"9.99"`), "accepted")
	})
	t.Run("kotani", func(t *testing.T) {
		p := newPartner(t, `{"kotani":{"balances":{"KES":"101"}}}`)
		withdraw := kotani.WithdrawParams{Amount: decimal.NewFromInt(102), PhoneNumber: kenyan, ExternalID: "out-1"}
		_, err := p.client.Fiat.Withdraw(ctx, withdraw)
		refused(t, err)
		_, err = p.client.Fiat.PayBill(ctx, kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: decimal.NewFromInt(100)})
		require.NoError(t, err, "101 with the fee")
		_, err = p.client.Fiat.PayTill(ctx, kotani.PayTillParams{TillNumber: "5656", Amount: decimal.NewFromInt(1)})
		refused(t, err)
		_, err = p.client.Celo.SendToMpesa(ctx, kotani.SendToMpesaParams{PhoneNumber: kenyan, TxHash: chainHash})
		refused(t, err)
		p.refused("insufficient balance", "/transactions/withdraw/momo", `{"amount":102,"phoneNumber":"`+kenyan+`"}`)
		p.refused("Not enough fiat balance to fulfill the request", "/transactions/withdraw/sendToMpesa", `{"phoneNumber":"`+kenyan+`","txhash":"`+chainHash+`"}`)
	})
	t.Run("bitpesa", func(t *testing.T) {
		r := newRemitter(t, `{"bitpesa":{"keys":[{"key":"test-key","secret":"test-secret","balances":{"USD":"1"}},{"key":"k","secret":"s","kyc":true}]}}`)
		sender, err := r.client.Senders.Create(ctx, remitterSender)
		require.NoError(t, err)
		_, err = r.client.Transactions.PayFromBalance(ctx, payoutTo("1234567800", "payout-1", sender.ID))
		refused(t, err)
	})
}

// No client has a default host: a forgotten BaseURL reaches nobody's money. The named
// constants are the documents' hosts, over TLS.
func TestNoClientHasADefaultHost(t *testing.T) {
	var known []string
	for name, open := range map[string]func(base string) error{
		"kapiten": func(base string) error {
			_, err := kapiten.New(kapiten.Config{BaseURL: base, Token: "t"})
			return err
		},
		"kpay": func(base string) error {
			_, err := kpay.New(kpay.Config{BaseURL: base, Username: "u", Password: "p", RetailerID: "02"})
			return err
		},
		"kasapay": func(base string) error {
			_, err := kasapay.New(kasapay.Config{BaseURL: base, ConsumerKey: "k", ConsumerSecret: "s", ServiceCode: "1"})
			return err
		},
		"kotani": func(base string) error {
			_, err := kotani.New(kotani.Config{BaseURL: base, PhoneNumber: "254700000000", CountryCode: "KEN", Password: "p"})
			return err
		},
		"bitpesa": func(base string) error {
			_, err := bitpesa.New(bitpesa.Config{BaseURL: base, Key: "k", Secret: "s"})
			return err
		},
	} {
		known = append(known, name)
		err := open("")
		assert.ErrorContains(t, err, "BaseURL: is required", name)
		for _, host := range map[string][]string{
			"kapiten": {kapiten.ProductionURL}, // the document names no sandbox
			"kpay":    {kpay.LiveURL, kpay.SandboxURL},
			"kasapay": {kasapay.SandboxURL}, // nor the production host
			"kotani":  {kotani.ProductionURL, kotani.ProductionURL2022, kotani.TestURL2022},
			"bitpesa": {bitpesa.ProductionURL, bitpesa.SandboxURL, bitpesa.BitPesaProductionURL, bitpesa.BitPesaSandboxURL},
		}[name] {
			assert.Regexp(t, "^https://", host)
			assert.NoError(t, open(host), host)
		}
	}
	for _, p := range providers() {
		assert.Contains(t, known, p.name)
	}
}
