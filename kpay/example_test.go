package kpay_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
)

// The recipe of README.md.
func Example() {
	ctx := context.Background()
	client, err := kpay.New(kpay.Config{
		BaseURL: kpay.SandboxURL, Username: os.Getenv("KPAY_USERNAME"), Password: os.Getenv("KPAY_PASSWORD"),
		RetailerID: "02",
	})
	if err != nil {
		log.Fatal(err)
	}
	payment, err := client.Pay(ctx, kpay.PayParams{
		RefID: "order-123", Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300000",
		Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "0783300000", Details: "Order #123",
		ReturnURL:   "https://merchant.example/hooks/kpay/" + os.Getenv("HOOK_SECRET"), // for webhook.PathSecret
		RedirectURL: "https://merchant.example/thanks",
	})
	if err != nil {
		log.Fatal(sdk.Advise(err), err) // "look": the payer may have been asked, so call client.Find
	}
	ended, err := client.Wait(ctx, payment.RefID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("paid:", ended.Status.Paid(), "asked for before:", payment.Existing)
}

// What to do with each outcome of a payment.
func ExampleClient_Pay() {
	srv := kpaytest.New(kpaytest.Config{})
	defer srv.Close()
	client, err := kpay.New(srv.ClientConfig())
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	payment, err := client.Pay(ctx, kpay.PayParams{
		RefID: "order-123", Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300000",
		Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "0783300000", Details: "Order #123",
		ReturnURL: "http://127.0.0.1:1/nobody-listens", RedirectURL: "https://shop.example/thanks",
	})
	switch {
	case errors.Is(err, sdk.ErrOutcomeUnknown), errors.Is(err, sdk.ErrDuplicate):
		payment, err = client.Find(ctx, "order-123") // never pay again blindly
	case errors.Is(err, sdk.ErrInsufficientFunds):
		fmt.Println("please top up")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("pending:", payment.Status.Pending())

	srv.Advance(10 * time.Second) // the payer approves
	if payment, err = client.Wait(ctx, "order-123"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("paid:", payment.Status.Paid())
	// Output:
	// pending: true
	// paid: true
}
