package kasapaytest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestOutcomes(t *testing.T) {
	t.Parallel()
	type step struct {
		after       time.Duration // since the step before
		status      string
		float       string
		description string
	}
	const soon, later = 10 * time.Second, 10 * time.Minute
	pending := step{0, "703", "999900", "Payout is Pending"}
	paid := func(after time.Duration) step {
		return step{after, "700", "999900", "Payout was processed successfully"}
	}
	jammed := step{soon, "704", "999900", "Payout is Jammed"}
	for _, tc := range []struct {
		outcome   kasapaytest.Outcome
		account   string
		steps     []step
		callbacks []string
	}{
		{"paid", "", []step{pending, paid(soon)}, []string{"700"}},
		{"failed", "0001", []step{pending, {soon, "701", "1000000", "Recipient account could not be credited"}}, []string{"701"}},
		{"no-funds", "0002", []step{pending, {soon, "701", "1000000", "Insufficient funds in the float account"}}, []string{"701"}},
		{"never", "0003", []step{pending, {1000 * time.Hour, "703", "999900", "Payout is Pending"}}, []string{}},
		{"slow", "0004", []step{pending, paid(later)}, []string{"700"}},
		{"jammed", "0005", []step{pending, jammed}, []string{"704"}},
		{"jammed-paid", "0006", []step{pending, jammed, paid(later)}, []string{"704", "700"}},
		{"reversed", "0007", []step{pending, paid(soon), {later, "702", "1000000", "Payout was reversed"}}, []string{"700", "702"}},
		{"refunded", "0008", []step{pending, paid(soon), {later, "705", "1000000", "Payout was refunded"}}, []string{"700", "705"}},
		{"lost", "0009", []step{pending, paid(soon)}, []string{}},
		{"jammed-reversed", "0010", []step{pending, jammed, {later, "702", "1000000", "Payout was reversed"}}, []string{"704", "702"}},
	} {
		for by, changes := range map[string]object{
			"account":               {"recipient_account_number": "123" + tc.account, "payout_reference": "r"},
			"reference":             {"payout_reference": "r-" + string(tc.outcome)},
			"reference, not number": {"payout_reference": "r-" + string(tc.outcome), "recipient_account_number": "0001"},
		} {
			t.Run(string(tc.outcome)+" by "+by, func(t *testing.T) {
				t.Parallel()
				m := newMerchant(t, kasapaytest.Config{TokenLifetime: 10_000 * time.Hour})
				m.accepted(changes)
				reference := changes["payout_reference"].(string)
				for i, s := range tc.steps {
					if s.after > 0 {
						m.Advance(s.after - 1)
						m.wantStatus(tc.steps[i-1].status, reference)
						m.Advance(1)
					}
					answer := m.status(reference)
					m.wantStatus(s.status, reference)
					assert.Equal(t, s.description, answer["result_description"])
					assert.Equal(t, s.float+".00", answer["account_balance"])
					m.wantFloat(s.float)
				}
				m.Advance(1000 * time.Hour)
				m.wantStatus(tc.steps[len(tc.steps)-1].status, reference)
				assert.Equal(t, tc.callbacks, m.statuses())
				if n := len(m.callbacks()); n > 0 {
					assert.Equal(t, m.status(reference), m.callbacks()[n-1], "a callback says what status says")
				}
			})
		}
	}
}

func TestReferencesThatOnlyLookMagic(t *testing.T) {
	t.Parallel()
	for _, reference := range []string{"failed", "order-0001", "xjammed", "reversed-1"} {
		m := newMerchant(t, kasapaytest.Config{})
		m.accepted(object{"payout_reference": reference})
		m.Advance(30 * time.Minute)
		m.wantStatus("700", reference)
	}
}

func TestConfiguredOutcomeCountsWithoutMagic(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{Outcome: kasapaytest.OutcomeFailed, SettleAfter: time.Minute})
	m.accepted(nil)
	m.accepted(object{"payout_reference": "b-paid"})
	m.Advance(59 * time.Second)
	m.wantStatus("703", "ref-1")
	m.Advance(time.Second)
	m.wantStatus("701", "ref-1")
	m.wantStatus("700", "b-paid")
}

// What never settles by itself does not fail by itself either.
func TestNeverHoldsBeyondTheFloat(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(object{"amount": "2000000", "recipient_account_number": "0003"})
	m.Advance(30 * time.Minute)
	m.wantStatus("703", "ref-1")
	require.NoError(t, m.Settle("ref-1", "701"))
	m.wantFloat("1000000")
}

// A payout settles by itself when the clock follows real time.
func TestSettlesInRealTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMerchant(t, kasapaytest.Config{Options: fake.Options{RealTime: true}})
		m.accepted(nil)
		<-time.After(10*time.Second - 1)
		synctest.Wait()
		m.wantStatus("703", "ref-1")
		<-time.After(2)
		synctest.Wait()
		assert.Equal(t, []string{"700"}, m.statuses())
		m.wantStatus("700", "ref-1")
	})
}
