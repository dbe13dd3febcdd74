// Command remit pays two people in Nigeria from a USD balance with BitPesa: the
// payment is priced, funded once, and followed by signed webhooks. One of the
// recipients gave a wrong account number, which is corrected; then both have
// their money.
//
//	go run ./examples/remit
//
// It runs on the embedded fake, and on a sandbox when BITPESA_BASE_URL,
// BITPESA_KEY and BITPESA_SECRET are set (see server.go). It ends with exit code
// 0 only when every step did what it says.
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

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "remit:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	srv, err := connect()
	if err != nil {
		return err
	}
	defer srv.close()
	client, err := bitpesa.New(srv.config)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "server:    ", srv.name)
	hook, err := listen(ctx, srv, client)
	if err != nil {
		return err
	}
	defer hook.close()

	// Who sends, what it costs, and what there is to pay it with.
	payment := payment(rand.Text()[:8])
	sketch, err := client.Transactions.Calculate(ctx, payment)
	if err != nil {
		return err
	}
	before, err := client.Accounts.Get(ctx, "USD")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "costs:     ", sketch.InputAmount.Decimal, sketch.InputCurrency)

	sent, err := pay(ctx, client, payment)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "funded:    ", sent.State)

	// One recipient fails, with a reason that a correction helps against.
	stopped, err := hook.follow(ctx, sent.ID)
	if err != nil {
		return err
	}
	for i := range stopped.Recipients {
		r := &stopped.Recipients[i]
		if !r.NeedsAction() {
			continue
		}
		fmt.Fprintln(out, "failed:    ", r.PayoutMethod.Details.FirstName, r.StateReasonDetails.Category)
		if _, err := client.Recipients.Correct(ctx, sent.ID, r.ID, correction()); err != nil {
			return err
		}
	}

	// Both are paid, the balance was charged once, and a webhook said so too.
	paid, err := hook.follow(ctx, sent.ID)
	if err != nil {
		return err
	}
	if paid.State != bitpesa.TransactionPaid {
		return fmt.Errorf("the transaction ended as %s", paid.State)
	}
	fmt.Fprintln(out, "paid out:  ", paid.State)
	after, err := client.Accounts.Get(ctx, "USD")
	if err != nil {
		return err
	}
	charged := before.Amount.Decimal.Sub(after.Amount.Decimal)
	if !charged.Equal(sketch.InputAmount.Decimal) {
		return errors.New("the balance was not charged what was calculated")
	}
	fmt.Fprintln(out, "charged:   ", charged, after.Currency)
	story, err := hook.story(ctx, sent.ID)
	for _, line := range story {
		fmt.Fprintln(out, "webhook:   ", line)
	}
	return err
}

// pay creates the transaction and funds it from the balance, once, whatever the
// network does: after an unclear outcome the same call goes on where it stopped.
func pay(ctx context.Context, client *bitpesa.Client, p bitpesa.TransactionParams) (*bitpesa.Transaction, error) {
	for {
		sent, err := client.Transactions.PayFromBalance(ctx, p)
		if !errors.Is(err, sdk.ErrOutcomeUnknown) {
			return sent, err
		}
		timer := time.NewTimer(5 * time.Second)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return sent, err
		}
	}
}

// payment is 10,000 NGN each for Jane and Ada. Ada's account number ends in 19,
// which the sandbox refuses as wrong (documented).
func payment(id string) bitpesa.TransactionParams {
	to := func(name, account string) bitpesa.RecipientParams {
		return bitpesa.RecipientParams{
			RequestedAmount: decimal.NewFromInt(10_000), RequestedCurrency: "NGN",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
				FirstName: name, LastName: "Doe", BankCode: "058", BankAccount: account, BankAccountType: "20",
			}},
		}
	}
	return bitpesa.TransactionParams{
		ExternalID: "remit-" + id, InputCurrency: "USD",
		Sender: bitpesa.SenderParams{
			ExternalID: "remit-sender-" + id, FirstName: "Example", LastName: "User", Country: "UG", City: "Kampala",
			Street: "Somewhere 17-3", PostalCode: "798983", Email: "email@domain.com", IP: "127.0.0.1",
			PhoneNumber: "+256752403639", BirthDate: "1970-01-01",
		},
		Recipients: []bitpesa.RecipientParams{to("Jane", "1234567800"), to("Ada", "1234567819")},
	}
}

func correction() bitpesa.RecipientUpdate {
	return bitpesa.RecipientUpdate{PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: "1234568900"}}}
}
