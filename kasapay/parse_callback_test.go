package kasapay_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
)

func TestCallbacksAreReadWithAllTheirNoise(t *testing.T) {
	got, err := kasapay.ParseCallback([]byte(` {"event":"pending_payment","payout_reference":145245624652,"payment_status":"703","amount":10,
		"currency":null,"account_number":"N/A","destination":"PAYBILL","client_code":"c","extra_data":{},"event_history":[1],"receiver_narration":null,"account_balance":""} `))
	require.NoError(t, err)
	assert.Equal(t, "145245624652", got.Reference)
	assert.Equal(t, "145245624652", got.GatewayReference)
	assert.Equal(t, kasapay.StatusPending, got.Status)
	assert.True(t, got.Amount.Valid && got.Amount.Decimal.IntPart() == 10)
	assert.False(t, got.FloatBalance.Valid, "an empty balance is not zero")
	assert.Equal(t, kasapay.Paybill, got.Destination)
	assert.Empty(t, got.Currency)
}

func TestCallbacksWithoutReferenceOrStatusAreRefused(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `{`, `{}`, `x=1`, `{"payout_reference":"ms83-1"}`, `{"payment_status":700}`, `{"payout_reference":" ","payment_status":700}`,
		`{"payout_reference":"ms83-1","payment_status":null}`, `{"payout_reference":"ms83-1","payment_status":{}}`, `{"payout_reference":["ms83-1"],"payment_status":700}`,
	} {
		_, err := kasapay.ParseCallback([]byte(body))
		assert.Error(t, err, body)
	}
}

func TestACallbackKeepsNothingOfItsBuffer(t *testing.T) {
	body := []byte(processed)
	got, err := kasapay.ParseCallback(body)
	require.NoError(t, err)
	clear(body)
	assert.Equal(t, processed, string(got.Raw))
}

func FuzzParseCallback(f *testing.F) {
	f.Add([]byte(processed))
	f.Add([]byte(`{"payout_reference":1e9,"payment_status":-1,"amount":"1e-99","message":[[]]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := kasapay.ParseCallback(body)
		if err == nil && (got.Reference == "" || got.Status == "") {
			t.Errorf("read a callback without what makes it one: %+v", got)
		}
	})
}
