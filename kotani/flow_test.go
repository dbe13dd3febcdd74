package kotani_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestMoneyComesInAndGoesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		before := w.Balance("KES")
		asked, err := w.client.Fiat.Deposit(ctx, validDeposit)
		require.NoError(t, err)
		assert.Equal(t, kotani.StatusPending, asked.Status)
		came, err := w.client.Fiat.Wait(ctx, "order-1", kotani.Collections)
		require.NoError(t, err)
		assert.Equal(t, kotani.StatusSuccessful, came.Status)
		assert.Equal(t, asked.RequestID, came.RequestID)
		assert.Equal(t, "KES", came.Currency)
		assert.False(t, came.CreatedAt.IsZero())
		wantMoney(t, before.Add(decimal.NewFromInt(10)).String(), w.Balance("KES"))

		quoted, err := w.client.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: w.quote, PhoneNumber: customer, ExternalID: "order-2"})
		require.NoError(t, err)
		wantMoney(t, "1300", quoted.Amount.Decimal)

		// The same external id serves a payout, too: it is unique per direction.
		paid, err := w.client.Fiat.Withdraw(ctx, validWithdraw)
		require.NoError(t, err)
		assert.NotEmpty(t, paid.RequestID)
		went, err := w.client.Fiat.WaitRequest(ctx, paid.RequestID)
		require.NoError(t, err)
		assert.True(t, went.Status.Succeeded())
		again, err := w.client.Fiat.Withdraw(ctx, validWithdraw)
		require.NoError(t, err)
		assert.True(t, again.Existing)
		assert.Equal(t, paid.RequestID, again.RequestID)

		bank, err := w.client.Fiat.WithdrawToBank(ctx, kotani.BankWithdrawParams{
			Amount: twenty, AccountNumber: "0123456789", AccountName: "Jane Doe", Bank: kotani.BankKCB, ExternalID: "bank-1",
		})
		require.NoError(t, err)
		assert.Equal(t, kotani.BankKCB, bank.Bank)
		assert.Equal(t, "0123456789", bank.AccountNumber)

		bill, err := w.client.Fiat.PayBill(ctx, kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: decimal.RequireFromString("50.5")})
		require.NoError(t, err)
		_, err = w.client.Fiat.WaitRequest(ctx, bill.RequestID)
		require.NoError(t, err)

		list, err := w.client.Fiat.List(ctx, kotani.TransactionListOptions{Type: kotani.Payouts, OrderBy: "asc"})
		require.NoError(t, err)
		require.Len(t, list.Items, 3)
		assert.Equal(t, paid.RequestID, list.Items[0].RequestID)
		assert.NoError(t, w.CheckLedger())
	})
}

// The payout of an order tells its callback URL, which the document does not show.
func TestAnOrdersPayoutHasACallback(t *testing.T) {
	srv := kotanitest.NewServer(t)
	client := mustClient(t, srv.ClientConfig())
	for _, callback := range []string{"", "http://merchant.localhost/orders"} {
		order, err := client.Binance.CreateOrder(t.Context(), kotani.CreateOrderParams{
			Amount: twenty, GoodsName: "Tea", GoodsDetail: "Purple tea", Currency: "USDT", ReturnURL: "https://merchant.example/ok", CancelURL: "https://merchant.example/no",
			CallbackURL: callback,
		})
		require.NoError(t, err)
		require.NoError(t, srv.PayOrder(order.PrepayID))
		sent, _ := srv.Order(order.PrepayID)
		assert.Equal(t, callback, sent.Callback)
		body := srv.Requests()[len(srv.Requests())-1].RequestBody
		assert.Equal(t, callback != "", strings.Contains(body, `"callback"`), body)
	}
	srv.Advance(10 * time.Second)
	assert.Len(t, srv.Deliveries(), 1)
}

func TestPayoutsFailAndAreReversed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		p := validWithdraw
		p.PhoneNumber, p.ExternalID = "254712340001", "fails"
		_, err := w.client.Fiat.Withdraw(ctx, p)
		require.NoError(t, err)
		failed, err := w.client.Fiat.Wait(ctx, "fails", kotani.Payouts)
		require.NoError(t, err)
		assert.Equal(t, kotani.StatusFailed, failed.Status)

		p.PhoneNumber, p.ExternalID = "254712340005", "returns"
		_, err = w.client.Fiat.Withdraw(ctx, p)
		require.NoError(t, err)
		paid, err := w.client.Fiat.Wait(ctx, "returns", kotani.Payouts)
		require.NoError(t, err)
		assert.Equal(t, kotani.StatusSuccessful, paid.Status)
		time.Sleep(2 * time.Hour)
		paid, err = w.client.Fiat.Find(ctx, "returns", kotani.Payouts)
		require.NoError(t, err)
		assert.Equal(t, kotani.StatusReversed, paid.Status)
		assert.NoError(t, w.CheckLedger())
	})
}

func TestConversions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		out, err := w.client.Quotes.Out(ctx, kotani.QuoteParams{Amount: decimal.NewFromInt(10), Currency: "KES", CryptoType: "cUSD"})
		require.NoError(t, err)
		wantMoney(t, "1300", out.FiatAmount.Decimal)
		wantMoney(t, "130", out.Rate.Decimal)
		_, err = w.client.Quotes.AcceptOut(ctx, out.ID)
		require.NoError(t, err)
		_, err = w.client.Quotes.AcceptOut(ctx, out.ID)
		require.ErrorIs(t, err, sdk.ErrDuplicate)
		_, err = w.client.Quotes.AcceptOut(ctx, "nonsense")
		require.ErrorIs(t, err, sdk.ErrNotFound)

		rates, err := w.client.OnChain.EscrowRates(ctx)
		require.NoError(t, err)
		wantMoney(t, "127.4", rates.Rate.Decimal)
		payout, err := w.client.Celo.SendToMpesa(ctx, validMpesa)
		require.NoError(t, err)
		assert.Equal(t, "10 CUSD", payout.Value)
		_, err = w.client.Celo.SendToMpesa(ctx, validMpesa)
		require.ErrorIs(t, err, sdk.ErrDuplicate, "a hash counts once")

		_, err = w.client.Celo.Buy(ctx, kotani.BuyCeloParams{PhoneNumber: customer, Amount: decimal.RequireFromString("1.5")})
		require.NoError(t, err)
		time.Sleep(10 * time.Second) // until the customer has paid
		balance, err := w.client.OnChain.Balance(ctx, customer, kotani.ChainCelo)
		require.NoError(t, err)
		assert.True(t, balance.Amount.Decimal.IsPositive())
		phone, err := w.client.KYC.PhoneByAddress(ctx, balance.Address)
		require.NoError(t, err)
		assert.Equal(t, customer, phone)

		order, err := w.client.Binance.CreateOrder(ctx, kotani.CreateOrderParams{
			Amount: twenty, GoodsName: "Tea", GoodsDetail: "Purple tea", Currency: "USDT", ReturnURL: "https://merchant.example/ok", CancelURL: "https://merchant.example/no",
		})
		require.NoError(t, err)
		assert.NotEmpty(t, order.CheckoutLink)
		_, err = w.client.Binance.CloseOrder(ctx, order.PrepayID)
		require.NoError(t, err)
		order, err = w.client.Binance.GetOrder(ctx, order.PrepayID)
		require.NoError(t, err)
		assert.Equal(t, kotani.OrderClosed, order.Status)

		params := kotani.CreateOrderParams{
			Amount: twenty, GoodsName: "Tea", GoodsDetail: "Purple tea", Currency: "USDT", ReturnURL: "https://merchant.example/ok", CancelURL: "https://merchant.example/no",
		}
		order, err = w.client.Binance.CreateOrder(ctx, params)
		require.NoError(t, err)
		require.NoError(t, w.PayOrder(order.PrepayID))
		order, err = w.client.Binance.GetOrder(ctx, order.PrepayID)
		require.NoError(t, err)
		assert.Equal(t, kotani.OrderPaid, order.Status)
		paid, err := w.client.Fiat.Get(ctx, order.RequestID)
		require.NoError(t, err)
		assert.Equal(t, kotani.StatusPending, paid.Status, "the payout starts at once")
		before := w.Balance("USDT")
		time.Sleep(10 * time.Second)
		wantMoney(t, before.Add(twenty).String(), w.Balance("USDT"))
		list, err := w.client.Fiat.List(ctx, kotani.TransactionListOptions{})
		require.NoError(t, err)
		var bought bool
		for _, item := range list.Items {
			bought = bought || item.Currency == "KES" && item.Type == kotani.Collections && item.TxHash != ""
		}
		assert.True(t, bought, "bought cUSD is among all transactions")
	})
}

func TestUsersAndProgrammes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		_, err := w.client.KYC.CreateUser(ctx, "+"+customer)
		require.ErrorIs(t, err, sdk.ErrDuplicate)
		v, err := w.client.KYC.VerifyUser(ctx, customer)
		require.NoError(t, err)
		assert.False(t, v.Verified)
		_, err = w.client.KYC.UpdateUser(ctx, kotani.UpdateUserParams{PhoneNumber: customer, FirstName: "Jane", LastName: "Doe", Email: "jane@example.com"})
		require.NoError(t, err)
		v, err = w.client.KYC.VerifyUser(ctx, customer)
		require.NoError(t, err)
		assert.True(t, v.Verified)
		_, err = w.client.KYC.VerifyUser(ctx, "254700000099")
		require.ErrorIs(t, err, sdk.ErrNotFound)
		_, err = w.client.KYC.FindUser(ctx, customer)
		require.NoError(t, err)
		_, err = w.client.KYC.ListUsers(ctx)
		require.NoError(t, err)

		is, err := w.client.UBI.IsBeneficiary(ctx, ubi)
		require.NoError(t, err)
		assert.True(t, is.Is)
		is, err = w.client.UBI.IsBeneficiary(ctx, kotani.UBIParams{PhoneNumber: customer, ProgramID: "another"})
		require.NoError(t, err)
		assert.False(t, is.Is)
		_, err = w.client.UBI.SetBeneficiary(ctx, ubi)
		require.ErrorIs(t, err, sdk.ErrDuplicate)
		_, err = w.client.UBI.Claim(ctx, ubi)
		require.NoError(t, err)
		_, err = w.client.UBI.Claim(ctx, ubi)
		require.ErrorIs(t, err, sdk.ErrRejected, "once a day")
		require.NoError(t, w.client.Health(ctx))
	})
}

func TestAWalletPaysOutToABankAccountAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		fc := w.client.FiatConnect
		out, err := fc.TransferOut(ctx, kotani.TransferParams{FiatAccountID: w.account, QuoteID: w.quoteOut, IdempotencyKey: "out-1"})
		require.NoError(t, err)
		assert.Regexp(t, "^0x[0-9A-Fa-f]{40}$", out.Address)
		again, err := fc.TransferOut(ctx, kotani.TransferParams{FiatAccountID: w.account, QuoteID: w.quoteOut, IdempotencyKey: "out-1"})
		require.NoError(t, err)
		assert.Equal(t, out.ID, again.ID, "one key, one transfer")
		_, err = fc.TransferOut(ctx, kotani.TransferParams{FiatAccountID: w.account, QuoteID: "another", IdempotencyKey: "out-1"})
		require.ErrorIs(t, err, sdk.ErrRejected)
		require.ErrorIs(t, err, sdk.ErrDuplicate)
		done, err := fc.WaitTransfer(ctx, out.ID)
		require.NoError(t, err)
		assert.Equal(t, kotani.TransferComplete, done.Status)
		assert.Equal(t, kotani.TransferTypeOut, done.Type)

		in, err := fc.TransferIn(ctx, kotani.TransferParams{FiatAccountID: w.account, QuoteID: w.quoteIn})
		require.NoError(t, err)
		require.NotNil(t, in.UserAction)
		done, err = fc.WaitTransfer(ctx, in.ID)
		require.NoError(t, err)
		assert.Equal(t, kotani.TransferComplete, done.Status)
		assert.NotEmpty(t, done.TxHash)
		assert.Equal(t, in.UserAction, done.UserAction)

		_, err = fc.TransferIn(ctx, kotani.TransferParams{FiatAccountID: w.account, QuoteID: w.quoteOut})
		require.ErrorIs(t, err, kotani.ErrInvalidQuote)
		_, err = fc.AddKYC(ctx, personalKYC)
		require.ErrorIs(t, err, kotani.ErrResourceExists)
		require.NoError(t, fc.DeleteKYC(ctx, kotani.KYCPersonal))
		require.ErrorIs(t, fc.DeleteKYC(ctx, kotani.KYCPersonal), kotani.ErrResourceNotFound)
		list, err := fc.ListAccounts(ctx)
		require.NoError(t, err)
		require.Len(t, list.Items, 1)

		stranger, err := fc.As(known(kotanitest.NewSigner("stranger")))
		require.NoError(t, err)
		_, err = stranger.GetTransfer(ctx, out.ID)
		require.ErrorIs(t, err, kotani.ErrResourceNotFound, "transfers have an owner")
		require.ErrorIs(t, stranger.DeleteAccount(ctx, w.account), kotani.ErrResourceNotFound)
		require.NoError(t, fc.DeleteAccount(ctx, w.account))

		low := quoteParams
		low.FiatAmount = decimal.NewFromInt(1)
		_, err = fc.QuoteOut(ctx, low)
		require.ErrorIs(t, err, kotani.ErrFiatAmountTooLow)
		assert.True(t, failure(t, err).Detail.(kotani.QuoteLimits).MinFiat.Valid)

		credentials, err := fc.CreateCredentials(ctx, "https://merchant.example/fc")
		require.NoError(t, err)
		cfg := w.ClientConfig()
		cfg.FiatConnect.Signer, cfg.FiatConnect.APIKey = known(jane()), credentials.APIKey
		keyed, err := kotani.New(cfg)
		require.NoError(t, err)
		_, err = keyed.FiatConnect.ListAccounts(ctx)
		require.NoError(t, err)
		cfg.FiatConnect.APIKey = "wrong"
		keyed, err = kotani.New(cfg)
		require.NoError(t, err)
		_, err = keyed.FiatConnect.ListAccounts(ctx)
		require.ErrorIs(t, err, sdk.ErrUnauthorized)
	})
}

func TestASessionOutlivesNoFourHours(t *testing.T) {
	srv := kotanitest.NewServer(t)
	cfg := srv.ClientConfig()
	signer := known(jane())
	cfg.FiatConnect.Signer = signer
	client, err := kotani.New(cfg)
	require.NoError(t, err)
	require.NoError(t, accounts(t.Context(), client))
	// Our clock has not moved; the server's has, and it says so.
	srv.Advance(5 * time.Hour)
	require.NoError(t, accounts(t.Context(), client))
	assert.Len(t, signer.signed(), 2)
	require.NoError(t, rates(context.Background(), client))
	srv.Advance(time.Hour)
	require.NoError(t, rates(context.Background(), client), "and the same for Kotani's own token")
}

// What the document says about Kotani's rules, as a client of the fake meets it. The
// tests of kotanitest have the same over plain HTTP.

func TestALoginNamesThePartnersCountry(t *testing.T) {
	for country, codes := range map[kotani.Country][]string{kotani.Kenya: {"KE", "KEN", "ke"}, kotani.Ghana: {"GH", "GHA", "gha"}} {
		srv := kotanitest.NewServer(t, kotanitest.Config{Country: country})
		require.NoError(t, mustClient(t, srv.ClientConfig()).Login(t.Context()), "the fake's own Config fits its country")
		for _, code := range append(codes, "UG", "Kenya") {
			cfg := srv.ClientConfig()
			cfg.CountryCode = code
			err := mustClient(t, cfg).Login(t.Context())
			if len(code) <= 3 && code != "UG" {
				require.NoError(t, err, code)
			} else {
				require.ErrorIs(t, err, sdk.ErrUnauthorized, code)
			}
		}
	}
}

func TestAQuoteNeedsAnAddressOnlyWhereTheServerIsStrict(t *testing.T) {
	for _, strict := range []bool{false, true} {
		srv := kotanitest.NewServer(t, kotanitest.Config{FiatConnect: kotanitest.FiatConnectConfig{StrictQuotes: strict}})
		client := mustClient(t, srv.ClientConfig())
		documented := kotani.TransferQuoteParams{FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: decimal.NewFromInt(1300), Country: "KE"}
		addressed := documented
		addressed.Address = walletAddress
		for _, ask := range []func(context.Context, kotani.TransferQuoteParams) (*kotani.TransferQuote, error){client.FiatConnect.QuoteIn, client.FiatConnect.QuoteOut} {
			q, err := ask(t.Context(), documented)
			if strict {
				require.ErrorIs(t, err, kotani.ErrInvalidParameters)
			} else {
				require.NoError(t, err)
				assert.NotEmpty(t, q.ID)
			}
			q, err = ask(t.Context(), addressed)
			require.NoError(t, err)
			assert.NotEmpty(t, q.ID)
		}
	}
}

// The client cannot see everything. What it lets through, the server refuses.
func TestTheServerChecksPhoneAndCurrencyToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		for name, call := range map[string]func() error{
			"a deposit from Rwanda": func() error {
				p := validDeposit
				p.PhoneNumber = "250788123456"
				_, err := w.client.Fiat.Deposit(ctx, p)
				return err
			},
			"a withdrawal to Uganda": func() error {
				p := validWithdraw
				p.PhoneNumber = "256712345678"
				_, err := w.client.Fiat.Withdraw(ctx, p)
				return err
			},
			"shillings from Ghana": func() error { // the quote knows the currency
				_, err := w.client.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: w.quote, PhoneNumber: "233201234567", ExternalID: "gh-1"})
				return err
			},
			"a payout to Uganda": func() error {
				_, err := w.client.Stellar.CashOut(ctx, kotani.CashOutParams{Country: "UG", PhoneNumber: "256712345678", TxHash: hash})
				return err
			},
			"USDT for cedis": func() error {
				_, err := w.client.Tron.CashIn(ctx, kotani.CashInParams{Country: kotani.Ghana, PhoneNumber: "233201234567", Amount: twenty})
				return err
			},
		} {
			assert.ErrorIs(t, call(), sdk.ErrRejected, name)
		}
		assert.Empty(t, w.Transactions())
		assert.NoError(t, w.CheckLedger())
	})
}

func TestAllTransactionsHaveClaimsAndBoughtCelo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		shillings := w.Balance("KES")
		_, err := w.client.UBI.Claim(ctx, ubi)
		require.NoError(t, err)
		_, err = w.client.Celo.Buy(ctx, kotani.BuyCeloParams{PhoneNumber: customer, Amount: decimal.RequireFromString("1.5")})
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		wantMoney(t, "0", shillings.Sub(w.Balance("KES"))) // the purchase is charged to the phone
		collected, err := w.client.Fiat.List(ctx, kotani.TransactionListOptions{Type: kotani.Collections})
		require.NoError(t, err)
		require.Len(t, collected.Items, 1)
		assert.Equal(t, customer, collected.Items[0].PhoneNumber)
		wantMoney(t, "195", collected.Items[0].Amount.Decimal)
		paid, err := w.client.Fiat.List(ctx, kotani.TransactionListOptions{Type: kotani.Payouts})
		require.NoError(t, err)
		require.Len(t, paid.Items, 1)
		assert.Equal(t, "cUSD", paid.Items[0].Currency)
		wantMoney(t, "1", paid.Items[0].Amount.Decimal)
		all, err := w.client.Fiat.List(ctx, kotani.TransactionListOptions{})
		require.NoError(t, err)
		assert.Len(t, all.Items, 2)
	})
}

func TestProgrammesAndPurchasesNeedAUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		const stranger = "254799999999"
		p := kotani.UBIParams{PhoneNumber: stranger, ProgramID: ubi.ProgramID}
		_, err := w.client.UBI.SetBeneficiary(ctx, p)
		require.ErrorIs(t, err, sdk.ErrNotFound)
		_, err = w.client.UBI.Claim(ctx, p)
		require.ErrorIs(t, err, sdk.ErrRejected)
		_, err = w.client.Celo.Buy(ctx, kotani.BuyCeloParams{PhoneNumber: stranger, Amount: twenty})
		require.ErrorIs(t, err, sdk.ErrRejected)
		assert.Empty(t, w.Transactions())
	})
}

func TestTheStatusOfAVerificationIsAStringOrABoolean(t *testing.T) {
	for _, boolean := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w, ctx := newWorldWith(t, kotanitest.Config{Quirks: kotanitest.Quirks{StatusAsBool: boolean}}), t.Context()
			words := map[bool][]string{false: {"unverified", "verified"}, true: {"false", "true"}}[boolean]
			v, err := w.client.KYC.VerifyUser(ctx, customer)
			require.NoError(t, err)
			assert.Equal(t, words[0], v.Status)
			assert.False(t, v.Verified)
			_, err = w.client.KYC.UpdateUser(ctx, kotani.UpdateUserParams{PhoneNumber: customer, FirstName: "Jane", LastName: "Doe", Email: "jane@example.com"})
			require.NoError(t, err)
			v, err = w.client.KYC.VerifyUser(ctx, customer)
			require.NoError(t, err)
			assert.Equal(t, words[1], v.Status)
			assert.True(t, v.Verified)
		})
	}
}

func TestAnAcceptedQuoteOutPricesOnePayout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		accept := func(coin string) string {
			q, err := w.client.Quotes.Out(ctx, kotani.QuoteParams{Amount: decimal.NewFromInt(10), Currency: "KES", CryptoType: coin})
			require.NoError(t, err)
			_, err = w.client.Quotes.AcceptOut(ctx, q.ID)
			require.NoError(t, err)
			return q.ID
		}
		p := kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: customer, TxHash: hash, AcceptedQuoteID: accept("USDC")}
		_, err := w.client.Tron.CashOut(ctx, p)
		require.ErrorIs(t, err, sdk.ErrRejected, "a quote for another coin")
		paid, err := w.client.Stellar.CashOut(ctx, p)
		require.NoError(t, err)
		wantMoney(t, "1300", paid.Amount.Decimal)
		p.TxHash = "0x" + strings.Repeat("7", 64)
		_, err = w.client.Stellar.CashOut(ctx, p)
		require.ErrorIs(t, err, sdk.ErrDuplicate, "a quote is used once")
	})
}

func TestAnOrderEndsPaidFailedOrClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		create := func() string {
			o, err := w.client.Binance.CreateOrder(ctx, kotani.CreateOrderParams{
				Amount: twenty, GoodsName: "Tea", GoodsDetail: "Purple tea", Currency: "USDT",
				ReturnURL: "https://merchant.example/ok", CancelURL: "https://merchant.example/no",
			})
			require.NoError(t, err)
			assert.Equal(t, kotani.OrderInitial, o.Status)
			return o.PrepayID
		}
		paid, failed, unpaid := create(), create(), create()
		require.NoError(t, w.PayOrder(paid))
		require.NoError(t, w.MoveOrder(failed, kotani.OrderFailed))
		for _, id := range []string{paid, failed} {
			_, err := w.client.Binance.CloseOrder(ctx, id)
			require.ErrorIs(t, err, sdk.ErrRejected)
		}
		time.Sleep(time.Hour)
		for id, want := range map[string]kotani.OrderStatus{paid: kotani.OrderPaid, failed: kotani.OrderFailed, unpaid: kotani.OrderClosed} {
			o, err := w.client.Binance.GetOrder(ctx, id)
			require.NoError(t, err)
			assert.Equal(t, want, o.Status)
		}
	})
}
