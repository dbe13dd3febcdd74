package bitpesatest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
)

// A payout that is funded from the balance and paid out 30 seconds later.
func Example() {
	srv := bitpesatest.New(bitpesatest.Config{})
	defer srv.Close()
	client, err := bitpesa.New(srv.ClientConfig())
	if err != nil {
		log.Fatal(err)
	}

	sent, err := client.Transactions.CreateAndFund(context.Background(), bitpesa.TransactionParams{
		InputCurrency: "USD",
		ExternalID:    "order-1",
		Sender: bitpesa.SenderParams{
			FirstName: "Jane", LastName: "Doe", Country: "US", City: "New York", Street: "20 W 34th St", PostalCode: "10001",
			PhoneNumber: "+15555551234", Email: "jane@example.com", IP: "127.0.0.1", BirthDate: "1974-12-24",
		},
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: decimal.NewFromInt(155000), RequestedCurrency: "NGN",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: "NGN::Bank", Details: bitpesa.PayoutDetails{
				FirstName: "John", LastName: "Doe", BankCode: "058", BankAccount: "1234567890", BankAccountType: "20",
			}},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sent.State, srv.Balance(bitpesatest.TestKey, "USD"))

	srv.Advance(30 * time.Second)
	paid, err := client.Transactions.Get(context.Background(), sent.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(paid.State)
	// Output:
	// received 999900
	// paid
}
