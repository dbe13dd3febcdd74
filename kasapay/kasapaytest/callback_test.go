package kasapaytest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

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
			m := newMerchant(t, kasapaytest.Config{AnySuccessAcknowledges: tc.any2xx})
			m.answer = func(int) int { return tc.status }
			m.accepted(nil)
			m.Advance(10 * time.Second)
			want := 1
			for _, wait := range []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour} {
				m.Advance(wait - 1)
				assert.Len(t, m.callbacks(), want, "not before its time")
				m.Advance(1)
				if !tc.taken {
					want++
				}
				assert.Len(t, m.callbacks(), want)
			}
			m.Advance(1000 * time.Hour)
			assert.Len(t, m.callbacks(), want, "attempts are bounded")
			require.Len(t, m.Deliveries(), 1)
			d := m.Deliveries()[0]
			state := fake.DeliveryDead
			if tc.taken {
				state = fake.DeliveryDelivered
			}
			assert.Equal(t, state, d.State)
			assert.Equal(t, "payout.700", d.Event)
			assert.Equal(t, "ref-1", d.Subject)
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
		m.answer = func(int) int { return 500 }
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
	require.NoError(t, m.AddCallbackFault(fake.CallbackFault{Subject: "twice", Kind: fake.CallbackDuplicate}))
	require.NoError(t, m.AddCallbackFault(fake.CallbackFault{Subject: "gone", Kind: fake.CallbackDrop}))
	require.NoError(t, m.AddCallbackFault(fake.CallbackFault{Subject: "late", Kind: fake.CallbackDelay, Seconds: 60}))
	for _, reference := range []string{"twice", "gone", "late"} {
		m.accepted(object{"payout_reference": reference})
	}
	m.Advance(10 * time.Second)
	assert.Len(t, m.callbacks(), 2)
	m.Advance(time.Minute)
	assert.Len(t, m.callbacks(), 3)
	for _, d := range m.Deliveries() {
		if d.Subject == "gone" {
			require.NoError(t, m.Redeliver(d.ID))
		}
	}
	assert.Len(t, m.callbacks(), 4)
	m.wantFloat("999700")
}
