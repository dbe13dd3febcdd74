package kotanitest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
)

func Example() {
	srv := kotanitest.New(kotanitest.Config{})
	defer srv.Close()
	client, err := kotani.New(srv.ClientConfig())
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	_, err = client.Fiat.Withdraw(ctx, kotani.WithdrawParams{
		Amount: decimal.NewFromInt(500), PhoneNumber: "254712345678", ExternalID: "order-17",
	})
	if err != nil {
		panic(err)
	}
	srv.Advance(10 * time.Second)
	payout, err := client.Fiat.Find(ctx, "order-17", kotani.Payouts)
	fmt.Println(payout.Status, err)
	fmt.Println("left:", srv.Balance("KES"))
	// Output:
	// SUCCESSFUL <nil>
	// left: 999500
}
