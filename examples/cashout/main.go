// Command cashout turns 10 cUSD into shillings on somebody's phone with Kotani
// Pay: the price is asked for and accepted, and the worth of it paid out by
// mobile money. On the way a response gets lost after the payout was made; it is
// paid once all the same.
//
//	go run ./examples/cashout
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

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cashout:", err)
		os.Exit(1)
	}
}

const (
	recipient = "254712345678"
	reference = "wages-2026-04-jane"
)

func run(ctx context.Context, out io.Writer) error {
	desk, err := openDesk()
	if err != nil {
		return err
	}
	// A minute passes on the fake's clock in one second.
	server := kotanitest.New(kotanitest.Config{Options: fake.Options{RealTime: true, Speed: 60, Callbacks: desk}})
	defer server.Close()
	cfg := server.ClientConfig()
	cfg.CallbackURL = desk.urls.Mint // a callback URL per payout, checked without storage
	client, err := kotani.New(cfg)
	if err != nil {
		return err
	}
	if err := desk.receive(client); err != nil {
		return err
	}
	before := server.Balance("KES")
	fmt.Fprintln(out, "balance:  ", before.StringFixed(2), "KES")

	quote, err := client.Quotes.Out(ctx, kotani.QuoteParams{Amount: decimal.NewFromInt(10), Currency: "KES", CryptoType: "cUSD"})
	if err != nil {
		return err
	}
	if !quote.FiatAmount.Valid {
		return errors.New("the quote names no amount")
	}
	fmt.Fprintln(out, "quoted:   ", quote.CryptoAmount.Decimal, quote.CryptoType, "are", quote.FiatAmount.Decimal, quote.Currency)
	if _, err := client.Quotes.AcceptOut(ctx, quote.ID); err != nil {
		return err
	}

	// Payouts are whole shillings. The response to this payout is lost on the way
	// back, after the work is done.
	amount := quote.FiatAmount.Decimal.Truncate(0)
	if err := server.AddFault(fake.Fault{Method: "POST", Path: "/transactions/withdraw/momo", Times: 1, Kind: fake.FaultDropAfter}); err != nil {
		return err
	}
	payout, err := client.Fiat.Withdraw(ctx, kotani.WithdrawParams{Amount: amount, PhoneNumber: recipient, ExternalID: reference})
	if errors.Is(err, sdk.ErrOutcomeUnknown) {
		return fmt.Errorf("nobody knows whether %s was paid: ask again before paying again: %w", reference, err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "paid out: ", payout.ExternalID, payout.Status)

	// The callback is confirmed with the API before it is believed.
	ev, err := desk.next(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "callback: ", ev.Reference, ev.Data.Status, ev.Trust)
	if ev.Data.Status != kotani.StatusSuccessful {
		return fmt.Errorf("%s ended as %s", ev.Reference, ev.Data.Status)
	}

	spent := before.Sub(server.Balance("KES"))
	if !spent.Equal(amount) {
		return fmt.Errorf("%s KES were spent", spent.StringFixed(2))
	}
	fmt.Fprintln(out, "spent:    ", spent.StringFixed(2), "KES, once")
	return nil
}
