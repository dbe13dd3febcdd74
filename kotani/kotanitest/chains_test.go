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
	p := newPartner(t, kotanitest.Config{Quirks: kotanitest.Quirks{TokenLifetime: 2 * time.Hour}})
	create := func() string {
		r := p.result(p.post("/binance/order/create", order))
		assert.Equal(t, "INITIAL", r["status"])
		assert.NotEmpty(t, r["checkoutLink"])
		assert.NotEmpty(t, r["qrcodeLink"])
		return r["prepayId"].(string)
	}
	at := func(path, id string) object { return p.post("/binance/order/"+path, object{"prepayId": id}) }
	status := func(id string) any { return p.result(at("query", id))["status"] }

	paid, closed, expired := create(), create(), create()
	require.NoError(t, p.PayOrder(paid))
	p.wantBalance("10", "USDT")
	assert.Equal(t, "CLOSED", p.result(at("close", closed))["status"])
	p.wantRefused("order is already paid", at("close", paid))
	p.wantRefused("order is already closed", at("close", closed))
	require.ErrorIs(t, p.PayOrder(closed), fake.ErrIllegalMove)
	require.ErrorIs(t, p.PayOrder("none"), fake.ErrNotFound)
	p.Advance(time.Hour - 1)
	assert.Equal(t, "INITIAL", status(expired))
	p.Advance(1)
	assert.Equal(t, []any{"PAID", "CLOSED", "EXPIRED"}, []any{status(paid), status(closed), status(expired)})
	require.ErrorIs(t, p.PayOrder(expired), fake.ErrIllegalMove)
	p.wantRefused("order not found", at("query", "none"))
	p.wantRefused("prepayId is required", at("query", ""))
	p.wantRefused("currency not supported", p.post("/binance/order/create", order.with("currency", "BTC")))
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
		body := object{"phoneNumber": "254712345678", "txHash": anyHash, "callback": hook, "name": "Jane"}
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
	p.post("/tron/cashout/KE", object{"phoneNumber": "254712340001", "txHash": anyHash})
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
	p.wantRefused("only phone numbers in Kenya are supported", p.post("/tron/cashin/GH", body.with("phoneNumber", "233201234567")))
	p.wantRefused("country not supported", p.post("/tron/cashin/UG", body))
	p.wantRefused("amount is required", p.post("/tron/cashin/KE", body.with("amount", nil)))
}

func TestBuyCelo(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	body := object{"phoneNumber": "254712345678", "celoAmount": "1.5"}
	assert.Equal(t, object{"status": "user not found"}, p.post("/dex/buyCelo", body))
	p.post("/kyc/user/create", object{"phoneNumber": "254712345678"})
	assert.Contains(t, p.post("/dex/buyCelo", body), "details")
	p.wantBalance("999805", "KES")
	faketest.WantMoney(t, "1.5", p.WalletBalance("254712345678", kotani.ChainCelo))
	p.wantRefused("insufficient balance", p.post("/dex/buyCelo", body.with("celoAmount", "100000")))
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
	assert.Equal(t, object{"status": false}, check())
	details := phone.with("firstname", "Jane").with("lastname", "Doe").with("email", "j@example.com")
	p.wantRefused("email is required", p.post("/kyc/user/update", details.with("email", nil)))
	assert.Equal(t, object{"status": false}, check())
	assert.Equal(t, "active", p.post("/kyc/user/update", details)["status"])
	assert.Equal(t, object{"status": true}, check())
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
}

func TestUBI(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{Quirks: kotanitest.Quirks{TokenLifetime: 100 * time.Hour}, Balances: map[string]decimal.Decimal{"cUSD": decimal.NewFromInt(2)}})
	body := object{"phoneNumber": "254712345678", "programId": "p-1"}
	at := func(path string) object { return p.post("/transactions/ubi/"+path, body) }
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
	p.Advance(24 * time.Hour)
	p.wantRefused("insufficient funds", at("claimfunds"))
	p.wantBalance("0", "cUSD")
	p.wantRefused("programId is required", p.post("/transactions/ubi/claimfunds", body.with("programId", nil)))
	p.wantRefused("Not a beneficiary", p.post("/transactions/ubi/checkIfBeneficiary", body.with("programId", "other")))
}
