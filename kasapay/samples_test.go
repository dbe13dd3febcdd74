package kasapay_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func sample(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile("../testdata/kasapay/" + name)
	require.NoError(t, err)
	return string(body)
}

// canonical gives equal bytes for equal JSON, digit for digit.
func canonical(t *testing.T, body string) string {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return string(out)
}

func TestTheDocumentsPaybillRequestIsSentUpToTheDecimals(t *testing.T) {
	// The acceptance of the sample names another reference: it is confirmed.
	shown := `{"payout_reference":"145245624652","payment_status":703,"amount":"10.00","currency":"KES"}`
	client, s := newClient(t, []step{respond(200, sample(t, "initiate_accepted.json")), respond(200, shown)})
	payout, err := client.Payouts.Create(t.Context(), kasapay.CreatePayoutParams{
		Reference: "145245624652", ServiceCode: "SERVICE_CODE", AccountReference: "0101", RecipientName: "Test Limited",
		RecipientType: kasapay.Paybill, RecipientAccountNumber: "5656", Amount: decimal.NewFromInt(10), Description: "Test",
		Currency: "KES", Country: "KEN", CallbackURL: "https://payments.x.xyz/result",
	})
	require.NoError(t, err)
	want := bytes.Replace([]byte(sample(t, "initiate_request_paybill.json")), []byte(`"10"`), []byte(`"10.00"`), 1)
	assert.Equal(t, canonical(t, string(want)), canonical(t, s.Requests()[1].Body))

	assert.Equal(t, "145245624652", payout.Reference)
	assert.Equal(t, "a99658d5-3100-45e6-9649-b311d41ab615", payout.GatewayReference)
	assert.Equal(t, kasapay.StatusPending, payout.Status)
	assert.False(t, payout.Status.Final())
	assert.False(t, payout.Existing)
	assert.Equal(t, canonical(t, shown), canonical(t, string(payout.Raw)))
}

func TestTheDocumentsBankRequestIsSent(t *testing.T) {
	client, s := newClient(t, []step{respond(201, strings.Replace(accepted, "ms83-1", "ms83-367839", 1))}, func(c *kasapay.Config) { c.AnyMethod = true })
	p := kasapay.CreatePayoutParams{
		Reference: "ms83-367839", AccountReference: "666666", RecipientName: "Test Limited", RecipientType: kasapay.BankAccount,
		RecipientAccountNumber: "08292******849", Amount: decimal.NewFromInt(100), Description: "Test bank transfer",
		Currency: "KES", Country: "KEN", CallbackURL: "https://example.com/callback", Method: kasapay.MethodMpesaB2B,
	}
	_, err := client.Payouts.Create(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, canonical(t, sample(t, "initiate_request_bank.json")), canonical(t, s.Requests()[1].Body), "its method differs from its own table")

	p.Method = ""
	_, err = client.Payouts.Create(t.Context(), p)
	require.NoError(t, err)
	assert.Contains(t, s.Requests()[2].Body, `"payment_method":"BANK"`, "the table's method by default")
}

func TestTheDocumentsLoginIsSentAndItsTokenUsed(t *testing.T) {
	s := clienttest.NewScript(respond(200, sample(t, "auth.json")), respond(200, processed))
	client, err := kasapay.New(kasapay.Config{
		BaseURL: kasapay.SandboxURL, ConsumerKey: "your_consumer_key", ConsumerSecret: "your_consumer_secret",
		Options: sdk.Options{HTTPClient: &http.Client{Transport: s}},
	})
	require.NoError(t, err)
	_, err = client.Payouts.Find(t.Context(), "ms83-1")
	require.NoError(t, err)
	auth, status := s.Requests()[0], s.Requests()[1]
	for name, value := range map[string]string{"<your_consumer_key>": "your_consumer_key", "<your_consumer_secret>": "your_consumer_secret"} {
		assert.Contains(t, sample(t, "auth_request.json"), name)
		assert.Contains(t, auth.Body, value)
	}
	assert.Equal(t, canonical(t, sample(t, "auth_request_example.json")), canonical(t, auth.Body))
	assert.NotContains(t, auth.Header, "X-Access-Token")
	assert.Equal(t, "xyz789abc123", status.Header.Get("X-Access-Token"), "without Bearer")
	assert.NotContains(t, status.Header, "Authorization")
}

func TestTheDocumentsRefusalsAreRead(t *testing.T) {
	client, _ := newClient(t, []step{respond(200, sample(t, "initiate_refused.json"))})
	_, err := client.Payouts.Create(t.Context(), validPayout())
	var e *sdk.Error
	require.ErrorAs(t, err, &e)
	assert.ErrorIs(t, err, sdk.ErrConfiguration)
	assert.Equal(t, sdk.Rejected, e.Outcome)
	assert.Equal(t, "SERVICE_NOT_ALLOWED", e.Code)
	assert.Equal(t, "721", shownCode(e))
	assert.Equal(t, "Invalid Service", e.Message)
	assert.Equal(t, 200, e.StatusCode)
}

func TestTheDocumentsStatusAndCallbackAreRead(t *testing.T) {
	client, _ := newClient(t, []step{respond(200, sample(t, "status.json"))})
	status, err := client.Payouts.Find(t.Context(), "ms83-367839")
	require.NoError(t, err)
	callback, err := kasapay.ParseCallback([]byte(sample(t, "callback.json")))
	require.NoError(t, err)

	for receipt, got := range map[string]kasapay.Payout{"TQXLMNOPSB": *status, "TQLXMNSBBYSF": callback} {
		assert.True(t, got.Amount.Valid && got.Amount.Decimal.Equal(decimal.NewFromInt(100)))
		assert.True(t, got.FloatBalance.Valid && got.FloatBalance.Decimal.Equal(decimal.NewFromInt(100)))
		assert.WithinDuration(t, time.Date(2023, 3, 2, 5, 17, 36, 802e6, time.UTC), got.Time, 0)
		assert.Contains(t, string(got.Raw), receipt)
		got.Amount, got.FloatBalance, got.Time, got.Raw = decimal.NullDecimal{}, decimal.NullDecimal{}, time.Time{}, nil
		assert.Equal(t, kasapay.Payout{
			Reference: "ms83-367839", GatewayReference: "ms83-367839", Status: kasapay.StatusProcessed,
			Result: "Payout was processed successfully", TransactionID: "10001", Receipt: receipt, FloatAccount: "784789474",
			Currency: "KES", Destination: kasapay.BankAccount, AccountNumber: "08292******849", DestinationName: "BANKX",
			Description: "Test bank transfer",
		}, got)
	}
}

// Whatever the server says, Create returns this payout as accepted or an error.
func FuzzResponsesToCreate(f *testing.F) {
	for _, body := range []string{
		accepted, processed, unknown, badToken, `{"response_code":"721"}`, `{"statusCode":"409","message":[1,"a",{}],"error":[]}`, `[]`, `{`,
	} {
		f.Add(200, body)
		f.Add(400, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		client, _ := newClient(t, []step{respond(status, body), respond(403, `{"statusCode":403,"message":"no"}`)}, func(c *kasapay.Config) { c.MaxAttempts = 1 })
		payout, err := client.Payouts.Create(t.Context(), validPayout())
		switch {
		case err == nil && (payout == nil || payout.Reference != "ms83-1" || payout.Status != kasapay.StatusAccepted):
			t.Errorf("no error and no accepted payout: %+v", payout)
		case err == nil && (status < 200 || status > 299):
			t.Errorf("accepted under HTTP %d", status)
		case err != nil && payout != nil:
			t.Error("an error and a payout")
		}
	})
}
