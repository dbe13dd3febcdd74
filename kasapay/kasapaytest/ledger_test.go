package kasapaytest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestEqualSeedsGiveEqualIDs(t *testing.T) {
	t.Parallel()
	ids := func(seed uint64) string {
		m := newMerchant(t, kasapaytest.Config{MintReferences: true, Options: fake.Options{Seed: seed}})
		m.accepted(nil)
		m.Advance(10 * time.Second)
		return fmt.Sprint(m.token, m.status("ref-1"), m.Payouts()[0].ReturnedReference)
	}
	assert.Equal(t, ids(7), ids(7))
	assert.NotEqual(t, ids(7), ids(8))
}

func TestSnapshotAndRestore(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{MintReferences: true})
	m.accepted(object{"payout_reference": "done"})
	m.Advance(10 * time.Second)
	returned := m.accepted(object{"payout_reference": "open-reversed"})["payout_reference"].(string)
	snapshot, err := m.Snapshot()
	require.NoError(t, err)
	m.Advance(30 * time.Minute)
	m.accepted(object{"payout_reference": "later"})
	require.NoError(t, m.Deposit("USD", decimal.NewFromInt(5)))

	require.NoError(t, m.Restore(snapshot))
	m.wantFloat("999800")
	assert.Len(t, m.Payouts(), 2)
	assert.True(t, m.Balance("USD").IsZero())
	m.wantStatus("703", returned)
	m.Advance(10 * time.Second)
	m.wantStatus("700", "open-reversed")
	m.Advance(10 * time.Minute)
	m.wantStatus("702", "open-reversed")
	m.wantFloat("999900")

	m.Reset()
	m.login()
	assert.Empty(t, m.Payouts())
	m.wantFloat("1000000")
	m.accepted(object{"payout_reference": "done"})
}

func TestRestoreRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(nil)
	m.Advance(10 * time.Second)
	faketest.CheckRestore(t, m.Control, map[string][2]string{
		"no reference":      {`"payout_reference":"ref-1","returned`, `"payout_reference":"","returned`},
		"no status":         {`"payment_status":"700"`, `"payment_status":""`},
		"foreign status":    {`"payment_status":"700"`, `"payment_status":"720"`},
		"failed, yet taken": {`"payment_status":"700"`, `"payment_status":"701"`},
		"other amount":      {`"recipient_account_number":"5656","amount":"100"`, `"recipient_account_number":"5656","amount":"101"`},
		"overdrawn":         {`"amount":"1000000"`, `"amount":"50"`},
		"long status":       {`"payment_status":"700"`, `"payment_status":"7001"`},
		"no ledger":         {`"ledger":[`, `"ledger":null,"was":[`},
		"wrong type":        {`"payouts":[`, `"payouts":3,"was":[`},
		"empty payout":      {`"payouts":[`, `"payouts":[null,`},
	})
}

// Whatever happens at once: the float is never overdrawn, a paid payout has cost
// its amount, one under way holds it back, any other one has cost nothing.
func TestLedgerHoldsUnderConcurrentUse(t *testing.T) {
	t.Parallel()
	start := decimal.NewFromInt(5000)
	m := newMerchant(t, kasapaytest.Config{
		Balances: map[string]decimal.Decimal{"KES": start}, TokenLifetime: 1000 * time.Hour, Quirks: kasapaytest.Quirks{RefundFailed: true},
	})
	outcomes := []string{"", "-failed", "-never", "-jammed-paid", "-reversed", "-refunded", "-jammed-reversed", "-slow"}
	faketest.Concurrently(t, 4, 80, func(rng *rand.Rand) {
		reference := fmt.Sprint("r", rng.IntN(40), outcomes[rng.IntN(len(outcomes))])
		switch rng.IntN(5) {
		case 0:
			m.Advance(time.Duration(rng.IntN(200)) * time.Second)
		case 1, 2:
			_ = m.MovePayout(reference, []kasapay.PaymentStatus{"700", "701", "702", "704", "705"}[rng.IntN(5)]) // may be refused
		default:
			amount := decimal.New(1+rng.Int64N(100_000), -2).String()
			_, _, err := m.try(http.MethodPost, initiatePath, order(object{"payout_reference": reference, "amount": amount}))
			assert.NoError(t, err)
		}
		assert.NoError(t, m.CheckLedger())
		assert.False(t, m.Balance("KES").IsNegative())
	})
	m.Advance(100 * time.Hour)
	require.NoError(t, m.CheckLedger())
	left, ended := start, 0
	for _, p := range m.Payouts() {
		if p.Status == "700" || !p.Unfunded && (p.Status == "703" || p.Status == "704") {
			left = left.Sub(p.Amount)
		}
		if p.Status != "703" {
			ended++
		}
	}
	assert.Positive(t, ended)
	m.wantFloat(left.String())
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		kasapaytest.New(kasapaytest.Config{}).Close()
	}
}
