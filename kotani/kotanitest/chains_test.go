package kotanitest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

var order = object{
	"amount": 10, "goodsName": "Rice", "goodsDetail": "5 kg", "currency": "USDT",
	"returnUrl": "https://merchant.localhost/ok", "cancelUrl": "https://merchant.localhost/no",
}

func TestBinanceOrders(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{TokenLifetime: 2 * time.Hour})
	create := func() string {
		r := p.result(p.post("/binance/order/create", order.with("callback", hook)))
		assert.Equal(t, "INITIAL", r["status"])
		assert.NotEmpty(t, r["checkoutLink"])
		assert.NotEmpty(t, r["qrcodeLink"])
		return r["prepayId"].(string)
	}
	at := func(path, id string) object { return p.post("/binance/order/"+path, object{"prepayId": id}) }
	status := func(id string) any { return p.result(at("query", id))["status"] }

	paid, closed, expired := create(), create(), create()
	require.NoError(t, p.PayOrder(paid))
	payout := p.result(at("query", paid))["requestId"].(string)
	p.wantStatus("PENDING", payout)
	p.wantBalance("0", "USDT")
	p.Advance(10 * time.Second)
	p.wantStatus("SUCCESSFUL", payout)
	p.wantBalance("10", "USDT")
	require.Len(t, p.callbacks(), 1)
	assert.Equal(t, payout, p.callbacks()[0]["requestId"])
	failed := create()
	require.NoError(t, p.MoveOrder(failed, kotani.OrderFailed))
	require.ErrorIs(t, p.PayOrder(failed), fake.ErrIllegalMove)
	require.ErrorIs(t, p.MoveOrder(expired, kotani.OrderInitial), fake.ErrIllegalMove)
	p.wantRefused("order has failed already", at("close", failed))
	assert.Equal(t, "CLOSED", p.result(at("close", closed))["status"])
	p.wantRefused("order is already paid", at("close", paid))
	p.wantRefused("order is already closed", at("close", closed))
	require.ErrorIs(t, p.PayOrder(closed), fake.ErrIllegalMove)
	require.ErrorIs(t, p.PayOrder("none"), fake.ErrNotFound)
	p.Advance(time.Hour - 1 - 10*time.Second)
	assert.Equal(t, "INITIAL", status(expired))
	p.Advance(1)
	assert.Equal(t, []any{"PAID", "CLOSED", "CLOSED", "FAILED"}, []any{status(paid), status(closed), status(expired), status(failed)})
	require.ErrorIs(t, p.PayOrder(expired), fake.ErrIllegalMove)
	p.wantRefused("order not found", at("query", "none"))
	p.wantRefused("prepayId is required", at("query", ""))
	p.wantRefused("currency not supported", p.post("/binance/order/create", order.with("currency", "BTC")))
	p.wantRefused("returnUrl must be a URL", p.post("/binance/order/create", order.with("returnUrl", "shop")))
	p.wantRefused("cancelUrl must be a URL", p.post("/binance/order/create", order.with("cancelUrl", "ftp://shop")))
	p.wantRefused("cancelUrl is required", p.post("/binance/order/create", order.with("cancelUrl", nil)))
	p.wantBalance("10", "USDT")
}

var anyHash = "0x" + strings.Repeat("aB", 32)

func TestSendToMpesaPaysOutAHashOnce(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{Quirks: kotanitest.Quirks{
		HashValues: map[string]decimal.Decimal{"00ff": decimal.RequireFromString("2.5")},
	}})
	send := func(hash string) object {
		return p.post("/transactions/withdraw/sendToMpesa", object{"phoneNumber": "254712345678", "txhash": hash})
	}
	a := send(anyHash)
	assert.Equal(t, "10 CUSD", a["cusdDetails"].(map[string]any)["value"])
	p.wantBalance("998726", "KES") // 10 at 127.40
	p.wantRefused("Transaction Hash is already processed", send(anyHash))
	p.wantRefused("Transaction Hash is already processed", send("0x"+strings.ToLower(anyHash[2:])))
	p.wantRefused("Transaction Hash is already processed", p.post("/stellar/cashout/KE", object{"phoneNumber": "254712345678", "txHash": anyHash[2:]}))
	p.Advance(10 * time.Second)
	p.wantBalance("998726", "KES")
	p.wantBalance("10010", "cUSD")

	send("0x" + strings.Repeat("1", 60) + "00fF")
	p.wantBalance("998407.5", "KES")
	for _, bad := range []string{anyHash[2:], anyHash[:65], anyHash + "0", "0x" + strings.Repeat("g", 64)} {
		p.wantRefused("Invalid Hash", send(bad))
	}
	p.wantRefused("txhash is required", send(""))
	p.wantRefused("phoneNumber does not belong to KES", p.post("/transactions/withdraw/sendToMpesa", object{"phoneNumber": "233201234567", "txhash": anyHash}))
}

// An accepted quote out prices a cash-out, once.
func TestAcceptedQuoteOutIsUsedOnce(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	ask := func(coin string) string {
		id := p.post("/quotes/out", object{"cryptoAmount": "10", "currency": "KES", "cryptoType": coin})["quoteId"].(string)
		p.post("/quotes/out/accept", object{"quoteId": id})
		return id
	}
	id := ask("USDT")
	body := object{"phoneNumber": "254712345678", "txHash": anyHash, "acceptedQuoteId": id}
	p.wantRefused("quote not found", p.post("/tron/cashout/KE", body.with("acceptedQuoteId", "none")))
	p.wantRefused("quote is for another payment", p.post("/tron/cashout/KE", body.with("acceptedQuoteId", ask("USDC"))))
	open := p.post("/quotes/out", object{"cryptoAmount": "10", "currency": "KES", "cryptoType": "USDT"})["quoteId"]
	p.wantRefused("quote is not accepted", p.post("/tron/cashout/KE", body.with("acceptedQuoteId", open)))
	assert.Equal(t, "1300", p.result(p.post("/tron/cashout/KE", body))["amount"])
	p.wantRefused("quote already used", p.post("/tron/cashout/KE", body.with("txHash", strings.Repeat("3", 64))))
	p.wantBalance("998700", "KES")
}

func TestHashIsNotUsedUpByARefusal(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{Balances: map[string]decimal.Decimal{"KES": decimal.NewFromInt(1)}})
	send := func() object {
		return p.post("/transactions/withdraw/sendToMpesa", object{"phoneNumber": "254712345678", "txhash": anyHash})
	}
	tron := func() object {
		return p.post("/tron/cashout/KE", object{"phoneNumber": "254712345678", "txHash": anyHash})
	}
	p.wantRefused("Not enough fiat balance to fulfill the request", send())
	p.wantRefused("insufficient balance", tron())
	require.NoError(t, p.Deposit("KES", decimal.NewFromInt(10_000)))
	p.result(tron())
	p.wantRefused("Transaction Hash is already processed", send())
}

func TestCashOut(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ path, currency, left, coin string }{
		{"/stellar/cashout/KE", "KES", "998700", "USDC"},
		{"/stellar/cashout/GH", "GHS", "99850", "USDC"},
		{"/tron/cashout/KE", "KES", "998700", "USDT"},
		{"/tron/cashout/GH", "GHS", "99850", "USDT"},
	} {
		p := newPartner(t, kotanitest.Config{})
		phones := map[string]string{"KES": "254712345678", "GHS": "233201234567"}
		phone := phones[tc.currency]
		delete(phones, tc.currency)
		body := object{"phoneNumber": phone, "txHash": anyHash, "callback": hook, "name": "Jane"}
		for _, other := range phones {
			p.wantRefused("phoneNumber does not belong to "+tc.currency, p.post(tc.path, body.with("phoneNumber", other)))
		}
		p.wantRefused("phoneNumber must be a phone number in Kenya or Ghana", p.post(tc.path, body.with("phoneNumber", "250788123456")))
		r := p.result(p.post(tc.path, body))
		p.wantBalance(tc.left, tc.currency)
		p.wantBalance("0", tc.coin)
		p.Advance(10 * time.Second)
		p.wantStatus("SUCCESSFUL", r["requestId"].(string))
		p.wantBalance("10", tc.coin)
		require.Len(t, p.callbacks(), 1)
		assert.Equal(t, anyHash, p.callbacks()[0]["txhash"])
		p.wantRefused("country not supported", p.post(tc.path[:len(tc.path)-2]+"UG", body))
		p.wantRefused("Invalid Hash", p.post(tc.path, body.with("txHash", "1")))
		p.wantRefused("phoneNumber is required", p.post(tc.path, body.with("phoneNumber", nil)))
	}
}

func TestFailedCashOutBringsNoCoins(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	p.result(p.post("/tron/cashout/KE", object{"phoneNumber": "254712340001", "txHash": anyHash}))
	p.Advance(10 * time.Second)
	p.wantBalance("1000000", "KES")
	p.wantBalance("0", "USDT")
}

func TestTronCashIn(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	body := object{"phoneNumber": "254712345678", "amount": "1300", "externalId": "t-1", "callback": hook}
	p.post("/kyc/user/create", object{"phoneNumber": "254712345678"})
	p.result(p.post("/tron/cashin/KE", body))
	faketest.WantMoney(t, "0", p.WalletBalance("254712345678", kotani.ChainTron))
	p.Advance(10 * time.Second)
	faketest.WantMoney(t, "10", p.WalletBalance("254712345678", kotani.ChainTron))
	assert.Equal(t, map[string]any{"currency": "KES", "amount": "1300.0000"},
		p.post("/user/account/getBalance", object{"phoneNumber": "254712345678", "chain": "tron"})["balance"])
	p.wantBalance("1000000", "KES")
	p.wantRefused("externalId already exists", p.deposit(object{"externalId": "t-1"}))
	p.wantRefused("only Kenya is supported", p.post("/tron/cashin/GH", body.with("phoneNumber", "254712345678")))
	p.wantRefused("phoneNumber does not belong to KES", p.post("/tron/cashin/KE", body.with("phoneNumber", "233201234567")))
	p.wantRefused("country not supported", p.post("/tron/cashin/UG", body))
	p.wantRefused("amount is required", p.post("/tron/cashin/KE", body.with("amount", nil)))
}

func TestBuyCelo(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	body := object{"phoneNumber": "254712345678", "celoAmount": "1.5"}
	assert.Equal(t, object{"status": "user not found"}, p.post("/dex/buyCelo", body))
	p.post("/kyc/user/create", object{"phoneNumber": "254712345678"})
	details := p.post("/dex/buyCelo", body)["details"].(map[string]any)
	assert.Equal(t, "195", details["price"])
	faketest.WantMoney(t, "0", p.WalletBalance("254712345678", kotani.ChainCelo))
	p.Advance(10 * time.Second)
	p.wantBalance("1000000", "KES") // the phone was charged, not the partner
	faketest.WantMoney(t, "1.5", p.WalletBalance("254712345678", kotani.ChainCelo))
	rows := p.get("/transactions?transactionType=Collections")["result"].([]any)
	require.Len(t, rows, 1)
	assert.Equal(t, details["requestId"], rows[0].(map[string]any)["requestId"])
	broke := "254712340002" // has no money
	p.post("/kyc/user/create", object{"phoneNumber": broke})
	p.post("/dex/buyCelo", body.with("phoneNumber", broke))
	p.Advance(10 * time.Second)
	faketest.WantMoney(t, "0", p.WalletBalance(broke, kotani.ChainCelo))
	p.wantRefused("celoAmount is required", p.post("/dex/buyCelo", body.with("celoAmount", nil)))
}

func TestEscrowRate(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	a := p.post("/transactions/getEscrow", nil)
	assert.Equal(t, map[string]any{"localCurrency": "KES", "cusdToLocalCurrencyRate": "127.4"}, a["conversionRate"])
	assert.Regexp(t, "^0x[0-9a-fA-F]{40}$", a["escrowAddress"])
}

func TestUsers(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	phone := object{"phoneNumber": "254712345678"}
	check := func() object { return p.post("/kyc/user/isverifiedcheck", phone) }
	p.wantRefused("user does not exist", check())
	id := p.post("/kyc/user/create", phone)["userId"]
	again := p.post("/kyc/user/create", phone)
	p.wantRefused("user exists", again)
	assert.Equal(t, id, again["userId"])
	p.wantRefused("invalid phoneNumber", p.post("/kyc/user/create", object{"phoneNumber": "12"}))
	assert.Equal(t, object{"status": "unverified"}, check())
	details := phone.with("firstname", "Jane").with("lastname", "Doe").with("email", "j@example.com")
	p.wantRefused("email is required", p.post("/kyc/user/update", details.with("email", nil)))
	assert.Equal(t, object{"status": "unverified"}, check())
	assert.Equal(t, "active", p.post("/kyc/user/update", details)["status"])
	assert.Equal(t, object{"status": "verified"}, check())
	record := p.post("/kyc/user/getDetailsByPhone", phone)["userRecord"].(map[string]any)
	assert.Equal(t, "Jane", record["firstname"])
	assert.Equal(t, object{"status": "phonenumber not found"}, p.post("/kyc/user/getDetailsByPhone", object{"phoneNumber": "254712345679"}))
	assert.Equal(t, object{"data": map[string]any{"254712345678": record}}, p.get("/kyc/users"))
	for _, chain := range []string{"tron", "arbitrum", "celo", "avalanche", "stellar"} {
		b := p.post("/user/account/getBalance", phone.with("chain", chain))
		assert.Equal(t, map[string]any{"currency": "KES", "amount": "0.0000"}, b["balance"])
		assert.Equal(t, object{"phoneNumber": "254712345678"}, p.post("/kyc/user/getPhoneByAddress", object{"publicAddress": b["address"]}), chain)
	}
	p.wantRefused("chain not supported", p.post("/user/account/getBalance", phone.with("chain", "bitcoin")))
	p.wantRefused("chain is required", p.post("/user/account/getBalance", phone))
	p.wantRefused("user does not exist", p.post("/kyc/user/getPhoneByAddress", object{"publicAddress": "0x1"}))
	u, ok := p.User("254712345678")
	assert.True(t, ok && u.Verified)

	p = newPartner(t, kotanitest.Config{Quirks: kotanitest.Quirks{StatusAsBool: true}})
	p.wantRefused("user does not exist", check())
	p.post("/kyc/user/create", phone)
	assert.Equal(t, object{"status": false}, check())
	p.post("/kyc/user/update", details)
	assert.Equal(t, object{"status": true}, check())
}

func TestUBI(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{TokenLifetime: 100 * time.Hour, Balances: map[string]decimal.Decimal{"cUSD": decimal.NewFromInt(2)}})
	body := object{"phoneNumber": "254712345678", "programId": "p-1"}
	at := func(path string) object { return p.post("/transactions/ubi/"+path, body) }
	for _, path := range []string{"checkIfBeneficiary", "setBeneficiary"} {
		p.wantRefused("user does not exist", at(path))
	}
	p.wantRefused("user is not approved as a beneficiary", at("claimfunds"))
	p.post("/kyc/user/create", object{"phoneNumber": "254712345678"})
	p.wantRefused("Not a beneficiary", at("checkIfBeneficiary"))
	p.wantRefused("user is not approved as a beneficiary", at("claimfunds"))
	assert.Contains(t, at("setBeneficiary"), "result")
	p.wantRefused("User is already a beneficiary", at("setBeneficiary"))
	assert.Equal(t, "User is a beneficiary", at("checkIfBeneficiary")["desc"])
	assert.Contains(t, at("claimfunds")["txid"], "https://")
	p.Advance(24*time.Hour - 1)
	p.wantRefused("Not yet time, try again at 2026-04-04T09:00:00.000Z", at("claimfunds"))
	p.Advance(1)
	assert.Contains(t, at("claimfunds"), "txid")
	faketest.WantMoney(t, "2", p.WalletBalance("254712345678", kotani.ChainCelo))
	rows := p.get("/transactions?transactionType=Payouts")["result"].([]any)
	assert.Len(t, rows, 2, "claims are among all transactions")
	p.Advance(24 * time.Hour)
	p.wantRefused("insufficient funds", at("claimfunds"))
	p.wantBalance("0", "cUSD")
	p.wantRefused("programId is required", p.post("/transactions/ubi/claimfunds", body.with("programId", nil)))
	p.wantRefused("Not a beneficiary", p.post("/transactions/ubi/checkIfBeneficiary", body.with("programId", "other")))
}
