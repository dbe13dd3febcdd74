package kapiten_test

import (
	"net/http"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// The ledger's row with the description of a deposit may show another payer or company.
func TestALookComparesThePayerOfADeposit(t *testing.T) {
	for member, want := range map[string]error{
		``:                                nil,
		`,"phone_number":null`:            nil,
		`,"phone_number":"+250788123456"`: nil,
		`,"company_id":"co-1"`:            nil,
		`,"phone_number":"0788999999"`:    sdk.ErrReferenceTaken,
		`,"phone_number":"0788/123456"`:   sdk.ErrUnexpectedResponse,
		`,"company_id":"co-2"`:            sdk.ErrReferenceTaken,
	} {
		client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{
			Transport: clienttest.NewScript(clienttest.Respond(200, `{"count":1,"next":null,"results":[{"id":"t-1","status":"PENDING","amount":5000,"description":"ORDER-1"`+member+`}]}`)),
		}}})
		require.NoError(t, err)
		prepared, err := client.Wallet.Prepare(kapiten.TopUpParams{CompanyID: "co-1", Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: "ORDER-1"})
		require.NoError(t, err)
		_, err = prepared.Look(t.Context())
		if want == nil {
			assert.NoError(t, err, member)
		} else {
			assert.ErrorIs(t, err, want, member)
		}
	}
}
