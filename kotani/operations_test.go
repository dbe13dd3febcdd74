package kotani_test

import (
	"cmp"
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
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

const hash = "0x1111111111111111111111111111111111111111111111111111111111111111"

var twenty = decimal.NewFromInt(20)

// wireCalls has one entry per exported method that sends a request, with the
// path behind the base URL. Parameters are complete, so that a request shows
// every key it can have.
var wireCalls = map[string]struct {
	op   string
	uri  string
	call func(context.Context, *kotani.Client) error
}{
	"Login":  {kotani.OpLogin, "/api/login", func(ctx context.Context, c *kotani.Client) error { return c.Login(ctx) }},
	"Health": {kotani.OpHealth, "/health", func(ctx context.Context, c *kotani.Client) error { return c.Health(ctx) }},

	"Binance.CreateOrder": {kotani.OpCreateOrder, "/binance/order/create", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Binance.CreateOrder(ctx, kotani.CreateOrderParams{
			Amount: decimal.NewFromInt(10), GoodsName: "string", GoodsDetail: "string", Currency: "string",
			ReturnURL: "https://merchant.example/ok", CancelURL: "https://merchant.example/no",
		})
		return err
	}},
	"Binance.CloseOrder": {kotani.OpCloseOrder, "/binance/order/close", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Binance.CloseOrder(ctx, "string")
		return err
	}},
	"Binance.GetOrder": {kotani.OpQueryOrder, "/binance/order/query", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Binance.GetOrder(ctx, "string")
		return err
	}},

	"Celo.Buy": {kotani.OpBuyCelo, "/dex/buyCelo", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Celo.Buy(ctx, kotani.BuyCeloParams{PhoneNumber: "254712345678", Amount: decimal.RequireFromString("1.5")})
		return err
	}},
	"Celo.PrepareBuy": {kotani.OpBuyCelo, "/dex/buyCelo", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Celo.PrepareBuy(kotani.BuyCeloParams{PhoneNumber: "254712345678", Amount: decimal.RequireFromString("1.5")})
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Celo.SendToMpesa": {kotani.OpSendToMpesa, "/transactions/withdraw/sendToMpesa", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Celo.SendToMpesa(ctx, validMpesa)
		return err
	}},
	"Celo.PrepareSendToMpesa": {kotani.OpSendToMpesa, "/transactions/withdraw/sendToMpesa", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Celo.PrepareSendToMpesa(validMpesa)
		return clienttest.SendPrepared(ctx, p, err)
	}},

	"Fiat.Deposit": {kotani.OpDeposit, "/transactions/deposit/stkpush", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.Deposit(ctx, validDeposit)
		return err
	}},
	"Fiat.PrepareDeposit": {kotani.OpDeposit, "/transactions/deposit/stkpush", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Fiat.PrepareDeposit(validDeposit)
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Fiat.DepositQuoted": {kotani.OpDepositQuoted, "/transactions/deposit/quote", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{
			AcceptedQuoteID: "hiwurhr", PhoneNumber: "254712345678", ExternalID: "order-1", CallbackURL: "https://merchant.example/kotani",
		})
		return err
	}},
	"Fiat.PrepareDepositQuoted": {kotani.OpDepositQuoted, "/transactions/deposit/quote", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Fiat.PrepareDepositQuoted(kotani.QuotedDepositParams{
			AcceptedQuoteID: "hiwurhr", PhoneNumber: "254712345678", ExternalID: "order-1", CallbackURL: "https://merchant.example/kotani",
		})
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Fiat.Get": {kotani.OpStatusByRequestID, "/transactions/status/r%2F1", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.Get(ctx, "r/1")
		return err
	}},
	"Fiat.WaitRequest": {kotani.OpStatusByRequestID, "/transactions/status/r1", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.WaitRequest(ctx, "r1")
		return err
	}},
	"Fiat.Find": {kotani.OpStatusByExternalID, "/transactions/status/external/order-1?transactionalType=Payouts", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.Find(ctx, "order-1", kotani.Payouts)
		return err
	}},
	"Fiat.Wait": {kotani.OpStatusByExternalID, "/transactions/status/external/order-1?transactionalType=Collections", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.Wait(ctx, "order-1", kotani.Collections)
		return err
	}},
	"Fiat.Withdraw": {kotani.OpWithdraw, "/transactions/withdraw/momo", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.Withdraw(ctx, validWithdraw)
		return err
	}},
	"Fiat.PrepareWithdraw": {kotani.OpWithdraw, "/transactions/withdraw/momo", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Fiat.PrepareWithdraw(validWithdraw)
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Fiat.WithdrawToBank": {kotani.OpWithdrawToBank, "/transactions/withdraw/bank", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.WithdrawToBank(ctx, validBank)
		return err
	}},
	"Fiat.PrepareWithdrawToBank": {kotani.OpWithdrawToBank, "/transactions/withdraw/bank", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Fiat.PrepareWithdrawToBank(validBank)
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Fiat.PayBill": {kotani.OpPayBill, "/transactions/paybill", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.PayBill(ctx, kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: twenty, CallbackURL: "https://merchant.example/kotani"})
		return err
	}},
	"Fiat.PreparePayBill": {kotani.OpPayBill, "/transactions/paybill", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Fiat.PreparePayBill(kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: twenty, CallbackURL: "https://merchant.example/kotani"})
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Fiat.PayTill": {kotani.OpPayTill, "/transactions/till", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.PayTill(ctx, kotani.PayTillParams{TillNumber: "12345", Amount: twenty, CallbackURL: "https://merchant.example/kotani"})
		return err
	}},
	"Fiat.PreparePayTill": {kotani.OpPayTill, "/transactions/till", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Fiat.PreparePayTill(kotani.PayTillParams{TillNumber: "12345", Amount: twenty, CallbackURL: "https://merchant.example/kotani"})
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Fiat.List": {kotani.OpTransactions, "/transactions?limit=10&orderBy=asc&transactionType=Payouts", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Fiat.List(ctx, kotani.TransactionListOptions{Type: kotani.Payouts, Limit: 10, OrderBy: "asc"})
		return err
	}},

	"FiatConnect.Login": {kotani.OpFiatConnectLogin, "/fiatconnect/auth/login", func(ctx context.Context, c *kotani.Client) error {
		return c.FiatConnect.Login(ctx)
	}},
	"FiatConnect.Clock": {kotani.OpFiatConnectClock, "/fiatconnect/clock", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.Clock(ctx)
		return err
	}},
	"FiatConnect.CreateCredentials": {kotani.OpCreateCredentials, "/fiatconnect/credentials", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.CreateCredentials(ctx, "https://merchant.example/fiatconnect")
		return err
	}},
	"FiatConnect.QuoteIn": {kotani.OpTransferQuoteIn, "/fiatconnect/quote/in", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.QuoteIn(ctx, kotani.TransferQuoteParams{FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: twenty, Country: "KE"})
		return err
	}},
	"FiatConnect.QuoteOut": {kotani.OpTransferQuoteOut, "/fiatconnect/quote/out", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.QuoteOut(ctx, kotani.TransferQuoteParams{FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, CryptoAmount: twenty, Country: "KE"})
		return err
	}},
	"FiatConnect.AddKYC": {kotani.OpAddKYC, "/fiatconnect/kyc/PersonalDataAndDocuments", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.AddKYC(ctx, kotaniKYC)
		return err
	}},
	"FiatConnect.GetKYC": {kotani.OpKYCStatus, "/fiatconnect/kyc/PersonalDataAndDocuments/status", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.GetKYC(ctx, kotani.KYCPersonal)
		return err
	}},
	"FiatConnect.WaitKYC": {kotani.OpKYCStatus, "/fiatconnect/kyc/PersonalDataAndDocuments/status", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.WaitKYC(ctx, kotani.KYCPersonal)
		return err
	}},
	"FiatConnect.DeleteKYC": {kotani.OpDeleteKYC, "/fiatconnect/kyc/PersonalDataAndDocuments", func(ctx context.Context, c *kotani.Client) error {
		return c.FiatConnect.DeleteKYC(ctx, kotani.KYCPersonal)
	}},
	"FiatConnect.AddAccount": {kotani.OpAddFiatAccount, "/fiatconnect/accounts", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.AddAccount(ctx, mobileMoney)
		return err
	}},
	"FiatConnect.ListAccounts": {kotani.OpFiatAccounts, "/fiatconnect/accounts", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.ListAccounts(ctx)
		return err
	}},
	"FiatConnect.DeleteAccount": {kotani.OpDeleteFiatAccount, "/fiatconnect/accounts/a-1", func(ctx context.Context, c *kotani.Client) error {
		return c.FiatConnect.DeleteAccount(ctx, "a-1")
	}},
	"FiatConnect.TransferIn": {kotani.OpTransferIn, "/fiatconnect/transfer/in", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.TransferIn(ctx, kotani.TransferParams{FiatAccountID: "a-1", QuoteID: "q-1"})
		return err
	}},
	"FiatConnect.PrepareTransferIn": {kotani.OpTransferIn, "/fiatconnect/transfer/in", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.FiatConnect.PrepareTransferIn(kotani.TransferParams{FiatAccountID: "a-1", QuoteID: "q-1", IdempotencyKey: "k-1"})
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"FiatConnect.TransferOut": {kotani.OpTransferOut, "/fiatconnect/transfer/out", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.TransferOut(ctx, kotani.TransferParams{FiatAccountID: "a-1", QuoteID: "q-1"})
		return err
	}},
	"FiatConnect.PrepareTransferOut": {kotani.OpTransferOut, "/fiatconnect/transfer/out", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.FiatConnect.PrepareTransferOut(kotani.TransferParams{FiatAccountID: "a-1", QuoteID: "q-1", IdempotencyKey: "k-1"})
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"FiatConnect.GetTransfer": {kotani.OpFiatConnectTransfer, "/fiatconnect/transfer/t-1/status", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.GetTransfer(ctx, "t-1")
		return err
	}},
	"FiatConnect.WaitTransfer": {kotani.OpFiatConnectTransfer, "/fiatconnect/transfer/t-1/status", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.WaitTransfer(ctx, "t-1")
		return err
	}},

	"KYC.CreateUser": {kotani.OpCreateUser, "/kyc/user/create", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.KYC.CreateUser(ctx, "254712345678")
		return err
	}},
	"KYC.VerifyUser": {kotani.OpVerifyUser, "/kyc/user/isverifiedcheck", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.KYC.VerifyUser(ctx, "254712345678")
		return err
	}},
	"KYC.UpdateUser": {kotani.OpUpdateUser, "/kyc/user/update", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.KYC.UpdateUser(ctx, kotani.UpdateUserParams{PhoneNumber: "254712345678", FirstName: "Jane", LastName: "Doe", Email: "jane@example.com"})
		return err
	}},
	"KYC.FindUser": {kotani.OpUserByPhone, "/kyc/user/getDetailsByPhone", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.KYC.FindUser(ctx, "254712345678")
		return err
	}},
	"KYC.ListUsers": {kotani.OpUsers, "/kyc/users", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.KYC.ListUsers(ctx)
		return err
	}},
	"KYC.PhoneByAddress": {kotani.OpPhoneByAddress, "/kyc/user/getPhoneByAddress", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.KYC.PhoneByAddress(ctx, walletAddress)
		return err
	}},

	"OnChain.Balance": {kotani.OpBalance, "/user/account/getBalance", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.OnChain.Balance(ctx, "254712345678", kotani.ChainCelo)
		return err
	}},
	"OnChain.EscrowRates": {kotani.OpEscrowRates, "/transactions/getEscrow", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.OnChain.EscrowRates(ctx)
		return err
	}},

	"Stellar.CashOut": {kotani.OpStellarCashOut, "/stellar/cashout/KE", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Stellar.CashOut(ctx, kotani.CashOutParams{
			Country: kotani.Kenya, PhoneNumber: "254712345678", TxHash: hash[2:], CallbackURL: "https://merchant.example/kotani",
			Name: "Jane", Email: "jane@example.com", Description: "wages",
		})
		return err
	}},
	"Stellar.PrepareCashOut": {kotani.OpStellarCashOut, "/stellar/cashout/KE", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Stellar.PrepareCashOut(kotani.CashOutParams{
			Country: kotani.Kenya, PhoneNumber: "254712345678", TxHash: hash[2:], CallbackURL: "https://merchant.example/kotani",
			Name: "Jane", Email: "jane@example.com", Description: "wages",
		})
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Quotes.In": {kotani.OpQuoteIn, "/quotes/in", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Quotes.In(ctx, kotani.QuoteParams{Amount: twenty, Currency: "KES", CryptoType: "cUSD"})
		return err
	}},
	"Quotes.Out": {kotani.OpQuoteOut, "/quotes/out", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Quotes.Out(ctx, kotani.QuoteParams{Amount: twenty, Currency: "KES", CryptoType: "cUSD"})
		return err
	}},
	"Quotes.AcceptIn": {kotani.OpAcceptQuoteIn, "/quotes/in/accept", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Quotes.AcceptIn(ctx, "q-1")
		return err
	}},
	"Quotes.AcceptOut": {kotani.OpAcceptQuoteOut, "/quotes/out/accept", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Quotes.AcceptOut(ctx, "q-1")
		return err
	}},
	"Tron.CashOut": {kotani.OpTronCashOut, "/tron/cashout/GH", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Tron.CashOut(ctx, kotani.CashOutParams{
			Country: kotani.Ghana, PhoneNumber: "233712345678", TxHash: hash, CallbackURL: "https://merchant.example/kotani", Name: "Jane", Email: "jane@example.com",
		})
		return err
	}},
	"Tron.PrepareCashOut": {kotani.OpTronCashOut, "/tron/cashout/GH", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Tron.PrepareCashOut(kotani.CashOutParams{
			Country: kotani.Ghana, PhoneNumber: "233712345678", TxHash: hash, CallbackURL: "https://merchant.example/kotani", Name: "Jane", Email: "jane@example.com",
		})
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"Tron.CashIn": {kotani.OpTronCashIn, "/tron/cashin/KE", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.Tron.CashIn(ctx, kotani.CashInParams{Country: kotani.Kenya, PhoneNumber: "254712345678", Amount: twenty, ExternalID: "order-1"})
		return err
	}},
	"Tron.PrepareCashIn": {kotani.OpTronCashIn, "/tron/cashin/KE", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.Tron.PrepareCashIn(kotani.CashInParams{Country: kotani.Kenya, PhoneNumber: "254712345678", Amount: twenty, ExternalID: "order-1"})
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"UBI.Claim": {kotani.OpUBIClaim, "/transactions/ubi/claimfunds", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.UBI.Claim(ctx, ubi)
		return err
	}},
	"UBI.PrepareClaim": {kotani.OpUBIClaim, "/transactions/ubi/claimfunds", func(ctx context.Context, c *kotani.Client) error {
		p, err := c.UBI.PrepareClaim(ubi)
		return clienttest.SendPrepared(ctx, p, err)
	}},
	"UBI.IsBeneficiary": {kotani.OpIsBeneficiary, "/transactions/ubi/checkIfBeneficiary", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.UBI.IsBeneficiary(ctx, ubi)
		return err
	}},
	"UBI.SetBeneficiary": {kotani.OpSetBeneficiary, "/transactions/ubi/setBeneficiary", func(ctx context.Context, c *kotani.Client) error {
		_, err := c.UBI.SetBeneficiary(ctx, ubi)
		return err
	}},
}

var (
	validDeposit  = kotani.DepositParams{Amount: decimal.NewFromInt(10), PhoneNumber: "254712345678", ExternalID: "order-1", CallbackURL: "https://merchant.example/kotani"}
	validWithdraw = kotani.WithdrawParams{Amount: twenty, PhoneNumber: "254722222222", ExternalID: "order-1", CallbackURL: "https://merchant.example/kotani"}
	validBank     = kotani.BankWithdrawParams{
		Amount: twenty, AccountNumber: "0123456789", AccountName: "Jane Doe", Bank: kotani.BankKCB, ExternalID: "order-1", CallbackURL: "https://merchant.example/kotani",
	}
	validMpesa  = kotani.SendToMpesaParams{PhoneNumber: "254712345678", TxHash: hash}
	ubi         = kotani.UBIParams{PhoneNumber: "254712345678", ProgramID: "p-1"}
	mobileMoney = kotani.MobileMoneyAccount{AccountName: "Jane", InstitutionName: "Safaricom", Mobile: "+254712345678", Country: "KE", Operator: "M-Pesa"}
	kotaniKYC   = kotani.KotaniKYC{
		FirstName: "Jane", LastName: "Doe", PhoneNumber: "254712345678", LocalCurrency: kotani.FiatKES, CeloPublicAddress: walletAddress,
		Address:     kotani.PostalAddress{Address1: "Moi Avenue 1", ISOCountryCode: "KE", ISORegionCode: "KE-30", City: "Nairobi"},
		DateOfBirth: kotani.DateOfBirth{Day: "3", Month: "4", Year: "1990"},
	}
)

// payments are the methods of the rows that move money.
var payments = func() map[string]sdk.Operation {
	all := map[string]sdk.Operation{}
	for method, call := range wireCalls {
		for _, row := range kotani.Operations() {
			if row.Name == call.op && row.MovesMoney {
				all[method] = row
			}
		}
	}
	return all
}()

// These send nothing of their own: Do takes a path, As a signer.
var otherMethods = map[string]bool{"Do": true, "FiatConnect.As": true, "FiatConnect.Do": true, "FiatConnect.Format": true}

func TestEveryMethodSendsItsRow(t *testing.T) {
	rows := map[string]sdk.Operation{}
	for _, op := range kotani.Operations() {
		rows[op.Name] = op
	}
	used := map[string]bool{}
	for _, method := range exportedMethods() {
		if otherMethods[method] {
			continue
		}
		want, ok := wireCalls[method]
		if !assert.True(t, ok, "%s is exported, and no test says which row it sends", method) {
			continue
		}
		used[want.op] = true
		t.Run(method, func(t *testing.T) {
			// A refusal ends every method after its first request.
			refusal := respond(401, `{"status":"Unauthorized"}`)
			if strings.HasPrefix(want.op, "fiatconnect.") {
				refusal = respond(400, `{"error":"InvalidParameters"}`)
			}
			s := newScript(refusal)
			for end := range s.aside {
				if strings.HasSuffix(want.uri, end) {
					delete(s.aside, end)
				}
			}
			err := want.call(t.Context(), newClient(t, s))

			e := failure(t, err)
			assert.Equal(t, want.op, e.Operation)
			assert.Equal(t, sdk.Rejected, e.Outcome)
			seen := s.requests()
			if want.op == kotani.OpFiatConnectLogin {
				require.Len(t, s.asides(clockPath), 1)
			}
			require.Len(t, seen, 1)
			row := rows[want.op]
			assert.Equal(t, row.Method, seen[0].Method)
			assert.Equal(t, "/api_v2"+want.uri, strings.TrimSuffix(seen[0].Path+"?"+seen[0].Query, "?"))
			assert.Equal(t, "kotani.example", seen[0].Host)
			assert.Equal(t, row.Class == sdk.Keyed, seen[0].Header.Get("Idempotency-Key") != "")
			switch {
			case row.Open:
				assert.Empty(t, seen[0].Header.Values("Authorization"))
				assert.Empty(t, seen[0].Header.Values("Cookie"))
			case strings.HasPrefix(row.Name, "fiatconnect."):
				assert.Empty(t, seen[0].Header.Values("Authorization"))
				assert.Equal(t, []string{sessionPair}, seen[0].Header.Values("Cookie"))
			default:
				assert.Equal(t, []string{"Bearer " + token}, seen[0].Header.Values("Authorization"))
				assert.Empty(t, seen[0].Header.Values("Cookie"))
			}
			if seen[0].Body != "" {
				assert.Equal(t, "application/json", seen[0].Header.Get("Content-Type"))
			}
		})
	}
	for name := range rows {
		assert.True(t, used[name], "no method sends row %s", name)
	}
}

func exportedMethods() []string {
	var methods []string
	add := func(prefix string, of reflect.Type) {
		for i := range of.NumMethod() {
			methods = append(methods, prefix+of.Method(i).Name)
		}
	}
	add("", reflect.TypeFor[*kotani.Client]())
	client := reflect.TypeFor[kotani.Client]()
	for i := range client.NumField() {
		if field := client.Field(i); field.IsExported() {
			add(field.Name+".", field.Type)
		}
	}
	return methods
}

// The table of the fact sheet: operation, method, path, grade.
func TestTheTableIsThatOfTheFactSheet(t *testing.T) {
	const sheet = `auth.login POST /api/login A
binance.create_order POST /binance/order/create U
binance.close_order POST /binance/order/close U
binance.query_order POST /binance/order/query U
celo.buy POST /dex/buyCelo A-
celo.send_to_mpesa POST /transactions/withdraw/sendToMpesa A
fiat.deposit POST /transactions/deposit/stkpush B
fiat.deposit_quoted POST /transactions/deposit/quote U
fiat.status_by_request_id GET /transactions/status/{requestId} B
fiat.status_by_external_id GET /transactions/status/external/{externalId} U
fiat.withdraw POST /transactions/withdraw/momo A-/B
fiat.transactions GET /transactions U
fiat.pay_bill POST /transactions/paybill A-/B
fiat.pay_till POST /transactions/till C/U
fiat.withdraw_to_bank POST /transactions/withdraw/bank C/U
fiatconnect.login POST /fiatconnect/auth/login A/U
fiatconnect.create_credentials POST /fiatconnect/credentials U
fiatconnect.clock GET /fiatconnect/clock A/U
fiatconnect.quote_in POST /fiatconnect/quote/in A/U
fiatconnect.quote_out POST /fiatconnect/quote/out A/U
fiatconnect.add_kyc POST /fiatconnect/kyc/{kycSchema} A/U
fiatconnect.kyc_status GET /fiatconnect/kyc/{kycSchema}/status A/U
fiatconnect.delete_kyc DELETE /fiatconnect/kyc/{kycSchema} A/U
fiatconnect.add_account POST /fiatconnect/accounts A/U
fiatconnect.accounts GET /fiatconnect/accounts A/U
fiatconnect.delete_account DELETE /fiatconnect/accounts/{fiatAccountId} A/U
fiatconnect.transfer_in POST /fiatconnect/transfer/in A/U
fiatconnect.transfer_out POST /fiatconnect/transfer/out A/U
fiatconnect.transfer GET /fiatconnect/transfer/{transferId}/status A/U
health.check GET /health C
kyc.create_user POST /kyc/user/create A
kyc.verify_user POST /kyc/user/isverifiedcheck A
kyc.update_user POST /kyc/user/update C
kyc.user_by_phone POST /kyc/user/getDetailsByPhone A-
kyc.users GET /kyc/users U
kyc.phone_by_address POST /kyc/user/getPhoneByAddress U
onchain.balance POST /user/account/getBalance A
onchain.escrow_rates POST /transactions/getEscrow A-
stellar.cash_out POST /stellar/cashout/{countryCode} U
quotes.in POST /quotes/in U
quotes.out POST /quotes/out U
quotes.accept_in POST /quotes/in/accept U
quotes.accept_out POST /quotes/out/accept U
tron.cash_out POST /tron/cashout/{countryCode} U
tron.cash_in POST /tron/cashin/{countryCode} U
ubi.claim POST /transactions/ubi/claimfunds A
ubi.is_beneficiary POST /transactions/ubi/checkIfBeneficiary A
ubi.set_beneficiary POST /transactions/ubi/setBeneficiary A`
	sources := map[string]string{
		kotani.OpLogin: "vendor-extra", kotani.OpBuyCelo: "vendor-extra", kotani.OpSendToMpesa: "vendor-extra", kotani.OpWithdraw: "vendor-extra",
		kotani.OpCreateUser: "vendor-extra", kotani.OpVerifyUser: "vendor-extra", kotani.OpUpdateUser: "vendor-extra", kotani.OpUserByPhone: "vendor-extra",
		kotani.OpBalance: "vendor-extra", kotani.OpEscrowRates: "vendor-extra",
		kotani.OpUBIClaim: "vendor-extra", kotani.OpIsBeneficiary: "vendor-extra", kotani.OpSetBeneficiary: "vendor-extra",
		kotani.OpDeposit: "observed", kotani.OpPayBill: "observed", kotani.OpStatusByRequestID: "observed",
	}
	var lines []string
	for _, op := range kotani.Operations() {
		lines = append(lines, op.Name+" "+op.Method+" "+op.Path+" "+op.Grade)
		assert.Equal(t, cmp.Or(sources[op.Name], "assumed"), string(op.Source), op.Name)
		if op.MovesMoney {
			assert.NotEqual(t, "safe", op.Class.String(), op.Name)
		}
	}
	assert.Len(t, lines, 48)
	assert.Equal(t, sheet, strings.Join(lines, "\n"))
}

func TestMoneyMovesOnlyByTheseClasses(t *testing.T) {
	want := map[string]string{
		kotani.OpBuyCelo: "once", kotani.OpSendToMpesa: "once",
		kotani.OpDeposit: "searched", kotani.OpDepositQuoted: "searched", kotani.OpWithdraw: "searched", kotani.OpWithdrawToBank: "searched",
		kotani.OpPayBill: "once", kotani.OpPayTill: "once",
		kotani.OpTransferIn: "keyed", kotani.OpTransferOut: "keyed",
		kotani.OpStellarCashOut: "once", kotani.OpTronCashOut: "once", kotani.OpTronCashIn: "once", kotani.OpUBIClaim: "once",
	}
	got := map[string]string{}
	for _, op := range kotani.Operations() {
		if op.MovesMoney {
			got[op.Name] = op.Class.String()
		}
	}
	assert.Equal(t, want, got)
}

func TestOperationsReturnsACopy(t *testing.T) {
	kotani.Operations()[0].Path = "/elsewhere"
	assert.Equal(t, "/api/login", kotani.Operations()[0].Path)
}

func TestRoutesCanBeOverridden(t *testing.T) {
	s := newScript(respond(200, `{"result":{"requestId":"r 1","status":"PENDING"}}`))
	client := newClient(t, s, func(c *kotani.Config) {
		c.MaxAttempts = 1
		c.Routes = map[string]sdk.Route{
			kotani.OpStatusByRequestID: {Method: "POST", Path: "/v2/{requestId}/state"},
			kotani.OpFiatAccounts:      {Path: "/fc/accounts"},
		}
	})
	_, err := client.Fiat.Get(t.Context(), "r 1")
	require.NoError(t, err)
	assert.Equal(t, "POST", s.requests()[0].Method)
	assert.Equal(t, "/api_v2/v2/r%201/state", s.requests()[0].Path)
	_, _ = client.FiatConnect.ListAccounts(t.Context())
	assert.Equal(t, "/api_v2/fc/accounts", s.requests()[1].Path)
}

func TestRoutesThatCannotWorkAreRefused(t *testing.T) {
	for name, routes := range map[string]map[string]sdk.Route{
		"unknown operation":   {"fiat.print": {Path: "/x"}},
		"unknown placeholder": {kotani.OpDeposit: {Path: "/deposit/{externalId}"}},
		"no leading slash":    {kotani.OpDeposit: {Path: "deposit"}},
		"a bad method":        {kotani.OpDeposit: {Method: "POST /"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kotani.New(kotani.Config{BaseURL: "https://kotani.example", Routes: routes})
			require.Error(t, err)
			assert.True(t, strings.HasPrefix(err.Error(), "kotani: Routes: "), err.Error())
		})
	}
}

func TestFiatConnectCanBeMountedElsewhere(t *testing.T) {
	s := newScript(respond(200, `{}`))
	client := newClient(t, s, func(c *kotani.Config) {
		c.FiatConnect.BaseURL = "https://fc.example/v1/"
		c.Routes = map[string]sdk.Route{kotani.OpDeleteFiatAccount: {Path: "/gone/{fiatAccountId}"}}
	})
	_, err := client.FiatConnect.ListAccounts(t.Context())
	require.NoError(t, err)
	require.NoError(t, client.FiatConnect.DeleteAccount(t.Context(), "a-1"))
	assert.Equal(t, "fc.example/v1/accounts", s.requests()[0].Host+s.requests()[0].Path)
	assert.Equal(t, "fc.example/v1/gone/a-1", s.requests()[1].Host+s.requests()[1].Path)
	assert.Equal(t, "/v1/auth/login", s.asides(siwePath)[0].Path)

	other, err := client.FiatConnect.As(&wallet{address: walletAddress})
	require.NoError(t, err)
	_, err = other.ListAccounts(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "fc.example/v1/accounts", s.requests()[2].Host+s.requests()[2].Path)
	require.NoError(t, client.Health(t.Context()))
	assert.Equal(t, "kotani.example/api_v2/health", s.requests()[3].Host+s.requests()[3].Path)
}

func TestNoIDOrReferenceHasWhiteSpaceAtItsEnds(t *testing.T) {
	client, err := kotani.New(kotani.Config{BaseURL: "https://a.example", PhoneNumber: "254712345678", CountryCode: "KEN", Password: "p"})
	require.NoError(t, err)
	clienttest.CheckEdges(t, client, kotani.Operations(),
		"TransactionType", "FiatConnect.CreateCredentials", // no id
		"KYC.CreateUser", "KYC.FindUser", "KYC.VerifyUser", "OnChain.Balance", // phone numbers
		// Their parameter is no id by its name; the transport refuses it in any path.
		kotani.OpAddKYC, kotani.OpStellarCashOut, kotani.OpTronCashOut, kotani.OpTronCashIn)
}

func TestWithoutAContextNothingIsSent(t *testing.T) {
	s := newScript(respond(500, ""))
	client := newClient(t, s)
	clienttest.CheckNilContexts(t, slices.Sorted(maps.Keys(wireCalls)), func() int { return len(s.actions()) }, func(method string, ctx context.Context) error {
		return wireCalls[method].call(ctx, client)
	})
}
