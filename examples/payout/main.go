// Command payout pays three suppliers over Kasapay: one is paid, one payout fails,
// and one is reversed after it had succeeded.
//
//	go run ./examples/payout
//
// It runs on the embedded fake and ends with exit code 0 only when every step
// did what it says.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "payout:", err)
		os.Exit(1)
	}
}

// supplier is who gets how much, and how it must end. The fake takes the end
// from the reference.
type supplier struct {
	reference, name, paybill string
	amount                   string
	ends                     kasapay.PaymentStatus
}

var suppliers = [...]supplier{
	{"flour-7-paid", "Unga Mills", "565601", "1500.00", kasapay.StatusProcessed},
	{"sugar-7-failed", "Sukari Ltd", "565602", "820.50", kasapay.StatusFailed},
	{"oil-7-reversed", "Mafuta Ltd", "565603", "2300.00", kasapay.StatusReversed},
}

func run(ctx context.Context, out io.Writer) error {
	books, err := openBooks()
	if err != nil {
		return err
	}
	// Ten minutes pass on the fake's clock in three seconds.
	server := kasapaytest.New(kasapaytest.Config{Options: fake.Options{RealTime: true, Speed: 200, Callbacks: books}})
	defer server.Close()
	cfg := server.ClientConfig()
	cfg.CallbackURL = books.urls.Mint // a callback URL per payout, checked without storage
	client, err := kasapay.New(cfg)
	if err != nil {
		return err
	}
	if err := books.receive(client); err != nil {
		return err
	}
	before := server.Balance("KES")
	fmt.Fprintln(out, "float:   ", before.StringFixed(2), "KES")

	for _, s := range suppliers {
		payout, err := client.Payouts.Create(ctx, kasapay.CreatePayoutParams{
			Reference: s.reference, RecipientType: kasapay.Paybill, RecipientAccountNumber: s.paybill, RecipientName: s.name,
			AccountReference: "bakery", Amount: decimal.RequireFromString(s.amount), Currency: "KES", Country: "KEN", Description: "Delivery 7",
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "accepted:", payout.Reference, s.amount, "KES")
	}

	// Callbacks, each confirmed with the API, until all three have ended. A
	// success is not the last word: money can come back after it.
	ended := map[string]kasapay.PaymentStatus{}
	for !books.closed(ended) {
		ev, err := books.next(ctx)
		if err != nil {
			return fmt.Errorf("waiting for callbacks, so far %v: %w", ended, err)
		}
		ended[ev.Reference] = ev.Data.Status
		fmt.Fprintln(out, "callback:", ev.Reference, ev.Data.Status, ev.Transition+":", ev.Data.Result)
	}

	// Only the first supplier's money is gone.
	spent := before.Sub(server.Balance("KES"))
	if !spent.Equal(decimal.RequireFromString(suppliers[0].amount)) {
		return fmt.Errorf("%s KES were spent", spent.StringFixed(2))
	}
	fmt.Fprintln(out, "spent:   ", spent.StringFixed(2), "KES, of which every shilling arrived")
	return nil
}
