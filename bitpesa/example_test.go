package bitpesa_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// exampleClient is a client of a fake whose clock the example moves.
func exampleClient() (*bitpesatest.Fake, *bitpesa.Client) {
	server := bitpesatest.New(bitpesatest.Config{})
	client, err := bitpesa.New(bitpesa.Config{
		Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret,
		BaseURL: server.URL(),
		Options: sdk.Options{HTTPClient: server.HTTPClient()},
	})
	if err != nil {
		log.Fatal(err)
	}
	return server, client
}

func examplePayment(account string) bitpesa.TransactionParams {
	return bitpesa.TransactionParams{
		ExternalID: "payout-4711", InputCurrency: "USD",
		Sender: bitpesa.SenderParams{
			ExternalID: "merchant-7", FirstName: "Example", LastName: "User", Country: "UG", City: "Kampala",
			Street: "Somewhere 17-3", PostalCode: "798983", Email: "email@domain.com", IP: "127.0.0.1",
			PhoneNumber: "+256752403639", BirthDate: "1970-01-01",
		},
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: decimal.NewFromInt(10_000), RequestedCurrency: "NGN",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
				FirstName: "Jane", LastName: "Doe", BankCode: "058", BankAccount: account, BankAccountType: "20",
			}},
		}},
	}
}

func ExampleNew() {
	client, err := bitpesa.New(bitpesa.Config{
		Key: os.Getenv("BITPESA_KEY"), Secret: os.Getenv("BITPESA_SECRET"),
		BaseURL: bitpesa.SandboxURL,
	})
	if err != nil {
		log.Fatal(err)
	}
	_, _ = client.Accounts.List(context.Background())
}

// A stored sender pays a bank account in Nigeria.
func Example() {
	server, client := exampleClient()
	defer server.Close()
	ctx := context.Background()
	var err error
	_, err = client.Senders.Create(ctx, bitpesa.SenderParams{
		ExternalID: "merchant-7", FirstName: "Example", LastName: "User", Country: "UG", City: "Kampala",
		Street: "Somewhere 17-3", PostalCode: "798983", Email: "email@domain.com", IP: "127.0.0.1",
		PhoneNumber: "+256752403639", BirthDate: "1970-01-01",
	})
	if err != nil {
		log.Fatal(err)
	}
	payment := bitpesa.TransactionParams{
		ExternalID:    "payout-4712", // your own reference: it guards against paying twice
		InputCurrency: "USD",
		Sender:        bitpesa.SenderParams{ExternalID: "merchant-7"}, // stored by Senders.Create
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: decimal.NewFromInt(10_000), RequestedCurrency: "NGN",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
				FirstName: "Jane", LastName: "Doe", BankCode: "058", BankAccount: "1234567800",
			}},
		}},
	}
	sent, err := client.Transactions.PayFromBalance(ctx, payment)
	if errors.Is(err, sdk.ErrOutcomeUnknown) {
		log.Fatal("the money may have moved: make the same call again later") // it pays once
	}
	if err != nil {
		log.Fatal(err) // see sdk.Advise
	}
	fmt.Println(sent.State, sent.InputAmount.Decimal, sent.InputCurrency)
	// Output: received 6.45 USD
}

// The network fails right after the money was taken; it is taken once.
func ExampleTransactionsService_PayFromBalance() {
	server, client := exampleClient()
	defer server.Close()
	_ = server.AddFault(fake.Fault{Path: "/accounts/debits", Kind: fake.FaultDropAfter, Times: 1})

	ctx := context.Background()
	t, err := client.Transactions.PayFromBalance(ctx, examplePayment("1234567800"))
	if errors.Is(err, sdk.ErrOutcomeUnknown) {
		// Call it again later, with the same ExternalID: it continues where it stopped.
		log.Fatal(err)
	}
	if err != nil {
		log.Fatal(err)
	}
	balance, _ := client.Accounts.Get(ctx, "USD")
	fmt.Println(t.State, t.InputAmount.Decimal, t.InputCurrency, "of 1000000, left", balance.Amount.Decimal)

	server.Advance(time.Minute)
	t, _ = client.Transactions.Wait(ctx, t.ID)
	fmt.Println(t.State)
	// Output:
	// received 6.45 USD of 1000000, left 999993.55
	// paid
}

// A payout that failed for its details is corrected, and BitPesa retries it.
func ExampleRecipientsService_Correct() {
	server, client := exampleClient()
	defer server.Close()
	ctx := context.Background()
	t, err := client.Transactions.PayFromBalance(ctx, examplePayment("1234567819"))
	if err != nil {
		log.Fatal(err)
	}
	server.Advance(time.Minute)
	t, _ = client.Transactions.Wait(ctx, t.ID)
	for _, r := range t.Recipients {
		if r.NeedsAction() && r.Editable {
			fmt.Println(r.State, r.StateReasonDetails.Category)
			_, err = client.Recipients.Correct(ctx, t.ID, r.ID, bitpesa.RecipientUpdate{
				PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: "1234568900"}},
			})
		}
	}
	server.Advance(time.Minute)
	t, _ = client.Transactions.Wait(ctx, t.ID)
	fmt.Println(t.State, err)
	// Output:
	// error recipient_error
	// paid <nil>
}

// A payout that cannot be corrected is canceled, and the money comes back.
func ExampleTransactionsService_Cancel() {
	server, client := exampleClient()
	defer server.Close()
	ctx := context.Background()
	t, err := client.Transactions.PayFromBalance(ctx, examplePayment("1234567871"))
	if err != nil {
		log.Fatal(err)
	}
	server.Advance(time.Minute)
	if _, err := client.Transactions.Cancel(ctx, t.ID); err != nil {
		log.Fatal(err)
	}
	t, _ = client.Transactions.Wait(ctx, t.ID)
	balance, _ := client.Accounts.Get(ctx, "USD")
	fmt.Println(t.State, balance.Amount.Decimal)
	// Output: refunded 1000000
}

// All faults are reported at once, each with its path.
func ExampleTransactionsService_Validate() {
	server, client := exampleClient()
	defer server.Close()
	p := examplePayment("")
	p.Recipients[0].RequestedAmount = decimal.Zero
	_, err := client.Transactions.Validate(context.Background(), p)
	fmt.Println(err)
	// Output: bitpesa: transactions.validate: invalid parameters: recipients.0.payout_method.details.bank_account: is required for NGN::Bank; recipients.0.requested_amount: must be greater than zero (nothing was sent)
}

// A list filtered by external id: the query is signed as it is encoded.
func ExampleSignature() {
	fmt.Println(bitpesa.Signature("test-secret", "nonce-0001", "GET",
		"http://localhost:8080/v1/transactions?external_id=Transaction%3ANGN%3A17523", nil)[:16])
	// Output: 78b5ab6976444e2c
}
