package readme

import (
	"context"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

var exampleRide = kapiten.CreateRideParams{
	PickupAddress: "Kicukiro, KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
	DropoffAddress: "M. Peace Plaza, Nyarugenge", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
	Sender:     kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"},
	Receiver:   kapiten.Contact{Name: "Customer", Phone: "0789000111"},
	ExternalID: "ORDER-99123",
}

// The README's switch, once for each advice.
func Example_whatToDoNext() {
	srv := kapitentest.New(kapitentest.Config{})
	defer srv.Close()
	co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(5000)})
	good := exampleRide
	good.CompanyID = co.ID
	bad := good
	bad.Receiver.Phone = ""
	createRide(srv, co, good)
	createRide(srv, co, bad)
	_ = srv.AddFault(fake.Fault{Method: "POST", Path: "/api/rides/", Kind: fake.FaultRateLimit, Seconds: 30, Times: 1})
	good.ExternalID = "ORDER-99124"
	createRide(srv, co, good)
	// Output:
	// created PENDING
	// change the parameters: kapiten: rides.create: invalid parameters: receiver.phone: is required (nothing was sent)
	// again in 30s: ORDER-99124
}

func createRide(srv *kapitentest.Fake, co kapitentest.Company, params kapiten.CreateRideParams) {
	cfg := srv.ClientConfig(co)
	cfg.MaxRetryAfter = time.Second // so that the example need not wait
	client, err := kapiten.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	ride, err := client.Rides.CreateOnce(ctx, params)
	switch sdk.Advise(err) {
	case sdk.Done:
		fmt.Println("created", ride.Status)
	case sdk.Again: // nothing happened: call again after sdk.RetryAfter(err), a bounded number of times
		retryLater(params, sdk.RetryAfter(err))
	case sdk.Look: // it may have happened: keep it pending, look for the reference, never pay under a new one
		keepPending(params.ExternalID, err)
	case sdk.Mend: // nothing happened, and the same call would fail again
		fmt.Println("change the parameters:", err)
	case sdk.Credentials: // the credentials or the set-up are refused: stop, and alert somebody
		log.Fatal(err)
	case sdk.Taken: // the reference belongs to another payment: investigate
		fmt.Println(err)
	}
}

func retryLater(params kapiten.CreateRideParams, wait time.Duration) {
	fmt.Printf("again in %v: %s\n", wait, params.ExternalID)
}

func keepPending(reference string, err error) { fmt.Println("pending:", reference, err) }

func TestAnOrderIsDeliveredAndPaidOnce(t *testing.T) {
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(5000)})
	client, err := kapiten.New(srv.ClientConfig(co))
	if err != nil {
		t.Fatal(err)
	}
	params := exampleRide
	params.CompanyID = co.ID
	// The network fails right after the ride was created.
	_ = srv.AddFault(fake.Fault{Method: "POST", Path: "/api/rides/", Kind: fake.FaultDropAfter, Times: 1})
	if _, err := client.Rides.CreateOnce(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	if n := len(srv.Debits(params.ExternalID)); n != 1 || !srv.Balance(co.ID).Equal(decimal.NewFromInt(3800)) {
		t.Errorf("%d debits, balance %s", n, srv.Balance(co.ID))
	}
}
