package kasapay_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk"
)

// The recipe of README.md.
func Example() {
	ctx := context.Background()
	client, err := kasapay.New(kasapay.Config{
		BaseURL: kasapay.SandboxURL, ConsumerKey: os.Getenv("KASAPAY_CONSUMER_KEY"), ConsumerSecret: os.Getenv("KASAPAY_CONSUMER_SECRET"),
		ServiceCode: "12346",
	})
	if err != nil {
		log.Fatal(err)
	}
	payout, err := client.Payouts.Create(ctx, kasapay.CreatePayoutParams{
		Reference: "flour-7", RecipientType: kasapay.Paybill, RecipientAccountNumber: "565601", RecipientName: "Unga Mills",
		AccountReference: "bakery", Amount: decimal.RequireFromString("1500.00"), Currency: "KES", Country: "KEN",
		Description: "Delivery 7", CallbackURL: "https://merchant.example/hooks/kasapay/" + os.Getenv("HOOK_SECRET"), // for webhook.PathSecret
	})
	if err != nil {
		log.Fatal(sdk.Advise(err), err) // "look": the supplier may be paid, so call client.Payouts.Find
	}
	ended, err := client.Payouts.Wait(ctx, payout.Reference)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("paid:", ended.Status == kasapay.StatusProcessed, "asked for before:", payout.Existing)
}

// What to do with each outcome of a payout.
func ExamplePayoutsService_Create() {
	srv := kasapaytest.New(kasapaytest.Config{})
	defer srv.Close()
	client, err := kasapay.New(srv.ClientConfig())
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	payout, err := client.Payouts.Create(ctx, kasapay.CreatePayoutParams{
		Reference: "flour-7", RecipientType: kasapay.Paybill, RecipientAccountNumber: "565601", RecipientName: "Unga Mills",
		AccountReference: "bakery", Amount: decimal.RequireFromString("1500.00"), Currency: "KES", Country: "KEN",
		Description: "Delivery 7", CallbackURL: "http://127.0.0.1:1/nobody-listens",
	})
	switch {
	case errors.Is(err, sdk.ErrOutcomeUnknown), errors.Is(err, sdk.ErrDuplicate):
		payout, err = client.Payouts.Find(ctx, "flour-7") // never pay again blindly
	case errors.Is(err, sdk.ErrConfiguration):
		fmt.Println("ask Kasapay about the service code")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("queued:", payout.Status == kasapay.StatusAccepted)

	srv.Advance(10 * time.Second)
	if payout, err = client.Payouts.Wait(ctx, "flour-7"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(payout.Status, payout.Result)
	// Output:
	// queued: true
	// 700 Payout was processed successfully
}
