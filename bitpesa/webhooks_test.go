package bitpesa_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestTheKindOfAnEventSelectsItsObject(t *testing.T) {
	for name, object := range map[bitpesa.EventName]func(*bitpesa.Event) string{
		bitpesa.EventTransactionPaidIn: func(e *bitpesa.Event) string { return e.Transaction.ID },
		bitpesa.EventRecipientError:    func(e *bitpesa.Event) string { return e.Recipient.ID },
		bitpesa.EventSenderApproved:    func(e *bitpesa.Event) string { return e.Sender.ID },
		bitpesa.EventPayinPaidIn:       func(e *bitpesa.Event) string { return e.PayinMethod.ID },
		"payout_method.created":        func(e *bitpesa.Event) string { return e.PayoutMethod.ID },
		"document.created":             func(e *bitpesa.Event) string { return e.Document.ID },
		"mandate.signed":               (*bitpesa.Event).ID,
		"nonsense":                     (*bitpesa.Event).ID,
	} {
		body := `{"webhook":"w-1","event":"` + string(name) + `","object":{"id":"x-1","state":"s","metadata":{"order":"7"}}}`
		e, err := bitpesa.ParseEvent([]byte(body))
		require.NoError(t, err, name)
		assert.Equal(t, "x-1", object(&e), name)
		assert.Equal(t, "x-1", e.ID())
		assert.Equal(t, "w-1", e.Webhook)
		assert.Equal(t, body, string(e.Raw))
		typed := 0
		for _, set := range []bool{e.Transaction != nil, e.Recipient != nil, e.Sender != nil, e.PayinMethod != nil, e.PayoutMethod != nil, e.Document != nil} {
			if set {
				typed++
			}
		}
		assert.LessOrEqual(t, typed, 1, name)
		if e.Transaction != nil || e.Recipient != nil || e.Sender != nil || e.PayinMethod != nil {
			assert.Equal(t, "s", e.State(), name)
		} else {
			assert.Empty(t, e.State(), name)
		}
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	for _, body := range []string{
		``, `[]`, `null`, `{}`, `{"event":"transaction.paid_in"}`, `{"event":"","object":{"id":"t-1"}}`, `{"object":{"id":"t-1"}}`,
		`{"event":"transaction.paid_in","object":null}`, `{"event":"transaction.paid_in","object":"t-1"}`, `{"event":"transaction.paid_in","object":{"id":""}}`,
		`{"event":["x"],"object":{"id":"t-1"}}`, `{"event":"x.y","object":{"id":{}}}`,
	} {
		_, err := bitpesa.ParseEvent([]byte(body))
		assert.Error(t, err, body)
	}
}

// BitPesa's API of 2019 refuses a transaction whose new sender has a taken
// external id; the transaction does not exist then.
func TestADuplicateSenderIsNoDuplicateTransaction(t *testing.T) {
	server := newStub(t, func(r request) response {
		if r.Method == "GET" {
			return list("", 0)
		}
		return says(422, `{"object":{"sender":{"errors":{"external_id":[{"error":"taken"}]}}},"meta":{"existing":{"sender":{"id":"s-1","state":"approved"}}}}`)
	})
	got, err := newClient(t, server).Transactions.PayFromBalance(t.Context(), validTransaction())
	require.ErrorIs(t, err, sdk.ErrDuplicate)
	assert.Nil(t, got)
	var apiErr *sdk.Error
	require.ErrorAs(t, err, &apiErr)
	assert.Equal(t, bitpesa.OpCreateTransaction, apiErr.Operation)
	assert.Nil(t, apiErr.Detail.(bitpesa.Existing).Transaction)
	require.NotNil(t, apiErr.Detail.(bitpesa.Existing).Sender)
	assert.Equal(t, []string{"taken"}, apiErr.Fields["sender.external_id"])
}
