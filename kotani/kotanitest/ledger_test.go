package kotanitest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
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

// chaos does one random thing. Refusals are part of the game.
func (p *partner) chaos(r *rand.Rand) {
	path, body := "", object{"phoneNumber": fmt.Sprintf("2547123400%02d", r.IntN(7)), "externalId": fmt.Sprint(r.IntN(200))}
	switch r.IntN(9) {
	case 0:
		path, body["amount"] = "/transactions/deposit/stkpush", 1+r.IntN(3000)
	case 1, 2:
		path, body["amount"] = "/transactions/withdraw/momo", 1+r.IntN(3000)
	case 3:
		path, body = "/transactions/paybill", object{"merchantNumber": "1", "accountNumber": fmt.Sprintf("%04d", r.IntN(7)), "amount": fmt.Sprint(1 + r.IntN(999))}
	case 4:
		path, body["txhash"] = "/transactions/withdraw/sendToMpesa", fmt.Sprintf("0x%064x", r.IntN(40))
	case 5:
		path, body["txHash"] = "/tron/cashout/KE", fmt.Sprintf("%064x", r.IntN(40))
	case 6:
		if all := p.Transactions(); len(all) > 0 {
			status := []kotani.TransactionStatus{"SUCCESSFUL", "FAILED", "REVERSED"}[r.IntN(3)]
			_ = p.MoveTransaction(all[r.IntN(len(all))].RequestID, status)
		}
		return
	case 7:
		path, body["celoAmount"] = "/dex/buyCelo", fmt.Sprintf("%d.5", r.IntN(9))
	default:
		p.Advance(time.Duration(r.IntN(1200)) * time.Second)
		return
	}
	status, text, err := p.try("POST", path, body)
	assert.NoError(p.t, err)
	assert.Equal(p.t, http.StatusOK, status, text)
}

// sum adds the posted entries and takes the reserved debits off, as somebody
// would who has nothing but the entries.
func (p *partner) sum(currency string) decimal.Decimal {
	sum := decimal.Zero
	for _, e := range p.Entries(currency) {
		if e.Status == "posted" || e.Status == "pending" && e.Amount.IsNegative() {
			sum = sum.Add(e.Amount)
		}
	}
	return sum
}

func TestMoneyIsSoundUnderConcurrency(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{
		TokenLifetime: 10_000 * time.Hour,
		Balances:      map[string]decimal.Decimal{"KES": decimal.NewFromInt(5000), "cUSD": decimal.NewFromInt(10)},
	})
	for i := range 7 {
		p.post("/kyc/user/create", object{"phoneNumber": fmt.Sprintf("2547123400%02d", i)})
	}
	faketest.Concurrently(t, 6, 50, func(r *rand.Rand) {
		p.chaos(r)
		assert.NoError(t, p.CheckLedger())
	})
	for _, currency := range []string{"KES", "cUSD", "USDT"} {
		assert.True(t, p.sum(currency).Equal(p.Balance(currency)), "%s: %s, entries say %s", currency, p.Balance(currency), p.sum(currency))
		assert.False(t, p.Balance(currency).IsNegative())
	}
}

func TestConcurrentWithdrawalsNeverOverdraw(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{Balances: map[string]decimal.Decimal{"KES": decimal.NewFromInt(1000)}})
	var taken atomic.Int32
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			_, text, err := p.try("POST", "/transactions/withdraw/momo", object{"amount": 100, "phoneNumber": "254712345678"})
			assert.NoError(t, err)
			if !strings.Contains(text, "insufficient") {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, int32(10), taken.Load())
	p.wantBalance("0", "KES")
}

func TestOneOfManyUsesOfAnExternalIDCounts(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, _, err := p.try("POST", "/transactions/withdraw/momo", object{"amount": 100, "phoneNumber": "254712345678", "externalId": "once"})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Len(t, p.Transactions(), 1)
	p.wantBalance("999900", "KES")
}

func TestSnapshotHoldsEverything(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{TokenLifetime: time.Hour})
	p.deposit(nil)
	p.withdraw(object{"phoneNumber": "254712340005"})
	p.post("/kyc/user/create", object{"phoneNumber": "254712345678"})
	q := p.post("/quotes/in", object{"fiatAmount": "1300", "currency": "KES", "cryptoType": "cUSD"})
	o := p.result(p.post("/binance/order/create", order))
	p.post("/tron/cashout/KE", object{"phoneNumber": "254712345678", "txHash": strings.Repeat("a", 64)})
	p.post("/transactions/ubi/setBeneficiary", object{"phoneNumber": "254712345678", "programId": "p"})
	document, err := p.Snapshot()
	assert.NoError(t, err)

	play := func() []object {
		p.Advance(10 * time.Second)
		return []object{
			p.get("/transactions"), p.get("/kyc/users"),
			p.post("/quotes/in/accept", object{"quoteId": q["quoteId"]}),
			p.post("/binance/order/query", object{"prepayId": o["prepayId"]}),
			p.post("/tron/cashout/KE", object{"phoneNumber": "254712345678", "txHash": strings.Repeat("A", 64)}),
			p.post("/transactions/ubi/claimfunds", object{"phoneNumber": "254712345678", "programId": "p"}),
			p.deposit(object{"externalId": nil}),
			{"KES": p.Balance("KES").String(), "cUSD": p.Balance("cUSD").String(), "now": p.Now().String()},
		}
	}
	first := play()
	assert.NoError(t, p.Restore(document))
	assert.Equal(t, first, play(), "ids included")
	assert.NoError(t, p.CheckLedger())
	for _, broken := range []string{`"transactions":[null]`, `"hashes":null`, `"ledger":null`, `"users":[null]`} {
		name, _, _ := strings.Cut(broken, ":")
		start := strings.Index(string(document), `"kotani":{`) + len(`"kotani":{`)
		text := string(document[:start]) + `"x":0,` + string(document[start:])
		text = strings.Replace(text, `"x":0`, broken, 1)
		text = strings.Replace(text[:start+len(broken)]+strings.Replace(text[start+len(broken):], name+":", `"y":`, 1), "", "", 1)
		assert.Error(t, p.Restore([]byte(text)), broken)
	}
	p.Reset()
	p.wantBalance("1000000", "KES")
	assert.Empty(t, p.Transactions())
}

func TestSameSeedSameIDs(t *testing.T) {
	t.Parallel()
	play := func(seed uint64) []object {
		p := newPartner(t, kotanitest.Config{Options: fake.Options{Seed: seed}})
		return []object{p.deposit(nil), p.post("/quotes/in", object{"fiatAmount": "1300", "currency": "KES", "cryptoType": "cUSD"}), p.post("/transactions/getEscrow", nil)}
	}
	assert.Equal(t, play(1), play(1))
	assert.NotEqual(t, play(1), play(2))
}

func TestAdminMovesTransactions(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	p.withdraw(nil)
	prepay, _ := p.result(p.post("/binance/order/create", order))["prepayId"].(string)
	second, _ := p.result(p.post("/binance/order/create", order))["prepayId"].(string)
	for _, tc := range []struct {
		path, body string
		want       int
	}{
		{"transactions/1/settle", `{"status":"NO"}`, 400},
		{"transactions/1/settle", `{"state":"FAILED"}`, 400},
		{"transactions/2/settle", `{"status":"FAILED"}`, 404},
		{"transactions/1/settle", `{"status":"FAILED"}`, 200},
		{"transactions/1/settle", `{"status":"FAILED"}`, 409},
		{"orders/none/pay", ``, 404},
		{"orders/" + prepay + "/pay", ``, 200},
		{"orders/" + prepay + "/pay", ``, 409},
		{"orders/" + prepay + "/settle", `{"status":"CLOSED"}`, 409},
		{"orders/" + prepay + "/settle", `{"status":"INITIAL"}`, 400},
		{"orders/none/settle", `{"status":"FAILED"}`, 404},
		{"orders/" + second + "/settle", `{"status":"FAILED"}`, 200},
	} {
		status, text := faketest.Admin(p.Admin(), "POST", "/_fake/kotani/"+tc.path, tc.body)
		assert.Equal(t, tc.want, status, "%s %s: %s", tc.path, tc.body, text)
	}
	p.Advance(10 * time.Second)
	p.wantBalance("1000000", "KES")
	p.wantBalance("10", "USDT")
}

// wantDebits compares the amounts of a reference's debits.
func (p *partner) wantDebits(reference string, amounts ...string) {
	p.t.Helper()
	debits := p.Debits(reference)
	var got []string
	for _, e := range debits {
		got = append(got, e.Amount.String())
		assert.NotEqual(p.t, fake.EntryFailed, e.Status)
	}
	assert.Equal(p.t, amounts, got, reference)
}

func TestDebitsShowWhatAReferenceCost(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{TokenLifetime: 100 * time.Hour})
	p.wantDebits("nobody")
	require.NoError(t, p.Withdraw("KES", decimal.NewFromInt(1)))
	p.wantDebits("")
	p.withdraw(object{"externalId": "paid"})
	p.wantDebits("paid", "-100")
	assert.Equal(t, fake.EntryPending, p.Debits("paid")[0].Status, "reserved")
	p.withdraw(object{"externalId": "paid"}) // refused: the id is taken
	p.withdraw(object{"externalId": "failed", "phoneNumber": "254712340001"})
	p.withdraw(object{"externalId": "reversed", "phoneNumber": "254712340005"})
	p.withdraw(object{"externalId": "both"})
	p.deposit(object{"externalId": "both", "amount": 30})
	bill := p.result(p.post("/transactions/paybill", object{"merchantNumber": "1", "accountNumber": "1", "amount": "100"}))
	p.post("/tron/cashout/KE", object{"phoneNumber": "254712345678", "txHash": anyHash})
	p.post("/tron/cashin/KE", object{"phoneNumber": "254712345678", "amount": "1300", "externalId": "coins"})
	prepay := p.result(p.post("/binance/order/create", order))["prepayId"].(string)
	p.wantDebits(prepay)
	require.NoError(t, p.PayOrder(prepay))
	p.post("/kyc/user/create", object{"phoneNumber": "254712345678"})
	bought := p.post("/dex/buyCelo", object{"phoneNumber": "254712345678", "celoAmount": "1"})["details"].(map[string]any)
	p.post("/transactions/ubi/setBeneficiary", object{"phoneNumber": "254712345678", "programId": "program"})
	p.post("/transactions/ubi/claimfunds", object{"phoneNumber": "254712345678", "programId": "program"})
	p.Advance(2 * time.Hour)

	p.wantDebits("paid", "-100")
	assert.Equal(t, fake.EntryPosted, p.Debits("paid")[0].Status)
	p.wantDebits("failed")
	p.wantDebits("reversed", "-100") // the money was taken; that it came back is another entry
	assert.ElementsMatch(t, []string{"-100", "30"}, []string{p.Debits("both")[0].Amount.String(), p.Debits("both")[1].Amount.String()})
	assert.Len(t, p.Debits("both"), 2, "an external id is unique per direction")
	p.wantDebits(bill["requestId"].(string), "-101")
	p.wantDebits(strings.ToUpper(anyHash[2:]), "-1300")
	p.wantDebits("coins", "10")
	p.wantDebits(prepay, "10")
	p.wantDebits(bought["transactionHash"].(string), "1")
	p.wantDebits("program", "-1")
	p.Advance(24 * time.Hour)
	p.post("/transactions/ubi/claimfunds", object{"phoneNumber": "254712345678", "programId": "program"})
	p.wantDebits("program", "-1", "-1")
}

func TestDepositAndWithdraw(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	require.NoError(t, p.Deposit("KES", decimal.NewFromInt(500)))
	require.NoError(t, p.Withdraw("KES", decimal.NewFromInt(1_000_400)))
	p.withdraw(nil)
	p.wantBalance("0", "KES")
	require.ErrorIs(t, p.Withdraw("KES", decimal.NewFromInt(1)), fake.ErrIllegalMove, "the withdrawal has reserved it")
	require.ErrorIs(t, p.Withdraw("XXX", decimal.NewFromInt(1)), fake.ErrIllegalMove)
	for _, amount := range []decimal.Decimal{decimal.Zero, decimal.NewFromInt(-1)} {
		require.Error(t, p.Deposit("KES", amount))
		require.Error(t, p.Withdraw("KES", amount))
	}
	p.wantBalance("0", "KES")
	kinds := []string{}
	for _, e := range p.Entries("KES") {
		kinds = append(kinds, e.Kind+" "+e.Amount.String())
	}
	assert.Equal(t, []string{"DEPOSIT 1000000", "DEPOSIT 500", "WITHDRAW -1000400", "fiat.withdraw -100"}, kinds, "oldest first")
}
