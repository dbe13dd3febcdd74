package kpaytest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
)

func TestSettle(t *testing.T) {
	t.Parallel()
	for statusID, want := range map[string]string{
		"01": "01", "1": "01", " 001 ": "01", "02": "02", "2": "02", "682": "682", "606": "606", "607": "607", "4": "4",
		"": "", "0": "", "00": "", "03": "", "3": "", "401": "", "500": "", "600": "", "605": "", "608": "", "611": "", "paid": "", "-1": "", "1234567": "",
	} {
		t.Run(statusID, func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, kpaytest.Config{})
			m.pay(object{"msisdn": "0783300003"})
			err := m.Settle("ref-1", kpay.Code(statusID))
			if want == "" {
				require.ErrorIs(t, err, kpaytest.ErrStatusID)
				assert.Equal(t, "03", m.status("ref-1")["statusid"])
				assert.Empty(t, m.postbacks())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want, m.status("ref-1")["statusid"])
			assert.Len(t, m.postbacks(), 1)
			require.NoError(t, m.CheckLedger())
		})
	}
}

func TestAFinalPaymentStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, first := range []kpay.Code{"01", "02"} {
		m := newMerchant(t, kpaytest.Config{})
		m.pay(nil)
		require.NoError(t, m.Settle("ref-1", first))
		for _, second := range []kpay.Code{"01", "02", "682"} {
			require.ErrorIs(t, m.Settle("ref-1", second), kpaytest.ErrFinal)
		}
		m.Advance(time.Hour)
		assert.EqualValues(t, first, m.status("ref-1")["statusid"], "what was planned is void")
		assert.Len(t, m.postbacks(), 1)
		assert.Len(t, m.Entries("02", "RWF"), map[kpay.Code]int{"01": 1, "02": 0}[first])
	}
	m := newMerchant(t, kpaytest.Config{})
	require.ErrorIs(t, m.Settle("none", "01"), kpaytest.ErrNoPayment)
}

func TestAdminSettle(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	m.pay(object{"refid": "a/b", "msisdn": "0783300003"})
	call := func(refID, body string) (int, string) {
		rec := httptest.NewRecorder()
		m.Admin().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/_fake/kpay/payments/"+refID+"/settle", strings.NewReader(body)))
		return rec.Code, rec.Body.String()
	}
	for _, tc := range []struct {
		refID, body string
		status      int
		says        string
	}{
		{"a%2Fb", `{"statusid":"03"}`, 400, `"field":"statusid"`},
		{"a%2Fb", `{}`, 400, `"field":"statusid"`},
		{"a%2Fb", `{"statusid":1}`, 400, `"field":"statusid"`},
		{"a%2Fb", `{"status":"01"}`, 400, `"field":"status"`},
		{"a%2Fb", `[]`, 400, `"error"`},
		{"none", `{"statusid":"01"}`, 404, `"field":"refid"`},
		{"a%2Fb", `{"statusid":"01"}`, 200, `"statusid":"01"`},
		{"a%2Fb", `{"statusid":"02"}`, 409, `final already: 01`},
	} {
		status, text := call(tc.refID, tc.body)
		assert.Equal(t, tc.status, status, "%s: %s", tc.body, text)
		assert.Contains(t, text, tc.says, tc.body)
	}
	assert.Len(t, m.postbacks(), 1)
}
