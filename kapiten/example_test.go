package kapiten_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// exampleServer is a fake with a company that has money, for the examples.
func exampleServer() (*kapitentest.Fake, kapitentest.Company) {
	srv := kapitentest.New(kapitentest.Config{})
	return srv, srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(5000)})
}

var exampleRide = kapiten.CreateRideParams{
	PickupAddress: "Kicukiro, KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
	DropoffAddress: "M. Peace Plaza, Nyarugenge", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
	Sender:     kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"},
	Receiver:   kapiten.Contact{Name: "Customer", Phone: "0789000111"},
	ExternalID: "ORDER-99123",
}

func ExampleNew() {
	client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: os.Getenv("KAPITEN_TOKEN")})
	if err != nil {
		log.Fatal(err)
	}
	_ = client // client.Rides.Create(ctx, ...)
	// Output:
}

func ExampleRidesService_Estimate() {
	srv, co := exampleServer()
	defer srv.Close()
	client, _ := kapiten.New(srv.ClientConfig(co))

	price, err := client.Rides.Estimate(context.Background(), kapiten.EstimateParams{
		CompanyID:   co.ID,
		Pickup:      kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
		Dropoff:     kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
		WeightRange: kapiten.Weight0To5,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(price.Amount, "RWF, of which for the distance", price.Details.DistanceFare.Decimal)
	// Output: 1200 RWF, of which for the distance 700
}

// What to do with each outcome of a write.
func ExampleRidesService_Create() {
	srv, co := exampleServer()
	defer srv.Close()
	client, _ := kapiten.New(srv.ClientConfig(co))
	// The network fails after the ride was created.
	_ = srv.AddFault(fake.Fault{Method: "POST", Path: "/api/rides/", Kind: fake.FaultDropAfter, Times: 1})

	ctx := context.Background()
	params := exampleRide
	params.CompanyID = co.ID
	ride, err := client.Rides.Create(ctx, params)
	var failed *sdk.Error
	switch {
	case err == nil:
		fmt.Println("created", ride.Status)
	case errors.Is(err, sdk.ErrOutcomeUnknown):
		// Never create it again blindly: the wallet may have been charged.
		fmt.Println(err)
		if ride, err = client.Rides.Find(ctx, co.ID, params.ExternalID, kapiten.SearchOptions{}); err == nil {
			fmt.Println("it exists:", ride.Status)
		}
	case errors.Is(err, sdk.ErrInsufficientFunds):
		fmt.Println("top up the wallet:", err)
	case errors.Is(err, sdk.ErrValidation) && errors.As(err, &failed):
		fmt.Println("wrong parameters:", failed.Fields)
	default:
		fmt.Println("not created:", err)
	}
	fmt.Println("rides:", len(srv.Rides(co.ID)), "balance:", srv.Balance(co.ID))
	// Output:
	// kapiten: rides.create: connection closed without a response (outcome: unknown)
	// it exists: PENDING
	// rides: 1 balance: 3800
}

// The same fault, settled by the client.
func ExampleRidesService_CreateOnce() {
	srv, co := exampleServer()
	defer srv.Close()
	client, _ := kapiten.New(srv.ClientConfig(co))
	_ = srv.AddFault(fake.Fault{Method: "POST", Path: "/api/rides/", Kind: fake.FaultDropAfter, Times: 1})

	params := exampleRide
	params.CompanyID = co.ID
	ride, err := client.Rides.CreateOnce(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ride.Status, "rides:", len(srv.Rides(co.ID)), "balance:", srv.Balance(co.ID))
	// Output: PENDING rides: 1 balance: 3800
}

func ExampleRidesService_All() {
	srv, co := exampleServer()
	defer srv.Close()
	client, _ := kapiten.New(srv.ClientConfig(co))
	ctx := context.Background()
	for _, order := range []string{"ORDER-1", "ORDER-2", "ORDER-3"} {
		params := exampleRide
		params.CompanyID, params.ExternalID = co.ID, order
		if _, err := client.Rides.Create(ctx, params); err != nil {
			log.Fatal(err)
		}
	}

	for ride, err := range client.Rides.All(ctx, co.ID) { // newest first, page by page
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ride.ExternalID, ride.Status)
	}
	// Output:
	// ORDER-3 PENDING
	// ORDER-2 PENDING
	// ORDER-1 PENDING
}

func ExampleRidesService_Wait() {
	srv, co := exampleServer()
	defer srv.Close()
	client, _ := kapiten.New(srv.ClientConfig(co))
	params := exampleRide
	params.CompanyID = co.ID
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ride, err := client.Rides.Create(ctx, params)
	if err != nil {
		log.Fatal(err)
	}
	_ = srv.MoveRide(ride.ID, kapiten.RideCancelled) // somebody cancels it

	ride, err = client.Rides.Wait(ctx, co.ID, ride.ID)
	fmt.Println(ride.Status, err, "balance:", srv.Balance(co.ID))
	// Output: CANCELLED <nil> balance: 5000
}

func ExampleWalletService_TopUp() {
	srv, co := exampleServer()
	defer srv.Close()
	client, _ := kapiten.New(srv.ClientConfig(co))
	ctx := context.Background()

	deposit, err := client.Wallet.TopUp(ctx, kapiten.TopUpParams{
		CompanyID: co.ID, Amount: decimal.NewFromInt(2500), PhoneNumber: "0788123456", Description: "Weekly credit top-up",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deposit.Status)
	srv.Advance(5 * time.Second) // the payer confirms on the phone
	deposit, err = client.Wallet.Wait(ctx, co.ID, deposit.ID)
	fmt.Println(deposit.Status, err, "balance:", srv.Balance(co.ID))
	// Output:
	// PENDING
	// SUCCESS <nil> balance: 7500
}

// Most paths are not in Kapiten's document. Any of them can be replaced.
func ExampleConfig_routes() {
	for _, op := range kapiten.Operations() {
		if op.MovesMoney {
			fmt.Println(op.Name, op.Method, op.Path, op.Class, op.Source)
		}
	}
	_, err := kapiten.New(kapiten.Config{
		BaseURL: kapiten.ProductionURL,
		Routes:  map[string]sdk.Route{kapiten.OpTopUpWallet: {Path: "/api/companies/{company_id}/wallet/topup/"}},
	})
	fmt.Println(err)
	// Output:
	// rides.create POST /api/rides/ once assumed
	// wallet.top_up POST /api/companies/{company_id}/topup/ once assumed
	// <nil>
}

// deliver sends an order on its way and returns once the order has arrived, or
// cannot arrive any more.
func deliver(ctx context.Context, client *kapiten.Client, order kapiten.CreateRideParams) (*kapiten.Ride, error) {
	ride, err := client.Rides.CreateOnce(ctx, order)
	switch sdk.Advise(err) {
	case sdk.Done:
		return client.Rides.Wait(ctx, order.CompanyID, ride.ID) // until COMPLETED, CANCELLED or REJECTED
	case sdk.Again:
		return nil, fmt.Errorf("nothing happened, try again in %s: %w", sdk.RetryAfter(err), err)
	case sdk.Look:
		return nil, fmt.Errorf("the ride may exist: keep the order open, and look with Rides.Find: %w", err)
	default:
		return nil, fmt.Errorf("mend the order or the token first: %w", err)
	}
}

// README.md of this folder begins with deliver.
func Example() {
	srv, co := exampleServer()
	defer srv.Close()
	client, _ := kapiten.New(srv.ClientConfig(co))
	ctx := context.Background()
	order := exampleRide
	order.CompanyID = co.ID
	ride, err := client.Rides.Create(ctx, order)
	if err != nil {
		log.Fatal(err)
	}
	_ = srv.MoveRide(ride.ID, kapiten.RideCancelled) // so that Wait ends

	ride, err = deliver(ctx, client, order) // finds the ride by its external id
	fmt.Println(ride.ReferenceNumber != "", ride.Status, err)
	// Output: true CANCELLED <nil>
}

// One sweep through the list answers for many references.
func ExampleRidesService_FindMany() {
	srv, co := exampleServer()
	defer srv.Close()
	client, _ := kapiten.New(srv.ClientConfig(co))
	ctx, companyID := context.Background(), co.ID
	params := exampleRide
	params.CompanyID = companyID
	if _, err := client.Rides.Create(ctx, params); err != nil {
		fmt.Println(err)
		return
	}
	var newest []string // before the rides were created, the list was empty
	since := time.Time{}
	references := []string{params.ExternalID, "ORDER-0"}

	found, err := client.Rides.FindMany(ctx, companyID, references, kapiten.SearchOptions{
		Since:  since,  // nothing that you look for is older
		Before: newest, // or: ids of page 1 from before the rides were created
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found[params.ExternalID].Ride.Status)
	fmt.Println(errors.Is(found["ORDER-0"].Err, sdk.ErrNotFound))
	// Output:
	// PENDING
	// true
}
