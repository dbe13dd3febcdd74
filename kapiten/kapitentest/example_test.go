package kapitentest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func delivery(companyID string) kapiten.CreateRideParams {
	return kapiten.CreateRideParams{
		CompanyID:     companyID,
		PickupAddress: "Kicukiro, KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
		DropoffAddress: "M. Peace Plaza, Nyarugenge", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
		Sender: kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Customer", Phone: "0789000111"},
		ExternalID: "ORDER-99123",
	}
}

// A delivery from order to door, with its callback, on a fake without a socket.
func Example() {
	merchant := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}) // answers 200
	srv := kapitentest.New(kapitentest.Config{Options: fake.Options{Callbacks: merchant}})
	defer srv.Close()
	co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(5000), WebhookURL: "https://merchant.example/kapiten"})

	client, err := kapiten.New(srv.ClientConfig(co))
	if err != nil {
		fmt.Println(err)
		return
	}
	ride, err := client.Rides.Create(context.Background(), delivery(co.ID))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ride.Status, ride.EstimatedPrice.Decimal, srv.Balance(co.ID))

	if err := srv.MoveRide(ride.ID, kapiten.RideAccepted); err != nil {
		fmt.Println(err)
		return
	}
	srv.Flush()
	d := srv.Deliveries()[0]
	fmt.Println(d.Event, d.State, d.Attempts[0].Status)
	// Output:
	// PENDING 1200 3800
	// status_update delivered 200
}

// The response is lost after the work was done: the ride exists, and the client
// must say that it does not know.
func ExampleFake_addFault() {
	srv := kapitentest.New(kapitentest.Config{})
	defer srv.Close()
	co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(5000)})
	client, err := kapiten.New(srv.ClientConfig(co))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Path: "/api/rides/", Times: 1}); err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Rides.Create(context.Background(), delivery(co.ID))
	fmt.Println(errors.Is(err, sdk.ErrOutcomeUnknown), len(srv.Rides(co.ID)), srv.Balance(co.ID))
	// Output: true 1 3800
}
