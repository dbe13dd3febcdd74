// Command collect takes the money for one order over KPay: the response to the
// payment gets lost, and the customer still pays once.
//
//	go run ./examples/collect
//
// It runs on the embedded fake and ends with exit code 0 only when every step
// did what it says.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "collect:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	shop, err := openShop()
	if err != nil {
		return err
	}
	// Ten seconds pass on the fake's clock in one.
	server := kpaytest.New(kpaytest.Config{Options: fake.Options{RealTime: true, Speed: 10, Callbacks: shop}})
	defer server.Close()
	if err := server.AddFault(fake.Fault{Operation: kpay.OpPay, Kind: fake.FaultDropAfter, Times: 1}); err != nil {
		return err
	}
	cfg := server.ClientConfig()
	cfg.CallbackURL = shop.urls.Mint // a postback URL per payment, checked without storage
	client, err := kpay.New(cfg)
	if err != nil {
		return err
	}
	if err := shop.receive(client); err != nil {
		return err
	}

	order := kpay.PayParams{
		RefID: "order-123", Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300000",
		Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "123456789", Details: "Order #123",
		RedirectURL: "https://shop.example/thanks",
	}
	fmt.Fprintln(out, "order:    ", order.RefID, order.Amount, kpay.RWF)

	// KPay gets the request, and its response gets lost. The client asks for the
	// reference instead of paying again.
	payment, err := client.Pay(ctx, order)
	if err != nil {
		return err
	}
	if n := len(server.Requests()); n != 2 {
		return fmt.Errorf("KPay got %d requests, and not a payment and a lookup", n)
	}
	fmt.Fprintln(out, "lost:      the response got lost; KPay was asked for the reference")
	if !payment.Status.Pending() {
		return fmt.Errorf("the payment is %s already", payment.Status)
	}
	fmt.Fprintln(out, "payment:  ", payment.Status, payment.Description)

	// The postback says that it is paid; KPay is asked before that is believed.
	paid, err := shop.next(ctx)
	if err != nil {
		return err
	}
	if !paid.Data.Status.Paid() || paid.Reference != order.RefID {
		return fmt.Errorf("the payment of %s ended as %s", paid.Reference, paid.Data.Status)
	}
	fmt.Fprintln(out, "postback: ", paid.Data.Status, paid.Data.Description, "("+paid.Trust.String()+")")

	// The same order again, from another worker, say: the first payment comes back.
	again, err := client.Pay(ctx, order)
	if err != nil {
		return err
	}
	if !again.Existing || !again.Status.Paid() {
		return errors.New("a second payment of the order was made")
	}
	fmt.Fprintln(out, "again:     exists already,", again.Status, again.Description)

	credits := server.Entries("02", "RWF")
	if len(credits) != 1 || !server.Balance("02", "RWF").Equal(order.Amount) {
		return fmt.Errorf("the shop got %s RWF in %d payments", server.Balance("02", "RWF"), len(credits))
	}
	fmt.Fprintln(out, "collected:", server.Balance("02", "RWF"), kpay.RWF, "once")
	return nil
}
