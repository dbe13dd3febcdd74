package kasapaytest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestScenarios(t *testing.T) {
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
		scenario  fake.Scenario
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
			"reference":             {"payout_reference": "r-" + string(tc.scenario)},
			"reference, not number": {"payout_reference": "r-" + string(tc.scenario), "recipient_account_number": "0001"},
		} {
			t.Run(string(tc.scenario)+" by "+by, func(t *testing.T) {
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
					response := m.status(reference)
					m.wantStatus(s.status, reference)
					assert.Equal(t, s.description, response["result_description"])
					assert.Equal(t, s.float+".00", response["account_balance"])
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

func TestConfiguredScenarioCountsWithoutMagic(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{Scenario: fake.ScenarioFailed, EndsAfter: time.Minute})
	m.accepted(nil)
	m.accepted(object{"payout_reference": "b-paid"})
	m.Advance(59 * time.Second)
	m.wantStatus("703", "ref-1")
	m.Advance(time.Second)
	m.wantStatus("701", "ref-1")
	m.wantStatus("700", "b-paid")
}

func TestSlowAfter(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{Quirks: kasapaytest.Quirks{SlowAfter: time.Minute}})
	m.accepted(object{"payout_reference": "a-slow"})
	m.Advance(59 * time.Second)
	m.wantStatus("703", "a-slow")
	m.Advance(time.Second)
	m.wantStatus("700", "a-slow")
}

// What never ends by itself does not fail by itself either.
func TestNeverHoldsBeyondTheFloat(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(object{"amount": "2000000", "recipient_account_number": "0003"})
	m.Advance(30 * time.Minute)
	m.wantStatus("703", "ref-1")
	require.NoError(t, m.MovePayout("ref-1", "701"))
	m.wantFloat("1000000")
}

// A payout ends by itself when the clock follows real time.
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

// Every legal transition moves the money right, any other changes nothing.
func TestTransitions(t *testing.T) {
	t.Parallel()
	paths := map[kasapay.PaymentStatus][]kasapay.PaymentStatus{
		"703": nil, "704": {"704"}, "700": {"700"}, "701": {"701"}, "702": {"700", "702"}, "705": {"700", "705"},
	}
	floats := map[kasapay.PaymentStatus]string{"703": "999900", "704": "999900", "700": "999900", "701": "1000000", "702": "1000000", "705": "1000000"}
	legal := map[kasapay.PaymentStatus]string{"703": "700 701 704", "704": "700 701 702", "700": "702 705"}
	for _, refundFailed := range []bool{false, true} {
		for from, path := range paths {
			for _, to := range []kasapay.PaymentStatus{"700", "701", "702", "704", "705"} {
				t.Run(fmt.Sprint(from, to, refundFailed), func(t *testing.T) {
					t.Parallel()
					m := newMerchant(t, kasapaytest.Config{Quirks: kasapaytest.Quirks{RefundFailed: refundFailed}})
					m.accepted(object{"recipient_account_number": "0003"})
					for _, s := range path {
						require.NoError(t, m.MovePayout("ref-1", s))
					}
					m.wantFloat(floats[from])
					err := m.MovePayout("ref-1", to)
					if strings.Contains(legal[from], string(to)) || refundFailed && from == "701" && to == "705" {
						require.NoError(t, err)
						m.wantStatus(string(to), "ref-1")
						m.wantFloat(floats[to])
						assert.Len(t, m.callbacks(), len(path)+1)
						return
					}
					require.ErrorIs(t, err, fake.ErrIllegalMove)
					m.wantStatus(string(from), "ref-1")
					m.wantFloat(floats[from])
					assert.Len(t, m.callbacks(), len(path))
				})
			}
		}
	}
}

func TestMovePayoutRefusals(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(nil)
	for _, status := range []kasapay.PaymentStatus{"", "0", "703", "706", "720", "820", "0700"} {
		require.ErrorIs(t, m.MovePayout("ref-1", status), fake.ErrIllegalMove)
	}
	require.ErrorIs(t, m.MovePayout("none", "700"), fake.ErrNotFound)
	m.wantStatus("703", "ref-1")
}

// A payout that was moved by hand leaves its scenario.
func TestMovePayoutOverridesTheScenario(t *testing.T) {
	t.Parallel()
	for status, want := range map[kasapay.PaymentStatus][]string{"701": {"701"}, "704": {"704"}, "700": {"700"}} {
		m := newMerchant(t, kasapaytest.Config{})
		m.accepted(object{"payout_reference": "r-reversed"})
		require.NoError(t, m.MovePayout("r-reversed", status))
		m.Advance(30 * time.Minute)
		m.wantStatus(string(status), "r-reversed")
		assert.Equal(t, want, m.statuses())
	}
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(object{"payout_reference": "r-reversed"})
	m.Advance(10 * time.Second)
	require.NoError(t, m.MovePayout("r-reversed", "705"))
	m.Advance(30 * time.Minute)
	assert.Equal(t, []string{"700", "705"}, m.statuses())
	m.wantFloat("1000000")
}

func TestLedgerEntriesTellTheStory(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(object{"payout_reference": "a-refunded"})
	m.accepted(object{"payout_reference": "b-failed", "amount": "7"})
	m.Advance(time.Hour)
	story := []string{}
	for _, e := range m.Entries("KES") {
		story = append(story, fmt.Sprint(e.Kind, " ", e.Amount, " ", e.Status, " ", e.Reference))
	}
	assert.Equal(t, []string{
		"DEPOSIT 1000000 posted ", "PAYOUT -100 posted a-refunded", "PAYOUT -7 failed b-failed", "REFUND 100 posted a-refunded",
	}, story)
	assert.Empty(t, m.Entries("USD"))
}

func TestDebits(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{MintReferences: true})
	for _, reference := range []string{"a", "b-failed", "c-never", "d-refunded", "e-jammed-reversed"} {
		m.accepted(object{"payout_reference": reference})
	}
	m.accepted(object{"payout_reference": "f", "amount": "2000000"})
	count := func(want map[string]int) {
		t.Helper()
		for reference, n := range want {
			assert.Len(t, m.Debits(reference), n, reference)
		}
	}
	a, _ := m.Payout("a")
	count(map[string]int{"a": 1, a.ReturnedReference: 1, "b-failed": 1, "c-never": 1, "f": 0, "none": 0, "": 0})
	assert.Equal(t, fake.EntryPending, m.Debits("a")[0].Status, "reserved")
	m.initiate(object{"payout_reference": "a"})
	m.Advance(30 * time.Minute)
	count(map[string]int{"a": 1, "b-failed": 0, "c-never": 1, "d-refunded": 1, "e-jammed-reversed": 0, "f": 0})
	debit := m.Debits("a")[0]
	assert.Equal(t, fake.EntryPosted, debit.Status)
	assert.Equal(t, "a", debit.Reference)
	assert.True(t, debit.Amount.Equal(decimal.NewFromInt(-100)))
}

func TestDepositAndWithdraw(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	for _, amount := range []string{"0", "-1"} {
		require.ErrorIs(t, m.Deposit("KES", decimal.RequireFromString(amount)), fake.ErrIllegalMove)
		require.ErrorIs(t, m.Withdraw("KES", decimal.RequireFromString(amount)), fake.ErrIllegalMove)
	}
	require.ErrorIs(t, m.Withdraw("USD", decimal.NewFromInt(1)), fake.ErrNotFound)
	m.accepted(nil)
	require.ErrorIs(t, m.Withdraw("KES", decimal.NewFromInt(999_901)), fake.ErrIllegalMove, "100 are reserved")
	m.wantFloat("999900")
	require.NoError(t, m.Withdraw("KES", decimal.NewFromInt(999_900)))
	m.wantFloat("0")
	require.NoError(t, m.Deposit("KES", decimal.RequireFromString("0.50")))
	m.wantFloat("0.50")
	m.Advance(10 * time.Second)
	m.wantStatus("700", "ref-1")
	m.wantFloat("0.50")
	require.Len(t, m.Entries("KES"), 4)
	assert.Equal(t, "WITHDRAWAL", m.Entries("KES")[2].Kind)
}

func TestAdminMovesAPayout(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(object{"payout_reference": "a/b", "recipient_account_number": "0003"})
	for _, tc := range []struct {
		reference, body string
		status          int
		says            string
	}{
		{"a%2Fb", `{"payment_status":703}`, 400, `"field":"payment_status"`},
		{"a%2Fb", `{}`, 400, `"field":"payment_status"`},
		{"a%2Fb", `{"payment_status":"700"}`, 400, `"field":"payment_status"`},
		{"a%2Fb", `{"status":700}`, 400, `"field":"status"`},
		{"none", `{"payment_status":700}`, 404, `"field":"reference"`},
		{"a%2Fb", `{"payment_status":702}`, 409, `703 to 702`},
		{"a%2Fb", `{"payment_status":700}`, 200, `"payment_status":700`},
		{"a%2Fb", `{"payment_status":702}`, 200, `"payment_status":702`},
		{"a%2Fb", `{"payment_status":700}`, 409, `702 to 700`},
	} {
		status, text := faketest.Admin(m.Admin(), "POST", "/_fake/kasapay/payouts/"+tc.reference+"/settle", tc.body)
		assert.Equal(t, tc.status, status, "%s: %s", tc.body, text)
		assert.Contains(t, text, tc.says, tc.body)
	}
	assert.Equal(t, []string{"700", "702"}, m.statuses())
}

func TestCallbackIsRepeatedUntilAcknowledged(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status      int
		any2xx      bool
		taken       bool
		description string
	}{
		{200, false, true, "200"}, {201, false, false, "201"}, {204, false, false, "204"}, {302, false, false, "302"}, {400, false, false, "400"}, {500, false, false, "500"},
		{200, true, true, "200, any 2xx"}, {201, true, true, "201, any 2xx"}, {204, true, true, "204, any 2xx"}, {302, true, false, "302, any 2xx"}, {500, true, false, "500, any 2xx"},
	} {
		t.Run(tc.description, func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, kasapaytest.Config{Quirks: kasapaytest.Quirks{AnySuccessAcknowledges: tc.any2xx}})
			m.respond = func(int) int { return tc.status }
			m.accepted(nil)
			m.Advance(10 * time.Second)
			d := faketest.CheckRetries(t, m.Control, tc.taken, func() int { return len(m.callbacks()) })
			assert.Equal(t, "payout.700", d.Event)
			assert.Equal(t, "ref-1", d.Identity)
			for _, c := range m.callbacks() {
				assert.Equal(t, m.callbacks()[0], c, "every attempt says the same")
			}
		})
	}
}

func TestCallbackRetriesAreConfigured(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retries []time.Duration
		want    int
	}{"none": {[]time.Duration{}, 1}, "two": {[]time.Duration{time.Second, time.Second}, 3}} {
		m := newMerchant(t, kasapaytest.Config{CallbackRetries: tc.retries})
		m.respond = func(int) int { return 500 }
		m.accepted(nil)
		m.Advance(time.Hour)
		assert.Len(t, m.callbacks(), tc.want, name)
	}
}

func TestPendingCallbacks(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{PendingCallbacks: true})
	m.accepted(object{"payout_reference": "r-reversed"})
	m.Advance(time.Hour)
	assert.Equal(t, []string{"703", "700", "702"}, m.statuses())
}

// The account balance of a callback is the one of its own moment.
func TestCallbackKeepsItsMoment(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	require.NoError(t, m.AddCallbackFault(fake.CallbackFault{Event: "payout.700", Times: 1, Kind: fake.CallbackHold}))
	m.accepted(object{"payout_reference": "r-reversed"})
	m.accepted(object{"payout_reference": "other"})
	m.Advance(time.Hour)
	var of []string
	for _, c := range m.callbacks() {
		if c["payout_reference"] == "r-reversed" {
			of = append(of, c["result_description"].(string)+" "+c["account_balance"].(string))
		}
	}
	assert.Equal(t, []string{"Payout was reversed 999900.00", "Payout was processed successfully 999800.00"}, of, "out of order, as asked")
}

func TestCallbackFaults(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	faketest.CheckCallbackFaults(t, m.Control, func(reference string) { m.accepted(object{"payout_reference": reference}) }, func() int { return len(m.callbacks()) })
	m.wantFloat("999700")
}
