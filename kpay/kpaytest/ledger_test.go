package kpaytest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestEqualSeedsGiveEqualIDs(t *testing.T) {
	t.Parallel()
	ids := func(seed uint64) string {
		m := newMerchant(t, kpaytest.Config{Options: fake.Options{Seed: seed}})
		return fmt.Sprint(m.pay(nil), m.pay(object{"refid": "b-immediate"}))
	}
	assert.Equal(t, ids(7), ids(7))
	assert.NotEqual(t, ids(7), ids(8))
}

func TestSnapshotAndRestore(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{OtherTID: true}})
	m.pay(object{"refid": "done-immediate"})
	page := m.pay(object{"refid": "open"})["url"].(string)
	snapshot, err := m.Snapshot()
	require.NoError(t, err)
	m.Advance(time.Hour)
	m.pay(object{"refid": "later-immediate"})
	faketest.WantMoney(t, "12600", m.Balance("02", "RWF"))

	require.NoError(t, m.Restore(snapshot))
	faketest.WantMoney(t, "4200", m.Balance("02", "RWF"))
	assert.Equal(t, "611", m.status("later-immediate")["statusid"])
	assert.Equal(t, "03", m.status("open")["statusid"])
	p, _ := m.Payment("open")
	assert.Equal(t, "open", m.call(object{"action": "checkstatus", "tid": p.TID})["refid"])
	assert.Equal(t, "open", m.call(object{"action": "checkstatus", "tid": p.StatusTID})["refid"])
	status, _ := visit(t, m.HTTPClient(), page)
	assert.Equal(t, 200, status)
	m.Advance(10 * time.Second)
	assert.Equal(t, "01", m.status("open")["statusid"], "the scenario goes on")
	require.NoError(t, m.CheckLedger())

	m.Reset()
	assert.Empty(t, m.Payments())
	faketest.WantMoney(t, "0", m.Balance("02", "RWF"))
	m.wantRefusal("0", m.pay(object{"refid": "open"}))
}

func TestRestoreRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	m.pay(object{"refid": "done-immediate"})
	faketest.CheckRestore(t, m.Control, map[string][2]string{
		"no refid":           {`"refid":"done-immediate","tid"`, `"refid":"","tid"`},
		"no tid":             {`"tid":"E`, `"tid":"","was":"E`},
		"not credited":       {`"statusid":"01"`, `"statusid":"03"`},
		"credited otherwise": {`"details":"Order #123","amount":"4200"`, `"details":"Order #123","amount":"4201"`},
		"no ledger":          {`"ledger":[`, `"ledger":null,"was":[`},
		"wrong type":         {`"payments":[`, `"payments":3,"was":[`},
		"empty payment":      {`"payments":[`, `"payments":[null,`},
	})
}

func TestDebitsAreWhatThePayerPaid(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{OtherTID: true}})
	for _, refID := range []string{"a", "b-failed", "c-never", "d-refused", "e"} {
		m.pay(object{"refid": refID})
	}
	a, _ := m.Payment("a")
	assert.Empty(t, m.Debits("a"), "nobody has paid yet")
	m.Advance(10 * time.Second)
	for reference, want := range map[string]int{
		"a": 1, a.TID: 1, a.StatusTID: 1, "e": 1, "b-failed": 0, "c-never": 0, "d-refused": 0, "none": 0, "": 0,
	} {
		assert.Len(t, m.Debits(reference), want, reference)
	}
	debit := m.Debits("a")[0]
	assert.Equal(t, "a", debit.Reference)
	assert.Equal(t, fake.EntryPosted, debit.Status)
	faketest.WantMoney(t, "4200", debit.Amount)

	m.wantRefusal("608", m.pay(object{"refid": "a"}))
	m.Advance(time.Hour)
	assert.Len(t, m.Debits("a"), 1, "KPay takes a refid once")
	assert.Equal(t, append(m.Debits("a"), m.Debits("e")...), m.Entries("02", "RWF"), "oldest first")
}

// Whatever happens at once, every paid payment is credited once, no other is,
// and the balance is the sum of them.
func TestLedgerHoldsUnderConcurrentUse(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	outcomes := []string{"", "-failed", "-never", "-immediate", "-refused", "-slow"}
	faketest.Concurrently(t, 4, 60, func(rng *rand.Rand) {
		refID := fmt.Sprint("r", rng.IntN(80), outcomes[rng.IntN(len(outcomes))])
		switch rng.IntN(4) {
		case 0:
			m.Advance(time.Duration(rng.IntN(8)) * time.Second)
		case 1:
			_ = m.MovePayment(refID, []kpay.Code{"01", "02"}[rng.IntN(2)]) // may be refused
		default:
			req, err := m.newRequest(order(object{"refid": refID, "amount": 1 + rng.IntN(5000)}))
			if !assert.NoError(t, err) {
				return
			}
			res, err := m.HTTPClient().Do(req)
			if assert.NoError(t, err) {
				assert.NoError(t, res.Body.Close())
			}
		}
		assert.NoError(t, m.CheckLedger())
	})
	m.Advance(time.Hour)
	require.NoError(t, m.CheckLedger())
	sum := decimal.Zero
	for _, p := range m.Payments() {
		if p.StatusID == "01" {
			sum = sum.Add(p.Amount)
		}
	}
	assert.True(t, sum.IsPositive())
	faketest.WantMoney(t, sum.String(), m.Balance("02", "RWF"))
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		kpaytest.New(kpaytest.Config{}).Close()
	}
}
