package kasapaytest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
)

// The requests of the document's samples are carried out and the answers have
// the shape of its sample answers: the same keys, values of the same kind.
func TestAnswersHaveTheShapeOfTheDocumentsSamples(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{
		ConsumerKey: "your_consumer_key", ConsumerSecret: "your_consumer_secret",
		ServiceCodes: []string{"12346"}, MintReferences: true,
		Float: map[string]decimal.Decimal{"KES": decimal.NewFromInt(200)},
	})

	status, auth := m.call(http.MethodPost, "/v1/auth", sample(t, "auth_request_example"))
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, shape(sample(t, "auth")), shape(auth))
	assert.Equal(t, sample(t, "auth")["expiresIn"], auth["expiresIn"])
	m.token = auth["access_token"].(string)

	status, refused := m.call(http.MethodPost, "/v1/auth", sample(t, "auth_request"))
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, sample(t, "auth_refused"), refused)

	status, refused = m.call(http.MethodPost, initiatePath, sample(t, "initiate_request_paybill"))
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, sample(t, "initiate_refused"), refused, "its service code is a placeholder")

	status, accepted := m.call(http.MethodPost, initiatePath, sample(t, "initiate_request_bank"))
	assert.Equal(t, http.StatusOK, status)
	want := sample(t, "initiate_accepted")
	assert.Equal(t, shape(want), shape(accepted))
	assert.Equal(t, want["response_code"], accepted["response_code"])
	assert.Equal(t, want["response_description"], accepted["response_description"])
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, accepted["payout_reference"])

	m.Advance(10 * time.Second)
	require.Len(t, m.callbacks(), 1)
	for name, got := range map[string]object{"callback": m.callbacks()[0], "status": m.status("ms83-367839")} {
		want := sample(t, name)
		assert.Equal(t, shape(want), shape(got), name)
		for _, drawn := range []string{"payment_reference", "transaction_time", "destination_name"} { // the last is of the fake's own making
			delete(want, drawn)
			delete(got, drawn)
		}
		assert.Equal(t, want, got, name)
	}
	assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, m.callbacks()[0]["transaction_time"])
	assert.Regexp(t, `^[A-Z0-9]{10}$`, m.callbacks()[0]["payment_reference"])
}
