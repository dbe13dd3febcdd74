package kpaytest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
)

// A payment is pending until the payer approves, ten seconds later on the
// fake's clock.
func Example() {
	srv := kpaytest.New(kpaytest.Config{})
	defer srv.Close()
	client, err := kpay.New(srv.ClientConfig())
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	payment, err := client.Pay(ctx, kpay.PayParams{
		RefID: "order-1", Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300000",
		Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "0783300000", Details: "Order #1",
		ReturnURL: "http://127.0.0.1:1/nobody-listens", RedirectURL: "https://shop.example/thanks",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(payment.Status.Pending(), srv.Balance("02", "RWF"))

	srv.Advance(10 * time.Second)
	payment, err = client.Find(ctx, "order-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(payment.Status.Paid(), srv.Balance("02", "RWF"))
	// Output:
	// true 0
	// true 4200
}
