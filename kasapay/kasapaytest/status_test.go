package kasapaytest_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
)

func TestFreshPayout(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	accepted := m.accepted(object{"amount": "10"})
	assert.Equal(t, "ref-1", accepted["payout_reference"])
	answer := m.status("ref-1")
	assert.Empty(t, answer["payment_reference"])
	assert.Equal(t, "10.00", answer["amount"])
	assert.Equal(t, "paybill", answer["destination"])
	assert.Equal(t, "5656", answer["account_number"])
	assert.Equal(t, "2026-04-03T09:00:00.000Z", answer["transaction_time"])
	m.Advance(time.Minute)
	assert.Equal(t, "2026-04-03T09:00:00.000Z", m.status("ref-1")["transaction_time"])
}

func TestStatusByEitherReference(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{MintReferences: true})
	returned := m.accepted(nil)["payout_reference"].(string)
	assert.NotEqual(t, "ref-1", returned)
	assert.Equal(t, m.status("ref-1"), m.status(returned))
	assert.Equal(t, "ref-1", m.status(returned)["payout_reference"])
	p, known := m.Payout(returned)
	assert.True(t, known)
	assert.Equal(t, "ref-1", p.Reference)
}

func TestUnknownReference(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(nil)
	for _, reference := range []string{"none", "REF-1", "ref-1%20"} {
		status, answer := m.call(http.MethodGet, "/v1/payouts/b2b/"+reference+"/status", nil)
		assert.Equal(t, http.StatusNotFound, status)
		assert.Equal(t, object{"statusCode": json.Number("404"), "message": "Invalid Payout Reference", "error": "Not Found"}, answer)
	}
}

// References that need escaping in a path are found all the same.
func TestStatusOfAnOddReference(t *testing.T) {
	t.Parallel()
	for reference, escaped := range map[string]string{"a/b": "a%2Fb", "..": "%2E%2E", "x y?": "x%20y%3F", "a//b": "a%2F%2Fb", "é%": "%C3%A9%25"} {
		m := newMerchant(t, kasapaytest.Config{})
		m.accepted(object{"payout_reference": reference})
		assert.Equal(t, reference, m.status(escaped)["payout_reference"])
	}
}

// Each switch changes what it says and nothing else.
func TestNoise(t *testing.T) {
	t.Parallel()
	bank := object{"recipient_type": "BANK_ACCOUNT_NUMBER", "recipient_account_number": "0829212345849"}
	for name, tc := range map[string]struct {
		cfg           kasapaytest.Config
		fresh, paid   string   // what differs
		absent, freed []string // what is not there: fresh and paid; fresh only
	}{
		"none":               {},
		"numbers as strings": {cfg: kasapaytest.Config{NumbersAsStrings: true}, fresh: `{"payment_status":"703"}`, paid: `{"payment_status":"700"}`},
		"amounts as numbers": {cfg: kasapaytest.Config{AmountsAsNumbers: true}, fresh: `{"amount":100,"account_balance":999900}`, paid: `{"amount":100,"account_balance":999900}`},
		"nulls": {
			cfg:   kasapaytest.Config{Nulls: true},
			fresh: `{"payment_reference":null,"wallet_account":null,"destination_name":null,"description":null}`,
			paid:  `{"wallet_account":null,"destination_name":null,"description":null}`,
		},
		"missing keys": {
			cfg:    kasapaytest.Config{OmitOptional: true},
			absent: []string{"wallet_account", "destination_name", "description", "result_description", "account_balance"},
			freed:  []string{"payment_reference"},
		},
		"extra keys": {
			cfg:   kasapaytest.Config{ExtraKeys: true},
			fresh: `{"event":"pending_payment","client_code":"TEST","service_code":"12346","payment_account_reference":"0101","receiver_narration":null,"extra_data":{},"event_history":[]}`,
			paid:  `{"event":"payment","client_code":"TEST","service_code":"12346","payment_account_reference":"0101","receiver_narration":null,"extra_data":{},"event_history":[]}`,
		},
		"destination": {
			cfg: kasapaytest.Config{DestinationAsRequested: true}, fresh: `{"destination":"BANK_ACCOUNT_NUMBER"}`, paid: `{"destination":"BANK_ACCOUNT_NUMBER"}`,
		},
		"masked": {
			cfg: kasapaytest.Config{MaskAccountNumbers: true}, fresh: `{"account_number":"08292*****849"}`, paid: `{"account_number":"08292*****849"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, noisy := newMerchant(t, kasapaytest.Config{}), newMerchant(t, tc.cfg)
			_, want := plain.initiate(bank)
			_, got := noisy.initiate(bank)
			if tc.cfg.NumbersAsStrings {
				want["response_code"] = "720"
			}
			assert.Equal(t, want, got)
			for _, step := range []struct {
				diff   string
				absent []string
			}{{tc.fresh, append(tc.freed, tc.absent...)}, {tc.paid, tc.absent}} {
				want, got := plain.status("ref-1"), noisy.status("ref-1")
				if step.diff != "" {
					for key, v := range parse(t, step.diff) {
						want[key] = v
					}
				}
				for _, key := range step.absent {
					delete(want, key)
				}
				assert.Equal(t, want, got)
				plain.Advance(10 * time.Second)
				noisy.Advance(10 * time.Second)
			}
			if len(noisy.callbacks()) == 1 {
				assert.Equal(t, noisy.status("ref-1"), noisy.callbacks()[0])
			} else {
				assert.Len(t, noisy.callbacks(), 1)
			}
		})
	}
}

func TestNumbersAsStringsReachErrors(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{NumbersAsStrings: true})
	_, answer := m.initiate(object{"service_code": "x"})
	assert.Equal(t, "721", answer["response_code"])
	_, answer = m.initiate(object{"amount": "x"})
	assert.Equal(t, "400", answer["statusCode"])
}

func TestMaskedAccountNumbers(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"0829212345849": "08292*****849", "123456789": "12345*789", "12345678": "*******8", "5656": "***6", "7": "7",
	} {
		m := newMerchant(t, kasapaytest.Config{MaskAccountNumbers: true})
		m.accepted(object{"recipient_account_number": number})
		assert.Equal(t, want, m.status("ref-1")["account_number"])
	}
}

func TestDestinations(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"PAYBILL": "paybill", "TILL": "till", "BANK_ACCOUNT_NUMBER": "bank_account"} {
		m := newMerchant(t, kasapaytest.Config{})
		m.accepted(object{"recipient_type": kind})
		assert.Equal(t, want, m.status("ref-1")["destination"])
	}
}
