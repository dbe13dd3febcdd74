package kotanitest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestClientMovesFiat(t *testing.T) {
	t.Parallel()
	srv := kotanitest.NewServer(t, kotanitest.Config{})
	cfg := srv.ClientConfig()
	cfg.MinBackoff, cfg.MaxBackoff = time.Millisecond, time.Millisecond
	client, err := kotani.New(cfg)
	require.NoError(t, err)
	ctx := t.Context()
	params := kotani.WithdrawParams{Amount: decimal.NewFromInt(500), PhoneNumber: "254712345678", ExternalID: "order-17"}

	require.NoError(t, srv.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Path: "/transactions/withdraw/momo", Times: 1}))
	paid, err := client.Fiat.Withdraw(ctx, params)
	require.NoError(t, err, "found by its external id")
	assert.Equal(t, kotani.StatusPending, paid.Status)
	again, err := client.Fiat.Withdraw(ctx, params)
	require.NoError(t, err)
	assert.Equal(t, paid.RequestID, again.RequestID)
	assert.True(t, again.Existing)
	params.ExternalID, params.Amount = "order-18", decimal.NewFromInt(2_000_000)
	_, err = client.Fiat.Withdraw(ctx, params)
	require.ErrorIs(t, err, sdk.ErrInsufficientFunds)
	_, err = client.Fiat.Find(ctx, "nobody", kotani.Payouts)
	require.ErrorIs(t, err, sdk.ErrNotFound)
	faketest.WantMoney(t, "999500", srv.Balance("KES"))
	assert.Len(t, srv.Transactions(), 1)

	srv.Advance(time.Hour) // the token has expired: the client logs in again
	done, err := client.Fiat.Find(ctx, "order-17", kotani.Payouts)
	require.NoError(t, err)
	assert.Equal(t, kotani.StatusSuccessful, done.Status)
}

func TestClientDrivesFiatConnect(t *testing.T) {
	t.Parallel()
	srv := kotanitest.NewServer(t)
	key := srv.FiatConnect.AddClient("http://127.0.0.1:1/nobody").APIKey
	for _, way := range []kotani.TransferType{kotani.TransferTypeIn, kotani.TransferTypeOut} {
		for name, base := range map[string]string{"its own URL": srv.FiatConnect.URL(), "below Kotani": srv.URL() + "/fiatconnect"} {
			cfg := srv.ClientConfig()
			cfg.MinBackoff, cfg.MaxBackoff = time.Millisecond, time.Millisecond
			cfg.FiatConnect.Signer, cfg.FiatConnect.BaseURL, cfg.FiatConnect.APIKey = kotanitest.NewSigner("alice"), base, key
			client, err := kotani.New(cfg)
			require.NoError(t, err)
			fc, ctx := client.FiatConnect, t.Context()
			begin, quote, ask := fc.TransferIn, fc.QuoteIn, kotani.TransferQuoteParams{
				FiatType: "KES", CryptoType: "cUSD", Country: "KE", FiatAmount: decimal.NewFromInt(1300),
			}
			if way == kotani.TransferTypeOut {
				begin, quote = fc.TransferOut, fc.QuoteOut
			}
			q, err := quote(ctx, ask)
			require.NoError(t, err, name)
			if record, err := fc.GetKYC(ctx, "PersonalDataAndDocuments"); err != nil {
				require.ErrorIs(t, err, kotani.ErrResourceNotFound)
				require.NoError(t, srv.FiatConnect.MoveKYC(alice, "PersonalDataAndDocuments", kotani.KYCApproved))
			} else {
				assert.Equal(t, kotani.KYCApproved, record.Status)
			}
			account, err := fc.AddAccount(ctx, kotani.BankAccount{
				AccountName: "Jane", InstitutionName: "Bank", AccountNumber: name + string(way), Country: "KE",
			})
			require.NoError(t, err, name)

			require.NoError(t, srv.FiatConnect.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Method: "POST", Path: "/transfer/*", Times: 1}))
			before := len(srv.FiatConnect.Transfers())
			transfer, err := begin(ctx, kotani.TransferParams{FiatAccountID: account.ID, QuoteID: q.ID})
			require.NoError(t, err, "repeated under its key")
			assert.Len(t, srv.FiatConnect.Transfers(), before+1)
			srv.Advance(time.Minute)
			done, err := fc.GetTransfer(ctx, transfer.ID)
			require.NoError(t, err)
			assert.Equal(t, kotani.TransferComplete, done.Status)
			assert.Equal(t, transfer.Address, done.Address)
			assert.Equal(t, way == kotani.TransferTypeIn, done.TxHash != "")

			srv.Advance(5 * time.Hour) // the session has expired: the client logs in again
			list, err := fc.ListAccounts(ctx)
			require.NoError(t, err)
			assert.NotEmpty(t, list.Items)
		}
	}
}

// A public client cuts a token and an id out of their places in the text.
func TestResponsesHaveTheirKeysInTheDocumentedOrder(t *testing.T) {
	t.Parallel()
	srv := kotanitest.NewServer(t, kotanitest.Config{Quirks: kotanitest.Quirks{FlatResponses: true}})
	post := func(path, token, body string) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL()+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := srv.HTTPClient().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(text)
	}
	login := post("/api/login", "", `{"phoneNumber":"254700000000","countryCode":"KEN","password":"test-password"}`)
	token, ok := strings.CutSuffix(login[29:], `"}`)
	require.True(t, ok, login)
	bill := post("/transactions/paybill", token, `{"merchantNumber":"888880","accountNumber":"01","amount":"20"}`)
	id := bill[7:43]

	client, err := kotani.New(srv.ClientConfig())
	require.NoError(t, err)
	found, err := client.Fiat.Get(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, id, found.RequestID)
	assert.Equal(t, kotani.StatusPending, found.Status)
	paid, err := client.Fiat.PayTill(t.Context(), kotani.PayTillParams{TillNumber: "12345", Amount: decimal.NewFromInt(20)})
	require.NoError(t, err)
	assert.Len(t, paid.RequestID, 36)
	asked, err := client.Fiat.Deposit(t.Context(), kotani.DepositParams{Amount: decimal.NewFromInt(20), PhoneNumber: "254712345678", ExternalID: "flat"})
	require.NoError(t, err)
	again, err := client.Fiat.Deposit(t.Context(), kotani.DepositParams{Amount: decimal.NewFromInt(20), PhoneNumber: "254712345678", ExternalID: "flat"})
	require.NoError(t, err)
	assert.Equal(t, asked.RequestID, again.RequestID)
	assert.True(t, again.Existing)

	order, err := client.Binance.CreateOrder(t.Context(), kotani.CreateOrderParams{
		Amount: decimal.NewFromInt(20), GoodsName: "Tea", GoodsDetail: "Purple tea", Currency: "USDT", ReturnURL: "https://merchant.example/ok", CancelURL: "https://merchant.example/no",
	})
	require.NoError(t, err)
	require.NoError(t, srv.PayOrder(order.PrepayID))
	order, err = client.Binance.GetOrder(t.Context(), order.PrepayID)
	require.NoError(t, err)
	assert.Equal(t, kotani.OrderPaid, order.Status)
	assert.NotContains(t, string(order.Raw), "result")
	_, err = client.Fiat.Get(t.Context(), order.RequestID)
	require.NoError(t, err, "a paid order still names its payout")
}

// No document says that an external id is unique.
func TestExternalIDsRepeat(t *testing.T) {
	t.Parallel()
	srv := kotanitest.NewServer(t, kotanitest.Config{Quirks: kotanitest.Quirks{ReferencesRepeat: true}})
	client, err := kotani.New(srv.ClientConfig())
	require.NoError(t, err)
	p := kotani.WithdrawParams{Amount: decimal.NewFromInt(20), PhoneNumber: "254712345678", ExternalID: "twice"}
	for range 2 {
		_, err = client.Fiat.Withdraw(t.Context(), p)
		require.NoError(t, err)
	}
	assert.Len(t, srv.Debits("twice"), 2)
	found, err := client.Fiat.Find(t.Context(), "twice", kotani.Payouts)
	require.NoError(t, err)
	assert.Equal(t, "2", found.RequestID, "the latest")
	require.NoError(t, srv.CheckLedger())
}
