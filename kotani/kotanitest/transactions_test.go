package kotanitest_test

import (
	"encoding/json"
	"github.com/shopspring/decimal"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestDepositIsPaidOnTheClock(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	r := p.result(p.deposit(nil))
	assert.Equal(t, "PENDING", r["status"])
	assert.Equal(t, "in-1", r["externalId"])
	assert.Equal(t, "254712345678", r["phoneNumber"])
	id, _ := r["requestId"].(string)
	p.Advance(10*time.Second - 1)
	p.wantStatus("PENDING", id)
	p.wantBalance("1000000", "KES")
	p.Advance(1)
	p.wantStatus("SUCCESSFUL", id)
	p.wantBalance("1000100", "KES")

	shown := p.result(p.get("/transactions/status/external/in-1?transactionalType=Collections"))
	for _, name := range []string{"requestId", "externalId", "transactionType", "status", "amount", "currency", "phoneNumber", "createdAt", "updatedAt"} {
		assert.Contains(t, shown, name)
	}
	require.Len(t, p.callbacks(), 1)
	assert.Equal(t, shown, p.callbacks()[0], "a callback is the status object")
}

func TestWithdrawalIsReservedAtOnce(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	a := p.withdraw(nil)
	assert.Equal(t, object{
		"id": json.Number("1"), "phoneNumber": "254712345678", "message": "Withdrawal request received",
		"amount": "100", "externalId": "out-1",
	}, a)
	p.wantBalance("999900", "KES")
	p.wantStatus("PENDING", "1")
	p.Advance(10 * time.Second)
	p.wantStatus("SUCCESSFUL", "1")
	p.wantBalance("999900", "KES")
}

func TestMagicNumbers(t *testing.T) {
	t.Parallel()
	type step struct {
		at      time.Duration // since the beginning
		status  string
		in, out string // balance after a deposit, a withdrawal of 100
	}
	pending := step{0, "PENDING", "1000000", "999900"}
	paid := func(at time.Duration) step { return step{at, "SUCCESSFUL", "1000100", "999900"} }
	for digits, steps := range map[string][]step{
		"5678": {pending, paid(10 * time.Second)},
		"0001": {pending, {10 * time.Second, "FAILED", "1000000", "1000000"}},
		"0002": {pending, {10 * time.Second, "FAILED", "1000000", "1000000"}},
		"0003": {pending, {1000 * time.Hour, "PENDING", "1000000", "999900"}},
		"0004": {pending, paid(10 * time.Minute)},
		"0005": {pending, paid(10 * time.Second), {time.Hour + 10*time.Second, "REVERSED", "1000000", "1000000"}},
	} {
		for _, way := range []string{"in", "out"} {
			t.Run(digits+way, func(t *testing.T) {
				t.Parallel()
				p := newPartner(t, kotanitest.Config{TokenLifetime: 10_000 * time.Hour})
				id := "1"
				if phone := "25471234" + digits; way == "in" {
					id, _ = p.result(p.deposit(object{"phoneNumber": phone}))["requestId"].(string)
				} else {
					p.withdraw(object{"phoneNumber": phone})
				}
				for i, s := range steps {
					if i > 0 {
						p.Advance(s.at - steps[i-1].at - 1)
						p.wantStatus(steps[i-1].status, id)
						p.Advance(1)
					}
					p.wantStatus(s.status, id)
					want := s.in
					if way == "out" {
						want = s.out
					}
					p.wantBalance(want, "KES")
				}
				finals := len(steps) - 1
				if digits == "0003" {
					finals = 0
				}
				assert.Len(t, p.callbacks(), finals, "one for each final change")
			})
		}
	}
}

func TestInsufficientFundsOfThePayerIsTold(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	p.deposit(object{"phoneNumber": "254712340002"})
	p.Advance(10 * time.Second)
	require.Len(t, p.callbacks(), 1)
	assert.Equal(t, "Insufficient funds", p.callbacks()[0]["message"])
}

func TestExternalIDIsUniquePerDirection(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	p.result(p.deposit(object{"externalId": "x"}))
	p.wantRefused("externalId already exists", p.deposit(object{"externalId": "x"}))
	assert.Equal(t, "x", p.withdraw(object{"externalId": "x"})["externalId"], "the other direction")
	p.wantRefused("externalId already exists", p.withdraw(object{"externalId": "x", "phoneNumber": "254700000999"}))
	p.wantRefused("externalId already exists", p.post("/transactions/withdraw/bank", bank.with("externalId", "x")))
	assert.Len(t, p.Transactions(), 2)
	p.wantBalance("999900", "KES")
}

func TestMissingExternalIDIsMadeUp(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	one, _ := p.result(p.deposit(object{"externalId": nil}))["externalId"].(string)
	two, _ := p.withdraw(object{"externalId": nil})["externalId"].(string)
	require.NotEmpty(t, one)
	require.NotEmpty(t, two)
	assert.NotEqual(t, one, two)
	assert.Equal(t, "PENDING", p.result(p.get("/transactions/status/external/" + one + "?transactionalType=Collections"))["status"])
}

var bank = object{"amount": 20, "accountNumber": "123456789", "accountName": "Jane Doe", "serviceProviderId": "01", "callback": hook, "externalId": "bank-1"}

func TestBankWithdrawal(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	assert.Equal(t, object{
		"id": json.Number("1"), "accountNumber": "123456789", "accountName": "Jane Doe", "serviceProviderId": "01",
		"message": "Withdrawal request received", "amount": "20", "externalId": "bank-1",
	}, p.post("/transactions/withdraw/bank", bank))
	p.wantRefused("invalid serviceProviderId", p.post("/transactions/withdraw/bank", bank.with("serviceProviderId", "1")))
	p.wantRefused("serviceProviderId is required", p.post("/transactions/withdraw/bank", bank.with("serviceProviderId", nil)))
	p.wantRefused("accountName is required", p.post("/transactions/withdraw/bank", bank.with("accountName", "")))
	assert.Equal(t, json.Number("2"), p.post("/transactions/withdraw/bank", bank.with("externalId", nil).with("accountNumber", 123450001))["id"], "a number, as the document prints it")
	p.Advance(10 * time.Second)
	p.wantStatus("SUCCESSFUL", "1")
	p.wantStatus("FAILED", "2")
	p.wantBalance("999980", "KES")
}

func TestPayBillCostsOnePercentInWholeShillings(t *testing.T) {
	t.Parallel()
	for amount, left := range map[string]string{"100": "999899", "100.01": "999897.99", "1": "999998", "250": "999747"} {
		p := newPartner(t, kotanitest.Config{})
		r := p.result(p.post("/transactions/paybill", object{"merchantNumber": "888880", "accountNumber": "17", "amount": amount, "callback": hook}))
		p.wantBalance(left, "KES")
		p.Advance(10 * time.Second)
		p.wantBalance(left, "KES")
		assert.Equal(t, amount, r["amount"])
		assert.Len(t, p.callbacks(), 1)
	}
}

func TestTillIsFree(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	p.result(p.post("/transactions/till", object{"merchantTill": "5566", "amount": "100"}))
	p.wantBalance("999900", "KES")
	p.wantRefused("merchantTill is required", p.post("/transactions/till", object{"amount": "100"}))
	p.wantRefused("merchantNumber is required", p.post("/transactions/paybill", object{"amount": "100", "accountNumber": "1"}))
}

func TestRequestsAreChecked(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	for desc, changes := range map[string]object{
		"amount is required":                      {"amount": nil},
		"amount must be a whole number":           {"amount": json.Number("10.5")},
		"amount must be greater than zero":        {"amount": 0},
		"amount must be a number":                 {"amount": json.Number("1e3")},
		"phoneNumber is required":                 {"phoneNumber": nil},
		"invalid phoneNumber":                     {"phoneNumber": "254 no"},
		"invalid externalId":                      {"externalId": []int{1}},
		"callback must start with http or https":  {"callback": "merchant.localhost/done"},
		"callback must start with http or https ": {"callback": "ftp://merchant.localhost"},
	} {
		if desc[len(desc)-1] == ' ' {
			desc = desc[:len(desc)-1]
		}
		p.wantRefused(desc, p.deposit(changes))
		p.wantRefused(desc, p.withdraw(changes))
	}
	p.wantRefused("amount must be a number", p.deposit(object{"amount": "-5"}))
	assert.Empty(t, p.Transactions())
	p.result(p.deposit(object{"amount": "10", "phoneNumber": "+254 712-345678"}))
	p.result(p.deposit(object{"externalId": "b", "phoneNumber": "0712345678"}))
	for _, tx := range p.Transactions() {
		assert.Equal(t, "254712345678", tx.Phone)
	}
}

func TestStrictTypes(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{Quirks: kotanitest.Quirks{StrictTypes: true}})
	p.wantRefused("amount must be an integer", p.deposit(object{"amount": "10"}))
	p.result(p.deposit(object{"amount": 10}))
	p.wantRefused("amount must be a string", p.post("/transactions/till", object{"merchantTill": "5566", "amount": 100}))
	p.result(p.post("/transactions/till", object{"merchantTill": "5566", "amount": "100"}))
}

func TestGhanaRidesOnCedis(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	p.withdraw(object{"phoneNumber": "233201234567"})
	p.wantBalance("99900", "GHS")
	p.wantBalance("1000000", "KES")
}

func TestPayoutBeyondTheBalanceMovesNothing(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	p.wantRefused("insufficient balance", p.withdraw(object{"amount": 1_000_001}))
	p.wantRefused("insufficient balance", p.post("/transactions/paybill", object{"merchantNumber": "1", "accountNumber": "1", "amount": "1000000"}))
	p.wantBalance("1000000", "KES")
	assert.Equal(t, "out-1", p.withdraw(object{"amount": 1_000_000})["externalId"], "the refused one took no external id")
	p.wantBalance("0", "KES")
}

func TestUnknownTransactions(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	p.deposit(nil)
	p.wantRefused("transaction not found", p.get("/transactions/status/nobody"))
	p.wantRefused("transaction not found", p.get("/transactions/status/external/in-1?transactionalType=Payouts"))
	p.wantRefused("transactionalType is required", p.get("/transactions/status/external/in-1"))
	p.wantRefused("transactionalType must be Collections or Payouts", p.get("/transactions/status/external/in-1?transactionalType=x"))
}

func TestListOfTransactions(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	for range 30 {
		p.deposit(object{"externalId": nil})
		p.withdraw(object{"externalId": nil})
	}
	ids := func(query string) (ids []string) {
		rows, ok := p.get("/transactions" + query)["result"].([]any)
		require.True(t, ok)
		for _, row := range rows {
			ids = append(ids, row.(map[string]any)["requestId"].(string))
		}
		return ids
	}
	all := p.Transactions()
	assert.Len(t, ids(""), 50)
	assert.Equal(t, all[59].RequestID, ids("")[0], "newest first")
	assert.Equal(t, all[0].RequestID, ids("?orderBy=asc")[0])
	assert.Equal(t, all[59].RequestID, ids("?orderBy=desc")[0])
	assert.Len(t, ids("?limit=100"), 60)
	assert.Equal(t, []string{"30", "29"}, ids("?limit=2&transactionType=Payouts"))
	assert.Len(t, ids("?transactionType=Collections"), 30)
	p.wantRefused("limit must be a whole number greater than zero", p.get("/transactions?limit=0"))
	p.wantRefused("orderBy must be asc or desc", p.get("/transactions?orderBy=up"))
	p.wantRefused("transactionType must be Collections or Payouts", p.get("/transactions?transactionType=x"))
}

func TestMoveTransaction(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	p.withdraw(object{"phoneNumber": "254712340003"})
	require.ErrorIs(t, p.MoveTransaction("1", "REVERSED"), fake.ErrIllegalMove)
	require.ErrorIs(t, p.MoveTransaction("1", "PENDING"), fake.ErrIllegalMove)
	require.ErrorIs(t, p.MoveTransaction("2", kotani.StatusFailed), fake.ErrNotFound)
	require.NoError(t, p.MoveTransaction("out-1", kotani.StatusDeclined))
	p.wantBalance("1000000", "KES")
	require.ErrorIs(t, p.MoveTransaction("1", kotani.StatusSuccessful), fake.ErrIllegalMove)

	p.deposit(object{"phoneNumber": "254712340005"})
	p.Advance(10 * time.Second)
	p.withdraw(object{"externalId": nil, "amount": 1_000_100})
	require.ErrorIs(t, p.MoveTransaction("in-1", kotani.StatusReversed), fake.ErrIllegalMove)
	p.Advance(time.Hour)
	p.wantBalance("0", "KES")
	entries := p.Entries("KES")
	require.NoError(t, p.Deposit("KES", entries[len(entries)-1].Amount.Neg())) // the withdrawal is the newest
	p.Advance(time.Hour)
	p.wantBalance("1000000", "KES")
	require.Error(t, p.Deposit("KES", p.Balance("XXX")))
}

func TestCallbackIsRetried(t *testing.T) {
	t.Parallel()
	for status, acknowledged := range map[int]bool{200: true, 204: true, 302: false, 500: false} {
		p := newPartner(t, kotanitest.Config{})
		p.response = status
		p.deposit(nil)
		p.Advance(10 * time.Second)
		want := 1
		for _, wait := range []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 1000 * time.Hour} {
			assert.Len(t, p.callbacks(), want)
			p.Advance(wait - 1)
			assert.Len(t, p.callbacks(), want)
			p.Advance(1)
			if !acknowledged && want < 6 {
				want++
			}
		}
		assert.Len(t, p.callbacks(), want)
		d := p.Deliveries()
		require.Len(t, d, 1)
		assert.Equal(t, "transaction.SUCCESSFUL", d[0].Event)
	}
}

func TestNoCallbackWithoutURL(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	p.deposit(object{"callback": nil})
	p.Advance(time.Hour)
	assert.Empty(t, p.Deliveries())
}

// A paybill number and a till are told apart, in the fake and over the wire.
func TestMerchantsAndTillsAreKeptApart(t *testing.T) {
	t.Parallel()
	srv := kotanitest.NewServer(t)
	client, err := kotani.New(srv.ClientConfig())
	require.NoError(t, err)
	bill, err := client.Fiat.PayBill(t.Context(), kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "acc-1", Amount: decimal.NewFromInt(100)})
	require.NoError(t, err)
	till, err := client.Fiat.PayTill(t.Context(), kotani.PayTillParams{TillNumber: "5656", Amount: decimal.NewFromInt(100)})
	require.NoError(t, err)
	got, err := client.Fiat.Get(t.Context(), bill.RequestID)
	require.NoError(t, err)
	assert.Equal(t, []string{"888880", "acc-1", "", "1"}, []string{got.MerchantNumber, got.AccountNumber, got.TillNumber, got.Fee.Decimal.String()})
	got, err = client.Fiat.Get(t.Context(), till.RequestID)
	require.NoError(t, err)
	assert.Equal(t, []string{"", "", "5656"}, []string{got.MerchantNumber, got.AccountNumber, got.TillNumber})
	assert.False(t, got.Fee.Valid)
}
