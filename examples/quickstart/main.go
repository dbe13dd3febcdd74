// Command quickstart tells the whole story once: a company is registered, its
// wallet filled, a price estimated, a ride created and followed by status
// callbacks until it is handed over, and the wallet is charged for it.
//
//	go run ./examples/quickstart
//
// It runs on the embedded fake, and on a real server when KAPITEN_BASE_URL and
// KAPITEN_TOKEN are set (see server.go). It ends with exit code 0 only when
// every step did what it says.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	srv, err := connect()
	if err != nil {
		return err
	}
	defer srv.close()
	fmt.Fprintln(out, "server:    ", srv.name)
	hook, err := listen()
	if err != nil {
		return err
	}
	defer hook.close()

	// A company, a user of it, and that user's token.
	client, err := kapiten.New(srv.config)
	if err != nil {
		return err
	}
	id := rand.Text()[:8]
	company, err := client.Companies.Create(ctx, kapiten.CreateCompanyParams{
		Name: "Best Pilau Ltd", RegistrationNumber: "RDB-" + id, Address: "KN 78 St, Kigali", ContactPerson: "Victor",
		PhoneNumber: "+250788123456", Email: id + "@bestpilau.com", WebhookURL: hook.url,
	})
	if err != nil {
		return err
	}
	user, err := client.Users.Create(ctx, kapiten.CreateUserParams{
		CompanyID: company.ID, PhoneNumber: "+250788000111", FirstName: "John", LastName: "Doe", Email: "john-" + id + "@bestpilau.com",
	})
	if err != nil {
		return err
	}
	if srv.config.Token, err = client.Users.Token(ctx, company.ID, user.ID); err != nil {
		return err
	}
	if client, err = kapiten.New(srv.config); err != nil {
		return err
	}
	fmt.Fprintln(out, "company:   ", company.Name, company.RegistrationNumber)

	// Money in the wallet.
	deposit, err := client.Wallet.TopUp(ctx, kapiten.TopUpParams{
		CompanyID: company.ID, Amount: decimal.NewFromInt(5000), PhoneNumber: srv.phone, Description: "Quickstart credit",
	})
	if err != nil {
		return err
	}
	if deposit, err = client.Wallet.Wait(ctx, company.ID, deposit.ID); err != nil {
		return err
	}
	if deposit.Status != kapiten.TransactionSuccess {
		return fmt.Errorf("the top-up ended as %s", deposit.Status)
	}
	fmt.Fprintln(out, "top-up:    ", deposit.Amount, company.Currency, deposit.Status)

	// A price, and a ride at that price.
	from, to := kapiten.Location{Latitude: -1.9441, Longitude: 30.0619}, kapiten.Location{Latitude: -1.9706, Longitude: 30.1044}
	estimate, err := client.Rides.Estimate(ctx, kapiten.EstimateParams{CompanyID: company.ID, Pickup: from, Dropoff: to})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "estimate:  ", estimate.Amount, company.Currency)
	follow, err := hook.follow(client, company.ID)
	if err != nil {
		return err
	}
	ride, err := client.Rides.CreateOnce(ctx, kapiten.CreateRideParams{
		CompanyID: company.ID, ExternalID: "ORDER-" + id,
		PickupAddress: "Kicukiro, KK 12 Ave", Pickup: from, DropoffAddress: "M. Peace Plaza, Nyarugenge", Dropoff: to,
		Sender: kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Customer", Phone: "0789000111"},
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "delivery:  ", ride.ReferenceNumber, ride.Status)

	// Callbacks, each confirmed with the API, until the package is handed over.
	last, err := follow(ctx, ride.ID, func(s kapiten.RideStatus) { fmt.Fprintln(out, "callback:  ", s) })
	if err != nil {
		return err
	}
	if last != kapiten.RideCompleted {
		return fmt.Errorf("the delivery ended as %s", last)
	}

	// The wallet paid for it, once.
	var charged decimal.Decimal
	for entry, err := range client.Wallet.All(ctx, company.ID) {
		if err != nil {
			return err
		}
		if entry.Amount.IsNegative() {
			charged = charged.Sub(entry.Amount)
		}
	}
	if !charged.Equal(estimate.Amount) {
		return errors.New("the wallet was not charged what was estimated")
	}
	fmt.Fprintln(out, "charged:   ", charged, company.Currency)
	return nil
}
