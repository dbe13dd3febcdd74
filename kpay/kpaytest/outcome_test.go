package kpaytest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestOutcomes(t *testing.T) {
	t.Parallel()
	const (
		pending = "03 Pending transaction."
		paid    = "01 Successfully processed transaction."
		unknown = "611 Transaction not found"
		never   = 100 * time.Hour
	)
	for _, tc := range []struct {
		outcome       kpaytest.Outcome
		number        string
		before, after string        // status before and when it is settled
		settles       time.Duration // when
		postbacks     int
	}{
		{outcome: "paid", before: pending, after: paid, settles: 10 * time.Second, postbacks: 1},
		{outcome: "failed", number: "0001", before: pending, after: "02 Payment failed.", settles: 10 * time.Second, postbacks: 1},
		{outcome: "no-funds", number: "0002", before: pending, after: "02 TARGET_AUTHORIZATION_ERROR", settles: 10 * time.Second, postbacks: 1},
		{outcome: "never", number: "0003", before: pending, after: pending, settles: never},
		{outcome: "slow", number: "0004", before: pending, after: paid, settles: 10 * time.Minute, postbacks: 1},
		{outcome: "processor-error", number: "0005", before: pending, after: "682 An internal error caused the operation to fail", settles: 10 * time.Second, postbacks: 1},
		{outcome: "immediate", number: "0006", after: "01 SUCCESSFUL", postbacks: 1},
		{outcome: "refused", number: "0007", after: "02 TARGET_AUTHORIZATION_ERROR"},
		{outcome: "refused-no-funds", number: "0008", after: "02 TARGET_AUTHORIZATION_ERROR"},
		{outcome: "lost", number: "0009", before: pending, after: paid, settles: 10 * time.Second},
		{outcome: "lagging", number: "0010", before: unknown, after: paid, settles: 10 * time.Second, postbacks: 1},
	} {
		for by, changes := range map[string]object{
			"number":           {"msisdn": "078330" + tc.number, "refid": "r"},
			"foreign number":   {"msisdn": "25078330" + tc.number, "refid": "r"},
			"refid":            {"refid": "r-" + string(tc.outcome)},
			"refid of a card":  {"refid": "r-" + string(tc.outcome), "pmethod": "cc"},
			"refid over phone": {"refid": "r-" + string(tc.outcome), "msisdn": "0783300001"},
		} {
			if tc.number == "" && changes["refid"] == "r" {
				continue
			}
			t.Run(string(tc.outcome)+" by "+by, func(t *testing.T) {
				t.Parallel()
				m := newMerchant(t, kpaytest.Config{})
				m.pay(changes)
				refID := changes["refid"].(string)
				show := func() string { s := m.status(refID); return s["statusid"].(string) + " " + s["statusdesc"].(string) }
				if tc.settles > 0 {
					assert.Equal(t, tc.before, show())
					m.Advance(tc.settles - time.Second)
					assert.NotEqual(t, "01", m.status(refID)["statusid"])
					assert.Empty(t, m.postbacks())
					m.Advance(time.Second)
				}
				assert.Equal(t, tc.after, show())
				assert.Len(t, m.postbacks(), tc.postbacks)
				p, known := m.Payment(refID)
				require.True(t, known)
				assert.Equal(t, tc.outcome, p.Outcome)
				if p.StatusID == "01" {
					wantMoney(t, "4200", m.Balance("02", "RWF"))
					assert.Regexp(t, `^[1-9][0-9]{8}$`, p.MoMoTransactionID)
				} else {
					wantMoney(t, "0", m.Balance("02", "RWF"))
					assert.Empty(t, p.MoMoTransactionID)
					assert.Empty(t, p.PayAccount)
				}
				require.NoError(t, m.CheckLedger())
			})
		}
	}
}

func TestRefIDsThatOnlyLookMagic(t *testing.T) {
	t.Parallel()
	for _, refID := range []string{"failed", "order-0001", "refused-1", "xfailed", "never-mind"} {
		m := newMerchant(t, kpaytest.Config{})
		m.pay(object{"refid": refID})
		m.Advance(10 * time.Second)
		assert.Equal(t, "01", m.status(refID)["statusid"], refID)
	}
}

func TestConfiguredOutcomeCountsWithoutMagic(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Outcome: kpaytest.OutcomeFailed, SettleAfter: time.Minute})
	m.pay(nil)
	m.pay(object{"refid": "b-paid"})
	m.Advance(59 * time.Second)
	assert.Equal(t, "03", m.status("ref-1")["statusid"])
	m.Advance(time.Second)
	assert.Equal(t, "02", m.status("ref-1")["statusid"])
	assert.Equal(t, "01", m.status("b-paid")["statusid"])
}

func TestImmediateSuccessHasTheGuidesShape(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	answer := m.pay(object{"msisdn": "0783300006"})
	want := parse(t, `{"tid":"E6974821594723662","refid":"15947234071471114","momtransactionid":"85640192","statusdesc":"SUCCESSFUL","statusid":"01","retcode":0}`)
	assert.Equal(t, shape(want), shape(answer))
	for _, name := range []string{"statusdesc", "statusid", "retcode"} {
		assert.Equal(t, want[name], answer[name], name)
	}
	wantMoney(t, "4200", m.Balance("02", "RWF"))
	m.Advance(time.Hour)
	assert.Len(t, m.postbacks(), 1)
	wantMoney(t, "4200", m.Balance("02", "RWF"))
}

func TestCardWaitsForThePage(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	m.pay(object{"pmethod": "cc", "bankid": "000"})
	m.Advance(24 * time.Hour)
	assert.Equal(t, "03", m.status("ref-1")["statusid"])
}

func TestLookupLag(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{LookupLag: 5 * time.Second})
	m.pay(nil)
	assert.Equal(t, "611", m.status("ref-1")["statusid"])
	m.wantRefusal("608", m.pay(nil))
	m.Advance(5*time.Second - 1)
	assert.Equal(t, "611", m.status("ref-1")["statusid"])
	m.Advance(1)
	assert.Equal(t, "03", m.status("ref-1")["statusid"])
}

// A payment settles by itself when the clock follows real time.
func TestSettlesInRealTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMerchant(t, kpaytest.Config{Options: fake.Options{RealTime: true}})
		m.pay(nil)
		<-time.After(10*time.Second - 1)
		synctest.Wait()
		assert.Equal(t, "03", m.status("ref-1")["statusid"])
		<-time.After(2)
		synctest.Wait()
		assert.Len(t, m.postbacks(), 1)
		assert.Equal(t, "01", m.status("ref-1")["statusid"])
	})
}
