package kasapaytest_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// A request that is wrong in every respect is mended step by step; each step
// brings the next refusal.
func TestInitiateChecksInOrder(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{RefuseBeyondFloat: true})
	m.accepted(object{"payout_reference": "used"})
	good := m.token
	m.token = ""
	bad := order(object{"payout_reference": "used", "recipient_name": "", "recipient_type": "PHONE", "service_code": "0", "amount": "1000000"})
	step := func(body any, status int, want object) {
		t.Helper()
		got, response := m.call(http.MethodPost, initiatePath, body)
		assert.Equal(t, status, got, "%v", response)
		for key, v := range want {
			assert.Equal(t, v, response[key])
		}
		assert.Len(t, m.Payouts(), 1)
	}
	step(`{`, 401, object{"message": "Invalid access token"})
	m.token = good
	step(`{`, 400, object{"message": "The body is not a JSON object", "error": "Bad Request"})
	step(bad, 400, object{"message": []any{"recipient_name should not be empty"}})
	bad["recipient_name"] = "Test Limited"
	step(bad, 400, object{"message": []any{"recipient_type must be one of the following values: PAYBILL, TILL, BANK_ACCOUNT_NUMBER"}})
	bad["recipient_type"] = "TILL"
	step(bad, 400, object{"response_code": json.Number("721"), "response_description": "Invalid Service", "error_code": "SERVICE_NOT_ALLOWED"})
	bad["service_code"] = "12346"
	step(bad, 400, object{"response_code": json.Number("721"), "error_code": "DUPLICATE_REFERENCE"})
	bad["payout_reference"] = "fresh"
	step(bad, 400, object{"response_code": json.Number("721"), "error_code": "INSUFFICIENT_FUNDS"})
	bad["amount"] = "999900"
	m.accepted(bad)
	m.wantFloat("0")
}

func TestInitiateRequiresTheTwelveFields(t *testing.T) {
	t.Parallel()
	fields := []string{
		"payout_reference", "service_code", "payment_account_reference", "recipient_name", "recipient_type",
		"recipient_account_number", "amount", "payment_description", "payment_method", "currency_code", "country_code", "callback_url",
	}
	assert.Len(t, order(nil), len(fields))
	m := newMerchant(t, kasapaytest.Config{})
	for _, name := range fields {
		for _, tc := range []struct {
			value any
			says  string
		}{
			{nil, " must be a string"}, {"", " should not be empty"}, {" ", " should not be empty"},
			{true, " must be a string"}, {[]string{"x"}, " must be a string"},
		} {
			status, response := m.initiate(object{name: tc.value})
			assert.Equal(t, http.StatusBadRequest, status)
			assert.Equal(t, []any{name + tc.says}, response["message"])
		}
	}
	status, response := m.call(http.MethodPost, initiatePath, object{})
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Len(t, response["message"], len(fields), "all faults at once")
	assert.Empty(t, m.Payouts())
	m.accepted(object{"extra": object{"x": 1}})
}

func TestInitiateValues(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		field string
		value any
		good  bool
	}{
		{"amount", "10", true}, {"amount", "100.00", true}, {"amount", "0.01", true}, {"amount", "10.5", true},
		{"amount", 10, true}, {"amount", json.Number("10.25"), true}, {"amount", " 10 ", true},
		{"amount", "0", false}, {"amount", "0.00", false}, {"amount", "-10", false}, {"amount", "10.001", false}, {"amount", "1e2", false},
		{"amount", "1,000", false}, {"amount", "ten", false}, {"amount", ".5", false}, {"amount", "10.", false}, {"amount", "1000000000000000", false},
		{"amount", json.Number("1e2147483647"), false}, {"amount", json.Number("-1"), false},
		{"recipient_type", "TILL", true}, {"recipient_type", "paybill", false}, {"recipient_type", "MOBILE", false},
		{"payment_method", "BANK", false}, {"payment_method", "MPESA", false},
		{"currency_code", "USD", true}, {"currency_code", "kes", false}, {"currency_code", "KSH", false}, {"currency_code", "XXX", false}, {"currency_code", "KEN", false}, {"currency_code", "KESH", false},
		{"country_code", "UGA", true}, {"country_code", "KE", false}, {"country_code", "KES", false}, {"country_code", "XKX", false}, {"country_code", "ken", false},
		{"callback_url", "https://x.test/cb", true}, {"callback_url", "x.test/cb", false}, {"callback_url", "ftp://x.test", false}, {"callback_url", "http://", false},
	} {
		m := newMerchant(t, kasapaytest.Config{})
		status, response := m.initiate(object{tc.field: tc.value})
		if tc.good {
			assert.Equal(t, http.StatusOK, status, "%s %v: %v", tc.field, tc.value, response)
			assert.Len(t, m.Payouts(), 1)
			continue
		}
		assert.Equal(t, http.StatusBadRequest, status, "%s %v", tc.field, tc.value)
		if assert.Len(t, response["message"], 1) {
			assert.Contains(t, response["message"].([]any)[0], tc.field)
		}
		assert.Empty(t, m.Payouts())
	}
}

func TestMethodsGoWithTheirRecipients(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind, method string
		good         bool
	}{
		{"PAYBILL", "MPESA_B2B", true}, {"TILL", "MPESA_B2B", true}, {"BANK_ACCOUNT_NUMBER", "BANK", true},
		{"PAYBILL", "BANK", false}, {"TILL", "BANK", false}, {"BANK_ACCOUNT_NUMBER", "MPESA_B2B", false},
	} {
		changes := object{"recipient_type": tc.kind, "payment_method": tc.method}
		newMerchant(t, kasapaytest.Config{Quirks: kasapaytest.Quirks{AnyMethod: true}}).accepted(changes)
		status, _ := newMerchant(t, kasapaytest.Config{}).initiate(changes)
		assert.Equal(t, map[bool]int{true: 200, false: 400}[tc.good], status, tc)
	}
}

func TestDuplicateReference(t *testing.T) {
	t.Parallel()
	for httpStatus, envelope := range map[int]bool{0: false, 400: true, 409: true} {
		m := newMerchant(t, kasapaytest.Config{MintReferences: true, Quirks: kasapaytest.Quirks{DuplicateStatus: httpStatus}})
		returned := m.accepted(nil)["payout_reference"]
		for _, changes := range []object{nil, {"amount": "1", "recipient_account_number": "0001"}, {"payout_reference": returned}} {
			status, response := m.initiate(changes)
			if envelope {
				assert.Equal(t, httpStatus, status)
				assert.Equal(t, "Duplicate payout reference", response["message"])
			} else {
				assert.Equal(t, 400, status)
				assert.Equal(t, "DUPLICATE_REFERENCE", response["error_code"])
			}
		}
		m.wantFloat("999900")
		m.Advance(30 * time.Minute)
		m.wantStatus("700", "ref-1")
		m.initiate(nil)
		m.wantFloat("999900")
		assert.Len(t, m.Payouts(), 1)
		assert.Equal(t, []string{"700"}, m.statuses())
	}
}

func TestHTTPStatusesAreConfigured(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{Quirks: kasapaytest.Quirks{CreatedStatus: true, RefusalStatus: 200, NotFoundStatus: 400}})
	status, response := m.initiate(nil)
	assert.Equal(t, http.StatusCreated, status)
	assert.Equal(t, json.Number("720"), response["response_code"])
	status, _ = m.call(http.MethodPost, "/v1/auth", object{"consumer_key": "test-key", "consumer_secret": "test-secret"})
	assert.Equal(t, http.StatusCreated, status)
	status, response = m.initiate(object{"service_code": "PREPAY240"})
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, json.Number("721"), response["response_code"])
	status, response = m.call(http.MethodGet, "/v1/payouts/b2b/none/status", nil)
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, "Invalid Payout Reference", response["message"])
}

func TestServiceCodesAreConfigured(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{ServiceCodes: []string{"A", "B"}})
	m.accepted(object{"service_code": "B"})
	status, _ := m.initiate(object{"service_code": "12346", "payout_reference": "x"})
	assert.Equal(t, http.StatusBadRequest, status)
}

func TestPayoutBeyondTheFloat(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(object{"amount": "1000000.01"})
	m.wantStatus("703", "ref-1")
	m.wantFloat("1000000")
	m.Advance(10 * time.Second)
	response := m.status("ref-1")
	assert.Equal(t, json.Number("701"), response["payment_status"])
	assert.Equal(t, "Insufficient funds in the float account", response["result_description"])
	assert.Equal(t, "1000000.00", response["account_balance"])
	assert.Equal(t, []string{"701"}, m.statuses())
	m.wantFloat("1000000")

	m.accepted(object{"payout_reference": "all", "amount": "1000000"})
	m.wantFloat("0")
	m.accepted(object{"payout_reference": "usd", "currency_code": "USD"})
	m.Advance(10 * time.Second)
	m.wantStatus("700", "all")
	m.wantStatus("701", "usd")

	m = newMerchant(t, kasapaytest.Config{RefuseBeyondFloat: true})
	status, response := m.initiate(object{"amount": "1000000.01"})
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, "INSUFFICIENT_FUNDS", response["error_code"])
	m.accepted(nil) // the reference is free
}

// What was accepted beyond the float can be ended by hand once the float
// covers it, and not before.
func TestPayoutFundedLater(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{Balances: map[string]decimal.Decimal{}})
	m.accepted(nil)
	require.ErrorIs(t, m.MovePayout("ref-1", "700"), fake.ErrIllegalMove)
	require.NoError(t, m.MovePayout("ref-1", "704"))
	require.ErrorIs(t, m.MovePayout("ref-1", "700"), fake.ErrIllegalMove)
	m.wantFloat("0")
	require.Error(t, m.Deposit("KES", decimal.Zero))
	require.NoError(t, m.Deposit("KES", decimal.NewFromInt(150)))
	m.wantFloat("150")
	require.NoError(t, m.MovePayout("ref-1", "700"))
	m.wantFloat("50")
	require.NoError(t, m.MovePayout("ref-1", "705"))
	m.wantFloat("150")
	m.Advance(30 * time.Minute)
	m.wantStatus("705", "ref-1")
}

// Of payouts that come at once only as many are paid as the float covers.
func TestConcurrentPayoutsNeverOverdraw(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]bool{"fail later": false, "refused": true} {
		m := newMerchant(t, kasapaytest.Config{RefuseBeyondFloat: refuse, Balances: map[string]decimal.Decimal{"KES": decimal.NewFromInt(550)}})
		var refused atomic.Int32
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				status, _, err := m.try(http.MethodPost, initiatePath, order(object{"payout_reference": string(rune('a' + i))}))
				assert.NoError(t, err)
				if status != http.StatusOK {
					refused.Add(1)
				}
				assert.NoError(t, m.CheckLedger())
			})
		}
		wg.Wait()
		m.wantFloat("50")
		m.Advance(time.Minute)
		m.wantFloat("50")
		paid := 0
		for _, p := range m.Payouts() {
			if p.Status == "700" {
				paid++
			}
		}
		assert.Equal(t, 5, paid, name)
		assert.EqualValues(t, map[bool]int{false: 0, true: 11}[refuse], refused.Load(), name)
	}
}

// A request whose response got lost leaves the payout behind, and a second one of
// the same reference costs nothing.
func TestPayoutSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	require.NoError(t, m.AddFault(fake.Fault{Method: http.MethodPost, Path: initiatePath, Times: 1, Kind: fake.FaultDropAfter}))
	_, _, err := m.try(http.MethodPost, initiatePath, order(nil))
	require.Error(t, err)
	m.initiate(nil)
	m.wantStatus("703", "ref-1")
	m.wantFloat("999900")
}

func TestFaultsAndUnknownRoutesAnswerInKasapaysFormat(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	require.NoError(t, m.AddFault(fake.Fault{Times: 1, Kind: fake.FaultStatus, Status: 503}))
	status, response := m.initiate(nil)
	assert.Equal(t, 503, status)
	assert.Equal(t, object{"statusCode": json.Number("503"), "message": "Service Unavailable", "error": "Service Unavailable"}, response)
	for _, route := range [][2]string{{"GET", "/v1/auth"}, {"POST", "/v1/payouts/initiate"}, {"GET", "/"}, {"DELETE", "/v1/payouts/b2b/x/status"}} {
		status, response = m.call(route[0], route[1], nil)
		assert.Equal(t, 404, status)
		assert.Equal(t, object{"statusCode": json.Number("404"), "message": "Cannot " + route[0] + " " + route[1], "error": "Not Found"}, response)
	}
	assert.Empty(t, m.Payouts())
}

func TestACallbackURLOutOfReachIsRefused(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{UnreachableHosts: []string{"down.test", "10.0.0.9"}})
	for _, callback := range []string{
		"https://shop.invalid/cb", "http://a.b.Shop.INVALID:8080/cb", "https://shop.invalid./cb", "https://down.test/cb", "https://DOWN.test:443", "http://10.0.0.9/cb",
	} {
		status, response := m.initiate(object{"callback_url": callback})
		assert.Equal(t, http.StatusBadRequest, status, callback)
		assert.Equal(t, json.Number("721"), response["response_code"])
		assert.Equal(t, "Unreachable callback_url", response["response_description"])
		assert.Equal(t, "CALLBACK_URL_UNREACHABLE", response["error_code"])
	}
	assert.Empty(t, m.Payouts())
	m.wantFloat("1000000")
	for i, callback := range []string{"https://invalid/cb", "https://shopinvalid/cb", "https://up.down.test/cb", "https://x.test/?a=.invalid"} {
		m.accepted(object{"callback_url": callback, "payout_reference": "ok-" + string(rune('a'+i))})
	}
}
