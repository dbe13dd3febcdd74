package bitpesa_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

func sample(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("../testdata/bitpesa/" + name)
	require.NoError(t, err)
	return text
}

func TestThePublishedSenderIsWhatWeSend(t *testing.T) {
	text := sample(t, "sender_create.json")
	var published struct {
		Sender bitpesa.SenderParams `json:"sender"`
	}
	require.NoError(t, json.Unmarshal(text, &published))
	server := newStub(t, always(says(201, `{"object":{"id":"s-1","state":"approved"}}`)))
	_, err := newClient(t, server).Senders.Create(t.Context(), published.Sender)
	require.NoError(t, err)
	var want, got map[string]any
	require.NoError(t, json.Unmarshal(text, &want))
	require.NoError(t, json.Unmarshal([]byte(server.requests()[0].Body), &got))
	assert.Equal(t, want, got)
	assert.Contains(t, server.requests()[0].Body, "data:image/png;base64,")
}

func TestTheDebitOfTheVectorIsWhatWeSend(t *testing.T) {
	server := newStub(t, always(says(201, strings.ReplaceAll(debitResponse, "t-1", "5f44026b-7904-4c30-87d6-f8972d790ded"))))
	_, err := newClient(t, server).Debits.Create(t.Context(), bitpesa.DebitParams{ToID: "5f44026b-7904-4c30-87d6-f8972d790ded"})
	require.NoError(t, err)
	assert.Equal(t, string(sample(t, "debit_create.json")), server.requests()[0].Body)
}

func TestWebhookSamplesAreEvents(t *testing.T) {
	// The document prints comments where values stand.
	template := regexp.MustCompile(`//.*`).ReplaceAllString(string(sample(t, "webhook_template.txt")), "")
	assert.Equal(t, []string{`"webhook":`, `"event":`, `"object":`}, regexp.MustCompile(`"\w+":`).FindAllString(template, -1))

	e, err := bitpesa.ParseEvent(sample(t, "webhook_transaction_paid_in.json"))
	require.NoError(t, err)
	assert.Equal(t, "fd599451-4f3c-4045-91e1-d68ed12ffb75", e.Webhook)
	assert.Equal(t, bitpesa.EventTransactionPaidIn, e.Name)
	require.NotNil(t, e.Transaction)
	assert.Equal(t, "5f44026b-7904-4c30-87d6-f8972d790ded", e.Transaction.ID)
	assert.Empty(t, e.State(), "the sample shows no state")
}

func TestRefusalsOfTheGuidesAreUnderstood(t *testing.T) {
	for name, row := range map[string]struct {
		status  int
		message string
		fields  map[string][]string
	}{
		"error_400.json":              {400, "Bad Request", nil},
		"error_422_documents.json":    {422, "", map[string][]string{"documents": {"blank"}}},
		"account_invalid.json":        {422, "Account Invalid", map[string][]string{}},
		"account_invalid_2019.json":   {422, "Account Invalid", map[string][]string{}},
		"account_other_provider.json": {422, "Mobile provider does not match phone number.", map[string][]string{}},
	} {
		client := newClient(t, newStub(t, always(says(row.status, string(sample(t, name))))))
		_, err := client.AccountValidations.Create(t.Context(), bitpesa.AccountValidationParams{Country: "NG", Currency: "NGN", Method: bitpesa.ValidateBank, BankAccount: "1"})
		var apiErr *sdk.Error
		require.ErrorAs(t, err, &apiErr, name)
		assert.Equal(t, sdk.Rejected, apiErr.Outcome, name)
		assert.Equal(t, row.message, apiErr.Message, name)
		assert.EqualValues(t, row.fields, apiErr.Fields, name)
	}
}
