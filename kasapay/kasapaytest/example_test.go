package kasapaytest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
)

// A payout takes its amount from the float at once, is paid ten seconds later
// on the fake's clock, and can be reversed after that.
func Example() {
	srv := kasapaytest.New(kasapaytest.Config{})
	defer srv.Close()
	client, err := kasapay.New(srv.ClientConfig())
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	payout, err := client.Payouts.Create(ctx, kasapay.CreatePayoutParams{
		Reference: "inv-7", RecipientType: kasapay.Paybill, RecipientAccountNumber: "5656", RecipientName: "Test Limited",
		AccountReference: "0101", Amount: decimal.NewFromInt(250), Currency: "KES", Country: "KEN",
		Description: "Invoice 7", CallbackURL: "http://127.0.0.1:1/nobody-listens",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(payout.Status, srv.Balance("KES"))

	srv.Advance(10 * time.Second)
	if payout, err = client.Payouts.Find(ctx, "inv-7"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(payout.Status, payout.FloatBalance.Decimal)

	if err := srv.MovePayout("inv-7", kasapay.StatusReversed); err != nil {
		log.Fatal(err)
	}
	fmt.Println(srv.Balance("KES"))
	// Output:
	// 720 999750
	// 700 999750
	// 1000000
}
