package clienttest_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// TestPath makes one call with each of two clients. .ci/run path runs the parts alone: the
// files that only "call" passes through are what a newcomer reads to follow the call.
func TestPath(t *testing.T) {
	t.Run("ride", func(t *testing.T) {
		client := func(t *testing.T) *kapiten.Client {
			script := clienttest.NewScript(clienttest.Respond(201, `{"id":"r-1","reference_number":"KPT-1","status":"PENDING"}`))
			c, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: script}}})
			require.NoError(t, err)
			return c
		}
		t.Run("client", func(t *testing.T) { client(t) })
		t.Run("call", func(t *testing.T) {
			ride, err := client(t).Rides.Create(t.Context(), kapiten.CreateRideParams{
				CompanyID: "co-1", PickupAddress: "KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
				DropoffAddress: "KN 4 Ave", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
				Sender: kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Customer", Phone: "0789000111"},
				ExternalID: "ORDER-1",
			})
			require.NoError(t, err)
			assert.Equal(t, "r-1", ride.ID)
		})
	})
	t.Run("payment of an unknown outcome", func(t *testing.T) {
		client := func(t *testing.T) *kpay.Client {
			script := clienttest.NewScript(nil, clienttest.Respond(200, `{"tid":"A1","refid":"order-1","statusid":"01","statusdesc":"SUCCESSFUL"}`))
			c, err := kpay.New(kpay.Config{BaseURL: kpay.SandboxURL, Username: "u", Password: "p", Options: sdk.Options{HTTPClient: &http.Client{Transport: script}}})
			require.NoError(t, err)
			return c
		}
		t.Run("client", func(t *testing.T) { client(t) })
		t.Run("call", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				payment, err := client(t).Pay(t.Context(), kpay.PayParams{
					RefID: "order-1", Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300000", Email: "customer@example.com",
					CustomerName: "John Doe", CustomerNumber: "1", Details: "Order", RetailerID: "01",
					ReturnURL: "https://shop.example/kpay", RedirectURL: "https://shop.example/thanks",
				})
				require.NoError(t, err)
				assert.True(t, payment.Status.Paid())
			})
		})
	})
}
