package kapiten_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

func sample(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "testdata", "kapiten", name+".json"))
	require.NoError(t, err)
	return string(body)
}

// Every sample response of the reference document goes through the client.
func TestTheDocumentsResponsesAreUnderstood(t *testing.T) {
	first := kapiten.ListOptions{}
	cases := map[string]func(context.Context, *kapiten.Client, *testing.T) (sdk.Raw, error){
		"create_company.response": func(ctx context.Context, c *kapiten.Client, t *testing.T) (sdk.Raw, error) {
			got, err := c.Companies.Create(ctx, kapiten.CreateCompanyParams{Name: "Best Pilau Ltd", RegistrationNumber: "RDB2026-XP", Address: "a", ContactPerson: "c", PhoneNumber: "0788000111", Email: "e"})
			require.NoError(t, err)
			assert.Equal(t, "721e54a2-...", got.ID)
			assert.Equal(t, "RDB2026-XP", got.RegistrationNumber)
			assert.True(t, got.Balance.Valid)
			money(t, "0", got.Balance.Decimal)
			assert.Equal(t, "RWF", got.Currency)
			assert.Equal(t, "{}", got.PricingConfig.Raw.String())
			return got.Raw, err
		},
		"registration_lookup.response": func(ctx context.Context, c *kapiten.Client, t *testing.T) (sdk.Raw, error) {
			got, err := c.Companies.Find(ctx, "RDB2026-XP")
			require.NoError(t, err)
			assert.Equal(t, "Best Pilau Ltd", got.Name)
			assert.True(t, got.IsActive)
			return got.Raw, err
		},
		"add_api_user.response": func(ctx context.Context, c *kapiten.Client, t *testing.T) (sdk.Raw, error) {
			got, err := c.Users.Create(ctx, kapiten.CreateUserParams{CompanyID: "c", PhoneNumber: "0788000111", FirstName: "John", LastName: "Doe", Email: "e"})
			require.NoError(t, err)
			assert.Equal(t, "9944b091-...", got.ID)
			assert.Empty(t, got.Email)
			require.NotNil(t, got.Wallet)
			money(t, "0", got.Wallet.Balance.Decimal)
			assert.Equal(t, "RWF", got.Wallet.Currency)
			return got.Raw, err
		},
		"get_api_key.response": func(ctx context.Context, c *kapiten.Client, t *testing.T) (sdk.Raw, error) {
			got, err := c.Users.Token(ctx, "c", "u")
			assert.Equal(t, "9944b09199c...", got)
			return nil, err
		},
		"estimate_ride_price.response": func(ctx context.Context, c *kapiten.Client, t *testing.T) (sdk.Raw, error) {
			p := validRide()
			got, err := c.Rides.Estimate(ctx, kapiten.EstimateParams{CompanyID: "c", Pickup: p.Pickup, Dropoff: p.Dropoff})
			require.NoError(t, err)
			money(t, "1200", got.Amount)
			money(t, "500", got.Details.BaseFare.Decimal)
			money(t, "700", got.Details.DistanceFare.Decimal)
			return got.Raw, err
		},
		"create_delivery.response": func(ctx context.Context, c *kapiten.Client, t *testing.T) (sdk.Raw, error) {
			got, err := c.Rides.Create(ctx, validRide())
			require.NoError(t, err)
			assert.Equal(t, "KPT-123456", got.ReferenceNumber)
			assert.Equal(t, kapiten.RidePending, got.Status)
			money(t, "1200", got.EstimatedPrice.Decimal)
			money(t, "4.5", got.DistanceKM.Decimal)
			assert.Empty(t, got.ExternalID, "the response does not show it, so nobody knows that it is this ride's")
			assert.True(t, got.Unverified)
			return got.Raw, err
		},
		"wallet_topup.response": func(ctx context.Context, c *kapiten.Client, t *testing.T) (sdk.Raw, error) {
			got, err := c.Wallet.TopUp(ctx, kapiten.TopUpParams{CompanyID: "c", Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456"})
			require.NoError(t, err)
			money(t, "5000", got.Amount)
			assert.Equal(t, kapiten.TransactionDeposit, got.Type)
			assert.Equal(t, kapiten.TransactionPending, got.Status)
			assert.True(t, got.CreatedAt.IsZero(), "the sample's date is cut short, which must not cost the answer")
			return got.Raw, err
		},
		"list_transactions.response": func(ctx context.Context, c *kapiten.Client, t *testing.T) (sdk.Raw, error) {
			page, err := c.Wallet.List(ctx, "c", first)
			require.NoError(t, err)
			assert.Equal(t, 12, page.Count)
			require.Len(t, page.Items, 1)
			money(t, "-1200", page.Items[0].Amount)
			assert.Equal(t, kapiten.TransactionSuccess, page.Items[0].Status)
			assert.Equal(t, "Ride deduction", page.Items[0].Description)
			return page.Raw, err
		},
		"list_company_users.response": func(ctx context.Context, c *kapiten.Client, t *testing.T) (sdk.Raw, error) {
			page, err := c.Users.List(ctx, "c", first)
			require.NoError(t, err)
			assert.Equal(t, 2, page.Count)
			require.Len(t, page.Items, 1)
			assert.Equal(t, "Doe", page.Items[0].LastName)
			return page.Raw, err
		},
		"list_rides.response": func(ctx context.Context, c *kapiten.Client, t *testing.T) (sdk.Raw, error) {
			page, err := c.Rides.List(ctx, "c", first)
			require.NoError(t, err)
			assert.Equal(t, 150, page.Count)
			assert.Equal(t, 2, page.NextPage)
			require.Len(t, page.Items, 1)
			assert.Equal(t, kapiten.RideCompleted, page.Items[0].Status)
			assert.False(t, page.Items[0].EstimatedPrice.Valid, "a price that is not shown is not zero")
			return page.Raw, err
		},
	}
	files, err := filepath.Glob(filepath.Join("..", "testdata", "kapiten", "*.response.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := filepath.Base(file[:len(file)-len(".json")])
		t.Run(name, func(t *testing.T) {
			call, ok := cases[name]
			require.True(t, ok, "no call decodes this sample")
			body := sample(t, name)
			server := newStub(t, 200, "application/json", body)
			raw, err := call(t.Context(), newClient(t, server.URL), t)
			require.NoError(t, err)
			if raw != nil {
				assert.Equal(t, body, string(raw))
			}
		})
	}
}

// The requests of the document are what the client sends for the same values.
func TestTheDocumentsRequestsAreWhatIsSent(t *testing.T) {
	for name, call := range map[string]func(context.Context, *kapiten.Client) error{
		"create_company.request": func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Companies.Create(ctx, kapiten.CreateCompanyParams{
				Name: "Best Pilau Ltd", RegistrationNumber: "RDB2026-XP", Address: "KN 78 St, Kigali",
				ContactPerson: "Victor", PhoneNumber: "+250788123456", Email: "hello@bestpilau.com",
			})
			return err
		},
		"add_api_user.request": func(ctx context.Context, c *kapiten.Client) error {
			_, err := c.Users.Create(ctx, kapiten.CreateUserParams{
				CompanyID: "c", PhoneNumber: "+250788000111", FirstName: "John", LastName: "Doe", Email: "john@bestpilau.com",
			})
			return err
		},
		"create_delivery.request": func(ctx context.Context, c *kapiten.Client) error {
			p := validRide()
			p.CompanyID = "YOUR_UUID"
			_, err := c.Rides.Create(ctx, p)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newStub(t, 200, "application/json", `{"id":"x","reference_number":"KPT-1","status":"PENDING"}`)
			require.NoError(t, call(t.Context(), newClient(t, server.URL)))
			assert.Equal(t, canonical(t, sample(t, name)), canonical(t, server.requests()[0].Body))
		})
	}
}

func TestTheDocumentsCallbackIsUnderstood(t *testing.T) {
	body := sample(t, "webhook.callback")
	event, err := kapiten.ParseEvent([]byte(body))
	require.NoError(t, err)
	assert.Equal(t, kapiten.EventStatusUpdate, event.Event)
	assert.Equal(t, "721e54a2-...", event.RideID)
	assert.Equal(t, "KPT-112233", event.ReferenceNumber)
	assert.Equal(t, "YOUR_INTERNAL_ORDER_ID", event.ExternalID)
	assert.Equal(t, kapiten.RidePickedUp, event.Status)
	assert.Equal(t, body, string(event.Raw))
	for _, bad := range []string{"", "[]", "{}", `{"ride_id":"r"}`, `{"status":"PENDING"}`, "not json"} {
		_, err := kapiten.ParseEvent([]byte(bad))
		assert.Error(t, err, bad)
	}
}

// What a framework like Kapiten's may send where the document shows something
// else: decimals as strings, numbers as text, null, unknown statuses.
func TestResponsesAreReadLeniently(t *testing.T) {
	for body, want := range map[string]struct{ id, price string }{
		`{"id":"r","reference_number":"KPT-1","status":"PENDING","estimated_price":"1200.00"}`:                                      {"r", "1200"},
		`{"id":17,"reference_number":"KPT-1","status":"PENDING","estimated_price":1.2e3}`:                                           {"17", "1200"},
		`{"id":"r","reference_number":123456,"status":"LOST_IN_SPACE","estimated_price":null}`:                                      {"r", ""},
		`{"id":"r","reference_number":"KPT-1","status":"PENDING","estimated_price":"","created_at":"some day","new_key":{"a":[1]}}`: {"r", ""},
	} {
		server := newStub(t, 201, "application/json", body)
		ride, err := newClient(t, server.URL).Rides.Create(t.Context(), validRide())
		require.NoError(t, err, body)
		assert.Equal(t, want.id, ride.ID)
		assert.Equal(t, want.price != "", ride.EstimatedPrice.Valid, body)
		if want.price != "" {
			money(t, want.price, ride.EstimatedPrice.Decimal)
		}
		assert.False(t, ride.Status.Final())
	}
}

func TestEveryDocumentedStatusIsFinalOrNot(t *testing.T) {
	final := map[kapiten.RideStatus]bool{
		kapiten.RideWaitingPayment: false, kapiten.RidePending: false, kapiten.RideAccepted: false, kapiten.RideWaitingPickup: false,
		kapiten.RidePickedUp: false, kapiten.RideInTransit: false, kapiten.RideWaitingDelivery: false,
		kapiten.RideCompleted: true, kapiten.RideCancelled: true, kapiten.RideRejected: true, "NEW": false, "": false,
	}
	for status, want := range final {
		assert.Equal(t, want, status.Final(), status)
	}
	for status, want := range map[kapiten.TransactionStatus]bool{
		kapiten.TransactionPending: false, kapiten.TransactionSuccess: true, kapiten.TransactionFailed: true, "NEW": false,
	} {
		assert.Equal(t, want, status.Final(), status)
	}
}

// canonical is a JSON text with sorted keys and no spaces, numbers untouched.
func canonical(t *testing.T, text string) string {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var value any
	require.NoError(t, decoder.Decode(&value))
	out, err := json.Marshal(value)
	require.NoError(t, err)
	return string(out)
}

func TestAmountsKeepEveryDigit(t *testing.T) {
	var sent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = string(body)
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `[{"id":"t","status":"PENDING","amount":9007199254740993.000000000000000001}]`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"t","status":"PENDING","amount":"9007199254740993.00"}`)
	}))
	defer server.Close()
	client := newClient(t, server.URL)
	got, err := client.Wallet.TopUp(t.Context(), kapiten.TopUpParams{
		CompanyID: "c", Amount: decimal.RequireFromString("9007199254740993"), PhoneNumber: "0788123456",
	})
	require.NoError(t, err)
	assert.Equal(t, `{"amount":9007199254740993,"phone_number":"0788123456"}`, sent)
	money(t, "9007199254740993", got.Amount)
	got, err = client.Wallet.Get(t.Context(), "c", "t")
	require.NoError(t, err)
	assert.Equal(t, "9007199254740993.000000000000000001", got.Amount.String())
}

func TestPricePartsWithoutAFieldAreKept(t *testing.T) {
	server := newStub(t, 200, "application/json", `{"amount":1500,"details":{"base_fare":500,"distance_fare":"700.00","night_fee":300.0,"weight_fee":{}}}`)
	estimate, err := newClient(t, server.URL).Rides.Estimate(t.Context(), kapiten.EstimateParams{CompanyID: "co-1", Pickup: validRide().Pickup, Dropoff: validRide().Dropoff})
	require.NoError(t, err)
	money(t, "700", estimate.Details.DistanceFare.Decimal)
	assert.False(t, estimate.Details.WeightFee.Valid)
	assert.Equal(t, map[string]any{"night_fee": json.Number("300.0")}, estimate.Details.Extra)

	server = newStub(t, 201, "application/json", `{"id":"c","pricing_config":{"per_km":125,"weight_fees":{"0-5":0,"30+":"1500","5-10":[]},"surge":{"max":2}}}`)
	company, err := newClient(t, server.URL).Companies.Create(t.Context(), kapiten.CreateCompanyParams{
		Name: "n", RegistrationNumber: "r", Address: "a", ContactPerson: "c", PhoneNumber: "0788000111", Email: "e",
	})
	require.NoError(t, err)
	c := company.PricingConfig
	money(t, "125", c.PerKM.Decimal)
	assert.False(t, c.BaseFare.Valid)
	assert.Len(t, c.WeightFees, 2, "a fee that is none is left out")
	money(t, "1500", c.WeightFees["30+"])
	assert.Equal(t, map[string]any{"surge": map[string]any{"max": json.Number("2")}}, c.Extra)
	assert.Contains(t, c.Raw.String(), `"surge"`)
}
