package kasapaytest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
)

// Every pair of states: legal arrows move the money right, others change
// nothing.
func TestArrows(t *testing.T) {
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
					m := newMerchant(t, kasapaytest.Config{RefundFailed: refundFailed})
					m.accepted(object{"recipient_account_number": "0003"})
					for _, s := range path {
						require.NoError(t, m.Settle("ref-1", s))
					}
					m.wantFloat(floats[from])
					err := m.Settle("ref-1", to)
					if strings.Contains(legal[from], string(to)) || refundFailed && from == "701" && to == "705" {
						require.NoError(t, err)
						m.wantStatus(string(to), "ref-1")
						m.wantFloat(floats[to])
						assert.Len(t, m.callbacks(), len(path)+1)
						return
					}
					require.ErrorIs(t, err, kasapaytest.ErrArrow)
					m.wantStatus(string(from), "ref-1")
					m.wantFloat(floats[from])
					assert.Len(t, m.callbacks(), len(path))
				})
			}
		}
	}
}

func TestSettleRefusals(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(nil)
	for _, status := range []kasapay.PaymentStatus{"", "0", "703", "706", "720", "820", "0700"} {
		require.ErrorIs(t, m.Settle("ref-1", status), kasapaytest.ErrStatus)
	}
	require.ErrorIs(t, m.Settle("none", "700"), kasapaytest.ErrNoPayout)
	m.wantStatus("703", "ref-1")
}

// What was planned for a payout is void once it was settled by hand.
func TestSettleOverridesThePlan(t *testing.T) {
	t.Parallel()
	for status, want := range map[kasapay.PaymentStatus][]string{"701": {"701"}, "704": {"704"}, "700": {"700"}} {
		m := newMerchant(t, kasapaytest.Config{})
		m.accepted(object{"payout_reference": "r-reversed"})
		require.NoError(t, m.Settle("r-reversed", status))
		m.Advance(30 * time.Minute)
		m.wantStatus(string(status), "r-reversed")
		assert.Equal(t, want, m.statuses())
	}
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(object{"payout_reference": "r-reversed"})
	m.Advance(10 * time.Second)
	require.NoError(t, m.Settle("r-reversed", "705"))
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
		"REFUND 100 posted a-refunded", "PAYOUT -7 failed b-failed", "PAYOUT -100 posted a-refunded", "DEPOSIT 1000000 posted ",
	}, story)
	assert.Empty(t, m.Entries("USD"))
}

func TestAdminSettle(t *testing.T) {
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
		rec := httptest.NewRecorder()
		m.Admin().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/_fake/kasapay/payouts/"+tc.reference+"/settle", strings.NewReader(tc.body)))
		assert.Equal(t, tc.status, rec.Code, "%s: %s", tc.body, rec.Body)
		assert.Contains(t, rec.Body.String(), tc.says, tc.body)
	}
	assert.Equal(t, []string{"700", "702"}, m.statuses())
}
