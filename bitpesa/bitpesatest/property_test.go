package bitpesatest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// book is what a merchant knows about the money, from the responses alone.
type book struct {
	mu    sync.Mutex
	ids   []string
	debit map[string]bool // transactions a debit was answered 201 for
}

func (b *book) any(r *rand.Rand) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ids) == 0 {
		return "none"
	}
	return b.ids[r.IntN(len(b.ids))]
}

func (b *book) made(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids = append(b.ids, id)
}

// debited notes a debit and reports whether it is the first of its transaction.
func (b *book) debited(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := !b.debit[id]
	b.debit[id] = true
	return first
}

// TestBalancesHoldUnderAnyTraffic lets several merchants at one account do
// random things at once and then asks whether every balance is what the
// transactions say: nothing debited twice, nothing below zero, every refund
// once and never more than what was cancelled.
func TestBalancesHoldUnderAnyTraffic(t *testing.T) {
	t.Parallel()
	for seed := range uint64(clienttest.Times(3, 1)) { // each has four workers at once
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			f, m := start(t, bitpesatest.Config{
				Options: fake.Options{Seed: seed + 1, Callbacks: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})},
				Keys:    []bitpesatest.Key{{Key: "test-key", Secret: "test-secret", Balances: money("USD", "500", "NGN", "0")}},
			})
			m.allEvents(t)
			b := &book{debit: map[string]bool{}}
			var workers sync.WaitGroup
			for worker := range uint64(4) {
				workers.Go(func() {
					r := rand.New(rand.NewPCG(seed, worker))
					for range 60 {
						act(t, f, m, b, r)
					}
				})
			}
			workers.Wait()
			assert.NoError(t, f.CheckLedger())
			checkBook(t, f, m, b)
			f.Advance(72 * time.Hour)
			assert.NoError(t, f.CheckLedger())
			checkBook(t, f, m, b)
		})
	}
}

// act does a random thing. It checks the response and notes what happened. It runs
// in a goroutine.
func act(t *testing.T, f *bitpesatest.Fake, m merchant, b *book, r *rand.Rand) {
	do := func(method, path, body string) (reply, object) {
		got, err := m.try(method, path, body)
		if !assert.NoError(t, err) || !assert.Less(t, got.status, 500, got.body) {
			return got, nil
		}
		if got.status > 299 {
			return got, nil
		}
		response, ok := fake.ReadObject(strings.NewReader(got.body))
		assert.True(t, ok, got.body)
		o, _ := response["object"].(object)
		return got, o
	}
	account := []string{"1000", "1219", "1208", "1271", "1201"}[r.IntN(5)]
	recipients := []string{ngn(account, fmt.Sprint(1550*(1+r.IntN(40)))), ngn("1000", "1551"), balanceTo("NGN", "3.33", "USD")}[:1+r.IntN(3)]
	switch r.IntN(10) {
	case 0, 1:
		if _, o := do("POST", "/transactions", transaction("", recipients...)); o != nil {
			b.made(o["id"].(string))
		}
	case 2:
		ref := fmt.Sprintf(`"external_id":"ref-%d"`, r.IntN(30))
		if _, o := do("POST", "/transactions/create_and_fund", transaction(ref, recipients...)); o != nil {
			id := o["id"].(string)
			b.made(id)
			assert.True(t, b.debited(id))
		}
	case 3, 4, 5:
		ids := []string{b.any(r), b.any(r)}[:1+r.IntN(2)]
		list := []string{}
		for _, id := range ids {
			list = append(list, `{"to_id":"`+id+`","to_type":"Transaction"}`)
		}
		if got, _ := do("POST", "/accounts/debits", `{"debit":[`+strings.Join(list, ",")+`]}`); got.status == 201 {
			for _, id := range ids {
				assert.True(t, b.debited(id), "%s is debited twice", id)
			}
		}
	case 6:
		if _, o := do("GET", "/transactions/"+b.any(r), ""); o != nil {
			list := o["recipients"].([]any)
			do("DELETE", "/recipients/"+list[r.IntN(len(list))].(object)["id"].(string), "")
		}
	case 7:
		if _, o := do("GET", "/transactions/"+b.any(r), ""); o != nil {
			list := o["recipients"].([]any)
			id := list[r.IntN(len(list))].(object)["id"].(string)
			if r.IntN(2) == 0 {
				do("PATCH", "/recipients/"+id, `{"recipient":{"payout_method":{"details":{"bank_account":"1200"}}}}`)
			} else {
				_ = f.MoveRecipient(id, []bitpesa.RecipientState{"success", "error", "stuck", "canceled"}[r.IntN(4)], "") // many of these moves are illegal
			}
		}
	case 8:
		do("POST", "/transactions/"+b.any(r)+"/payout", "")
	case 9:
		f.Advance(time.Duration(r.IntN(40)) * time.Second)
	}
}

// checkBook adds up what all transactions say and compares it with the balances.
func checkBook(t *testing.T, f *bitpesatest.Fake, m merchant, b *book) {
	t.Helper()
	usd, ngn := decimal.RequireFromString("500"), decimal.Zero
	for _, id := range b.ids {
		o := m.transaction(t, id)
		state := textAt(t, o, "state")
		if !b.debit[id] {
			assert.Contains(t, []string{"initial", "approved", "canceled"}, state, "nobody paid for it")
			continue
		}
		assert.NotContains(t, []string{"initial", "approved", "canceled"}, state, "it was paid for")
		inputs := decimal.Zero
		for _, row := range objects(t, o["recipients"]) {
			input := amountAt(t, row, "input_amount")
			inputs = inputs.Add(input)
			if row["state"] != "refunded" {
				usd = usd.Sub(input)
			}
			if row["state"] == "success" && textAt(t, row, "payout_method.type") == "NGN::Balance" {
				ngn = ngn.Add(amountAt(t, row, "output_amount"))
			}
			if state == "paid" || state == "refunded" {
				assert.Contains(t, []string{"success", "refunded"}, row["state"], "%s is final", state)
			}
		}
		assert.True(t, inputs.Equal(amountAt(t, o, "input_amount")), "the recipients' amounts are the transaction's")
	}
	assert.True(t, usd.Equal(f.Balance("test-key", "USD")), "USD: the transactions say %s, the balance is %s", usd, f.Balance("test-key", "USD"))
	assert.True(t, ngn.Equal(f.Balance("test-key", "NGN")), "NGN: the transactions say %s, the balance is %s", ngn, f.Balance("test-key", "NGN"))
}

func amountAt(t testing.TB, o object, key string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(fmt.Sprint(o[key]))
	require.NoError(t, err)
	return d
}
